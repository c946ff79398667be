libnbhook_a_SOURCES += \
	src/job/job.c src/job/job.h \
	src/job/state.c src/job/state.h
