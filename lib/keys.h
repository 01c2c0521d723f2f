#ifndef KEYS_H
#define KEYS_H

#include "line.h"
#include "say.h"

/*
 * Object keys as they arrive, key(5).  They come in the order of the records
 * that need them, or nearly: those that come too early wait in the secure
 * heap, which is bounded.
 */
struct keys;

#define KEYS_MAX 64 /* bytes of the longest key */
#define KEYS_SECRET_COST (2 * LINE_SECRET_COST + (1 << 19))

/* Open FILE (opt_open(): /dev/fd/N is that descriptor).  NULL with *w. */
struct keys *keys_open(const char *file, struct why *w);

/* Called before a read that would block. */
void keys_on_idle(struct keys *k, void (*fn)(void *), void *arg);

/*
 * The key of guid (32 hex digits), reading lines until it comes.  A key is
 * handed out once for each line.  0, or -1 with *w: EXIT_DENIED when there is
 * none, EXIT_DATA when its shares are wrong.  Dies of malformed lines, and
 * when too many keys wait.
 */
int keys_find(
    struct keys *k, const char *guid, unsigned char key[32], struct why *w);

/*
 * The same for keys that are not a sealed object's: up to KEYS_MAX bytes, *len
 * of them.  keys_next() is the next one there is, whatever its GUID: 32 digits
 * and a NUL into guid, unless that is NULL.
 */
int keys_find_any(struct keys *k, const char *guid, unsigned char *key,
    size_t *len, struct why *w);
int keys_next(
    struct keys *k, char *guid, unsigned char *key, size_t *len, struct why *w);

/* Read what is left to its end.  0, or -1 with *w. */
int keys_end(struct keys *k, struct why *w);
void keys_free(struct keys *k);

#endif
