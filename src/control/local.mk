libnbhook_a_SOURCES += \
	src/control/channel.c src/control/channel.h \
	src/control/client.c src/control/client.h \
	src/control/readable.c src/control/readable.h \
	src/control/server.c src/control/server.h
