#include "cli/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "cli/show.h"

#define PIECE_SIZE (64 * 1024)

enum { EXIT_STOPPED = 3 };

static void
print_traceback(json_object *lines)
{
	for (size_t i = 0; lines != NULL && i < json_object_array_length(lines); i++) {
		g_autofree char *line =
			show_text(json_object_get_string(json_object_array_get_idx(lines, i)));

		fprintf(stderr, "%s\n", line);
	}
}

gboolean
result_check(Cli *cli, Frame *result, GError **error)
{
	const char *status = json_string_member(result->body, "status");
	const char *job = json_string_member(result->body, "job");
	json_object *info = json_object_member(result->body, "error_info");

	if (g_strcmp0(status, "completed") == 0)
		return TRUE;
	g_autofree char *how = show_error(info, json_string_member(info, "reason"));
	if (g_strcmp0(status, "stopped") == 0)
		cli->exit_code = EXIT_STOPPED;
	print_traceback(json_array_member(info, "traceback"));
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL, "%s %s: %s", job,
		status != NULL ? status : "failed", how);
	return FALSE;
}

static int
open_output(const char *file, GError **error)
{
	int fd = file == NULL ? dup(STDOUT_FILENO)
			      : open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		nbhook_error_set_errno(error, errno, "%s", file != NULL ? file : "standard output");
	return fd;
}

static gboolean
copy_all(int from, int to, GError **error)
{
	g_autofree char *piece = g_malloc(PIECE_SIZE);
	off_t offset = 0;
	ssize_t got;

	while ((got = pread(from, piece, PIECE_SIZE, offset)) > 0) {
		if (!files_write_all(to, piece, (size_t) got, error))
			return FALSE;
		offset += got;
	}
	return got == 0 || nbhook_error_set_errno(error, errno, "reading the response");
}

/* What a caller over HTTP gets of a run that responded nothing. */
static gboolean
write_done(json_object *body, int to, GError **error)
{
	g_autoptr(json_object) done = json_object_new_object();

	json_put_shared(done, "id", json_member(body, "job"));
	json_put_string(done, "status", "Done");
	json_put_shared(done, "time", json_member(body, "seconds"));
	g_autofree char *text = json_print(done);
	g_autofree char *line = g_strconcat(text, "\n", NULL);
	return files_write_all(to, line, strlen(line), error);
}

static gboolean
is_for_people(const char *type)
{
	return type != NULL && (g_str_has_prefix(type, "text/") || strstr(type, "json") != NULL ||
				       strstr(type, "xml") != NULL);
}

gboolean
result_write(Frame *result, const char *file, GError **error)
{
	json_object *response = json_object_member(result->body, "response");
	const char *type = json_string_member(response, "type");

	if (response != NULL && file == NULL && isatty(STDOUT_FILENO) && !is_for_people(type)) {
		fprintf(stderr,
			"nbhook: the response is %s and not for a terminal; give it a file\n",
			type != NULL ? type : "data");
		return TRUE;
	}
	AUTO_FD to = open_output(file, error);
	if (to < 0)
		return FALSE;
	if (response == NULL)
		return write_done(result->body, to, error);
	AUTO_FD from = frame_steal_fd(result, "response");
	if (from < 0) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"nbhookd's answer has no response");
		return FALSE;
	}
	return copy_all(from, to, error);
}

json_object *
result_document(Frame *result)
{
	static const char *const members[] = { "job", "status", "seconds", "response",
		"error_info" };
	json_object *document = json_object_new_object();

	for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
		json_put_shared(document, members[i], json_member(result->body, members[i]));
	return document;
}
