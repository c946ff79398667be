#include "exec/boot.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"

Boot *
boot_new(const Settings *settings, const char *name, int fork_server)
{
	Boot *boot = g_new0(Boot, 1);

	boot->settings = settings;
	boot->name = g_strdup(name);
	boot->fork_server = fork_server;
	return boot;
}

void
boot_reset(Boot *boot)
{
	g_clear_pointer(&boot->kernel, kernel_free);
	g_clear_pointer(&boot->placement, json_object_put);
	g_clear_pointer(&boot->placing, g_free);
	g_clear_pointer(&boot->warming, g_free);
	handshake_clear(&boot->handshake);
	boot->with_cell = boot->misplaced = FALSE;
}

void
boot_free(Boot *boot)
{
	if (boot == NULL)
		return;
	boot_reset(boot);
	files_close(&boot->fork_server);
	kernelspec_free(boot->kernelspec);
	g_free(boot->name);
	g_free(boot);
}

gboolean
boot_find(Boot *boot, const char *name, const char *language, GError **error)
{
	g_clear_pointer(&boot->kernelspec, kernelspec_free);
	boot->kernelspec = kernelspec_find(boot->settings, name, language, error);
	return boot->kernelspec != NULL;
}

static gboolean
has_fork_server(const Boot *boot)
{
	return boot->fork_server >= 0 && boot->name != NULL &&
	       g_ascii_strcasecmp(boot->name, boot->kernelspec->name) == 0;
}

gboolean
boot_start(Boot *boot, const Place *place, int log, GError **error)
{
	KernelSpec spec = { .settings = boot->settings,
		.kernelspec = boot->kernelspec,
		.folder = place != NULL ? place->folder : NULL,
		.url = place != NULL ? place->url : NULL,
		.key = place != NULL ? place->key : NULL,
		.fork_server = has_fork_server(boot) ? boot->fork_server : -1,
		.log = log };

	boot_reset(boot);
	handshake_init(&boot->handshake, clock_ms());
	boot->kernel = kernel_start(&spec, error);
	files_close(&boot->fork_server);
	return boot->kernel != NULL;
}

gboolean
boot_fits(const Boot *boot, const char *name)
{
	return boot->kernel != NULL && kernel_death(boot->kernel) == NULL &&
	       (name == NULL || *name == '\0' ||
		       g_ascii_strcasecmp(name, boot->kernelspec->name) == 0) &&
	       placement_is_known(boot->kernelspec->language);
}

void
boot_place(Boot *boot, const Place *place, gboolean with_cell)
{
	g_autoptr(GError) error = NULL;

	if (with_cell && boot->handshake.takes_before) {
		boot->placement = placement_values(place);
		return;
	}
	g_autoptr(json_object) content = placement_request(boot->kernelspec->language, place);
	boot->placing =
		kernel_send(boot->kernel, CHANNEL_SHELL, "execute_request", content, &error);
	boot->misplaced = boot->placing == NULL;
}

gboolean
boot_board(Boot *boot, json_object *request)
{
	if (boot->placement == NULL)
		return FALSE;
	json_put_shared(request, "before", boot->placement);
	return TRUE;
}

void
boot_note(Boot *boot, const char *msg_id)
{
	g_clear_pointer(&boot->placement, json_object_put);
	boot->placing = g_strdup(msg_id);
	boot->with_cell = TRUE;
}

void
boot_warm(Boot *boot)
{
	g_autoptr(json_object) content = placement_warm_request(boot->kernelspec->language);
	g_autoptr(GError) error = NULL;

	if (content != NULL)
		boot->warming = kernel_send(
			boot->kernel, CHANNEL_SHELL, "execute_request", content, &error);
}

gboolean
boot_is_warm(const Boot *boot)
{
	return boot->warming == NULL;
}

static void
take_warming(Boot *boot, const WireMessage *message)
{
	if (strcmp(wire_message_parent_id(message), boot->warming) == 0 &&
		strcmp(wire_message_type(message), "execute_reply") == 0)
		g_clear_pointer(&boot->warming, g_free);
}

static void
take_placement(Boot *boot, const WireMessage *message)
{
	json_object *reply = message->content;
	gboolean ok = g_strcmp0(json_string_member(reply, "status"), "ok") == 0;

	if (strcmp(wire_message_parent_id(message), boot->placing) != 0 ||
		strcmp(wire_message_type(message), "execute_reply") != 0)
		return;
	boot->misplaced = !ok && !json_bool_member(reply, "placed", boot->with_cell);
	if (!boot->misplaced)
		g_clear_pointer(&boot->placing, g_free);
}

void
boot_take(Boot *boot, Channel channel, const WireMessage *message, gint64 now_ms)
{
	gboolean ready = handshake_is_done(&boot->handshake);

	handshake_take(&boot->handshake, channel, message, now_ms);
	if (!ready && handshake_is_done(&boot->handshake))
		kernel_note_ready(boot->kernel);
	if (channel == CHANNEL_SHELL && boot->placing != NULL)
		take_placement(boot, message);
	if (channel == CHANNEL_SHELL && boot->warming != NULL)
		take_warming(boot, message);
}

gboolean
boot_ask(Boot *boot, gint64 now_ms, GError **error)
{
	if (handshake_is_done(&boot->handshake) || !handshake_is_due(&boot->handshake, now_ms))
		return TRUE;
	g_autoptr(json_object) nothing = json_object_new_object();
	g_autofree char *msg_id =
		kernel_send(boot->kernel, CHANNEL_SHELL, "kernel_info_request", nothing, error);
	return msg_id != NULL;
}

gboolean
boot_is_up(const Boot *boot)
{
	return handshake_is_done(&boot->handshake);
}

gboolean
boot_is_ready(const Boot *boot)
{
	return boot_is_up(boot) && boot->placement == NULL && boot->placing == NULL &&
	       !boot->misplaced;
}

gint64
boot_deadline(const Boot *boot)
{
	return boot_is_up(boot) || boot->misplaced ? 0 : boot->handshake.next_ms;
}

/* A message that cannot be read is no reason to give a kernel up before it has been asked for anything; a flood
 * that has passed the ceiling of what waits is, since it is not taken from the channel. */
static gboolean
drain(Boot *boot, gint64 now_ms, GError **error)
{
	static const Channel channels[] = { CHANNEL_IOPUB, CHANNEL_SHELL, CHANNEL_CONTROL,
		CHANNEL_STDIN };

	for (size_t i = 0; i < G_N_ELEMENTS(channels); i++)
		for (;;) {
			g_autoptr(GError) failure = NULL;
			g_autoptr(WireMessage) message =
				kernel_receive(boot->kernel, channels[i], &failure);

			if (message != NULL) {
				boot_take(boot, channels[i], message, now_ms);
			} else if (failure == NULL) {
				break;
			} else if (g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE)) {
				g_propagate_error(error, g_steal_pointer(&failure));
				return FALSE;
			}
		}
	return TRUE;
}

gboolean
boot_step(Boot *boot, GError **error)
{
	gint64 now_ms = clock_ms();

	kernel_step(boot->kernel);
	if (!drain(boot, now_ms, error))
		return FALSE;
	if (kernel_death(boot->kernel) == NULL)
		return kernel_check_channels(boot->kernel, now_ms, error) &&
		       boot_ask(boot, now_ms, error);
	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL, kernel_death(boot->kernel));
	return FALSE;
}
