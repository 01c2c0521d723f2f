/* hydra-rm: remove keys from every key store */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"
#include "word.h"

static const char *stores_file, *receipts_file;

static const struct poptOption options[] = {
	{ "stores", '\0', POPT_ARG_STRING, &stores_file, 0,
	    "the list of key stores (default: $MDM_STORES)", "FILE" },
	{ "receipts", '\0', POPT_ARG_STRING, &receipts_file, 0,
	    "keep the stores' receipts in this new file", "FILE" },
	OPT_COMMON
};

#define BATCH 1000

static struct line *line; /* as they came, to be written again */
static unsigned count;

static struct fleet fleet;
static const char *guid[BATCH]; /* of the batch */
static unsigned guids;

/* What one store did with the batch. */
static struct lane {
	enum store_gone gone[BATCH];
	struct store_receipt receipt[BATCH];
} * lane;

static int receipts_fd = -1;
static struct lineout *receipts; /* NULL: they are not kept */
static unsigned long shredded;

static struct lineout *out;

static int
remove_batch(void *arg, unsigned s, struct store *store, struct why *w)
{
	(void)arg;
	return store_shred(
	    store, guid, guids, lane[s].gone, lane[s].receipt, w);
}

/* Keep what store s said of the n-th GUID. */
static void
keep(unsigned s, unsigned n)
{
	const struct store_receipt *r = &lane[s].receipt[n];
	char hex[2 * RECEIPT_SIG + 1];
	static struct line l;
	struct why w;

	line_reset(&l);
	line_set_name_word(&l, guid[n]);
	line_set_number(&l, "x", fleet.stores->store[s].x);
	line_set_number(&l, "removed", (unsigned long long)r->removed);
	hex_encode(hex, r->id, sizeof r->id);
	line_set_word(&l, "store", hex);
	hex_encode(hex, r->public, sizeof r->public);
	line_set_word(&l, "sign", hex);
	hex_encode(hex, r->sig, sizeof r->sig);
	line_set_word(&l, "receipt", hex);
	if (lineout_put(receipts, &l, &w) < 0)
		die_why(&w);
}

/*
 * Is the n-th GUID gone from all stores?  Else say where it is not, and
 * whether it can be read again: not when more stores than n - k have given a
 * receipt.
 */
static bool
gone(unsigned n, struct why *w)
{
	static const char *const text[] = {
		[STORE_KEPT] = "does not let us remove it",
		[STORE_UNPROVEN] = "its receipt is not signed by it",
	};
	unsigned s, proven = 0, at = fleet.count;
	char list[FLEET_LIST];
	bool away[255], dead;
	const char *end;

	for (s = 0; s < fleet.count; s++) {
		enum store_gone g = lane[s].gone[n];

		away[s] = fleet.store[s] == NULL;
		if (away[s])
			continue;
		if (g == STORE_GONE && ++proven && receipts != NULL)
			keep(s, n);
		if (at == fleet.count &&
		    (g == STORE_KEPT || g == STORE_UNPROVEN))
			at = s;
	}
	dead = proven > stores_n(fleet.stores) - fleet.stores->threshold;
	shredded += dead;
	end = dead ? "shredded all the same" : "not shredded";
	if (at < fleet.count)
		why_set(w,
		    lane[at].gone[n] == STORE_KEPT ? EXIT_DENIED : EXIT_DATA,
		    "%s: %s; %s", store_name(fleet.store[at]),
		    text[lane[at].gone[n]], end);
	else if (fleet.lost > 0)
		why_set(w, fleet_code(&fleet), "not removed from stores %s; %s",
		    fleet_list(&fleet, away, list), end);
	return at == fleet.count && fleet.lost == 0;
}

/* What the batch has given is safe before its lines are written. */
static void
sync_receipts(void)
{
	struct why w;

	if (receipts != NULL && lineout_flush(receipts, &w) < 0)
		die_why(&w);
	if (receipts != NULL && fsync(receipts_fd) < 0 && errno != EINVAL)
		die(EXIT_IO, "%s: %m", receipts_file);
}

/* Remove the batch from every store; write what is gone from all of them. */
static void
serve(void)
{
	bool went[BATCH];
	unsigned i, n = 0;
	struct why w;

	guids = 0;
	for (i = 0; i < count; i++)
		if (share_id_ok(line_id(&line[i])))
			guid[guids++] = line_id(&line[i]);
	if (guids > 0)
		fleet_each(&fleet, guids, remove_batch, NULL);
	for (i = 0; i < count; i++) {
		if (share_id_ok(line_id(&line[i])))
			went[i] = gone(n++, &w);
		else
			went[i] =
			    why_set(&w, EXIT_DATA,
				"not a GUID of 32 lower-case hex digits") == 0;
		if (!went[i])
			aside(line_id(&line[i]), &w);
	}
	sync_receipts();
	for (i = 0; i < count; i++)
		if (went[i] && lineout_put(out, &line[i], &w) < 0)
			die_why(&w);
	progress_add(count, 0);
	count = 0;
}

static void
idle(void *arg)
{
	serve();
	lineout_idle(arg);
}

static void
open_receipts(void)
{
	struct why w;

	if (receipts_file == NULL)
		return;
	receipts_fd = opt_open(receipts_file, O_WRONLY | O_CREAT | O_EXCL, &w);
	if (receipts_fd < 0)
		die_why(&w);
	receipts = lineout_open(receipts_fd, "receipts", false);
}

int
main(int argc, char **argv)
{
	struct stores *stores;
	struct linein *in;
	struct line l;
	struct why w;
	int got;

	if (*opt_parse(argc, argv, options, "< lines > lines removed"))
		die(EXIT_USAGE, "takes no operands");
	if ((stores = stores_load(stores_file, false, &w)) == NULL)
		die_why(&w);
	secret_init((1 << 16) + fleet_secret(stores));
	open_receipts();
	if ((lane = calloc(stores->count, sizeof *lane)) == NULL)
		die(EXIT_IO, "out of memory");
	fleet_open(&fleet, stores, false);
	in = linein_open(STDIN_FILENO, "lines", false);
	out = lineout_open(out_open(opt_output), "lines", false);
	linein_on_idle(in, idle, out);
	line = lines_new(BATCH, false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		line_copy(&line[count++], &l);
		if (count == BATCH)
			serve();
	}
	if (got < 0)
		die_why(&w);
	serve();
	line_free(&l);
	lines_free(line, BATCH);
	fleet_close(&fleet);
	free(lane);
	if (receipts != NULL && lineout_end(receipts, &w) < 0)
		die_why(&w);
	sync_receipts();
	if (opt_verbose)
		say_note("%lu keys shredded", shredded);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(lineout_count(out));
}
