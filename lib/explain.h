#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdint.h>

#include "dcm.h"
#include "say.h"

/*
 * What was done to every element of an object, as lines (line.h): the record's
 * name, path=, action=, rule=.  Never a value.
 *
 * A path is tags with the numbers of items between them, from 1:
 * (0008,1140)[1](0008,1155).
 */
struct explain; /* opaque */

struct explain *explain_open(int fd); /* fd stays the caller's */
void explain_free(struct explain *x);

/* The record that what follows is about. */
void explain_record(struct explain *x, const char *name);

/* What a rule did; elements in the order of dcm_apply(). */
void explain_element(struct explain *x, const struct dcm_element *e,
    enum dcm_do what, const char *rule);

/* The same of a top-level element that no rule saw; 0: of the whole object. */
void explain_top(
    struct explain *x, uint32_t tag, const char *action, const char *rule);

/* For recin_on_idle(), as lineout_idle(). */
void explain_idle(struct explain *x);
int explain_end(struct explain *x, struct why *w);

#endif
