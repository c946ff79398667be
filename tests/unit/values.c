#include "values.h"

#include <string.h>

#define DEPTH 1000

json_object *
values_json(const char *text)
{
	json_object *value = NULL;
	g_autoptr(GError) error = NULL;

	json_parse(text, strlen(text), DEPTH, &value, &error);
	g_assert_no_error(error);
	return value;
}

static json_object *
nested(int depth)
{
	json_object *value = json_object_new_int(1);

	for (int i = 0; i < depth; i++) {
		json_object *outer =
			i % 2 != 0 ? json_object_new_object() : json_object_new_array();

		if (i % 2 != 0)
			json_object_object_add(outer, "k\"\\", value);
		else
			json_object_array_add(outer, value);
		value = outer;
	}
	return value;
}

static json_object *
digits(int n, gboolean negative)
{
	GString *text = g_string_new(negative ? "-" : "");

	for (int i = 0; i < n; i++)
		g_string_append_c(text, (char) (i > n / 3 && i < n / 2 ? '0' : '1' + i % 9));
	g_autofree char *source = g_string_free(text, FALSE);
	return values_json(source);
}

json_object *
values_extreme(void)
{
	json_object *variables = json_object_new_object();
	g_autofree char *long_text = g_strnfill(1 << 20, 'x');
	json_object *many = json_object_new_array();

	for (int i = 0; i < 100000; i++)
		json_object_array_add(many, json_object_new_int(i));
	for (int i = 0; i < 1000; i += 83)
		long_text[i * 1000] = "\"\\\n\r'\t{}%$"[i % 10];
	json_put_string(variables, "long_text", long_text);
	json_object_object_add(variables, "many", many);
	json_object_object_add(variables, "n4300", digits(4300, FALSE));
	json_object_object_add(variables, "n4301", digits(4301, TRUE));
	json_object_object_add(variables, "n20000", digits(20000, FALSE));
	for (int depth = 40; depth <= 640; depth *= 2) {
		g_autofree char *name = g_strdup_printf("depth%d", depth);

		json_object_object_add(variables, name, nested(depth));
	}
	return variables;
}

/* A name may not hold the NUL, which is the first of the pieces. */
static void
append_random_string(GString *text, gboolean without_nul)
{
	g_string_append_c(text, '"');
	for (int i = g_test_rand_int_range(0, 12); i > 0; i--) {
		static const char *const pieces[] = { "\\u0000", "\\\"", "\\\\", "\\n", "\\r", "'",
			"\"\"", "é", "😀", "\\u2028", "\\u0085", "\\u001c", "{", "%s",
			"\\ud83d\\ude00", "#", "?", "!" };
		const char *piece =
			pieces[g_test_rand_int_range(without_nul, G_N_ELEMENTS(pieces))];
		gunichar character = (gunichar) g_test_rand_int_range(0x20, 0x11000);

		if (g_test_rand_int_range(0, 2) == 0 && strcmp(piece, "\"\"") != 0)
			g_string_append(text, piece);
		else if (character != '"' && character != '\\' && g_unichar_validate(character))
			g_string_append_unichar(text, character);
	}
	g_string_append_c(text, '"');
}

static void
append_random_number(GString *text)
{
	if (g_test_rand_int_range(0, 2) == 0)
		g_string_append_c(text, '-');
	g_string_append_printf(text, "%d", g_test_rand_int_range(0, 100000));
	for (int i = g_test_rand_int_range(-4, 5); i > 0; i--)
		g_string_append_printf(text, "%d", g_test_rand_int_range(0, 100000));
	if (g_test_rand_int_range(0, 3) == 0)
		g_string_append_printf(text, ".%03d", g_test_rand_int_range(0, 1000));
	if (g_test_rand_int_range(0, 3) == 0)
		g_string_append_printf(text, "%c%+d", g_test_rand_bit() ? 'e' : 'E',
			g_test_rand_int_range(-400, 400));
}

static void
append_random_value(GString *text, int depth, gboolean without_nul)
{
	static const char *const words[] = { "null", "true", "false", "[]", "{}", "0", "-0",
		"-0.0" };
	int kind = g_test_rand_int_range(0, depth > 0 ? 5 : 3);
	int n = kind > 2 ? g_test_rand_int_range(0, 6) : 0;

	if (kind == 0)
		g_string_append(text, words[g_test_rand_int_range(0, G_N_ELEMENTS(words))]);
	else if (kind == 1)
		append_random_string(text, without_nul);
	else if (kind == 2)
		append_random_number(text);
	else
		g_string_append_c(text, kind == 3 ? '[' : '{');
	for (int i = 0; i < n; i++) {
		g_string_append(text, i > 0 ? ", " : "");
		if (kind == 4) {
			append_random_string(text, TRUE);
			g_string_append_c(text, ':');
		}
		append_random_value(text, depth - 1, without_nul);
	}
	if (kind > 2)
		g_string_append_c(text, kind == 3 ? ']' : '}');
}

json_object *
values_random(gboolean without_nul)
{
	json_object *variables = json_object_new_object();

	for (int i = 0; i < 600; i++) {
		g_autofree char *name = g_strdup_printf("v%d", i);
		g_autoptr(GString) text = g_string_new(NULL);

		append_random_value(text, 6, without_nul);
		json_object_object_add(variables, name, values_json(text->str));
	}
	return variables;
}
