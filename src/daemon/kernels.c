#include "daemon/kernels.h"

#include "daemon/runner_link.h"

static void
told(json_object *reply, const GError *failure, gpointer data)
{
	Call *call = data;
	json_object *members;

	if (failure != NULL) {
		call_fail(call, failure, 0);
		return;
	}
	members = json_object_new_object();
	json_put_shared(members, "kernels", json_array_member(reply, "kernels"));
	call_reply(call, members, NULL, NULL, 0);
}

static void
withdrawn(Call *call, gpointer data)
{
	runner_link_cancel(data);
	call_drop(call);
}

void
kernels_list(Call *call, gpointer data)
{
	Daemon *daemon = data;

	call_set_withdrawn(
		call, withdrawn, runner_link_ask(daemon->runner, "kernel.list", told, call));
}
