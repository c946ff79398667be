#include "daemon/rights.h"

#include "base/clock.h"
#include "base/error.h"

gboolean
rights_check(Daemon *daemon, Call *call, Right right, const char *path)
{
	const char *key = json_string_member(call_body(call), "key");

	if (call_is_admin(call))
		return TRUE;
	Key *known = key != NULL ? registry_find_key(daemon->registry, key) : NULL;
	if (known != NULL) {
		known->used_us = clock_wall_us();
		return TRUE;
	}
	const char *run_path = key != NULL ? registry_find_run_key(daemon->registry, key) : NULL;
	if (run_path == NULL) {
		call_fail_with(call, NBHOOK_ERROR_UNAUTHORIZED,
			"an API key is needed (\"nbhook key add NAME\" makes one); this one is %s",
			key != NULL ? "not valid" : "missing");
		return FALSE;
	}
	if (right == RIGHT_READ && g_strcmp0(path, run_path) == 0)
		return TRUE;
	call_fail_with(call, NBHOOK_ERROR_FORBIDDEN,
		"the key of a run may only read the webhook of its own notebook");
	return FALSE;
}
