#ifndef HYDRA_API_H
#define HYDRA_API_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"
#include "who.h"

/*
 * What a key store does for its clients, hydra-api(5): a request is a method,
 * a path, who asks, and lines; the answer is a status and lines.  Nothing
 * here knows of HTTP or TLS: hydra-serve puts it behind both, and a client
 * that holds the store's files calls it directly.
 *
 * A line is answered by itself: what one may not have is refused, the rest
 * is served.  Lines are worked off in batches, each one transaction, durable
 * before its answers are given out.
 *
 * A handle serves one thread at a time; several may be open on one store, in
 * one process or in several.  Calls of one handle may be interleaved, feed by
 * feed.  Needs secret_init() with HYDRA_SECRET for each handle.
 */
#define HYDRA_SECRET (1 << 20)
#define HYDRA_BATCH 1000 /* lines of one transaction, at most */

struct hydra;

/* Who may do what, beside what owners allow.  Kept by the caller. */
struct hydra_policy {
	const char *const *creator; /* principals; "*" is everyone */
	unsigned creators;          /* none: nobody may create */
	const char *const *admin;   /* principals; "*" means nothing here */
	unsigned admins;
	unsigned threshold; /* shares of a smaller k are refused; 0: 2 */
};

/* One key of a batch, for the audit: never a share. */
struct hydra_event {
	const char *id;     /* as the client wrote it, a word */
	const char *answer; /* "new", "got", "denied"...: hydra-api(5) */
};

/* What the server hangs in; each may be NULL.  arg is handed through. */
struct hydra_hooks {
	void *arg;

	/*
	 * Before a batch of n keys is looked at: how many of them this client
	 * may have now.  The rest is answered error=busy.
	 */
	unsigned (*allow)(
	    void *arg, const struct who *who, const char *op, unsigned n);

	/*
	 * After a batch was decided, before it is committed or given out.  -1
	 * with *w refuses it: nothing is changed, nothing is told.  A batch
	 * that could not be committed is told again, its answers "failed".
	 * who is NULL when the files' owner asks.
	 */
	int (*audit)(void *arg, const struct who *who, const char *op,
	    const struct hydra_event *event, unsigned n, struct why *w);
};

/*
 * Open store x: its database url ("sqlite:PATH", "postgresql://...") and its
 * key file (NULL: PATH.key).  create: make both if neither exists.  NULL
 * with *w.  policy and hooks may be NULL (nobody; none) and are kept.
 */
struct hydra *hydra_open(unsigned x, const char *url, const char *key,
    bool create, const struct hydra_policy *policy,
    const struct hydra_hooks *hooks, struct why *w);
void hydra_close(struct hydra *h);

/* From the next call on; for a server that was told to read it again. */
void hydra_set_policy(struct hydra *h, const struct hydra_policy *policy);

/* Does the store answer?  0, or -1 with *w.  For health checks. */
int hydra_ping(struct hydra *h, struct why *w);

/* Where answers go; cannot fail (a server's buffer grows). */
struct hydra_sink {
	void (*put)(void *arg, const void *bytes, size_t n);
	void *arg;
};

/*
 * A call.  target is the path with its query ("/v1/get"), who the client, or
 * NULL: the owner of the store's files, who may do everything.  who must stay
 * until the call is freed.  Always returns a call; *status is then 0, or what
 * to answer with at once (404, 405, 400), with *w for the text.
 */
struct hydra_call *hydra_call(struct hydra *h, const char *method,
    const char *target, const struct who *who, struct hydra_sink sink,
    int *status, struct why *w);

/*
 * The next bytes of the request's body, in pieces of any size.  0; or a
 * status of 400 and above, with *w: the call is over.  What the sink already
 * has is then to be dropped, or, if some of it has left, the connection cut:
 * an answer without its .end line is not whole.
 */
int hydra_feed(
    struct hydra_call *c, const void *bytes, size_t n, struct why *w);

/* The body is complete: 200, or another status with *w as above. */
int hydra_finish(struct hydra_call *c, struct why *w);

/* At any time; batches that were not worked off are forgotten. */
void hydra_free(struct hydra_call *c);

/* "get", "put"...: a static string, "-" if there is no such operation. */
const char *hydra_op(const struct hydra_call *c);

/* Lines read so far, and how many of them were refused. */
unsigned long hydra_lines(const struct hydra_call *c);
unsigned long hydra_refused(const struct hydra_call *c);

/*
 * hydra_call(), hydra_feed() and hydra_finish() in one, for a client that has
 * all the lines in memory.  Returns the status; for 200 *answer is len bytes
 * to be given to hydra_drop(), which clears them; else it is NULL, with *w.
 */
int hydra_ask(struct hydra *h, const char *method, const char *target,
    const struct who *who, const void *lines, size_t n, char **answer,
    size_t *len, struct why *w);
void hydra_drop(char *answer, size_t len);

#endif
