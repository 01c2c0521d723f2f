#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stddef.h>

#include "say.h"

/*
 * The payload of a sealed object, sealed(5): a stream cut into chunks of
 * 64 KiB, each under ChaCha20-Poly1305 with its number and "is the last" in
 * the nonce.  Bytes go in in pieces of any size; what comes out goes to a
 * sink, in order.  While opening, the sink sees authenticated bytes only.
 *
 * One struct payload serves any number of objects, one after the other.  The
 * chunks of small objects are done in the caller's thread; a large object's
 * are shared with helper threads, made when first needed.  Memory is constant.
 */

enum {
	PAYLOAD_CHUNK = 65536, /* bytes of plaintext */
	PAYLOAD_TAG = 16,      /* bytes that sealing adds to each chunk */
	PAYLOAD_KEY = 32
};
enum payload_mode { PAYLOAD_SEAL, PAYLOAD_OPEN };

/* Takes n bytes; returns 0, or -1 with *w, which ends the object. */
typedef int payload_sink(void *arg, const void *p, size_t n, struct why *w);

struct payload *payload_new(void); /* never NULL; dies EXIT_IO */
void payload_free(struct payload *p);

/* Begin an object.  The key is copied; the sink is called by this thread. */
void payload_begin(struct payload *p, enum payload_mode mode,
    const unsigned char key[PAYLOAD_KEY], payload_sink *sink, void *arg);

/*
 * Where the next bytes may be put: *n >= 1 bytes of room.  payload_took()
 * then says how many were (0 is nothing).  payload_put() is both, with a copy.
 * 0, or -1 with *w: EXIT_DATA for a chunk that is not authentic, or the
 * sink's failure.  After -1 only payload_drop() or payload_begin() may follow.
 */
int payload_room(struct payload *p, void **at, size_t *n, struct why *w);
int payload_took(struct payload *p, size_t n, struct why *w);
int payload_put(struct payload *p, const void *bytes, size_t n, struct why *w);

/* The object's bytes end here.  Only after 0 is the object whole. */
int payload_end(struct payload *p, struct why *w);

/*
 * While opening: more bytes follow, but nobody wants them.  Whole chunks that
 * had a byte after them go to the sink, the rest is dropped.
 */
int payload_cut(struct payload *p, struct why *w);

/* Give the object up: what has not gone to the sink never will. */
void payload_drop(struct payload *p);

/*
 * Bytes of payload for so many of plaintext, and back.  -1 for a length that
 * nothing has.
 */
long long payload_sealed(long long plain);
long long payload_plain(long long sealed);

#endif
