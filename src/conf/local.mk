libnbhook_a_SOURCES += src/conf/settings.c src/conf/settings.h
