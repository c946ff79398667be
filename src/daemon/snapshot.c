#include "daemon/snapshot.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/status.h"

static void
hand_out(const Folders *folders, const Job *job, int execution, Channel *channel)
{
	static const char *const names[] = { "executed" };
	g_autoptr(json_object) body = json_object_new_object();
	g_autoptr(GError) error = NULL;
	AUTO_FD fd = folders_create_file(folders, execution, SNAPSHOT_FILE, FALSE, &error);

	if (fd < 0)
		g_warning("job %s: a snapshot: %s", job->id, error->message);
	json_put_string(body, "op", "run.snapshot");
	channel_send_named(channel, body, names, &fd, fd >= 0 ? 1 : 0);
}

static void
put_in_place(const Job *job, int execution)
{
	g_autofree char *name = status_executed_name(job);

	if (renameat(execution, SNAPSHOT_FILE, execution, name) < 0)
		g_warning("job %s: a snapshot: %s", job->id, g_strerror(errno));
}

void
snapshot_hear(
	const Folders *folders, const Job *job, int execution, Channel *channel, json_object *event)
{
	const char *state = json_string_member(event, "state");

	if (g_strcmp0(json_string_member(event, "event"), "snapshot") != 0)
		return;
	if (g_strcmp0(state, "wanted") == 0)
		hand_out(folders, job, execution, channel);
	else if (g_strcmp0(state, "written") == 0)
		put_in_place(job, execution);
}
