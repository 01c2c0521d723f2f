#ifndef CLEAN_H
#define CLEAN_H

#include "cleantext.h"
#include "dcm.h"
#include "deid_table.h"
#include "private.h"
#include "profile.h"

/*
 * What cleaning needs to know of an object, and of where in it an element is:
 * what it has to hide (gathered before anything is removed), the character
 * set of each item, the creators of its private blocks, and what becomes of
 * each content item of a structured report.
 */
struct clean; /* opaque */

/* profile stays the caller's. */
struct clean *clean_new(const struct deid_profile *profile);
void clean_free(struct clean *c);

/* Does a profile ask for anything that is done here? */
bool clean_wanted(const struct deid_profile *profile);

/*
 * Must an element of that tag be parsed, although it will be removed, for what
 * it has to hide?
 */
bool clean_needs(const struct clean *c, uint32_t tag);

/* A new object: gather.  0, or -1 with *w. */
int clean_begin(struct clean *c, struct dcm *set, struct why *w);

/* To be told of every element that is shown, first. */
void clean_enter(struct clean *c, const struct dcm_element *e);

/*
 * Clean a text value, n bytes without padding, in place of which it is to
 * stay.  As cleantext_clean().
 */
enum cleantext_result clean_value(struct clean *c, const struct dcm_element *e,
    unsigned vr, const void *p, size_t n, const void **out, size_t *out_n);

/*
 * A private element: DEID_X; DEID_K; DEID_CLEAN, if it is text or what may
 * hide some; DEID_U; DEID_DATE.  *vr becomes what it is known to be, if the
 * object does not say.  A creator stays if one of its elements does.
 */
enum deid_action clean_private(
    struct clean *c, const struct dcm_element *e, unsigned *vr);

/* Does a value of no text hide something? */
bool clean_hides(struct clean *c, const void *p, size_t n);

/*
 * The first element of a content item is at hand: what becomes of the item,
 * see srclean.h.
 */
enum deid_action clean_content(struct clean *c, const struct dcm_element *e);

/* The site's words; see cleantext_words() and cleantext_digest(). */
struct cleantext *clean_text(struct clean *c);

#endif
