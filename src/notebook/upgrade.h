/* notebook/upgrade.h: a notebook of format 3 becomes one of format 4.5, as nbformat converts it.
 *
 * Worksheets are flattened, input and prompt_number become source and execution_count, headings
 * become markdown, pyout and pyerr become execute_result and error with MIME bundles. One thing
 * more than nbformat: the language that format 3 keeps in its cells becomes
 * metadata.language_info.name, when the metadata says none. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* Changes the document in place. UNPROCESSABLE for one whose worksheets or cells are no lists. Ids
 * are not given here. */
gboolean upgrade_document(json_object *document, GError **error);
