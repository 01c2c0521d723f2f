#ifndef REFRESH_H
#define REFRESH_H

#include "line.h"
#include "share.h"
#include "stores.h"

/*
 * Sharing keys anew, from the stores of one list to those of another, which
 * may be the same: hydra-refresh(1).
 *
 * A batch of keys goes through these steps, each at all stores at once and
 * durable at all of them before the next begins:
 *
 *	look	what each store has of each key (it tells no share)
 *	gather	as many shares as it takes, and others if some are wrong
 *	make	other shares, of a later epoch than any that was seen
 *	stage	kept by each of the new stores beside what it uses; a store
 *		that has nothing of the key is given it with the key's rights
 *	turn	made current
 *	clear	every other epoch forgotten; at stores that are left, the key
 *		removed
 *
 * Until all have staged, the old epoch is whole; from then on the new one is.
 * Whatever a run that was killed left behind is an epoch below the next one,
 * and goes in its clear.  A later epoch wins, so that two runs at once do no
 * harm: one of them fails on a key.
 *
 * With rebuild, only store x is given something: its share of the sharing that
 * the others have.
 */
struct refresh;

struct refresh_how {
	unsigned rebuild; /* x of the store; 0: share anew */
	uint64_t epoch;   /* leave what is whole and not below it; 0: nothing */
	bool create;      /* make those stores in files that are not there */
};

/* Secure memory that refresh_open() wants for these lists. */
size_t refresh_secret(const struct stores *from, const struct stores *to);

/*
 * The lists stay the caller's, and may be one.  What stores that are only read
 * or left do not answer is said, and done without.  NULL with *w if one that
 * has to take shares is not there.
 */
struct refresh *refresh_open(const struct stores *from, const struct stores *to,
    const struct refresh_how *how, struct why *w);
void refresh_free(struct refresh *r);

/* At most so many keys a time. */
unsigned refresh_batch(const struct refresh *r);

/*
 * The n keys, all different.  0; or -1 with *w, when one of the stores that
 * have to take shares has failed: what was done so far is no harm, and running
 * it again goes on.
 */
int refresh_keys(
    struct refresh *r, const char *const *guid, unsigned n, struct why *w);

/*
 * Of the i-th of them: 0, and *l is its line of ack(5), with its epoch in e=;
 * or -1 with *w.
 */
int refresh_ack(
    const struct refresh *r, unsigned i, struct line *l, struct why *w);

#endif
