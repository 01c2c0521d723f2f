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
 * somebody is, blackened where a mask says so, rid of a face by an outside
 * command, searched for hidden text, or passed as it is.  Nothing is held of it
 * but, when it is coded and has to be cleaned, one frame.
 *
 * For each object: pixels_begin(); pixels_element() for every element before
 * its Pixel Data; pixels_judge(); pixels_put() on what the rules left; then the
 * value, by pixels_pass() and pixels_end(), or, if pixels_frames(), by
 * pixels_decode() until pixels_done().
 */
struct pixels; /* opaque */

/*
 * Before the sandbox is closed.  p and d, by which faces are removed, or NULL,
 * stay the caller's.
 */
struct deface;
struct pixels *pixels_new(const struct deid_profile *p, struct deface *d);
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

/* The value is coded, and goes out decoded. */
bool pixels_decodes(const struct pixels *x);

/* A command takes a face out of it. */
bool pixels_defaces(const struct pixels *x);

/*
 * It goes out as frames that were decoded or that a command has given: of how
 * many bytes?
 */
bool pixels_frames(const struct pixels *x);
unsigned long long pixels_size(const struct pixels *x);

/*
 * Take of the n bytes of the value at p, which may be written over and stay
 * until all are taken; *used says how many.  1: *frame has
 * *size bytes to go out, until the next call; 0: all were taken, or
 * pixels_done(); -1 with *w.  Unless pixels_hungry(), there is something to be
 * had even for no bytes.
 */
int pixels_decode(struct pixels *x, void *p, size_t n, size_t *used,
    const void **frame, size_t *size, struct why *w);
bool pixels_hungry(const struct pixels *x);
bool pixels_done(const struct pixels *x);

#endif
