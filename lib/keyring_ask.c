#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keyring_impl.h"
#include "secret.h"

/*
 * Whom to ask, and how long to wait for an answer.
 *
 * As many stores as the threshold are asked at once.  One that takes much
 * longer than the others did, or than SLOW_MOST, is slow: another one is asked
 * in its place, and whichever answers first counts.  A slow store is not
 * waited for when there is enough without it; its question goes on beside the
 * next batches, for which others are preferred, and is broken off at the end.
 *
 * Which stores are asked is drawn anew for each batch, so that they share the
 * work; those in files come first, as listed.  All see the GUIDs in ascending
 * order, which says nothing of the order, and so of the studies, that the
 * reader had them in.
 */
#define SLOW_LEAST 100 /* milliseconds within which nobody is slow */
#define SLOW_MOST 1000 /* after so many anybody is */
#define SLOW_TIMES 4   /* so much longer than the fastest took */

/* A question to one store. */
struct ask {
	unsigned long batch; /* number: is it about this one? */
	unsigned n;
	char (*guid)[SHARE_ID + 1];
	const char *name[KEYRING_BATCH]; /* in guid */
	uint64_t e[KEYRING_BATCH];       /* of which epoch, if epochs */
	bool epochs;                     /* else of the current one */
	unsigned index[KEYRING_BATCH];   /* which GUID of the batch it is */
	struct share *share;             /* n answers */
	enum store_found found[KEYRING_BATCH];
	bool done;
	long long begun; /* milliseconds */
	bool slow;
};

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static struct ask *
ask_new(const struct keyring *kr)
{
	struct ask *a = calloc(1, sizeof *a);

	if (a == NULL || (a->guid = calloc(kr->n, sizeof *a->guid)) == NULL)
		die(EXIT_IO, "out of memory");
	a->batch = kr->number;
	return a;
}

static void
ask_free(struct ask *a)
{
	free(a->guid);
	free(a);
}

static void
ask_add(struct ask *a, const struct keyring *kr, unsigned i)
{
	memcpy(a->guid[a->n], kr->guid[i], sizeof a->guid[a->n]);
	a->name[a->n] = a->guid[a->n];
	a->index[a->n++] = i;
}

/* In a thread of the store's own. */
static int
get(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct ask *a = arg;

	(void)s;
	a->done = store_get_epoch(store, a->name, a->epochs ? a->e : NULL, a->n,
		      a->share, a->found, 1, w) == 0;
	return a->done ? 0 : -1;
}

static void
put_to(struct keyring *kr, unsigned s, struct ask *a)
{
	a->share = secret_alloc(a->n * sizeof *a->share);
	a->begun = now();
	kr->ask[s] = a;
	kr->asked[s] |= !a->epochs;
	fleet_start(&kr->fleet, s, get, a);
}

/* Store s has done with its question: keep the answers, if they are wanted. */
static void
answered(struct keyring *kr, unsigned s)
{
	struct ask *a = kr->ask[s];
	unsigned i;

	for (i = 0; a->done && i < a->n; i++) {
		size_t to = (size_t)a->index[i] * kr->count + s;

		if (a->batch != kr->number) {
			if (a->found[i] == STORE_FOUND)
				share_drop(&a->share[i]);
			continue;
		}
		if (a->epochs && a->found[i] != STORE_FOUND)
			continue;
		if (kr->found[to] == STORE_FOUND)
			share_drop(&kr->share[to]);
		kr->found[to] = a->found[i];
		if (a->found[i] == STORE_FOUND)
			kr->share[to] = a->share[i];
	}
	secret_free(a->share, a->n * sizeof *a->share);
	ask_free(a);
	kr->ask[s] = NULL;
}

/* Is its question about this batch, and not answered yet? */
static bool
at_it(const struct keyring *kr, unsigned s)
{
	return kr->ask[s] != NULL && kr->ask[s]->batch == kr->number;
}

/*
 * How many shares GUID i lacks, and how many more may come; 0 if it has
 * enough, or never will.
 */
static unsigned
lacks(const struct keyring *kr, unsigned i)
{
	const struct share *given[SHARE_N];
	enum share_verdict verdict[SHARE_N];
	unsigned from[SHARE_N], good, m, s, more = 0;
	unsigned k = kr->fleet.stores->threshold;

	m = keyring_judge(kr, i, given, from, verdict, &good);
	if (good > 0)
		return 0;
	for (s = 0; s < kr->count; s++)
		more += kr->fleet.store[s] != NULL &&
			(!kr->asked[s] || at_it(kr, s));
	if (m + more < k || more == 0)
		return 0;
	/* If there are enough and they do not agree, one may settle it. */
	return m < k ? k - m : 1;
}

/* What most of the GUIDs' lacks: so many answers are to be on their way. */
static unsigned
wanted(const struct keyring *kr)
{
	unsigned i, n, most = 0;

	for (i = 0; i < kr->n; i++)
		if ((n = lacks(kr, i)) > most)
			most = n;
	return most;
}

/* Those that are on their way, and may be expected. */
static unsigned
expected(const struct keyring *kr)
{
	unsigned s, n = 0;

	for (s = 0; s < kr->count; s++)
		n += at_it(kr, s) && !kr->ask[s]->slow;
	return n;
}

/* Whom to ask next: who was not slow, is near, or is drawn.  -1: nobody. */
static int
next(const struct keyring *kr, const unsigned char *drawn)
{
	const struct fleet *f = &kr->fleet;
	int best = -1;
	unsigned s;

	for (s = 0; s < kr->count; s++) {
		if (f->store[s] == NULL || kr->asked[s] || kr->ask[s] != NULL)
			continue;
		if (best < 0 || kr->slow[s] < kr->slow[best] ||
		    (kr->slow[s] == kr->slow[best] && store_far(f->store[s]) &&
			store_far(f->store[best]) && drawn[s] < drawn[best]) ||
		    (kr->slow[s] == kr->slow[best] && !store_far(f->store[s]) &&
			store_far(f->store[best])))
			best = (int)s;
	}
	return best;
}

/* Every GUID of which there are not enough good shares yet. */
static void
ask_store(struct keyring *kr, unsigned s, const unsigned *order)
{
	const struct share *given[SHARE_N];
	enum share_verdict verdict[SHARE_N];
	unsigned from[SHARE_N], good, i;
	struct ask *a = ask_new(kr);

	for (i = 0; i < kr->n; i++) {
		keyring_judge(kr, order[i], given, from, verdict, &good);
		if (good == 0)
			ask_add(a, kr, order[i]);
	}
	put_to(kr, s, a);
}

/*
 * Wait for an answer, until somebody is slow: the fastest took `fastest`
 * milliseconds, or nobody has answered (-1).  others: is there anybody to be
 * asked instead?  How many have become slow.
 */
static unsigned
await(struct keyring *kr, long long *fastest, bool others)
{
	long long limit = SLOW_MOST, left, least = -1, took;
	unsigned s, slow = 0;
	int got;

	if (*fastest >= 0 && *fastest * SLOW_TIMES < limit)
		limit = *fastest * SLOW_TIMES;
	if (limit < SLOW_LEAST)
		limit = SLOW_LEAST;
	for (s = 0; others && s < kr->count; s++)
		if (at_it(kr, s) && !kr->ask[s]->slow) {
			left = kr->ask[s]->begun + limit - now();
			if (left < 0)
				left = 0;
			if (least < 0 || left < least)
				least = left;
		}
	if ((got = fleet_wait(&kr->fleet, (int)least)) >= 0) {
		took = now() - kr->ask[got]->begun;
		if (at_it(kr, (unsigned)got) &&
		    (*fastest < 0 || took < *fastest))
			*fastest = took;
		if (!kr->ask[got]->slow)
			kr->slow[got] = 0;
		answered(kr, (unsigned)got);
		return 0;
	}
	for (s = 0; s < kr->count; s++)
		if (at_it(kr, s) && !kr->ask[s]->slow &&
		    now() - kr->ask[s]->begun >= limit) {
			kr->ask[s]->slow = true;
			kr->slow[s]++;
			slow++;
		}
	return slow;
}

/*
 * Ask until there is enough, or nobody is left: as many as there is need of,
 * and when they have all answered, for what is still lacking, others.
 */
static void
ask_round(struct keyring *kr, const unsigned *order, const unsigned char *drawn)
{
	long long fastest = -1;
	unsigned want, more = 0, busy, s;
	int who;

	while ((want = wanted(kr)) > 0) {
		if (expected(kr) == 0)
			more = want;
		for (; more > 0 && (who = next(kr, drawn)) >= 0; more--)
			ask_store(kr, (unsigned)who, order);
		for (s = busy = 0; s < kr->count; s++)
			busy += kr->ask[s] != NULL;
		if (busy == 0)
			break;
		more = await(kr, &fastest, next(kr, drawn) >= 0);
	}
}

/* The latest epoch below *e that a store has of GUID i, into *e.  Is there? */
static bool
before(const struct keyring *kr, unsigned i, uint64_t *e)
{
	uint64_t least = 0;
	unsigned s;

	for (s = 0; s < kr->count; s++) {
		size_t at = (size_t)i * kr->count + s;

		if (kr->found[at] == STORE_FOUND && kr->share[at].e < *e &&
		    kr->share[at].e > least)
			least = kr->share[at].e;
	}
	*e = least;
	return least > 0;
}

/* Store s for the share of epoch e[i] of each GUID i for which it is not 0. */
static void
ask_epochs(struct keyring *kr, unsigned s, const uint64_t *e)
{
	struct ask *a = ask_new(kr);
	unsigned i;

	a->epochs = true;
	for (i = 0; i < kr->n; i++) {
		size_t at = (size_t)i * kr->count + s;

		if (e[i] == 0 ||
		    (kr->found[at] == STORE_FOUND && kr->share[at].e == e[i]))
			continue;
		a->e[a->n] = e[i];
		ask_add(a, kr, i);
	}
	if (a->n > 0)
		put_to(kr, s, a);
	else
		ask_free(a);
}

/*
 * While a key is shared anew, some stores use the new epoch already and the
 * others the old one, and no epoch may have enough: then all of them have both,
 * the other one beside.
 */
static void
other_epochs(struct keyring *kr)
{
	const struct share *given[SHARE_N];
	enum share_verdict verdict[SHARE_N];
	unsigned from[SHARE_N], good, i, s, tries;
	uint64_t e[KEYRING_BATCH], last[KEYRING_BATCH];
	long long fastest = -1;
	bool any = true;

	for (i = 0; i < kr->n; i++)
		last[i] = UINT64_MAX;
	/* A liar may have one of its own: try the next. */
	for (tries = 0; any && tries < 3; tries++) {
		any = false;
		for (i = 0; i < kr->n; i++) {
			e[i] = 0;
			if (keyring_judge(kr, i, given, from, verdict, &good) <
				2 ||
			    good > 0 || !before(kr, i, &last[i]))
				continue;
			e[i] = last[i];
			any = true;
		}
		for (s = 0; any && s < kr->count; s++)
			if (kr->fleet.store[s] != NULL && kr->ask[s] == NULL)
				ask_epochs(kr, s, e);
		while (expected(kr) > 0)
			await(kr, &fastest, false);
	}
}

static int
by_guid(const void *a, const void *b, void *arg)
{
	const struct keyring *kr = arg;

	return strcmp(
	    kr->guid[*(const unsigned *)a], kr->guid[*(const unsigned *)b]);
}

void
keyring_ask(struct keyring *kr)
{
	unsigned order[KEYRING_BATCH], i;
	unsigned char drawn[255];

	for (i = 0; i < kr->n; i++)
		order[i] = i;
	qsort_r(order, kr->n, sizeof *order, by_guid, kr);
	secret_random(drawn, kr->count);
	ask_round(kr, order, drawn);
	other_epochs(kr);
}

void
keyring_ask_no_more(struct keyring *kr)
{
	unsigned i;
	int s;

	for (i = 0; i < kr->count; i++)
		if (kr->ask[i] != NULL && kr->fleet.store[i] != NULL)
			say_warning("%s: does not answer; others did in its "
				    "place",
			    store_name(kr->fleet.store[i]));
	kr->number++;
	fleet_stop(&kr->fleet);
	while ((s = fleet_wait(&kr->fleet, -1)) >= 0)
		answered(kr, (unsigned)s);
}
