#ifndef DCM_H
#define DCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "say.h"
#include "walk.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The bridge to DCMTK: a data set, or the part of one before its Pixel Data,
 * is parsed, every element of it shown to a rule, and written again in the
 * same syntax.  What a rule keeps is written byte for byte as it came.
 *
 * What is given to it must have passed walk.h: DCMTK recurses, and its stack
 * has an end.  No exception and no type of DCMTK's leaves here; DCMTK logs
 * nothing, since what it logs are values.
 */
struct dcm; /* one data set; used again and again */

/* Once, before the sandbox is closed.  Dies EXIT_BUG. */
void dcm_init(void);

struct dcm *dcm_new(void);
void dcm_free(struct dcm *d);

/* Parse all n bytes, which are copied.  0, or -1 with *w (EXIT_DATA). */
int dcm_parse(struct dcm *d, const void *p, size_t n, enum walk_syntax syntax,
    struct why *w);

struct dcm_element {
	uint32_t tag;
	unsigned vr; /* as in the object, see dict.h; 0 in implicit VR */
	size_t size; /* bytes of the value; items of a sequence */
	bool sequence;
	bool begins;      /* the first of its item */
	int depth;        /* 0 at the top level, 1 in an item there */
	const void *with; /* DCM_REPLACE: the rule puts it here */
	size_t with_size;
	void *own; /* the bridge's */
};

enum dcm_do {
	DCM_KEEP,  /* of a sequence: go into its items */
	DCM_FIRST, /* keep a sequence's first item only, and go into it */
	DCM_REMOVE,
	DCM_EMPTY,
	DCM_REPLACE, /* with the bytes e->with, valid until the next element */
	DCM_DROP,    /* of the first element: remove the whole item */
	DCM_UNPACK,  /* UN that should be a sequence: make it one and go into
			it, or remove it */
};

/* An element's value, NULL if it has none; valid until the next call. */
const void *dcm_value(struct dcm *d, const struct dcm_element *e);

/*
 * While an element is shown, another of its item: path is n tags, all but the
 * last of sequences, of which the first item is meant.  As dcm_get().
 */
size_t dcm_peek(struct dcm *d, const struct dcm_element *e,
    const uint32_t *path, int n, char *out, size_t size);

/*
 * The next element of its item in the order of tags, after e and after each
 * further call: its tag, or 0.  *at is where one is; begin with 0.
 */
uint32_t dcm_sibling(struct dcm *d, const struct dcm_element *e, size_t *at);

/* Show every element to rule, outer before inner, in order.  0 or -1. */
int dcm_apply(struct dcm *d,
    enum dcm_do (*rule)(void *arg, struct dcm_element *e), void *arg,
    struct why *w);

/*
 * A top-level element's value into out (size bytes, NUL added, padding
 * removed).  Its length; 0 if it is not there or does not fit.
 */
size_t dcm_get(struct dcm *d, uint32_t tag, char *out, size_t size);

/* Put a text element, or a sequence of one code, at the top level. 0 or -1. */
int dcm_put(
    struct dcm *d, uint32_t tag, unsigned vr, const char *text, struct why *w);
int dcm_put_code(struct dcm *d, uint32_t tag, const char *value,
    const char *scheme, const char *meaning, struct why *w);
/* The same, as one more item of a sequence that was put. */
int dcm_add_code(struct dcm *d, uint32_t tag, const char *value,
    const char *scheme, const char *meaning, struct why *w);

/* Put n bytes, an even number, as OW, little endian, at the top level. */
int dcm_put_words(
    struct dcm *d, uint32_t tag, const void *p, size_t n, struct why *w);

/* Remove an element of the top level, if it is there. */
void dcm_remove(struct dcm *d, uint32_t tag);

/*
 * Write the data set behind the first used bytes of *buf (of *size, grown by
 * realloc).  Returns the new used, or 0 with *w.
 */
size_t dcm_write(struct dcm *d, unsigned char **buf, size_t *size, size_t used,
    struct why *w);

#ifdef __cplusplus
}
#endif

#endif
