/* It is written in C, although the rest of a fork server is Python, for what an interpreter's loop costs: it writes
 * to 250 pages for each kernel, and each of them, since the kernels before share it, is copied first. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/fork.h"
#include "keeper/order.h"
#include "keeper/space.h"

#define MAX_FDS 16
#define FRAME_VERSION 1

/* The header of a frame (base/frame.h). */
typedef struct {
	uint32_t size; /* big-endian */
	uint8_t version, n_fds, zero[2];
} FrameHeader;

typedef struct {
	int link;     /* to the runner */
	int events;   /* epoll: the link, children, a socket for each order that is waited for */
	int children; /* signalfd */
	const char *keeper; /* the program */
} Server;

/* Of one kernel. The strings are in the record. */
typedef struct {
	KeeperOrder order;
	const char *words;
} Wanted;

static char record[FORK_ORDER_MAX + 1];

static void
complain(const char *what)
{
	dprintf(STDERR_FILENO, "a kernel was not forked: %s\n", what);
}

/* One recvmsg with its descriptors; those beyond the room are closed. */
static ssize_t
receive(int fd, void *data, size_t size, int *fds, int *n_fds)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct iovec part = { data, size };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t got;

	*n_fds = 0;
	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	struct cmsghdr *header = got >= 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
		*n_fds = (int) ((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(header), (size_t) *n_fds * sizeof(int));
	}
	if (got >= 0 && (message.msg_flags & MSG_TRUNC) != 0) {
		errno = EMSGSIZE;
		return -1;
	}
	return got;
}

static void
wait_for(const Server *server, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(server->events, EPOLL_CTL_ADD, fd, &event) < 0) {
		complain(strerror(errno));
		close(fd);
	}
}

/* Reads that much of a frame from the link and waits on the sockets that come with it. */
static bool
take_part(const Server *server, void *data, size_t size)
{
	int fds[MAX_FDS];
	int n_fds;

	for (size_t done = 0; done < size;) {
		ssize_t got = receive(server->link, (char *) data + done, size - done, fds, &n_fds);

		if (got <= 0)
			return false;
		for (int i = 0; i < n_fds; i++)
			wait_for(server, fds[i]);
		done += (size_t) got;
	}
	return true;
}

/* A frame of the runner's; what counts are its descriptors. False at the runner's end. */
static bool
take_word(const Server *server)
{
	FrameHeader header;

	return take_part(server, &header, sizeof header) && ntohl(header.size) < sizeof record &&
	       take_part(server, record, ntohl(header.size));
}

/* A frame to the runner; false when that does not hear it. */
static bool
say(const Server *server, const char *event, pid_t pid)
{
	struct {
		FrameHeader header;
		char text[64];
	} frame = { .header = { .version = FRAME_VERSION } };
	int size = snprintf(
		frame.text, sizeof frame.text, "{\"event\":\"%s\",\"pid\":%d}", event, (int) pid);

	frame.header.size = htonl((uint32_t) size);
	size_t whole = sizeof frame.header + (size_t) size;
	return send(server->link, &frame, whole, MSG_NOSIGNAL) == (ssize_t) whole;
}

static void
take_ends(const Server *server)
{
	struct signalfd_siginfo info;
	pid_t pid;

	while (read(server->children, &info, sizeof info) > 0)
		continue;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		say(server, "ended", pid);
}

/* The string at *at, which is moved behind it; NULL when there is none. */
static const char *
take_string(const char **at, const char *end)
{
	const char *string = *at;
	const char *nul = memchr(string, '\0', (size_t) (end - string));

	*at = nul != NULL ? nul + 1 : end;
	return nul != NULL ? string : NULL;
}

static bool
parse(const char *text, size_t size, Wanted *wanted)
{
	const char *at = text + sizeof(ForkOrder);
	const char *end = text + size;
	ForkOrder head;

	if (size < sizeof head)
		return false;
	memcpy(&head, text, sizeof head);
	wanted->order.limits = head.limits;
	wanted->order.namespaces = head.namespaces != 0;
	wanted->order.folder = take_string(&at, end);
	wanted->order.place = take_string(&at, end);
	wanted->words = take_string(&at, end);
	return wanted->words != NULL;
}

/* A keeper that is being made, in the memory of the fork server. */
typedef struct {
	const Server *server;
	const KeeperOrder *order;
	pid_t pid;
	jmp_buf kernel; /* where the kernel goes on */
} Making;

/* The keeper, on a stack of its own. The runner is told of it before anything is started. */
static int
make_kernel(void *data)
{
	Making *making = data;

	if (!say(making->server, "forked", making->pid))
		_exit(1);
	keeper_process_fork(making->order, making->server->keeper);
	longjmp(making->kernel, 1);
}

/* Makes a keeper, which forks the kernel: true in the kernel, whose copy of the stack is where this function was
 * called. */
static bool
fork_keeper(const Server *server, const KeeperOrder *order)
{
	Making making = { .server = server, .order = order };

	if (setjmp(making.kernel) != 0)
		return true;
	if (space_share(order->namespaces, make_kernel, &making, &making.pid) < 0)
		complain(strerror(errno));
	return false;
}

/* Takes the order that has come over a socket, or its end. The words in the kernel, else NULL. */
static const char *
take_order(const Server *server, int socket)
{
	int fds[MAX_FDS];
	int n_fds;
	Wanted wanted = { .order = { .socket = socket, .uid = geteuid(), .gid = getegid() } };

	/* the keeper will keep it open, and so would epoll(7) */
	epoll_ctl(server->events, EPOLL_CTL_DEL, socket, NULL);
	ssize_t size = receive(socket, record, sizeof record - 1, fds, &n_fds);
	if (size < 0)
		complain(strerror(errno));
	else if (size > 0 && (n_fds != 1 || !parse(record, (size_t) size, &wanted)))
		complain("the order is none");
	else if (size > 0) {
		wanted.order.output = fds[0];
		if (fork_keeper(server, &wanted.order))
			return wanted.words;
	}
	/* a run's key is there, and the next kernel has a copy of this memory; each page is copied that is written to */
	explicit_bzero(record, size >= 0 ? (size_t) size : sizeof record);
	close(socket);
	for (int i = 0; i < n_fds; i++)
		close(fds[i]);
	return NULL;
}

/* The words, in a kernel; NULL at the runner's end. */
static const char *
serve(const Server *server)
{
	struct epoll_event event;
	const char *words = NULL;

	while (words == NULL) {
		int n = epoll_wait(server->events, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			return NULL;
		if (n <= 0)
			continue;
		if (event.data.fd == server->children)
			take_ends(server);
		else if (event.data.fd != server->link)
			words = take_order(server, event.data.fd);
		else if (!take_word(server))
			return NULL;
	}
	return words;
}

void
nbhook_fork_copy(const ForkSpan *spans, size_t n)
{
	for (size_t i = 0; i < n; i++)
		/* a host that does not know it (before Linux 5.14), or less memory than there was */
		if (madvise(spans[i].start, spans[i].size, MADV_POPULATE_WRITE) != 0)
			return;
}

const char *
nbhook_fork_serve(int link, const char *keeper, const ForkSpan *spans, size_t n)
{
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &before);
	Server server = { .link = link,
		.events = epoll_create1(EPOLL_CLOEXEC),
		.children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.keeper = keeper };
	wait_for(&server, link);
	wait_for(&server, server.children);
	const char *words = serve(&server);
	if (words != NULL)
		nbhook_fork_copy(spans, n);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return words;
}
