libnbhook_a_SOURCES += \
	src/base/base64.c src/base/base64.h \
	src/base/claim.c src/base/claim.h \
	src/base/clock.c src/base/clock.h \
	src/base/copy.c src/base/copy.h \
	src/base/error.c src/base/error.h \
	src/base/files.c src/base/files.h \
	src/base/frame.c src/base/frame.h \
	src/base/gunzip.c src/base/gunzip.h \
	src/base/ids.c src/base/ids.h \
	src/base/json.c src/base/json.h \
	src/base/json_read.c src/base/json_read.h \
	src/base/listen.c src/base/listen.h \
	src/base/log.c src/base/log.h \
	src/base/loop.c src/base/loop.h \
	src/base/scan.h
