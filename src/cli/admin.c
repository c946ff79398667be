#include "cli/admin.h"

#include <errno.h>
#include <gio/gio.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/listen.h"
#include "control/client.h"

#define PATIENCE_MS 60000

char *
admin_denied_text(const char *socket, const char *user, const char *group, gboolean enrolled)
{
	if (enrolled)
		return g_strdup_printf(
			"you may not open %s yet: you are in the group %s, but this login is "
			"older than that. Log in again (or: newgrp %s)",
			socket, group, group);
	return g_strdup_printf(
		"you may not open %s: it is for members of the group %s. An administrator "
		"adds you with \"adduser %s %s\"; then log in again",
		socket, group, user, group);
}

/* Whether the group's list, which a new login goes by, has the user. */
static gboolean
is_enrolled(const struct passwd *user, gid_t group)
{
	gid_t groups[1024];
	int n_groups = G_N_ELEMENTS(groups);

	if (user == NULL || getgrouplist(user->pw_name, user->pw_gid, groups, &n_groups) < 0)
		return FALSE;
	for (int i = 0; i < n_groups; i++)
		if (groups[i] == group)
			return TRUE;
	return FALSE;
}

static void
set_denied(const char *socket, GError **error)
{
	struct stat status;

	if (stat(socket, &status) != 0) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN,
			"you may not look into the folder of %s; it belongs to whoever started "
			"nbhookd",
			socket);
		return;
	}
	const struct passwd *user = getpwuid(getuid());
	const struct group *group = getgrgid(status.st_gid);
	g_autofree char *user_name =
		user != NULL ? g_strdup(user->pw_name) : g_strdup_printf("%u", getuid());
	g_autofree char *group_name =
		group != NULL ? g_strdup(group->gr_name) : g_strdup_printf("%u", status.st_gid);
	g_autofree char *text =
		admin_denied_text(socket, user_name, group_name, is_enrolled(user, status.st_gid));

	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN, text);
}

static void
set_not_running(const char *socket, GError **error)
{
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
		"nbhookd is not running: nobody listens at %s. Start it with "
		"\"systemctl start nbhookd\", or with ./quickstart from its sources; --config "
		"names another configuration",
		socket);
}

static gboolean
check_socket(const char *socket, GError **error)
{
	if (access(socket, R_OK | W_OK) == 0)
		return TRUE;
	if (errno == EACCES)
		set_denied(socket, error);
	else
		set_not_running(socket, error);
	return FALSE;
}

/* "Unavailable" may be the daemon's own word (it is full) or say that there is none: asks once more. */
static gboolean
is_deserted(const char *socket)
{
	g_autoptr(GError) error = NULL;
	AUTO_FD connection = listen_connect(socket, clock_ms() + 1000, &error);

	return connection < 0 && g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
}

static void
explain(const char *socket, int retry_after, GError **error)
{
	if (g_error_matches(*error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE) &&
		is_deserted(socket)) {
		g_clear_error(error);
		set_not_running(socket, error);
	} else if (retry_after > 0) {
		g_autofree char *said = g_strdup((*error)->message);

		g_clear_error(error);
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
			"%s (try again in %d seconds)", said, retry_after);
	}
}

Frame *
admin_ask(Cli *cli, const char *op, json_object *members, int content, gint64 patience_ms,
	GError **error)
{
	static const char *const names[] = { "content" };
	g_autoptr(json_object) given = members;
	const Settings *settings = cli_settings(cli, error);
	g_autoptr(GError) failure = NULL;
	int retry_after = 0;

	if (settings == NULL)
		return NULL;
	g_autofree char *socket = g_build_filename(settings->run_dir, "admin.sock", NULL);
	if (!check_socket(socket, error))
		return NULL;
	/* kept: what a connection has begun ends with it */
	if (cli->admin == NULL)
		cli->admin = control_client_new(socket);
	Frame *reply = control_call(cli->admin, op, g_steal_pointer(&given), names, &content,
		content >= 0 ? 1 : 0, patience_ms < 0 ? -1 : clock_ms() + patience_ms, &retry_after,
		&failure);
	if (reply == NULL) {
		explain(socket, retry_after, &failure);
		g_propagate_error(error, g_steal_pointer(&failure));
	}
	return reply;
}

json_object *
admin_call(Cli *cli, const char *op, json_object *members, int content, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Frame) reply = admin_ask(cli, op, members, content, PATIENCE_MS, &failure);

	if (reply != NULL)
		return json_object_get(reply->body);
	if (g_error_matches(failure, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
			"nbhookd did not answer within %d seconds; its log may say why",
			PATIENCE_MS / 1000);
	else
		g_propagate_error(error, g_steal_pointer(&failure));
	return NULL;
}

gboolean
admin_may_recover(const GError *error)
{
	return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
	       g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
}
