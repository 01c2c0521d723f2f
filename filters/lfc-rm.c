/* lfc-rm: remove entries from the catalogue */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "rec.h"
#include "word.h"

static const char *catalogue_option;
static int deep, manifest;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "recursive", 'r', POPT_ARG_NONE, &deep, 0,
	    "directories with all below them", NULL },
	{ "manifest", '\0', POPT_ARG_NONE, &manifest, 0,
	    "write the manifest lines of the files that were removed", NULL },
	OPT_COMMON
};

#define CHUNK 1000 /* entries to a transaction */

static struct catalogue *catalogue;
static struct lineout *lines;
static struct line gone[CHUNK]; /* removed in this transaction */
static int n_gone, in_chunk;
static bool open_tx;
static unsigned long removed, missing;

/* What was removed is said when that is durable. */
static void
commit(void)
{
	struct why w = { 0 };
	int i;

	if (open_tx && catalogue_commit(catalogue, &w) < 0)
		die_why(&w);
	open_tx = false;
	for (i = 0; i < n_gone; i++)
		if (lines != NULL && lineout_put(lines, &gone[i], &w) < 0)
			die_why(&w);
	n_gone = in_chunk = 0;
}

static int
on_gone(void *arg, const struct line *l, struct why *w)
{
	(void)arg;
	(void)w;
	line_copy(&gone[n_gone++], l);
	removed++;
	return 0;
}

static void
rm(const char *lfn, const char *name, const unsigned char *guid)
{
	struct why w = { 0 };
	int got;

	do {
		if (!open_tx && catalogue_begin(catalogue, &w) < 0)
			die_why(&w);
		open_tx = true;
		got = catalogue_remove(catalogue, lfn, guid, deep,
		    CHUNK - in_chunk, on_gone, NULL, &w);
		if (got < 0 && w.code != EXIT_NO)
			die_why(&w);
		if (got == 2 || ++in_chunk >= CHUNK || n_gone == CHUNK)
			commit();
		else if (n_gone > in_chunk)
			in_chunk = n_gone;
	} while (got == 2);
	if (got == 0) {
		missing++;
		if (opt_verbose)
			say_note("%s: no such entry", name);
	}
	if (got < 0)
		aside(name, &w);
}

static void
rm_operand(const char *name)
{
	char lfn[REC_NAME_MAX + 1];
	struct why w = { 0 };
	size_t n = strlen(name);
	char *copy = strdup(name);

	if (copy == NULL)
		die(EXIT_IO, "out of memory");
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	if (catalogue_lfn(lfn, sizeof lfn, copy, &w) < 0)
		aside(copy, &w);
	else
		rm(lfn, copy, NULL);
	free(copy);
}

/*
 * Lines of a manifest.  It must be whole before anything is removed, and an
 * entry that has moved to another generation since is left alone.
 */
static void
rm_lines(void)
{
	char lfn[REC_NAME_MAX + 1];
	struct why w = { 0 };
	struct linein *in = linein_open(STDIN_FILENO, "manifest", false);
	struct line l;
	unsigned char guid[16];
	bool has_guid;
	int got;

	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		has_guid = line_word(&l, "guid") != NULL;
		if (catalogue_line_lfn(lfn, sizeof lfn, &l, &w) < 0 ||
		    (has_guid &&
			line_hex(&l, "guid", guid, sizeof guid, &w) < 0))
			aside(l.name, &w);
		else
			rm(lfn, l.name, has_guid ? guid : NULL);
	}
	if (got < 0) {
		if (open_tx)
			catalogue_rollback(catalogue);
		die_why(&w);
	}
	line_free(&l);
	linein_free(in);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	const char **p = opt_parse(argc, argv, options, "LFN... | -");
	int fd;

	if (*p == NULL)
		die(EXIT_USAGE, "needs names, or - for manifest lines");
	catalogue = catalogue_open(catalogue_url(catalogue_option), false, &w);
	if (catalogue == NULL)
		die_why(&w);
	fd = out_open(opt_output);
	if (manifest)
		lines = lineout_open(fd, "manifest", false);
	for (; *p != NULL; p++)
		if (strcmp(*p, "-") == 0)
			rm_lines();
		else
			rm_operand(*p);
	commit();
	if (lines != NULL && lineout_end(lines, &w) < 0)
		die_why(&w);
	out_commit();
	if (opt_verbose)
		say_note("%lu removed, %lu were not there, %lu set aside",
		    removed, missing, aside_count());
	catalogue_close(catalogue);
	return exit_status(removed + missing);
}
