/* web-fake.h: a connection for the tests of cgi-bin: a body to read in pieces, a place for what is
 * written. */
#pragma once

#include <glib.h>
#include <string.h>

#include "web_request.h"

typedef struct FakePeer {
	const char *body;
	size_t piece;     /* at most so many bytes a read */
	gboolean breaks;  /* the connection breaks where the body ends */
	GString *written; /* NULL: nobody listens */
} FakePeer;

static inline gssize
fake_read(gpointer peer, char *bytes, size_t size)
{
	FakePeer *fake = peer;
	size_t got = MIN(MIN(size, fake->piece), strlen(fake->body));

	memcpy(bytes, fake->body, got);
	fake->body += got;
	return got == 0 && fake->breaks ? -1 : (gssize) got;
}

static inline gboolean
fake_write(gpointer peer, const char *bytes, size_t size)
{
	FakePeer *fake = peer;

	if (fake->written == NULL)
		return FALSE;
	g_string_append_len(fake->written, bytes, (gssize) size);
	return TRUE;
}

static const WebIo fake_io = { fake_read, fake_write };
