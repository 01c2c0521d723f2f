/* srm-rm: remove the replicas of a manifest's lines from their storage */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "replica.h"
#include "secret.h"
#include "word.h"

#define allow opt_lists[0]

static const struct poptOption options[] = {
	{ "allow", '\0', POPT_ARG_STRING, NULL, OPT_LIST,
	    "remove from this storage (default: $MDM_STORAGE)", "URL" },
	OPT_COMMON
};

#define BATCH 1000 /* removals to a sync */

static unsigned waits;
static struct line waiting[BATCH];
static struct lineout *out;
static unsigned long gone, missing;

/* Said when it is durable. */
static void
settle(void)
{
	struct why w = { 0 };
	unsigned k;
	int i;

	for (i = 0; i < replica_storages() && waits > 0; i++)
		if (grid_sync(replica_storage(i), &w) < 0)
			die_why(&w);
	for (k = 0; k < waits; k++)
		if (lineout_put(out, &waiting[k], &w) < 0)
			die_why(&w);
	waits = 0;
}

/* Remove one replica: 1, 0 if it was not there, -1. */
static int
rm(const struct line *l, const char *key, struct why *w)
{
	const char *path = NULL;
	char surl[GRID_SURL];
	int i;

	if (line_text(l, key, surl, sizeof surl, w) < 0)
		return -1;
	for (i = 0; i < replica_storages(); i++)
		if ((path = grid_path(replica_storage(i), surl)) != NULL)
			return grid_remove(replica_storage(i), path, w);
	return why_set(
	    w, EXIT_DENIED, "its surl is on no storage that --allow names");
}

static void
serve(const struct line *l)
{
	char key[24] = "surl", name[LINE_MAX_BYTES];
	struct why w = { 0 };
	int i = 1, got = 0, any = 0;

	for (; line_word(l, key) != NULL;
	     snprintf(key, sizeof key, "surl.%d", i)) {
		if ((got = rm(l, key, &w)) < 0)
			break;
		any |= got;
		i++;
	}
	if (got < 0) {
		struct why ignored;

		aside(line_name(l, name, sizeof name, &ignored) < 0 ? l->name
								    : name,
		    &w);
		return;
	}
	gone += (unsigned long)any;
	missing += (unsigned long)!any;
	progress_add(1, 0);
	line_copy(&waiting[waits], l);
	line_set_word(&waiting[waits++], "status", any ? "removed" : "absent");
	if (waits == BATCH)
		settle();
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	struct linein *in;
	struct line l;
	int got;

	if (*opt_parse(argc, argv, options, "< manifest > manifest"))
		die(EXIT_USAGE, "takes no operands");
	secret_init(1 << 18);
	replica_open(&allow);
	in = linein_open(STDIN_FILENO, "manifest", false);
	out = lineout_open(out_open(opt_output), "manifest", false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0)
		serve(&l);
	if (got < 0)
		die_why(&w);
	settle();
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	if (opt_verbose)
		say_note("%lu removed, %lu were not there, %lu set aside", gone,
		    missing, aside_count());
	return exit_status(lineout_count(out));
}
