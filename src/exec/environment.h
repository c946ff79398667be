/* exec/environment.h: the environment of a kernel, built and never inherited.
 *
 * From the executor's own environment come the names of an allowlist; the kernelspec adds its own; the
 * run adds its key and address; what programs keep in a home goes to a folder of the run. */
#pragma once

#include <glib.h>

#include "jupyter/kernelspec.h"

typedef struct EnvironmentSpec {
	const Kernelspec *kernel;
	const char *home; /* the private folder of the run */
	const char *url;  /* NAAS_URL; NULL: none */
	const char *key;  /* NAAS_TOKEN; NULL: none */
} EnvironmentSpec;

/* "NAME=value" strings for execve(2). "$NAME" and "${NAME}" in the kernelspec's values stand for what
 * has been set before. The caller frees it with g_strfreev. */
char **environment_new(const EnvironmentSpec *spec);
