/* jupyter/kernelspec.h: which kernels there are and how each is started.
 *
 * Folders are searched in this order, the first that has a name wins, names do not differ by case: the
 * setting kernel_path, $JUPYTER_PATH, the user's ($JUPYTER_DATA_DIR, else ~/.local/share/jupyter), share/jupyter
 * below the prefix of the setting python, /usr/local/share/jupyter, /usr/share/jupyter. Where none of them has
 * "python3" and the interpreter has ipykernel, there is one all the same. Every program that asks the same
 * settings and the same variables gets the same answer.
 *
 * A kernelspec that cannot be used keeps its name: it is listed, with why, and hides those behind it. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "conf/settings.h"

typedef struct Kernelspec {
	char *name; /* the folder's name in lower case */
	char *display_name;
	char *language;                /* in lower case */
	char *folder;                  /* what {resource_dir} stands for */
	char **argv;                   /* as in kernel.json */
	json_object *env;              /* an object of strings */
	gboolean interrupt_by_message; /* interrupt_mode "message", else SIGINT */
	gboolean tcp; /* metadata.nbhook.transport "tcp": 127.0.0.1 and not Unix sockets */
	char *broken; /* why it cannot be used; then it has no argv. Else NULL */
} Kernelspec;

void kernelspec_free(Kernelspec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Kernelspec, kernelspec_free)

/* All kernels, also broken ones, sorted by name, one a name (Kernelspec *, freed with the array, which the
 * caller owns). */
GPtrArray *kernelspec_list(const Settings *settings);

/* The kernel of the configured interpreter where that has ipykernel, or NULL. The caller frees. */
Kernelspec *kernelspec_native(const Settings *settings);

/* Why this process could not start it (broken, or its program is not there or may not be executed), or NULL.
 * The caller frees. */
char *kernelspec_trouble(const Kernelspec *spec, const Settings *settings);

/* The kernel of a notebook: the one of that name; without one, the best of that language: one that could be
 * started before others, then python3, then by name. A NULL or empty name and language is none; with neither,
 * the language is python, as nbclient has it. UNPROCESSABLE with the list of known kernels when there is none,
 * with the reason when the one of that name is broken. The caller frees the result. */
Kernelspec *kernelspec_find(const Settings *settings, const char *name, const char *language,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The command with {connection_file}, {resource_dir} and {prefix} replaced; a first word python, python3
 * or python3.x is the setting python; ipykernel keeps its history in memory and
 * watches no parent. The caller frees it with g_strfreev. */
char **kernelspec_command(
	const Kernelspec *spec, const Settings *settings, const char *connection_file);
