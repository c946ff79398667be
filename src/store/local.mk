libnbhook_a_SOURCES += \
	src/store/memory.c \
	src/store/record.c \
	src/store/sqlite.c \
	src/store/sqlite_schema.c src/store/sqlite_schema.h \
	src/store/store.h \
	src/store/writer.c src/store/writer.h
