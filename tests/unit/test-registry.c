/* The registry: what is put is found by every name it has, and by no other. */
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "daemon/registry.h"

static Hook *
new_hook(gint64 id, const char *path, char token_digit)
{
	Hook *hook = hook_new();

	hook->id = id;
	hook->path = g_strdup(path);
	hook->type = g_strdup("notebook");
	hook->token = g_strnfill(TOKEN_LENGTH, token_digit);
	hook->token_hash = ids_sha256(hook->token);
	hook->histo = g_strdup("20201008101221879662");
	hook->language = g_strdup("python");
	hook->params = json_object_new_object();
	hook->created_us = 5;
	hook->updated_us = 6;
	return hook;
}

static void
put(Registry *registry, gint64 id, const char *path, char token_digit)
{
	g_autoptr(Hook) hook = new_hook(id, path, token_digit);

	registry_put_hook(registry, hook);
}

static Hook *
find(Registry *registry, char token_digit)
{
	g_autofree char *token = g_strnfill(TOKEN_LENGTH, token_digit);

	return registry_find_token(registry, token);
}

static void
test_found(void)
{
	g_autoptr(Registry) registry = registry_new();

	put(registry, 1, "/b", 'a');
	put(registry, 2, "/a", 'b');
	g_assert_cmpint(find(registry, 'a')->id, ==, 1);
	g_assert_cmpint(find(registry, 'b')->id, ==, 2);
	g_assert_null(find(registry, 'c'));
	g_assert_null(registry_find_token(registry, NULL));
	g_assert_null(registry_find_token(registry, "a"));
	g_assert_cmpint(registry_find_path(registry, "/a", "notebook")->id, ==, 2);
	g_assert_null(registry_find_path(registry, "/a", "dependency"));
	g_assert_null(registry_find_path(registry, "/c", "notebook"));
	g_autoptr(GPtrArray) hooks = registry_hooks(registry);
	g_assert_cmpuint(hooks->len, ==, 2);
	g_assert_cmpstr(((Hook *) g_ptr_array_index(hooks, 0))->path, ==, "/a");
}

/* The same number in a new shape: nothing of the old one is found any more, but who holds it keeps it. */
static void
test_replaced(void)
{
	g_autoptr(Registry) registry = registry_new();

	put(registry, 1, "/old", 'a');
	g_autoptr(Hook) old = hook_ref(find(registry, 'a'));
	put(registry, 1, "/new", 'b');
	g_assert_null(find(registry, 'a'));
	g_assert_null(registry_find_path(registry, "/old", "notebook"));
	g_assert_cmpstr(find(registry, 'b')->path, ==, "/new");
	g_assert_cmpstr(old->path, ==, "/old");
	registry_put_hook(registry, find(registry, 'b')); /* itself */
	g_assert_cmpstr(find(registry, 'b')->path, ==, "/new");
	g_autoptr(GPtrArray) hooks = registry_hooks(registry);
	g_assert_cmpuint(hooks->len, ==, 1);
}

static void
test_removed(void)
{
	g_autoptr(Registry) registry = registry_new();

	put(registry, 1, "/a", 'a');
	registry_remove_hook(registry, 2);
	registry_remove_hook(registry, 1);
	registry_remove_hook(registry, 1);
	g_assert_null(find(registry, 'a'));
	g_assert_null(registry_find_path(registry, "/a", "notebook"));
	put(registry, 2, "/a", 'a');
	g_assert_cmpint(find(registry, 'a')->id, ==, 2);
}

static void
test_records(void)
{
	static const char params[] =
		"{\"n\":100000000000000000000000000,\"d\":1.50,\"deep\":[[{}]]}";
	g_autoptr(Hook) hook = new_hook(7, "/a/b.ipynb", 'a');
	g_autoptr(GError) error = NULL;

	json_object_put(hook->params);
	hook->params = json_parse_object(params, strlen(params), 10, NULL);
	hook->debug = hook->edited = TRUE;
	g_autoptr(HookRecord) record = hook_record(hook);
	g_autoptr(Hook) again = hook_from_record(record, &error);
	g_assert_no_error(error);
	g_autofree char *printed = json_print(again->params);
	g_assert_cmpstr(printed, ==, params);
	g_assert_cmpint(again->id, ==, 7);
	g_assert_null(again->kernel);
	g_assert_cmpstr(again->language, ==, "python");
	g_assert_true(again->debug && again->edited);
	g_autoptr(HookRecord) second = hook_record(again);
	g_assert_cmpstr(second->document, ==, record->document);
	g_assert_null(strstr(record->document, hook->token));
	g_free(record->document);
	record->document = g_strdup("[]");
	g_assert_null(hook_from_record(record, &error));
	g_assert_nonnull(error);
}

static const struct {
	const char *path, *name;
} names[] = {
	{ "/a/report.ipynb", "report" },
	{ "/report", "report" },
	{ "/a/b.c.ipynb", "b.c" },
	{ "/a/.ipynb", "" },
	{ "/a.ipynb/x.py", "x.py" },
};

static void
test_names(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(Hook) hook = new_hook(1, names[i].path, 'a');
		g_autofree char *name = hook_name(hook);

		g_assert_cmpstr(name, ==, names[i].name);
	}
}

static void
put_key(Registry *registry, const char *name, const char *text)
{
	g_autofree char *hash = ids_sha256(text);
	KeyRecord key = { (char *) name, hash, (char *) "{}" };

	registry_put_key(registry, &key);
}

static void
test_keys(void)
{
	g_autoptr(Registry) registry = registry_new();

	put_key(registry, "two", "text2");
	put_key(registry, "one", "text1");
	g_assert_cmpstr(registry_find_key(registry, "text1")->name, ==, "one");
	g_assert_null(registry_find_key(registry, "one"));
	g_assert_true(registry_has_key_name(registry, "two"));
	g_assert_false(registry_has_key_name(registry, "text2"));
	g_autoptr(GPtrArray) keys = registry_keys(registry);
	g_assert_cmpuint(keys->len, ==, 2);
	g_assert_cmpstr(((Key *) g_ptr_array_index(keys, 0))->name, ==, "one");
	g_assert_true(registry_remove_key(registry, "one"));
	g_assert_false(registry_remove_key(registry, "one"));
	g_assert_null(registry_find_key(registry, "text1"));
}

static void
test_run_keys(void)
{
	g_autoptr(Registry) registry = registry_new();
	g_autofree char *hash = ids_sha256("text");

	registry_put_run_key(registry, hash, "/a");
	registry_put_run_key(registry, hash, "/b");
	g_assert_cmpstr(registry_find_run_key(registry, "text"), ==, "/b");
	g_assert_null(registry_find_run_key(registry, hash));
	g_assert_null(registry_find_key(registry, "text")); /* no key of a user */
	registry_remove_run_key(registry, hash);
	registry_remove_run_key(registry, hash);
	g_assert_null(registry_find_run_key(registry, "text"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/registry/found", test_found);
	g_test_add_func("/registry/replaced", test_replaced);
	g_test_add_func("/registry/removed", test_removed);
	g_test_add_func("/registry/records", test_records);
	g_test_add_func("/registry/names", test_names);
	g_test_add_func("/registry/keys", test_keys);
	g_test_add_func("/registry/run-keys", test_run_keys);
	return g_test_run();
}
