# src/cli: the deciding parts are in the library, where unit tests reach them; the commands are the program.
libnbhook_a_SOURCES += \
	src/cli/admin.c src/cli/admin.h \
	src/cli/ask.c src/cli/ask.h \
	src/cli/cli.c src/cli/cli.h \
	src/cli/destination.c src/cli/destination.h \
	src/cli/hand.c src/cli/hand.h \
	src/cli/interrupt.c src/cli/interrupt.h \
	src/cli/params.c src/cli/params.h \
	src/cli/publish.c src/cli/publish.h \
	src/cli/request.c src/cli/request.h \
	src/cli/result.c src/cli/result.h \
	src/cli/show.c src/cli/show.h \
	src/cli/table.c src/cli/table.h

bin_PROGRAMS += nbhook
nbhook_SOURCES = src/cli/main.c src/cli/command.h \
	src/cli/add.c src/cli/currents.c src/cli/delete.c src/cli/exec.c src/cli/find.c src/cli/jobs.c \
	src/cli/kernels.c src/cli/key.c \
	src/cli/logs.c src/cli/results.c src/cli/run.c src/cli/status.c src/cli/stop.c
