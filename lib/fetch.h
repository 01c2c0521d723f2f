#ifndef FETCH_H
#define FETCH_H

#include <stdbool.h>

#include "haul.h"
#include "idset.h"
#include "intake.h"
#include "query.h"

/*
 * Objects fetched from a DICOM server, over several associations at once, and
 * an account of each that was announced: it came, or why not.
 *
 * Objects are asked for in batches of one series and one SOP class, over a haul
 * each thread has (haul.h); with C-MOVE they come to a storage SCP that writes
 * to the same intake.  What does not come in a batch is asked for once more, on
 * its own.
 */
struct fetch;

struct fetch_conf {
	struct haul_conf haul;
	struct intake *in;       /* its callbacks are set here */
	unsigned jobs;           /* associations at once */
	unsigned batch;          /* objects in a request */
	unsigned long long rate; /* bytes a second, 0: any */
	int from, to;            /* minutes of the day; equal: all day */
};

/* 0 or -1 with *w: "HH:MM-HH:MM"; "12", "12k", "12M" bytes a second. */
int fetch_between(struct fetch_conf *c, const char *text, struct why *w);
int fetch_rate(struct fetch_conf *c, const char *text, struct why *w);

/* Is the window open? */
bool fetch_open_now(const struct fetch_conf *c);

/* Starts its threads. */
struct fetch *fetch_new(const struct fetch_conf *c);

/*
 * Announce an object, of line number line of the input.  Its class may be one
 * of several, with backslashes between (lookup_classes()), or, for DICOMweb,
 * "".  False if it was announced before.
 */
bool fetch_add(struct fetch *f, const struct query_name *name,
    const char *sop_class, unsigned long line);

/* Wait until all announced objects have come, or will not. 0; -1 with *w: the
 * record stream is broken. */
int fetch_finish(struct fetch *f, struct why *w);

/* Call fn for each that did not come, in the order announced. */
void fetch_missing(struct fetch *f,
    void (*fn)(void *arg, const char *name, const char *sop_class,
	unsigned long line, const struct why *why),
    void *arg);

unsigned long fetch_announced(const struct fetch *f);
unsigned long fetch_received(const struct fetch *f);

/* Objects that the server sent and nobody had asked for; they were refused. */
unsigned long fetch_unasked(const struct fetch *f);

#endif
