/* nbhook-keeper: what stands between an executor and a kernel that is a fork. A fork server starts it, and nobody
 * else: see keeper/process.h. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "keeper/process.h"

int
main(int argc, char **argv)
{
	int words[KEEPER_N_WORDS];

	prctl(PR_SET_DUMPABLE, 0);
	if (argc != KEEPER_N_WORDS + 1) {
		fputs("nbhook-keeper: nbhook's fork servers start this program\n", stderr);
		return 2;
	}
	for (int i = 0; i < KEEPER_N_WORDS; i++)
		words[i] = (int) strtol(argv[i + 1], NULL, 10);
	keeper_process_keep(words);
}
