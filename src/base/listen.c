#include "base/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"

#define BACKLOG 16

int
listen_inherited(const char *name, GError **error)
{
	g_auto(GStrv) names = NULL;
	int count = sd_listen_fds_with_names(0, &names);

	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return SD_LISTEN_FDS_START + i;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
		"no listening socket named \"%s\" was passed to this program (LISTEN_FDS, "
		"LISTEN_FDNAMES): start it by its service unit or by quickstart",
		name);
	return -1;
}

/* A full backlog makes a non-blocking connect of a Unix socket fail with EAGAIN; there is no event to
 * wait for, so it is tried again every 10 ms. */
int
listen_connect(const char *path, gint64 deadline_ms, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"the path of a socket is too long; shorten the setting run_dir");
		return -1;
	}
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		nbhook_error_set_errno(error, errno, "making a socket");
		return -1;
	}
	while (connect(fd, (struct sockaddr *) &address, sizeof address) < 0) {
		int left = clock_remaining_ms(deadline_ms);

		if (errno == EINTR)
			continue;
		if (errno == EAGAIN && left == 0) {
			g_set_error_literal(
				error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "no answer in time");
			return -1;
		}
		if (errno != EAGAIN && errno != ECONNREFUSED && errno != ENOENT &&
			errno != EACCES) {
			nbhook_error_set_errno(error, errno, "connecting a socket");
			return -1;
		}
		if (errno != EAGAIN) {
			g_autofree char *base = g_path_get_basename(path);

			g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
				"nothing answers at %s: %s", base, g_strerror(errno));
			return -1;
		}
		poll(NULL, 0, left < 0 ? 10 : MIN(left, 10));
	}
	return files_steal_fd(&fd);
}

int
listen_new(const char *path, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	unlink(path);
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
		errno = ENAMETOOLONG;
	else if (fd >= 0 && bind(fd, (struct sockaddr *) &address, sizeof address) == 0 &&
		 listen(fd, BACKLOG) == 0)
		return files_steal_fd(&fd);
	nbhook_error_set_errno(error, errno, "making the socket of a run (setting run_dir)");
	return -1;
}
