/* Parameters of R, which reads them itself, and of Julia, of which there are the texts. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "notebook/translate.h"
#include "oracle.h"
#include "values.h"

/* R runs the cell of variables and finds the same values. */
static void
assert_r_agrees(json_object *variables)
{
	g_autofree char *source = translator_parameters(translator_find("R"), variables);
	g_autofree char *wanted = json_print(variables);
	g_autofree char *both = g_strconcat(wanted, "\n", source, NULL);
	g_autofree char *name = oracle_file(both, -1);
	g_autofree char *answer = oracle_ask("r-oracle.py", name);

	g_assert_cmpint(
		g_ascii_strtoll(answer, NULL, 10), ==, json_object_object_length(variables));
	g_remove(name);
}

static void
test_r_random_values(void)
{
	g_autoptr(json_object) variables = values_random(TRUE);

	assert_r_agrees(variables);
}

/* Every character, in texts and in names. */
static void
add_characters(json_object *variables)
{
	json_object *texts = json_object_new_array();
	json_object *names = json_object_new_object();

	for (gunichar from = 0; from < 0x110000; from += 0x100) {
		g_autoptr(GString) text = g_string_new(NULL);

		for (gunichar character = MAX(from, 1); character < from + 0x100; character++)
			if (g_unichar_validate(character))
				g_string_append_unichar(text, character);
		json_object_array_add(texts, json_object_new_string(text->str));
		json_object_object_add(names, text->str, NULL);
	}
	json_object_object_add(variables, "texts", texts);
	json_object_object_add(variables, "names", names);
}

static void
test_r_extremes(void)
{
	g_autoptr(json_object) variables = values_extreme();
	g_autofree char *long_name = g_strnfill(20000, 'x');
	json_object *strange = values_json("{\"\": {\"a b\": [], \"NULL\": null}}");

	add_characters(variables);
	json_object_object_add(strange, long_name, json_object_new_int(1));
	json_object_object_add(variables, "strange", strange);
	json_object_object_add(variables, "numbers",
		values_json("[2147483647, 2147483648, -2147483647, -2147483648, 9007199254740992, "
			    "9007199254740993, 1e22, 1e23, 1e400, -1e400, 1e-400, 5e-324, 4.35, "
			    "2.2250738585072011e-308, 1.7976931348623157e308, "
			    "0.30000000000000004, 100000000000000000000000, 36893488147419103232, "
			    "-0, -0.0, 123456.789e-40, 8.5e-00000000000000000000001, "
			    "0.79165897199032359, 1033196.11e-9, 228093564e-17]"));
	assert_r_agrees(variables);
}

/* clang-format off */
static const char nasty[] =
	"{\"a\": null, \"b\": [true, false, 2147483647, 2147483648, 9007199254740993, 1E400, 1e-400, 0.5], "
	"\"c\": {\"d\\\"$\": \"x\\\\\\n\\r\\t\\u001f\\u0085\\u200bé😀$(run(`rm`))'\\\"#{}\"}, "
	"\"e\": [], \"f\": {}, \"g\": {\"\": \"é\", \"é\": 1}}";

static const char nasty_in_r[] =
	"# Parameters\n"
	"a <- NULL\n"
	"b <- list(TRUE, FALSE, 2147483647L, 2147483648, \"9007199254740993\", Inf, 0x0p+0, 0.5)\n"
	"c <- list(\"d\\\"$\" = \"x\\\\\\n\\r\\t\\u001f\\u0085\\u200b\\u00e9\\U0001f600$(run(`rm`))'\\\"#{}\")\n"
	"e <- list()\n"
	"f <- structure(list(), names = character())\n"
	"g <- structure(list(\"\\u00e9\", 1L), names = c(\"\", \"\\u00e9\"))";

static const char nasty_in_julia[] =
	"# Parameters\n"
	"a = nothing\n"
	"b = Any[true, false, 2147483647, 2147483648, 9007199254740993, Inf, 0.0, 0.5]\n"
	"c = Dict{String,Any}(\"d\\\"\\$\" => \"x\\\\\\n\\r\\t\\u001f\\u0085\\u200bé😀\\$(run(`rm`))'\\\"#{}\")\n"
	"e = Any[]\n"
	"f = Dict{String,Any}()\n"
	"g = Dict{String,Any}(\"\" => \"é\", \"é\" => 1)";

static const struct {
	const char *language, *variables, *source;
} sources[] = {
	{ "r", nasty, nasty_in_r },
	{ "Julia", nasty, nasty_in_julia },
	{ "R", "{\"été\": \"\"}", "# Parameters\n`été` <- \"\"" },
	{ "R", "{\"a\": [-2147483647, -2147483648, -9223372036854775808, -9223372036854775809, 9223372036854775807]}",
	  "# Parameters\na <- list(-2147483647L, -2147483648, -0x1p+63, \"-9223372036854775809\", \"9223372036854775807\")" },
	{ "julia", "{\"a\": [-9223372036854775807, -9223372036854775808, 9223372036854775808, -0]}",
	  "# Parameters\na = Any[-9223372036854775807, typemin(Int64), big\"9223372036854775808\", 0]" },
	{ "julia", "{\"a\": [-0.0, -1e999, 1E5, \"\\u0000\"]}",
	  "# Parameters\na = Any[-0.0, -Inf, 1E5, \"\\u0000\"]" },
};
/* clang-format on */

static void
test_sources(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
		g_autoptr(json_object) variables = values_json(sources[i].variables);
		g_autofree char *source =
			translator_parameters(translator_find(sources[i].language), variables);

		g_assert_cmpstr(source, ==, sources[i].source);
	}
}

/* Appends n times one text. */
static void
repeat(GString *source, const char *text, int n)
{
	while (n-- > 0)
		g_string_append(source, text);
}

/* Long and deep values are made in parts, so that no parser's or compiler's limit is met. */
static void
test_julia_parts(void)
{
	g_autoptr(GString) text = g_string_new("{\"a\": [1");
	g_autoptr(GString) expected = g_string_new("# Parameters\na = let; v1 = Any[1");

	repeat(text, ", 1", 500);
	repeat(expected, ", 1", 499);
	g_string_append(expected, "]; append!(v1, Any[1]); v1; end\nb = let; v1 = ");
	g_string_append(text, "], \"b\": ");
	repeat(text, "[", 31);
	repeat(text, "]", 31);
	repeat(expected, "Any[", 30);
	repeat(expected, "]", 30);
	g_string_append(expected, "; Any[v1]; end");
	g_string_append_c(text, '}');
	g_autoptr(json_object) variables = values_json(text->str);
	g_autofree char *source = translator_parameters(translator_find("julia"), variables);
	g_assert_cmpstr(source, ==, expected->str);
}

/* clang-format off */
static const struct {
	const char *language, *name;
	gboolean accepted;
} names[] = {
	{ "r", "a", TRUE }, { "r", "a.b_c1", TRUE }, { "r", "data", TRUE }, { "r", "été", TRUE },
	{ "r", "c", TRUE }, { "r", "日本", TRUE }, { "r", "a_", TRUE }, { "r", "a.", TRUE },
	{ "r", "", FALSE }, { "r", "_a", FALSE }, { "r", ".a", FALSE }, { "r", "...", FALSE },
	{ "r", "1a", FALSE }, { "r", "a b", FALSE }, { "r", "a-b", FALSE }, { "r", "a`b", FALSE },
	{ "r", "if", FALSE }, { "r", "TRUE", FALSE }, { "r", "T", FALSE }, { "r", "NA_real_", FALSE },
	{ "r", "in", FALSE }, { "r", "pi", FALSE }, { "r", "e\u0301", FALSE }, { "r", "a\n", FALSE },
	{ "r", "a<-q", FALSE }, { "r", "\u200ba", FALSE },
	{ "julia", "a", TRUE }, { "julia", "_a1", TRUE }, { "julia", "δ", TRUE }, { "julia", "日本", TRUE },
	{ "julia", "name", TRUE }, { "julia", "id", TRUE },
	{ "julia", "", FALSE }, { "julia", "1a", FALSE }, { "julia", "a.b", FALSE }, { "julia", "a!", FALSE },
	{ "julia", "end", FALSE }, { "julia", "where", FALSE }, { "julia", "__", FALSE },
	{ "julia", "µ", FALSE }, { "julia", "π", FALSE }, { "julia", "sum", FALSE }, { "julia", "Any", FALSE },
	{ "julia", "ARGS", FALSE }, { "julia", "zip", FALSE }, { "julia", "a$b", FALSE },
};
/* clang-format on */

static void
test_names(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (translator_accepts_name(translator_find(names[i].language), names[i].name,
			    strlen(names[i].name)) != names[i].accepted)
			g_error("%s: \"%s\" is %s", names[i].language, names[i].name,
				names[i].accepted ? "refused" : "accepted");
}

/* clang-format off */
static const struct {
	const char *language, *variables, *complaint;
} checks[] = {
	{ "r", "{\"body\": {\"a\": [\"b\"]}}", NULL },
	{ "R", "{\"x\": 1, \"body\": {\"a\": [\"b\\u0000\"]}}", "*\"body\"*U+0000*R cannot*" },
	{ "julia", "{\"body\": \"\\u0000\"}", NULL },
	{ "python", "{\"body\": \"\\u0000\"}", NULL },
	{ "cobol", "{\"x\": 1}", "*\"cobol\"*" },
	{ "cobol", "{}", NULL },
};
/* clang-format on */

static void
test_checks(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
		g_autoptr(json_object) variables = values_json(checks[i].variables);
		g_autoptr(GError) error = NULL;
		gboolean fits = translate_check(checks[i].language, variables, &error);

		g_assert_cmpint(fits, ==, checks[i].complaint == NULL);
		if (fits)
			continue;
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
		g_assert_true(g_pattern_match_simple(checks[i].complaint, error->message));
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/languages/r-random-values", test_r_random_values);
	g_test_add_func("/languages/r-extremes", test_r_extremes);
	g_test_add_func("/languages/sources", test_sources);
	g_test_add_func("/languages/julia-parts", test_julia_parts);
	g_test_add_func("/languages/names", test_names);
	g_test_add_func("/languages/checks", test_checks);
	return g_test_run();
}
