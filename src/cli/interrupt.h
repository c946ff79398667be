/* cli/interrupt.h: the wish to end a command that has to tidy up first. */
#pragma once

/* From here on Ctrl-C, SIGTERM and SIGHUP are kept until they are asked for, and SIGPIPE is none. */
void interrupt_catch(void);

/* The signal that came, or 0. */
int interrupt_signal(void);
