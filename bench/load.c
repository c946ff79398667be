/* load PORT CONNECTIONS SECONDS STATUS PATH [HEADER]: that many callers on 127.0.0.1, each with a kept
 * HTTP/1.1 connection, ask for PATH again and again. An answer of another status than STATUS ends it.
 * Prints the answers a second. */
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"

#define MAX_CONNECTIONS 1024
#define BUFFER_SIZE (256 * 1024)

typedef struct {
	guint16 port;
	const char *request;
	const char *status; /* "HTTP/1.1 404 " */
	gint64 end_ms;
	gint64 answers;
	char *failure;
	char buffer[BUFFER_SIZE];
} Caller;

static int
connect_to(guint16 port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;
	AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *) &address, sizeof address) < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return files_steal_fd(&fd);
}

/* Whether the buffer (with a NUL behind it) holds a whole answer: by its length, or by its last chunk. */
static gboolean
is_whole(const char *buffer, size_t size)
{
	const char *body = strstr(buffer, "\r\n\r\n");
	const char *length = strstr(buffer, "\r\nContent-Length: ");

	if (body == NULL)
		return FALSE;
	body += strlen("\r\n\r\n");
	if (length != NULL && length < body)
		return buffer + size - body >=
		       g_ascii_strtoll(length + strlen("\r\nContent-Length: "), NULL, 10);
	return g_str_has_suffix(buffer, "\r\n0\r\n\r\n");
}

/* One request and its answer; false when the connection has ended before an answer came. */
static gboolean
ask(Caller *caller, int fd)
{
	size_t size = 0;

	if (!files_write_all(fd, caller->request, strlen(caller->request), NULL))
		return FALSE;
	do {
		ssize_t got = read(fd, caller->buffer + size, BUFFER_SIZE - 1 - size);

		if (got <= 0)
			return FALSE;
		size += (size_t) got;
		caller->buffer[size] = '\0';
	} while (!is_whole(caller->buffer, size));
	if (!g_str_has_prefix(caller->buffer, caller->status))
		caller->failure = g_strndup(caller->buffer, 300);
	caller->answers++;
	return TRUE;
}

static gpointer
call(gpointer data)
{
	Caller *caller = data;

	while (clock_ms() < caller->end_ms && caller->failure == NULL) {
		AUTO_FD fd = connect_to(caller->port);
		gint64 before = caller->answers;

		while (clock_ms() < caller->end_ms && caller->failure == NULL && ask(caller, fd))
			continue;
		if (caller->answers == before && clock_ms() < caller->end_ms)
			caller->failure = g_strdup("a connection ended without an answer");
	}
	return NULL;
}

static gboolean
count(const Caller *pattern, guint n_callers, gint64 *answers)
{
	g_autofree Caller *callers = g_new(Caller, n_callers);
	g_autofree GThread **threads = g_new0(GThread *, n_callers);
	gboolean good = TRUE;

	for (guint i = 0; i < n_callers; i++) {
		callers[i] = *pattern;
		threads[i] = g_thread_new("caller", call, &callers[i]);
	}
	for (guint i = 0; i < n_callers; i++) {
		g_thread_join(threads[i]);
		*answers += callers[i].answers;
		if (callers[i].failure != NULL && good)
			fprintf(stderr, "load: %s\n", callers[i].failure);
		good = good && callers[i].failure == NULL;
		g_free(callers[i].failure);
	}
	return good;
}

int
main(int argc, char **argv)
{
	guint64 n_callers = argc >= 6 ? g_ascii_strtoull(argv[2], NULL, 10) : 0;
	g_autofree Caller *pattern = g_new0(Caller, 1);
	gint64 answers = 0;

	if (n_callers < 1 || n_callers > MAX_CONNECTIONS) {
		fputs("usage: load PORT CONNECTIONS SECONDS STATUS PATH [HEADER]\n", stderr);
		return 2;
	}
	g_autofree char *request = g_strdup_printf("GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n",
		argv[5], argc > 6 ? argv[6] : "", argc > 6 ? "\r\n" : "");
	g_autofree char *status = g_strdup_printf("HTTP/1.1 %s ", argv[4]);
	gint64 start_ms = clock_ms();
	pattern->port = (guint16) g_ascii_strtoull(argv[1], NULL, 10);
	pattern->request = request;
	pattern->status = status;
	pattern->end_ms = start_ms + (gint64) (g_ascii_strtod(argv[3], NULL) * 1000);
	if (!count(pattern, (guint) n_callers, &answers))
		return EXIT_FAILURE;
	printf("%.1f\n", (double) answers * 1000 / (double) (clock_ms() - start_ms));
	return EXIT_SUCCESS;
}
