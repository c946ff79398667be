/* Idle threads wait together in one epoll, which the non-blocking listening socket is armed in for one
 * shot: a connection wakes one thread, the one that went idle last. It accepts, arms the socket again
 * and only then reads, so that a peer that connects and says nothing holds up nobody else. A request that
 * was accepted is always handled: the end is looked at between requests only.
 *
 * The only file that knows libfcgi. */
#include "server.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/listen.h"
#include "web_request.h"
#include "worker.h"

/* Beside one thread for each caller who waits: for answers that need no waiting, refusals above all. */
#define SPARE_THREADS 16
#define STACK_SIZE (1024 * 1024) /* JSON is read recursively */
#define ACCEPT_PAUSE_US 100000
#define PEER_TIMEOUT_S 90 /* longer than nginx waits for its own peer */

typedef struct Server {
	const Settings *settings;
	WaitSlots slots;
	int listener;
	int ending; /* an eventfd, readable from SIGTERM on */
	int events; /* an epoll of both */
} Server;

static gssize
fcgi_read(gpointer peer, char *bytes, size_t size)
{
	FCGX_Request *fcgi = peer;
	int got = FCGX_GetStr(bytes, (int) size, fcgi->in);

	return got == 0 && FCGX_GetError(fcgi->in) != 0 ? -1 : got;
}

static gboolean
fcgi_write(gpointer peer, const char *bytes, size_t size)
{
	FCGX_Request *fcgi = peer;

	while (size > 0) {
		int piece = (int) MIN(size, G_MAXINT);

		if (FCGX_PutStr(bytes, piece, fcgi->out) != piece)
			return FALSE;
		bytes += piece;
		size -= (size_t) piece;
	}
	return TRUE;
}

static const WebIo fcgi_io = { fcgi_read, fcgi_write };

static gboolean
watch(Server *server, int operation, int fd, guint32 events, GError **error)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(server->events, operation, fd, &event) == 0 ||
	       nbhook_error_set_errno(error, errno, "waiting for connections");
}

/* The next connection; -1 at the end. */
static int
next_connection(Server *server)
{
	for (;;) {
		g_autoptr(GError) error = NULL;
		struct epoll_event event;

		if (epoll_wait(server->events, &event, 1, -1) < 1)
			continue;
		if (event.data.fd == server->ending)
			return -1;
		int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
		int failure = errno;
		if (connection < 0 && failure != EAGAIN && failure != EINTR &&
			failure != ECONNABORTED) {
			g_warning("taking a connection: %s", g_strerror(failure));
			g_usleep(ACCEPT_PAUSE_US);
		}
		if (!watch(server, EPOLL_CTL_MOD, server->listener, EPOLLIN | EPOLLONESHOT, &error))
			g_warning("%s", error->message);
		if (connection >= 0)
			return connection;
	}
}

/* Reads the head of the request on a new connection. libfcgi goes on with a connection that it thinks it
 * kept; it has no socket to accept another from. A web server that wants to keep the connection is not
 * obeyed: it would occupy the thread. */
static gboolean
read_head(FCGX_Request *fcgi, int connection)
{
	struct timeval limit = { .tv_sec = PEER_TIMEOUT_S };

	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	fcgi->ipcFd = connection;
	fcgi->keepConnection = TRUE;
	if (FCGX_Accept_r(fcgi) != 0)
		return FALSE;
	fcgi->keepConnection = FALSE;
	return TRUE;
}

/* Ends the request. libfcgi waits for its peer to close, so that nothing is cut off that this side has not read.
 * Where the request was read to its end there is nothing, and the wait would be one more change of processes. The
 * end of a request without a body comes with its head; if it has not come, it is not waited for. */
static void
finish(FCGX_Request *fcgi, gboolean has_body)
{
	struct timeval at_once = { .tv_usec = 1 };
	int connection = fcgi->ipcFd;

	if (!has_body) {
		setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &at_once, sizeof at_once);
		FCGX_GetChar(fcgi->in);
	}
	fcgi->keepConnection = FCGX_HasSeenEOF(fcgi->in) != 0;
	FCGX_Finish_r(fcgi);
	if (fcgi->ipcFd == connection)
		close(connection);
	fcgi->ipcFd = -1;
}

static void *
serve(void *data)
{
	Server *server = data;
	FCGX_Request fcgi;
	WebWorker worker;
	int connection;

	worker_init(&worker, server->settings, &server->slots);
	FCGX_InitRequest(&fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	while ((connection = next_connection(server)) >= 0) {
		if (!read_head(&fcgi, connection))
			continue;
		g_autoptr(WebRequest) request = web_request_new(fcgi.envp, &fcgi_io, &fcgi);
		request->connection = connection;
		if (!worker_answer(&worker, request))
			g_debug("a caller went away before its answer was sent");
		finish(&fcgi, request->length_text != NULL);
	}
	worker_clear(&worker);
	return NULL;
}

/* Each waiting caller has a connection, a question to the daemon and a file open. */
static void
raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Starts threads until there are count; fewer are left to the caller to join on failure. */
static gboolean
start_threads(Server *server, GArray *threads, guint count, GError **error)
{
	pthread_attr_t attributes;
	int failure = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	while (threads->len < count && failure == 0) {
		pthread_t thread;

		failure = pthread_create(&thread, &attributes, serve, server);
		if (failure == 0)
			g_array_append_val(threads, thread);
	}
	pthread_attr_destroy(&attributes);
	return failure == 0 ||
	       nbhook_error_set_errno(error, failure,
		       "starting %u threads (one for each of the setting wait_slots and %d more)",
		       count, SPARE_THREADS);
}

static void
end_threads(Server *server, GArray *threads)
{
	eventfd_write(server->ending, 1);
	for (guint i = 0; i < threads->len; i++)
		pthread_join(g_array_index(threads, pthread_t, i), NULL);
}

static gboolean
prepare(Server *server, GError **error)
{
	if (server->ending < 0 || server->events < 0 ||
		fcntl(server->listener, F_SETFL, O_NONBLOCK) < 0)
		return nbhook_error_set_errno(error, errno, "preparing the listening socket");
	raise_file_limit();
	return watch(server, EPOLL_CTL_ADD, server->ending, EPOLLIN, error) &&
	       watch(server, EPOLL_CTL_ADD, server->listener, EPOLLIN | EPOLLONESHOT, error);
}

static gboolean
serve_fcgi(const Settings *settings, int listener, GError **error)
{
	g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(pthread_t));
	AUTO_FD ending = eventfd(0, EFD_CLOEXEC);
	AUTO_FD events = epoll_create1(EPOLL_CLOEXEC);
	Server server = {
		.settings = settings,
		.slots = { .limit = (int) settings->wait_slots },
		.listener = listener,
		.ending = ending,
		.events = events,
	};
	sigset_t signals;
	int signal_number;

	if (!prepare(&server, error))
		return FALSE;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	gboolean started = start_threads(
		&server, threads, (guint) settings->wait_slots + SPARE_THREADS, error);
	if (started)
		sigwait(&signals, &signal_number);
	end_threads(&server, threads);
	return started;
}

/* What is left to read of a CGI request's body. */
typedef struct CgiPeer {
	gint64 left;
} CgiPeer;

static gssize
cgi_read(gpointer peer, char *bytes, size_t size)
{
	CgiPeer *cgi = peer;
	ssize_t got;

	do
		got = read(STDIN_FILENO, bytes, (size_t) MIN((gint64) size, cgi->left));
	while (got < 0 && errno == EINTR);
	cgi->left -= MAX(got, 0);
	return got;
}

static gboolean
cgi_write(gpointer peer, const char *bytes, size_t size)
{
	g_autoptr(GError) error = NULL;

	return files_write_all(STDOUT_FILENO, bytes, size, &error);
}

static const WebIo cgi_io = { cgi_read, cgi_write };

/* How much to read: a body that comes in chunks has no length (RFC 3875, section 4.1.2); its end is that of the
 * input. */
static gint64
cgi_length(void)
{
	const char *length = g_getenv("CONTENT_LENGTH");

	if (length != NULL && length[0] != '\0')
		return MAX(g_ascii_strtoll(length, NULL, 10), 0);
	return g_getenv("HTTP_TRANSFER_ENCODING") != NULL ? G_MAXINT64 : 0;
}

static gboolean
serve_cgi(const Settings *settings)
{
	CgiPeer peer = { cgi_length() };
	WaitSlots slots = { .limit = 1 };
	WebWorker worker;

	signal(SIGPIPE, SIG_IGN);
	worker_init(&worker, settings, &slots);
	g_autoptr(WebRequest) request = web_request_new(environ, &cgi_io, &peer);
	if (!worker_answer(&worker, request))
		g_debug("the caller went away before its answer was sent");
	worker_clear(&worker);
	return TRUE;
}

gboolean
server_run(const Settings *settings, GError **error)
{
	int listener = listen_inherited("fcgi", NULL);

	if (listener < 0)
		listener = listen_inherited("api", NULL);
	if (FCGX_Init() != 0)
		return nbhook_error_set_errno(error, errno, "preparing FastCGI");
	if (listener >= 0)
		return serve_fcgi(settings, listener, error);
	if (g_getenv("REQUEST_METHOD") != NULL)
		return serve_cgi(settings);
	if (!FCGX_IsCGI())
		return serve_fcgi(settings, STDIN_FILENO, error);
	return listen_inherited("fcgi", error) >= 0;
}
