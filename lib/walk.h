#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "say.h"

/*
 * A walk over the bytes of a DICOM object, before anything that recurses or
 * allocates by what they say sees them.
 *
 * It checks every length against what encloses it and against the end, the
 * depth of nesting, VRs and delimiters; it finds what precedes the data set,
 * each element of its top level, and the Pixel Data, whose value it never
 * needs.  It does not allocate, and it does not recurse.  It can be given the
 * beginning of an object and go on when more has come.
 */

#define WALK_DEPTH 64 /* sequences and items within one another */
#define WALK_UNDEFINED 0xffffffffu
#define WALK_META_MAX (1u << 16) /* preamble and file meta information */

enum walk_syntax {
	WALK_IMPLICIT, /* implicit VR, little endian */
	WALK_EXPLICIT, /* explicit VR, little endian */
	WALK_BIG,      /* explicit VR, big endian */
};

enum {
	WALK_MORE = 0, /* give at least need bytes of the object, or whole */
	WALK_ELEMENT = 1,
	WALK_PIXEL = 2,
	WALK_END = 3,
};

/* What precedes a data set. */
struct walk_meta {
	size_t dataset;          /* its offset */
	enum walk_syntax syntax; /* of the data set (once inflated) */
	bool deflated;
	bool directory;     /* a DICOMDIR */
	bool guessed;       /* transfer was not said */
	char transfer[65];  /* Transfer Syntax UID, NUL-terminated, never "" */
	char sop_class[65]; /* Media Storage SOP Class UID, or "" */
	size_t need;        /* for WALK_MORE */
};

/*
 * Look at the first n bytes of an object; whole says that there are no more.
 * Meta information or preamble may be missing: the syntax is then guessed from
 * the first element, as other readers do.  Returns 1; WALK_MORE; or -1 with
 * *w, EXIT_DATA.
 */
int walk_meta(
    struct walk_meta *m, const void *p, size_t n, bool whole, struct why *w);

struct walk {
	/* The last top-level element. */
	uint32_t tag;
	unsigned vr;   /* see dict.h; 0 in implicit VR */
	size_t at;     /* offset of its first byte */
	size_t value;  /* offset of its value */
	size_t end;    /* offset after it; not for WALK_PIXEL */
	uint32_t size; /* of the value, or WALK_UNDEFINED */
	size_t need;   /* for WALK_MORE */

	/* The walk's own. */
	size_t pos;
	int depth;
	bool big;
	struct walk_level {
		size_t end; /* offset, or SIZE_MAX */
		bool implicit;
		unsigned char kind;
	} level[WALK_DEPTH + 1];
};

void walk_begin(struct walk *k, enum walk_syntax syntax, size_t offset);

/*
 * Go on in the object whose first n bytes are at p: always from its beginning,
 * which may have moved.  Returns WALK_ELEMENT, one whole top-level element;
 * WALK_PIXEL, its Pixel Data (of any kind), of which value and size are known;
 * WALK_END, when whole and nothing but zeros is left; WALK_MORE; -1 with *w.
 * After WALK_PIXEL the walk is over: use walk_pixel() and begin again after it.
 */
int walk_next(
    struct walk *k, const void *p, size_t n, bool whole, struct why *w);

/* The value of Pixel Data as it passes, fragments or not. */
struct walk_pixel {
	uint64_t left; /* bytes of the value or of this fragment */
	unsigned char head[8];
	unsigned got; /* bytes of head */
	bool fragments, big, done;
};

void walk_pixel_begin(struct walk_pixel *x, const struct walk *k);

/*
 * Of the next n bytes, how many still belong to the value?  Sets done when it
 * is complete.  -1 with *w when fragments are not in order.
 */
long long walk_pixel(
    struct walk_pixel *x, const void *p, size_t n, struct why *w);

/*
 * The UIDs of an object from its first n bytes, which must reach as far as
 * group 0020: what rec-unpack compares with a record's name.  NUL-terminated,
 * without padding.  0, or -1 with *w (a UID missing, or damage before it).
 */
struct walk_uids {
	char study[65], series[65], sop[65];
};
int walk_uids(struct walk_uids *u, const void *head, size_t n, struct why *w);

#endif
