#ifndef WANTED_H
#define WANTED_H

#include "fetch.h"
#include "line.h"
#include "lookup.h"

/*
 * Lines that name what is wanted become announced objects (fetch.h), and, when
 * they have come or not, an account for each line.  Messages name lines by
 * their number: what they say would identify.
 */
struct wanted {
	struct fetch *fetch;
	struct lookup find; /* cap is yours to set */
	/*
	 * Be ready to ask: set find.d or find.web if it is NULL.  0; -1 with
	 * *w: there will be no answers.
	 */
	int (*ready)(struct wanted *x, struct why *w);
	/* Called before each question.  0; -1 with *w: do not ask. */
	int (*may)(struct wanted *x, struct why *w);

	/* Its own, from wanted_init() on. */
	struct query query;
	struct idset *had;
	unsigned long had_count; /* of them, objects already here */
	struct account *account; /* of lines 1 to lines */
	unsigned long lines, size;
	bool down;
	struct why why;
};

void wanted_init(struct wanted *x);

/* Do not announce what the lines of fd name.  Dies if it is not a list. */
void wanted_had(struct wanted *x, int fd, const char *what);

/* Read what is wanted from fd, and announce it as it becomes known. */
void wanted_read(struct wanted *x, int fd);

/* After fetch_finish(): say what is missing, by line on standard error, and by
 * name to lost, unless NULL. */
void wanted_report(struct wanted *x, struct lineout *lost);

#endif
