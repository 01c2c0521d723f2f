#ifndef DEID_H
#define DEID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dates.h"
#include "dcm.h"
#include "deid_table.h"
#include "iod.h"
#include "profile.h"
#include "pseudo.h"

/*
 * De-identification: which attribute is kept, emptied, removed or replaced,
 * after PS3.15 Annex E.  The rules are deid_table.c; this applies them to every
 * element at every level.
 *
 * Where the table leaves a choice that depends on an attribute's type in the
 * object's IOD, iod.h is asked; if it does not know the type, what is taken is
 * valid for every type and reveals nothing: a dummy before nothing at all.  An
 * attribute that neither the table nor the dictionary has is removed.
 */
struct deid; /* a profile, ready to be applied; opaque */

/*
 * A profile with its options; NULL for the Basic Profile.  Both stay the
 * caller's and must outlive it.
 */
struct deid *deid_new(struct pseudo *p, const struct deid_profile *profile);
void deid_free(struct deid *d);

/*
 * Words, for options that clean text, to take out of it; see
 * cleantext_words().  0, or -1 with *w: EXIT_USAGE if nothing cleans text.
 */
int deid_words(struct deid *d, int fd, const char *name, struct why *w);

/*
 * Its name, and the first 16 hex digits of the SHA-256 of all its rules: equal
 * digests, equal treatment.
 */
const char *deid_profile(const struct deid *d);
const char *deid_digest(const struct deid *d);

/*
 * The action that the type of an attribute in an object's IOD makes of one
 * that depends on it: K, X, Z, D or U; others stay.
 */
enum deid_action deid_decide(enum deid_action a, enum iod_type type);

/* The row that a tag falls under, or NULL. */
const struct deid_row *deid_find(uint32_t tag);

/*
 * Is a top-level element of this tag removed whatever its value?  And if it is,
 * does nothing need to parse it before?
 */
bool deid_removes(const struct deid *d, uint32_t tag);
bool deid_drops(const struct deid *d, uint32_t tag);

/*
 * Say from now on what is done to each element.  deid_dropped() is for those
 * that deid_drops() spared the parser, deid_pixels() for Pixel Data: the mask
 * that is applied or NULL, and whether a command takes a face out of it.
 */
struct explain;
void deid_explain(struct deid *d, struct explain *x);
void deid_dropped(struct deid *d, uint32_t tag);
void deid_pixels(struct deid *d, const char *mask, bool defaced);

/* What a de-identified object is called, all NUL-terminated. */
struct deid_names {
	char study[PSEUDO_MAX], series[PSEUDO_MAX], sop[PSEUDO_MAX];
	char sop_class[PSEUDO_MAX]; /* "" if it says none */
	char patient[PSEUDO_MAX];
	struct dates_shift shift; /* of its dates, if those were moved */
};

/*
 * De-identify a data set.  0 and *names; -1 with *w, EXIT_DATA, if it lacks
 * a Study, Series or SOP Instance UID.
 */
int deid_apply(
    struct deid *d, struct dcm *set, struct deid_names *names, struct why *w);

#endif
