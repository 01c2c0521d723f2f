#ifndef OPENER_H
#define OPENER_H

#include "payload.h"
#include "say.h"

/*
 * How mdm-decrypt opens objects, whatever they are: bytes go in as they come,
 * what comes out goes to a sink.  One object at a time: head() until it
 * returns 1, begin(), put() for all the rest, end(); or drop() at any point.
 * unseal.h opens sealed objects, legacy.h the original's.
 *
 * Functions return 0, or -1 with *w: EXIT_DATA or EXIT_DENIED is about this
 * object, anything else about everything.
 */
struct opener;

struct opener_kind {
	/*
	 * The first bytes of an object, whose record says that its GUID is
	 * guid and its name is name (both NULL for a bare object).  1: it can
	 * be opened, and *used bytes were taken; 0: all were, more are needed.
	 */
	int (*head)(struct opener *o, const char *guid, const char *name,
	    const void *p, size_t n, size_t *used, struct why *w);
	/*
	 * Bytes that will come out of an object of so many, or REC_UNKNOWN;
	 * -1 with w->code set for a size that none has.
	 */
	long long (*size)(struct opener *o, long long size, struct why *w);
	void (*begin)(struct opener *o, payload_sink *sink, void *arg);
	int (*put)(struct opener *o, const void *p, size_t n, struct why *w);
	/* Where to read the next bytes to; *n is 0 when none are wanted. */
	int (*room)(struct opener *o, void **at, size_t *n, struct why *w);
	int (*took)(struct opener *o, size_t n, struct why *w);
	/* All bytes have come.  Only after 0 is the object whole. */
	int (*end)(struct opener *o, struct why *w);
	void (*drop)(struct opener *o);
	void (*free)(struct opener *o);
};

struct opener { /* each kind's begins with it */
	const struct opener_kind *kind;
};

#endif
