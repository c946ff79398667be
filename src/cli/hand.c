/* One loop over the kernel's sockets and the signals, as that of an executor (exec/service.c) but with nobody
 * to talk to. */
#include "cli/hand.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "cli/show.h"
#include "exec/environment.h"
#include "exec/play.h"
#include "notebook/notebook.h"

#define BAR_MS 200
#define LOG_TAIL 4096
/* The endpoint of a socket in /tmp/nXXXXXX/k/XXXXXX has 31 characters, which is what xeus takes. */
#define SHORT_FOLDER "/tmp"
#define SHORT_PREFIX "n"

typedef struct {
	const HandSpec *spec;
	Claim *folder; /* run_dir */
	int signals;
	int outcome, executed, log;
	Play *play;
	gint64 begun_ms;
	int signal_number;
} Hand;

void
hand_result_free(HandResult *result)
{
	if (result == NULL)
		return;
	json_object_put(result->outcome);
	g_free(result->executed);
	g_free(result->kernel);
	g_free(result->wanted);
	g_free(result->log);
	g_free(result);
}

static void
hand_clear(Hand *hand)
{
	g_clear_pointer(&hand->play, play_free);
	files_close(&hand->outcome);
	files_close(&hand->executed);
	files_close(&hand->log);
	files_close(&hand->signals);
	g_clear_pointer(&hand->folder, claim_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Hand, hand_clear)

/* What the kernel's process must not be able to do to this one, and what this one owes it. Signals that are
 * ignored already, as by nohup(1), stay so. */
static int
settle_process(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct rlimit no_core = { 0, 0 };
	struct sigaction before;
	sigset_t set;

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&set);
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A new file without a name. */
static int
open_unnamed(GError **error)
{
	g_autofree char *name = NULL;
	int fd = g_file_open_tmp("nbhook-XXXXXX", &name, error);

	if (fd < 0)
		return -1;
	unlink(name);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

/* The run_dir of this one run. */
static gboolean
make_folder(Hand *hand, GError **error)
{
	Settings *settings = hand->spec->settings;

	hand->folder = claim_new(SHORT_FOLDER, SHORT_PREFIX, error);
	if (hand->folder == NULL)
		return FALSE;
	g_autofree char *kernels = g_build_filename(hand->folder->path, "k", NULL);
	if (g_mkdir(kernels, 0700) < 0)
		return nbhook_error_set_errno(error, errno, "making the folder %s", kernels);
	g_free(settings->run_dir);
	settings->run_dir = g_strdup(hand->folder->path);
	return TRUE;
}

static gboolean
open_files(Hand *hand, GError **error)
{
	hand->outcome = open_unnamed(error);
	if (hand->outcome >= 0)
		hand->executed = open_unnamed(error);
	if (hand->executed >= 0)
		hand->log = open_unnamed(error);
	return hand->log >= 0;
}

static int
copy_fd(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* Without an id of a job, and with no file for a response: so the engine knows that nobody called. */
static PlaySpec *
play_spec(const Hand *hand, Notebook *notebook)
{
	const HandSpec *spec = hand->spec;
	PlaySpec *play = g_new0(PlaySpec, 1);

	play->path = g_strdup(spec->path);
	play->folder = g_strdup(spec->folder);
	play->kernel =
		g_strdup(spec->kernel != NULL ? spec->kernel : notebook_kernel_name(notebook));
	play->language = spec->kernel == NULL ? g_strdup(notebook_language(notebook)) : NULL;
	play->runtime = g_strdup("");
	play->params = json_object_get(spec->params);
	play->notebook = copy_fd(spec->notebook);
	play->outcome = copy_fd(hand->outcome);
	play->executed = copy_fd(hand->executed);
	play->log = copy_fd(hand->log);
	play->response = play->request = play->alternative = -1;
	return play;
}

static void
show_progress_bar(const Hand *hand)
{
	g_autoptr(json_object) status = json_object_new_object();
	json_object *progress = json_object_new_object();

	json_put_string(status, "status", "active");
	json_put_int(progress, "done", play_done(hand->play));
	json_put_int(progress, "total",
		play_state(hand->play) == PLAY_STARTING ? 0 : play_total(hand->play));
	json_object_object_add(status, "progress", progress);
	g_autofree char *line = show_bar(status, (double) (clock_ms() - hand->begun_ms) / 1000);
	fprintf(stderr, "\r%s\033[K", line);
}

static void
take_signals(Hand *hand)
{
	struct signalfd_siginfo info;

	while (read(hand->signals, &info, sizeof info) == (ssize_t) sizeof info) {
		hand->signal_number = (int) info.ssi_signo;
		play_stop(hand->play, "stopped_by_user");
	}
}

static void
turn(Hand *hand)
{
	zmq_pollitem_t items[KERNEL_N_ITEMS + 1];
	int n = play_poll_items(hand->play, items);
	gint64 deadline_ms = play_deadline(hand->play);
	gint64 bar_ms = clock_ms() + BAR_MS;

	if (hand->spec->bar && (deadline_ms < 0 || deadline_ms > bar_ms))
		deadline_ms = bar_ms;
	items[n] = (zmq_pollitem_t){ .fd = hand->signals, .events = ZMQ_POLLIN };
	if (zmq_poll(items, n + 1, clock_remaining_ms(deadline_ms)) < 0)
		return;
	take_signals(hand);
	play_step(hand->play);
	if (hand->spec->bar)
		show_progress_bar(hand);
}

static json_object *
read_outcome(int fd, GError **error)
{
	size_t size;
	g_autofree char *text = files_read_all(fd, G_MAXINT, "", &size, error);

	if (text == NULL)
		return NULL;
	if (size > 0 && text[size - 1] == '\n')
		text[--size] = '\0';
	const char *last = strrchr(text, '\n');
	last = last != NULL ? last + 1 : text;
	return json_parse_object(last, strlen(last), 100, error);
}

/* The last lines of a file, at most LOG_TAIL bytes. */
static char *
read_tail(int fd)
{
	char bytes[LOG_TAIL + 1];
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = MAX(size - LOG_TAIL, 0);
	ssize_t got = pread(fd, bytes, LOG_TAIL, from);

	bytes[MAX(got, 0)] = '\0';
	const char *start = from > 0 ? strchr(bytes, '\n') : NULL;
	return g_strdup(start != NULL ? start + 1 : bytes);
}

static HandResult *
take_result(const Hand *hand, GError **error)
{
	g_autoptr(HandResult) result = g_new0(HandResult, 1);

	result->signal_number = hand->signal_number;
	result->kernel = g_strdup(play_kernel(hand->play));
	result->log = read_tail(hand->log);
	result->outcome = read_outcome(hand->outcome, error);
	if (result->outcome == NULL)
		return NULL;
	result->executed = files_read_all(hand->executed, G_MAXINT64, "", &result->size, error);
	if (result->executed == NULL)
		return NULL;
	if (result->size == 0)
		g_clear_pointer(&result->executed, g_free);
	return g_steal_pointer(&result);
}

static Notebook *
read_notebook(const HandSpec *spec, GError **error)
{
	size_t size;
	g_autofree char *text = files_read_all(
		spec->notebook, spec->settings->max_notebook, "max_notebook", &size, error);

	return text != NULL ? notebook_parse(text, size, error) : NULL;
}

HandResult *
hand_play(const HandSpec *spec, GError **error)
{
	g_auto(Hand) hand = { .spec = spec,
		.signals = -1,
		.outcome = -1,
		.executed = -1,
		.log = -1,
		.begun_ms = clock_ms() };
	g_autoptr(Notebook) notebook = read_notebook(spec, error);

	if (notebook == NULL || !make_folder(&hand, error) || !open_files(&hand, error))
		return NULL;
	environment_sweep();
	hand.signals = settle_process();
	hand.play = play_new(
		spec->settings, play_spec(&hand, notebook), boot_new(spec->settings, NULL, -1));
	while (play_state(hand.play) != PLAY_ENDED)
		turn(&hand);
	if (spec->bar)
		fprintf(stderr, "\r\033[K");
	HandResult *result = take_result(&hand, error);
	if (result != NULL)
		result->wanted = g_strdup(notebook_kernel_name(notebook));
	return result;
}
