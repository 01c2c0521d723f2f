#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "look.h"
#include "risk.h"
#include "say.h"

/*
 * Coded frames out of the fragments of Pixel Data, as they pass: one frame is
 * held at a time.  A frame of RLE is a fragment; one of JPEG or JPEG-LS begins
 * with a fragment that begins an image, since no offset table can be trusted.
 */
struct frames {
	unsigned char *buf; /* a coded frame */
	size_t used, size;
	bool done; /* the delimiter has come; the last frame is in buf */

	/* Its own. */
	const struct look *look;
	enum risk_syntax kind;
	size_t max; /* bytes that a coded frame may have */
	unsigned char item[8], start[2];
	unsigned got, starts, items;
	uint64_t left;
	bool given; /* what is in buf */
};

/* A buffer that an earlier object's frames left is used again. */
void frames_begin(
    struct frames *f, const struct look *l, enum risk_syntax kind);
void frames_free(struct frames *f);

/*
 * Take of the next n bytes of the value at p; *used says how many.  1: a frame
 * is in f->buf until the next call; 0: all were taken, or done; -1 with *w.
 */
int frames_feed(struct frames *f, const unsigned char *p, size_t n,
    size_t *used, struct why *w);

/*
 * Does a coded frame say of itself what the look does, so that a decoder gives
 * the bytes that the look promises?
 */
bool frames_as_said(const struct frames *f);

#endif
