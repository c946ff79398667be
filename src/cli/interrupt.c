#include "cli/interrupt.h"

#include <glib.h>
#include <signal.h>

static volatile sig_atomic_t caught;

static void
catch_signal(int number)
{
	caught = number;
}

/* A signal that is ignored already, as by nohup(1), stays so. */
void
interrupt_catch(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction catching = { .sa_handler = catch_signal, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		struct sigaction before;

		sigemptyset(&catching.sa_mask);
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &catching, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

int
interrupt_signal(void)
{
	return caught;
}
