#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "flate.h"
#include "say.h"

#define STEP ((size_t)1 << 18)

static unsigned char *
grow(unsigned char *p, size_t n)
{
	p = realloc(p, n);
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

int
flate_inflate(
    const void *p, size_t n, size_t max, unsigned char **out, size_t *size)
{
	z_stream z = { 0 };
	size_t room = 0;
	int got;

	*out = NULL;
	*size = 0;
	if (n > UINT32_MAX)
		return 1;
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		die(EXIT_IO, "out of memory");
	z.next_in = (unsigned char *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	do {
		if (*size == room)
			*out = grow(*out, room = room ? 2 * room : STEP);
		z.next_out = *out + *size;
		z.avail_out = (uInt)(room - *size);
		got = inflate(&z, Z_NO_FLUSH);
		*size = room - z.avail_out;
	} while (got == Z_OK && *size <= max);
	inflateEnd(&z);
	if (got == Z_STREAM_END && *size <= max)
		return 0;
	if (*size > max)
		return 1;
	free(*out);
	*out = NULL;
	return -1;
}

unsigned char *
flate_deflate(const void *a, size_t a_len, const void *b, size_t b_len,
    size_t room, size_t *size)
{
	z_stream z = { 0 };
	unsigned char *out;
	size_t bound;

	if (deflateInit2(
		&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		die(EXIT_IO, "out of memory");
	bound = room + deflateBound(&z, a_len + b_len) + 64;
	out = grow(NULL, bound);
	z.next_out = out + room;
	z.avail_out = (uInt)(bound - room);
	z.next_in = (unsigned char *)(uintptr_t)a;
	z.avail_in = (uInt)a_len;
	if (deflate(&z, Z_NO_FLUSH) != Z_OK)
		die(EXIT_BUG, "deflate failed");
	z.next_in = (unsigned char *)(uintptr_t)b;
	z.avail_in = (uInt)b_len;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		die(EXIT_BUG, "deflate failed");
	deflateEnd(&z);
	*size = bound - z.avail_out;
	if ((*size - room) % 2 != 0)
		out[(*size)++] = 0;
	return out;
}
