/* tests/unit/oracle.h: asks Debian's Python modules what is right. */
#pragma once

#include <glib.h>

/* Runs tests/unit/<script> with the system's Python and gives what it printed; the test fails when
 * the script does. argument may be NULL. The caller frees. */
char *oracle_ask(const char *script, const char *argument);

/* Writes text into a new file in the system's temporary folder. The caller frees the name and
 * removes the file. */
char *oracle_file(const char *text, gssize size);

/* The bytes of a file beside the tests, as in "notebooks/v4.ipynb". The caller frees. */
char *oracle_read(const char *name, gsize *size);
