#include "exec/play_spec.h"

#include "base/files.h"

void
play_spec_free(PlaySpec *spec)
{
	if (spec == NULL)
		return;
	int *fds[] = { &spec->notebook, &spec->outcome, &spec->executed, &spec->response,
		&spec->request, &spec->log, &spec->alternative };

	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		files_close(fds[i]);
	g_free(spec->job);
	g_free(spec->path);
	g_free(spec->folder);
	g_free(spec->files);
	g_free(spec->kernel);
	g_free(spec->language);
	g_free(spec->key);
	g_free(spec->url);
	g_free(spec->runtime);
	json_object_put(spec->params);
	g_free(spec);
}
