/* hydra-check: do the key stores hold the same keys, whole? */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admins.h"
#include "fleet.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"
#include "standing.h"

static const char *stores_file;
static int all;

static const struct poptOption options[] = {
	{ "all", '\0', POPT_ARG_NONE, &all, 0,
	    "every key of any store, not those of standard input", NULL },
	{ "stores", '\0', POPT_ARG_STRING, &stores_file, 0,
	    "the list of key stores (default: $MDM_STORES)", "FILE" },
	OPT_COMMON
};

#define BATCH 500
#define PAGE 1000

static struct fleet fleet;

/* A store's page of the list, and what it said of the batch. */
static struct lane {
	struct store_item *page;
	unsigned at, got;
	bool last; /* the page is */
	struct line *answer;
	struct standing *standing;
} lane[255];

static struct line *question;
static unsigned count;
static struct standing *row[255]; /* of one key; of the stores that answer */

static struct lineout *out;
static unsigned long checked;

static void *
make(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

static void
open_stores(struct stores *stores)
{
	unsigned s;

	fleet_open(&fleet, stores, false);
	for (s = 0; s < fleet.count; s++) {
		lane[s].page = make(PAGE, sizeof *lane[s].page);
		lane[s].answer = lines_new(BATCH, false);
		lane[s].standing = make(BATCH, sizeof *lane[s].standing);
	}
	question = lines_new(BATCH, false);
}

/* Who alone could come by every key? */
static void
warn_of_few(void)
{
	struct admins *a = admins_new();
	struct why w;
	unsigned s;

	for (s = 0; s < fleet.count; s++)
		if (fleet.store[s] != NULL &&
		    admins_ask(a, fleet.store[s], &w) < 0)
			fleet_lose(&fleet, s, &w);
	admins_warn(a, fleet.stores);
	admins_free(a);
}

static int
ask_batch(void *arg, unsigned s, struct store *store, struct why *w)
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

static void
put_finding(void *arg, const struct line *l)
{
	struct why w;

	(void)arg;
	if (lineout_put(out, l, &w) < 0)
		die_why(&w);
}

static void
serve(void)
{
	struct why w;
	unsigned i, s, n, denied;

	if (count > 0)
		fleet_each(&fleet, count, ask_batch, NULL);
	for (i = 0; i < count; i++) {
		for (s = n = denied = 0; s < fleet.count; s++) {
			if (fleet.store[s] == NULL)
				continue;
			row[n] = &lane[s].standing[i];
			if (row[n]->has == STANDING_DENIED)
				denied = row[n]->x;
			else
				n++;
		}
		if (denied != 0) {
			why_set(&w, EXIT_DENIED,
			    "store %u does not let us list it", denied);
			aside(question[i].name, &w);
		} else
			checked++;
		standing_compare(question[i].name, row, n, put_finding, NULL);
	}
	progress_add(count, 0);
	count = 0;
}

static void
check(const char *guid)
{
	line_reset(&question[count]);
	line_set_name_word(&question[count++], guid);
	if (count == BATCH)
		serve();
}

/* The store's next key in *guid; false: it has no more. */
static bool
head(unsigned s, const char **guid)
{
	struct lane *l = &lane[s];
	char after[SHARE_ID + 1] = "";
	struct why w;

	if (fleet.store[s] != NULL && l->at == l->got && !l->last) {
		if (l->got > 0)
			memcpy(after, l->page[l->got - 1].guid, sizeof after);
		l->at = 0;
		if (store_list(
			fleet.store[s], after, l->page, PAGE, &l->got, &w) < 0)
			fleet_lose(&fleet, s, &w);
		else
			l->last = l->got < PAGE;
	}
	if (fleet.store[s] == NULL || l->at == l->got)
		return false;
	*guid = l->page[l->at].guid;
	return true;
}

/* Every key, once, ascending: the stores' lists are, and are merged. */
static void
check_all(void)
{
	char least[SHARE_ID + 1];
	const char *guid;
	unsigned s;

	for (;;) {
		*least = '\0';
		for (s = 0; s < fleet.count; s++)
			if (head(s, &guid) &&
			    (!*least || strcmp(guid, least) < 0))
				memcpy(least, guid, sizeof least);
		if (!*least)
			return;
		for (s = 0; s < fleet.count; s++)
			if (head(s, &guid) && strcmp(guid, least) == 0)
				lane[s].at++;
		check(least);
	}
}

static void
idle(void *arg)
{
	serve();
	lineout_idle(arg);
}

static void
check_lines(void)
{
	struct linein *in = linein_open(STDIN_FILENO, "lines", false);
	struct line l;
	struct why w;
	int got;

	linein_on_idle(in, idle, out);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		if (share_id_ok(line_id(&l))) {
			check(line_id(&l));
			continue;
		}
		why_set(
		    &w, EXIT_DATA, "not a GUID of 32 lower-case hex digits");
		aside(line_id(&l), &w);
	}
	if (got < 0)
		die_why(&w);
	line_free(&l);
	linein_free(in);
}

static void
close_stores(void)
{
	unsigned s;

	for (s = 0; s < fleet.count; s++) {
		lines_free(lane[s].answer, BATCH);
		free(lane[s].standing);
		free(lane[s].page);
	}
	lines_free(question, BATCH);
	fleet_close(&fleet);
}

int
main(int argc, char **argv)
{
	struct stores *stores;
	unsigned long found;
	int code;
	struct why w;

	if (*opt_parse(argc, argv, options, "[--all | < lines] > findings"))
		die(EXIT_USAGE, "takes no operands");
	if ((stores = stores_load(stores_file, false, &w)) == NULL)
		die_why(&w);
	secret_init((1 << 16) + fleet_secret(stores));
	open_stores(stores);
	warn_of_few();
	out = lineout_open(out_open(opt_output), "findings", false);
	if (all)
		check_all();
	else
		check_lines();
	serve();
	code = fleet.lost > 0 ? fleet_code(&fleet) : 0;
	close_stores();
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	found = lineout_count(out);
	out_commit();
	progress_end();
	if (code != 0)
		return code;
	return found > 0 ? EXIT_NO : exit_status(checked);
}
