#include "exec/play_request.h"

#include <fcntl.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"

#define ANSWER_MS 5000

/* clang-format off */
static const struct {
	const char *name;
	size_t offset;
	gboolean required;
} texts[] = {
	{ "job",      offsetof(PlaySpec, job),      TRUE },
	{ "path",     offsetof(PlaySpec, path),     TRUE },
	{ "cwd",      offsetof(PlaySpec, folder),   TRUE },
	{ "files",    offsetof(PlaySpec, files),    FALSE },
	{ "kernel",   offsetof(PlaySpec, kernel),   FALSE },
	{ "language", offsetof(PlaySpec, language), FALSE },
	{ "key",      offsetof(PlaySpec, key),      FALSE },
	{ "url",      offsetof(PlaySpec, url),      FALSE },
	{ "runtime",  offsetof(PlaySpec, runtime),  FALSE },
};

static const struct {
	const char *name;
	size_t offset;
	gboolean required;
} descriptors[] = {
	{ "notebook",    offsetof(PlaySpec, notebook),    TRUE },
	{ "outcome",     offsetof(PlaySpec, outcome),     TRUE },
	{ "executed",    offsetof(PlaySpec, executed),    TRUE },
	{ "response",    offsetof(PlaySpec, response),    TRUE },
	{ "alternative", offsetof(PlaySpec, alternative), FALSE },
	{ "request",     offsetof(PlaySpec, request),     FALSE },
	{ "log",         offsetof(PlaySpec, log),         FALSE },
};
/* clang-format on */

/* The first of what is missing; NULL when all is there. */
static const char *
take_members(PlaySpec *spec, Frame *frame)
{
	const char *missing = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		const char *text = json_string_member(frame->body, texts[i].name);

		*(char **) ((char *) spec + texts[i].offset) = g_strdup(text);
		if (text == NULL && texts[i].required)
			missing = texts[i].name;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(descriptors); i++) {
		int fd = frame_steal_fd(frame, descriptors[i].name);

		*(int *) ((char *) spec + descriptors[i].offset) = fd;
		if (fd < 0 && descriptors[i].required)
			missing = descriptors[i].name;
	}
	return missing;
}

PlaySpec *
play_request_take(Frame *frame, int *listener, GError **error)
{
	g_autoptr(PlaySpec) spec = g_new0(PlaySpec, 1);
	const char *missing = take_members(spec, frame);
	json_object *params = json_object_member(frame->body, "params");
	AUTO_FD fd = frame_steal_fd(frame, "run");

	if (g_strcmp0(json_string_member(frame->body, "op"), "run.play") != 0)
		missing = "op: run.play";
	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		missing = "run";
	if (missing != NULL) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"a run was asked for without \"%s\"", missing);
		return NULL;
	}
	spec->params = params != NULL ? json_object_get(params) : NULL;
	if (spec->runtime == NULL)
		spec->runtime = g_strdup("");
	*listener = files_steal_fd(&fd);
	return g_steal_pointer(&spec);
}

gboolean
play_request_answer(int socket, const Frame *frame, const GError *refusal)
{
	g_autoptr(json_object) reply = json_object_new_object();

	json_put_shared(reply, "id", json_member(frame->body, "id"));
	if (refusal != NULL) {
		json_object *words = json_object_new_object();

		json_put_string(words, "code", nbhook_error_slug(refusal));
		json_put_string(words, "message", refusal->message);
		json_object_object_add(reply, "error", words);
	} else {
		json_put_bool(reply, "taken", TRUE);
	}
	return frame_send(socket, reply, NULL, 0, clock_ms() + ANSWER_MS, NULL);
}
