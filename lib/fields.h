#ifndef FIELDS_H
#define FIELDS_H

#include <stdbool.h>

#include "dcm.h"
#include "deid.h"
#include "rec.h"

/*
 * What a manifest, and so the catalogue, says of an object's contents: chosen
 * by the site, since the catalogue is not run by it.  Values are those of the
 * de-identified object, never of the original.
 */
typedef unsigned fields; /* a bit for each */

/*
 * A list of names, separated by commas; "none" is nothing.  NULL is the
 * default, modality and pseudonym.  0, or -1 with *w, EXIT_USAGE.
 */
int fields_parse(fields *f, const char *list, struct why *w);

/* Set them as attributes, as far as the de-identified set has them. */
void fields_put(
    fields f, struct rec *r, struct dcm *set, const struct deid_names *names);

/* The i-th of all there are: its name, and *tag (0: none); NULL after the last.
 */
const char *fields_at(unsigned i, uint32_t *tag);

/* Is this one chosen, and may its value be said? */
bool fields_say(fields f, const char *name, const char *value);

#endif
