/* base/claim.h: a new folder that belongs to this process for as long as it lives.
 *
 * The system notices the end of a claim however the process ends: a folder that nobody claims is what a
 * dead process has left, and everybody of its account may remove it. Claims of different programs and
 * instances can share a parent. */
#pragma once

#include <glib.h>

typedef struct Claim {
	char *path; /* absolute when its parent is */
	int fd;     /* holds the claim; not for children that outlive this process */
} Claim;

/* Makes parent/<prefix><six random characters>, 0700. INTERNAL or NO_SPACE when it cannot be made. The
 * caller frees the result. */
Claim *claim_new(const char *parent, const char *prefix, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the folder with all it holds. */
void claim_free(Claim *claim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Claim, claim_free)

/* Gives it up without removing anything: the folder is left to who sweeps, after all that writes there has
 * ended. */
void claim_leave(Claim *claim);

/* Removes the folders of that prefix in parent that nobody claims, as far as this account can. */
void claim_sweep(const char *parent, const char *prefix);
