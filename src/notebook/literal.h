/* notebook/literal.h: what the literals of several languages have in common.
 *
 * Parsers have limits: of brackets within brackets (R: 50), of the arguments of a call. So a value that is
 * nested deep or has long lists is written in steps, each of which assigns a part to a variable that only
 * the expression itself sees. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* How a language writes lists and dictionaries. Items are expressions (char *). */
typedef struct LiteralStyle {
	int max_height;       /* lists within lists of one step */
	guint max_items;      /* of a list in one step; 0: any number */
	const char *begin;    /* of an expression with steps */
	const char *end;      /* of it, behind its value */
	const char *assign;   /* between a step's variable and its value */
	const char *words[3]; /* false, true, null */
	const char *list_begin;
	const char *list_end;
	/* text is a number of JSON, an integer's without fraction and exponent. */
	void (*append_integer)(GString *source, const char *text);
	void (*append_double)(GString *source, const char *text);
	void (*append_string)(GString *source, json_object *string);
	/* names has as many strings (json_object *) as there are items. */
	void (*append_dict)(
		GString *source, json_object *const *names, char *const *items, guint n);
	/* Appends the statement that adds a further part to a variable; NULL where max_items is 0. */
	void (*append_extension)(
		GString *source, const char *variable, const char *part, gboolean is_dict);
} LiteralStyle;

/* Appends n expressions with commas between them. */
void literal_append_items(GString *source, char *const *items, guint n);

/* Appends a value as an expression on one line. */
void literal_append(GString *source, const LiteralStyle *style, json_object *value);

/* Whether a character can stand for itself in a literal: no control or format character, no surrogate and
 * no line end of any kind. */
gboolean literal_is_plain(gunichar character);

/* Whether a character can begin, or continue, an identifier by its general category (Unicode Standard Annex
 * 31), "_" included. */
gboolean literal_starts_identifier(gunichar character);
gboolean literal_continues_identifier(gunichar character);

/* Whether name is not empty, begins and goes on so, and is in the given normal form. */
gboolean literal_is_identifier(const char *name, GNormalizeMode mode);
