#include "daemon/runner_link.h"

#include "base/error.h"
#include "base/files.h"
#include "base/listen.h"
#include "control/channel.h"

#define RETRY_SECONDS 1

struct RunnerRequest {
	RunnerLink *link;
	gint64 id;
	json_object *body;
	RunnerGave gave; /* of a request for an executor */
	RunnerTold told; /* of any other */
	gpointer data;
};

struct RunnerLink {
	char *path;
	Channel *channel;
	GHashTable *requests; /* id -> RunnerRequest, owned */
	gint64 last_id;
	guint retry_source;
	gboolean said;
};

static void connect_runner(RunnerLink *link);

static void
request_free(RunnerRequest *request)
{
	json_object_put(request->body);
	g_free(request);
}

static void
send_request(RunnerLink *link, const RunnerRequest *request)
{
	channel_send(link->channel, request->body, NULL, 0);
}

static GError *
refusal(Frame *frame)
{
	json_object *failure = json_object_member(frame->body, "error");
	const char *message = json_string_member(failure, "message");

	return g_error_new_literal(NBHOOK_ERROR,
		(int) nbhook_error_from_slug(json_string_member(failure, "code")),
		message != NULL ? message : "the runner gave no executor");
}

static void
hand_over(const RunnerRequest *request, Frame *frame)
{
	int executor = frame_steal_fd(frame, "executor");
	g_autoptr(GError) failure = executor < 0 ? refusal(frame) : NULL;

	request->gave(
		executor, (pid_t) json_int_member(frame->body, "pid", 0), failure, request->data);
}

static void
tell(const RunnerRequest *request, Frame *frame)
{
	gboolean failed = json_member(frame->body, "error") != NULL;
	g_autoptr(GError) failure = failed ? refusal(frame) : NULL;

	request->told(failed ? NULL : frame->body, failure, request->data);
}

static void
on_frame(Channel *channel, Frame *frame, gpointer data)
{
	g_autoptr(Frame) owned = frame;
	RunnerLink *link = data;
	gint64 id = json_int_member(owned->body, "id", 0);
	RunnerRequest *request = g_hash_table_lookup(link->requests, &id);

	if (request == NULL)
		return;
	g_hash_table_steal(link->requests, &id);
	if (request->gave != NULL)
		hand_over(request, owned);
	else
		tell(request, owned);
	request_free(request);
}

static gboolean
on_retry(gpointer data)
{
	RunnerLink *link = data;

	link->retry_source = 0;
	connect_runner(link);
	return G_SOURCE_REMOVE;
}

static void
retry_later(RunnerLink *link, const GError *error)
{
	if (!link->said)
		g_warning("the runner does not answer, trying again: %s",
			error != NULL ? error->message : "it closed the connection");
	link->said = TRUE;
	if (link->retry_source == 0)
		link->retry_source = g_timeout_add_seconds(RETRY_SECONDS, on_retry, link);
}

/* A connection that ends is made again at once where requests wait: the socket is held while the runner
 * restarts. */
static void
on_closed(Channel *channel, const GError *failure, gpointer data)
{
	RunnerLink *link = data;

	channel_free(link->channel);
	link->channel = NULL;
	if (g_hash_table_size(link->requests) > 0)
		connect_runner(link);
}

static void
connect_runner(RunnerLink *link)
{
	g_autoptr(GError) error = NULL;
	GHashTableIter iter;
	gpointer request;
	int fd = listen_connect(link->path, 0, &error);

	if (fd < 0) {
		retry_later(link, error);
		return;
	}
	link->said = FALSE;
	link->channel = channel_new(fd, on_frame, on_closed, link);
	g_hash_table_iter_init(&iter, link->requests);
	while (g_hash_table_iter_next(&iter, NULL, &request))
		send_request(link, request);
}

RunnerLink *
runner_link_new(const char *socket_path)
{
	RunnerLink *link = g_new0(RunnerLink, 1);

	link->path = g_strdup(socket_path);
	link->requests = g_hash_table_new_full(
		g_int64_hash, g_int64_equal, NULL, (GDestroyNotify) request_free);
	return link;
}

void
runner_link_free(RunnerLink *link)
{
	if (link == NULL)
		return;
	if (link->retry_source != 0)
		g_source_remove(link->retry_source);
	channel_free(link->channel);
	g_hash_table_unref(link->requests);
	g_free(link->path);
	g_free(link);
}

static RunnerRequest *
request_new(RunnerLink *link, const char *op, gpointer data)
{
	RunnerRequest *request = g_new0(RunnerRequest, 1);

	request->link = link;
	request->id = ++link->last_id;
	request->body = json_object_new_object();
	request->data = data;
	json_put_int(request->body, "id", request->id);
	json_put_string(request->body, "op", op);
	return request;
}

/* Keeps and sends a request. */
static RunnerRequest *
ask(RunnerLink *link, RunnerRequest *request)
{
	g_hash_table_insert(link->requests, &request->id, request);
	if (link->channel != NULL)
		send_request(link, request);
	else if (link->retry_source == 0)
		connect_runner(link);
	return request;
}

RunnerRequest *
runner_link_take(
	RunnerLink *link, const char *kernel, const char *language, RunnerGave gave, gpointer data)
{
	RunnerRequest *request = request_new(link, "executor.take", data);

	json_put_string(request->body, "kernel", kernel);
	json_put_string(request->body, "language", language);
	request->gave = gave;
	return ask(link, request);
}

RunnerRequest *
runner_link_ask(RunnerLink *link, const char *op, RunnerTold told, gpointer data)
{
	RunnerRequest *request = request_new(link, op, data);

	request->told = told;
	return ask(link, request);
}

void
runner_link_cancel(RunnerRequest *request)
{
	g_hash_table_remove(request->link->requests, &request->id);
}

void
runner_link_end(RunnerLink *link, pid_t pid)
{
	g_autoptr(json_object) body = json_object_new_object();

	if (link->channel == NULL)
		return;
	json_put_int(body, "id", ++link->last_id); /* nobody waits for the reply */
	json_put_string(body, "op", "executor.end");
	json_put_int(body, "pid", pid);
	channel_send(link->channel, body, NULL, 0);
}
