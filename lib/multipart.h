#ifndef MULTIPART_H
#define MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * A body of the type multipart/related (RFC 2046, 2387), read as it comes: each
 * part's bytes are passed on at once, so that only what may be the beginning of
 * a delimiter is held.  The bytes of a part are its body, exactly; its header
 * is skipped, and may have MULTIPART_HEAD bytes.
 */
#define MULTIPART_HEAD 16384
#define MULTIPART_BOUNDARY 70 /* characters, RFC 2046 */

struct multipart {
	/* A part begins, goes on, ends.  0 or -1 with *w. */
	int (*begin)(void *arg, struct why *w);
	int (*data)(void *arg, const void *p, size_t n, struct why *w);
	int (*end)(void *arg, struct why *w);
	void *arg;

	/* Its own. */
	enum {
		MULTIPART_PREAMBLE,
		MULTIPART_DELIMITER,
		MULTIPART_HEADER,
		MULTIPART_BODY,
		MULTIPART_OVER
	} at;
	char delimiter[MULTIPART_BOUNDARY + 5]; /* CR LF "--" boundary */
	size_t size;                            /* of it */
	size_t match;                           /* how much of it was seen */
	size_t head;                            /* bytes of a header */
	char last[4]; /* bytes of a header or delimiter */
};

/*
 * Of the Content-Type: the boundary.  The callbacks are yours to set.  0, or -1
 * with *w, EXIT_FEW: not multipart/related with a boundary.
 */
int multipart_init(struct multipart *x, const char *type, struct why *w);

/* The next n bytes.  0 or -1 with *w. */
int multipart_feed(struct multipart *x, const void *p, size_t n, struct why *w);

/* Was the last delimiter seen?  If not, the body was cut. */
bool multipart_whole(const struct multipart *x);

#endif
