# make bench: what nbhook costs beside the least that does the same. Programs, never timed tests.
bench_programs = bench/accept-load bench/commit-loop bench/echo-fcgi bench/load
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs) bench/slow-fsync.so
EXTRA_DIST += bench/bench.py bench/calls.py bench/cold-kernel.py bench/transfers.py bench/nbclient-cells.py bench/others.py \
	bench/playing.py bench/raw-client.py bench/slow-fsync.c

bench_accept_load_SOURCES = bench/accept-load.c
bench_commit_loop_SOURCES = bench/commit-loop.c
bench_echo_fcgi_SOURCES = bench/echo-fcgi.c
bench_echo_fcgi_LDADD = $(LDADD) $(FCGI_LIBS)
bench_load_SOURCES = bench/load.c

bench/slow-fsync.so: bench/slow-fsync.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) -shared -fPIC -O2 -o $@ $(srcdir)/bench/slow-fsync.c

bench: all $(bench_programs) bench/slow-fsync.so
	@$(PYTHON) -B $(srcdir)/bench/bench.py --build '$(abs_builddir)' --prefix '$(prefix)' \
		--flags '$(CFLAGS) $(NB_CFLAGS)'

.PHONY: bench
