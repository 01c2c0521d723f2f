#ifndef FLATE_H
#define FLATE_H

#include <stddef.h>

/*
 * Deflated data sets (transfer syntax 1.2.840.10008.1.2.1.99): raw deflate
 * streams, RFC 1951, whole in memory and bounded.
 */

/*
 * Inflate n bytes into malloc'd memory that the caller frees, at most max
 * bytes and a little.  Returns 0; 1 if there would be more than max (*out
 * holds the beginning); -1 if the stream is damaged or cut (nothing is
 * allocated).  Dies EXIT_IO without memory.
 */
int flate_inflate(
    const void *p, size_t n, size_t max, unsigned char **out, size_t *size);

/*
 * Deflate two pieces, as one, into malloc'd memory after room bytes of the
 * caller's own, which are left as they are for the caller to fill; *size counts
 * these too.  The result is padded to an even length, as PS3.5 A.5 asks.
 */
unsigned char *flate_deflate(const void *a, size_t a_len, const void *b,
    size_t b_len, size_t room, size_t *size);

#endif
