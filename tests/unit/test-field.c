/* The lists in header fields, and what Accept and Prefer make of them. */
#include "accept.h"
#include "field.h"
#include "prefer.h"

static const struct {
	const char *text, *read;
} list_rows[] = {
	{ NULL, "" },
	{ "", "" },
	{ " , ,", "" },
	{ "a", "a" },
	{ "A = b , c=\"d,e\\\"f\"", "a=b|c=d,e\"f" },
	{ "a;b;c=d;;E = \"\"", "a;b;c=d;e=" },
	{ "a=;b", "a;b" },
	{ "text/html;q=0.8,*/*", "text/html;q=0.8|*/*" },
	{ "a b, c", "c" },
	{ "=, c", "c" },
	{ "a=\"b, c", "" },
	{ "\"a, b\", c", "c" },
	{ "a=\"b\"x, c", "c" },
	{ "a;b=\"c, d", "" },
	{ "a;\", b\"; c, d", "d" },
	{ "\x80, c", "c" },
};

static void
append_pair(GString *text, const FieldItem *item)
{
	g_string_append(text, item->name);
	if (item->value != NULL)
		g_string_append_printf(text, "=%s", item->value);
}

static void
test_lists(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(list_rows); i++) {
		g_autoptr(GPtrArray) list = field_list(list_rows[i].text);
		g_autoptr(GString) read = g_string_new(NULL);

		for (guint j = 0; j < list->len; j++) {
			const FieldItem *item = g_ptr_array_index(list, j);

			g_string_append(read, j > 0 ? "|" : "");
			append_pair(read, item);
			for (guint k = 0; k < item->parameters->len; k++) {
				g_string_append_c(read, ';');
				append_pair(read, g_ptr_array_index(item->parameters, k));
			}
		}
		g_test_message("%s", list_rows[i].text);
		g_assert_cmpstr(read->str, ==, list_rows[i].read);
	}
}

#define CHROMIUM                                                                                   \
	"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/"       \
	"apng,*/"                                                                                  \
	"*;q=0.8,application/signed-exchange;v=b3;q=0.7"

static const struct {
	const char *accept;
	gboolean html;
} accept_rows[] = {
	{ NULL, FALSE },
	{ "", FALSE },
	{ "*/*", FALSE },
	{ CHROMIUM, TRUE },
	{ "text/html", TRUE },
	{ "TEXT/HTML; charset=utf-8", TRUE },
	{ "text/*", TRUE },
	{ "text/plain", FALSE },
	{ "application/json", FALSE },
	{ "text/html, application/json", FALSE },
	{ "text/html;q=0.9, application/json;q=0.8", TRUE },
	{ "text/html;q=0.8, application/json;q=0.9", FALSE },
	{ "text/html;q=0.8, application/problem+json;q=0.9", FALSE },
	{ "text/html;q=0.5, */*;q=0.5", FALSE },
	{ "text/html;q=0, */*", FALSE },
	{ "text/html;q=0", FALSE },
	{ "text/html;q=x", FALSE },
	{ "text/html;q=2, */*;q=0.1", FALSE },
	{ "image/avif,image/webp,*/*;q=0.8", FALSE },
	{ "text/*;q=0.1, text/html;q=0.9, application/*;q=0.5", TRUE },
};

static void
test_accept(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(accept_rows); i++) {
		g_test_message("%s", accept_rows[i].accept);
		g_assert_true(accept_prefers_html(accept_rows[i].accept) == accept_rows[i].html);
	}
}

static const struct {
	const char *accept, *type;
	double weight;
} weight_rows[] = {
	{ NULL, "text/html", 1 },
	{ "", "text/html", 1 },
	{ "*/*", "application/x-ipynb+json", 1 },
	{ "text/html", "text/html; charset=utf-8", 1 },
	{ "text/*;q=0.5", "text/markdown; charset=utf-8", 0.5 },
	{ "text/markdown, text/*;q=0.5", "Text/Markdown", 1 },
	{ "text/markdown;q=0, */*", "text/markdown", 0 },
	{ "image/png", "text/html", 0 },
};

static void
test_weights(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(weight_rows); i++)
		g_assert_cmpfloat(accept_weight(weight_rows[i].accept, weight_rows[i].type), ==,
			weight_rows[i].weight);
}

static const struct {
	const char *prefer;
	gboolean respond_async;
	gint64 wait_s;
} prefer_rows[] = {
	{ NULL, FALSE, -1 },
	{ "", FALSE, -1 },
	{ "respond-async", TRUE, -1 },
	{ "Respond-ASYNC", TRUE, -1 },
	{ "respond-async=\"\"", TRUE, -1 },
	{ "respond-async=", TRUE, -1 },
	{ "respond-async=yes", FALSE, -1 },
	{ "respond-async; foo=bar", TRUE, -1 },
	{ "wait=10", FALSE, 10 },
	{ "WAIT = \"10\"", FALSE, 10 },
	{ "wait=0", FALSE, 0 },
	{ "wait=007", FALSE, 7 },
	{ "wait=99999999999999999999999", FALSE, G_MAXINT32 },
	{ "wait", FALSE, -1 },
	{ "wait=", FALSE, -1 },
	{ "wait=-1", FALSE, -1 },
	{ "wait=1.5", FALSE, -1 },
	{ "wait=10s", FALSE, -1 },
	{ "wait=1 0", FALSE, -1 },
	{ "wait=10, wait=20", FALSE, 10 },
	{ "wait=x, wait=20", FALSE, -1 },
	{ "respond-async, wait=10", TRUE, 10 },
	{ "handling=lenient, wait=100, respond-async", TRUE, 100 },
	{ "foo; bar=\"wait=1, respond-async\", wait=3", FALSE, 3 },
	{ "foo=\"wait=1, respond-async", FALSE, -1 },
	{ "===, respond-async", TRUE, -1 },
	{ "return=minimal; wait=5", FALSE, -1 },
};

static void
test_prefer(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(prefer_rows); i++) {
		Preferences preferences = prefer_read(prefer_rows[i].prefer);

		g_test_message("%s", prefer_rows[i].prefer);
		g_assert_true(preferences.respond_async == prefer_rows[i].respond_async);
		g_assert_cmpint(preferences.wait_s, ==, prefer_rows[i].wait_s);
	}
}

static const struct {
	Preferences applied;
	const char *value;
} applied_rows[] = {
	{ { FALSE, -1 }, "" },
	{ { TRUE, -1 }, "respond-async" },
	{ { FALSE, 0 }, "wait=0" },
	{ { TRUE, 10 }, "respond-async, wait=10" },
};

static void
test_applied(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(applied_rows); i++) {
		g_autofree char *value = prefer_applied(&applied_rows[i].applied);

		g_assert_cmpstr(value, ==, applied_rows[i].value);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/field/lists", test_lists);
	g_test_add_func("/accept/html", test_accept);
	g_test_add_func("/accept/weights", test_weights);
	g_test_add_func("/prefer/read", test_prefer);
	g_test_add_func("/prefer/applied", test_applied);
	return g_test_run();
}
