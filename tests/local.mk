# Unit tests are one program a file, GLib's harness, TAP; house rules are Python scripts, TAP.
TEST_EXTENSIONS = .py .sh
LOG_DRIVER = $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
PY_LOG_DRIVER = $(LOG_DRIVER)
PY_LOG_COMPILER = $(PYTHON)
AM_PY_LOG_FLAGS = -B
LOG_COMPILER =
AM_TESTS_ENVIRONMENT = \
	export G_DEBUG=fatal-criticals; export PYTHON='$(PYTHON)'; export MANDOC='$(MANDOC)'; \
	export top_srcdir='$(top_srcdir)'; export top_builddir='$(top_builddir)'; \
	export G_TEST_SRCDIR='$(abs_top_srcdir)/tests'; export G_TEST_BUILDDIR='$(abs_top_builddir)/tests';

unit_tests = \
	tests/unit/test-allocator \
	tests/unit/test-attachment \
	tests/unit/test-channel \
	tests/unit/test-claim \
	tests/unit/test-cli \
	tests/unit/test-client \
	tests/unit/test-clock \
	tests/unit/test-daemon \
	tests/unit/test-deliveries \
	tests/unit/test-error \
	tests/unit/test-files \
	tests/unit/test-frame \
	tests/unit/test-gunzip \
	tests/unit/test-hook-params \
	tests/unit/test-html-table \
	tests/unit/test-ids \
	tests/unit/test-job \
	tests/unit/test-json \
	tests/unit/test-kernelspec \
	tests/unit/test-languages \
	tests/unit/test-log \
	tests/unit/test-media \
	tests/unit/test-memory \
	tests/unit/test-notebook \
	tests/unit/test-outcome \
	tests/unit/test-outputs \
	tests/unit/test-params \
	tests/unit/test-placement \
	tests/unit/test-player \
	tests/unit/test-pool \
	tests/unit/test-pressure \
	tests/unit/test-readable \
	tests/unit/test-recent \
	tests/unit/test-registry \
	tests/unit/test-request \
	tests/unit/test-response \
	tests/unit/test-server \
	tests/unit/test-settings \
	tests/unit/test-show \
	tests/unit/test-signature \
	tests/unit/test-slots \
	tests/unit/test-state \
	tests/unit/test-store \
	tests/unit/test-table \
	tests/unit/test-translate \
	tests/unit/test-versions \
	tests/unit/test-widgets \
	tests/unit/test-wire \
	tests/unit/test-writer

EXTRA_DIST += tests/print.h

tests_unit_test_allocator_SOURCES = tests/unit/test-allocator.c src/base/allocator.c
tests_unit_test_allocator_LDADD = $(LDADD) $(JEMALLOC_LIBS)

tests_unit_test_memory_SOURCES = tests/unit/test-memory.c src/keeper/memory.c

# These ask Debian's Python modules, or R, what is right.
tests_unit_test_notebook_SOURCES = tests/unit/test-notebook.c tests/unit/oracle.c tests/unit/oracle.h
tests_unit_test_outputs_SOURCES = tests/unit/test-outputs.c tests/unit/oracle.c tests/unit/oracle.h
tests_unit_test_languages_SOURCES = tests/unit/test-languages.c tests/unit/oracle.c tests/unit/oracle.h \
	tests/unit/values.c tests/unit/values.h
tests_unit_test_widgets_SOURCES = tests/unit/test-widgets.c tests/unit/oracle.c tests/unit/oracle.h
tests_unit_test_translate_SOURCES = tests/unit/test-translate.c tests/unit/oracle.c tests/unit/oracle.h \
	tests/unit/values.c tests/unit/values.h
EXTRA_DIST += tests/unit/notebooks tests/unit/literals-oracle.py tests/unit/names-oracle.py \
	tests/unit/nbformat-oracle.py tests/unit/outputs-oracle.py tests/unit/widgets-oracle.py tests/unit/r-oracle.py \
	tests/unit/r_values.py tests/unit/values.R

# Whole-system tests, run by pytest.
EXTRA_DIST += tests/kernel tests/oracle tests/python tests/system

# The unit tests and a run of nbhook exec under valgrind, and with the thread sanitizer. UNDER=tests/unit/test-wire
# chooses.
UNDER = $(unit_tests)
EXTRA_DIST += tests/under.py tests/threads-glib.c tests/threads.supp tests/valgrind.supp
CLEANFILES += tests/threads-glib.so

valgrind: nbhook$(EXEEXT) $(unit_tests)
	@! grep -q __asan_init nbhook || { echo 'configure without --with-sanitizer first' >&2; exit 1; }
	@$(AM_TESTS_ENVIRONMENT) $(PYTHON) -B $(srcdir)/tests/under.py valgrind '$(abs_builddir)' $(UNDER)

tests/threads-glib.so: tests/threads-glib.c
	$(AM_V_CCLD)$(CC) $(CFLAGS) $(DEPS_CFLAGS) -fsanitize=thread -fPIC -shared -o $@ $(srcdir)/tests/threads-glib.c $(DEPS_LIBS)

threads: nbhook$(EXEEXT) $(unit_tests) tests/threads-glib.so
	@grep -q __tsan_init nbhook || { echo 'configure with --with-sanitizer=thread first' >&2; exit 1; }
	@$(AM_TESTS_ENVIRONMENT) $(PYTHON) -B $(srcdir)/tests/under.py threads '$(abs_builddir)' $(UNDER)

.PHONY: valgrind threads

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

include tests/lint/local.mk
include tests/fuzz/local.mk
