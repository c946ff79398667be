/* Bytes that gzip packed come back, in any pieces; what would flood is refused. */
#include "base/gunzip.h"

#include <gio/gio.h>
#include <string.h>

#include "base/error.h"

#define MIB (1024 * 1024)

static gboolean
collect(gpointer sink, const char *bytes, size_t size, GError **error)
{
	g_assert_cmpuint(size, <=, 64 * 1024);
	g_byte_array_append(sink, (const guint8 *) bytes, (guint) size);
	return TRUE;
}

static GByteArray *
pack(const void *bytes, size_t size)
{
	g_autoptr(GConverter) zlib =
		G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
	g_autoptr(GInputStream) memory =
		g_memory_input_stream_new_from_data(bytes, (gssize) size, NULL);
	g_autoptr(GInputStream) packed = g_converter_input_stream_new(memory, zlib);
	GByteArray *array = g_byte_array_new();
	guint8 piece[4096];
	gssize got;

	while ((got = g_input_stream_read(packed, piece, sizeof piece, NULL, NULL)) > 0)
		g_byte_array_append(array, piece, (guint) got);
	return array;
}

/* Random letters of an alphabet of so many: the fewer, the better they pack. */
static GByteArray *
letters(size_t size, int alphabet)
{
	GByteArray *array = g_byte_array_new();

	for (size_t i = 0; i < size; i++) {
		guint8 letter = (guint8) g_test_rand_int_range(0, alphabet);

		g_byte_array_append(array, &letter, 1);
	}
	return array;
}

static gboolean
unpack(const GByteArray *packed, size_t piece, gint64 ratio, GByteArray *got, GError **error)
{
	g_autoptr(Gunzip) gunzip = gunzip_new(ratio);

	for (size_t at = 0; at < packed->len; at += piece)
		if (!gunzip_feed(gunzip, (const char *) packed->data + at,
			    MIN(piece, packed->len - at), collect, got, error))
			return FALSE;
	return gunzip_finish(gunzip, error);
}

static void
test_in_pieces(void)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 300000 };
	static const size_t pieces[] = { 1, 7, 65536, MIB };

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autoptr(GByteArray) plain = letters(sizes[i], 5);
		g_autoptr(GByteArray) packed = pack(plain->data, plain->len);

		/* a second member follows the first (RFC 1952 section 2.2) */
		g_byte_array_set_size(packed, 2 * packed->len);
		memcpy(packed->data + packed->len / 2, packed->data, packed->len / 2);
		for (size_t j = 0; j < G_N_ELEMENTS(pieces); j++) {
			g_autoptr(GByteArray) got = g_byte_array_new();
			g_autoptr(GError) error = NULL;

			unpack(packed, pieces[j], 100, got, &error);
			g_assert_no_error(error);
			g_assert_cmpuint(got->len, ==, 2 * plain->len);
			g_assert_true(plain->len == 0 ||
				      memcmp(got->data + plain->len, plain->data, plain->len) == 0);
		}
	}
}

static void
refused(const GByteArray *packed, int code, const char *says)
{
	g_autoptr(GByteArray) got = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	g_assert_false(unpack(packed, 4096, 100, got, &error));
	g_assert_error(error, NBHOOK_ERROR, code);
	g_assert_nonnull(strstr(error->message, says));
	g_assert_cmpuint(got->len, <=, 2 * MIB);
}

static void
test_broken(void)
{
	g_autoptr(GByteArray) plain = letters(1000, 200);
	g_autoptr(GByteArray) packed = pack(plain->data, plain->len);
	g_autoptr(GByteArray) none = g_byte_array_new();

	refused(none, NBHOOK_ERROR_BAD_REQUEST, "cut off");
	g_byte_array_append(packed, (const guint8 *) "x", 1);
	refused(packed, NBHOOK_ERROR_BAD_REQUEST, "gzip");
	g_byte_array_set_size(packed, packed->len - 2);
	refused(packed, NBHOOK_ERROR_BAD_REQUEST, "cut off");
	packed->data[packed->len - 6] ^= 1; /* in its CRC */
	g_byte_array_append(packed, (const guint8 *) "\0", 1);
	refused(packed, NBHOOK_ERROR_BAD_REQUEST, "broken data");
	refused(plain, NBHOOK_ERROR_BAD_REQUEST, "broken data");
}

static void
test_a_flood(void)
{
	g_autofree guint8 *zeros = g_malloc0(64 * MIB);
	g_autoptr(GByteArray) bomb = pack(zeros, 64 * MIB);
	g_autoptr(GByteArray) small = pack(zeros, MIB);
	g_autoptr(GByteArray) got = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	refused(bomb, NBHOOK_ERROR_TOO_LARGE, "max_gzip_ratio");
	g_assert_true(unpack(small, 4096, 100, got, &error));
	g_assert_cmpuint(got->len, ==, MIB);
	g_byte_array_set_size(got, 0);
	g_assert_true(unpack(bomb, 4096, 2000, got, &error));
	g_assert_cmpuint(got->len, ==, 64 * MIB);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/gunzip/in-pieces", test_in_pieces);
	g_test_add_func("/gunzip/broken", test_broken);
	g_test_add_func("/gunzip/flood", test_a_flood);
	return g_test_run();
}
