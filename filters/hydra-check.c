/* hydra-check: do the key stores hold the same keys, whole? */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admins.h"
#include "hydra_api.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"
#include "standing.h"
#include "store.h"
#include "stores.h"

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

static struct stores *stores;

/* A store, its page of the list, and what it said of the batch. */
static struct lane {
	struct store *store; /* NULL: does not answer */
	struct store_item *page;
	unsigned at, got;
	bool last; /* the page is */
	struct line *answer;
	struct standing *standing;
	int result;
	struct why why;
} lane[255];

static struct line question[BATCH];
static unsigned count;
static struct standing *row[255]; /* of one key; of the stores that answer */

static int first_code; /* why the first that does not */
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
lost(struct lane *l, const struct why *w)
{
	say_error("%s", w->text);
	store_close(l->store);
	l->store = NULL;
	if (first_code == 0)
		first_code = w->code == EXIT_RETRY    ? EXIT_RETRY
			     : w->code == EXIT_DENIED ? EXIT_DENIED
						      : EXIT_FEW;
}

static void
open_stores(void)
{
	struct why w;
	struct lane *l;
	unsigned s;
	int i;

	for (s = 0; s < stores->count; s++) {
		l = &lane[s];
		l->page = make(PAGE, sizeof *l->page);
		l->answer = make(BATCH, sizeof *l->answer);
		l->standing = make(BATCH, sizeof *l->standing);
		for (i = 0; i < BATCH; i++)
			line_init(&l->answer[i], false);
		if ((l->store =
			    store_open(stores->store[s].x, stores->store[s].url,
				stores->store[s].pin, false, &w)) == NULL)
			lost(l, &w);
	}
	for (i = 0; i < BATCH; i++)
		line_init(&question[i], false);
}

/* Who alone could come by every key? */
static void
warn_of_few(void)
{
	struct admins *a = admins_new();
	struct why w;
	unsigned s;

	for (s = 0; s < stores->count; s++)
		if (lane[s].store != NULL &&
		    admins_ask(a, lane[s].store, &w) < 0)
			lost(&lane[s], &w);
	admins_warn(a, stores);
	admins_free(a);
}

static void *
ask_lane(void *arg)
{
	struct lane *l = arg;
	unsigned i;

	l->result =
	    store_ask(l->store, "stat", question, count, l->answer, &l->why);
	for (i = 0; l->result == 0 && i < count; i++)
		l->result = standing_read(&l->standing[i], store_x(l->store),
		    stores->threshold, &l->answer[i], &l->why);
	return NULL;
}

/* The batch, of every store: of those that are far at once. */
static void
ask_all(void)
{
	pthread_t thread[255];
	bool apart[255] = { false };
	unsigned s;

	for (s = 0; s < stores->count; s++)
		if (lane[s].store != NULL && store_far(lane[s].store))
			apart[s] = pthread_create(&thread[s], NULL, ask_lane,
				       &lane[s]) == 0;
	for (s = 0; s < stores->count; s++)
		if (apart[s])
			pthread_join(thread[s], NULL);
		else if (lane[s].store != NULL)
			ask_lane(&lane[s]);
	for (s = 0; s < stores->count; s++)
		if (lane[s].store != NULL && lane[s].result < 0)
			lost(&lane[s], &lane[s].why);
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
		ask_all();
	for (i = 0; i < count; i++) {
		for (s = n = denied = 0; s < stores->count; s++) {
			if (lane[s].store == NULL)
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
head(struct lane *l, const char **guid)
{
	char after[SHARE_ID + 1] = "";
	struct why w;

	if (l->store != NULL && l->at == l->got && !l->last) {
		if (l->got > 0)
			memcpy(after, l->page[l->got - 1].guid, sizeof after);
		l->at = 0;
		if (store_list(l->store, after, l->page, PAGE, &l->got, &w) < 0)
			lost(l, &w);
		else
			l->last = l->got < PAGE;
	}
	if (l->store == NULL || l->at == l->got)
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
		for (s = 0; s < stores->count; s++)
			if (head(&lane[s], &guid) &&
			    (!*least || strcmp(guid, least) < 0))
				memcpy(least, guid, sizeof least);
		if (!*least)
			return;
		for (s = 0; s < stores->count; s++)
			if (head(&lane[s], &guid) && strcmp(guid, least) == 0)
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
	unsigned s, i;

	for (s = 0; s < stores->count; s++) {
		for (i = 0; i < BATCH; i++)
			line_free(&lane[s].answer[i]);
		free(lane[s].answer);
		free(lane[s].standing);
		free(lane[s].page);
		store_close(lane[s].store);
	}
	for (i = 0; i < BATCH; i++)
		line_free(&question[i]);
	stores_free(stores);
}

int
main(int argc, char **argv)
{
	unsigned long found;
	struct why w;

	if (*opt_parse(argc, argv, options, "[--all | < lines] > findings"))
		die(EXIT_USAGE, "takes no operands");
	if ((stores = stores_load(stores_file, false, &w)) == NULL)
		die_why(&w);
	secret_init((1 << 16) + stores->count * (STORE_SECRET + HYDRA_SECRET));
	open_stores();
	warn_of_few();
	out = lineout_open(out_open(opt_output), "findings", false);
	if (all)
		check_all();
	else
		check_lines();
	serve();
	close_stores();
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	found = lineout_count(out);
	out_commit();
	progress_end();
	if (first_code != 0)
		return first_code;
	return found > 0 ? EXIT_NO : exit_status(checked);
}
