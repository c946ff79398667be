libnbhook_a_SOURCES += \
	src/notebook/body.c src/notebook/body.h \
	src/notebook/document.c src/notebook/document.h \
	src/notebook/excerpt.c src/notebook/excerpt.h \
	src/notebook/html_table.c src/notebook/html_table.h \
	src/notebook/julia.c src/notebook/julia.h src/notebook/julia_exports.c \
	src/notebook/lines.c src/notebook/lines.h \
	src/notebook/literal.c src/notebook/literal.h \
	src/notebook/markdown.c src/notebook/markdown.h \
	src/notebook/media.c src/notebook/media.h \
	src/notebook/notebook.c src/notebook/notebook.h \
	src/notebook/outputs.c src/notebook/outputs.h \
	src/notebook/python.c src/notebook/python.h \
	src/notebook/r.c src/notebook/r.h \
	src/notebook/request.c src/notebook/request.h \
	src/notebook/response.c src/notebook/response.h \
	src/notebook/signature.c src/notebook/signature.h \
	src/notebook/stream.c src/notebook/stream.h \
	src/notebook/translate.c src/notebook/translate.h \
	src/notebook/translator.h \
	src/notebook/upgrade.c src/notebook/upgrade.h \
	src/notebook/widgets.c src/notebook/widgets.h
