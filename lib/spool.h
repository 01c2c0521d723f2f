#ifndef SPOOL_H
#define SPOOL_H

#include "rec.h"

/*
 * A directory where record streams appear whole, each under a name of its own,
 * ID.rec.  While it is written it is the hidden .ID.rec.part, locked; what is
 * in it can be made durable record by record.  A writer that died leaves such a
 * file, and spool_salvage() makes a stream of the records in it that are whole,
 * so that what was promised to a sender is kept.
 */
struct spool {
	char *part, *path; /* owned */
	int fd;
	struct recout *out;
};

/* Begin a stream.  spool_end(); NULL with *w. */
struct spool *spool_begin(const char *dir, struct why *w);

/*
 * Make it appear, durable, and free s; without records nothing appears.  A
 * stream that failed is left for spool_salvage().  0 or -1 with *w.
 */
int spool_end(struct spool *s, int failed, struct why *w);

/*
 * Finish what dead writers left in dir; how many streams appeared, or -1 with
 * *w.
 */
int spool_salvage(const char *dir, struct why *w);

#endif
