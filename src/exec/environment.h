/* exec/environment.h: the environments of executors and kernels, built and never inherited.
 *
 * From the starter's own environment come the names of one allowlist. For a kernel the kernelspec adds its
 * own, the run adds its key and address, and what programs keep in a home or for a while goes to a folder
 * of the run. */
#pragma once

#include <glib.h>

#include "base/claim.h"
#include "jupyter/kernelspec.h"

/* The variable that every process of a run has, unless it was given another environment: run_dir. */
#define ENVIRONMENT_MARK "NBHOOK_RUN_DIR"

/* "NAME=value" strings: what this process has of the allowlist and of further names (NULL: none). The caller
 * frees it with g_strfreev. */
char **environment_inherit(const char *const *further);

/* A new private folder for what a run writes outside of its own places: on a disk, not in run_dir, below
 * $TMPDIR or /var/tmp. Errors as of claim_new. The caller frees the result. */
Claim *environment_home(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes such folders whose executor has ended. */
void environment_sweep(void);

typedef struct EnvironmentSpec {
	const Kernelspec *kernel;
	const char *home;    /* the folder that environment_home gave */
	const char *runtime; /* the folder of the kernel's connection, or home */
	const char *run_dir; /* by which a process is known as one of a run */
	const char *url;     /* NAAS_URL; NULL: none */
	const char *key;     /* NAAS_TOKEN; NULL: none */
} EnvironmentSpec;

/* "NAME=value" strings for execve(2). "$NAME" and "${NAME}" in the kernelspec's values stand for what
 * has been set before. The caller frees it with g_strfreev. */
char **environment_new(const EnvironmentSpec *spec);
