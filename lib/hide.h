#ifndef HIDE_H
#define HIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "look.h"
#include "risk.h"
#include "say.h"

/*
 * Text that hides in the bytes of Pixel Data, where no viewer shows it: in the
 * bits of a cell that no sample uses (overlays once lived there), in bytes
 * after the last frame, in offset tables, in the COM and APPn segments of
 * JPEG and JPEG-LS, the comments of JPEG 2000, between the segments of RLE,
 * after the end of an image.
 *
 * The value passes through in pieces of any size and is looked at once; of it,
 * at most one comment is held.  What is found is refused, or, if asked for,
 * wiped where it stands, so that no length changes.
 *
 * The mark of a JFIF or Adobe segment, and the name and version of a known
 * coder, are no text.  What the coded samples themselves hold, and unused bits
 * behind JPEG, are not looked at: that takes a decoder.
 */
struct hide {
	const struct look *look;
	enum risk_syntax kind;
	bool fragments, clean;
	bool done;  /* the delimiter has come */
	bool wiped; /* something was */

	/* Native: lanes of 64 bits at once. */
	uint64_t lane_unused, lane_sign, lane_extend;
	unsigned lane;       /* bytes of a cell */
	unsigned sign_shift; /* of a sample's sign, to bit 0 of its lane */
	bool nonzero, nonextend;
	unsigned char part[4]; /* a cell cut by the end of a piece */
	unsigned parts;
	long long pos; /* bytes so far */
	long long all; /* bytes of all frames */

	/* Fragments. */
	unsigned char item[8];
	unsigned items; /* so far, the offset table among them */
	unsigned got;   /* bytes of item */
	uint64_t left;  /* of this one */
	uint32_t offset, last_offset;

	/* A coded image. */
	int state, next;
	unsigned marker;
	uint64_t skip;
	unsigned segment; /* bytes of this marker's segment to come */
	unsigned seen;    /* of it, so far; the first are in text */
	bool alien;       /* bytes that no coder needs were among them */
	uint64_t tile;
	unsigned char text[80];

	/* RLE: of the fragment at hand. */
	unsigned char head[64];
	uint32_t at;
	unsigned plane, planes;
	uint64_t plane_left; /* decoded bytes this segment still has to give */
	int run;             /* literal bytes to come, or -1: one to repeat */
	unsigned repeat;
};

/* kind is risk_syntax() of the object; fragments, how the value is stored. */
void hide_begin(struct hide *h, const struct look *l, enum risk_syntax kind,
    bool fragments, bool clean);

/*
 * The next n bytes of the value, with all delimiters.  0; or -1 with *w,
 * EXIT_NO and what was found.
 */
int hide_bytes(struct hide *h, unsigned char *p, size_t n, struct why *w);

/* The value is complete.  0 or -1 as above. */
int hide_end(struct hide *h, struct why *w);

#endif
