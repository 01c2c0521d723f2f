#ifndef UPLOAD_H
#define UPLOAD_H

#include "belt.h"
#include "crew.h"
#include "grid.h"
#include "hash.h"
#include "line.h"
#include "rec.h"

/*
 * One record's way to a storage.  The one who reads the records puts the body
 * on the belt; a crew's upload_work() takes it from there.
 */
struct upload {
	struct crew_job job; /* first */
	struct belt *belt;
	struct grid *grid;
	char path[GRID_PATH];
	long long size; /* REC_UNKNOWN */
	struct rec rec; /* as it is when the body has been read */

	/* What came of it, when the job is done. */
	enum { UPLOAD_DONE, UPLOAD_VOID, UPLOAD_FAILED } came;
	struct why why;
	unsigned long long bytes;
	struct sums_text sums;
	char surl[GRID_SURL];
};
/*
 * At most n bodies are sent at once; what comes after, when no data moves any
 * more, is up to the rest of the crew.
 */
void upload_limit(unsigned n);
void upload_work(struct crew_job *job);
void upload_stop(void); /* from now on none is tried again */

/* The line of one that is done: its record's attributes, and where it is. */
int upload_line(const struct upload *u, struct line *l, struct why *w);

#endif
