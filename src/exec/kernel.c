/* The order of a start: folders, keeper (a fork: before ZeroMQ makes threads), channels. The channels try
 * to connect each millisecond until the kernel has bound its ends. */
#include "exec/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "exec/environment.h"
#include "exec/keeper.h"

#define READ_SIZE 4096
#define LAST_WORDS (64 * 1024) /* what a pipe holds: pipe(7) */
/* What is kept of what a kernel prints before somebody wants it. */
#define MAX_EARLY (64 * 1024)
/* How long a kernel that has hung up may take to end. */
#define LOST_MS 1000

struct Kernel {
	Connection *connection;
	Claim *home;
	Keeper *keeper;
	Channels *channels;
	char *death;
	gboolean interrupt_by_message;
	int printed;    /* our end of the pipe */
	int log;        /* not ours */
	GString *early; /* what was printed before there was a log; NULL afterwards */
	gint64 log_left;
	gint64 message_limit;
	gint64 lost_ms; /* the channels are gone; until when it may end of itself; -1: they are there */
};

static KernelLimits
limits_of(const Settings *settings)
{
	return (KernelLimits){ .own_processes = settings->max_processes,
		.shared_processes = settings->max_processes * settings->concurrency,
		.memory = settings->max_memory,
		.nice = settings->nice };
}

static gboolean
start_keeper(Kernel *kernel, const KernelSpec *spec, GError **error)
{
	EnvironmentSpec environment = { .kernel = spec->kernelspec,
		.home = kernel->home->path,
		.runtime = kernel->connection->folder->path,
		.run_dir = spec->settings->run_dir,
		.url = spec->url,
		.key = spec->key };
	g_auto(GStrv) env = environment_new(&environment);
	g_auto(GStrv) argv =
		kernelspec_command(spec->kernelspec, spec->settings, kernel->connection->file);
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return nbhook_error_set_errno(error, errno, "making a pipe");
	fcntl(ends[1], F_SETFL, 0);
	kernel->printed = ends[0];
	KeeperSpec keeper = { .argv = argv,
		.env = env,
		.folder = spec->folder != NULL ? spec->folder : kernel->home->path,
		.place = kernel->connection->folder->path,
		.output = ends[1],
		.namespaces = strcmp(spec->settings->namespaces, "auto") == 0,
		.fork_server = spec->fork_server,
		.limits = limits_of(spec->settings) };
	kernel->keeper = keeper_start(&keeper, error);
	close(ends[1]);
	return kernel->keeper != NULL;
}

Kernel *
kernel_start(const KernelSpec *spec, GError **error)
{
	g_autoptr(Kernel) kernel = g_new0(Kernel, 1);

	kernel->printed = -1;
	kernel->log = spec->log;
	kernel->early = spec->log < 0 ? g_string_new(NULL) : NULL;
	kernel->log_left = spec->settings->output_limit;
	kernel->message_limit = spec->settings->message_limit;
	kernel->lost_ms = -1;
	kernel->interrupt_by_message = spec->kernelspec->interrupt_by_message;
	kernel->connection = connection_new(spec->settings, spec->kernelspec, error);
	if (kernel->connection == NULL)
		return NULL;
	kernel->home = environment_home(error);
	if (kernel->home == NULL || !start_keeper(kernel, spec, error))
		return NULL;
	kernel->channels = channels_new(kernel->connection, spec->settings, error);
	return kernel->channels != NULL ? g_steal_pointer(&kernel) : NULL;
}

void
kernel_free(Kernel *kernel)
{
	if (kernel == NULL)
		return;
	keeper_free(kernel->keeper);
	channels_free(kernel->channels);
	connection_free(kernel->connection);
	claim_free(kernel->home);
	files_close(&kernel->printed);
	if (kernel->early != NULL)
		g_string_free(kernel->early, TRUE);
	g_free(kernel->death);
	g_free(kernel);
}

void
kernel_poll_items(Kernel *kernel, zmq_pollitem_t *items)
{
	channels_poll_items(kernel->channels, items);
	items[CHANNELS_N_ITEMS] =
		(zmq_pollitem_t){ .fd = keeper_fd(kernel->keeper), .events = ZMQ_POLLIN };
	items[CHANNELS_N_ITEMS + 1] =
		(zmq_pollitem_t){ .fd = kernel->printed, .events = ZMQ_POLLIN };
}

static char *
describe_death(int status)
{
	if (WIFSIGNALED(status))
		return g_strdup_printf("The kernel was ended by signal %d (%s).", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	return g_strdup_printf("The kernel ended itself with exit code %d.", WEXITSTATUS(status));
}

static void
take_news(Kernel *kernel)
{
	int status = 0;
	KeeperNews news = keeper_take_news(kernel->keeper, &status);

	if (news == KEEPER_DIED && kernel->death == NULL)
		kernel->death = describe_death(status);
	if (news == KEEPER_GONE && kernel->death == NULL)
		kernel->death = g_strdup("The kernel was ended together with its keeper.");
}

static void
write_log(Kernel *kernel, const char *bytes, gint64 size)
{
	static const char cut[] = "\n[the rest is cut: output_limit]\n";

	if (kernel->log < 0 || kernel->log_left < 0)
		return;
	files_write_all(kernel->log, bytes, (size_t) MIN(size, kernel->log_left), NULL);
	kernel->log_left -= size;
	if (kernel->log_left < 0)
		files_write_all(kernel->log, cut, strlen(cut), NULL);
}

/* At most one buffer a step: a flood here must not keep the channels waiting. */
static void
take_printed(Kernel *kernel)
{
	char bytes[READ_SIZE];
	ssize_t size = kernel->printed >= 0 ? read(kernel->printed, bytes, sizeof bytes) : -1;

	if (size > 0 && kernel->early != NULL)
		g_string_append_len(
			kernel->early, bytes, MIN(size, MAX_EARLY - (gssize) kernel->early->len));
	else if (size > 0)
		write_log(kernel, bytes, size);
	if (size == 0)
		files_close(&kernel->printed);
}

void
kernel_set_log(Kernel *kernel, int log)
{
	g_autoptr(GString) early = g_steal_pointer(&kernel->early);

	kernel->log = log;
	if (early != NULL && early->len > 0)
		write_log(kernel, early->str, (gint64) early->len);
}

void
kernel_step(Kernel *kernel)
{
	take_printed(kernel);
	take_news(kernel);
}

void
kernel_take_last_words(Kernel *kernel)
{
	for (int i = 0; i < LAST_WORDS / READ_SIZE; i++)
		take_printed(kernel);
}

char *
kernel_send(
	Kernel *kernel, Channel channel, const char *msg_type, json_object *content, GError **error)
{
	return channels_send(kernel->channels, channel, msg_type, content, error);
}

WireMessage *
kernel_receive(Kernel *kernel, Channel channel, GError **error)
{
	return channels_receive(kernel->channels, channel, error);
}

gint64
kernel_deadline(const Kernel *kernel)
{
	return channels_have_waiting(kernel->channels) ? 0 : kernel->lost_ms;
}

gboolean
kernel_check_channels(Kernel *kernel, gint64 now_ms, GError **error)
{
	if (kernel->lost_ms < 0 && channels_are_lost(kernel->channels))
		kernel->lost_ms = now_ms + LOST_MS;
	if (kernel->lost_ms < 0 || now_ms < kernel->lost_ms)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"the kernel closed a channel, or sent a message larger than message_limit allows "
		"(%" G_GINT64_FORMAT " bytes)",
		kernel->message_limit);
	return FALSE;
}

void
kernel_note_ready(Kernel *kernel)
{
	if (!keeper_is_apart(kernel->keeper) && unlink(kernel->connection->file) < 0)
		g_debug("a connection file was gone already: %s", g_strerror(errno));
}

const char *
kernel_death(const Kernel *kernel)
{
	return kernel->death;
}

void
kernel_interrupt(Kernel *kernel)
{
	g_autoptr(json_object) content = json_object_new_object();
	g_autoptr(GError) error = NULL;

	if (!kernel->interrupt_by_message) {
		kernel_signal(kernel, SIGINT);
		return;
	}
	g_autofree char *msg_id =
		kernel_send(kernel, CHANNEL_CONTROL, "interrupt_request", content, &error);
	if (msg_id == NULL)
		g_warning("a kernel was not interrupted: %s", error->message);
}

void
kernel_signal(Kernel *kernel, int signal_number)
{
	keeper_signal(kernel->keeper, signal_number);
}

const char *
kernel_refusal(const Kernel *kernel)
{
	return keeper_refusal(kernel->keeper);
}

gboolean
kernel_is_forked(const Kernel *kernel)
{
	return keeper_is_forked(kernel->keeper);
}

const char *
kernel_fork_failure(const Kernel *kernel)
{
	return keeper_fork_failure(kernel->keeper);
}
