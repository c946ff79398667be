# What developers run by hand: make tidy, make format, make conf-sample, make soak.

find_c = cd $(srcdir) && find src cgi-bin tests bench

# One clang-tidy a file, as many at a time as there are processors.
tidy_flags = -std=gnu11 $(DEFS) -I$(abs_top_srcdir)/src -I$(abs_top_srcdir)/cgi-bin $(AM_CPPFLAGS) $(DEPS_CFLAGS)

tidy:
	@test -n '$(CLANG_TIDY)' || { echo 'clang-tidy is missing: install it, configure again' >&2; exit 1; }
	@set -- $(tidy_flags); $(find_c) -name '*.c' -print0 | LC_ALL=C sort -z | \
	    xargs -0 -P "$$(nproc)" -I '{}' $(CLANG_TIDY) --quiet '{}' -- "$$@"

format:
	@test -n '$(CLANG_FORMAT)' || { echo 'clang-format is missing: install it, configure again' >&2; exit 1; }
	@$(find_c) -name '*.[ch]' -print0 | xargs -0 $(CLANG_FORMAT) -i

# conf/nbhook.conf anew from the table of settings.
conf-sample: tests/lint/print-settings$(EXEEXT)
	tests/lint/print-settings$(EXEEXT) > $(srcdir)/conf/nbhook.conf

# The tests that have a larger count, with it. Of the installation in prefix.
soak:
	NBHOOK_SOAK=1 NBHOOK_PREFIX='$(prefix)' PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 \
	    $(PYTHON) -B -m pytest -p no:cacheprovider -rP -m soak $(abs_top_srcdir)/tests/system $(SOAK)

.PHONY: tidy format conf-sample soak
