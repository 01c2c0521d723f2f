#include <stdlib.h>
#include <string.h>

#include "refresh_impl.h"

/* What is written: shares staged, made current, and others forgotten. */

static int
job_stage(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct refresh_lane *l = &((struct refresh *)arg)->lane[s];
	unsigned n = 0;

	/* First those that it has, then those that it is given. */
	while (n < l->n && !l->put[l->index[n]])
		n++;
	if (n > 0 && epoch_stage(store, l->share, n, l->result, w) < 0)
		return -1;
	if (n == l->n)
		return 0;
	return epoch_put(store, l->share + n, l->right + n, l->n - n, l->run,
	    l->result + n, w);
}

/* What came of a request, at store s. */
static void
settle_one(struct refresh *r, unsigned s)
{
	struct refresh_lane *l = &r->lane[s];
	unsigned j;

	for (j = 0; j < l->n; j++) {
		struct refresh_key *key = &r->key[l->index[j]];
		enum epoch_result did = l->result[j];

		if (did != EPOCH_DONE && did != EPOCH_SAME && refresh_well(key))
			why_set(&key->why, epoch_code(did), "%s: %s",
			    store_name(r->fleet.store[s]), epoch_text(did));
	}
}

static void
settle(struct refresh *r)
{
	unsigned s;

	for (s = 0; s < r->fleet.count; s++)
		settle_one(r, s);
}

static int
job_take_back(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct refresh_lane *l = &((struct refresh *)arg)->lane[s];
	unsigned n = 0;

	while (n < l->n && !l->put[l->index[n]])
		n++;
	if (n > 0 && epoch_drop(store, l->guid, l->e, n, l->result, w) < 0)
		return -1;
	return epoch_undo(store, l->guid + n, l->n - n, l->run, w);
}

/*
 * What some stores have taken and others refuse is taken back, as far as it
 * goes: what stays is below the next epoch.
 */
static int
take_back(struct refresh *r, struct why *w)
{
	unsigned s, i, pass, any = 0;

	refresh_ask_nothing(r);
	for (s = 0; s < r->fleet.count; s++)
		for (pass = 0; pass < 2; pass++)
			for (i = 0; i < r->keys; i++) {
				struct refresh_lane *l = &r->lane[s];

				if (refresh_well(&r->key[i]) || !l->kept[i] ||
				    l->put[i] != (pass == 1))
					continue;
				refresh_ask(r, l, i, r->key[i].next);
				any++;
			}
	return any == 0 ? 0 : refresh_each(r, job_take_back, w);
}

int
refresh_stage(struct refresh *r, struct why *w)
{
	unsigned s, i, pass;

	refresh_ask_nothing(r);
	for (s = 0; s < r->fleet.count; s++) {
		struct refresh_lane *l = &r->lane[s];

		for (pass = 0; l->to && pass < 2; pass++)
			for (i = 0; i < r->keys; i++) {
				if (!refresh_well(&r->key[i]) ||
				    !r->key[i].made)
					continue;
				l->put[i] =
				    l->standing[i].has == STANDING_MISSING;
				if (l->put[i] == (pass == 1))
					refresh_ask(r, l, i, r->key[i].next);
			}
	}
	if (refresh_each(r, job_stage, w) < 0)
		return -1;
	for (s = 0; s < r->fleet.count; s++) {
		struct refresh_lane *l = &r->lane[s];

		for (i = 0; i < l->n; i++)
			l->kept[l->index[i]] = l->result[i] == EPOCH_DONE;
	}
	settle(r);
	return take_back(r, w);
}

static int
job_turn(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct refresh_lane *l = &((struct refresh *)arg)->lane[s];

	return epoch_switch(store, l->guid, l->e, l->n, l->result, w);
}

int
refresh_turn(struct refresh *r, struct why *w)
{
	unsigned s, i;

	refresh_ask_nothing(r);
	for (s = 0; s < r->fleet.count; s++)
		for (i = 0; r->lane[s].to && i < r->keys; i++)
			if (refresh_well(&r->key[i]) && r->key[i].made &&
			    !r->lane[s].put[i])
				refresh_ask(r, &r->lane[s], i, r->key[i].next);
	if (refresh_each(r, job_turn, w) < 0)
		return -1;
	settle(r);
	return 0;
}

static int
job_drop(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct refresh_lane *l = &((struct refresh *)arg)->lane[s];

	return epoch_drop(store, l->guid, l->e, l->n, l->result, w);
}

/*
 * Forget what the stores keep of key i beside what it is to have.  spare: an
 * epoch that stays, too.
 */
static void
drop_others(struct refresh *r, unsigned s, unsigned i, uint64_t spare)
{
	struct refresh_lane *l = &r->lane[s];
	const struct standing *at = &l->standing[i];
	uint64_t next = r->key[i].next;
	unsigned j;

	if (at->has != STANDING_THERE)
		return;
	if (spare == 0 && at->e != next)
		refresh_ask(r, l, i, at->e);
	for (j = 0; j < at->epochs; j++)
		if (at->epoch[j] != next && at->epoch[j] != spare)
			refresh_ask(r, l, i, at->epoch[j]);
}

/* A store keeps only so many: room for one more. */
int
refresh_make_room(struct refresh *r, struct why *w)
{
	unsigned s, i, any = 0;

	refresh_ask_nothing(r);
	for (s = 0; s < r->fleet.count; s++)
		for (i = 0; r->lane[s].to && i < r->keys; i++)
			if (refresh_well(&r->key[i]) && r->key[i].made &&
			    r->lane[s].standing[i].epochs > 2) {
				drop_others(r, s, i, r->key[i].is->e);
				any++;
			}
	if (any == 0)
		return 0;
	if (refresh_each(r, job_drop, w) < 0)
		return -1;
	settle(r);
	return 0;
}

int
refresh_clear(struct refresh *r, struct why *w)
{
	unsigned s, i;

	refresh_ask_nothing(r);
	for (s = 0; s < r->fleet.count; s++)
		for (i = 0; r->lane[s].to && i < r->keys; i++)
			if (refresh_well(&r->key[i]))
				drop_others(r, s, i, 0);
	if (refresh_each(r, job_drop, w) < 0)
		return -1;
	settle(r);
	return 0;
}

/*
 * At a store that is left the key goes for good; unless it is one of the new
 * stores under another name, which has the new epoch.
 */
static int
job_leave(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct refresh *r = arg;
	struct refresh_lane *l = &r->lane[s];
	struct line *ask = refresh_alloc(l->n, sizeof *ask);
	enum store_gone *gone = refresh_alloc(l->n, sizeof *gone);
	struct standing now;
	unsigned j, n = 0;
	int got;

	for (j = 0; j < l->n; j++)
		ask[j] = r->question[l->index[j]];
	got = l->n == 0 ? 0 : store_ask(store, "stat", ask, l->n, l->answer, w);
	for (j = 0; got == 0 && j < l->n; j++) {
		got = standing_read(
		    &now, store_x(store), r->threshold, &l->answer[j], w);
		if (got < 0 || now.has != STANDING_THERE ||
		    now.e >= r->key[l->index[j]].next)
			continue;
		l->index[n] = l->index[j];
		l->guid[n++] = l->guid[j];
	}
	if (got == 0 && n > 0)
		got = store_remove(store, l->guid, n, gone, w);
	for (j = 0; got == 0 && j < n; j++)
		l->result[j] =
		    gone[j] == STORE_GONE ? EPOCH_DONE : EPOCH_DENIED;
	l->n = got == 0 ? n : 0;
	free(ask);
	free(gone);
	return got;
}

/* Old shares that stay behind are of no use, if they are few. */
static void
count_left(struct refresh *r, unsigned i, const bool *stays)
{
	struct refresh_key *key = &r->key[i];
	bool seen[SHARE_N + 1] = { false };
	unsigned s, n = 0;

	for (s = 0; s < r->fleet.count; s++) {
		unsigned x = r->fleet.stores->store[s].x;

		if (!stays[s] || seen[x])
			continue;
		seen[x] = true;
		n++;
	}
	if (n >= key->is->k)
		why_set(&key->why, EXIT_FEW,
		    "%u of its old shares stay at stores that are left: "
		    "enough to open it",
		    n);
}

void
refresh_leave(struct refresh *r)
{
	unsigned s, i, j;
	bool *denied =
	    refresh_alloc((size_t)r->keys * r->fleet.count, sizeof *denied);

	refresh_ask_nothing(r);
	for (s = 0; s < r->fleet.count; s++)
		for (i = 0; !r->lane[s].to && i < r->keys; i++)
			if (refresh_well(&r->key[i]))
				refresh_ask(r, &r->lane[s], i, 0);
	fleet_each(&r->fleet, r->keys, job_leave, r);
	for (s = 0; s < r->fleet.count; s++) {
		struct refresh_lane *l = &r->lane[s];

		for (i = 0; !l->to && r->fleet.store[s] == NULL && i < r->keys;
		     i++)
			denied[i * r->fleet.count + s] = true;
		for (j = 0; !l->to && r->fleet.store[s] != NULL && j < l->n;
		     j++) {
			if (l->result[j] == EPOCH_DONE)
				continue;
			i = l->index[j];
			denied[i * r->fleet.count + s] = true;
			say_warning("%s: %s: does not let us remove its old "
				    "share",
			    r->key[i].guid, store_name(r->fleet.store[s]));
		}
	}
	for (i = 0; i < r->keys; i++)
		if (refresh_well(&r->key[i]))
			count_left(r, i, denied + i * r->fleet.count);
	free(denied);
}
