keeper_sources = \
	src/keeper/descendants.c src/keeper/descendants.h \
	src/keeper/process.c src/keeper/process.h \
	src/keeper/space.c src/keeper/space.h
libnbhook_a_SOURCES += $(keeper_sources)

# What a fork server loads into an interpreter, which has no sanitizer's runtime: the sources once more, without.
fork_sources = $(keeper_sources) src/keeper/fork.c src/keeper/fork.h src/keeper/memory.c src/keeper/order.h \
	src/keeper/serve.c

# It becomes what a fork server has forked, and starts for each kernel: without, too, and with libc alone.
nblibexec_PROGRAMS += nbhook-keeper
nbhook_keeper_SOURCES = src/keeper/main.c $(keeper_sources)
nbhook_keeper_CFLAGS = $(NB_PLAIN_CFLAGS)
nbhook_keeper_LDFLAGS = -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
nbhook_keeper_LDADD =

EXTRA_DIST += src/keeper/fork.c src/keeper/fork.h src/keeper/memory.c src/keeper/order.h src/keeper/serve.c
nblibexec_DATA += src/keeper/nbhook-fork.so
CLEANFILES += src/keeper/nbhook-fork.so

src/keeper/nbhook-fork.so: $(fork_sources)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) -shared -fvisibility=hidden -D_GNU_SOURCE -I$(top_srcdir)/src \
		$(CPPFLAGS) $(CFLAGS) $(NB_PLAIN_CFLAGS) -fPIC -Wl,-z,relro -Wl,-z,now $(LDFLAGS) -o $@ \
		$(addprefix $(srcdir)/,$(filter %.c,$(fork_sources)))
