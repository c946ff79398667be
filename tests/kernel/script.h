/* tests/kernel/script.h: the text of a script as statements of words.
 *
 * Statements end at ";" or at the end of a line; "#" begins a comment. A word is bare (stream, 0.5, stderr),
 * a JSON string ("hi\n"), a JSON object or array, or a number, "*" and a JSON string: 20M*"x" is twenty million
 * times x (K and M are thousands here). */
#pragma once

#include <glib.h>

/* Gives the statements (char **, freed with the array), or NULL with what is wrong. */
GPtrArray *script_parse(const char *text, GError **error);

/* A count such as 60000, 20M or forever (-1); what is no count ends the program, which says so. */
gint64 script_count(const char *word);

/* A copy of a word with $name replaced by the variable of that name (char * -> char *); a "$" that no known
 * name follows stays. */
char *script_expand(const char *word, GHashTable *variables);
