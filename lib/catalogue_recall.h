#ifndef CATALOGUE_RECALL_H
#define CATALOGUE_RECALL_H

#include "catalogue.h"

/*
 * Nearline files of a catalogue, and the queue of those to be recalled.
 *
 * A file may have a source: a replica dicom://SITE/STUDY/SERIES/SOP, of the new
 * UIDs, from which the hospital SITE can make its ciphertext whenever it is
 * asked.  A source is never read by anyone else, so that it is not in manifests
 * and a file with nothing but a source is nearline.  Before it was ever
 * recalled it is of generation 0; every recall registers the next one.
 *
 * A request is a row for each entry: however many ask, there is one, and it is
 * given up when the last who asked has cancelled.  It goes
 *
 *	queued -> taken -> online | failed
 *	queued -> cancelled
 *
 * Who takes requests holds them under a name of their own for a while, and
 * renews that; what was taken and not renewed is queued again, and after
 * RECALL_TRIES times of that it has failed.  Each change is one statement of
 * which the state is a condition, so that two who take at once share the work.
 * Whoever finds that an entry is online, calls its request so: nothing is
 * recalled twice because a taker died after it had registered.
 *
 * All need a transaction.  Texts in and out are words.
 */
#define RECALL_TRIES 5         /* takers that died of it */
#define RECALL_AGE (7 * 86400) /* s that one which can be tried again waits */
#define RECALL_PRIORITY 5      /* of 0..9, unless asked otherwise */

struct catalogue_request {
	long long entry;
	const char *state;  /* "queued", "taken", "online", "failed",
			       "cancelled", or "nearline": nobody asked */
	const char *reason; /* or NULL */
	long long priority, asked, changed;
	long long askers;
};

/*
 * Register a file by its source, surl=dicom://SITE/NAME: gen 0, no sums, no
 * lease.  An entry that is there keeps what it has, and gets the source.  As
 * catalogue_register().
 */
int catalogue_nearline(struct catalogue *c, const struct line *l,
    enum catalogue_how *how, struct why *w);

/*
 * Take away all replicas but the source, for this is not the last: EXIT_NO if
 * the entry has none, or not this GUID (unless NULL).  gone() gets the manifest
 * line as it was.  As an operation (catalogue.h).
 */
int catalogue_evict(struct catalogue *c, const char *lfn,
    const unsigned char *guid, catalogue_gone *gone, void *arg, struct why *w);

/*
 * As operations: to ask for a file, which one must be allowed to read; what
 * came of it, *r, valid until the next call; to cancel what one has asked for,
 * or, as an admin, what all have.
 */
int catalogue_recall(struct catalogue *c, const char *lfn, long long priority,
    struct catalogue_request *r, struct why *w);
int catalogue_recall_status(struct catalogue *c, const char *lfn,
    struct catalogue_request *r, struct why *w);
int catalogue_recall_cancel(struct catalogue *c, const char *lfn,
    struct catalogue_request *r, struct why *w);

/*
 * Take at most n requests of a site, those of a study together, for ttl
 * seconds; visit() gets the manifest line of each with its source as surl and
 * the entry's number as entry.  A taker that holds some gets those again, and
 * no more.  0 or -1.
 */
typedef int catalogue_taken(void *arg, const struct line *l, struct why *w);
int catalogue_recall_take(struct catalogue *c, const char *taker,
    const char *site, int n, long long ttl, catalogue_taken *visit, void *arg,
    struct why *w);

/* How many the taker still holds, now for ttl seconds more; or -1. */
long long catalogue_recall_renew(
    struct catalogue *c, const char *taker, long long ttl, struct why *w);

/*
 * What became of a taken one, by its entry's number: "online", which must be
 * true, "failed", or "queued": to be tried again, in delay seconds.  1; 0: it
 * is not this taker's (any more), and has not become that; -1, EXIT_NO: it is
 * not online.
 */
int catalogue_recall_done(struct catalogue *c, long long entry,
    const char *taker, const char *state, const char *reason, long long delay,
    struct why *w);

/*
 * Visit the files that are online by a recall, of a site, those that were
 * recalled or asked for longest ago first; after is what *at was in the last
 * visit(), whose line has that time as recalled.  visit() returns 1 to stop.
 * 0 or -1.
 */
struct catalogue_cached {
	long long changed, entry;
};
int catalogue_cached(struct catalogue *c, const char *site,
    struct catalogue_cached *at, catalogue_taken *visit, void *arg,
    struct why *w);

/* Is this a source: the length of dicom://SITE/, else 0. */
size_t source_site(const char *surl);

/* Forget what was asked of an entry that is removed. */
int recall_forget(struct catalogue *c, long long entry, struct why *w);

#endif
