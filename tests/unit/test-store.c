/* The store: the same conversation with every implementation; what survives a crash of SQLite's. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "store/store.h"

typedef struct {
	const StoreInterface *store;
	char *folder, *path;
	Store *handle;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer store)
{
	g_autoptr(GError) error = NULL;

	fixture->store = store;
	fixture->folder = g_dir_make_tmp("nbhook-store-XXXXXX", NULL);
	fixture->path = g_build_filename(fixture->folder, "nbhook.db", NULL);
	fixture->handle = fixture->store->open(fixture->path, &error);
	g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *name = g_path_get_basename(fixture->folder);
	AUTO_FD parent = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fixture->handle != NULL)
		fixture->store->close(fixture->handle);
	g_assert_true(files_remove_tree(parent, name, NULL));
	g_free(fixture->folder);
	g_free(fixture->path);
}

static void
begin(Fixture *fixture)
{
	g_assert_true(fixture->store->begin(fixture->handle, NULL));
	g_assert_true(fixture->store->savepoint(fixture->handle, NULL));
}

static void
commit(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(fixture->store->commit(fixture->handle, &error));
	g_assert_no_error(error);
}

static void
add_job(Fixture *fixture, const char *uuid, const char *path, gint64 accepted_us)
{
	JobRecord job = { (char *) uuid, (char *) "folder", (char *) path, 7, FALSE,
		(char *) "active", accepted_us, (char *) "{\"a\":\"\u00e9\"}" };
	g_autoptr(GError) error = NULL;

	g_assert_true(fixture->store->add_job(fixture->handle, &job, &error));
	g_assert_no_error(error);
}

/* The uuids of a list, joined. */
static void
assert_jobs(GPtrArray *jobs, const char *uuids)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < jobs->len; i++)
		g_string_append(text, ((JobRecord *) g_ptr_array_index(jobs, i))->uuid);
	g_assert_cmpstr(text->str, ==, uuids);
	g_ptr_array_unref(jobs);
}

static void
test_jobs(Fixture *fixture, gconstpointer unused)
{
	const StoreInterface *store = fixture->store;
	Store *handle = fixture->handle;
	g_autoptr(GError) error = NULL;

	begin(fixture);
	add_job(fixture, "b", "/p", 200);
	add_job(fixture, "a", "/p", 100);
	add_job(fixture, "c", "/q", 300);
	add_job(fixture, "d", "/p", 400);
	commit(fixture);
	assert_jobs(store->list_unended_jobs(handle, NULL), "abcd");
	assert_jobs(store->list_jobs(handle, NULL, "/p", 10, NULL), "dba");
	assert_jobs(store->list_jobs(handle, NULL, "/p", 2, NULL), "db");
	assert_jobs(store->list_jobs(handle, NULL, "/none", 2, NULL), "");
	assert_jobs(store->list_jobs(handle, NULL, NULL, 3, NULL), "dcb");
	assert_jobs(store->list_jobs(handle, "active", "/q", 3, NULL), "c");
	assert_jobs(store->list_jobs(handle, "failed", NULL, 3, NULL), "");
	g_autoptr(GPtrArray) folders = store->list_folders(handle, NULL);
	g_assert_cmpuint(folders->len, ==, 4);
	g_assert_cmpstr(g_ptr_array_index(folders, 0), ==, "folder");
	g_autoptr(JobRecord) found = store->find_job(handle, "c", &error);
	g_assert_cmpstr(found->path, ==, "/q");
	g_assert_cmpstr(found->document, ==, "{\"a\":\"\u00e9\"}");
	g_assert_cmpint(found->hook, ==, 7);
	g_assert_cmpint(found->accepted_us, ==, 300);
	g_assert_false(found->ended);
	g_assert_null(store->find_job(handle, "x", &error));
	g_assert_no_error(error);
}

static void
test_deliveries(Fixture *fixture, gconstpointer unused)
{
	const StoreInterface *store = fixture->store;
	DeliveryRecord record = { 1, (char *) "key", (char *) "digest", (char *) "a", 100 };
	DeliveryRecord later = { 1, (char *) "key", (char *) "other", (char *) "b", 200 };

	begin(fixture);
	g_assert_true(store->put_delivery(fixture->handle, &record, NULL));
	g_assert_true(store->put_delivery(fixture->handle, &later, NULL));
	commit(fixture);
	g_autoptr(DeliveryRecord) found = store->find_delivery(fixture->handle, 1, "key", NULL);
	g_assert_cmpstr(found->uuid, ==, "b");
	g_assert_cmpstr(found->digest, ==, "other");
	g_assert_cmpint(found->created_us, ==, 200);
	g_assert_null(store->find_delivery(fixture->handle, 2, "key", NULL));
	begin(fixture);
	g_assert_true(store->forget_deliveries(fixture->handle, 200, NULL));
	commit(fixture);
	g_autoptr(DeliveryRecord) kept = store->find_delivery(fixture->handle, 1, "key", NULL);
	g_assert_nonnull(kept);
	begin(fixture);
	g_assert_true(store->forget_deliveries(fixture->handle, 201, NULL));
	commit(fixture);
	g_assert_null(store->find_delivery(fixture->handle, 1, "key", NULL));
}

static void
test_update_job(Fixture *fixture, gconstpointer unused)
{
	const StoreInterface *store = fixture->store;
	JobRecord change = { (char *) "a", (char *) "x", (char *) "/x", 9, TRUE,
		(char *) "completed", 5, (char *) "{}" };
	g_autoptr(GError) error = NULL;

	begin(fixture);
	add_job(fixture, "a", "/p", 100);
	add_job(fixture, "b", "/p", 200);
	g_assert_true(store->update_job(fixture->handle, &change, &error));
	change.uuid = (char *) "none";
	g_assert_false(store->update_job(fixture->handle, &change, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND);
	commit(fixture);
	assert_jobs(store->list_unended_jobs(fixture->handle, NULL), "b");
	g_autoptr(JobRecord) job = store->find_job(fixture->handle, "a", NULL);
	g_assert_true(job->ended);
	g_assert_cmpstr(job->status, ==, "completed");
	g_assert_cmpstr(job->document, ==, "{}");
	g_assert_cmpstr(job->path, ==, "/p"); /* an update changes the state alone */
	g_assert_cmpstr(job->folder, ==, "folder");
	g_assert_cmpint(job->accepted_us, ==, 100);
}

static void
test_job_twice(Fixture *fixture, gconstpointer unused)
{
	const StoreInterface *store = fixture->store;
	JobRecord again = { (char *) "a", (char *) "x", (char *) "/x", 9, TRUE,
		(char *) "completed", 5, (char *) "{}" };
	g_autoptr(GError) error = NULL;

	begin(fixture);
	add_job(fixture, "a", "/p", 100);
	commit(fixture);
	begin(fixture);
	g_assert_false(store->add_job(fixture->handle, &again, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_CONFLICT);
	g_assert_true(store->undo(fixture->handle, NULL));
	commit(fixture);
	g_autoptr(JobRecord) job = store->find_job(fixture->handle, "a", NULL);
	g_assert_cmpstr(job->path, ==, "/p");
}

static void
test_undo_takes_back_one_change(Fixture *fixture, gconstpointer unused)
{
	const StoreInterface *store = fixture->store;

	begin(fixture);
	add_job(fixture, "a", "/p", 100);
	g_assert_true(store->savepoint(fixture->handle, NULL));
	add_job(fixture, "b", "/p", 200);
	add_job(fixture, "c", "/p", 300);
	g_assert_true(store->undo(fixture->handle, NULL));
	g_assert_true(store->savepoint(fixture->handle, NULL));
	add_job(fixture, "d", "/p", 400);
	commit(fixture);
	assert_jobs(store->list_unended_jobs(fixture->handle, NULL), "ad");
}

static void
test_rollback(Fixture *fixture, gconstpointer unused)
{
	const StoreInterface *store = fixture->store;

	begin(fixture);
	add_job(fixture, "a", "/p", 100);
	commit(fixture);
	begin(fixture);
	add_job(fixture, "b", "/p", 200);
	store->rollback(fixture->handle);
	assert_jobs(store->list_unended_jobs(fixture->handle, NULL), "a");
	begin(fixture);
	add_job(fixture, "c", "/p", 300);
	commit(fixture);
	assert_jobs(store->list_unended_jobs(fixture->handle, NULL), "ac");
}

static void
assert_put(Fixture *fixture, HookRecord hook, int code)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(fixture->store->savepoint(fixture->handle, NULL));
	if (fixture->store->put_hook(fixture->handle, &hook, &error)) {
		g_assert_cmpint(code, ==, -1);
		return;
	}
	g_assert_error(error, NBHOOK_ERROR, code);
	g_assert_true(fixture->store->undo(fixture->handle, NULL));
}

#define HOOK(id, path, type, token)                                                                \
	((HookRecord){ id, (char *) path, (char *) type, (char *) token, (char *) "#" token,       \
		(char *) "{}" })

static void
test_hooks(Fixture *fixture, gconstpointer unused)
{
	const StoreInterface *store = fixture->store;

	begin(fixture);
	assert_put(fixture, HOOK(1, "/a", "notebook", "t1"), -1);
	assert_put(fixture, HOOK(2, "/b", "notebook", "t2"), -1);
	assert_put(fixture, HOOK(3, "/a", "dependency", "t3"), -1);
	assert_put(fixture, HOOK(4, "/a", "notebook", "t4"), NBHOOK_ERROR_CONFLICT);
	assert_put(fixture, HOOK(4, "/d", "notebook", "t1"), NBHOOK_ERROR_CONFLICT);
	assert_put(fixture, HOOK(1, "/b", "notebook", "t1"), NBHOOK_ERROR_CONFLICT);
	assert_put(fixture, HOOK(1, "/a", "notebook", "t2"), NBHOOK_ERROR_CONFLICT);
	assert_put(fixture, HOOK(1, "/a2", "notebook", "t9"), -1);
	commit(fixture);
	begin(fixture);
	g_assert_true(store->delete_hook(fixture->handle, 2, NULL));
	g_assert_true(store->delete_hook(fixture->handle, 77, NULL));
	commit(fixture);
	g_autoptr(GPtrArray) hooks = store->list_hooks(fixture->handle, NULL);
	g_assert_cmpuint(hooks->len, ==, 2);
	const HookRecord *first = g_ptr_array_index(hooks, 0);
	g_assert_cmpint(first->id, ==, 1);
	g_assert_cmpstr(first->path, ==, "/a2");
	g_assert_cmpstr(first->token, ==, "t9");
	g_assert_cmpstr(first->token_hash, ==, "#t9");
	g_assert_cmpstr(((HookRecord *) g_ptr_array_index(hooks, 1))->type, ==, "dependency");
}

/* A number is never used again, also when its hook is gone. */
static void
test_hook_ids(Fixture *fixture, gconstpointer unused)
{
	const StoreInterface *store = fixture->store;

	begin(fixture);
	gint64 first = store->next_hook_id(fixture->handle, NULL);
	HookRecord hook = HOOK(first, "/a", "notebook", "t1");
	g_assert_true(store->put_hook(fixture->handle, &hook, NULL));
	g_assert_true(store->delete_hook(fixture->handle, first, NULL));
	gint64 second = store->next_hook_id(fixture->handle, NULL);
	commit(fixture);
	begin(fixture);
	gint64 third = store->next_hook_id(fixture->handle, NULL);
	commit(fixture);
	g_assert_cmpint(first, >, 0);
	g_assert_cmpint(second, >, first);
	g_assert_cmpint(third, >, second);
}

static void
test_keys(Fixture *fixture, gconstpointer unused)
{
	const StoreInterface *store = fixture->store;
	KeyRecord one = { (char *) "one", (char *) "h1", (char *) "{\"created_us\":1}" };
	KeyRecord used = { (char *) "one", (char *) "h1", (char *) "{\"used_us\":2}" };
	KeyRecord same_name = { (char *) "one", (char *) "h2", (char *) "{}" };
	KeyRecord same_hash = { (char *) "two", (char *) "h1", (char *) "{}" };
	g_autoptr(GError) by_name = NULL;
	g_autoptr(GError) by_hash = NULL;

	begin(fixture);
	g_assert_true(store->put_key(fixture->handle, &one, NULL));
	g_assert_false(store->put_key(fixture->handle, &same_name, &by_name));
	g_assert_error(by_name, NBHOOK_ERROR, NBHOOK_ERROR_CONFLICT);
	g_assert_false(store->put_key(fixture->handle, &same_hash, &by_hash));
	g_assert_error(by_hash, NBHOOK_ERROR, NBHOOK_ERROR_CONFLICT);
	commit(fixture);
	g_autoptr(GPtrArray) keys = store->list_keys(fixture->handle, NULL);
	g_assert_cmpuint(keys->len, ==, 1);
	g_assert_cmpstr(((KeyRecord *) g_ptr_array_index(keys, 0))->hash, ==, "h1");
	begin(fixture);
	g_assert_true(store->update_key(fixture->handle, &used, NULL));
	g_assert_true(store->update_key(fixture->handle, &same_name, NULL)); /* another key */
	commit(fixture);
	g_autoptr(GPtrArray) noted = store->list_keys(fixture->handle, NULL);
	g_assert_cmpuint(noted->len, ==, 1);
	g_assert_cmpstr(((KeyRecord *) g_ptr_array_index(noted, 0))->document, ==, used.document);
	begin(fixture);
	g_assert_true(store->delete_key(fixture->handle, "one", NULL));
	g_assert_true(store->put_key(fixture->handle, &same_hash, NULL));
	commit(fixture);
	g_autoptr(GPtrArray) rest = store->list_keys(fixture->handle, NULL);
	g_assert_cmpstr(((KeyRecord *) g_ptr_array_index(rest, 0))->name, ==, "two");
}

static void
reopen(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;

	fixture->handle = fixture->store->open(fixture->path, &error);
	g_assert_no_error(error);
}

static void
test_reopened(Fixture *fixture, gconstpointer unused)
{
	begin(fixture);
	add_job(fixture, "a", "/p", 100);
	gint64 number = fixture->store->next_hook_id(fixture->handle, NULL);
	commit(fixture);
	fixture->store->close(fixture->handle);
	reopen(fixture);
	assert_jobs(fixture->store->list_unended_jobs(fixture->handle, NULL), "a");
	begin(fixture);
	g_assert_cmpint(fixture->store->next_hook_id(fixture->handle, NULL), >, number);
	commit(fixture);
}

/* A process that is killed keeps what it committed and nothing of what it had begun. */
static void
test_killed(Fixture *fixture, gconstpointer unused)
{
	int status;

	fixture->store->close(fixture->handle);
	fixture->handle = NULL;
	pid_t child = fork();
	if (child == 0) {
		reopen(fixture);
		begin(fixture);
		add_job(fixture, "a", "/p", 100);
		commit(fixture);
		begin(fixture);
		add_job(fixture, "b", "/p", 200);
		kill(getpid(), SIGKILL);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	reopen(fixture);
	assert_jobs(fixture->store->list_unended_jobs(fixture->handle, NULL), "a");
}

/* Nobody else can use it, nobody else can read it. */
static void
test_ours_alone(Fixture *fixture, gconstpointer unused)
{
	static const char *const names[] = { "nbhook.db", "nbhook.db-wal" };
	g_autoptr(GError) error = NULL;
	struct stat info;

	begin(fixture);
	add_job(fixture, "a", "/p", 100);
	commit(fixture);
	g_assert_null(fixture->store->open(fixture->path, &error));
	g_assert_nonnull(error);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(fixture->folder, names[i], NULL);

		g_assert_cmpint(stat(path, &info), ==, 0);
		g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
	}
}

static void
run_sql(Fixture *fixture, const char *sql)
{
	sqlite3 *db = NULL;

	g_assert_cmpint(sqlite3_open(fixture->path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

static void
test_newer_is_refused(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;

	fixture->store->close(fixture->handle);
	fixture->handle = NULL;
	run_sql(fixture, "PRAGMA user_version = 1000");
	g_assert_null(fixture->store->open(fixture->path, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	g_assert_nonnull(strstr(error->message, "1000"));
}

static void
test_not_a_database(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *text = g_strnfill(5000, 'x');
	g_autofree char *nowhere = g_build_filename(fixture->folder, "no", "where", NULL);
	g_autoptr(GError) garbage = NULL;
	g_autoptr(GError) missing = NULL;

	fixture->store->close(fixture->handle);
	fixture->handle = NULL;
	g_assert_true(g_file_set_contents(fixture->path, text, -1, NULL));
	g_assert_null(fixture->store->open(fixture->path, &garbage));
	g_assert_error(garbage, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
	g_assert_null(fixture->store->open(nowhere, &missing));
	g_assert_error(missing, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
}

/* A full disk makes SQLite end the transaction behind our back: that is told, and nothing is begun
 * silently in its place. */
static void
test_lost_transaction(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *long_text = g_strnfill(3 * 1024 * 1024, 'x');
	JobRecord big = { (char *) "big", (char *) "f", (char *) "/p", 7, FALSE, (char *) "active",
		5, long_text };
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) begun = NULL;

	fixture->store->close(fixture->handle);
	reopen(fixture);
	begin(fixture);
	add_job(fixture, "a", "/p", 100);
	fixture->store->rollback(fixture->handle);
	g_assert_false(fixture->store->savepoint(fixture->handle, &begun));
	g_assert_error(begun, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
	g_assert_false(fixture->store->undo(fixture->handle, &error));
	g_assert_nonnull(error);
	begin(fixture);
	g_assert_true(fixture->store->add_job(fixture->handle, &big, NULL));
	commit(fixture);
	assert_jobs(fixture->store->list_unended_jobs(fixture->handle, NULL), "big");
}

static void
add(const char *name, const StoreInterface *store, void (*test)(Fixture *, gconstpointer))
{
	g_autofree char *path = g_strdup_printf("/store/%s/%s", store->name, name);

	g_test_add(path, Fixture, store, set_up, test, tear_down);
}

static const StoreInterface *const stores[] = { &store_memory, &store_sqlite };

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(stores); i++) {
		add("jobs", stores[i], test_jobs);
		add("deliveries", stores[i], test_deliveries);
		add("update-job", stores[i], test_update_job);
		add("job-twice", stores[i], test_job_twice);
		add("undo-takes-back-one-change", stores[i], test_undo_takes_back_one_change);
		add("rollback", stores[i], test_rollback);
		add("hooks", stores[i], test_hooks);
		add("hook-ids", stores[i], test_hook_ids);
		add("keys", stores[i], test_keys);
	}
	add("reopened", &store_sqlite, test_reopened);
	add("killed", &store_sqlite, test_killed);
	add("ours-alone", &store_sqlite, test_ours_alone);
	add("newer-is-refused", &store_sqlite, test_newer_is_refused);
	add("not-a-database", &store_sqlite, test_not_a_database);
	add("lost-transaction", &store_sqlite, test_lost_transaction);
	return g_test_run();
}
