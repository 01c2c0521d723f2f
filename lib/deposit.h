#ifndef DEPOSIT_H
#define DEPOSIT_H

#include "fleet.h"
#include "share.h"

/*
 * Shares on their way into the stores of a fleet: a table of keys, numbered
 * from 0, and stores; share x of a key goes to store x, all stores at once.
 * What this run inserted can be taken back until the next put.
 */
struct deposit;

/* Keys that one may hold, at most; what it takes of the secure heap. */
unsigned deposit_max(const struct fleet *f);
#define DEPOSIT_SECRET (8192u * sizeof(struct share) + (64u << 10))

/* owner, group (NULL: none): of new keys; kept, as is the fleet. */
struct deposit *deposit_new(
    struct fleet *f, const char *owner, const char *group);
void deposit_free(struct deposit *d);

/*
 * Key i's share.  True: it is taken over, or dropped if it is that of a store
 * that is in the list no more.  False: there is one already.
 */
bool deposit_add(struct deposit *d, unsigned i, struct share *s);

/* Put the first m keys, but those that skip[] names.  Loses stores. */
void deposit_put(struct deposit *d, unsigned m, const bool *skip);

/* Of the last deposit_put(): has store s it, durably? */
bool deposit_has(const struct deposit *d, unsigned s, unsigned i);

/* Does a store refuse it?  Then *w says the first that does, and why. */
bool deposit_refused(const struct deposit *d, unsigned i, struct why *w);

/*
 * Take the keys with undo[] back, where they were inserted.  A store that
 * fails in this is warned of: what it keeps was never acknowledged.
 */
void deposit_undo(struct deposit *d, const bool *undo);

/* Drop the first m keys; the left ones after them are then 0, 1... */
void deposit_shift(struct deposit *d, unsigned m, unsigned left);

#endif
