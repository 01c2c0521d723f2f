#ifndef KEYRING_IMPL_H
#define KEYRING_IMPL_H

#include "fleet.h"
#include "keyring.h"

/* What keyring.c and keyring_ask.c share. */

#define KEYRING_BATCH 1000 /* GUIDs */

/* An answer that is none, beside those of store.h. */
#define NOT_ASKED ((enum store_found)(STORE_DAMAGED + 1))

struct keyring {
	struct fleet fleet;
	unsigned count, batch; /* stores; GUIDs at most */
	bool locked;           /* a lost store was locked: later may help */
	bool refused;          /* a lost store has refused us */

	/* The last batch: [i * count + s], i a GUID and s a store. */
	const char *guid[KEYRING_BATCH];
	unsigned n;
	unsigned long number; /* of the batch */
	struct share *share;
	enum store_found *found;
	struct ask *ask[255]; /* what the store is at, perhaps of an old one */
	bool asked[255];      /* has it been asked about this batch? */
	unsigned slow[255];   /* how often the others were faster by far */
};

/*
 * What is known of GUID i: its shares in given[], which store each is from in
 * from[], the verdict on each.  Returns how many were given; *good is how many
 * can be used, or 0 if that is not enough.
 */
unsigned keyring_judge(const struct keyring *kr, unsigned i,
    const struct share **given, unsigned *from, enum share_verdict *verdict,
    unsigned *good);

/* Ask until there is enough of each GUID of the batch, or no more to ask. */
void keyring_ask(struct keyring *kr);

/* Forget what was asked and is not answered. */
void keyring_ask_no_more(struct keyring *kr);

#endif
