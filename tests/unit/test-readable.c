/* Readable descriptors: each is told of as long as there is something to read, none after it was freed, also when
 * another one's callback frees it before its turn. */
#include <sys/socket.h>
#include <unistd.h>

#include "control/readable.h"

#define N 200

typedef struct {
	int ours[N], theirs[N], told[N];
	Readable *readable[N];
	int total;
	void (*on_first)(void *fixture); /* at the first callback of a turn */
} Fixture;

static Fixture *current;

static void
take(int fd, gpointer data)
{
	Fixture *fixture = current;
	int index = GPOINTER_TO_INT(data);
	char byte;

	g_assert_cmpint(fd, ==, fixture->ours[index]);
	g_assert_nonnull(fixture->readable[index]);
	g_assert_cmpint(read(fd, &byte, 1), ==, 1);
	fixture->told[index]++;
	fixture->total++;
	if (fixture->on_first != NULL) {
		void (*on_first)(void *) = fixture->on_first;

		fixture->on_first = NULL;
		on_first(fixture);
	}
}

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	current = fixture;
	for (int i = 0; i < N; i++) {
		int ends[2];

		g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
		fixture->ours[i] = ends[0];
		fixture->theirs[i] = ends[1];
		fixture->readable[i] = readable_new(ends[0], take, GINT_TO_POINTER(i));
		g_assert_nonnull(fixture->readable[i]);
	}
}

static void
free_at(Fixture *fixture, int index)
{
	g_clear_pointer(&fixture->readable[index], readable_free);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	for (int i = 0; i < N; i++) {
		free_at(fixture, i);
		close(fixture->ours[i]);
		close(fixture->theirs[i]);
	}
}

static void
say(const Fixture *fixture, int index)
{
	g_assert_cmpint(write(fixture->theirs[index], "x", 1), ==, 1);
}

static void
run_dry(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		continue;
}

static void
test_all(Fixture *fixture, gconstpointer unused)
{
	for (int round = 1; round <= 2; round++) {
		for (int i = 0; i < N; i++)
			say(fixture, i);
		run_dry();
		for (int i = 0; i < N; i++)
			g_assert_cmpint(fixture->told[i], ==, round);
	}
}

static void
test_again(Fixture *fixture, gconstpointer unused)
{
	for (int i = 0; i < 3; i++)
		say(fixture, 7);
	run_dry();
	g_assert_cmpint(fixture->told[7], ==, 3);
	g_assert_cmpint(fixture->total, ==, 3);
}

static void
free_all(void *data)
{
	for (int i = 0; i < N; i++)
		free_at(data, i);
}

static void
test_freed_before_their_turn(Fixture *fixture, gconstpointer unused)
{
	for (int i = 0; i < N; i++)
		say(fixture, i);
	fixture->on_first = free_all;
	run_dry();
	g_assert_cmpint(fixture->total, ==, 1);
}

static void
loop_and_free(void *data)
{
	run_dry();
	free_all(data);
}

/* What is freed in an inner turn is still looked at by the outer one. */
static void
test_inner_loop(Fixture *fixture, gconstpointer unused)
{
	for (int i = 0; i < N; i++)
		say(fixture, i);
	fixture->on_first = loop_and_free;
	run_dry();
	g_assert_cmpint(fixture->total, ==, N);
}

static void
test_bad_descriptor(Fixture *fixture, gconstpointer unused)
{
	g_assert_null(readable_new(-1, take, NULL));
}

static void
add(const char *name, void (*test)(Fixture *, gconstpointer))
{
	g_test_add(name, Fixture, NULL, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/readable/all", test_all);
	add("/readable/again", test_again);
	add("/readable/freed-before-their-turn", test_freed_before_their_turn);
	add("/readable/inner-loop", test_inner_loop);
	add("/readable/bad-descriptor", test_bad_descriptor);
	return g_test_run();
}
