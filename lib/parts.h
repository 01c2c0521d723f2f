#ifndef PARTS_H
#define PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rec.h"
#include "walk.h"

/*
 * An object for those who only look at it: what precedes its Pixel Data is
 * read, held and walked; the pixels then pass in pieces, and the rest.  All
 * bytes are seen once, in order, also those of an object that cannot be
 * walked.
 */
enum parts_kind {
	PARTS_HEAD,   /* all before the pixels' value; the whole object,
			 as far as it was held, if it cannot be walked */
	PARTS_PIXELS, /* of Pixel Data, its delimiters included */
	PARTS_REST,   /* what follows */
};

struct parts_element {
	uint32_t tag;
	unsigned vr;           /* 0 in implicit VR */
	size_t at, value, end; /* offsets in head */
};

struct parts {
	/* Once open: */
	struct walk_meta meta; /* valid if walked or why.code is 0 */
	bool walked;           /* as far as Pixel Data or the end */
	bool pixels;           /* there is Pixel Data */
	struct why why;        /* if not walked, why */
	struct walk walk;      /* of Pixel Data */
	unsigned char *head;   /* used bytes; of a deflated object, inflated
				  after its meta information */
	size_t used, value;    /* the pixels' value begins at value */
	struct parts_element *element;
	size_t elements;

	/* Its own. */
	int (*fill)(
	    void *arg, void *buf, size_t size, size_t *got, struct why *w);
	void *arg;
	size_t size, room, max;
	bool whole, voided, given;
	struct walk_pixel pixel;
	unsigned char *piece;
};

void parts_free(struct parts *p); /* what it holds; zero it before first use */

/*
 * Read as far as Pixel Data, at most max bytes.  fill as in anon.h.  0; -1 with
 * *w when the source failed, or if the object cannot be looked into (deflated,
 * and damaged or too large): EXIT_DATA.
 */
int parts_open(struct parts *p,
    int (*fill)(void *arg, void *buf, size_t size, size_t *got, struct why *w),
    void *arg, size_t max, struct why *w);

/* The next piece: 1; 0 at the end; REC_VOID: withdrawn; -1 with *w. */
int parts_next(struct parts *p, const void **bytes, size_t *n,
    enum parts_kind *kind, struct why *w);

/* The element of that tag at the top level before Pixel Data, or NULL. */
const struct parts_element *parts_find(const struct parts *p, uint32_t tag);

/* Its value as text, without padding; its length, 0 if it does not fit. */
size_t parts_text(const struct parts *p, uint32_t tag, char *out, size_t size);

#endif
