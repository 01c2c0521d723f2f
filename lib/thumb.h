#ifndef THUMB_H
#define THUMB_H

#include <stddef.h>

#include "look.h"

/*
 * Small pictures of frames, for people to look at: 8 bits, red, green and blue,
 * at most THUMB_SIDE wide and high, with the window that the object asks for.
 */
#define THUMB_SIDE 384

struct thumb {
	unsigned width, height;
	unsigned char *rgb; /* owned, 3 * width * height bytes */
};

struct thumb_window {
	double slope, intercept; /* Rescale; slope 0: none */
	double center, width; /* width 0: from the darkest to the brightest */
};

/* Of a native frame of look_frame(l) bytes.  0, or -1: not of a known kind. */
int thumb_make(struct thumb *t, const struct look *l,
    const struct thumb_window *w, const unsigned char *frame);
void thumb_free(struct thumb *t);

/*
 * A PNG of n of them side by side, in malloc'd memory of *size bytes.  Dies
 * EXIT_IO without memory.
 */
unsigned char *thumb_png(const struct thumb *t, int n, size_t *size);

#endif
