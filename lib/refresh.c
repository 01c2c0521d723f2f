#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hydra_api.h"
#include "refresh_impl.h"
#include "reshare.h"
#include "secret.h"

#define BATCH 500                   /* keys, at most */
#define SHARES 4096u                /* and shares of each kind: old, new */
#define ASKED (STANDING_EPOCHS + 1) /* what a store is asked about a key */

static unsigned
lanes_of(const struct stores *from, const struct stores *to)
{
	return from == to ? to->count : from->count + to->count;
}

static unsigned
batch_of(unsigned lanes)
{
	return SHARES / lanes < BATCH ? SHARES / lanes : BATCH;
}

/* As the secure heap gives it: a power of two. */
static size_t
rounded(size_t n)
{
	size_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

size_t
refresh_secret(const struct stores *from, const struct stores *to)
{
	unsigned lanes = lanes_of(from, to), s, here = 0;

	for (s = 0; s < from->count; s++)
		here += strncmp(from->store[s].url, "https:", 6) != 0;
	for (s = 0; from != to && s < to->count; s++)
		here += strncmp(to->store[s].url, "https:", 6) != 0;
	return (1u << 17) +
	       3 * lanes * rounded(batch_of(lanes) * sizeof(struct share)) +
	       here * (size_t)(HYDRA_SECRET / 2) +
	       (lanes - here < 4 ? lanes - here : 4) * (size_t)STORE_SECRET;
}

static void *
make(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

static void
lane_init(struct refresh_lane *l, unsigned batch)
{
	unsigned i, most = batch * ASKED;

	l->answer = make(batch, sizeof *l->answer);
	for (i = 0; i < batch; i++)
		line_init(&l->answer[i], false);
	l->standing = make(batch, sizeof *l->standing);
	l->old = secret_alloc(batch * sizeof *l->old);
	l->new = secret_alloc(batch * sizeof *l->new);
	l->found = make(batch, sizeof *l->found);
	l->put = make(batch, sizeof *l->put);
	l->kept = make(batch, sizeof *l->kept);
	l->index = make(most, sizeof *l->index);
	l->guid = make(most, sizeof *l->guid);
	l->e = make(most, sizeof *l->e);
	l->share = make(most, sizeof *l->share);
	l->right = make(most, sizeof *l->right);
	l->result = make(most, sizeof *l->result);
	secret_random(l->run, sizeof l->run);
}

static void
lane_free(struct refresh_lane *l, unsigned batch)
{
	unsigned i;

	for (i = 0; i < batch; i++)
		line_free(&l->answer[i]);
	free(l->answer);
	free(l->standing);
	secret_free(l->old, batch * sizeof *l->old);
	secret_free(l->new, batch * sizeof *l->new);
	free(l->found);
	free(l->put);
	free(l->kept);
	free(l->index);
	free(l->guid);
	free(l->e);
	free(l->share);
	free(l->right);
	free(l->result);
}

static char *
copy(const char *s)
{
	char *p = strdup(s);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

/* A place for the store in the list of all: a new one, or where it is. */
static unsigned
place(struct stores *all, const struct stores_one *one)
{
	struct stores_one *at;
	unsigned s;

	for (s = 0; s < all->count; s++)
		if (all->store[s].x == one->x &&
		    strcmp(all->store[s].url, one->url) == 0)
			return s;
	at = &all->store[all->count++];
	at->x = one->x;
	at->url = copy(one->url);
	at->operator= copy(one->operator);
	at->pin = copy(one->pin);
	return s;
}

/* The stores of both lists; each with what it is to us. */
static struct stores *
all_stores(
    struct refresh *r, const struct stores *from, const struct stores *to)
{
	struct stores *all = make(1, sizeof *all);
	unsigned i, s;

	all->threshold = r->threshold;
	for (i = 0; i < to->count; i++) {
		s = place(all, &to->store[i]);
		r->lane[s].to =
		    r->how.rebuild == 0 || r->how.rebuild == to->store[i].x;
		r->lane[s].from = r->how.rebuild != 0;
	}
	for (i = 0; i < from->count; i++)
		r->lane[place(all, &from->store[i])].from = true;
	return all;
}

/* A store that is not there yet is made by those who are to fill it. */
static int
create(const struct refresh *r, const struct stores *all, struct why *w)
{
	const struct stores_one *one;
	struct store *store;
	unsigned s;

	for (s = 0; s < all->count; s++) {
		one = &all->store[s];
		if (!r->lane[s].to || (r->lane[s].from && !r->how.rebuild))
			continue;
		store = store_open(one->x, one->url, one->pin, true, w);
		if (store == NULL)
			return -1;
		store_close(store);
	}
	return 0;
}

static void
say_lost(struct fleet *f, unsigned s, const struct why *w)
{
	(void)f;
	(void)s;
	say_warning("%s", w->text);
}

/* Do all that have to take shares answer? */
static int
all_there(const struct refresh *r, struct why *w)
{
	unsigned s;

	for (s = 0; s < r->fleet.count; s++)
		if (r->lane[s].to && r->fleet.store[s] == NULL)
			return why_set(w, fleet_code(&r->fleet),
			    "store %u has to take shares, and does not",
			    r->fleet.stores->store[s].x);
	return 0;
}

static int
each(struct refresh *r, fleet_job *job, struct why *w)
{
	fleet_each(&r->fleet, r->keys, job, r);
	return all_there(r, w);
}

static int
set_up(struct refresh *r, const struct stores *from, const struct stores *to,
    struct why *w)
{
	struct stores *all;
	unsigned s, i, takers = 0;

	if (from->count + to->count > 255)
		return why_set(w, EXIT_USAGE, "more than 255 stores");
	all = all_stores(r, from, to);
	for (s = 0; s < all->count; s++)
		takers += r->lane[s].to;
	if (takers == 0 || (r->how.create && create(r, all, w) < 0)) {
		stores_free(all);
		return takers ? -1
			      : why_set(w, EXIT_USAGE,
				    "no store %u in the list", r->how.rebuild);
	}
	r->batch = batch_of(all->count);
	r->key = make(r->batch, sizeof *r->key);
	r->question = make(r->batch, sizeof *r->question);
	for (i = 0; i < r->batch; i++)
		line_init(&r->question[i], false);
	for (s = 0; s < all->count; s++)
		lane_init(&r->lane[s], r->batch);
	r->fleet.say = say_lost;
	fleet_open(&r->fleet, all, false);
	return all_there(r, w);
}

struct refresh *
refresh_open(const struct stores *from, const struct stores *to,
    const struct refresh_how *how, struct why *w)
{
	struct refresh *r = make(1, sizeof *r);

	r->how = *how;
	r->k = to->threshold;
	r->n = stores_n(to);
	r->threshold =
	    from->threshold < to->threshold ? from->threshold : to->threshold;
	if (set_up(r, from, to, w) == 0)
		return r;
	refresh_free(r);
	return NULL;
}

static void forget(struct refresh *r);

void
refresh_free(struct refresh *r)
{
	unsigned s, i;

	if (r == NULL)
		return;
	forget(r);
	for (i = 0; i < r->batch; i++)
		line_free(&r->question[i]);
	free(r->question);
	free(r->key);
	for (s = 0; s < r->fleet.count; s++)
		lane_free(&r->lane[s], r->batch);
	if (r->fleet.stores != NULL)
		fleet_close(&r->fleet);
	free(r);
}

unsigned
refresh_batch(const struct refresh *r)
{
	return r->batch;
}

/* The batch before. */
static void
forget(struct refresh *r)
{
	unsigned s, i;

	for (s = 0; s < r->fleet.count; s++) {
		struct refresh_lane *l = &r->lane[s];

		for (i = 0; i < r->keys; i++)
			if (l->found[i] == STORE_FOUND)
				share_drop(&l->old[i]);
		secret_clear(l->new, r->keys * sizeof *l->new);
	}
	for (i = 0; i < r->keys; i++) {
		free(r->key[i].commit);
		acl_free(&r->key[i].right);
	}
	r->keys = 0;
}

static void
begin(struct refresh *r, const char *const *guid, unsigned n)
{
	unsigned s, i;

	forget(r);
	r->keys = n;
	memset(r->key, 0, n * sizeof *r->key);
	for (i = 0; i < n; i++) {
		memcpy(r->key[i].guid, guid[i], SHARE_ID + 1);
		acl_init(&r->key[i].right);
		line_reset(&r->question[i]);
		line_set_name_word(&r->question[i], guid[i]);
	}
	for (s = 0; s < r->fleet.count; s++) {
		struct refresh_lane *l = &r->lane[s];

		for (i = 0; i < n; i++)
			l->found[i] = STORE_MISSING;
		memset(l->put, 0, n * sizeof *l->put);
		memset(l->kept, 0, n * sizeof *l->kept);
	}
}

static int
job_look(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct refresh *r = arg;
	struct refresh_lane *l = &r->lane[s];
	unsigned i;
	int got;

	got = store_ask(store, "stat", r->question, r->keys, l->answer, w);
	for (i = 0; got == 0 && i < r->keys; i++)
		got = standing_read(&l->standing[i], store_x(store),
		    r->threshold, &l->answer[i], w);
	return got;
}

/* Add key i to what the lane's store is asked. */
static void
add(struct refresh *r, struct refresh_lane *l, unsigned i, uint64_t e)
{
	l->index[l->n] = i;
	l->guid[l->n] = r->key[i].guid;
	l->share[l->n] = &l->new[i];
	l->right[l->n] = &r->key[i].right;
	l->e[l->n++] = e;
}

static int
job_gather(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct refresh_lane *l = &((struct refresh *)arg)->lane[s];
	enum store_found *found = make(l->n, sizeof *found);
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
		add(r, l, i, key->is->e);
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
		key->commit = make(SHARE_N, SHARE_TAG);
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

static void
clear_requests(struct refresh *r)
{
	unsigned s;

	for (s = 0; s < r->fleet.count; s++)
		r->lane[s].n = 0;
}

/* Is there something to do for key i? */
static bool
to_make(const struct refresh *r, unsigned i)
{
	return refresh_well(&r->key[i]) && r->key[i].anew && !r->key[i].made;
}

static int
gather_and_make(struct refresh *r, struct why *w)
{
	unsigned i, round;

	for (round = 0; round < 2; round++) {
		clear_requests(r);
		for (i = 0; i < r->keys; i++)
			if (to_make(r, i))
				ask_for(r, i, round > 0);
		if (each(r, job_gather, w) < 0)
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
	struct line *ask = make(r->keys, sizeof *ask);
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

static int
learn_rights(struct refresh *r, struct why *w)
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
	return all_there(r, w);
}

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
settle(struct refresh *r, unsigned s)
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

	clear_requests(r);
	for (s = 0; s < r->fleet.count; s++)
		for (pass = 0; pass < 2; pass++)
			for (i = 0; i < r->keys; i++) {
				struct refresh_lane *l = &r->lane[s];

				if (refresh_well(&r->key[i]) || !l->kept[i] ||
				    l->put[i] != (pass == 1))
					continue;
				add(r, l, i, r->key[i].next);
				any++;
			}
	return any == 0 ? 0 : each(r, job_take_back, w);
}

static int
stage(struct refresh *r, struct why *w)
{
	unsigned s, i, pass;

	clear_requests(r);
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
					add(r, l, i, r->key[i].next);
			}
	}
	if (each(r, job_stage, w) < 0)
		return -1;
	for (s = 0; s < r->fleet.count; s++) {
		struct refresh_lane *l = &r->lane[s];

		for (i = 0; i < l->n; i++)
			l->kept[l->index[i]] = l->result[i] == EPOCH_DONE;
		settle(r, s);
	}
	return take_back(r, w);
}

static int
job_turn(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct refresh_lane *l = &((struct refresh *)arg)->lane[s];

	return epoch_switch(store, l->guid, l->e, l->n, l->result, w);
}

static int
turn(struct refresh *r, struct why *w)
{
	unsigned s, i;

	clear_requests(r);
	for (s = 0; s < r->fleet.count; s++)
		for (i = 0; r->lane[s].to && i < r->keys; i++)
			if (refresh_well(&r->key[i]) && r->key[i].made &&
			    !r->lane[s].put[i])
				add(r, &r->lane[s], i, r->key[i].next);
	if (each(r, job_turn, w) < 0)
		return -1;
	for (s = 0; s < r->fleet.count; s++)
		settle(r, s);
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
		add(r, l, i, at->e);
	for (j = 0; j < at->epochs; j++)
		if (at->epoch[j] != next && at->epoch[j] != spare)
			add(r, l, i, at->epoch[j]);
}

/* A store keeps only so many: room for one more. */
static int
make_room(struct refresh *r, struct why *w)
{
	unsigned s, i, any = 0;

	clear_requests(r);
	for (s = 0; s < r->fleet.count; s++)
		for (i = 0; r->lane[s].to && i < r->keys; i++)
			if (refresh_well(&r->key[i]) && r->key[i].made &&
			    r->lane[s].standing[i].epochs > 2) {
				drop_others(r, s, i, r->key[i].is->e);
				any++;
			}
	if (any == 0)
		return 0;
	if (each(r, job_drop, w) < 0)
		return -1;
	for (s = 0; s < r->fleet.count; s++)
		settle(r, s);
	return 0;
}

static int
clear(struct refresh *r, struct why *w)
{
	unsigned s, i;

	clear_requests(r);
	for (s = 0; s < r->fleet.count; s++)
		for (i = 0; r->lane[s].to && i < r->keys; i++)
			if (refresh_well(&r->key[i]))
				drop_others(r, s, i, 0);
	if (each(r, job_drop, w) < 0)
		return -1;
	for (s = 0; s < r->fleet.count; s++)
		settle(r, s);
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
	struct line *ask = make(l->n, sizeof *ask);
	enum store_gone *gone = make(l->n, sizeof *gone);
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

static void
leave(struct refresh *r)
{
	unsigned s, i, j;
	bool *denied = make((size_t)r->keys * r->fleet.count, sizeof *denied);

	clear_requests(r);
	for (s = 0; s < r->fleet.count; s++)
		for (i = 0; !r->lane[s].to && i < r->keys; i++)
			if (refresh_well(&r->key[i]))
				add(r, &r->lane[s], i, 0);
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

int
refresh_keys(
    struct refresh *r, const char *const *guid, unsigned n, struct why *w)
{
	unsigned i;

	begin(r, guid, n);
	if (each(r, job_look, w) < 0)
		return -1;
	for (i = 0; i < n; i++)
		refresh_plan(r, i);
	if (gather_and_make(r, w) < 0 || learn_rights(r, w) < 0 ||
	    make_room(r, w) < 0 || stage(r, w) < 0 || turn(r, w) < 0 ||
	    clear(r, w) < 0)
		return -1;
	if (r->how.rebuild == 0)
		leave(r);
	return 0;
}

int
refresh_ack(const struct refresh *r, unsigned i, struct line *l, struct why *w)
{
	const struct refresh_key *key = &r->key[i];
	char list[FLEET_LIST];
	bool has[255] = { false };
	unsigned s, n = 0;

	if (!refresh_well(key)) {
		*w = key->why;
		return -1;
	}
	for (s = 0; s < r->fleet.count; s++) {
		has[s] = r->lane[s].to ||
			 (r->how.rebuild != 0 && r->fleet.store[s] != NULL &&
			     standing_same(&r->lane[s].standing[i], key->is));
		n += has[s];
	}
	line_reset(l);
	line_set_name_word(l, key->guid);
	line_set_number(l, "ack", n);
	line_set_word(l, "stores", fleet_list(&r->fleet, has, list));
	line_set_number(l, "e", key->next);
	return 0;
}
