#ifndef MERGE_H
#define MERGE_H

#include <stdbool.h>

#include "say.h"

/*
 * Merge-join: ordered lists too long for memory, looked at side by side.
 *
 * Each stream gives keys that ascend (bytes, as strcmp() has them).  A step of
 * the merge goes to the least key that any stream is at, and marks the streams
 * that are at it: a key in the catalogue and not on storage is lost, one on
 * storage and not in the catalogue is dark.  Memory is one key for each
 * stream, time one look at every key, however long the lists are.
 *
 * A list that is not in order would make things look missing that are not,
 * and what looks missing may be removed: it is refused, EXIT_DATA.
 */
struct merge_stream {
	/* The next key, which stays until the next call: 1; 0: no more; -1. */
	int (*next)(void *arg, const char **key, struct why *w);
	void *arg;
	const char *what; /* for messages: "the catalogue" */

	bool here; /* it has the key of this step */
	/* The merge's own: */
	const char *key; /* NULL at the end */
	bool begun;
};

struct merge {
	struct merge_stream *stream;
	unsigned n;
	char *last; /* the key of this step; NULL before the first */
};

/* The streams are the caller's and stay until merge_end(). */
void merge_begin(struct merge *m, struct merge_stream *stream, unsigned n);

/*
 * Go to the next key: 1 and *key, which stays until the next step, as do what
 * the streams that are here last gave; 0 at the end of all; -1 with *w.
 */
int merge_next(struct merge *m, const char **key, struct why *w);
void merge_end(struct merge *m);

#endif
