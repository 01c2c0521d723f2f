#ifndef LOOKUP_H
#define LOOKUP_H

#include "dicomweb.h"
#include "dimse.h"
#include "idset.h"
#include "query.h"

#define LOOKUP_CLASSES 4

/*
 * All answers to a query, though servers cut what is long: they give so many
 * and no more, and some say nothing.  A query that was cut is split, by days,
 * one day by the time of it, one second by modality, until no part is.  What
 * was answered before is not given again.  Studies that a split would miss
 * (without a date, or a time) are looked for otherwise if there is a sign that
 * there are any, or it is said that they may be missing.
 *
 * Whether a server cuts silently is found out: a query for studies with ten
 * answers or more is halved once and asked again, and if something new comes,
 * its number of answers is where the server stops.  A query with fewer answers
 * than one that was whole is whole.
 *
 * Levels below the study are walked down to, as DICOM's hierarchical model has
 * it: a study's series, a series' objects.  How many there are the server says
 * itself, and if it lists fewer, some may be missing.
 */
struct lookup {
	struct dimse *d;      /* whom to ask: this, or else */
	struct dicomweb *web; /* this */
	const struct query *q;
	unsigned cap; /* how many answers the server gives; 0: not known */
	/*
	 * The class of each object is wanted; for speed, if the server says
	 * which there are in a study, and they are no more than an association
	 * can take in every syntax, their UIDs with backslashes between are
	 * said instead.  To know an object's class, some servers read its file.
	 */
	bool classes;
	/* Called with each answer, once.  0 or -1 with *w. */
	int (*answer)(void *arg, const struct query_name *name,
	    const char *sop_class, const void *p, size_t n, struct why *w);
	void *arg;

	unsigned long asked;   /* queries sent */
	unsigned long answers; /* also those that were not new */
	unsigned long unsplit; /* parts that were cut and could not be split, or
				  with fewer answers than they should have */
	/* Its own, from lookup_begin() on. */
	struct idset *seen;
	unsigned long run, fresh;
	unsigned long whole; /* fewer answers were not cut */
	unsigned long stops; /* where the server stops; 0: not known */
	char known[65];      /* a study, and */
	char of_study[LOOKUP_CLASSES * 65]; /* the classes in it, or "" */
};

void lookup_begin(struct lookup *f);
void lookup_end(struct lookup *f);

/*
 * Below a name, or "" for the whole query.  0 or -1 with *w: the server failed
 * or was lost; look at unsplit too.
 */
int lookup_run(struct lookup *f, const struct query_name *below, struct why *w);

#endif
