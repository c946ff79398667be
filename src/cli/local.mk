# src/cli: the deciding parts are in the library, where unit tests reach them; the commands are the program.
libnbhook_a_SOURCES += \
	src/cli/admin.c src/cli/admin.h \
	src/cli/cli.c src/cli/cli.h \
	src/cli/params.c src/cli/params.h \
	src/cli/table.c src/cli/table.h

bin_PROGRAMS += nbhook
nbhook_SOURCES = src/cli/main.c src/cli/command.h \
	src/cli/add.c src/cli/currents.c src/cli/delete.c src/cli/find.c src/cli/key.c
