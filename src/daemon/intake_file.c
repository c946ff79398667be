#include "daemon/intake_file.h"

#include <string.h>

#include "base/error.h"
#include "daemon/submission.h"

#define MAX_NAME_BYTES 255

static gboolean
is_file_name(const char *name)
{
	size_t size = strlen(name);

	if (size == 0 || size > MAX_NAME_BYTES || name[0] == '.' ||
		!g_utf8_validate(name, -1, NULL))
		return FALSE;
	for (const char *c = name; *c != '\0'; c++)
		if (*c == '/' || g_ascii_iscntrl(*c))
			return FALSE;
	return TRUE;
}

static int
make_file(Daemon *daemon, Pending *pending, const char *name, GError **error)
{
	AUTO_FD execution = folders_open_execution(daemon->folders, pending->folder, error);

	if (execution < 0)
		return -1;
	if (name == NULL)
		return folders_create_scratch(daemon->folders, execution, error);
	if (!is_file_name(name) || pending->n_files >= daemon->settings->max_parts) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"call.file needs a name that a file may have, at most max_parts times");
		return -1;
	}
	int fd = folders_create_upload(daemon->folders, execution, name, error);
	if (fd >= 0)
		pending->n_files++;
	return fd;
}

void
intake_file(Call *call, gpointer data)
{
	static const char *const names[] = { "file" };
	Daemon *daemon = data;
	Pending *pending = intake_find(call, daemon);
	g_autoptr(GError) error = NULL;

	if (pending == NULL) {
		call_fail_with(call, NBHOOK_ERROR_NOT_FOUND,
			"this call has not begun here: begin it again");
		return;
	}
	AUTO_FD fd =
		make_file(daemon, pending, json_string_member(call_body(call), "name"), &error);
	if (fd >= 0)
		call_reply(call, NULL, names, &fd, 1);
	else
		call_fail(call, error, 0);
}
