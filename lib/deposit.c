#include <stdlib.h>
#include <string.h>

#include "deposit.h"
#include "secret.h"

#define BATCH 1000   /* keys, at most */
#define SHARES 8192u /* shares, at most */

/* What goes to one store. */
struct lane {
	struct share *share; /* secure; [i]: of key i, n = 0: there is none */

	/* The last put. */
	unsigned n;
	const struct share *put[BATCH];
	unsigned index[BATCH]; /* which key each of put is of */
	enum store_put result[BATCH];
	bool done[BATCH]; /* of key i, and there is a result: */
	enum store_put of[BATCH];

	/* The last undo. */
	const char *guid[BATCH];
	unsigned guids;
	struct why left; /* why some stay behind; code 0: none do */
};

struct deposit {
	struct fleet *fleet;
	const char *owner, *group;
	unsigned max;
	struct lane lane[]; /* one for each store */
};

unsigned
deposit_max(const struct fleet *f)
{
	return SHARES / f->count < BATCH ? SHARES / f->count : BATCH;
}

struct deposit *
deposit_new(struct fleet *f, const char *owner, const char *group)
{
	struct deposit *d = calloc(1, sizeof *d + f->count * sizeof *d->lane);
	unsigned s;

	if (d == NULL)
		die(EXIT_IO, "out of memory");
	d->fleet = f;
	d->owner = owner;
	d->group = group;
	d->max = deposit_max(f);
	for (s = 0; s < f->count; s++)
		d->lane[s].share =
		    secret_alloc(d->max * sizeof *d->lane[s].share);
	return d;
}

void
deposit_free(struct deposit *d)
{
	unsigned s, i;

	for (s = 0; s < d->fleet->count; s++) {
		for (i = 0; i < d->max; i++)
			share_drop(&d->lane[s].share[i]);
		secret_free(
		    d->lane[s].share, d->max * sizeof *d->lane[s].share);
	}
	free(d);
}

bool
deposit_add(struct deposit *d, unsigned i, struct share *given)
{
	const struct stores *list = d->fleet->stores;
	unsigned s;

	for (s = 0; s < list->count && list->store[s].x != given->x; s++)
		;
	if (s == list->count) {
		share_drop(given);
		return true;
	}
	if (d->lane[s].share[i].n != 0)
		return false;
	d->lane[s].share[i] = *given;
	return true;
}

static int
put_lane(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct deposit *d = arg;
	struct lane *l = &d->lane[s];
	unsigned i;

	if (l->n > 0 && store_put(store, l->put, l->n, d->owner, d->group,
			    l->result, w) < 0)
		return -1;
	for (i = 0; i < l->n; i++) {
		l->done[l->index[i]] = true;
		l->of[l->index[i]] = l->result[i];
	}
	return 0;
}

void
deposit_put(struct deposit *d, unsigned m, const bool *skip)
{
	unsigned s, i;

	for (s = 0; s < d->fleet->count; s++) {
		struct lane *l = &d->lane[s];

		l->n = 0;
		memset(l->done, 0, sizeof l->done);
		for (i = 0; i < m; i++)
			if (!skip[i] && l->share[i].n != 0) {
				l->index[l->n] = i;
				l->put[l->n++] = &l->share[i];
			}
	}
	fleet_each(d->fleet, m, put_lane, d);
}

bool
deposit_has(const struct deposit *d, unsigned s, unsigned i)
{
	const struct lane *l = &d->lane[s];

	return l->done[i] && (l->of[i] == STORE_NEW || l->of[i] == STORE_SAME);
}

bool
deposit_refused(const struct deposit *d, unsigned i, struct why *w)
{
	static const char *const text[] = {
		[STORE_OTHER] = "has another share of it",
		[STORE_REMOVED] = "has removed it, for ever",
		[STORE_FORBIDDEN] = "does not let us create keys",
		[STORE_WRONG] = "finds its share wrong",
	};
	static const int code[] = {
		[STORE_OTHER] = EXIT_NO,
		[STORE_REMOVED] = EXIT_NO,
		[STORE_FORBIDDEN] = EXIT_DENIED,
		[STORE_WRONG] = EXIT_DATA,
	};
	unsigned s;

	for (s = 0; s < d->fleet->count; s++)
		if (d->lane[s].done[i] && !deposit_has(d, s, i)) {
			why_set(w, code[d->lane[s].of[i]], "%s: %s",
			    store_name(d->fleet->store[s]),
			    text[d->lane[s].of[i]]);
			return true;
		}
	return false;
}

/* That a store cannot undo is no reason not to ask it for more. */
static int
undo_lane(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct lane *l = &((struct deposit *)arg)->lane[s];

	(void)w;
	if (l->guids > 0 && store_undo(store, l->guid, l->guids, &l->left) == 0)
		l->left.code = 0;
	return 0;
}

void
deposit_undo(struct deposit *d, const bool *undo)
{
	unsigned s, i, all = 0;

	for (s = 0; s < d->fleet->count; s++) {
		struct lane *l = &d->lane[s];

		l->guids = 0;
		l->left.code = 0;
		for (i = 0; i < d->max; i++)
			if (undo[i] && l->done[i] && l->of[i] == STORE_NEW)
				l->guid[l->guids++] = l->share[i].guid;
		all += l->guids;
	}
	if (all > 0)
		fleet_each(d->fleet, all, undo_lane, d);
	for (s = 0; s < d->fleet->count; s++)
		if (d->lane[s].left.code != 0)
			say_warning("%s; shares that were not acknowledged "
				    "stay behind",
			    d->lane[s].left.text);
}

void
deposit_shift(struct deposit *d, unsigned m, unsigned left)
{
	unsigned s, i;

	for (s = 0; s < d->fleet->count; s++) {
		struct share *at = d->lane[s].share;

		for (i = 0; i < m; i++)
			share_drop(&at[i]);
		memmove(at, at + m, left * sizeof *at);
		memset(at + left, 0, m * sizeof *at);
	}
}
