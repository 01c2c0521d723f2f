#ifndef CREW_H
#define CREW_H

#include <stdbool.h>

/*
 * A crew of threads that take jobs in the order in which they are given, each
 * one at a time.  Whoever gave a job waits for it, in what order it likes. When
 * the program exits its exit handlers run, but only those registered since
 * crew_new(): call it before out_open().
 */
struct crew;
struct crew_job { /* each job begins with it */
	struct crew_job *next;
	bool done;
};

/* Dies EXIT_IO if there can be no threads. */
struct crew *crew_new(unsigned threads, void (*work)(struct crew_job *job));
void crew_give(struct crew *c, struct crew_job *job);
void crew_wait(struct crew *c, struct crew_job *job);

#endif
