#include "exec/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "keeper/space.h"

#define SENTENCE_SIZE 512

G_GNUC_NORETURN static void
probe_child(int report, uid_t uid, gid_t gid)
{
	char why[SENTENCE_SIZE];

	if (space_enter(uid, gid, why, sizeof why))
		_exit(0);
	files_write_all(report, why, strlen(why), NULL);
	_exit(1);
}

gboolean
namespace_probe(GError **error)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char what[SENTENCE_SIZE] = "";
	char sentence[SENTENCE_SIZE];
	int status = 1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return nbhook_error_set_errno(error, errno, "making a pipe");
	pid_t pid = space_clone();
	int cause = errno;
	if (pid == 0)
		probe_child(ends[1], uid, gid);
	close(ends[1]);
	if (pid > 0 && read(ends[0], what, sizeof what - 1) >= 0)
		waitpid(pid, &status, 0);
	close(ends[0]);
	if (pid > 0 && status == 0)
		return TRUE;
	space_refusal(pid > 0 ? what : NULL, cause, sentence, sizeof sentence);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE, "%s", sentence);
	return FALSE;
}
