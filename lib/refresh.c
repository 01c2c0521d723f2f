#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hydra_api.h"
#include "refresh_impl.h"
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

void *
refresh_alloc(size_t n, size_t size)
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

	l->answer = refresh_alloc(batch, sizeof *l->answer);
	for (i = 0; i < batch; i++)
		line_init(&l->answer[i], false);
	l->standing = refresh_alloc(batch, sizeof *l->standing);
	l->old = secret_alloc(batch * sizeof *l->old);
	l->new = secret_alloc(batch * sizeof *l->new);
	l->found = refresh_alloc(batch, sizeof *l->found);
	l->put = refresh_alloc(batch, sizeof *l->put);
	l->kept = refresh_alloc(batch, sizeof *l->kept);
	l->index = refresh_alloc(most, sizeof *l->index);
	l->guid = refresh_alloc(most, sizeof *l->guid);
	l->e = refresh_alloc(most, sizeof *l->e);
	l->share = refresh_alloc(most, sizeof *l->share);
	l->right = refresh_alloc(most, sizeof *l->right);
	l->result = refresh_alloc(most, sizeof *l->result);
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
	struct stores *all = refresh_alloc(1, sizeof *all);
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
int
refresh_all_there(const struct refresh *r, struct why *w)
{
	unsigned s;

	for (s = 0; s < r->fleet.count; s++)
		if (r->lane[s].to && r->fleet.store[s] == NULL)
			return why_set(w, fleet_code(&r->fleet),
			    "store %u has to take shares, and does not",
			    r->fleet.stores->store[s].x);
	return 0;
}

int
refresh_each(struct refresh *r, fleet_job *job, struct why *w)
{
	fleet_each(&r->fleet, r->keys, job, r);
	return refresh_all_there(r, w);
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
	r->key = refresh_alloc(r->batch, sizeof *r->key);
	r->question = refresh_alloc(r->batch, sizeof *r->question);
	for (i = 0; i < r->batch; i++)
		line_init(&r->question[i], false);
	for (s = 0; s < all->count; s++)
		lane_init(&r->lane[s], r->batch);
	r->fleet.say = say_lost;
	fleet_open(&r->fleet, all, false);
	return refresh_all_there(r, w);
}

struct refresh *
refresh_open(const struct stores *from, const struct stores *to,
    const struct refresh_how *how, struct why *w)
{
	struct refresh *r = refresh_alloc(1, sizeof *r);

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
void
refresh_ask(struct refresh *r, struct refresh_lane *l, unsigned i, uint64_t e)
{
	l->index[l->n] = i;
	l->guid[l->n] = r->key[i].guid;
	l->share[l->n] = &l->new[i];
	l->right[l->n] = &r->key[i].right;
	l->e[l->n++] = e;
}

void
refresh_ask_nothing(struct refresh *r)
{
	unsigned s;

	for (s = 0; s < r->fleet.count; s++)
		r->lane[s].n = 0;
}

int
refresh_keys(
    struct refresh *r, const char *const *guid, unsigned n, struct why *w)
{
	unsigned i;

	begin(r, guid, n);
	if (refresh_each(r, job_look, w) < 0)
		return -1;
	for (i = 0; i < n; i++)
		refresh_plan(r, i);
	if (refresh_gather(r, w) < 0 || refresh_learn_rights(r, w) < 0 ||
	    refresh_make_room(r, w) < 0 || refresh_stage(r, w) < 0 ||
	    refresh_turn(r, w) < 0 || refresh_clear(r, w) < 0)
		return -1;
	if (r->how.rebuild == 0)
		refresh_leave(r);
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
