/* hydra-rm: remove keys from every key store */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"

static const char *stores_file;

static const struct poptOption options[] = {
	{ "stores", '\0', POPT_ARG_STRING, &stores_file, 0,
	    "the list of key stores (default: $MDM_STORES)", "FILE" },
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
} lane[255];

static struct lineout *out;

static int
remove_batch(void *arg, unsigned s, struct store *store, struct why *w)
{
	(void)arg;
	return store_remove(store, guid, guids, lane[s].gone, w);
}

/* Is the n-th GUID gone from all stores?  Else say where it is not. */
static bool
gone(unsigned n, struct why *w)
{
	char list[FLEET_LIST];
	bool away[255];
	unsigned s;

	for (s = 0; s < fleet.count; s++) {
		away[s] = fleet.store[s] == NULL;
		if (!away[s] && lane[s].gone[n] == STORE_KEPT) {
			why_set(w, EXIT_DENIED, "%s: does not let us remove it",
			    store_name(fleet.store[s]));
			return false;
		}
	}
	if (fleet.lost == 0)
		return true;
	why_set(w, fleet_code(&fleet), "not removed from stores %s",
	    fleet_list(&fleet, away, list));
	return false;
}

/* Remove the batch from every store; write what is gone from all of them. */
static void
serve(void)
{
	unsigned i, n = 0;
	struct why w;

	guids = 0;
	for (i = 0; i < count; i++)
		if (share_id_ok(line_id(&line[i])))
			guid[guids++] = line_id(&line[i]);
	if (guids > 0)
		fleet_each(&fleet, guids, remove_batch, NULL);
	for (i = 0; i < count; i++) {
		if (!share_id_ok(line_id(&line[i]))) {
			why_set(&w, EXIT_DATA,
			    "not a GUID of 32 lower-case hex digits");
			aside(line_id(&line[i]), &w);
		} else if (!gone(n++, &w))
			aside(line_id(&line[i]), &w);
		else if (lineout_put(out, &line[i], &w) < 0)
			die_why(&w);
	}
	progress_add(count, 0);
	count = 0;
}

static void
idle(void *arg)
{
	serve();
	lineout_idle(arg);
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
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(lineout_count(out));
}
