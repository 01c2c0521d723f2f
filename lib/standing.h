#ifndef STANDING_H
#define STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "line.h"
#include "say.h"

/*
 * How one key stands at one store, from the answer to "stat" of hydra-api(5),
 * and whether the stores agree on it.  Shares are not seen: equal sums are
 * one sharing.
 */
#define STANDING_EPOCHS 8

struct standing {
	unsigned x;
	enum {
		STANDING_MISSING,
		STANDING_REMOVED,
		STANDING_DENIED,
		STANDING_SEALED, /* rights are damaged, and we see no more */
		STANDING_THERE,
	} has;

	/* Of STANDING_THERE. */
	unsigned k, n;
	uint64_t e;
	unsigned char sum[16], state[32];
	bool good;     /* the share is what its commitment says */
	bool believed; /* good, and k is not below the threshold */
	bool rights;   /* are what the store wrote; state is set */
	uint64_t epoch[STANDING_EPOCHS]; /* others that are kept beside */
	unsigned epochs;
};

/*
 * Read store x's answer.  0, or -1 with *w: EXIT_DATA, it is no answer.
 * threshold: no key with a smaller k is believed.
 */
int standing_read(struct standing *s, unsigned x, unsigned threshold,
    const struct line *answer, struct why *w);

/* Are both shares of one sharing, and good ones? */
bool standing_same(const struct standing *a, const struct standing *b);

/*
 * Compare what `count` stores say of the key, ascending by x.  put() gets a
 * line for each thing that is wrong, hydra-check(1).
 */
void standing_compare(const char *guid, struct standing *const *s,
    unsigned count, void (*put)(void *arg, const struct line *l), void *arg);

#endif
