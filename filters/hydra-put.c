/* hydra-put: store each share in its key store; say so when it is durable */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"
#include "store.h"
#include "stores.h"

static const char *stores_file, *owner, *group;
static int quorum, create;

static const struct poptOption options[] = {
	{ "stores", '\0', POPT_ARG_STRING, &stores_file, 0,
	    "the list of key stores (default: $MDM_STORES)", "FILE" },
	{ "create", '\0', POPT_ARG_NONE, &create, 0,
	    "make the stores that do not exist yet", NULL },
	{ "quorum", '\0', POPT_ARG_INT, &quorum, 0,
	    "stores that must have a share (default: all)", "N" },
	{ "owner", '\0', POPT_ARG_STRING, &owner, 0, "whom new keys belong to",
	    "DN" },
	{ "group", '\0', POPT_ARG_STRING, &group, 0, "and which group",
	    "FQAN" },
	OPT_COMMON
};

#define BATCH 1000   /* keys, at most */
#define SHARES 8192u /* shares, at most */

/* Keys that have come and are not acknowledged yet. */
static struct key {
	char guid[SHARE_ID + 1];
	unsigned n;    /* shares it should have */
	unsigned came; /* shares it has */
	bool bad;      /* said already: goes nowhere */
} key[BATCH];
static unsigned keys, max_keys;

/* One store and what it is to do with the batch. */
static struct lane {
	struct store *store; /* NULL: does not answer */
	struct share
	    *share; /* secure; [i]: of key[i], n = 0 if there is none */
	const struct share *put[BATCH];
	unsigned index[BATCH]; /* which key each of put is of */
	enum store_put result[BATCH];
	unsigned n;
	bool has[BATCH]; /* key i is durable there */
	int failed;
	struct why why;
} * lane;

static struct stores *stores;
static struct lineout *out;
static unsigned lost_stores;
static struct why first_lost;

static void
lost(struct lane *a, const struct why *w)
{
	if (lost_stores++ == 0)
		first_lost = *w;
	store_close(a->store);
	a->store = NULL;
	if (quorum == 0 || stores->count - lost_stores < (unsigned)quorum)
		return; /* whoever sees that not enough are left says it */
	say_warning("%s", w->text);
}

/* Too few stores are left to acknowledge anything more. */
static void
give_up(void)
{
	die(first_lost.code == EXIT_RETRY    ? EXIT_RETRY
	    : first_lost.code == EXIT_DATA   ? EXIT_DATA
	    : first_lost.code == EXIT_DENIED ? EXIT_DENIED
					     : EXIT_FEW,
	    "%s", first_lost.text);
}

static bool
enough_stores(void)
{
	return stores->count - lost_stores >=
	       (quorum ? (unsigned)quorum : stores->count);
}

static void
open_stores(void)
{
	struct why w;
	unsigned s;

	if ((stores = stores_load(stores_file, true, &w)) == NULL)
		die_why(&w);
	if (quorum != 0 &&
	    (quorum < (int)stores->threshold || quorum > (int)stores->count))
		die(EXIT_USAGE, "--quorum: not in %u..%u", stores->threshold,
		    stores->count);
	max_keys =
	    SHARES / stores->count < BATCH ? SHARES / stores->count : BATCH;
	if ((lane = calloc(stores->count, sizeof *lane)) == NULL)
		die(EXIT_IO, "out of memory");
	for (s = 0; s < stores->count; s++) {
		lane[s].share =
		    secret_alloc((max_keys + 1) * sizeof *lane[s].share);
		lane[s].store = store_open(stores->store[s].x,
		    stores->store[s].url, stores->store[s].pin, create, &w);
		if (lane[s].store == NULL)
			lost(&lane[s], &w);
	}
	if (!enough_stores())
		give_up();
}

static void *
put_lane(void *arg)
{
	struct lane *a = arg;

	a->failed =
	    store_put(a->store, a->put, a->n, owner, group, a->result, &a->why);
	return NULL;
}

/* The first m keys, into every store at once. */
static void
put_all(unsigned m)
{
	pthread_t thread[255];
	bool apart[255] = { false };
	unsigned s, i;

	for (s = 0; s < stores->count; s++) {
		struct lane *a = &lane[s];

		a->n = 0;
		a->failed = 0;
		memset(a->has, 0, sizeof a->has);
		for (i = 0; i < m; i++)
			if (!key[i].bad && a->share[i].n != 0) {
				a->index[a->n] = i;
				a->put[a->n++] = &a->share[i];
			}
		if (a->store == NULL || a->n == 0)
			a->n = 0;
		else if ((m > 1 || store_far(a->store)) &&
			 s + 1 < stores->count)
			apart[s] =
			    pthread_create(&thread[s], NULL, put_lane, a) == 0;
		if (a->n > 0 && !apart[s])
			put_lane(a);
	}
	for (s = 0; s < stores->count; s++)
		if (apart[s])
			pthread_join(thread[s], NULL);
	for (s = 0; s < stores->count; s++)
		if (lane[s].failed) {
			lost(&lane[s], &lane[s].why);
			lane[s].n = 0;
		}
}

/* Take back key[i] where undo[i] is set. */
static void
take_back(const bool *undo)
{
	const char *guid[BATCH];
	struct why w;
	unsigned s, i, n;

	for (s = 0; s < stores->count; s++) {
		struct lane *a = &lane[s];

		for (i = n = 0; i < a->n; i++)
			if (undo[a->index[i]] && a->result[i] == STORE_NEW)
				guid[n++] = key[a->index[i]].guid;
		if (n > 0 && store_undo(a->store, guid, n, &w) < 0)
			say_warning("%s; shares that were not acknowledged "
				    "stay behind",
			    w.text);
	}
}

static void
acknowledge(unsigned i)
{
	static struct line l;
	char list[255 * 4 + 1];
	size_t n = 0;
	unsigned s, have = 0;
	struct why w;

	for (s = 0; s < stores->count; s++)
		if (lane[s].has[i]) {
			n += (size_t)snprintf(list + n, sizeof list - n, "%s%u",
			    n ? "," : "", stores->store[s].x);
			have++;
		}
	line_reset(&l);
	line_set_name_word(&l, key[i].guid);
	line_set_number(&l, "ack", have);
	line_set_word(&l, "stores", list);
	if (lineout_put(out, &l, &w) < 0)
		die_why(&w);
}

/* Is key[i] where it must be?  Else say why not. */
static bool
settle(unsigned i)
{
	unsigned s, have = 0, want = 0;
	struct why w;

	for (s = 0; s < stores->count; s++) {
		want += stores->store[s].x <= key[i].n;
		have += lane[s].has[i];
	}
	if (quorum != 0 && (unsigned)quorum < want)
		want = (unsigned)quorum;
	if (have >= want)
		return true;
	if (!enough_stores())
		return false; /* give_up() will say it */
	why_set(
	    &w, EXIT_DATA, "%u of its %u shares came", key[i].came, key[i].n);
	aside(key[i].guid, &w);
	return false;
}

/* Put, settle and acknowledge the first m keys; forget them. */
static void
serve(unsigned m)
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
	bool undo[BATCH] = { false };
	struct why w;
	unsigned s, i, left = keys - m;

	if (m == 0)
		return;
	put_all(m);
	for (s = 0; s < stores->count; s++)
		for (i = 0; i < lane[s].n; i++) {
			unsigned at = lane[s].index[i];
			enum store_put r = lane[s].result[i];

			lane[s].has[at] = r == STORE_NEW || r == STORE_SAME;
			if (lane[s].has[at] || key[at].bad)
				continue;
			why_set(&w, code[r], "%s: %s",
			    store_name(lane[s].store), text[r]);
			aside(key[at].guid, &w);
			key[at].bad = true;
		}
	for (i = 0; i < m; i++)
		undo[i] = key[i].bad || !settle(i);
	take_back(undo);
	for (i = 0; i < m; i++)
		if (!undo[i])
			acknowledge(i);
	progress_add(m, 0);
	for (s = 0; s < stores->count; s++) {
		for (i = 0; i < m; i++)
			share_drop(&lane[s].share[i]);
		memmove(lane[s].share, lane[s].share + m,
		    left * sizeof *lane[s].share);
		memset(lane[s].share + left, 0, m * sizeof *lane[s].share);
	}
	memmove(key, key + m, left * sizeof *key);
	keys = left;
	if (!enough_stores()) {
		lineout_flush(out, &w);
		give_up();
	}
}

/* Before waiting: all but a key whose shares are still coming. */
static void
idle(void *arg)
{
	bool whole = keys > 0 && key[keys - 1].came >= key[keys - 1].n;

	serve(keys > 0 && !whole ? keys - 1 : keys);
	lineout_idle(arg);
}

static void
refuse(struct key *k, const struct why *w)
{
	if (!k->bad)
		aside(k->guid, w);
	k->bad = true;
}

static struct key *
key_of(const char *guid)
{
	struct key *k;

	if (keys > 0 && strcmp(key[keys - 1].guid, guid) == 0)
		return &key[keys - 1];
	if (keys == max_keys)
		serve(keys);
	k = &key[keys++];
	memset(k, 0, sizeof *k);
	memcpy(k->guid, guid, SHARE_ID + 1);
	return k;
}

static void
take(const struct line *l, struct share *s)
{
	struct why w;
	struct key *k;
	unsigned i;

	s->commit = NULL;
	if (!share_id_ok(l->name)) {
		why_set(
		    &w, EXIT_DATA, "not a GUID of 32 lower-case hex digits");
		aside(l->name, &w);
		return;
	}
	k = key_of(l->name);
	if (share_from_line(s, l, &w) < 0) {
		share_drop(s);
		refuse(k, &w);
		return;
	}
	k->came++;
	k->n = s->n;
	for (i = 0; i < stores->count; i++)
		if (stores->store[i].x == s->x)
			break;
	if (s->k < stores->threshold)
		why_set(&w, EXIT_DATA, "k=%u is below the threshold %u", s->k,
		    stores->threshold);
	else if (s->n > stores_n(stores))
		why_set(&w, EXIT_DATA, "n=%u, and stores(5) has no store %u",
		    s->n, s->n);
	else if (i < stores->count && lane[i].share[k - key].n != 0)
		why_set(&w, EXIT_DATA, "share %u came twice", s->x);
	else {
		if (i < stores->count)
			lane[i].share[k - key] = *s;
		else
			share_drop(s); /* of a store that was retired */
		return;
	}
	share_drop(s);
	refuse(k, &w);
}

int
main(int argc, char **argv)
{
	struct share *s;
	struct linein *in;
	struct line l;
	struct why w;
	unsigned i;
	int got;

	if (*opt_parse(argc, argv, options, "< shares > acks"))
		die(EXIT_USAGE, "takes no operands");
	secret_init((SHARES + 1024) * sizeof *s + 4 * LINE_SECRET_COST +
		    4 * STORE_SECRET);
	open_stores();
	in = linein_open(STDIN_FILENO, "shares", true);
	out = lineout_open(out_open(opt_output), "acks", false);
	linein_on_idle(in, idle, out);
	line_init(&l, true);
	s = secret_alloc(sizeof *s);
	while ((got = linein_next(in, &l, &w)) > 0)
		take(&l, s);
	if (got < 0)
		die_why(&w);
	serve(keys);
	line_free(&l);
	secret_free(s, sizeof *s);
	for (i = 0; i < stores->count; i++) {
		store_close(lane[i].store);
		secret_free(
		    lane[i].share, (max_keys + 1) * sizeof *lane[i].share);
	}
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(lineout_count(out));
}
