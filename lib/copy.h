#ifndef COPY_H
#define COPY_H

#include <stdbool.h>

/*
 * The three ways of srm-copy(1).  Each reads standard input to its end, writes
 * the output of opt.h, sets aside what cannot be served, and returns the exit
 * status; what nothing can follow dies.  As many transfers as there are threads
 * are under way, and what they bring is written in the order of the input.
 */
struct copy {
	const char *to;           /* URL of a storage */
	int parallel;             /* transfers at once; 0: as is best */
	unsigned long long first; /* byte of each object */
	long long count;          /* of bytes; -1: all */
};
int copy_to(const struct copy *c);     /* records in, manifest out */
int copy_from(const struct copy *c);   /* manifest in, records out */
int copy_across(const struct copy *c); /* manifest in and out */

/* For them: transfers in memory at once, and threads that move them. */
unsigned copy_slots(const struct copy *c, bool far, unsigned *threads);
bool copy_any_far(void); /* is any storage of replica.h? */

#endif
