/* hydra-rm: remove keys from every key store */

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

static const char *stores_file;

static const struct poptOption options[] = {
	{ "stores", '\0', POPT_ARG_STRING, &stores_file, 0,
	    "the list of key stores (default: $MDM_STORES)", "FILE" },
	OPT_COMMON
};

#define BATCH 1000

static struct line line[BATCH]; /* as they came, to be written again */
static unsigned count;

static struct stores *stores;
static struct store *store[255]; /* NULL: does not answer */
static const char *guid[BATCH];  /* of the batch */
static unsigned guids;

/* What one store did with the batch. */
static struct lane {
	enum store_gone gone[BATCH];
	int result;
	struct why why;
} lane[255];

static int first_code; /* why the first that does not */
static struct lineout *out;

static void
lost(unsigned s, const struct why *w)
{
	say_error("%s", w->text);
	store_close(store[s]);
	store[s] = NULL;
	if (first_code == 0)
		first_code = w->code == EXIT_RETRY    ? EXIT_RETRY
			     : w->code == EXIT_DENIED ? EXIT_DENIED
						      : EXIT_FEW;
}

static void
open_stores(void)
{
	struct why w;
	unsigned s;

	if ((stores = stores_load(stores_file, false, &w)) == NULL)
		die_why(&w);
	for (s = 0; s < stores->count; s++)
		if ((store[s] =
			    store_open(stores->store[s].x, stores->store[s].url,
				stores->store[s].pin, false, &w)) == NULL)
			lost(s, &w);
}

/* "stores 2,3": those that did not answer. */
static void
name_lost(struct why *w)
{
	char list[255 * 4 + 1] = "";
	size_t n = 0;
	unsigned s;

	for (s = 0; s < stores->count; s++)
		if (store[s] == NULL)
			n += (size_t)snprintf(list + n, sizeof list - n, "%s%u",
			    n ? "," : "", stores->store[s].x);
	why_set(w, first_code, "not removed from stores %s", list);
}

static void *
remove_lane(void *arg)
{
	unsigned s = (unsigned)((struct lane *)arg - lane);

	lane[s].result =
	    store_remove(store[s], guid, guids, lane[s].gone, &lane[s].why);
	return NULL;
}

/* The batch, from every store: those that are far at once. */
static void
remove_all(void)
{
	pthread_t thread[255];
	bool apart[255] = { false };
	unsigned s;

	for (s = 0; s < stores->count; s++)
		if (store[s] != NULL && store_far(store[s]))
			apart[s] = pthread_create(&thread[s], NULL, remove_lane,
				       &lane[s]) == 0;
	for (s = 0; s < stores->count; s++)
		if (apart[s])
			pthread_join(thread[s], NULL);
		else if (store[s] != NULL)
			remove_lane(&lane[s]);
	for (s = 0; s < stores->count; s++)
		if (store[s] != NULL && lane[s].result < 0)
			lost(s, &lane[s].why);
}

/* Is the n-th GUID gone from all stores?  Else say where it is not. */
static bool
gone(unsigned n, struct why *w)
{
	unsigned s;

	for (s = 0; s < stores->count; s++)
		if (store[s] != NULL && lane[s].gone[n] == STORE_KEPT) {
			why_set(w, EXIT_DENIED, "%s: does not let us remove it",
			    store_name(store[s]));
			return false;
		}
	for (s = 0; s < stores->count; s++)
		if (store[s] == NULL) {
			name_lost(w);
			return false;
		}
	return true;
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
	remove_all();
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
	struct linein *in;
	struct line l;
	struct why w;
	unsigned i;
	int got;

	if (*opt_parse(argc, argv, options, "< lines > lines removed"))
		die(EXIT_USAGE, "takes no operands");
	secret_init((1 << 16) + 4 * STORE_SECRET);
	open_stores();
	in = linein_open(STDIN_FILENO, "lines", false);
	out = lineout_open(out_open(opt_output), "lines", false);
	linein_on_idle(in, idle, out);
	for (i = 0; i < BATCH; i++)
		line_init(&line[i], false);
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
	for (i = 0; i < BATCH; i++)
		line_free(&line[i]);
	for (i = 0; i < stores->count; i++)
		store_close(store[i]);
	stores_free(stores);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(lineout_count(out));
}
