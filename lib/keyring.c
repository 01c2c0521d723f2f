#include <stdlib.h>
#include <string.h>

#include "keyring_impl.h"
#include "secret.h"

/*
 * Shares held at once, whatever the number of stores.  All of them may be under
 * way besides, when slow stores are asked too, and each store across the
 * network has its own lines: KEYRING_SECRET is for all of that.
 */
#define SHARES 3000u

static void
lost(struct fleet *f, unsigned s, const struct why *w)
{
	struct keyring *kr = (struct keyring *)f; /* its first member */

	(void)s;
	say_warning("%s", w->text);
	kr->locked |= w->code == EXIT_RETRY;
	kr->refused |= w->code == EXIT_DENIED;
}

struct keyring *
keyring_open(const char *file, struct why *w)
{
	struct keyring *kr = calloc(1, sizeof *kr);
	struct stores *stores;

	if (kr == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	if ((stores = stores_load(file, false, w)) == NULL) {
		free(kr);
		return NULL;
	}
	kr->count = stores->count;
	kr->batch = SHARES / kr->count < KEYRING_BATCH ? SHARES / kr->count
						       : KEYRING_BATCH;
	kr->found = calloc((size_t)kr->batch * kr->count, sizeof *kr->found);
	if (kr->found == NULL)
		die(EXIT_IO, "out of memory");
	kr->fleet.say = lost;
	fleet_open(&kr->fleet, stores, false);
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
	if (kr == NULL)
		return;
	keyring_ask_no_more(kr);
	forget(kr);
	fleet_close(&kr->fleet);
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
	return kr->fleet.stores;
}

unsigned
keyring_judge(const struct keyring *kr, unsigned i, const struct share **given,
    unsigned *from, enum share_verdict *verdict, unsigned *good)
{
	unsigned s, m = 0, k;

	for (s = 0; s < kr->count; s++)
		if (kr->found[i * kr->count + s] == STORE_FOUND) {
			given[m] = &kr->share[i * kr->count + s];
			from[m++] = s;
		}
	*good = share_judge(given, m, kr->fleet.stores->threshold, verdict, &k);
	if (k == 0 || *good < k)
		*good = 0;
	return m;
}

/*
 * Good shares of one splitting come with the same commitments; where they do
 * not, is it share j whose word for a good share is wrong?
 */
static bool
slanders(const struct share *const *given, const enum share_verdict *verdict,
    unsigned m, unsigned j)
{
	size_t n = (size_t)given[j]->n * SHARE_TAG;
	unsigned char tag[SHARE_TAG];
	bool differs = false;
	unsigned i;

	for (i = 0; i < m; i++)
		differs |= verdict[i] == SHARE_GOOD &&
			   memcmp(given[i]->commit, given[j]->commit, n) != 0;
	for (i = 0; differs && i < m; i++) {
		if (verdict[i] != SHARE_GOOD)
			continue;
		share_commit(tag, given[i]);
		if (memcmp(given[j]->commit + (given[i]->x - 1) * SHARE_TAG,
			tag, SHARE_TAG) != 0)
			return true;
	}
	return false;
}

static void
name_liars(const struct keyring *kr, unsigned i)
{
	const struct share *given[SHARE_N];
	enum share_verdict verdict[SHARE_N];
	unsigned from[SHARE_N], good, m, j, s;

	for (s = 0; s < kr->count; s++)
		if (kr->found[i * kr->count + s] == STORE_DAMAGED &&
		    kr->fleet.store[s] != NULL)
			say_warning("%s: %s: its row is damaged or was "
				    "tampered with",
			    kr->guid[i], store_name(kr->fleet.store[s]));
	m = keyring_judge(kr, i, given, from, verdict, &good);
	for (j = 0; j < m; j++) {
		if (kr->fleet.store[from[j]] == NULL)
			continue;
		if (verdict[j] != SHARE_GOOD)
			say_warning("%s: %s: its share is %s", kr->guid[i],
			    store_name(kr->fleet.store[from[j]]),
			    share_verdict_text(verdict[j]));
		else if (slanders(given, verdict, m, j))
			say_warning("%s: %s: its commitments are not those of "
				    "the others",
			    kr->guid[i], store_name(kr->fleet.store[from[j]]));
	}
}

void
keyring_collect(struct keyring *kr, const char *const *guid, unsigned n)
{
	unsigned i;
	size_t j;

	if (n > kr->batch)
		die(EXIT_BUG, "a batch of %u keys", n);
	forget(kr);
	if (n == 0)
		return;
	kr->n = n;
	kr->number++;
	kr->share = secret_alloc((size_t)n * kr->count * sizeof *kr->share);
	memcpy(kr->guid, guid, n * sizeof *guid);
	memset(kr->asked, 0, sizeof kr->asked);
	for (j = 0; j < (size_t)n * kr->count; j++)
		kr->found[j] = NOT_ASKED;
	keyring_ask(kr);
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
	if (found + denied + damaged == 0 &&
	    down < kr->fleet.stores->threshold) {
		*error = "missing";
		why_set(w, EXIT_DENIED, "no store has a share of its key");
	} else if (denied > 0) {
		*error = "denied";
		why_set(w, EXIT_DENIED, "%u stores deny its key", denied);
	} else if (down > 0 &&
		   damaged + found + down >= kr->fleet.stores->threshold) {
		*error = "unavailable";
		why_set(w,
		    kr->locked    ? EXIT_RETRY
		    : kr->refused ? EXIT_DENIED
				  : EXIT_FEW,
		    "%u of %u stores do not answer", down, kr->count);
	} else if (damaged > 0 || found >= kr->fleet.stores->threshold) {
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

	m = keyring_judge(kr, i, given, from, verdict, &good);
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
	    key, len, shares, n, kr->fleet.stores->threshold, verdict, w);
}
