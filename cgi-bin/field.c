/* A list is read by descent, one function for each line of its grammar. Where an item goes wrong, reading
 * starts again behind the next comma that is in no quoted string. */
#include "field.h"

#include <string.h>

/* tchar of RFC 9110 section 5.6.2, beside letters and digits; and the slash of media types. */
#define NAME_CHARACTERS "!#$%&'*+-.^_`|~/"

static void
item_free(gpointer data)
{
	FieldItem *item = data;

	g_free(item->name);
	g_free(item->value);
	g_clear_pointer(&item->parameters, g_ptr_array_unref);
	g_free(item);
}

static void
skip_space(const char **at)
{
	*at += strspn(*at, " \t");
}

static char *
read_token(const char **at)
{
	const char *begin = *at;

	while (g_ascii_isalnum(**at) || (**at != '\0' && strchr(NAME_CHARACTERS, **at) != NULL))
		++*at;
	return *at > begin ? g_strndup(begin, (size_t) (*at - begin)) : NULL;
}

char *
field_quoted(const char **at)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const char *next = *at;

	if (*next++ != '"')
		return NULL;
	for (; *next != '\0' && *next != '"'; next++) {
		if (*next == '\\' && next[1] != '\0')
			next++;
		g_string_append_c(text, *next);
	}
	if (*next != '"')
		return NULL;
	*at = next + 1;
	return g_strdup(text->str);
}

/* Reads a pair into item; false if there is none. */
static gboolean
read_pair(const char **at, FieldItem *item)
{
	g_autofree char *name = read_token(at);

	if (name == NULL)
		return FALSE;
	item->name = g_ascii_strdown(name, -1);
	skip_space(at);
	if (**at != '=')
		return TRUE;
	++*at;
	skip_space(at);
	item->value = **at == '"' ? field_quoted(at) : read_token(at);
	/* "name=" says no value, as in RFC 7240 section 2. */
	if (item->value == NULL && **at == '"')
		return FALSE;
	skip_space(at);
	return TRUE;
}

static gboolean
read_parameters(const char **at, FieldItem *item)
{
	while (**at == ';') {
		FieldItem *parameter = g_new0(FieldItem, 1);

		g_ptr_array_add(item->parameters, parameter);
		++*at;
		skip_space(at);
		if (read_pair(at, parameter))
			continue;
		g_ptr_array_set_size(item->parameters, (int) item->parameters->len - 1);
		if (**at != ';' && **at != ',' && **at != '\0')
			return FALSE;
	}
	return **at == ',' || **at == '\0';
}

static const char *
behind_item(const char *at)
{
	while (*at != '\0' && *at != ',') {
		if (*at != '"') {
			at++;
			continue;
		}
		g_autofree char *quoted = field_quoted(&at);
		if (quoted == NULL)
			return at + strlen(at);
	}
	return at;
}

GPtrArray *
field_list(const char *text)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(item_free);
	const char *at = text != NULL ? text : "";

	for (at += strspn(at, " \t,"); *at != '\0'; at += strspn(at, " \t,")) {
		FieldItem *item = g_new0(FieldItem, 1);
		const char *begin = at;

		item->parameters = g_ptr_array_new_with_free_func(item_free);
		g_ptr_array_add(list, item);
		if (read_pair(&at, item) && read_parameters(&at, item))
			continue;
		g_ptr_array_set_size(list, (int) list->len - 1);
		at = behind_item(begin);
	}
	return list;
}
