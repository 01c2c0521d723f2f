#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "keyring.h"
#include "secret.h"

#define BATCH 1000   /* GUIDs */
#define SHARES 8192u /* shares held at once, whatever the number of stores */

/* An answer that is none, beside those of store.h. */
#define NOT_ASKED ((enum store_found)(STORE_DAMAGED + 1))

struct keyring {
	struct stores *stores;
	struct store *store[255]; /* NULL: does not answer */
	unsigned count, batch;
	bool locked;  /* one that does not was locked: later may help */
	bool refused; /* one that does not has refused us */

	/* The last batch: [i * count + s], i a GUID and s a store. */
	const char *guid[BATCH];
	unsigned n;
	struct share *share;
	enum store_found *found;
};

/* A question to one store. */
struct ask {
	struct keyring *kr;
	unsigned s, n;
	const char *guid[BATCH];
	uint64_t e[BATCH];     /* of which epoch, if epochs */
	bool epochs;           /* else of the current one */
	unsigned index[BATCH]; /* which GUID of the batch it is */
	struct share *share;   /* n answers */
	enum store_found found[BATCH];
	int result;
	struct why why;
};

static void
lost(struct keyring *kr, unsigned s, const struct why *w)
{
	say_warning("%s", w->text);
	store_close(kr->store[s]);
	kr->store[s] = NULL;
	kr->locked |= w->code == EXIT_RETRY;
	kr->refused |= w->code == EXIT_DENIED;
}

struct keyring *
keyring_open(const char *file, struct why *w)
{
	struct keyring *kr = calloc(1, sizeof *kr);
	struct why one;
	unsigned s;

	if (kr == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	if ((kr->stores = stores_load(file, false, w)) == NULL) {
		free(kr);
		return NULL;
	}
	kr->count = kr->stores->count;
	kr->batch = SHARES / kr->count < BATCH ? SHARES / kr->count : BATCH;
	kr->found = calloc((size_t)kr->batch * kr->count, sizeof *kr->found);
	if (kr->found == NULL)
		die(EXIT_IO, "out of memory");
	for (s = 0; s < kr->count; s++) {
		kr->store[s] =
		    store_open(kr->stores->store[s].x, kr->stores->store[s].url,
			kr->stores->store[s].pin, false, &one);
		if (kr->store[s] == NULL)
			lost(kr, s, &one);
	}
	return kr;
}

static void
forget(struct keyring *kr)
{
	size_t i, all = (size_t)kr->n * kr->count;

	if (kr->share == NULL)
		return;
	for (i = 0; i < all; i++)
		if (kr->found[i] == STORE_FOUND)
			share_drop(&kr->share[i]);
	secret_free(kr->share, all * sizeof *kr->share);
	kr->share = NULL;
	kr->n = 0;
}

void
keyring_free(struct keyring *kr)
{
	unsigned s;

	if (kr == NULL)
		return;
	forget(kr);
	for (s = 0; s < kr->count; s++)
		store_close(kr->store[s]);
	stores_free(kr->stores);
	free(kr->found);
	free(kr);
}

unsigned
keyring_batch(const struct keyring *kr)
{
	return kr->batch;
}

const struct stores *
keyring_stores(const struct keyring *kr)
{
	return kr->stores;
}

/*
 * What is known of GUID i: its shares in given[], which store each is from in
 * from[], the verdict on each.  Returns how many were given; *good is how many
 * can be used, or 0 if that is not enough.
 */
static unsigned
judge(const struct keyring *kr, unsigned i, const struct share **given,
    unsigned *from, enum share_verdict *verdict, unsigned *good)
{
	unsigned s, m = 0, k;

	for (s = 0; s < kr->count; s++)
		if (kr->found[i * kr->count + s] == STORE_FOUND) {
			given[m] = &kr->share[i * kr->count + s];
			from[m++] = s;
		}
	*good = share_judge(given, m, kr->stores->threshold, verdict, &k);
	if (k == 0 || *good < k)
		*good = 0;
	return m;
}

static void *
ask_one(void *arg)
{
	struct ask *a = arg;

	a->result = store_get_epoch(a->kr->store[a->s], a->guid,
	    a->epochs ? a->e : NULL, a->n, a->share, a->found, 1, &a->why);
	return NULL;
}

/* Every GUID of which there are not enough good shares yet. */
static struct ask *
question(struct keyring *kr, unsigned s, bool all)
{
	const struct share *given[SHARE_N];
	enum share_verdict verdict[SHARE_N];
	unsigned from[SHARE_N], good = 0, i;
	struct ask *a = calloc(1, sizeof *a);

	if (a == NULL)
		die(EXIT_IO, "out of memory");
	a->kr = kr;
	a->s = s;
	for (i = 0; i < kr->n; i++) {
		if (!all)
			judge(kr, i, given, from, verdict, &good);
		if (good > 0)
			continue;
		a->guid[a->n] = kr->guid[i];
		a->index[a->n++] = i;
	}
	if (a->n == 0) {
		free(a);
		return NULL;
	}
	a->share = secret_alloc(a->n * sizeof *a->share);
	return a;
}

static void
answer(struct ask *a)
{
	struct keyring *kr = a->kr;
	unsigned i;

	if (a->result < 0)
		lost(kr, a->s, &a->why);
	for (i = 0; a->result == 0 && i < a->n; i++) {
		size_t to = (size_t)a->index[i] * kr->count + a->s;

		if (a->epochs && a->found[i] != STORE_FOUND)
			continue;
		if (kr->found[to] == STORE_FOUND)
			share_drop(&kr->share[to]);
		kr->found[to] = a->found[i];
		if (a->found[i] == STORE_FOUND)
			kr->share[to] = a->share[i];
	}
	secret_free(a->share, a->n * sizeof *a->share);
	free(a);
}

/* The first stores that answer, as many as the threshold, at once. */
static unsigned
ask_first(struct keyring *kr)
{
	pthread_t thread[255];
	struct ask *a[255];
	bool apart[255];
	unsigned s, m = 0, i;

	for (s = 0; s < kr->count && m < kr->stores->threshold; s++)
		if (kr->store[s] != NULL)
			a[m++] = question(kr, s, true);
	for (i = 1; i < m; i++)
		apart[i] = (kr->n > 1 || store_far(kr->store[a[i]->s])) &&
			   pthread_create(&thread[i], NULL, ask_one, a[i]) == 0;
	for (i = 0; i < m; i++)
		if (i > 0 && apart[i])
			pthread_join(thread[i], NULL);
		else
			ask_one(a[i]);
	for (i = 0; i < m; i++)
		answer(a[i]);
	return s;
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
	struct ask *a = calloc(1, sizeof *a);
	unsigned i;

	if (a == NULL)
		die(EXIT_IO, "out of memory");
	a->kr = kr;
	a->s = s;
	a->epochs = true;
	for (i = 0; i < kr->n; i++) {
		size_t at = (size_t)i * kr->count + s;

		if (e[i] == 0 ||
		    (kr->found[at] == STORE_FOUND && kr->share[at].e == e[i]))
			continue;
		a->guid[a->n] = kr->guid[i];
		a->e[a->n] = e[i];
		a->index[a->n++] = i;
	}
	if (a->n == 0) {
		free(a);
		return;
	}
	a->share = secret_alloc(a->n * sizeof *a->share);
	ask_one(a);
	answer(a);
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
	uint64_t e[BATCH], last[BATCH];
	bool any = true;

	for (i = 0; i < kr->n; i++)
		last[i] = UINT64_MAX;
	/* A liar may have one of its own: try the next. */
	for (tries = 0; any && tries < 3; tries++) {
		any = false;
		for (i = 0; i < kr->n; i++) {
			e[i] = 0;
			if (judge(kr, i, given, from, verdict, &good) < 2 ||
			    good > 0 || !before(kr, i, &last[i]))
				continue;
			e[i] = last[i];
			any = true;
		}
		for (s = 0; any && s < kr->count; s++)
			if (kr->store[s] != NULL)
				ask_epochs(kr, s, e);
	}
}

static void
name_liars(const struct keyring *kr, unsigned i)
{
	const struct share *given[SHARE_N];
	enum share_verdict verdict[SHARE_N];
	unsigned from[SHARE_N], good, m, j, s;

	for (s = 0; s < kr->count; s++)
		if (kr->found[i * kr->count + s] == STORE_DAMAGED &&
		    kr->store[s] != NULL)
			say_warning("%s: %s: its row is damaged or was "
				    "tampered with",
			    kr->guid[i], store_name(kr->store[s]));
	m = judge(kr, i, given, from, verdict, &good);
	for (j = 0; j < m; j++)
		if (verdict[j] != SHARE_GOOD && kr->store[from[j]] != NULL)
			say_warning("%s: %s: its share is %s", kr->guid[i],
			    store_name(kr->store[from[j]]),
			    share_verdict_text(verdict[j]));
}

void
keyring_collect(struct keyring *kr, const char *const *guid, unsigned n)
{
	unsigned s, i;
	size_t j;

	if (n > kr->batch)
		die(EXIT_BUG, "a batch of %u keys", n);
	forget(kr);
	if (n == 0)
		return;
	kr->n = n;
	kr->share = secret_alloc((size_t)n * kr->count * sizeof *kr->share);
	memcpy(kr->guid, guid, n * sizeof *guid);
	for (j = 0; j < (size_t)n * kr->count; j++)
		kr->found[j] = NOT_ASKED;
	for (s = ask_first(kr); s < kr->count; s++) {
		struct ask *a = kr->store[s] ? question(kr, s, false) : NULL;

		if (a != NULL) {
			ask_one(a);
			answer(a);
		}
	}
	other_epochs(kr);
	for (i = 0; i < n; i++)
		name_liars(kr, i);
}

/* Why there are not enough good shares of GUID i. */
static unsigned
none(const struct keyring *kr, unsigned i, const char **error, struct why *w)
{
	unsigned s, down = 0, denied = 0, damaged = 0, found = 0;

	for (s = 0; s < kr->count; s++) {
		enum store_found f = kr->found[i * kr->count + s];

		down += f == NOT_ASKED;
		denied += f == STORE_DENIED;
		damaged += f == STORE_DAMAGED;
		found += f == STORE_FOUND;
	}
	if (found + denied + damaged == 0 && down < kr->stores->threshold) {
		*error = "missing";
		why_set(w, EXIT_DENIED, "no store has a share of its key");
	} else if (denied > 0) {
		*error = "denied";
		why_set(w, EXIT_DENIED, "%u stores deny its key", denied);
	} else if (down > 0 &&
		   damaged + found + down >= kr->stores->threshold) {
		*error = "unavailable";
		why_set(w,
		    kr->locked    ? EXIT_RETRY
		    : kr->refused ? EXIT_DENIED
				  : EXIT_FEW,
		    "%u of %u stores do not answer", down, kr->count);
	} else if (damaged > 0 || found >= kr->stores->threshold) {
		*error = "wrong";
		why_set(w, EXIT_DATA, "its shares are wrong");
	} else {
		*error = "missing";
		why_set(
		    w, EXIT_DENIED, "too few stores have a share of its key");
	}
	return 0;
}

unsigned
keyring_shares(struct keyring *kr, unsigned i, const struct share *out[SHARE_N],
    const char **error, struct why *w)
{
	const struct share *given[SHARE_N];
	enum share_verdict verdict[SHARE_N];
	unsigned from[SHARE_N], good, m, j, k = 0;

	m = judge(kr, i, given, from, verdict, &good);
	if (good == 0)
		return none(kr, i, error, w);
	for (j = 0; j < m; j++)
		if (verdict[j] == SHARE_GOOD)
			out[k++] = given[j];
	return k;
}

int
keyring_get(struct keyring *kr, const char *guid, unsigned char *key,
    size_t *len, struct why *w)
{
	const struct share *shares[SHARE_N];
	enum share_verdict verdict[SHARE_N];
	const char *error;
	unsigned n;

	if (!share_id_ok(guid))
		return why_set(w, EXIT_DATA, "not a GUID");
	keyring_collect(kr, &guid, 1);
	if ((n = keyring_shares(kr, 0, shares, &error, w)) == 0)
		return -1;
	return share_join(
	    key, len, shares, n, kr->stores->threshold, verdict, w);
}
