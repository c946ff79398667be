/* One table says which output can be which kind of response. An output without a naas_type is of
 * the first kind of its MIME type. */
#include "notebook/response.h"

#include <string.h>

#include "base/error.h"
#include "notebook/excerpt.h"

typedef struct Kind {
	const char *mime;
	const char *kind; /* also the naas_type that asks for it */
	const char *type;
	const char *extension;
	/* Fills in bytes and size from the output's data. */
	gboolean (*fill)(Response *response, json_object *data, const char *mime, GError **error);
} Kind;

static gboolean
fill_text(Response *response, json_object *data, const char *mime, GError **error)
{
	if (!json_object_is_type(data, json_type_string)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"the notebook's response of type %s is no text", mime);
		return FALSE;
	}
	response->size = (size_t) json_object_get_string_len(data);
	response->bytes = g_malloc(response->size + 1);
	memcpy(response->bytes, json_object_get_string(data), response->size);
	response->bytes[response->size] = '\0';
	return TRUE;
}

static gboolean
fill_json(Response *response, json_object *data, const char *mime, GError **error)
{
	(void) mime;
	(void) error;
	response->bytes = json_print(data);
	response->size = strlen(response->bytes);
	return TRUE;
}

/* clang-format off */
static const Kind kinds[] = {
	{ "text/html", "html", "text/html; charset=utf-8", ".html", fill_text },
	{ "text/html", "text", "text/plain; charset=utf-8", ".txt", fill_text },
	{ "text/plain", "text", "text/plain; charset=utf-8", ".txt", fill_text },
	{ "application/json", "json", "application/json", ".json", fill_json },
};
/* clang-format on */

static const Kind *
find_kind(const char *mime, const char *naas_type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].mime, mime) == 0 &&
			(naas_type == NULL || strcmp(kinds[i].kind, naas_type) == 0))
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
new_response(
	json_object *output, const char *mime, const char *name, gint64 max_bytes, GError **error)
{
	const char *naas_type =
		json_string_member(json_member(json_member(output, "metadata"), mime), "naas_type");
	const Kind *kind = find_kind(mime, naas_type);
	g_autoptr(Response) response = g_new0(Response, 1);

	if (kind == NULL) {
		refuse_kind(mime, naas_type, error);
		return NULL;
	}
	if (!kind->fill(response, json_member(json_member(output, "data"), mime), mime, error))
		return NULL;
	if (response->size > (guint64) max_bytes) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
			"the notebook's response has %zu bytes, more than max_response allows "
			"(%" G_GINT64_FORMAT ")",
			response->size, max_bytes);
		return NULL;
	}
	response->kind = g_strdup(kind->kind);
	response->type = g_strdup(kind->type);
	response->filename = g_strconcat(name, kind->extension, NULL);
	return g_steal_pointer(&response);
}

gboolean
response_find(
	Notebook *notebook, const char *name, gint64 max_bytes, Response **response, GError **error)
{
	for (size_t i = 0; i < notebook_n_cells(notebook); i++) {
		json_object *outputs = json_array_member(notebook_cell(notebook, i), "outputs");

		for (size_t k = 0; outputs != NULL && k < json_object_array_length(outputs); k++) {
			json_object *output = json_object_array_get_idx(outputs, k);
			const char *mime = chosen_type(output);

			if (mime == NULL)
				continue;
			Response *found = new_response(output, mime, name, max_bytes, error);
			if (found == NULL)
				return FALSE;
			*response = found;
			return TRUE;
		}
	}
	*response = NULL;
	return TRUE;
}

void
response_free(Response *response)
{
	if (response == NULL)
		return;
	g_free(response->kind);
	g_free(response->type);
	g_free(response->filename);
	g_free(response->bytes);
	g_free(response);
}
