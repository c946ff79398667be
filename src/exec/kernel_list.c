#include "exec/kernel_list.h"

#include "jupyter/kernelspec.h"
#include "notebook/translate.h"

static json_object *
describe(const Kernelspec *spec, const Settings *settings)
{
	json_object *entry = json_object_new_object();
	g_autofree char *trouble = kernelspec_trouble(spec, settings);

	json_put_string(entry, "name", spec->name);
	json_put_string(entry, "display_name", spec->display_name);
	json_put_string(entry, "language", spec->language);
	json_put_string(entry, "folder", spec->folder);
	json_put_bool(entry, "parameters", translator_find(spec->language) != NULL);
	json_put_string(entry, "trouble", trouble);
	return entry;
}

json_object *
kernel_list(const Settings *settings)
{
	g_autoptr(GPtrArray) specs = kernelspec_list(settings);
	json_object *list = json_object_new_array();

	for (guint i = 0; i < specs->len; i++)
		json_object_array_add(list, describe(specs->pdata[i], settings));
	return list;
}
