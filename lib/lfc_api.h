#ifndef LFC_API_H
#define LFC_API_H

#include <stdbool.h>
#include <stddef.h>

#include "line.h"
#include "say.h"
#include "who.h"

/*
 * What a catalogue does for its clients, lfc-api(5): a request is an
 * operation, who asks, and lines; the answer is lines.  Nothing here knows of
 * HTTP or TLS: lfc-serve puts it behind both, and a client that has the
 * database calls it directly.  Programs use lfc.h, which does either.
 *
 * There are two kinds of operations.  Of the first, each line of the request is
 * answered by one line of the same NAME, by itself: what cannot be done is
 * refused, the rest is done; batches of LFC_BATCH are one transaction each,
 * durable before they are answered.  All may be asked again: what was done
 * already is answered as done.  Of the second kind, listings, the request is
 * one line, and the answer is many, a page at a time: between two pages no
 * transaction and no statement is open, others are served, and the listing can
 * be resumed by the cursor that ends each page.
 *
 * To add an operation: a function and a row of lfc_ops[] (lfc_impl.h), and its
 * paragraph in doc/lfc-api.5; the server and the clients need not know it.
 *
 * A handle serves one thread at a time.  Calls may be interleaved, feed by
 * feed.
 */
#define LFC_BATCH 1000 /* lines of one transaction, at most */

struct lfc_api;

/* Who may do what, beside what modes and ACLs allow.  Kept by the caller. */
struct lfc_policy {
	const char *const *creator; /* may take leases; "*" is everyone */
	unsigned creators;
	const char *const *admin; /* may do everything; "*" means nothing */
	unsigned admins;
	long long lease_max; /* s that a lease may last; 0: 30 days */
};

/* One line of a batch, for the audit. */
struct lfc_event {
	const char *name;   /* the LFN, a word */
	const char *answer; /* "done", "denied", "missing"...: lfc-api(5) */
};

/* What the server hangs in; may be NULL.  arg is handed through. */
struct lfc_hooks {
	void *arg;

	/*
	 * After a batch was decided, before it is committed or given out.  -1
	 * with *w refuses it.  A batch that could not be committed is told
	 * again, its answers "failed".
	 */
	int (*audit)(void *arg, const struct who *who, const char *op,
	    const struct lfc_event *event, unsigned n, struct why *w);
};

/* url is "sqlite:PATH" or "postgresql://...".  NULL with *w. */
struct lfc_api *lfc_api_open(const char *url, bool create,
    const struct lfc_policy *policy, const struct lfc_hooks *hooks,
    struct why *w);
void lfc_api_close(struct lfc_api *h); /* NULL is nothing */
void lfc_api_policy(struct lfc_api *h, const struct lfc_policy *policy);
int lfc_api_ping(struct lfc_api *h, struct why *w);

/* ---- for a client that is in this process, without any text ---- */

/*
 * An answer to line i of the request.  refused: why it was not done, or NULL;
 * its code is the same, whether the catalogue is here or far away: EXIT_NO
 * (there is no such entry, it is not empty...), EXIT_DENIED, EXIT_DATA,
 * EXIT_RETRY (the lease is over).  -1 ends the call.
 */
typedef int lfc_answer(void *arg, unsigned i, const struct line *answer,
    const struct why *refused, struct why *w);
int lfc_api_ask(struct lfc_api *h, const char *op, const struct who *who,
    const struct line *in, unsigned n, lfc_answer *fn, void *arg,
    struct why *w);

/*
 * A listing: text is n bytes of whole lines, as a manifest has them.  What in
 * the middle of it may not be seen is told to refused(), by the word of its
 * LFN, and left out.  1 when the listing is whole; 0 when it was refused, with
 * *w as above; -1 when the catalogue failed or lines() did.
 */
struct lfc_sink {
	int (*lines)(void *arg, const char *text, size_t n, struct why *w);
	void (*refused)(void *arg, const char *name, const struct why *why);
	void *arg;
};
int lfc_api_list(struct lfc_api *h, const char *op, const struct who *who,
    const struct line *in, const struct lfc_sink *sink, struct why *w);

/* ---- for a server: bodies, in pieces of any size ---- */

/*
 * A call.  target is the path ("/v1/stat"), who the client, who must stay
 * until the call is freed; put() takes the answer and cannot fail.  Always
 * returns a call; *status is then 0, or what to answer with at once (404,
 * 405), with *w for the text.
 */
struct lfc_call *lfc_call(struct lfc_api *h, const char *method,
    const char *target, const struct who *who,
    void (*put)(void *arg, const void *bytes, size_t n), void *arg, int *status,
    struct why *w);

/* The next bytes of the body: 0, or a status of 400 and above with *w. */
int lfc_feed(struct lfc_call *c, const void *bytes, size_t n, struct why *w);

/*
 * The body is complete: 200; or 0 when there is more to come: let the answer
 * leave and call again; or another status, with *w.
 */
int lfc_finish(struct lfc_call *c, struct why *w);
void lfc_free(struct lfc_call *c);
const char *lfc_op(const struct lfc_call *c); /* "-" if there is none */

#endif
