libnbhook_a_SOURCES += \
	src/runner/executors.c src/runner/executors.h \
	src/runner/forkserver.c src/runner/forkserver.h \
	src/runner/kept.c src/runner/kept.h \
	src/runner/leftovers.c src/runner/leftovers.h \
	src/runner/parent.c src/runner/parent.h \
	src/runner/pool.c src/runner/pool.h \
	src/runner/pressure.c src/runner/pressure.h \
	src/runner/starter.c src/runner/starter.h \
	src/runner/watch.c src/runner/watch.h

dist_nblibexec_DATA += src/runner/forkserver.py

sbin_PROGRAMS += nbhook-runner
nbhook_runner_SOURCES = src/runner/main.c

# Who may not even read a program cannot trace it from its first instruction on; main() would say so too
# late for a notebook that lies in wait. (Where root installs; an owner's own files stay readable.) Programs
# with a sanitizer stay readable: it takes its options from /proc/self/environ, closed to the others.
install-exec-hook:
	chmod 0711 '$(DESTDIR)$(nblibexecdir)/nbhook-keeper'
	case '$(NB_CFLAGS)' in *-fsanitize=*) ;; \
	*) chmod 0711 '$(DESTDIR)$(sbindir)/nbhook-runner' '$(DESTDIR)$(nblibexecdir)/nbhook-exec' ;; esac
