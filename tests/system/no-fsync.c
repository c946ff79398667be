/* Preloaded: what is written is never waited for, as in a program that forgets to. */
#include <unistd.h>

int
fsync(int fd)
{
	(void) fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void) fd;
	return 0;
}
