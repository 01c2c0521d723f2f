#ifndef HYDRA_IMPL_H
#define HYDRA_IMPL_H

#include "hydra_api.h"
#include "line.h"
#include "share.h"
#include "vault.h"

/*
 * What hydra_api.c (calls, batches) and hydra_ops.c (what each operation
 * does) share; nobody else includes this.
 */
#define EVENT_ID 256 /* bytes of an id that the audit is told */

struct hydra {
	struct vault *v;
	const struct hydra_policy *policy;
	const struct hydra_hooks *hooks;

	/* The line that is worked off, and its answer; both secret. */
	struct line in, out;
	const char *answer; /* one word of it, for the audit */
	bool changed;       /* something was removed: scrub */
	struct vault_row row, other;
	struct share *share; /* secure */

	/* The batch: what the audit and the client are told. */
	char *text; /* cleared when it was given out */
	size_t len, size;
	struct hydra_event event[HYDRA_BATCH];
	char id[HYDRA_BATCH][EVENT_ID];
	char guid[HYDRA_BATCH][SHARE_ID + 1];
};

struct hydra_call {
	struct hydra *h;
	const struct hydra_ops *op; /* NULL: there is none, or it is over */
	const struct who *who;      /* NULL: the files' owner */
	struct hydra_sink sink;
	char after[SHARE_ID + 1]; /* of list */
	unsigned max;
	char *buf; /* of the body, not worked off yet */
	size_t len, size;
	bool ended; /* .end has come */
	unsigned long lines, refused;
};

/*
 * An operation.  run() answers one line, about guid, into h->out and
 * h->answer; all() answers a GET.  0, or -1 with *w: the store failed.
 */
struct hydra_ops {
	const char *name;
	bool writes;
	int (*run)(struct hydra_call *c, const char *guid, struct line *l,
	    struct why *w);
	int (*all)(struct hydra_call *c, struct why *w);
};
extern const struct hydra_ops hydra_ops[]; /* ends with a NULL name */

/* Add h->out to the answer. */
void hydra_print(struct hydra *h);

/* Give out what there is; for all(). */
void hydra_flush(struct hydra_call *c);

/* "Error" is the answer.  0. */
int hydra_refuse(struct hydra_call *c, const char *error);

/* What the audit is told of a GET.  0, or -1 with *w. */
int hydra_audit_one(
    struct hydra_call *c, const char *id, const char *answer, struct why *w);

#endif
