# Fuzz targets. make check replays their corpora; make fuzz F=request T=60 looks for new inputs, which it
# keeps in fuzz-corpus/ of the build folder.
fuzz_replays = \
	tests/fuzz/replay-field \
	tests/fuzz/replay-multipart \
	tests/fuzz/replay-notebook \
	tests/fuzz/replay-outputs \
	tests/fuzz/replay-request \
	tests/fuzz/replay-signature \
	tests/fuzz/replay-wire
tests_fuzz_replay_field_SOURCES = tests/fuzz/fuzz-field.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_field_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_fuzz_replay_field_LDADD = $(WEB_TEST_LDADD)
tests_fuzz_replay_multipart_SOURCES = tests/fuzz/fuzz-multipart.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_multipart_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_fuzz_replay_multipart_LDADD = $(WEB_TEST_LDADD)
tests_fuzz_replay_notebook_SOURCES = tests/fuzz/fuzz-notebook.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_outputs_SOURCES = tests/fuzz/fuzz-outputs.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_request_SOURCES = tests/fuzz/fuzz-request.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_signature_SOURCES = tests/fuzz/fuzz-signature.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_wire_SOURCES = tests/fuzz/fuzz-wire.c tests/fuzz/fuzz.h tests/fuzz/replay.c

check_PROGRAMS += $(fuzz_replays)
TESTS += $(fuzz_replays)
EXTRA_DIST += tests/fuzz/corpus

if FUZZ
EXTRA_PROGRAMS += \
	tests/fuzz/fuzz-field \
	tests/fuzz/fuzz-multipart \
	tests/fuzz/fuzz-notebook \
	tests/fuzz/fuzz-outputs \
	tests/fuzz/fuzz-request \
	tests/fuzz/fuzz-signature \
	tests/fuzz/fuzz-wire
tests_fuzz_fuzz_field_SOURCES = tests/fuzz/fuzz-field.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_field_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_fuzz_fuzz_field_LDADD = $(WEB_TEST_LDADD)
tests_fuzz_fuzz_field_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_multipart_SOURCES = tests/fuzz/fuzz-multipart.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_multipart_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_fuzz_fuzz_multipart_LDADD = $(WEB_TEST_LDADD)
tests_fuzz_fuzz_multipart_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_notebook_SOURCES = tests/fuzz/fuzz-notebook.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_notebook_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_outputs_SOURCES = tests/fuzz/fuzz-outputs.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_outputs_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_request_SOURCES = tests/fuzz/fuzz-request.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_request_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_signature_SOURCES = tests/fuzz/fuzz-signature.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_signature_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz-wire.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_wire_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

F = request
T = 60
fuzz: tests/fuzz/fuzz-$(F)$(EXEEXT)
	$(MKDIR_P) fuzz-corpus/$(F)
	tests/fuzz/fuzz-$(F)$(EXEEXT) -max_total_time=$(T) fuzz-corpus/$(F) $(srcdir)/tests/fuzz/corpus/$(F)
else
fuzz:
	@echo "configure with --enable-fuzz CC=clang first" >&2; exit 1
endif
.PHONY: fuzz
