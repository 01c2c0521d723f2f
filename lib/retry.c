#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "retry.h"
#include "secret.h"

#define FIRST 0.1 /* seconds */

unsigned
retry_limit(void)
{
	static unsigned limit; /* the same whoever sets it */
	const char *env = getenv("MDM_STORAGE_WAIT");
	char *end;
	long n = 30;

	if (limit != 0)
		return limit;
	if (env != NULL && *env != '\0') {
		n = strtol(env, &end, 10);
		if (*end != '\0' || n < 1 || n > 1000000)
			die(EXIT_USAGE,
			    "MDM_STORAGE_WAIT: not a number of seconds");
	}
	return limit = (unsigned)n;
}

bool
retry_wait(struct retry *r, const struct why *w)
{
	double s = FIRST * (1 << (r->tries < 9 ? r->tries : 9));
	unsigned char random;
	struct timespec t;

	if (w->code != EXIT_RETRY || r->waited + s > retry_limit())
		return false;
	r->tries++;
	r->waited += s;
	secret_random(&random, 1);
	s *= 0.75 + random / 512.;
	t.tv_sec = (time_t)s;
	t.tv_nsec = (long)((s - (double)t.tv_sec) * 1e9);
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
	return true;
}
