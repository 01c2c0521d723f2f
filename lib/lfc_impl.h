#ifndef LFC_IMPL_H
#define LFC_IMPL_H

#include "catalogue.h"
#include "catalogue_may.h"
#include "lfc_api.h"

/*
 * What lfc_api.c (calls, batches, pages) and lfc_ops.c, lfc_rights.c,
 * lfc_list.c and lfc_recall.c (what each operation does) share; nobody else
 * includes this.
 */
#define LFC_LFN 4097     /* bytes of an LFN, with its NUL */
#define LFC_CURSOR 12400 /* a word of an LFN, and more */
#define LFC_PAGE 1000    /* entries of a page of a listing */

struct lfc_api {
	struct catalogue *c;
	const struct lfc_policy *policy;
	const struct lfc_hooks *hooks;

	/* The batch that is worked off. */
	struct line in[LFC_BATCH];
	struct lfc_done {
		struct line line;    /* the answer */
		const char *refused; /* its word: "denied"...; or NULL */
		struct why why;
	} done[LFC_BATCH];
	struct lfc_event event[LFC_BATCH];

	/* Text that is ready to be given out. */
	char *text;
	size_t len, size;
	struct line line; /* scratch */
};

struct lfc_call {
	struct lfc_api *h;
	const struct lfc_op *op; /* NULL: there is none, or it is over */
	const struct who *who;   /* NULL: the database's owner */
	bool admin;
	void (*put)(void *arg, const void *bytes, size_t n);
	void *arg;
	const struct lfc_sink *sink; /* of a listing here; NULL: by put() */

	/* The body, not worked off yet. */
	char *buf;
	size_t len, size;
	bool ended; /* .end has come */
	unsigned long lines;

	/* A listing: what is asked, and how far it is. */
	struct line what;
	bool begun;
	char after[LFC_CURSOR];
	unsigned long listed; /* lines given out */
};

/*
 * An operation.  LFC_REFUSED and LFC_MISSING are answers, with *w (of which
 * LFC_MISSING needs none); LFC_FAILED with *w spoils the batch.
 */
enum lfc_did { LFC_FAILED = -1, LFC_REFUSED, LFC_DONE, LFC_MISSING };

struct lfc_op {
	const char *name;
	bool writes;
	/* Answer one line into out, which has its name. */
	int (*run)(struct lfc_call *c, const struct line *in, struct line *out,
	    struct why *w);
	/* Or all of them, into h->done: 0 or -1. */
	int (*many)(struct lfc_call *c, const struct line *in, unsigned n,
	    struct why *w);
	/*
	 * Or the next page of a listing, from c->after, by lfc_print() and
	 * lfc_unseen(); sets c->after.  LFC_DONE: that was the last, LFC_MORE:
	 * not so; or as above.
	 */
	int (*page)(struct lfc_call *c, struct why *w);
};
#define LFC_MORE 3
extern const struct lfc_op lfc_ops[]; /* ends with a NULL name */

bool lfc_is_creator(const struct lfc_call *c);

/* Answer a line with a refusal, or with none (did is LFC_DONE). */
void lfc_settle(struct lfc_done *d, int did, const struct why *w);

/* Add a line to a listing. */
void lfc_print(struct lfc_call *c, const struct line *l);

/* Add a file's manifest line, as text all the way: 0, or -1 with *w. */
int lfc_print_file(struct lfc_call *c, const struct catalogue_entry *e,
    const char *dir, struct why *w);

/* What may not be seen, by the word of its LFN. */
void lfc_unseen(struct lfc_call *c, const char *name, const struct why *w);

/* NAME as an absolute LFN, as words are decoded.  0, or -1 with *w. */
int lfc_lfn(char lfn[LFC_LFN], const struct line *l, struct why *w);
int lfc_lfn_of(
    char lfn[LFC_LFN], const struct line *l, const char *key, struct why *w);

bool lfc_flag(const struct line *l, const char *key); /* key=1 */

/* lfc_ops.c: what a change came to, as catalogue.h says it. */
int lfc_did(int got, const struct why *w);
int lfc_refuse(struct why *w, int code, const char *text);

/* Where the LFN of the line, or of its field, really is.  As lfc_did(). */
int lfc_real(struct lfc_call *c, const struct line *in, const char *key,
    bool last, char lfn[LFC_LFN], struct why *w);
void lfc_number(struct line *out, const char *key, long long n);
void lfc_octal(struct line *out, unsigned mode);

/* A manifest line, whole, into the answer that arg is.  0. */
int lfc_whole(void *arg, const struct line *l, struct why *w);

/* lfc_rights.c; the first applies mode=, if there is one: 0, or -1 with *w. */
int lfc_mode(const struct line *in, bool dir, unsigned *mode, struct why *w);
int lfc_op_getacl(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);
int lfc_op_chmod(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);
int lfc_op_chown(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);
int lfc_op_setacl(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);

/* lfc_list.c */
int lfc_page_ls(struct lfc_call *c, struct why *w);
int lfc_page_manifest(struct lfc_call *c, struct why *w);
int lfc_page_find(struct lfc_call *c, struct why *w);
int lfc_page_rmtree(struct lfc_call *c, struct why *w);
int lfc_page_replicas(struct lfc_call *c, struct why *w);
int lfc_page_surls(struct lfc_call *c, struct why *w);
int lfc_page_guids(struct lfc_call *c, struct why *w);

/* lfc_recall.c */
int lfc_page_recall_take(struct lfc_call *c, struct why *w);
int lfc_page_recalled(struct lfc_call *c, struct why *w);
int lfc_op_nearline(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);
int lfc_op_evict(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);
int lfc_op_recall(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);
int lfc_op_recall_status(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);
int lfc_op_recall_cancel(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);
int lfc_op_recall_renew(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);
int lfc_op_recall_done(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w);

/* The fields of an entry, as stat has them; no name. */
int lfc_describe(struct lfc_call *c, const struct catalogue_entry *e,
    bool longer, struct line *out, struct why *w);

#endif
