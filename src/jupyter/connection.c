/* The folder's name is six random characters (a claim): short, because socket paths have a limit, and
 * unguessable only in the second place, because <run_dir>/k is closed to other accounts. */
#include "jupyter/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/ids.h"
#include "base/json.h"

#define LOOPBACK "127.0.0.1"
/* "/s-1" and the NUL. */
#define SOCKET_NAME_SIZE 5

static char *
folder_of_all(const Settings *settings)
{
	return g_build_filename(settings->run_dir, "k", NULL);
}

static gboolean
make_folder(Connection *connection, const Settings *settings, GError **error)
{
	g_autofree char *parent = folder_of_all(settings);

	connection->folder = claim_new(parent, "", error);
	if (connection->folder == NULL)
		return FALSE;
	if (strlen(connection->folder->path) + SOCKET_NAME_SIZE >
		sizeof((struct sockaddr_un *) 0)->sun_path) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"run_dir is too long for the sockets of kernels below it");
		return FALSE;
	}
	return TRUE;
}

/* A listening socket of a free port of 127.0.0.1; -1 with the error. */
static int
find_port(int *port, GError **error)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *) &address, size) < 0 ||
		getsockname(fd, (struct sockaddr *) &address, &size) < 0) {
		nbhook_error_set_errno(error, errno, "looking for a port for a kernel");
		return -1;
	}
	*port = ntohs(address.sin_port);
	return files_steal_fd(&fd);
}

/* All are held until the last has been found, so that they differ. */
static gboolean
find_ports(Connection *connection, GError **error)
{
	int held[CHANNEL_HEARTBEAT + 1];
	gboolean found = TRUE;
	int n = CHANNEL_SHELL;

	for (; found && n <= CHANNEL_HEARTBEAT; n++) {
		held[n] = find_port(&connection->ports[n], error);
		found = held[n] >= 0;
	}
	while (--n >= CHANNEL_SHELL)
		files_close(&held[n]);
	return found;
}

static char *
file_text(const Connection *connection, const char *kernel_name)
{
	static const struct {
		const char *name;
		Channel channel;
	} ports[] = {
		{ "shell_port", CHANNEL_SHELL },
		{ "iopub_port", CHANNEL_IOPUB },
		{ "stdin_port", CHANNEL_STDIN },
		{ "control_port", CHANNEL_CONTROL },
		{ "hb_port", CHANNEL_HEARTBEAT },
	};
	g_autoptr(json_object) document = json_object_new_object();
	g_autofree char *path = g_build_filename(connection->folder->path, "s", NULL);
	gboolean tcp = connection->ports[CHANNEL_SHELL] != 0;

	json_put_string(document, "transport", tcp ? "tcp" : "ipc");
	json_put_string(document, "ip", tcp ? LOOPBACK : path);
	json_put_string(document, "key", connection->key);
	json_put_string(document, "signature_scheme", "hmac-sha256");
	json_put_string(document, "kernel_name", kernel_name);
	for (size_t i = 0; i < G_N_ELEMENTS(ports); i++)
		json_put_int(document, ports[i].name,
			tcp ? connection->ports[ports[i].channel] : (int) ports[i].channel);
	return json_print(document);
}

static gboolean
write_file(const Connection *connection, const char *kernel_name, GError **error)
{
	g_autofree char *text = file_text(connection, kernel_name);
	AUTO_FD fd = open(connection->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return nbhook_error_set_errno(error, errno, "the connection file of a kernel");
	return files_write_all(fd, text, strlen(text), error);
}

Connection *
connection_new(const Settings *settings, const Kernelspec *spec, GError **error)
{
	g_autoptr(Connection) connection = g_new0(Connection, 1);

	if (!make_folder(connection, settings, error))
		return NULL;
	connection->file = g_build_filename(connection->folder->path, "kernel.json", NULL);
	connection->key = ids_token();
	if (spec->tcp && !find_ports(connection, error))
		return NULL;
	if (!write_file(connection, spec->name, error))
		return NULL;
	return g_steal_pointer(&connection);
}

void
connection_free(Connection *connection)
{
	if (connection == NULL)
		return;
	claim_free(connection->folder);
	g_free(connection->file);
	g_free(connection->key);
	g_free(connection);
}

void
connection_sweep(const Settings *settings)
{
	g_autofree char *parent = folder_of_all(settings);

	claim_sweep(parent, "");
}

char *
connection_endpoint(const Connection *connection, Channel channel)
{
	if (connection->ports[channel] != 0)
		return g_strdup_printf("tcp://" LOOPBACK ":%d", connection->ports[channel]);
	return g_strdup_printf("ipc://%s/s-%d", connection->folder->path, (int) channel);
}
