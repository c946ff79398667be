#include "exec/prepare.h"

#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/ids.h"
#include "exec/report.h"
#include "notebook/excerpt.h"
#include "notebook/request.h"
#include "notebook/translate.h"

static Notebook *
read_notebook(const PrepareSpec *spec, GError **error)
{
	size_t size;
	g_autofree char *text = files_read_all(
		spec->notebook, spec->settings->max_notebook, "max_notebook", &size, error);

	return text != NULL ? notebook_parse(text, size, error) : NULL;
}

static Inputs *
read_request(const PrepareSpec *spec, GError **error)
{
	const Settings *settings = spec->settings;
	RequestLimits limits = request_limits_accepted(settings);
	/* as it was received, or as JSON, which has each field twice and may write a byte as six */
	gint64 max = settings->max_body + 12 * settings->max_parsed_body + settings->max_headers +
		     settings->max_uri;
	size_t size;
	g_autofree char *text = files_read_all(spec->request, max, "max_body", &size, error);

	return text != NULL ? inputs_new(text, size, &limits, error) : NULL;
}

/* The variables of the request and the webhook; an object, or NULL with the error. */
static json_object *
read_variables(const PrepareSpec *spec, GError **error)
{
	if (spec->request < 0)
		return spec->registered != NULL ? json_object_get(spec->registered)
						: json_object_new_object();
	g_autoptr(Inputs) inputs = read_request(spec, error);
	if (inputs == NULL)
		return NULL;
	if (spec->files != NULL)
		inputs_place_files(inputs, spec->files);
	return inputs_variables(inputs, spec->registered, spec->language);
}

/* The daemon has checked the names of registered params; those given by hand nobody has. */
static gboolean
check_names(json_object *params, const char *language, GError **error)
{
	const Translator *translator = translator_find(language);

	if (params == NULL || translator == NULL)
		return TRUE;
	json_object_object_foreach (params, name, value) {
		(void) value;
		if (translator_accepts_name(translator, name, strlen(name)))
			continue;
		g_autofree char *quoted = excerpt(name);
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"\"%s\" is no name that a variable of this notebook may get", quoted);
		return FALSE;
	}
	return TRUE;
}

Notebook *
prepare_notebook(const PrepareSpec *spec, json_object **variables, GError **error)
{
	g_autoptr(Notebook) notebook = read_notebook(spec, error);
	const char *uid = ids_job_uuid(spec->job);

	if (notebook == NULL ||
		(spec->job == NULL && !check_names(spec->registered, spec->language, error)))
		return NULL;
	g_autoptr(json_object) values = read_variables(spec, error);
	if (values == NULL)
		return NULL;
	notebook_clear_outputs(notebook);
	report_remove_markers(notebook);
	if (!translate_inject(notebook, spec->language, values, uid != NULL ? uid : spec->job,
		    spec->path, spec->runtime, error))
		return NULL;
	*variables = g_steal_pointer(&values);
	return g_steal_pointer(&notebook);
}
