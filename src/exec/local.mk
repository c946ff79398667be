libnbhook_a_SOURCES += \
	src/exec/attachment.c src/exec/attachment.h \
	src/exec/environment.c src/exec/environment.h \
	src/exec/failure.c src/exec/failure.h \
	src/exec/finish.c src/exec/finish.h \
	src/exec/handshake.c src/exec/handshake.h \
	src/exec/joblog.c src/exec/joblog.h \
	src/exec/keeper.c src/exec/keeper.h \
	src/exec/kernel.c src/exec/kernel.h \
	src/exec/kernel_list.c src/exec/kernel_list.h \
	src/exec/ladder.c src/exec/ladder.h \
	src/exec/namespace.c src/exec/namespace.h \
	src/exec/nbconvert.c src/exec/nbconvert.h \
	src/exec/outcome.c src/exec/outcome.h \
	src/exec/play.c src/exec/play.h \
	src/exec/play_spec.c src/exec/play_spec.h \
	src/exec/play_request.c src/exec/play_request.h \
	src/exec/player.c src/exec/player.h \
	src/exec/prepare.c src/exec/prepare.h \
	src/exec/report.c src/exec/report.h \
	src/exec/respond.c src/exec/respond.h \
	src/exec/service.c src/exec/service.h \
	src/exec/snapshot.c src/exec/snapshot.h \
	src/exec/time_limits.c src/exec/time_limits.h

nblibexec_PROGRAMS += nbhook-exec
nbhook_exec_SOURCES = src/exec/main.c
