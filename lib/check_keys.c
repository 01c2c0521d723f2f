#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "merge.h"
#include "progress.h"
#include "saved.h"
#include "word.h"

#define PAGE 1000

/* One store's keys, in order. */
struct side {
	struct store *store;
	struct store_item page[PAGE];
	unsigned n, at; /* of page: how many, and those that were given */
	bool begun;
};

/* The stores, then the catalogue's GUIDs, then the list of garbage. */
struct look {
	struct check *c;
	unsigned stores;
	struct side *side;
	struct merge_stream *stream; /* stores + 2 */
	struct check_guids *guids;
	struct quarantine *list;
	const struct line *past;
	bool has[255];
	unsigned long total, due;
};

static int
next_key(void *arg, const char **key, struct why *w)
{
	struct side *s = arg;
	char after[SHARE_ID + 1] = "";

	if (s->at == s->n && (!s->begun || s->n == PAGE)) {
		if (s->begun)
			strcpy(after, s->page[s->n - 1].guid);
		if (store_list(s->store, after, s->page, PAGE, &s->n, w) < 0)
			return -1;
		s->at = 0;
		s->begun = true;
	}
	if (s->at == s->n)
		return 0;
	*key = s->page[s->at++].guid;
	return 1;
}

static int
next_past(void *arg, const char **key, struct why *w)
{
	struct look *k = arg;
	int got = quarantine_next(k->list, &k->past, w);

	if (got > 0)
		*key = k->past->name;
	return got;
}

/* Has this store a share of it?  1, 0, -1. */
static int
has_share(struct store *s, const char *guid, struct why *w)
{
	char after[SHARE_ID + 1];
	struct store_item one;
	unsigned got;
	int i;

	/* What comes just before it: the GUID minus one. */
	snprintf(after, sizeof after, "%s", guid);
	for (i = (int)strlen(after) - 1; i >= 0 && after[i] == '0'; i--)
		after[i] = 'f';
	if (i < 0)
		after[0] = '\0';
	else
		after[i] = after[i] == 'a' ? '9' : (char)(after[i] - 1);
	if (store_list(s, after, &one, 1, &got, w) < 0)
		return -1;
	return got == 1 && strcmp(one.guid, guid) == 0;
}

int
check_has_share(
    struct check *c, const char *guid, bool *has, unsigned *n, struct why *w)
{
	unsigned i;
	int got;

	for (i = *n = 0; i < c->stores->count; i++) {
		if ((got = has_share(c->store[i], guid, w)) < 0)
			return -1;
		has[i] = got;
		*n += has[i];
	}
	return 0;
}

static void
name_stores(struct look *k, const bool *has)
{
	char text[1024] = "-";
	unsigned i, n = 0;

	for (i = 0; i < k->stores; i++)
		if (has[i])
			n += (unsigned)sprintf(text + n, "%s%u", n ? "," : "",
			    store_x(k->c->store[i]));
	line_set_word(&k->c->found, "stores", text);
}

/* A key that not every store has a share of: whose is it? */
static int
weak(struct look *k, const char *guid, struct why *w)
{
	char lfn[CHECK_SURL];
	unsigned char raw[16];
	bool has[255];
	unsigned n;
	int got;

	if (check_has_share(k->c, guid, has, &n, w) < 0)
		return -1;
	if (n == k->stores)
		return 0;
	strcpy(lfn, guid);
	if (!saved_is(guid)) {
		hex_decode(raw, sizeof raw, guid);
		if ((got = check_lfn(k->c, raw, lfn, w)) <= 0)
			return got;
	}
	check_found(
	    k->c, lfn, n < k->c->stores->threshold ? "keyless" : "weak");
	line_set_word(&k->c->found, "guid", guid);
	name_stores(k, has);
	return k->c->report(k->c, w);
}

/* A key that no entry has: onto the list. */
static int
orphan(struct look *k, const char *guid, const struct line *past, struct why *w)
{
	struct check *c = k->c;
	struct line *l = &c->found;
	long long made = 0, since = c->now;
	unsigned long long t;
	struct why ignored;
	unsigned i;
	int got;

	for (i = 0; i < k->stores; i++)
		if (k->has[i] &&
		    k->side[i].page[k->side[i].at - 1].created > made)
			made = k->side[i].page[k->side[i].at - 1].created;
	if ((got = check_has_guid(c, guid, w)) != 0)
		return got < 0 ? -1 : 0;
	if (past != NULL && line_number(past, "since", &t, &ignored) == 0 &&
	    (long long)t < since)
		since = (long long)t;
	check_found(c, guid, "orphan");
	line_set_number(l, "created", (unsigned long long)made);
	name_stores(k, k->has);
	line_set_number(l, "since", (unsigned long long)since);
	k->due += check_due(c, made, since);
	return quarantine_add(k->list, l, w);
}

/*
 * A saved manifest that has a key: has it a ciphertext too?  If not, its run
 * died, or it is lost; either way the key is of no use, unless it is on a
 * storage that we were not shown.
 */
static int
saved(struct look *k, const char *guid, unsigned n, const struct line *past,
    struct why *w)
{
	unsigned long long size;
	char path[GRID_PATH];
	long long mtime;
	unsigned i;
	int got = 0;

	if (k->c->grids == 0)
		return n < k->stores ? weak(k, guid, w) : 0;
	if (grid_object(guid, path, w) < 0)
		return -1;
	for (i = 0; i < k->c->grids && got == 0; i++)
		if ((got = grid_stat(k->c->grid[i], path, &size, &mtime, w)) <
		    0)
			return -1;
	if (got > 0)
		return n < k->stores ? weak(k, guid, w) : 0;
	if (k->c->everywhere)
		return orphan(k, guid, past, w);
	check_found(k->c, guid, "lost");
	line_set_word(&k->c->found, "guid", guid);
	return k->c->report(k->c, w);
}

static int
compare(struct look *k, struct why *w)
{
	struct merge_stream *entry = &k->stream[k->stores], *past = entry + 1;
	struct merge m;
	const char *guid;
	unsigned i, n;
	int got, ok = 0;

	merge_begin(&m, k->stream, k->stores + 2);
	while (ok == 0 && (got = merge_next(&m, &guid, w)) > 0) {
		for (i = n = 0; i < k->stores; i++)
			n += k->has[i] = k->stream[i].here;
		k->total += n > 0;
		progress_add(1, 0);
		if (entry->here)
			ok = n < k->stores ? weak(k, guid, w) : 0;
		else if (n > 0 && saved_is(guid))
			ok = saved(k, guid, n, past->here ? k->past : NULL, w);
		else if (n > 0)
			ok = orphan(k, guid, past->here ? k->past : NULL, w);
	}
	merge_end(&m);
	return ok < 0 || got < 0 ? -1 : quarantine_turn(k->list, w);
}

/* Destroy the n keys of l, each where it is; then say what came of it. */
static int
destroy(struct look *k, struct line *l, unsigned n, struct why *w)
{
	const char *guid[CHECK_BATCH];
	enum store_gone gone[CHECK_BATCH];
	bool kept[CHECK_BATCH] = { false };
	unsigned i, s, few, of[CHECK_BATCH];

	for (s = 0; s < k->stores; s++) {
		for (i = few = 0; i < n; i++) {
			int got = has_share(k->c->store[s], l[i].name, w);

			if (got < 0)
				return -1;
			if (got > 0) {
				of[few] = i;
				guid[few++] = l[i].name;
			}
		}
		if (few > 0 &&
		    store_remove(k->c->store[s], guid, few, gone, w) < 0) {
			say_error("%s", w->text);
			k->c->failures++;
			for (i = 0; i < few; i++)
				gone[i] = STORE_KEPT;
		}
		for (i = 0; i < few; i++)
			kept[of[i]] |= gone[i] == STORE_KEPT;
	}
	for (i = 0; i < n; i++) {
		line_copy(&k->c->found, &l[i]);
		if (kept[i])
			line_set_word(&k->c->found, "kept", "error");
		else
			line_set_word(&k->c->found, "done", "removed");
		if (k->c->report(k->c, w) < 0)
			return -1;
	}
	return 0;
}

/* May this one go?  1: into the batch; 0: it stays, and is said to; -1. */
static int
goes(struct look *k, const struct line *l, long long horizon, struct why *w)
{
	struct check *c = k->c;
	unsigned long long made, since;
	const char *kept;
	int got;

	if (line_number(l, "created", &made, w) < 0 ||
	    line_number(l, "since", &since, w) < 0)
		return -1;
	kept = check_kept(c, (long long)made, (long long)since, horizon);
	if (c->repair && kept == NULL) {
		if ((got = check_has_guid(c, l->name, w)) != 0)
			return got < 0 ? -1 : 0;
		return 1;
	}
	line_copy(&c->found, l);
	if (c->repair)
		line_set_word(&c->found, "kept", kept);
	return c->report(c, w);
}

static int
sweep(struct look *k, struct why *w)
{
	static struct line batch[CHECK_BATCH];
	const struct line *l;
	long long horizon;
	unsigned n = 0;
	int got, go;

	check_too_many(k->c, "keys", k->due, k->total);
	if (check_horizon(k->c, &horizon, w) < 0)
		return -1;
	while ((got = quarantine_next(k->list, &l, w)) > 0) {
		if ((go = goes(k, l, horizon, w)) < 0)
			return -1;
		if (go > 0)
			line_copy(&batch[n++], l);
		if (n == CHECK_BATCH) {
			if (destroy(k, batch, n, w) < 0)
				return -1;
			n = 0;
		}
	}
	return got < 0 ? -1 : destroy(k, batch, n, w);
}

int
check_keys(struct check *c, struct why *w)
{
	struct look *k = calloc(1, sizeof *k);
	unsigned i, n = c->stores->count;
	int r = -1;

	if (k == NULL || (k->side = calloc(n, sizeof *k->side)) == NULL ||
	    (k->stream = calloc(n + 2, sizeof *k->stream)) == NULL)
		die(EXIT_IO, "out of memory");
	k->c = c;
	k->stores = n;
	for (i = 0; i < n; i++) {
		k->side[i].store = c->store[i];
		k->stream[i] = (struct merge_stream){ .next = next_key,
			.arg = &k->side[i],
			.what = store_name(c->store[i]) };
	}
	k->guids = check_guids_new(c);
	k->stream[n] = (struct merge_stream){ .next = check_guids_next,
		.arg = k->guids,
		.what = "the catalogue" };
	k->stream[n + 1] = (struct merge_stream){
		.next = next_past, .arg = k, .what = "the list of garbage"
	};
	if ((k->list = check_list(c, "keys", w)) != NULL && compare(k, w) == 0)
		r = sweep(k, w);
	quarantine_free(k->list);
	check_guids_free(k->guids);
	free(k->stream);
	free(k->side);
	free(k);
	return r;
}
