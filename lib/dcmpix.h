#ifndef DCMPIX_H
#define DCMPIX_H

#include <stddef.h>

#include "look.h"
#include "say.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The bridge to DCMTK's decoders: one coded frame in, its samples out.  RLE,
 * JPEG and JPEG-LS; DCMTK 3.6.7 has none for JPEG 2000.
 */

/* Once, before the sandbox is closed.  Dies EXIT_BUG. */
void dcmpix_init(void);

/*
 * Decode the frame of n bytes at p, of an image like l, into size bytes at
 * out, which is one frame: little endian, colour by pixel.  photometric is
 * what the samples then are.  0, or -1 with *w, EXIT_DATA.
 */
int dcmpix_decode(const struct look *l, const void *p, size_t n, void *out,
    size_t size, char photometric[17], struct why *w);

#ifdef __cplusplus
}
#endif

#endif
