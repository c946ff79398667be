/* Prints the commented sample of all settings, from their table. */
#include <stdio.h>

#include "conf/settings.h"

int
main(void)
{
	g_autofree char *sample = settings_sample();

	fputs(sample, stdout);
	return 0;
}
