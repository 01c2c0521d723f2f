#ifndef MASK_H
#define MASK_H

#include <stdbool.h>
#include <stddef.h>

#include "look.h"
#include "say.h"

/*
 * Masks: which parts of which images are blackened, as a file of mask(5) says.
 * The first mask that an object matches is the one that it gets.
 *
 * Blackening goes by the position of bytes in the value of Pixel Data, so that
 * it works on pieces of any size and holds nothing.
 */
struct masks; /* opaque */
struct mask;

/* Read a file. NULL with *w, which names the line. */
struct masks *mask_read(const char *file, struct why *w);
void mask_free(struct masks *m);

/* The same from n bytes at text. */
struct masks *mask_parse(const char *text, size_t n, struct why *w);

/* 16 hex digits that stand for all of them. */
const char *mask_digest(const struct masks *m);

/* The mask for an image, or NULL. */
const struct mask *mask_find(const struct masks *m, const struct look *l);
const char *mask_name(const struct mask *m);

/* Can it be applied to pixels stored like these?  0, or -1 with EXIT_NO. */
int mask_check(const struct look *l, struct why *w);

/*
 * Blacken what of a native value's n bytes at p, which are those from offset
 * on, lies in the mask.  l has passed mask_check().
 */
void mask_blacken(const struct mask *m, const struct look *l,
    unsigned long long offset, void *p, size_t n);

/*
 * Clear the bits of an overlay that lie in the mask: n bytes of rows x columns
 * bits, whose first is at row, column (from 0) of the image, frame after frame.
 */
void mask_overlay(const struct mask *m, const struct look *l, unsigned rows,
    unsigned columns, int row, int column, void *p, size_t n);

#endif
