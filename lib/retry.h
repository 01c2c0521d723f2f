#ifndef RETRY_H
#define RETRY_H

#include <stdbool.h>

#include "say.h"

/*
 * Trying again what failed for now, and only that (EXIT_RETRY): each wait is
 * twice the one before, and not the same for all clients, until together they
 * reach the limit.
 *
 *	struct retry r = { 0 };
 *
 *	while ((got = try(..., w)) < 0 && retry_wait(&r, w))
 *		;
 */
struct retry {
	unsigned tries;
	double waited; /* seconds */
};

/* Seconds: MDM_STORAGE_WAIT, or 30; dies EXIT_USAGE if it is no number. */
unsigned retry_limit(void);

/* Wait; or false at once: w is not for now, or it has been long enough. */
bool retry_wait(struct retry *r, const struct why *w);

#endif
