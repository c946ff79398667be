libnbhook_a_SOURCES += \
	src/jupyter/channels.c src/jupyter/channels.h \
	src/jupyter/connection.c src/jupyter/connection.h \
	src/jupyter/kernelspec.c src/jupyter/kernelspec.h \
	src/jupyter/wire.c src/jupyter/wire.h
