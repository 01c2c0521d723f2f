#ifndef LOOKUP_H
#define LOOKUP_H

#include "dimse.h"
#include "idset.h"
#include "query.h"

/*
 * All answers to a query, though servers cut what is long: they give so many
 * and no more, and some say nothing.  A query that may have been cut is split,
 * by days, one day by the time of it, one second by modality, until no part
 * is.  What was answered before is not given again.  Studies that a split
 * would miss (without a date, or a time) are looked for otherwise if there is
 * a sign that there are any, or it is said that they may be missing.
 *
 * Levels below the study are walked down to, as DICOM's hierarchical model has
 * it: a study's series, a series' objects.
 */
struct lookup {
	struct dimse *d;
	const struct query *q;
	unsigned cap; /* how many answers the server gives; 0: not known, any
			 hundred may be it */
	/* Called with each answer, once.  0 or -1 with *w. */
	int (*answer)(void *arg, const struct query_name *name,
	    const char *sop_class, const void *p, size_t n, struct why *w);
	void *arg;

	unsigned long asked;   /* queries sent */
	unsigned long answers; /* also those that were not new */
	unsigned long unsplit; /* parts that were cut and could not be split */
	struct idset *seen;    /* lookup_begin() */
};

void lookup_begin(struct lookup *f);
void lookup_end(struct lookup *f);

/*
 * The SOP classes in a study, if the server knows and there are no more than an
 * association can take in every syntax: their UIDs, with backslashes between.
 * To know an object's class, some servers read its file.  How many; 0 if it
 * must be asked of each object; -1 with *w: lost.
 */
#define LOOKUP_CLASSES 4
int lookup_classes(struct dimse *d, const char *study,
    char out[LOOKUP_CLASSES * 65], struct why *w);

/*
 * Below a name, or "" for the whole query.  0 or -1 with *w: the server failed
 * or was lost; look at unsplit too.
 */
int lookup_run(struct lookup *f, const struct query_name *below, struct why *w);

#endif
