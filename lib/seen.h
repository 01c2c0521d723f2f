#ifndef SEEN_H
#define SEEN_H

#include "say.h"

/*
 * The highest generation seen of each name, so that nobody can bring back an
 * older one.  It is a file of lines (line.h), NAME and gen=.  Generation 1
 * needs no memory, nothing is older, so the file names only objects that were
 * ever superseded.
 */
struct seen;

/* Read FILE; one that is not there is empty.  NULL with *w. */
struct seen *seen_open(const char *file, struct why *w);

/* name is a word.  0 and it is remembered; -1 when a higher one was seen. */
int seen_check(struct seen *s, const char *name, unsigned long long gen);

/*
 * Write what was remembered, joined with what others wrote meanwhile, as a
 * whole and durably.  0, or -1 with *w.
 */
int seen_save(struct seen *s, struct why *w);
void seen_free(struct seen *s);

#endif
