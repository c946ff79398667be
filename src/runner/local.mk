libnbhook_a_SOURCES += src/runner/executors.c src/runner/executors.h

sbin_PROGRAMS += nbhook-runner
nbhook_runner_SOURCES = src/runner/main.c
