/* GLib's converter, told where one member ends and the next begins. */
#include "base/gunzip.h"

#include <gio/gio.h>

#include "base/error.h"

#define PIECE_SIZE (64 * 1024)
#define HARMLESS_SIZE (1024 * 1024)

struct Gunzip {
	GConverter *zlib;
	gint64 max_ratio;
	gint64 taken, given; /* bytes so far */
	gboolean between;    /* members: nothing is missing, and more may come */
	char piece[PIECE_SIZE];
};

Gunzip *
gunzip_new(gint64 max_ratio)
{
	Gunzip *gunzip = g_new(Gunzip, 1);

	gunzip->zlib = G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
	gunzip->max_ratio = max_ratio;
	gunzip->taken = gunzip->given = 0;
	gunzip->between = FALSE;
	return gunzip;
}

void
gunzip_free(Gunzip *gunzip)
{
	if (gunzip == NULL)
		return;
	g_object_unref(gunzip->zlib);
	g_free(gunzip);
}

static gboolean
refuse(const Gunzip *gunzip, const char *what, GError **error)
{
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
		"the body is no valid gzip, as its Content-Encoding says: %s at about byte "
		"%" G_GINT64_FORMAT,
		what, gunzip->taken);
	return FALSE;
}

static gboolean
check_ratio(const Gunzip *gunzip, GError **error)
{
	if (gunzip->given <= HARMLESS_SIZE || gunzip->given / gunzip->max_ratio <= gunzip->taken)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"the body grows more than %" G_GINT64_FORMAT
		"-fold when it is unpacked, more than the setting max_gzip_ratio allows",
		gunzip->max_ratio);
	return FALSE;
}

/* One step of the converter; *more: there may be output left that needs no input. */
static gboolean
unpack(Gunzip *gunzip, const char **bytes, size_t *size, gboolean *more, gsize *got, GError **error)
{
	g_autoptr(GError) failure = NULL;
	gsize eaten = 0;

	*got = 0;
	GConverterResult result = g_converter_convert(gunzip->zlib, *bytes, *size, gunzip->piece,
		PIECE_SIZE, G_CONVERTER_NO_FLAGS, &eaten, got, &failure);
	if (g_error_matches(failure, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT)) {
		*more = FALSE;
		return TRUE;
	}
	if (result == G_CONVERTER_ERROR)
		return refuse(gunzip, "broken data", error);
	*bytes += eaten;
	*size -= eaten;
	gunzip->taken += (gint64) eaten;
	gunzip->given += (gint64) *got;
	*more = *size > 0 || *got == PIECE_SIZE;
	if (result == G_CONVERTER_FINISHED) {
		g_converter_reset(gunzip->zlib);
		gunzip->between = TRUE;
		*more = *size > 0;
	}
	return TRUE;
}

gboolean
gunzip_feed(Gunzip *gunzip, const char *bytes, size_t size, ByteSink take, gpointer sink,
	GError **error)
{
	gboolean more = size > 0;

	while (more) {
		gsize got = 0;

		gunzip->between = FALSE;
		if (!unpack(gunzip, &bytes, &size, &more, &got, error) ||
			!check_ratio(gunzip, error) ||
			(got > 0 && !take(sink, gunzip->piece, got, error)))
			return FALSE;
	}
	return TRUE;
}

gboolean
gunzip_finish(Gunzip *gunzip, GError **error)
{
	return gunzip->between || refuse(gunzip, "it is cut off", error);
}
