#ifndef PIXELS_H
#define PIXELS_H

#include <stdbool.h>
#include <stddef.h>

#include "dcm.h"
#include "look.h"
#include "profile.h"
#include "rec.h"
#include "walk.h"

/*
 * What becomes of an object's image: rejected for the risk that it shows who
 * somebody is, blackened where a mask says so, searched for hidden text, or
 * passed as it is.  Nothing is held of it but, when it is coded and has to be
 * blackened, one frame.
 *
 * For each object: pixels_begin(); pixels_element() for every element before
 * its Pixel Data; pixels_judge(); pixels_put() on what the rules left; then the
 * value, by pixels_pass() and pixels_end(), or, if pixels_decodes(), by
 * pixels_decode() and pixels_decoded().
 */
struct pixels; /* opaque */

/* Before the sandbox is closed.  p stays the caller's. */
struct pixels *pixels_new(const struct deid_profile *p);
void pixels_free(struct pixels *x);

void pixels_begin(struct pixels *x, const struct walk_meta *m);
void pixels_element(
    struct pixels *x, uint32_t tag, const void *value, size_t n);

/*
 * All elements have passed; k is at Pixel Data, or NULL if there is none.  0,
 * or -1 with *w: EXIT_NO if it is rejected for a risk.
 */
int pixels_judge(struct pixels *x, const struct walk *k, struct why *w);

/* Say what is done, in the object and in the record. */
int pixels_put(struct pixels *x, struct dcm *set, struct rec *r, struct why *w);

/* The next n bytes of the value as they go out.  0, or -1 with *w. */
int pixels_pass(struct pixels *x, void *p, size_t n, struct why *w);
int pixels_end(struct pixels *x, struct why *w);

/* The value is coded, and goes out decoded: of how many bytes? */
bool pixels_decodes(const struct pixels *x);
unsigned long long pixels_size(const struct pixels *x);

/*
 * Take of the n bytes of the value at p; *used says how many.  1: *frame has
 * *size bytes to go out, until the next call; 0: all were taken, or
 * pixels_done(); -1 with *w.
 */
int pixels_decode(struct pixels *x, const void *p, size_t n, size_t *used,
    const void **frame, size_t *size, struct why *w);
bool pixels_done(const struct pixels *x);

#endif
