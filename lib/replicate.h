#ifndef REPLICATE_H
#define REPLICATE_H

#include "crew.h"
#include "line.h"
#include "replica.h"

/*
 * One line's object on its way from a storage to another: between themselves
 * where they can, else through us, and then its SHA-256 is compared too.
 */
struct replicate {
	struct crew_job job; /* first */
	struct line line;
	struct grid *to;

	/* What came of it, when the job is done. */
	struct why why; /* code 0: it is there */
	char surl[GRID_SURL];
	bool between; /* the storages did it themselves */
	struct replica_bad bad[REPLICAS];
	int bads;
};
void replicate_work(struct crew_job *job);

/* The line of the new replica: the same object, that surl alone. */
void replicate_line(const struct replicate *r, struct line *l);

#endif
