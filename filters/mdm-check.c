/* mdm-check: compare the catalogue, the storages and the key stores */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "https.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"

static const char *catalogue_option, *stores_option, *state_option;
static const char *verify_option;
static int repair, no_keys, no_storage, accept_catalogue;
static int grace = 86400; /* seconds */
static int days = 30;
static double max_remove = 1; /* percent */
#define storages opt_lists[0]

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "storage", '\0', POPT_ARG_STRING, NULL, OPT_LIST,
	    "a storage to look at (default: $MDM_STORAGE)", "URL" },
	{ "stores", '\0', POPT_ARG_STRING, &stores_option, 0,
	    "the key stores (default: $MDM_STORES)", "FILE" },
	{ "no-storage", '\0', POPT_ARG_NONE, &no_storage, 0,
	    "look at keys only", NULL },
	{ "no-keys", '\0', POPT_ARG_NONE, &no_keys, 0, "look at storage only",
	    NULL },
	{ "verify", '\0', POPT_ARG_STRING, &verify_option, 0,
	    "read that part of the objects (default all), compare checksums",
	    "PERCENT" },
	{ "repair", '\0', POPT_ARG_NONE, &repair, 0,
	    "remove what nobody can need any more", NULL },
	{ "quarantine", '\0', POPT_ARG_INT, &days, 0,
	    "with --repair: leave what was not garbage before (default 30)",
	    "DAYS" },
	{ "grace", '\0', POPT_ARG_INT, &grace, 0,
	    "with --repair: leave what is younger (default 86400)", "SECONDS" },
	{ "max-remove", '\0', POPT_ARG_DOUBLE, &max_remove, 0,
	    "with --repair: remove nothing if it were more (default 1)",
	    "PERCENT" },
	{ "accept-catalogue", '\0', POPT_ARG_NONE, &accept_catalogue, 0,
	    "with --repair: this is the catalogue from now on", NULL },
	{ "state", '\0', POPT_ARG_STRING, &state_option, 0,
	    "what is remembered from run to run", "DIR" },
	OPT_COMMON
};

static struct lineout *out;

static int
put(struct check *c, struct why *w)
{
	return lineout_put(out, &c->found, w);
}

/* PERCENT as parts of 10,000. */
static unsigned
parts(const char *percent)
{
	char *end;
	double d;

	if (percent == NULL)
		return 0;
	d = strtod(percent, &end);
	if (end == percent || *end != '\0' || !(d > 0 && d <= 100))
		die(EXIT_USAGE, "--verify: not a percentage from 0.01 to 100");
	return d < 0.01 ? 1 : (unsigned)(d * 100 + 0.5);
}

/* --verify without a value is all; popt knows no such thing. */
static void
fill_in(int argc, char **argv)
{
	static char all[] = "--verify=100";
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], "--verify") == 0)
			argv[i] = all;
}

static void
take_options(struct check *c)
{
	static char state[4200];

	if (grace < 0)
		die(EXIT_USAGE, "--grace: a negative number");
	if (days < 0)
		die(EXIT_USAGE, "--quarantine: a negative number");
	if (!(max_remove >= 0 && max_remove <= 100))
		die(EXIT_USAGE, "--max-remove: not a percentage");
	if (accept_catalogue && !repair)
		die(EXIT_USAGE, "--accept-catalogue goes with --repair");
	if (state_option == NULL) {
		snprintf(state, sizeof state, "%s/check", opt_home());
		state_option = state;
	}
	c->repair = repair;
	c->accept = accept_catalogue;
	c->grace = grace;
	c->quarantine = days * 86400LL;
	c->max_remove = max_remove;
	c->verify = parts(verify_option);
	c->state = state_option;
	c->report = put;
	line_init(&c->found, false);
}

static void
open_storages(struct check *c)
{
	struct why w = { 0 };
	const struct opt_list *urls = grid_defaults(&storages);
	unsigned i;

	c->grids = (unsigned)urls->n;
	if ((c->grid = calloc(c->grids, sizeof(struct grid *))) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < c->grids; i++) {
		c->grid[i] = grid_open(urls->v[i], false, &w);
		if (c->grid[i] == NULL)
			die_why(&w);
	}
}

static void
open_stores(struct check *c)
{
	struct stores_one *s = c->stores->store;
	struct why w = { 0 };
	unsigned i;

	c->store = calloc(c->stores->count, sizeof(struct store *));
	if (c->store == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < c->stores->count; i++) {
		c->store[i] = store_open(s[i].x, s[i].url, s[i].pin, false, &w);
		if (c->store[i] == NULL)
			die(EXIT_FEW, "store %u: %s", s[i].x, w.text);
	}
}

static void
close_all(struct check *c)
{
	unsigned i;

	check_state_end(c);
	for (i = 0; i < c->grids; i++)
		grid_close(c->grid[i]);
	for (i = 0; c->store != NULL && i < c->stores->count; i++)
		store_close(c->store[i]);
	free(c->grid);
	free(c->store);
	stores_free(c->stores);
	lfc_close(c->catalogue);
	line_free(&c->found);
}

/* What speaks against this catalogue, and what to do. */
static _Noreturn void
no_repair(const struct why *w)
{
	say_error("%s", w->text);
	if (w->code == EXIT_DATA)
		say_hint("if it was put back on purpose, register what it "
			 "lost (mdm-rebuild), then --accept-catalogue");
	exit(w->code);
}

int
main(int argc, char **argv)
{
	struct check c = { 0 };
	struct why w = { 0 };
	bool refused;
	unsigned stores;

	fill_in(argc, argv);
	if (*opt_parse(argc, argv, options, ""))
		die(EXIT_USAGE, "takes no operands");
	take_options(&c);
	if (!no_keys &&
	    (c.stores = stores_load(stores_option, false, &w)) == NULL)
		die_why(&w);
	stores = c.stores ? c.stores->count : 0;
	secret_init((1 << 16) + HTTPS_SECRET +
		    (stores < 4 ? 4 : stores) * STORE_SECRET);
	c.catalogue = lfc_open(lfc_url(catalogue_option), false, &w);
	if (c.catalogue == NULL || check_now(&c, &w) < 0)
		die_why(&w);
	if (!no_storage)
		open_storages(&c);
	if (!no_keys)
		open_stores(&c);
	if (check_state_begin(&c, &w) < 0)
		no_repair(&w);
	out = lineout_open(out_open(opt_output), "lines", false);
	if (!no_storage && check_storages(&c, &w) < 0)
		die_why(&w);
	refused = c.refused;
	if (!no_keys && check_keys(&c, &w) < 0)
		die_why(&w);
	refused |= c.refused;
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	close_all(&c);
	if (c.failures > 0)
		return EXIT_IO;
	if (refused)
		return EXIT_DENIED;
	return lineout_count(out) ? EXIT_NO : EXIT_OK;
}
