/* mime_value.h: values of Content-Type and Content-Disposition, as requests have them in practice.
 *
 *   value = word *( ";" name "=" ( token / quoted string ) )
 *
 * In a quoted string a backslash stands for itself unless a quote or a backslash follows: browsers of old
 * sent whole Windows paths. What is malformed ends there; nothing here fails. */
#pragma once

#include <glib.h>

/* The word before the parameters, lower case; "" for NULL. The caller frees. */
char *mime_word(const char *value);

/* The first parameter of that lower-case name, as sent; NULL if there is none. The caller frees. */
char *mime_parameter(const char *value, const char *name);

/* A text that a form sends as a parameter: "name*" in UTF-8 or ISO 8859-1 (RFC 8187) if there is one, else
 * "name", in which browsers write quotes and line ends as %22, %0D and %0A (HTML standard, multipart form
 * data). NULL if there is none. The caller frees. */
char *mime_text(const char *value, const char *name);
