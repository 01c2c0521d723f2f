#ifndef GRAPHICS_H
#define GRAPHICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcm.h"
#include "look.h"
#include "mask.h"

/*
 * Overlays that are kept: the rules remove every overlay, and under Clean
 * Graphics those of an image that has a mask are put back, without what lies in
 * the mask, and without labels, descriptions and what else was said about them.
 */
struct graphics {
	struct graphic { /* group 6000 + 2 i */
		unsigned rows, columns, allocated, bit;
		int row, column; /* of the first bit, from 1 */
		long frames;
		char type;           /* G or R */
		unsigned char *bits; /* NULL: none */
		size_t n;
	} v[16];
	bool any;
};

/* Forget the last object's. */
void graphics_begin(struct graphics *g);

/* One top-level element of a little endian object, of n bytes. */
void graphics_element(
    struct graphics *g, uint32_t tag, const void *value, size_t n);

/* Put the overlays back. 0, or -1 with *w. */
int graphics_put(struct graphics *g, const struct mask *m, const struct look *l,
    struct dcm *set, struct why *w);

#endif
