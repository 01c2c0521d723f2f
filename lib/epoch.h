#ifndef EPOCH_H
#define EPOCH_H

#include <stdint.h>

#include "acl.h"
#include "share.h"
#include "store.h"

/*
 * What one store is asked while keys are shared anew.  A store has a current
 * share of a key, and may keep shares of other epochs beside it:
 *
 *	epoch_stage	keep the share of a later epoch beside the current one
 *	epoch_switch	make it the current one; the other one stays beside
 *	epoch_drop	forget an epoch that is not current
 *
 * so that at every moment all stores have some epoch whole.  A key that a
 * store does not have at all is given to it by epoch_put(), with the rights
 * that it has on the others, and taken back by epoch_undo().  store_get_epoch()
 * reads any of them.
 *
 * Every call is one batch, as in store.h: 0, or -1 with *w.  Asking again is
 * safe.  Local stores need HYDRA_SECRET.
 */
enum epoch_result {
	EPOCH_DONE,
	EPOCH_SAME,    /* it was so before */
	EPOCH_MISSING, /* no such key there, or no such epoch of it */
	EPOCH_REMOVED, /* the key was removed, for ever */
	EPOCH_OTHER,   /* another share of that epoch is there */
	EPOCH_OLD,     /* a later epoch is there */
	EPOCH_DENIED,  /* we may not */
	EPOCH_DAMAGED, /* the row is not what the store wrote */
	EPOCH_BAD,     /* the store does not take it: k, or a commitment */
};

/* Why it is not done, "has removed it, for ever", and what to exit with. */
const char *epoch_text(enum epoch_result r);
int epoch_code(enum epoch_result r);

/* Shares are of this store's x. */
int epoch_stage(struct store *s, const struct share *const *share, unsigned n,
    enum epoch_result *result, struct why *w);

/* right[i]: of key i.  run: 16 random bytes, by which it is undone. */
int epoch_put(struct store *s, const struct share *const *share,
    const struct acl *const *right, unsigned n, const unsigned char run[16],
    enum epoch_result *result, struct why *w);
int epoch_undo(struct store *s, const char *const *guid, unsigned n,
    const unsigned char run[16], struct why *w);

/* Of key i, epoch e[i]. */
int epoch_switch(struct store *s, const char *const *guid, const uint64_t *e,
    unsigned n, enum epoch_result *result, struct why *w);
int epoch_drop(struct store *s, const char *const *guid, const uint64_t *e,
    unsigned n, enum epoch_result *result, struct why *w);

#endif
