#include <stdlib.h>
#include <string.h>

#include "refresh_impl.h"
#include "reshare.h"
#include "secret.h"

/* What is read: shares, from which others are made, and rights. */

static int
job_gather(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct refresh_lane *l = &((struct refresh *)arg)->lane[s];
	enum store_found *found = refresh_alloc(l->n, sizeof *found);
	struct share *got;
	unsigned j;
	int r = -1;

	if (l->n == 0) {
		free(found);
		return 0;
	}
	/* In place: none of them was found yet. */
	if ((got = secret_try(l->n * sizeof *got)) == NULL)
		why_set(w, EXIT_IO, "out of secure memory");
	else
		r = store_get_epoch(
		    store, l->guid, l->e, l->n, got, found, 1, w);
	for (j = 0; r == 0 && j < l->n; j++) {
		l->found[l->index[j]] = found[j];
		if (found[j] == STORE_FOUND)
			l->old[l->index[j]] = got[j];
	}
	secret_free(got, l->n * sizeof *got);
	free(found);
	return r;
}

/* Those that may be asked for a share of key i; not all of them are first. */
static void
ask_for(struct refresh *r, unsigned i, bool all)
{
	const struct refresh_key *key = &r->key[i];
	unsigned s, j, asked = 0, count = r->fleet.count;

	for (j = 0; j < count && (all || asked < key->is->k); j++) {
		struct refresh_lane *l = &r->lane[s = (i + j) % count];

		if (r->fleet.store[s] == NULL || l->found[i] == STORE_FOUND ||
		    !refresh_has(&l->standing[i], key->is))
			continue;
		refresh_ask(r, l, i, key->is->e);
		asked++;
	}
}

static void
name_wrong(const struct refresh *r, unsigned i, const unsigned *of,
    const enum share_verdict *verdict, unsigned m)
{
	unsigned j;

	for (j = 0; j < m; j++)
		if (verdict[j] != SHARE_GOOD && verdict[j] != SHARE_TWICE &&
		    r->fleet.store[of[j]] != NULL)
			say_warning("%s: %s: its share is %s", r->key[i].guid,
			    store_name(r->fleet.store[of[j]]),
			    share_verdict_text(verdict[j]));
}

/* Why the shares of key i do not do. */
static void
not_made(struct refresh *r, unsigned i, const struct why *w)
{
	struct refresh_key *key = &r->key[i];
	unsigned s, denied = 0;

	for (s = 0; s < r->fleet.count; s++)
		denied += r->lane[s].found[i] == STORE_DENIED;
	key->why = *w;
	if (denied > 0)
		why_set(
		    &key->why, EXIT_DENIED, "%u stores deny its share", denied);
	else if (r->fleet.lost > 0 && w->code == EXIT_FEW)
		key->why.code = fleet_code(&r->fleet);
}

/* New shares of key i.  last: say what is wrong. */
static void
make_shares(struct refresh *r, unsigned i, bool last)
{
	struct refresh_key *key = &r->key[i];
	enum share_verdict verdict[2 * SHARE_N];
	const struct share *old[SHARE_N];
	struct share *out[SHARE_N];
	unsigned of[SHARE_N], s, m = 0, outs = 0;
	struct why w;
	int got;

	for (s = 0; s < r->fleet.count; s++) {
		struct refresh_lane *l = &r->lane[s];

		if (l->found[i] == STORE_FOUND) {
			old[m] = &l->old[i];
			of[m++] = s;
		}
		if (l->to) {
			out[outs] = &l->new[i];
			out[outs++]->x = r->fleet.stores->store[s].x;
		}
	}
	if (key->commit == NULL)
		key->commit = refresh_alloc(SHARE_N, SHARE_TAG);
	if (r->how.rebuild != 0)
		got = reshare_lost(
		    old, m, r->threshold, key->commit, out[0], verdict, &w);
	else
		got = reshare(old, m, r->threshold, r->k, r->n, key->next,
		    key->commit, out, outs, verdict, &w);
	key->made = got == 0;
	if (got == 0 || last)
		name_wrong(r, i, of, verdict, m);
	if (got < 0 && last)
		not_made(r, i, &w);
}

/* Is there something to do for key i? */
static bool
to_make(const struct refresh *r, unsigned i)
{
	return refresh_well(&r->key[i]) && r->key[i].anew && !r->key[i].made;
}

int
refresh_gather(struct refresh *r, struct why *w)
{
	unsigned i, round;

	for (round = 0; round < 2; round++) {
		refresh_ask_nothing(r);
		for (i = 0; i < r->keys; i++)
			if (to_make(r, i))
				ask_for(r, i, round > 0);
		if (refresh_each(r, job_gather, w) < 0)
			return -1;
		for (i = 0; i < r->keys; i++)
			if (to_make(r, i))
				make_shares(r, i, round > 0);
	}
	return 0;
}

/* The rights of those that a store has to be given, from store s. */
static int
learn_from(struct refresh *r, unsigned s, struct why *w)
{
	struct refresh_lane *l = &r->lane[s];
	struct line *ask = refresh_alloc(r->keys, sizeof *ask);
	unsigned char state[ACL_STATE];
	struct refresh_key *key;
	unsigned i, n = 0;
	int got;

	for (i = 0; i < r->keys; i++) {
		key = &r->key[i];
		if (!refresh_well(key) || !key->lacks || key->right_known ||
		    l->standing[i].has != STANDING_THERE ||
		    !l->standing[i].rights ||
		    memcmp(l->standing[i].state, key->state, ACL_STATE) != 0)
			continue;
		l->index[n] = i;
		ask[n++] = r->question[i];
	}
	got = n == 0 ? 0
		     : store_ask(
			   r->fleet.store[s], "getacl", ask, n, l->answer, w);
	for (i = 0; got == 0 && i < n; i++) {
		struct why ignored;

		key = &r->key[l->index[i]];
		acl_free(&key->right);
		acl_init(&key->right);
		if (line_word(&l->answer[i], "error") != NULL ||
		    acl_from_line(&key->right, &l->answer[i], &ignored) < 0)
			continue;
		acl_state(state, &key->right);
		key->right_known = memcmp(state, key->state, ACL_STATE) == 0;
	}
	free(ask);
	return got;
}

int
refresh_learn_rights(struct refresh *r, struct why *w)
{
	unsigned s, i;

	for (s = 0; s < r->fleet.count; s++)
		if (r->fleet.store[s] != NULL && learn_from(r, s, w) < 0)
			fleet_lose(&r->fleet, s, w);
	for (i = 0; i < r->keys; i++)
		if (refresh_well(&r->key[i]) && r->key[i].lacks &&
		    !r->key[i].right_known)
			why_set(&r->key[i].why, EXIT_DENIED,
			    "no store tells us its rights");
	return refresh_all_there(r, w);
}
