#include "daemon/kernels.h"

#include "daemon/dispatch.h"
#include "daemon/runner_link.h"

/* Somebody who wants to know. */
typedef struct {
	Call *call;
	const Slots *slots;
	RunnerRequest *request;
} Asking;

/* What the runner says of it, and what the dispatcher knows. */
static void
put_counts(json_object *kernel, const Slots *slots)
{
	const char *name = slots_kernel(json_string_member(kernel, "name"), NULL);

	json_put_int(kernel, "playing", slots_playing(slots, name));
	json_put_int(kernel, "max", slots_max(slots, name));
	json_put_int(kernel, "waiting", slots_waiting_with(slots, name));
}

static void
told(json_object *reply, const GError *failure, gpointer data)
{
	g_autofree Asking *asking = data;

	if (failure != NULL) {
		call_fail(asking->call, failure, 0);
		return;
	}
	json_object *kernels = json_array_member(reply, "kernels");
	for (size_t i = 0; kernels != NULL && i < json_object_array_length(kernels); i++)
		put_counts(json_object_array_get_idx(kernels, i), asking->slots);
	json_object *members = json_object_new_object();
	json_put_shared(members, "kernels", kernels);
	call_reply(asking->call, members, NULL, NULL, 0);
}

static void
withdrawn(Call *call, gpointer data)
{
	g_autofree Asking *asking = data;

	runner_link_cancel(asking->request);
	call_drop(call);
}

void
kernels_list(Call *call, gpointer data)
{
	Daemon *daemon = data;

	Asking *asking = g_new0(Asking, 1);

	asking->call = call;
	asking->slots = dispatcher_slots(daemon->dispatcher);
	asking->request = runner_link_ask(daemon->runner, "kernel.list", told, asking);
	call_set_withdrawn(call, withdrawn, asking);
}
