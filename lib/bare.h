#ifndef BARE_H
#define BARE_H

#include <stddef.h>

#include "say.h"

/*
 * Some filters take one bare object where a record stream is usual.  What
 * tells them apart is the checksum of a tar header, in the first BARE_HEAD
 * bytes: those are read here, and the caller deals with them first.
 */

enum { BARE_HEAD = 512 };
enum bare { BARE_STREAM, BARE_OBJECT };

/*
 * Read the first *n bytes, fewer than BARE_HEAD when there are no more.
 * Returns an enum bare, or -1 with *w: EXIT_DATA when there is nothing at all.
 */
int bare_look(int fd, unsigned char head[BARE_HEAD], size_t *n, struct why *w);

/* read(2), again when interrupted: bytes, 0 at the end, -1 with *w. */
long bare_read(int fd, void *p, size_t n, struct why *w);

/* The bytes that bare_look() read, then the rest of fd: a source of anon.h. */
struct bare_source {
	int fd;
	unsigned char head[BARE_HEAD];
	size_t used, n;
};

/* arg is a struct bare_source; as recin_fill(): 1, 0 at the end, -1 with *w. */
int bare_fill(void *arg, void *buf, size_t size, size_t *got, struct why *w);

#endif
