/* What a script can say: one table, at the end. A message's words are followed by its flaws (message.h). */
#include "kernel.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "script.h"

/* The words of a statement behind the first, flaws taken away. */
typedef struct {
	GPtrArray *words; /* borrowed strings */
	unsigned flaws;
} Arguments;

static Arguments
arguments_of(char *const *words)
{
	Arguments arguments = { g_ptr_array_new(), 0 };

	for (; *words != NULL; words++) {
		Flaw flaw = message_flaw(*words);

		arguments.flaws |= flaw;
		if (flaw == 0)
			g_ptr_array_add(arguments.words, *words);
	}
	return arguments;
}

static const char *
word(const Arguments *arguments, guint index, const char *fallback)
{
	return index < arguments->words->len ? arguments->words->pdata[index] : fallback;
}

static void
put(json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

static void
put_json(json_object *object, const char *name, const char *text)
{
	json_object *value = json_tokener_parse(text);

	json_object_object_add(object, name, value != NULL ? value : json_object_new_object());
}

/* The contents of what `send` knows. */

static void
fill_stream(json_object *content, const Arguments *arguments)
{
	put(content, "name", word(arguments, 2, "stdout"));
	put(content, "text", word(arguments, 1, ""));
}

static void
fill_status(json_object *content, const Arguments *arguments)
{
	put(content, "execution_state", word(arguments, 1, "idle"));
}

/* DATA [METADATA [DISPLAY_ID]] */
static void
fill_display(json_object *content, const Arguments *arguments)
{
	json_object *transient = json_object_new_object();

	put_json(content, "data", word(arguments, 1, "{}"));
	put_json(content, "metadata", word(arguments, 2, "{}"));
	if (word(arguments, 3, NULL) != NULL)
		put(transient, "display_id", word(arguments, 3, ""));
	json_object_object_add(content, "transient", transient);
}

static void
fill_result(json_object *content, const Arguments *arguments)
{
	fill_display(content, arguments);
	json_object_object_add(content, "execution_count", json_object_new_int(1));
}

static void
fill_error(json_object *content, const Arguments *arguments)
{
	put(content, "ename", word(arguments, 1, "ScriptedError"));
	put(content, "evalue", word(arguments, 2, ""));
	json_object_object_add(content, "traceback", json_object_new_array());
}

static void
fill_clear(json_object *content, const Arguments *arguments)
{
	gboolean wait = g_strcmp0(word(arguments, 1, ""), "wait") == 0;

	json_object_object_add(content, "wait", json_object_new_boolean(wait));
}

/* clang-format off */
static const struct {
	const char *word;
	const char *type;
	void (*fill)(json_object *content, const Arguments *arguments);
} kinds[] = {
	{ "stream", "stream", fill_stream },        /* "text" [stderr] */
	{ "status", "status", fill_status },        /* busy, idle, … */
	{ "display", "display_data", fill_display }, /* {data} [{metadata} [id]] */
	{ "update", "update_display_data", fill_display },
	{ "result", "execute_result", fill_result },
	{ "error", "error", fill_error },           /* name value */
	{ "clear", "clear_output", fill_clear },    /* [wait] */
};
/* clang-format on */

/* send raw TYPE TEXT…: the texts together are the content, JSON or not. */
static gboolean
send_raw(Turn *turn, const Arguments *arguments)
{
	g_autoptr(GString) content = g_string_new(NULL);

	for (guint i = 2; i < arguments->words->len; i++)
		g_string_append(content, arguments->words->pdata[i]);
	kernel_publish(turn, word(arguments, 1, "unknown"), content->str, arguments->flaws);
	return TRUE;
}

static gboolean
play_send(Turn *turn, const Arguments *arguments)
{
	const char *kind = word(arguments, 0, "");
	g_autoptr(json_object) content = json_object_new_object();

	if (strcmp(kind, "raw") == 0)
		return send_raw(turn, arguments);
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (strcmp(kinds[i].word, kind) != 0)
			continue;
		kinds[i].fill(content, arguments);
		kernel_publish(turn, kinds[i].type,
			json_object_to_json_string_ext(content, JSON_C_TO_STRING_PLAIN),
			arguments->flaws);
		return TRUE;
	}
	g_printerr("there is no \"send %s\"\n", kind);
	return FALSE;
}

/* respond "text" | {json}: what naas.webhook.respond_text and respond_json say. */
static gboolean
play_respond(Turn *turn, const Arguments *arguments)
{
	const char *text = word(arguments, 0, "");
	gboolean is_json = strchr("{[", *text) != NULL && *text != '\0';
	const char *mime = is_json ? "application/json" : "text/plain";
	g_autoptr(json_object) content = json_object_new_object();
	json_object *data = json_object_new_object();

	if (is_json)
		put_json(data, mime, text);
	else
		put(data, mime, text);
	json_object_object_add(content, "data", data);
	put_json(content, "metadata",
		is_json ? "{\"application/json\": {\"naas_api\": true, \"naas_type\": \"json\"}}"
			: "{\"text/plain\": {\"naas_api\": true, \"naas_type\": \"text\"}}");
	kernel_publish(turn, "display_data",
		json_object_to_json_string_ext(content, JSON_C_TO_STRING_PLAIN), arguments->flaws);
	return TRUE;
}

/* reply [ok | exit | error NAME VALUE | abort | any word] */
static gboolean
play_reply(Turn *turn, const Arguments *arguments)
{
	const char *status = word(arguments, 0, "ok");
	gboolean exits = strcmp(status, "exit") == 0;
	json_object *content = json_object_new_object();

	if (strcmp(status, "error") == 0)
		fill_error(content, arguments);
	put_json(content, "payload", exits ? "[{\"source\": \"ask_exit\"}]" : "[]");
	kernel_reply(turn, exits ? "ok" : status, content, arguments->flaws);
	return TRUE;
}

/* frames shell | iopub "frame"… */
static gboolean
play_frames(Turn *turn, const Arguments *arguments)
{
	gboolean to_shell = strcmp(word(arguments, 0, ""), "shell") == 0;
	g_auto(GStrv) frames = g_new0(char *, arguments->words->len + 1);

	for (guint i = 1; i < arguments->words->len; i++)
		frames[i - 1] = g_strdup(arguments->words->pdata[i]);
	message_send_frames(turn->kernel->sockets[to_shell ? SHELL : IOPUB],
		to_shell ? turn->request : NULL, frames);
	return TRUE;
}

/* sleep SECONDS | sleep forever */
static gboolean
play_sleep(Turn *turn, const Arguments *arguments)
{
	const char *time = word(arguments, 0, "forever");
	double seconds = strcmp(time, "forever") == 0 ? -1 : g_ascii_strtod(time, NULL);

	turn->interrupted = !kernel_sleep(turn->kernel, seconds);
	return !turn->interrupted;
}

/* die SIGNAL | exit CODE. What was said before has been heard. */
static gboolean
play_die(Turn *turn, const Arguments *arguments)
{
	kernel_flush(turn->kernel);
	signal((int) script_count(word(arguments, 0, "9")), SIG_DFL);
	kill(getpid(), (int) script_count(word(arguments, 0, "9")));
	pause();
	return FALSE;
}

static gboolean
play_exit(Turn *turn, const Arguments *arguments)
{
	kernel_flush(turn->kernel);
	exit((int) script_count(word(arguments, 0, "0")));
}

/* ignore SIGNAL-NUMBER */
static gboolean
play_ignore(Turn *turn, const Arguments *arguments)
{
	signal((int) script_count(word(arguments, 0, "2")), SIG_IGN);
	return TRUE;
}

/* end: the reply and idle, now; what follows is late. */
static gboolean
play_end(Turn *turn, const Arguments *arguments)
{
	kernel_end_turn(turn);
	return TRUE;
}

/* without busy | input | reply | idle: looked at before the turn begins, by script_play. */
static gboolean
play_without(Turn *turn, const Arguments *arguments)
{
	return TRUE;
}

/* on TYPE "script": plays it at every request of that type; several of one type are played one after the
 * other, the last for ever. */
static gboolean
play_on(Turn *turn, const Arguments *arguments)
{
	GHashTable *scripts = turn->kernel->scripts;
	const char *type = word(arguments, 0, "");
	GQueue *queue = g_hash_table_lookup(scripts, type);

	if (queue == NULL) {
		queue = g_queue_new();
		g_hash_table_insert(scripts, g_strdup(type), queue);
	}
	g_queue_push_tail(queue, g_strdup(word(arguments, 1, "")));
	return TRUE;
}

/* append FILE "text": one write at the end of a file. */
static gboolean
play_append(Turn *turn, const Arguments *arguments)
{
	const char *text = word(arguments, 1, "");
	int fd = open(word(arguments, 0, ""), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	gboolean written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text);

	if (!written)
		g_printerr("%s was not written\n", word(arguments, 0, ""));
	if (fd >= 0)
		close(fd);
	return written;
}

/* print "text": past Jupyter, into the log. */
static gboolean
play_print(Turn *turn, const Arguments *arguments)
{
	g_print("%s", word(arguments, 0, ""));
	return TRUE;
}

/* high-water-mark N: of iopub, in the script of the start; 0, the default, loses nothing. */
static gboolean
play_high_water_mark(Turn *turn, const Arguments *arguments)
{
	turn->kernel->high_water_mark = (int) script_count(word(arguments, 0, "0"));
	return TRUE;
}

/* set NAME VALUE */
static gboolean
play_set(Turn *turn, const Arguments *arguments)
{
	g_hash_table_replace(turn->kernel->variables, g_strdup(word(arguments, 0, "")),
		g_strdup(word(arguments, 1, "")));
	return TRUE;
}

/* clang-format off */
static const struct {
	const char *word;
	gboolean (*play)(Turn *turn, const Arguments *arguments);
} statements[] = {
	{ "append", play_append },
	{ "die", play_die },
	{ "end", play_end },
	{ "exit", play_exit },
	{ "frames", play_frames },
	{ "high-water-mark", play_high_water_mark },
	{ "ignore", play_ignore },
	{ "on", play_on },
	{ "print", play_print },
	{ "reply", play_reply },
	{ "respond", play_respond },
	{ "send", play_send },
	{ "set", play_set },
	{ "sleep", play_sleep },
	{ "without", play_without },
};
/* clang-format on */

static gboolean
play_words(Turn *turn, char *const *words)
{
	g_auto(GStrv) expanded = g_strdupv((char **) words);

	for (size_t i = 0; i < G_N_ELEMENTS(statements); i++) {
		if (strcmp(statements[i].word, words[0]) != 0)
			continue;
		for (char **each = expanded; *each != NULL; each++) {
			char *text = script_expand(*each, turn->kernel->variables);

			g_free(*each);
			*each = text;
		}
		Arguments arguments = arguments_of(expanded + 1);
		gboolean played = statements[i].play(turn, &arguments);
		g_ptr_array_unref(arguments.words);
		return played;
	}
	g_printerr("there is no statement \"%s\"\n", words[0]);
	return FALSE;
}

/* repeat N | forever STATEMENT; $i counts from 0. */
static gboolean
play_repeat(Turn *turn, char *const *words)
{
	gint64 times = script_count(words[1]);

	for (gint64 i = 0; times < 0 || i < times; i++) {
		g_hash_table_replace(turn->kernel->variables, g_strdup("i"),
			g_strdup_printf("%" G_GINT64_FORMAT, i));
		if (!statement_play(turn, words + 2))
			return FALSE;
		if (kernel_is_interrupted()) {
			turn->interrupted = !kernel_sleep(turn->kernel, 0);
			return !turn->interrupted;
		}
	}
	return TRUE;
}

gboolean
statement_play(Turn *turn, char *const *words)
{
	guint n_words = g_strv_length((char **) words);

	if (strcmp(words[0], "repeat") == 0 && n_words > 2)
		return play_repeat(turn, words);
	if (strcmp(words[0], "after") == 0 && n_words > 2) {
		kernel_later(turn, words + 2, g_ascii_strtod(words[1], NULL));
		return TRUE;
	}
	return play_words(turn, words);
}
