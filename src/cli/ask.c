#include "cli/ask.h"

#include <gio/gio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "cli/admin.h"
#include "job/state.h"

#define TURN_MS 500
#define PATIENCE_MS 60000 /* with a daemon that is away */

json_object *
ask_members(const char *job, GError **error)
{
	const char *uuid = g_utf8_validate(job, -1, NULL) ? ids_job_uuid(job) : NULL;

	if (!ids_is_uuid(uuid != NULL ? uuid : job)) {
		g_autofree char *shown = g_filename_display_name(job);

		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"\"%s\" is no job; one looks like "
			"report:672a8b0e-c0b0-486e-bb2b-4571b0805f29, and \"nbhook jobs\" lists "
			"them",
			shown);
		return NULL;
	}
	json_object *members = json_object_new_object();

	json_put_string(members, uuid != NULL ? "job" : "uuid", job);
	return members;
}

json_object *
ask_status(Cli *cli, const char *job, GError **error)
{
	json_object *members = ask_members(job, error);
	g_autoptr(json_object) reply =
		members != NULL ? admin_call(cli, "job.status", members, -1, error) : NULL;

	return reply != NULL ? json_object_get(json_object_member(reply, "status")) : NULL;
}

gboolean
ask_is_ended(json_object *document)
{
	JobStatus status;

	return job_status_from_word(json_string_member(document, "status"), &status) &&
	       job_status_is_ended(status);
}

/* What is known of the job while it is waited for. */
typedef struct {
	Cli *cli;
	const char *job;
	json_object *status; /* the last that was seen, or NULL */
	gint64 revision;     /* of it; -1: unknown */
	gint64 silent_ms;    /* when the daemon was heard last */
} Wait;

static void
wait_clear(Wait *wait)
{
	json_object_put(wait->status);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wait, wait_clear)

/* Asks for a later status; false with an error that asking again does not mend. */
static gboolean
turn(Wait *wait, GError **error)
{
	json_object *members = ask_members(wait->job, error);
	g_autoptr(GError) failure = NULL;

	if (members == NULL)
		return FALSE;
	if (wait->revision >= 0)
		json_put_int(members, "seen", wait->revision);
	g_autoptr(Frame) reply = admin_ask(wait->cli, "job.status", members, -1, TURN_MS, &failure);
	if (reply != NULL) {
		json_object_put(wait->status);
		wait->status = json_object_get(json_object_member(reply->body, "status"));
		wait->revision = json_int_member(reply->body, "revision", -1);
		wait->silent_ms = clock_ms();
		return TRUE;
	}
	gboolean quiet = g_error_matches(failure, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
	/* a daemon that started again counts anew */
	if (!quiet)
		wait->revision = -1;
	if (quiet || (admin_may_recover(failure) && clock_ms() < wait->silent_ms + PATIENCE_MS)) {
		if (!quiet)
			g_usleep(TURN_MS * 1000);
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

static Frame *
take_outcome(const Wait *wait, GError **error)
{
	json_object *members = ask_members(wait->job, error);

	return members != NULL ? admin_ask(wait->cli, "job.wait", members, -1, PATIENCE_MS, error)
			       : NULL;
}

Frame *
ask_wait(Cli *cli, const char *job, AskWatcher watcher, gpointer data, GError **error)
{
	g_auto(Wait) wait = { .cli = cli, .job = job, .revision = -1, .silent_ms = clock_ms() };

	while (!ask_is_ended(wait.status)) {
		if (!turn(&wait, error))
			return NULL;
		if (watcher != NULL && !watcher(wait.status, data))
			return NULL;
	}
	return take_outcome(&wait, error);
}
