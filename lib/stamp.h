#ifndef STAMP_H
#define STAMP_H

#include <stdbool.h>
#include <stddef.h>

#include "rec.h"

/*
 * Objects on their way out: a second thread stamps each with `plain`, the
 * keyed digest of its bytes, and writes it, while the first is at the next one.
 * The order stays; what is written does not depend on the threads' timing.
 *
 * What travels are slots: buffers that are filled, given and come back.  An
 * object is one slot that is first and last, or several.
 */
#define STAMP_SLOT ((size_t)1 << 20) /* bytes of a slot's buffer, at first */

struct slot {
	unsigned char *in; /* for the taker's use */
	size_t in_size;

	/* The bytes to write: head, then body, which may lie within in. */
	unsigned char *head;
	size_t head_size, head_len;
	const unsigned char *body;
	size_t body_len;

	struct rec rec; /* of the first slot: name and attributes */
	long long size; /* of the first slot: the object's, or REC_UNKNOWN */
	bool first, last;
	bool withdrawn; /* with last: the object is not to be, recout_void() */
};

struct stamp; /* opaque */

/*
 * Write records to out; or, if out is NULL, a bare object to fd.  key (copied)
 * is what plain is made with.
 */
struct stamp *stamp_open(
    struct recout *out, int fd, const void *key, size_t key_len);

/* A slot to fill, all fields but the buffers zero; NULL with *w when writing
 * failed. */
struct slot *stamp_take(struct stamp *s, struct why *w);

/* Give the slot taken last. */
void stamp_give(struct stamp *s);

/* Wait until all that was given is written, and flush. 0, or -1 with *w. */
int stamp_settle(struct stamp *s, struct why *w);

/* For recin_on_idle(): the same, or die.  arg is a struct stamp. */
void stamp_idle(void *arg);

/* Grow a buffer to hold n bytes; dies when there is no memory. */
void stamp_grow(unsigned char **p, size_t *size, size_t n);

/* Ends the thread; what was given but not settled is lost. */
void stamp_free(struct stamp *s);

#endif
