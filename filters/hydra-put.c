/* hydra-put: store each share in its key store; say so when it is durable */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deposit.h"
#include "fleet.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"

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

/* Keys that have come and are not acknowledged yet. */
static struct key {
	char guid[SHARE_ID + 1];
	unsigned n;    /* shares it should have */
	unsigned came; /* shares it has */
	bool bad;      /* said already: goes nowhere */
} * key;
static unsigned keys, max_keys;
static bool *skip; /* of each key: is it to be left out? */

static struct fleet fleet;
static struct deposit *deposit;
static struct lineout *out;

/* If no more than these get lost: else whoever sees it says it. */
static void
lost(struct fleet *f, unsigned s, const struct why *w)
{
	(void)s;
	if (quorum != 0 && f->count - f->lost >= (unsigned)quorum)
		say_warning("%s", w->text);
}

/* Too few stores are left to acknowledge anything more. */
static void
give_up(void)
{
	die(fleet_code(&fleet), "%s", fleet.first.text);
}

static bool
enough_stores(void)
{
	return fleet.count - fleet.lost >=
	       (quorum ? (unsigned)quorum : fleet.count);
}

static void
open_stores(void)
{
	struct stores *stores;
	struct why w;

	if ((stores = stores_load(stores_file, true, &w)) == NULL)
		die_why(&w);
	if (quorum != 0 &&
	    (quorum < (int)stores->threshold || quorum > (int)stores->count))
		die(EXIT_USAGE, "--quorum: not in %u..%u", stores->threshold,
		    stores->count);
	fleet.say = lost;
	fleet_open(&fleet, stores, create);
	if (!enough_stores())
		give_up();
	deposit = deposit_new(&fleet, owner, group);
	max_keys = deposit_max(&fleet);
	key = calloc(max_keys, sizeof *key);
	skip = calloc(max_keys, sizeof *skip);
	if (key == NULL || skip == NULL)
		die(EXIT_IO, "out of memory");
}

static void
acknowledge(unsigned i)
{
	static struct line l;
	char list[FLEET_LIST];
	bool has[255];
	unsigned s, have = 0;
	struct why w;

	for (s = 0; s < fleet.count; s++) {
		has[s] = deposit_has(deposit, s, i);
		have += has[s];
	}
	line_reset(&l);
	line_set_name_word(&l, key[i].guid);
	line_set_number(&l, "ack", have);
	line_set_word(&l, "stores", fleet_list(&fleet, has, list));
	if (lineout_put(out, &l, &w) < 0)
		die_why(&w);
}

/* Is key[i] where it must be?  Else say why not. */
static bool
settle(unsigned i)
{
	unsigned s, have = 0, want = 0;
	struct why w;

	if (key[i].bad)
		return false;
	if (deposit_refused(deposit, i, &w)) {
		aside(key[i].guid, &w);
		return false;
	}
	for (s = 0; s < fleet.count; s++) {
		want += fleet.stores->store[s].x <= key[i].n;
		have += deposit_has(deposit, s, i);
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
	struct why w;
	unsigned i;

	if (m == 0)
		return;
	for (i = 0; i < m; i++)
		skip[i] = key[i].bad;
	deposit_put(deposit, m, skip);
	for (i = 0; i < m; i++)
		skip[i] = !settle(i);
	deposit_undo(deposit, skip);
	for (i = 0; i < m; i++)
		if (!skip[i])
			acknowledge(i);
	memset(skip, 0, max_keys * sizeof *skip);
	progress_add(m, 0);
	deposit_shift(deposit, m, keys - m);
	memmove(key, key + m, (keys - m) * sizeof *key);
	keys -= m;
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
	const struct stores *stores = fleet.stores;
	struct why w;
	struct key *k;

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
	if (s->k < stores->threshold)
		why_set(&w, EXIT_DATA, "k=%u is below the threshold %u", s->k,
		    stores->threshold);
	else if (s->n > stores_n(stores))
		why_set(&w, EXIT_DATA, "n=%u, and stores(5) has no store %u",
		    s->n, s->n);
	else if (deposit_add(deposit, (unsigned)(k - key), s))
		return;
	else
		why_set(&w, EXIT_DATA, "share %u came twice", s->x);
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
	int got;

	if (*opt_parse(argc, argv, options, "< shares > acks"))
		die(EXIT_USAGE, "takes no operands");
	secret_init(DEPOSIT_SECRET + 4 * LINE_SECRET_COST + 4 * STORE_SECRET);
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
	deposit_free(deposit);
	fleet_close(&fleet);
	free(key);
	free(skip);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(lineout_count(out));
}
