#include "daemon/intake_verify.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include "base/error.h"
#include "daemon/submission.h"
#include "notebook/signature.h"

typedef struct {
	Daemon *daemon;
	Call *call; /* NULL when the asker has gone */
	Hook *hook;
	char *before;
	json_object *digests;
	int body;
	gint64 offset;
} Verification;

static void
verification_free(Verification *verification)
{
	hook_unref(verification->hook);
	g_free(verification->before);
	json_object_put(verification->digests);
	files_close(&verification->body);
	g_free(verification);
}

static gboolean
verify(gpointer data, GError **error)
{
	const Verification *verification = data;
	gboolean verified = signature_verify(verification->hook->signature, verification->before,
		verification->digests, verification->body, verification->offset, error);

	/* what OpenSSL keeps for this thread; when the process ends it may be too late for that */
	OPENSSL_thread_stop();
	return verified;
}

static void
on_verified(gpointer data, const GError *failure)
{
	Verification *verification = data;

	if (verification->call == NULL)
		return;
	if (failure != NULL) {
		call_fail(verification->call, failure, 0);
		return;
	}
	Pending *pending = intake_find(verification->call, verification->daemon);
	if (pending == NULL || pending->hook != verification->hook) {
		call_fail_with(verification->call, NBHOOK_ERROR_NOT_FOUND,
			"this call has not begun here: begin it again");
		return;
	}
	pending->verified = TRUE;
	call_reply(verification->call, NULL, NULL, NULL, 0);
}

static void
withdrawn(Call *call, gpointer data)
{
	((Verification *) data)->call = NULL;
	call_drop(call);
}

/* A worker must not wait for whoever is at the other end of a pipe. */
static gboolean
is_regular(int fd)
{
	struct stat info;

	return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

void
intake_verify(Call *call, gpointer data)
{
	Daemon *daemon = data;
	json_object *members = call_body(call);
	const char *before = json_string_member(members, "before");
	json_object *digests = json_array_member(members, "digests");
	gint64 offset = json_int_member(members, "offset", -1);
	AUTO_FD body = call_steal_fd(call, "body");
	const Pending *pending = intake_find(call, daemon);

	if (pending == NULL || pending->hook->signature == NULL) {
		call_fail_with(call, NBHOOK_ERROR_NOT_FOUND,
			"no call has begun here whose signature is to be verified");
		return;
	}
	if (before == NULL || digests == NULL || offset < 0 || !is_regular(body)) {
		call_fail_with(call, NBHOOK_ERROR_BAD_REQUEST,
			"call.verify needs before, digests, offset and the file of the body");
		return;
	}
	Verification *verification = g_new0(Verification, 1);
	verification->daemon = daemon;
	verification->call = call;
	verification->hook = hook_ref(pending->hook);
	verification->before = g_strdup(before);
	verification->digests = json_copy(digests);
	verification->body = files_steal_fd(&body);
	verification->offset = offset;
	call_set_withdrawn(call, withdrawn, verification);
	workers_push(daemon->workers, verify, on_verified, verification,
		(GDestroyNotify) verification_free);
}
