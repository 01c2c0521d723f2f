#ifndef QUARANTINE_H
#define QUARANTINE_H

#include <stdbool.h>

#include "line.h"
#include "say.h"

/*
 * A list of what was garbage when somebody last looked, and since when: what
 * nobody misses for long enough may go.
 *
 * It is a file of lines in the order of their names, read as the past beside
 * the new one being written: both pass once, neither is held in memory.  The
 * new list takes the old one's place whole and durably, in quarantine_turn(),
 * before anything on it is removed: a crash at any point leaves one of the two,
 * and either is safe, since nothing goes that was not on a list before.
 */
struct quarantine;

/*
 * The list in file, which need not exist.  keep: the new one takes its place;
 * else it is only read, and the new one is forgotten.  NULL with *w.
 */
struct quarantine *quarantine_open(const char *file, bool keep, struct why *w);
void quarantine_free(struct quarantine *q);

/*
 * The next line of the old list, which stays until the next call; after
 * quarantine_turn() of the new one.  1, 0, or -1.
 */
int quarantine_next(struct quarantine *q, const struct line **l, struct why *w);

/* Write the next line of the new list, in the order of names.  0 or -1. */
int quarantine_add(struct quarantine *q, const struct line *l, struct why *w);

/* The new list is complete.  0 or -1. */
int quarantine_turn(struct quarantine *q, struct why *w);

#endif
