/* lfc-saved: the last word of saved manifests on each entry, if its key lives
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fleet.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "saved.h"
#include "secret.h"
#include "sign.h"
#include "sorter.h"
#include "standing.h"

static const char *signers_option, *stores_option;

static const struct poptOption options[] = {
	{ "signers", '\0', POPT_ARG_STRING, &signers_option, 0,
	    "believe the signers in FILE (default: $MDM_SIGNERS)", "FILE" },
	{ "stores", '\0', POPT_ARG_STRING, &stores_option, 0,
	    "the list of key stores (default: $MDM_STORES)", "FILE" },
	OPT_COMMON
};

#define SORT_MEMORY (16u << 20)
#define BATCH 500

static struct signers *signers;
static struct sorter *sorter;
static struct lineout *out;

static struct fleet fleet;
static struct lane {
	struct line *answer;
	struct standing *standing;
} lane[255];
static struct line *question, *entry;
static unsigned count;
static unsigned long removed;
static long long latest; /* of all manifests, as SAVED_SECOND has it */

/*
 * Sorted, the last word on an entry comes first: by LFN, then the latest, then
 * of one second the highest generation.
 */
static int
gather(void *arg, long long when, const struct line *l, struct why *w)
{
	static char text[2 * LINE_MAX_BYTES + 64];
	const char *lfn = line_word(l, "lfn");
	unsigned long long gen = 1;
	char *p;
	int i;

	(void)arg;
	if (when > latest)
		latest = when;
	if (lfn == NULL || line_word(l, "guid") == NULL)
		return why_set(w, EXIT_DATA, "a line without lfn or guid");
	if (line_word(l, "gen") != NULL && line_number(l, "gen", &gen, w) < 0)
		return -1;
	p = text + sprintf(text, "%s\t%020llu\t%020llu\t%s", lfn,
		       ULLONG_MAX - (unsigned long long)when, ULLONG_MAX - gen,
		       l->name);
	for (i = 0; i < l->fields; i++)
		p += sprintf(p, "\t%s=%s", l->field[i].key, l->field[i].word);
	return sorter_add(sorter, text, w);
}

/* One opened manifest.  What is wrong with it is its own trouble. */
static int
serve(struct recin *in, const struct rec *r)
{
	static char *body;
	static size_t size;
	struct why w = { 0 };
	const void *p;
	size_t n, used = 0;
	int got;

	while ((got = recin_block(in, &p, &n, &w)) == 1) {
		if (used + n > (size_t)SAVED_MAX)
			die(EXIT_DATA, "%s: too large", r->name);
		if (used + n > size) {
			size = 2 * (used + n);
			if ((body = realloc(body, size)) == NULL)
				die(EXIT_IO, "out of memory");
		}
		memcpy(body + used, p, n);
		used += n;
	}
	if (got < 0)
		die_why(&w);
	if (got == REC_VOID)
		return 0;
	if (saved_read(body, used, signers, gather, NULL, &w) < 0) {
		if (w.code != EXIT_DATA)
			die_why(&w);
		aside(r->name, &w);
		return 0;
	}
	progress_add(1, used);
	return 1;
}

static int
ask(void *arg, unsigned s, struct store *store, struct why *w)
{
	struct lane *l = &lane[s];
	unsigned i;

	(void)arg;
	if (store_ask(store, "stat", question, count, l->answer, w) < 0)
		return -1;
	for (i = 0; i < count; i++)
		if (standing_read(&l->standing[i], store_x(store),
			fleet.stores->threshold, &l->answer[i], w) < 0)
			return -1;
	return 0;
}

/*
 * Is the entry to come back?  A key that a store has removed was destroyed on
 * purpose: by then the entry was gone, or about to be.
 */
static bool
lives(unsigned i, struct why *w)
{
	unsigned s, there = 0, gone = 0, unsaid = 0;

	for (s = 0; s < fleet.count; s++) {
		if (fleet.store[s] == NULL)
			continue;
		switch (lane[s].standing[i].has) {
		case STANDING_REMOVED:
			gone++;
			break;
		case STANDING_DENIED:
			unsaid++;
			break;
		case STANDING_MISSING:
			break;
		default:
			there++;
		}
	}
	w->code = 0;
	if (gone > 0 && there > 0)
		why_set(w, EXIT_NO,
		    "%u stores have removed its key, %u not yet: it is taken "
		    "for deleted",
		    gone, there);
	else if (gone == 0 && there == 0 && unsaid > 0)
		why_set(w, EXIT_DENIED, "the stores do not let us see its key");
	removed += gone > 0;
	return gone == 0 && w->code == 0;
}

static void
settle(void)
{
	struct why w = { 0 };
	unsigned i;

	if (count > 0)
		fleet_each(&fleet, count, ask, NULL);
	if (fleet.count - fleet.lost < fleet.stores->threshold)
		die(fleet_code(&fleet),
		    "too few key stores answer to tell what was deleted");
	for (i = 0; i < count; i++) {
		if (lives(i, &w)) {
			if (lineout_put(out, &entry[i], &w) < 0)
				die_why(&w);
		} else if (w.code != 0) {
			aside(entry[i].name, &w);
		}
	}
	count = 0;
}

/* Of the lines of one entry the first; then, is its key alive? */
static void
choose(void)
{
	static char copy[LINE_MAX_BYTES + 64];
	char *last = NULL;
	const char *text;
	struct why w = { 0 };
	size_t n;
	int got, tabs;

	while ((got = sorter_next(sorter, &text, &w)) > 0) {
		const char *p = text;

		n = strcspn(text, "\t");
		if (last != NULL && strlen(last) == n &&
		    strncmp(last, text, n) == 0)
			continue;
		free(last);
		if ((last = strndup(text, n)) == NULL)
			die(EXIT_IO, "out of memory");
		for (tabs = 0; tabs < 3; p++)
			tabs += *p == '\t';
		n = (size_t)snprintf(copy, sizeof copy, "%s\n", p);
		if (n >= sizeof copy ||
		    line_parse(&entry[count], copy, n) != NULL)
			die(EXIT_BUG, "a line that was not ours");
		line_reset(&question[count]);
		line_set_name_word(
		    &question[count], line_word(&entry[count], "guid"));
		if (++count == BATCH)
			settle();
	}
	if (got < 0)
		die_why(&w);
	settle();
	free(last);
}

/*
 * A catalogue that is made anew counts its serial anew: what it will save is
 * later than all this by its clock alone.
 */
static void
outlast(void)
{
	time_t last = (time_t)(latest / SAVED_SECOND);
	int waits = 10;

	while (time(NULL) <= last && waits-- > 0)
		sleep(1);
	if (time(NULL) <= last)
		say_warning("some manifests are from the future: let the clock "
			    "pass them before anything new is saved");
}

static void
open_stores(void)
{
	struct why w = { 0 };
	struct stores *list = stores_load(stores_option, false, &w);
	unsigned s;

	if (list == NULL)
		die_why(&w);
	secret_init((1 << 16) + fleet_secret(list));
	fleet_open(&fleet, list, false);
	for (s = 0; s < fleet.count; s++) {
		lane[s].answer = lines_new(BATCH, false);
		lane[s].standing = calloc(BATCH, sizeof *lane[s].standing);
		if (lane[s].standing == NULL)
			die(EXIT_IO, "out of memory");
	}
	question = lines_new(BATCH, false);
	entry = lines_new(BATCH, false);
}

int
main(int argc, char **argv)
{
	static char home[4200];
	unsigned long manifests = 0, lines;
	struct why w = { 0 };
	struct recin *in;
	struct rec *r;
	int got;

	if (*opt_parse(argc, argv, options, "< records > manifest"))
		die(EXIT_USAGE, "takes no operands");
	snprintf(home, sizeof home, "%s/signers", opt_home());
	signers_option = opt_or_env(signers_option, "MDM_SIGNERS");
	signers = signers_open(signers_option ? signers_option : home, &w);
	if (signers == NULL)
		die_why(&w);
	open_stores();
	if ((in = recin_open(STDIN_FILENO, NULL, 0, &w)) == NULL ||
	    (sorter = sorter_new(SORT_MEMORY, &w)) == NULL)
		die_why(&w);
	out = lineout_open(out_open(opt_output), "manifest", false);
	while ((got = recin_next(in, &r, &w)) > 0)
		manifests += (unsigned long)serve(in, r);
	if (got < 0)
		die_why(&w);
	choose();
	outlast();
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	lines = lineout_count(out);
	out_commit();
	progress_end();
	if (opt_verbose)
		say_note("%lu manifests, %lu entries, %lu deleted since",
		    manifests, lines, removed);
	sorter_free(sorter);
	signers_free(signers);
	fleet_close(&fleet);
	return fleet.lost > 0 ? fleet_code(&fleet) : exit_status(manifests);
}
