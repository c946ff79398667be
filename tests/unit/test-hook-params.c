/* Registered params: those that mean something to the server are checked, the others may be anything that
 * can be a variable. */
#include <string.h>

#include "base/error.h"
#include "daemon/hook_params.h"

static const char *const right[] = {
	"{}",
	"{\"anything\":[1,{\"a\":null}],\"email\":7}",
	"{\"notif_down\":\"a@b.example\",\"notif_up\":[\"a@b.example\",\"c.d+e@f\"]}",
	"{\"notif_down\":null,\"next_url\":null,\"inline\":null}",
	"{\"next_url\":\"http://localhost:8080/a?b=c#d\"}",
	"{\"next_url\":\"HTTPS://example.com\"}",
	"{\"next_url\":\"https://[::1]/\"}",
	"{\"inline\":true}",
	"{\"inline\":false}",
	"{\"methods\":\"POST\"}",
	"{\"methods\":[\"GET\",\"POST\"]}",
	"{\"methods\":null}",
	"{\"next_url\":\"https://example.com/%C3%A4\"}",
	"{\"\u00e4\":1,\"_\":2,\"email_to\":3}",
};

static const struct {
	const char *params, *names;
} wrong[] = {
	{ "{\"notif_down\":\"\"}", "notif_down" },
	{ "{\"notif_down\":7}", "notif_down" },
	{ "{\"notif_down\":[]}", "notif_down" },
	{ "{\"notif_down\":{}}", "notif_down" },
	{ "{\"notif_up\":[\"a@b\",7]}", "notif_up" },
	{ "{\"notif_up\":[[\"a@b\"]]}", "notif_up" },
	{ "{\"notif_up\":\"nobody\"}", "notif_up" },
	{ "{\"notif_up\":\"@b\"}", "notif_up" },
	{ "{\"notif_up\":\"a@\"}", "notif_up" },
	{ "{\"notif_up\":\"a@b@c\"}", "notif_up" },
	{ "{\"notif_up\":\"a@b, c@d\"}", "notif_up" },
	{ "{\"notif_up\":\"a@b\\nBcc: c@d\"}", "notif_up" },
	{ "{\"notif_up\":\"a@b\\u0000\"}", "notif_up" },
	{ "{\"notif_up\":\"Name <a@b>\"}", "notif_up" },
	{ "{\"next_url\":\"\"}", "next_url" },
	{ "{\"next_url\":7}", "next_url" },
	{ "{\"next_url\":\"/relative\"}", "next_url" },
	{ "{\"next_url\":\"//example.com/\"}", "next_url" },
	{ "{\"next_url\":\"example.com\"}", "next_url" },
	{ "{\"next_url\":\"javascript:alert(1)\"}", "next_url" },
	{ "{\"next_url\":\"data:text/html,x\"}", "next_url" },
	{ "{\"next_url\":\"file:///etc/passwd\"}", "next_url" },
	{ "{\"next_url\":\"ftp://example.com/\"}", "next_url" },
	{ "{\"next_url\":\"http://\"}", "next_url" },
	{ "{\"next_url\":\"http:/example.com\"}", "next_url" },
	{ "{\"next_url\":\"http:///example.com\"}", "next_url" },
	{ "{\"next_url\":\"http://a b/\"}", "next_url" },
	{ "{\"next_url\":\" http://a/\"}", "next_url" },
	{ "{\"next_url\":\"http://a/\\r\\nX: y\"}", "next_url" },
	{ "{\"next_url\":\"http://a/\\u0000\"}", "next_url" },
	{ "{\"next_url\":\"http://a/\\u0001\"}", "next_url" },
	{ "{\"next_url\":\"http://a/\\u007f\"}", "next_url" },
	{ "{\"inline\":\"true\"}", "inline" },
	{ "{\"inline\":1}", "inline" },
	{ "{\"methods\":\"post\"}", "methods" },
	{ "{\"methods\":\"PUT\"}", "methods" },
	{ "{\"methods\":[]}", "methods" },
	{ "{\"methods\":[\"GET\",7]}", "methods" },
	{ "{\"methods\":true}", "methods" },
	{ "{\"next_url\":\"https://example.com/\u00e4\"}", "percent-encoded" },
	{ "{\"next_url\":\"https://\u00e4.example/\"}", "percent-encoded" },
	{ "{\"a b\":1}", "\"a b\" can be no variable" },
	{ "{\"\":1}", "\"\" can be no variable" },
	{ "{\"a-b\":null}", "\"a-b\"" },
	{ "{\"class\":1}", "\"class\"" },
	{ "{\"print\":1}", "\"print\"" },
	{ "{\"__name__\":1}", "\"__name__\"" },
	{ "{\"params\":{}}", "\"params\"" },
	{ "{\"headers\":{}}", "\"headers\"" },
	{ "{\"ok\":1,\"a\\nb\":1}", "can be no variable" },
};

static gboolean
check_for(const char *language, const char *text, GError **error)
{
	g_autoptr(json_object) params = json_parse_object(text, strlen(text), 10, NULL);
	g_autoptr(Settings) settings = settings_new();

	g_assert_nonnull(params);
	return hook_params_check(params, language, settings, error);
}

static gboolean
check(const char *text, GError **error)
{
	return check_for("python", text, error);
}

static void
test_right(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(right); i++) {
		g_autoptr(GError) error = NULL;

		check(right[i], &error);
		g_assert_no_error(error);
	}
}

static void
test_wrong(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;

		g_test_message("%s", wrong[i].params);
		g_assert_false(check(wrong[i].params, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
		g_assert_nonnull(strstr(error->message, wrong[i].names));
	}
}

static void
test_long_address(void)
{
	g_autofree char *name = g_strnfill(300, 'a');
	g_autofree char *params = g_strdup_printf("{\"notif_up\":\"%s@b\"}", name);

	g_assert_false(check(params, NULL));
}

/* A language without a translator can be given no variables, and R no text with a NUL. */
static void
test_other_language(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(check_for("bash", "{\"inline\":true}", NULL));
	g_assert_false(check_for("bash", "{\"a\":1}", &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	g_assert_true(check_for("r", "{\"a.b\":\"x\"}", NULL));
	g_assert_false(check_for("r", "{\"a\":\"\\u0000\"}", NULL));
	g_assert_false(check_for("r", "{\"body\":1}", NULL));
}

static void
test_size(void)
{
	g_autofree char *value = g_strnfill(64 * 1024 - strlen("{\"a\":\"\"}"), 'a');
	g_autofree char *full = g_strdup_printf("{\"a\":\"%s\"}", value);
	g_autofree char *over = g_strdup_printf("{\"a\":\"%sa\"}", value);
	g_autoptr(GError) error = NULL;

	g_assert_true(check(full, NULL));
	g_assert_false(check(over, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
	g_assert_nonnull(strstr(error->message, "max_params"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hook-params/right", test_right);
	g_test_add_func("/hook-params/wrong", test_wrong);
	g_test_add_func("/hook-params/long-address", test_long_address);
	g_test_add_func("/hook-params/other-language", test_other_language);
	g_test_add_func("/hook-params/size", test_size);
	return g_test_run();
}
