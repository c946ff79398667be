/* field.h: the lists in header fields, such as Accept and Prefer.
 *
 *   list = item *( "," item )     item = pair *( ";" [ pair ] )     pair = name [ "=" value ]
 *
 * with optional spaces everywhere between (RFC 9110 section 5.6). A name is a token and may hold slashes,
 * as media types do; a value is a token or a quoted string. An item that is not of this form is left out,
 * without harm to the others. Nothing here fails. */
#pragma once

#include <glib.h>

typedef struct FieldItem {
	char *name;            /* in lower case */
	char *value;           /* as sent, a quoted string without its quotes; NULL: none */
	GPtrArray *parameters; /* FieldItem, without parameters of their own (NULL) */
} FieldItem;

/* The items of text (may be NULL) in their order. The caller unrefs. */
GPtrArray *field_list(const char *text);

/* The text of a quoted string, which *at points to and is moved behind; NULL for what is none. The caller
 * frees. */
char *field_quoted(const char **at);
