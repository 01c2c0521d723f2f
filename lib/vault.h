#ifndef VAULT_H
#define VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl.h"
#include "say.h"
#include "share.h"

/*
 * The tables of one key store, stores(5), in any database of db.h: for each
 * key its current share, sealed, with its rights; shares of other epochs; and
 * tombstones.  What is read is checked: a share opens only with all that is
 * said of it, and rights that the store's key did not write grant nothing.
 * Who may do what is hydra_api.h's business.
 *
 * Every function returns 0, or as it says, or -1 with *w.  Those that change
 * something must be between vault_begin() and vault_commit(), which makes it
 * durable, and which may be the first to say that one of them has failed. GUIDs
 * are 32 digits.  A handle serves one thread at a time.
 */
struct vault;

/*
 * Store x.  url: the database; key: the key file, or NULL: beside the
 * database of "sqlite:PATH", PATH.key.  create: make both if neither exists;
 * without, a missing one is EXIT_IO, so that a store that was lost is not
 * replaced by an empty one.  NULL with *w.
 */
struct vault *vault_open(
    unsigned x, const char *url, const char *key, bool create, struct why *w);
void vault_close(struct vault *v); /* NULL is nothing */

unsigned vault_x(const struct vault *v);
int vault_ping(struct vault *v, struct why *w);

/* Which key file it has (16 bytes), and the keys that follow from it. */
void vault_id(const struct vault *v, unsigned char out[16]);
void vault_public(const struct vault *v, unsigned char out[32]);
void vault_sign(
    struct vault *v, unsigned char out[64], const void *p, size_t n);

int vault_begin(struct vault *v, struct why *w);
int vault_commit(struct vault *v, struct why *w);
void vault_rollback(struct vault *v);

/*
 * What follows is about these n keys, whatever it is: what there is of them is
 * fetched at once if the database is a server's, and answers come from that
 * until the transaction ends, or vault_forget().  Keys that were not named are
 * asked for one by one.
 */
bool vault_far(const struct vault *v); /* is it worth it? */
int vault_expect(struct vault *v, const char (*guid)[SHARE_ID + 1], unsigned n,
    struct why *w);
void vault_forget(struct vault *v);

/* After a commit that removed shares: let the files forget them too. */
int vault_scrub(struct vault *v, struct why *w);

/* One share as it is kept. */
struct vault_row {
	char guid[SHARE_ID + 1];
	unsigned k, n;
	uint64_t e;
	long long created; /* seconds since 1970 */
	bool sound;        /* the fields are such as we write */
	unsigned char check[SHARE_TAG], commit[SHARE_N * SHARE_TAG];
	unsigned char sealed[SHARE_MAX + 32];
	size_t sealed_len;

	/* Of the current share, if its rights were asked for. */
	bool authentic; /* the rights are what the store wrote */
	struct acl acl; /* those of nobody if they are not */
};
void vault_row_init(struct vault_row *r);
void vault_row_free(struct vault_row *r);

/* The current share of guid.  1, 0: there is none, -1. */
int vault_find(struct vault *v, const char *guid, bool rights,
    struct vault_row *r, struct why *w);

/* The share of another epoch.  Likewise. */
int vault_find_epoch(struct vault *v, const char *guid, uint64_t e,
    struct vault_row *r, struct why *w);

/* The other epochs that are kept, ascending, at most max; how many, or -1. */
int vault_epochs(struct vault *v, const char *guid, uint64_t *e, unsigned max,
    struct why *w);

/*
 * Open it: *s is then a share, its commit allocated (share_drop()).  0, or
 * -1: damaged.
 */
int vault_unseal(struct vault *v, const struct vault_row *r, struct share *s);

/* Is the share in the row just s? */
bool vault_same(
    struct vault *v, const struct vault_row *r, const struct share *s);

/* Was guid removed for ever, and when?  1, 0, -1. */
int vault_removed(
    struct vault *v, const char *guid, long long *when, struct why *w);

/* Insert a key, its putter marked by 16 bytes; or see why not. */
enum vault_put {
	VAULT_NEW,
	VAULT_SAME,    /* just this share is there; who put it first may not
			  undo it any more */
	VAULT_OTHER,   /* another one is there; untouched */
	VAULT_REMOVED, /* there is a tombstone */
};
int vault_put(struct vault *v, const struct share *s, const struct acl *a,
    const unsigned char putter[16], enum vault_put *result, struct why *w);

/* Take back what this putter inserted.  1, 0: nothing, -1. */
int vault_undo(struct vault *v, const char *guid,
    const unsigned char putter[16], struct why *w);

/* Write the rights of a key that is there. */
int vault_set_acl(
    struct vault *v, const char *guid, const struct acl *a, struct why *w);

/* Remove all of guid.  1, 0: there was nothing, -1. */
int vault_remove(struct vault *v, const char *guid, struct why *w);
int vault_bury(struct vault *v, const char *guid, long long when,
    struct why *w); /* a tombstone */

/* Keep a share of another epoch.  VAULT_NEW, _SAME or _OTHER. */
int vault_stage(struct vault *v, const struct share *s, enum vault_put *result,
    struct why *w);

/* Make epoch e, which is kept, the current one; the one before is kept. */
int vault_switch(struct vault *v, const char *guid, uint64_t e, struct why *w);

/* Forget an epoch that is kept.  1, 0: it is not, -1. */
int vault_drop(struct vault *v, const char *guid, uint64_t e, struct why *w);

/*
 * The first max keys after guid ("" to begin), ascending, with their rights if
 * they are asked for; each given to fn, whose -1 ends it.  fn may use no other
 * function here but vault_unseal() and, with rights, vault_epochs().  How many,
 * or -1.
 */
int vault_list(struct vault *v, const char *after, unsigned max, bool rights,
    int (*fn)(void *arg, const struct vault_row *r, struct why *w), void *arg,
    struct why *w);

#endif
