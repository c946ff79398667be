libnbhook_a_SOURCES += \
	src/daemon/change.c src/daemon/change.h \
	src/daemon/clear.c \
	src/daemon/daemon.c src/daemon/daemon.h \
	src/daemon/deliveries.c src/daemon/deliveries.h \
	src/daemon/dispatch.c src/daemon/dispatch.h \
	src/daemon/folders.c src/daemon/folders.h \
	src/daemon/hook_params.c src/daemon/hook_params.h \
	src/daemon/hooks.c src/daemon/hooks.h \
	src/daemon/intake.c src/daemon/intake.h \
	src/daemon/intake_file.c src/daemon/intake_file.h \
	src/daemon/intake_verify.c src/daemon/intake_verify.h \
	src/daemon/job_list.c src/daemon/job_list.h \
	src/daemon/kernels.c src/daemon/kernels.h \
	src/daemon/keys.c src/daemon/keys.h \
	src/daemon/listing.c src/daemon/listing.h \
	src/daemon/live.c src/daemon/live.h \
	src/daemon/outcome.c src/daemon/outcome.h \
	src/daemon/questions.c src/daemon/questions.h \
	src/daemon/recent.c src/daemon/recent.h \
	src/daemon/records.c src/daemon/records.h \
	src/daemon/registry.c src/daemon/registry.h \
	src/daemon/repair.c src/daemon/repair.h \
	src/daemon/rights.c src/daemon/rights.h \
	src/daemon/run.c src/daemon/run.h \
	src/daemon/run_files.c src/daemon/run_files.h \
	src/daemon/runner_link.c src/daemon/runner_link.h \
	src/daemon/slots.c src/daemon/slots.h \
	src/daemon/snapshot.c src/daemon/snapshot.h \
	src/daemon/spares.c src/daemon/spares.h \
	src/daemon/status.c src/daemon/status.h \
	src/daemon/submission.c src/daemon/submission.h \
	src/daemon/versions.c src/daemon/versions.h \
	src/daemon/workers.c src/daemon/workers.h

sbin_PROGRAMS += nbhookd
nbhookd_SOURCES = src/daemon/main.c src/base/allocator.c
nbhookd_LDADD = $(LDADD) $(JEMALLOC_LIBS)
