#include <stdio.h>
#include <string.h>

#include "refresh_impl.h"

/*
 * Epochs are counted; one so far beyond the others is a lie, and to go there
 * would leave no room for more.
 */
#define EPOCH_LEAP (1ULL << 32)

static bool
answered(const struct refresh *r, unsigned s)
{
	return r->fleet.store[s] != NULL;
}

bool
refresh_has(const struct standing *s, const struct standing *sharing)
{
	unsigned j;

	if (s->has != STANDING_THERE)
		return false;
	if (standing_same(s, sharing))
		return true;
	for (j = 0; j < s->epochs; j++)
		if (s->epoch[j] == sharing->e)
			return true;
	return false;
}

/* How many different shares of it there are. */
static unsigned
holders(const struct refresh *r, unsigned i, const struct standing *sharing)
{
	bool seen[SHARE_N + 1] = { false };
	unsigned s, n = 0;

	for (s = 0; s < r->fleet.count; s++) {
		const struct standing *at = &r->lane[s].standing[i];

		if (!answered(r, s) || !refresh_has(at, sharing) || seen[at->x])
			continue;
		seen[at->x] = true;
		n++;
	}
	return n;
}

/* The sharing that most stores have; of equals the later. */
static unsigned
choose(struct refresh *r, unsigned i)
{
	struct refresh_key *key = &r->key[i];
	unsigned s, n, most = 0;

	key->is = NULL;
	for (s = 0; s < r->fleet.count; s++) {
		const struct standing *at = &r->lane[s].standing[i];

		if (!answered(r, s) || at->has != STANDING_THERE ||
		    !at->believed)
			continue;
		n = holders(r, i, at);
		if (n > most || (n == most && at->e > key->is->e)) {
			key->is = at;
			most = n;
		}
	}
	return most;
}

/* There is no sharing to go from: why? */
static void
none(struct refresh *r, unsigned i, unsigned most)
{
	unsigned s, has[STANDING_THERE + 1] = { 0 };
	struct why *w = &r->key[i].why;

	for (s = 0; s < r->fleet.count; s++)
		if (answered(r, s))
			has[r->lane[s].standing[i].has]++;
	if (has[STANDING_DENIED] > 0)
		why_set(w, EXIT_DENIED, "%u stores do not let us list it",
		    has[STANDING_DENIED]);
	else if (has[STANDING_REMOVED] > 0)
		why_set(w, EXIT_NO, "%u stores have removed it, for ever",
		    has[STANDING_REMOVED]);
	else if (has[STANDING_THERE] == 0 && r->fleet.lost == 0)
		why_set(w, EXIT_DENIED, "no store has a share of it");
	else if (r->fleet.lost > 0)
		why_set(w, fleet_code(&r->fleet),
		    "%u stores have good shares that go together, and %u do "
		    "not answer",
		    most, r->fleet.lost);
	else
		why_set(w, EXIT_DATA,
		    "%u stores have good shares that go together, too few",
		    most);
}

/* A store that has none of the sharing, but an earlier one. */
static void
name_old(const struct refresh *r, unsigned i)
{
	const struct standing *is = r->key[i].is;
	unsigned s;

	for (s = 0; s < r->fleet.count; s++) {
		const struct standing *at = &r->lane[s].standing[i];

		if (answered(r, s) && at->has == STANDING_THERE &&
		    at->e < is->e && !refresh_has(at, is))
			say_warning("%s: %s: has epoch %llu, the others %llu: "
				    "it missed a refresh, or was put back",
			    r->key[i].guid, store_name(r->fleet.store[s]),
			    (unsigned long long)at->e,
			    (unsigned long long)is->e);
	}
}

/* The latest epoch that any store speaks of.  0, or -1: one lies. */
static int
latest(struct refresh *r, unsigned i, uint64_t *e)
{
	struct refresh_key *key = &r->key[i];
	unsigned s, j;

	*e = key->is->e;
	for (s = 0; s < r->fleet.count; s++) {
		const struct standing *at = &r->lane[s].standing[i];
		uint64_t most = at->e;

		if (!answered(r, s) || at->has != STANDING_THERE)
			continue;
		for (j = 0; j < at->epochs; j++)
			if (at->epoch[j] > most)
				most = at->epoch[j];
		if (most > INT64_MAX - 1 || most > key->is->e + EPOCH_LEAP)
			return why_set(&key->why, EXIT_DATA,
			    "%s: speaks of epoch %llu, where others are at "
			    "%llu",
			    store_name(r->fleet.store[s]),
			    (unsigned long long)most,
			    (unsigned long long)key->is->e);
		if (most > *e)
			*e = most;
	}
	return 0;
}

/* Is it shared as it should be, at all of the new stores? */
static bool
whole(const struct refresh *r, unsigned i)
{
	const struct standing *is = r->key[i].is;
	unsigned s;

	for (s = 0; s < r->fleet.count; s++)
		if (r->lane[s].to &&
		    !standing_same(&r->lane[s].standing[i], is))
			return false;
	return is->k == r->k && is->n == r->n;
}

static void
plan_anew(struct refresh *r, unsigned i)
{
	struct refresh_key *key = &r->key[i];
	uint64_t e;

	if (latest(r, i, &e) < 0)
		return;
	key->anew =
	    r->how.epoch == 0 || key->is->e < r->how.epoch || !whole(r, i);
	key->next = key->is->e;
	if (!key->anew)
		return;
	key->next = e + 1;
	if (key->next < r->how.epoch)
		key->next = r->how.epoch;
}

static void
plan_rebuild(struct refresh *r, unsigned i, const struct standing *at)
{
	struct refresh_key *key = &r->key[i];
	const struct standing *is = key->is;

	key->next = is->e;
	key->anew = !standing_same(at, is);
	if (at->x > is->n)
		why_set(&key->why, EXIT_NO,
		    "it has %u shares, none of them for store %u: share it "
		    "anew, without --rebuild",
		    is->n, at->x);
	else if (key->anew && at->has == STANDING_THERE && at->e >= is->e)
		why_set(&key->why, EXIT_DATA,
		    "store %u has a share that is damaged, or does not go "
		    "with the others': share it anew, without --rebuild",
		    at->x);
}

/* The rights that at least k stores agree on, for those that have none. */
static void
plan_rights(struct refresh *r, unsigned i)
{
	struct refresh_key *key = &r->key[i];
	unsigned s, t, votes;

	for (s = 0; s < r->fleet.count; s++) {
		const struct standing *a = &r->lane[s].standing[i], *b;

		if (!answered(r, s) || a->has != STANDING_THERE || !a->rights)
			continue;
		for (t = votes = 0; t < r->fleet.count; t++) {
			b = &r->lane[t].standing[i];
			votes += answered(r, t) && b->has == STANDING_THERE &&
				 b->rights &&
				 memcmp(a->state, b->state, ACL_STATE) == 0;
		}
		if (votes < key->is->k)
			continue;
		memcpy(key->state, a->state, ACL_STATE);
		return;
	}
	why_set(&key->why, EXIT_NO,
	    "fewer than %u stores agree on its rights: set them first, with "
	    "hydra-acl",
	    key->is->k);
}

/* Will the store take a share? */
static void
plan_store(struct refresh *r, unsigned i, unsigned s)
{
	struct refresh_key *key = &r->key[i];
	const struct standing *at = &r->lane[s].standing[i];
	const char *name = store_name(r->fleet.store[s]);

	switch (at->has) {
	case STANDING_MISSING:
		key->lacks = true;
		break;
	case STANDING_REMOVED:
		why_set(
		    &key->why, EXIT_NO, "%s: has removed it, for ever", name);
		break;
	case STANDING_DENIED:
		why_set(&key->why, EXIT_DENIED, "%s: does not let us list it",
		    name);
		break;
	case STANDING_SEALED:
		why_set(&key->why, EXIT_DATA,
		    "%s: its rights are damaged: set them first, with "
		    "hydra-acl",
		    name);
		break;
	case STANDING_THERE:
		break;
	}
}

void
refresh_plan(struct refresh *r, unsigned i)
{
	struct refresh_key *key = &r->key[i];
	unsigned s, most = choose(r, i);

	if (key->is == NULL || most < key->is->k) {
		none(r, i, most);
		return;
	}
	name_old(r, i);
	if (r->how.rebuild == 0)
		plan_anew(r, i);
	for (s = 0; s < r->fleet.count; s++) {
		if (!r->lane[s].to)
			continue;
		if (r->how.rebuild != 0)
			plan_rebuild(r, i, &r->lane[s].standing[i]);
		if (key->anew && refresh_well(key))
			plan_store(r, i, s);
	}
	if (key->lacks && refresh_well(key))
		plan_rights(r, i);
}
