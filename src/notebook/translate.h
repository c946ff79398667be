/* notebook/translate.h: values as source text of a kernel's language; one table of translators.
 *
 * A value can never become code: strings are escaped by the rules of the language, whatever they
 * hold. */
#pragma once

#include <glib.h>

#include "base/json.h"

typedef struct Translator Translator;

/* The translator of a language ("python", "r" …; case does not matter); NULL if there is none.
 * Static. */
const Translator *translator_find(const char *language);

/* Whether a key may become a variable: an identifier that is no keyword, builtin or dunder. */
gboolean translator_accepts_name(const Translator *translator, const char *name, size_t size);

/* "# Parameters" and one assignment per member of variables. The caller frees. */
char *translator_parameters(const Translator *translator, json_object *variables);

/* The source of the identity cell: sets naas.n_env.current = {uid, path, env: "RUNNER", runtime}
 * without failing where the module is missing. NULL for a language that has no module. */
char *translator_identity(
	const Translator *translator, const char *uid, const char *path, const char *runtime);

/* Whether a notebook in that language (NULL: it does not say) can be given variables. UNPROCESSABLE where
 * there is something to inject (a param, a body, a variable) and no translator, or a value that the
 * language has not. */
gboolean translate_check(const char *language, json_object *variables, GError **error);

/* Puts the identity cell first (tag naas-injected) and the parameters (tag injected-parameters)
 * after the first cell tagged "parameters", else directly after the identity cell; earlier
 * injected ones are replaced. Without a uid (by hand) there is no identity cell, and no parameters cell
 * where there are no variables. Errors as of translate_check; the notebook of a language without a
 * translator is left as it is. */
struct Notebook;
gboolean translate_inject(struct Notebook *notebook, const char *language, json_object *variables,
	const char *uid, const char *path, const char *runtime, GError **error);

/* The index of a cell in the author's file (notebook_author_index); -1 for an injected one. */
gssize translate_author_index(struct Notebook *notebook, size_t index);
