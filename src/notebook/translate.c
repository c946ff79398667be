/* To add a language: a file with its struct Translator, and a row here. */
#include "notebook/translate.h"

#include <string.h>

#include "base/error.h"
#include "notebook/excerpt.h"
#include "notebook/julia.h"
#include "notebook/notebook.h"
#include "notebook/python.h"
#include "notebook/r.h"

#define TAG_AUTHOR "parameters"
#define TAG_IDENTITY "naas-injected"
#define TAG_PARAMETERS "injected-parameters"

static const Translator *const translators[] = {
	&python_translator,
	&r_translator,
	&julia_translator,
};

const Translator *
translator_find(const char *language)
{
	for (size_t i = 0; language != NULL && i < G_N_ELEMENTS(translators); i++)
		if (g_ascii_strcasecmp(translators[i]->language, language) == 0)
			return translators[i];
	return NULL;
}

gboolean
translator_accepts_name(const Translator *translator, const char *name, size_t size)
{
	if (!g_utf8_validate_len(name, size, NULL))
		return FALSE;
	g_autofree char *terminated = g_strndup(name, size);
	return translator->accepts_name(terminated, size);
}

char *
translator_parameters(const Translator *translator, json_object *variables)
{
	GString *source = g_string_new(translator->comment);

	g_string_append(source, "Parameters");
	json_object_object_foreach (variables, name, value) {
		g_string_append_c(source, '\n');
		translator->append_name(source, name);
		g_string_append(source, translator->assignment);
		translator->append_value(source, value);
	}
	return g_string_free(source, FALSE);
}

char *
translator_identity(
	const Translator *translator, const char *uid, const char *path, const char *runtime)
{
	return translator->identity != NULL ? translator->identity(uid, path, runtime) : NULL;
}

/* Whether body is what a call without a body has. */
static gboolean
is_empty_body(json_object *body)
{
	return json_object_is_type(body, json_type_object) &&
	       json_object_object_length(body) == 1 &&
	       g_strcmp0(json_string_member(body, "str"), "") == 0 &&
	       json_object_get_string_len(json_member(body, "str")) == 0;
}

/* Whether variables say more than that there was a call: headers are always there. */
static gboolean
has_inputs(json_object *variables)
{
	static const char *const objects[] = { "params", "params_all", "body_all", NULL };

	json_object_object_foreach (variables, name, value) {
		if (strcmp(name, "headers") == 0)
			continue;
		if (g_strv_contains(objects, name)) {
			if (json_object_is_type(value, json_type_object) &&
				json_object_object_length(value) == 0)
				continue;
		} else if (strcmp(name, "body") == 0 && is_empty_body(value)) {
			continue;
		}
		return TRUE;
	}
	return FALSE;
}

static gboolean
refuse_language(const char *language, GError **error)
{
	g_autofree char *quoted = language != NULL ? excerpt(language) : NULL;

	if (language == NULL)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"the notebook does not say its language (metadata.kernelspec.language or "
			"metadata.language_info.name), so that it can be given no parameters");
	else
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"a notebook in the language \"%s\" can be given no parameters: call it "
			"without a query, a body and registered params",
			quoted);
	return FALSE;
}

/* Whether some text in value has a NUL. (Names cannot.) */
static gboolean
has_nul(json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		return strlen(json_object_get_string(value)) !=
		       (size_t) json_object_get_string_len(value);
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (has_nul(json_object_array_get_idx(value, i)))
				return TRUE;
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach (value, name, member) {
			(void) name;
			if (has_nul(member))
				return TRUE;
		}
	}
	return FALSE;
}

static gboolean
refuse_nul(const char *title, const char *name, GError **error)
{
	g_autofree char *quoted = excerpt(name);

	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
		"\"%s\" has a text with the character U+0000, which the texts of %s cannot have",
		quoted, title);
	return FALSE;
}

gboolean
translate_check(const char *language, json_object *variables, GError **error)
{
	const Translator *translator = translator_find(language);

	if (translator == NULL)
		return !has_inputs(variables) || refuse_language(language, error);
	if (!translator->lacks_nul)
		return TRUE;
	json_object_object_foreach (variables, name, value)
		if (has_nul(value))
			return refuse_nul(translator->title, name, error);
	return TRUE;
}

gboolean
translate_inject(Notebook *notebook, const char *language, json_object *variables, const char *uid,
	const char *path, const char *runtime, GError **error)
{
	const Translator *translator = translator_find(language);

	if (uid == NULL && json_object_object_length(variables) == 0)
		return TRUE;
	if (!translate_check(language, variables, error))
		return FALSE;
	if (translator == NULL)
		return TRUE;
	notebook_remove_tagged(notebook, TAG_IDENTITY);
	notebook_remove_tagged(notebook, TAG_PARAMETERS);
	g_autofree char *identity =
		uid != NULL ? translator_identity(translator, uid, path, runtime) : NULL;
	g_autofree char *parameters = translator_parameters(translator, variables);
	if (identity != NULL)
		notebook_insert_code(notebook, 0, identity, TAG_IDENTITY);
	gssize after = notebook_find_tagged(notebook, TAG_AUTHOR);
	if (after < 0)
		after = identity != NULL ? 0 : -1;
	notebook_insert_code(notebook, (size_t) (after + 1), parameters, TAG_PARAMETERS);
	return TRUE;
}

gssize
translate_author_index(Notebook *notebook, size_t index)
{
	return notebook_author_index(notebook, index);
}
