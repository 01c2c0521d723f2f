#ifndef BURNIN_H
#define BURNIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "look.h"

/*
 * Text burned into a radiograph, of which nothing in the object need speak.
 *
 * Letters are drawn: strokes of a few pixels, all of one value, far from what
 * is on both sides of them.  What X-rays draw has soft edges and noise.  A row
 * with several strokes of one value, and several such rows near one another,
 * are text.  It is found in rows as they pass; nothing but one is held.
 *
 * Letters that are blurred, that lossy coding has softened, or that hardly
 * differ from what is behind them are not found: this is a net under the
 * policy of risk.h, not a reader.
 */
struct burnin; /* opaque */

struct burnin *burnin_new(void);
void burnin_free(struct burnin *b);

/* Radiographs, whose letters a film's marker or a workstation draws. */
bool burnin_wanted(const struct look *l);

/* Is it an image of a kind, and stored in a way, that this is for? */
bool burnin_for(const struct look *l);

void burnin_begin(struct burnin *b, const struct look *l);

/* The next n bytes of a native value. True once text has been found. */
bool burnin_bytes(struct burnin *b, const void *p, size_t n);

#endif
