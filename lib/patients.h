#ifndef PATIENTS_H
#define PATIENTS_H

#include <stddef.h>

#include "say.h"

/*
 * The list of a study's patients: which id each is given.  A line is
 *
 *	ID ASSIGNED [ISSUER]
 *
 * three words (word.h) between blanks; without an issuer the line is for any.
 * What follows # is a comment.  Whoever has the list can go back from the
 * assigned ids, so it is kept as the site key is.
 */
struct patients; /* opaque */

#define PATIENTS_ID 64 /* bytes of an assigned id, at most */

/* All of fd.  NULL with *w: damaged, or one patient is given two ids. */
struct patients *patients_read(int fd, const char *name, struct why *w);
void patients_free(struct patients *p);

/* The id that a patient is given, NUL-terminated; NULL if not listed. */
const char *patients_find(const struct patients *p, const void *issuer,
    size_t issuer_len, const void *id, size_t n);

#endif
