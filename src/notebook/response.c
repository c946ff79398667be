/* One table says which output can be which kind of response. An output without a naas_type is of
 * the first kind of its MIME type that does not need one. */
#include "notebook/response.h"

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "notebook/excerpt.h"
#include "notebook/html_table.h"
#include "notebook/markdown.h"
#include "notebook/media.h"

#define ANY_IMAGE "image/"
#define MAX_JSON_DEPTH 1000
#define MARKDOWN "text/markdown; charset=utf-8"

/* One output on its way to a response. */
typedef struct Found {
	const char *mime;
	const char *name;  /* of the notebook */
	json_object *data; /* of that type */
	const ResponseLimits *limits;
} Found;

typedef struct Kind {
	const char *mime;
	const char *naas_type; /* NULL: none, or any other row's */
	const char *kind;
	const char *type; /* NULL: fill() says it */
	const char *extension;
	/* Fills in what is special: the bytes of the body, above all. */
	gboolean (*fill)(Response *response, const Found *found, GError **error);
} Kind;

static gboolean
check_size(size_t size, gint64 max, const char *setting, GError **error)
{
	if (size <= (guint64) max)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"the notebook's response has %zu bytes, more than %s allows (%" G_GINT64_FORMAT ")",
		size, setting, max);
	return FALSE;
}

static gboolean
check_text(const Found *found, GError **error)
{
	if (json_object_is_type(found->data, json_type_string))
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
		"the notebook's response of type %s is no text", found->mime);
	return FALSE;
}

static void
set_text(ResponseForm *form, json_object *text)
{
	form->size = (size_t) json_object_get_string_len(text);
	form->bytes = g_memdup2(json_object_get_string(text), form->size + 1);
}

static gboolean
fill_text(Response *response, const Found *found, GError **error)
{
	if (!check_text(found, error))
		return FALSE;
	set_text(&response->body, found->data);
	return TRUE;
}

static gboolean
fill_json(Response *response, const Found *found, GError **error)
{
	response->body.bytes = json_print(found->data);
	response->body.size = strlen(response->body.bytes);
	return TRUE;
}

/* For kernels that cannot put out every JSON value as JSON. */
static gboolean
fill_json_text(Response *response, const Found *found, GError **error)
{
	g_autoptr(json_object) value = NULL;

	if (!fill_text(response, found, error))
		return FALSE;
	if (json_parse(response->body.bytes, response->body.size, MAX_JSON_DEPTH, &value, error))
		return TRUE;
	g_prefix_error(error, "the notebook's response is not JSON: ");
	(*error)->code = NBHOOK_ERROR_UNPROCESSABLE;
	return FALSE;
}

static gboolean
fill_table(Response *response, const Found *found, GError **error)
{
	if (!check_text(found, error))
		return FALSE;
	response->body.bytes = html_table_to_csv(json_object_get_string(found->data),
		(size_t) json_object_get_string_len(found->data), &response->body.size, error);
	return response->body.bytes != NULL;
}

static gboolean
fill_markdown(Response *response, const Found *found, GError **error)
{
	ResponseForm *source = &response->alternative;

	if (!check_text(found, error) ||
		!check_size((size_t) json_object_get_string_len(found->data),
			found->limits->max_markdown, "max_markdown", error))
		return FALSE;
	set_text(source, found->data);
	source->type = g_strdup(MARKDOWN);
	source->filename = g_strconcat(found->name, ".md", NULL);
	response->body.bytes = markdown_to_page(source->bytes, source->size, found->name);
	response->body.size = strlen(response->body.bytes);
	return TRUE;
}

static gboolean
fill_notebook(Response *response, const Found *found, GError **error)
{
	response->source = RESPONSE_NOTEBOOK;
	response->alternative.type = g_strdup("application/x-ipynb+json");
	response->alternative.filename = g_strconcat(found->name, ".ipynb", NULL);
	return TRUE;
}

/* {"path": …}; anything else that has a naas_type is JSON like any other. */
static gboolean
fill_file(Response *response, const Found *found, GError **error)
{
	json_object *path = json_member(found->data, "path");

	if (!json_object_is_type(path, json_type_string))
		return fill_json(response, found, error);
	if (strlen(json_object_get_string(path)) != (size_t) json_object_get_string_len(path)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"the notebook responds with a file whose name holds a NUL");
		return FALSE;
	}
	response->source = RESPONSE_FILE;
	response->path = g_strdup(json_object_get_string(path));
	g_free(response->kind);
	response->kind = g_strdup("file");
	g_clear_pointer(&response->body.type, g_free);
	g_clear_pointer(&response->body.filename, g_free);
	return TRUE;
}

/* The text without white space, of which some kernels put in line breaks. */
static char *
compact(json_object *text)
{
	GString *kept = g_string_new(NULL);

	for (const char *at = json_object_get_string(text); *at != '\0'; at++)
		if (!g_ascii_isspace(*at))
			g_string_append_c(kept, *at);
	return g_string_free(kept, FALSE);
}

static gboolean
fill_image(Response *response, const Found *found, GError **error)
{
	ResponseForm *body = &response->body;

	if (!check_text(found, error))
		return FALSE;
	g_autofree char *text = compact(found->data);
	body->bytes = (char *) base64_decode(text, strlen(text), &body->size);
	if (body->bytes == NULL) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"the notebook's image is not base64 text");
		return FALSE;
	}
	body->type = media_type_of_bytes(body->bytes, body->size, error);
	if (body->type == NULL)
		return FALSE;
	if (!g_str_has_prefix(body->type, ANY_IMAGE)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"the notebook's image is none: its content is %s", body->type);
		return FALSE;
	}
	g_autofree char *extension = media_image_extension(body->type);
	body->filename = g_strconcat(found->name, extension, NULL);
	return TRUE;
}

/* clang-format off */
static const Kind kinds[] = {
	{ "text/html",        "text",     "text",     "text/plain; charset=utf-8", ".txt",  fill_text },
	{ "text/html",        "markdown", "markdown", "text/html; charset=utf-8",  ".html", fill_text },
	{ "text/html",        "csv",      "csv",      "text/csv; charset=utf-8",   ".csv",  fill_table },
	{ "text/html",        "html",     "html",     "text/html; charset=utf-8",  ".html", fill_text },
	{ "text/html",        NULL,       "html",     "text/html; charset=utf-8",  ".html", fill_text },
	{ "text/plain",       "text",     "text",     "text/plain; charset=utf-8", ".txt",  fill_text },
	{ "text/plain",       "json",     "json",     "application/json",          ".json", fill_json_text },
	{ "text/plain",       NULL,       "text",     "text/plain; charset=utf-8", ".txt",  fill_text },
	{ "text/csv",         "csv",      "csv",      "text/csv; charset=utf-8",   ".csv",  fill_text },
	{ "text/csv",         NULL,       "csv",      "text/csv; charset=utf-8",   ".csv",  fill_text },
	{ "text/markdown",    "notebook", "notebook", "text/html; charset=utf-8",  ".html", fill_notebook },
	{ "text/markdown",    "markdown", "markdown", "text/html; charset=utf-8",  ".html", fill_markdown },
	{ "text/markdown",    NULL,       "markdown", "text/html; charset=utf-8",  ".html", fill_markdown },
	{ "image/svg+xml",    "svg",      "svg",      "image/svg+xml",             ".svg",  fill_text },
	{ "image/svg+xml",    NULL,       "svg",      "image/svg+xml",             ".svg",  fill_text },
	{ ANY_IMAGE,          "image",    "image",    NULL,                        NULL,    fill_image },
	{ ANY_IMAGE,          NULL,       "image",    NULL,                        NULL,    fill_image },
	{ "application/json", NULL,       "json",     "application/json",          ".json", fill_json },
};

/* JSON with any naas_type, even null: naas guesses it from the file's name. */
static const Kind file_kind =
	{ "application/json", NULL,       "json",     "application/json",          ".json", fill_file };
/* clang-format on */

static gboolean
is_of_mime(const Kind *kind, const char *mime)
{
	if (strcmp(kind->mime, ANY_IMAGE) == 0)
		return g_str_has_prefix(mime, ANY_IMAGE);
	return strcmp(kind->mime, mime) == 0;
}

static const Kind *
find_kind(const char *mime, json_object *mark)
{
	const char *naas_type = json_string_member(mark, "naas_type");

	if (strcmp(mime, file_kind.mime) == 0 && json_object_object_get_ex(mark, "naas_type", NULL))
		return &file_kind;
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (is_of_mime(&kinds[i], mime) && g_strcmp0(kinds[i].naas_type, naas_type) == 0)
			return &kinds[i];
	return NULL;
}

static gboolean
refuse_kind(const char *mime, const char *naas_type, GError **error)
{
	g_autofree char *quoted_mime = excerpt(mime);
	g_autofree char *quoted_type = naas_type != NULL ? excerpt(naas_type) : NULL;

	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
		"the notebook's response has the type %s%s%s, which is not offered", quoted_mime,
		naas_type != NULL ? " as " : "", naas_type != NULL ? quoted_type : "");
	return FALSE;
}

/* The MIME type of an output whose metadata has a true naas_api; NULL if none has. */
static const char *
chosen_type(json_object *output)
{
	json_object *data = json_object_member(output, "data");
	json_object *metadata = json_object_member(output, "metadata");

	if (data == NULL || metadata == NULL)
		return NULL;
	json_object_object_foreach (data, mime, value) {
		(void) value;
		if (json_bool_member(json_member(metadata, mime), "naas_api", FALSE))
			return mime;
	}
	return NULL;
}

static Response *
new_response(json_object *output, const Found *found, GError **error)
{
	json_object *mark = json_member(json_member(output, "metadata"), found->mime);
	const Kind *kind = find_kind(found->mime, mark);
	g_autoptr(Response) response = g_new0(Response, 1);

	if (kind == NULL) {
		refuse_kind(found->mime, json_string_member(mark, "naas_type"), error);
		return NULL;
	}
	response->kind = g_strdup(kind->kind);
	response->body.type = g_strdup(kind->type);
	if (kind->extension != NULL)
		response->body.filename = g_strconcat(found->name, kind->extension, NULL);
	if (!kind->fill(response, found, error) ||
		!check_size(
			response->body.size, found->limits->max_response, "max_response", error))
		return NULL;
	return g_steal_pointer(&response);
}

gboolean
response_find(Notebook *notebook, const char *name, const ResponseLimits *limits,
	Response **response, GError **error)
{
	for (size_t i = 0; i < notebook_n_cells(notebook); i++) {
		json_object *cell = notebook_cell(notebook, i);
		json_object *outputs = json_array_member(cell, "outputs");

		if (!notebook_cell_is_run(cell)) /* what it shows is of an earlier run */
			continue;
		for (size_t k = 0; outputs != NULL && k < json_object_array_length(outputs); k++) {
			json_object *output = json_object_array_get_idx(outputs, k);
			const char *mime = chosen_type(output);
			Found found = { mime, name, NULL, limits };

			if (mime == NULL)
				continue;
			found.data = json_member(json_member(output, "data"), mime);
			*response = new_response(output, &found, error);
			return *response != NULL;
		}
	}
	*response = NULL;
	return TRUE;
}

static void
clear_form(ResponseForm *form)
{
	g_free(form->type);
	g_free(form->filename);
	g_free(form->bytes);
}

void
response_free(Response *response)
{
	if (response == NULL)
		return;
	clear_form(&response->body);
	clear_form(&response->alternative);
	g_free(response->kind);
	g_free(response->path);
	g_free(response);
}
