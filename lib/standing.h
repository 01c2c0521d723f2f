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
	unsigned n;
	uint64_t e;
	unsigned char sum[16], state[32];
	bool good;     /* the share is what its commitment says */
	bool believed; /* good, and k is not below the threshold */
	bool rights;   /* are what the store wrote; state is set */
	bool beside;   /* other epochs are kept */
};

/*
 * Read store x's answer.  0, or -1 with *w: EXIT_DATA, it is no answer.
 * threshold: no key with a smaller k is believed.
 */
int standing_read(struct standing *s, unsigned x, unsigned threshold,
    const struct line *answer, struct why *w);

/*
 * Compare what `count` stores say of the key, ascending by x.  put() gets a
 * line for each thing that is wrong, hydra-check(1).
 */
void standing_compare(const char *guid, struct standing *const *s,
    unsigned count, void (*put)(void *arg, const struct line *l), void *arg);

#endif
