/* Some threads wait in accept(2), which wakes one of them in one of the processes that share the socket: with poll(2)
 * or epoll(7) a connection wakes one in each process, and to wake a process is the dearest thing on the way of a small
 * answer. The others are parked; when too few are left in accept(2), one is called. So a peer that connects and says
 * nothing holds up nobody else. A request that was accepted is always handled: the end is looked at between requests
 * only.
 *
 * The only file that knows libfcgi. */
#include "server.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
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

/* How many threads of a process are in accept(2), as far as there are that many: what is idle beyond the first number
 * is parked, and below the second the one that was parked last is called. So the same ones stay in use, and with them
 * their connections to the daemon. */
#define ACCEPTING_MOST 4
#define ACCEPTING_LEAST 1

/* Ends accept(2); does nothing else. */
#define WAKE_SIGNAL SIGUSR1
#define WAKE_AGAIN_NS 5000000

typedef struct Thread Thread;

typedef struct Server {
	const Settings *settings;
	WaitSlots slots;
	int listener;
	pthread_mutex_t turn; /* of what follows, and of what threads do */
	pthread_cond_t left;  /* one has left accept(2), when it is ending */
	guint accepting;
	Thread *parked;  /* the last one first */
	gboolean ending; /* from SIGTERM on */
} Server;

struct Thread {
	Server *server;
	pthread_t id;
	pthread_cond_t called;
	Thread *next; /* that was parked before it */
	gboolean parked, accepting;
};

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

static void
park(Thread *thread)
{
	Server *server = thread->server;

	thread->parked = TRUE;
	thread->next = server->parked;
	server->parked = thread;
	while (thread->parked)
		pthread_cond_wait(&thread->called, &server->turn);
}

/* Calls the thread that was parked last, if there is one. */
static gboolean
call_one(Server *server)
{
	Thread *thread = server->parked;

	if (thread == NULL)
		return FALSE;
	server->parked = thread->next;
	thread->parked = FALSE;
	pthread_cond_signal(&thread->called);
	return TRUE;
}

/* Waits until this thread is wanted in accept(2); false at the end. */
static gboolean
begin_accepting(Thread *thread)
{
	Server *server = thread->server;

	pthread_mutex_lock(&server->turn);
	while (!server->ending && server->accepting >= ACCEPTING_MOST)
		park(thread);
	thread->accepting = !server->ending;
	server->accepting += thread->accepting ? 1 : 0;
	pthread_mutex_unlock(&server->turn);
	return thread->accepting;
}

static void
end_accepting(Thread *thread)
{
	Server *server = thread->server;

	pthread_mutex_lock(&server->turn);
	thread->accepting = FALSE;
	if (--server->accepting < ACCEPTING_LEAST)
		call_one(server);
	gboolean ending = server->ending;
	pthread_mutex_unlock(&server->turn);
	if (!ending)
		return;
	pthread_cond_signal(&server->left);
	sched_yield(); /* a signal that was meant for accept(2) comes now, not in what reads the request */
}

/* Between two connections; the socket may have been made non-blocking by another process that has it. */
static void
bear(const Server *server, int failure)
{
	struct pollfd listener = { .fd = server->listener, .events = POLLIN };

	if (failure == EAGAIN) {
		poll(&listener, 1, -1);
	} else if (failure != EINTR && failure != ECONNABORTED) {
		g_warning("taking a connection: %s", g_strerror(failure));
		g_usleep(ACCEPT_PAUSE_US);
	}
}

/* The next connection; -1 at the end. */
static int
next_connection(Thread *thread)
{
	while (begin_accepting(thread)) {
		int connection = accept4(thread->server->listener, NULL, NULL, SOCK_CLOEXEC);

		if (connection < 0)
			bear(thread->server, errno);
		end_accepting(thread);
		if (connection >= 0)
			return connection;
	}
	return -1;
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
	Thread *thread = data;
	Server *server = thread->server;
	FCGX_Request fcgi;
	WebWorker worker;
	int connection;

	worker_init(&worker, server->settings, &server->slots);
	FCGX_InitRequest(&fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	while ((connection = next_connection(thread)) >= 0) {
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

/* How many of the threads it could start; with fewer than count, an error. */
static guint
start_threads(Server *server, Thread *threads, guint count, GError **error)
{
	pthread_attr_t attributes;
	guint n = 0;
	int failure = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	while (n < count && failure == 0) {
		threads[n].server = server;
		pthread_cond_init(&threads[n].called, NULL);
		failure = pthread_create(&threads[n].id, &attributes, serve, &threads[n]);
		n += failure == 0 ? 1 : 0;
	}
	pthread_attr_destroy(&attributes);
	if (failure != 0)
		nbhook_error_set_errno(error, failure,
			"starting %u threads (one for each of the setting wait_slots and %d more)",
			count, SPARE_THREADS);
	return n;
}

/* Wakes them until they have left accept(2): a signal that comes before a thread is in it is not seen by it. */
static void
wake_threads(Server *server, const Thread *threads, guint n)
{
	while (server->accepting > 0) {
		struct timespec again;

		for (guint i = 0; i < n; i++)
			if (threads[i].accepting)
				pthread_kill(threads[i].id, WAKE_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &again);
		again.tv_nsec += WAKE_AGAIN_NS;
		again.tv_sec += again.tv_nsec / 1000000000;
		again.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&server->left, &server->turn, &again);
	}
}

static void
end_threads(Server *server, const Thread *threads, guint n)
{
	pthread_mutex_lock(&server->turn);
	server->ending = TRUE;
	while (call_one(server))
		continue;
	wake_threads(server, threads, n);
	pthread_mutex_unlock(&server->turn);
	for (guint i = 0; i < n; i++)
		pthread_join(threads[i].id, NULL);
}

static void
ignore(int signal_number)
{
}

/* Before there is any thread: the signals of the end are the main thread's, and accept(2) waits and can be woken. */
static gboolean
prepare(Server *server, sigset_t *ends, GError **error)
{
	struct sigaction wake = { .sa_handler = ignore };
	int flags = fcntl(server->listener, F_GETFL);

	if (flags < 0 || fcntl(server->listener, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return nbhook_error_set_errno(error, errno, "preparing the listening socket");
	raise_file_limit();
	sigaction(WAKE_SIGNAL, &wake, NULL);
	sigemptyset(ends);
	sigaddset(ends, SIGTERM);
	sigaddset(ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, ends, NULL);
	return TRUE;
}

static gboolean
serve_fcgi(const Settings *settings, int listener, GError **error)
{
	guint count = (guint) settings->wait_slots + SPARE_THREADS;
	g_autofree Thread *threads = g_new0(Thread, count);
	Server server = {
		.settings = settings,
		.slots = { .limit = (int) settings->wait_slots },
		.listener = listener,
		.turn = PTHREAD_MUTEX_INITIALIZER,
		.left = PTHREAD_COND_INITIALIZER,
	};
	sigset_t ends;
	int signal_number;

	if (!prepare(&server, &ends, error))
		return FALSE;
	guint n = start_threads(&server, threads, count, error);
	if (n == count)
		sigwait(&ends, &signal_number);
	end_threads(&server, threads, n);
	return n == count;
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
