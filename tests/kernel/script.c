/* JSON words are read by json-c, which says where each ends. */
#include "script.h"

#include <json-c/json.h>
#include <string.h>

typedef struct {
	const char *at;
	GError **error;
} Reader;

static gboolean
refuse(Reader *reader, const char *what)
{
	g_set_error(reader->error, G_MARKUP_ERROR, G_MARKUP_ERROR_PARSE, "%s at \"%.40s\"", what,
		reader->at);
	return FALSE;
}

/* One JSON value; the text of a string is the word, of all else its JSON. */
static gboolean
read_json(Reader *reader, GString *word)
{
	g_autofree char *copy = g_strdup(reader->at);
	json_tokener *tokener = json_tokener_new();
	json_object *value = json_tokener_parse_ex(tokener, copy, (int) strlen(copy));
	size_t used = json_tokener_get_parse_end(tokener);
	gboolean whole = json_tokener_get_error(tokener) == json_tokener_success;

	json_tokener_free(tokener);
	if (!whole) {
		json_object_put(value);
		return refuse(reader, "broken JSON");
	}
	if (json_object_is_type(value, json_type_string))
		g_string_append(word, json_object_get_string(value));
	else
		g_string_append_len(word, reader->at, (gssize) used);
	reader->at += used;
	json_object_put(value);
	return TRUE;
}

gint64
script_count(const char *word)
{
	char *end = NULL;
	gint64 count = g_ascii_strtoll(word, &end, 10);

	if (strcmp(word, "forever") == 0)
		return -1;
	count *= *end == 'M' ? 1000000 : *end == 'K' ? 1000 : 1;
	end += *end == 'M' || *end == 'K' ? 1 : 0;
	if (end == word || *end != '\0' || count < 0)
		g_error("\"%s\" is no count", word);
	return count;
}

/* A string so many times. */
static gboolean
read_many(Reader *reader, const char *count, GString *word)
{
	g_autoptr(GString) once = g_string_new(NULL);

	if (!read_json(reader, once))
		return FALSE;
	for (gint64 left = script_count(count); left > 0; left--)
		g_string_append_len(word, once->str, (gssize) once->len);
	return TRUE;
}

static gboolean
read_word(Reader *reader, GString *word)
{
	const char *start = reader->at;

	if (strchr("\"{[", *reader->at) != NULL)
		return read_json(reader, word);
	reader->at += strcspn(reader->at, " \t\n;*");
	g_autofree char *bare = g_strndup(start, (gsize) (reader->at - start));
	if (*reader->at == '*') {
		reader->at++;
		return read_many(reader, bare, word);
	}
	g_string_append(word, bare);
	return TRUE;
}

/* One statement; NULL at the end of the text or with an error. */
static GPtrArray *
read_statement(Reader *reader)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

	while (*reader->at != '\0') {
		g_autoptr(GString) word = g_string_new(NULL);

		if (*reader->at == '#')
			reader->at += strcspn(reader->at, "\n");
		else if (strchr("\n;", *reader->at) != NULL && words->len > 0)
			break;
		else if (strchr(" \t\n;", *reader->at) != NULL)
			reader->at++;
		else if (read_word(reader, word))
			g_ptr_array_add(words, g_string_free(g_steal_pointer(&word), FALSE));
		else
			return NULL;
	}
	return words->len > 0 ? g_steal_pointer(&words) : NULL;
}

static void
free_statement(gpointer data)
{
	g_strfreev(data);
}

GPtrArray *
script_parse(const char *text, GError **error)
{
	g_autoptr(GPtrArray) statements = g_ptr_array_new_with_free_func(free_statement);
	GError *failure = NULL;
	Reader reader = { text, &failure };
	GPtrArray *words;

	while ((words = read_statement(&reader)) != NULL) {
		g_ptr_array_add(words, NULL);
		g_ptr_array_add(statements, g_ptr_array_free(words, FALSE));
	}
	if (failure == NULL)
		return g_steal_pointer(&statements);
	g_propagate_error(error, failure);
	return NULL;
}

char *
script_expand(const char *word, GHashTable *variables)
{
	GString *result = g_string_new(NULL);

	while (*word != '\0') {
		size_t length = 0;

		while (*word == '$' &&
			(g_ascii_isalnum(word[length + 1]) || word[length + 1] == '_'))
			length++;
		g_autofree char *name = g_strndup(word + 1, length);
		const char *value = length > 0 ? g_hash_table_lookup(variables, name) : NULL;
		if (value != NULL)
			g_string_append(result, value);
		else
			g_string_append_len(result, word, (gssize) length + 1);
		word += length + 1;
	}
	return g_string_free(result, FALSE);
}
