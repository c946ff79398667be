/* accept-load SOCKET TOKEN CALLERS SECONDS: that many callers, each a thread with a connection of its own,
 * do what nbhook.fcgi does with a call up to its acceptance: begin, write the request, sync it, submit.
 * Prints the accepted jobs a second. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/ids.h"
#include "control/client.h"

#define PATIENCE_MS 30000
#define MAX_CALLERS 1024

static const char request_text[] =
	"{\"method\":\"POST\",\"target\":\"/webhook/-\",\"headers\":"
	"{\"content-type\":\"application/json\"}}\n{\"name\": \"bench\"}";

typedef struct {
	const char *socket;
	const char *token;
	gint64 end_ms;
	gint64 accepted;
	GError *failure;
} Caller;

static json_object *
members_of(const char *uuid)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "uuid", uuid);
	return members;
}

static gboolean
accept_one(ControlClient *client, const char *token, GError **error)
{
	g_autofree char *uuid = ids_uuid();
	gint64 deadline_ms = clock_ms() + PATIENCE_MS;
	json_object *members = members_of(uuid);

	json_put_string(members, "token", token);
	g_autoptr(Frame) begun = control_call(
		client, "call.begin", members, NULL, NULL, 0, deadline_ms, NULL, error);
	if (begun == NULL)
		return FALSE;
	AUTO_FD request = frame_steal_fd(begun, "request");
	size_t size = strlen(request_text);
	if (!files_write_all(request, request_text, size, error) ||
		!files_sync(request, "the request", error))
		return FALSE;
	members = members_of(uuid);
	json_put_int(members, "size", (gint64) size);
	g_autoptr(Frame) submitted = control_call(
		client, "call.submit", members, NULL, NULL, 0, deadline_ms, NULL, error);
	return submitted != NULL;
}

static gpointer
call(gpointer data)
{
	Caller *caller = data;
	g_autoptr(ControlClient) client = control_client_new(caller->socket);

	while (clock_ms() < caller->end_ms && caller->failure == NULL)
		if (accept_one(client, caller->token, &caller->failure))
			caller->accepted++;
	return NULL;
}

static gboolean
count(GArray *callers, gint64 *accepted)
{
	g_autofree GThread **threads = g_new0(GThread *, callers->len);
	gboolean good = TRUE;

	for (guint i = 0; i < callers->len; i++)
		threads[i] = g_thread_new("caller", call, &g_array_index(callers, Caller, i));
	for (guint i = 0; i < callers->len; i++) {
		Caller *caller = &g_array_index(callers, Caller, i);

		g_thread_join(threads[i]);
		*accepted += caller->accepted;
		if (caller->failure != NULL && good)
			fprintf(stderr, "accept-load: %s\n", caller->failure->message);
		good = good && caller->failure == NULL;
		g_clear_error(&caller->failure);
	}
	return good;
}

int
main(int argc, char **argv)
{
	gint64 n_callers = argc == 5 ? g_ascii_strtoll(argv[3], NULL, 10) : 0;
	g_autoptr(GArray) callers = g_array_new(FALSE, TRUE, sizeof(Caller));
	gint64 accepted = 0;

	if (n_callers < 1 || n_callers > MAX_CALLERS) {
		fputs("usage: accept-load SOCKET TOKEN CALLERS SECONDS\n", stderr);
		return 2;
	}
	gint64 start_ms = clock_ms();
	gint64 end_ms = start_ms + (gint64) (g_ascii_strtod(argv[4], NULL) * 1000);
	for (gint64 i = 0; i < n_callers; i++) {
		Caller caller = { .socket = argv[1], .token = argv[2], .end_ms = end_ms };

		g_array_append_val(callers, caller);
	}
	if (!count(callers, &accepted))
		return EXIT_FAILURE;
	printf("%.1f\n", (double) accepted * 1000 / (double) (clock_ms() - start_ms));
	return EXIT_SUCCESS;
}
