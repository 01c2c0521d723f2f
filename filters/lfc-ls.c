/* lfc-ls: list the catalogue */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "catalogue.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "rec.h"
#include "word.h"

static const char *catalogue_option;
static int longer, deep, itself, manifest;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "long", 'l', POPT_ARG_NONE, &longer, 0,
	    "mode, links, owner, group, size, time and name", NULL },
	{ "recursive", 'R', POPT_ARG_NONE, &deep, 0,
	    "directories and all below them", NULL },
	{ "directory", 'd', POPT_ARG_NONE, &itself, 0,
	    "the directory itself, not what is in it", NULL },
	{ "manifest", '\0', POPT_ARG_NONE, &manifest, 0,
	    "manifest lines of the files, for other programs", NULL },
	OPT_COMMON
};

static struct catalogue *catalogue;
static struct lineout *lines; /* with --manifest */
static FILE *text;            /* without */
static bool headers, any;     /* name each directory; not the first */
static struct line line;
static unsigned long served;

/* "Nov 23 12:49", or with the year when that says more. */
static void
put_time(long long t)
{
	time_t when = (time_t)t, now = time(NULL);
	char date[40] = "?";
	struct tm tm;

	if (localtime_r(&when, &tm) != NULL)
		strftime(date, sizeof date,
		    when > now || now - when > 180 * 86400L ? "%b %e  %Y"
							    : "%b %e %H:%M",
		    &tm);
	fprintf(text, "%s ", date);
}

static int
put_long(const struct catalogue_entry *e, struct why *w)
{
	static const char letters[] = "rwxrwxrwx";
	char mode[11];
	long long links = 1;
	int i;

	mode[0] = e->dir ? 'd' : e->online ? '-' : 'm';
	for (i = 0; i < 9; i++)
		mode[i + 1] = e->mode >> (8 - i) & 1 ? letters[i] : '-';
	mode[10] = '\0';
	if (e->dir && (links = catalogue_children(catalogue, e->id, w)) < 0)
		return -1;
	fprintf(text, "%s %3lld %-8s %-8s %10lld ", mode, links, e->owner,
	    e->group, e->size);
	put_time(e->mtime);
	return 0;
}

/* One entry; name is what it is to be called. */
static int
put(const struct catalogue_entry *e, const char *dir, const char *name,
    struct why *w)
{
	any = true;
	if (!manifest) {
		if (longer && put_long(e, w) < 0)
			return -1;
		fputs(name, text);
		if (putc('\n', text) == EOF)
			return why_set(w, EXIT_IO, "cannot write the list");
		return 0;
	}
	if (e->dir)
		return 0;
	if (catalogue_line(catalogue, e, dir, &line, w) < 0)
		return -1;
	return lineout_put(lines, &line, w);
}

static int
visit(
    void *arg, const char *dir, const struct catalogue_entry *e, struct why *w)
{
	(void)arg;
	if (e != NULL)
		return put(e, dir, e->name, w);
	if (headers && !manifest)
		fprintf(text, "%s%s:\n", any ? "\n" : "", dir);
	any = any || headers;
	return 0;
}

static void
list(const char *name, bool files)
{
	char lfn[REC_NAME_MAX + 1], word[WORD_MAX(REC_NAME_MAX)];
	struct catalogue_entry e;
	struct why w = { 0 };
	size_t n = strlen(name);
	char *copy = strndup(name, n);
	int got;

	if (copy == NULL)
		die(EXIT_IO, "out of memory");
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	if (catalogue_lfn(lfn, sizeof lfn, copy, &w) < 0)
		got = 0;
	else if ((got = catalogue_stat(catalogue, lfn, &e, &w)) == 0)
		why_set(&w, EXIT_NO, "no such entry");
	if (got == 0) {
		if (files)
			aside(copy, &w);
	} else if (got > 0 && (itself || !e.dir)) {
		word_encode(word, copy, n);
		if (files && (got = put(&e, NULL, word, &w)) == 0)
			served++;
	} else if (got > 0 && !files) {
		got =
		    catalogue_walk(catalogue, lfn, deep, NULL, visit, NULL, &w);
		served++;
	}
	if (got < 0)
		die_why(&w);
	free(copy);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	const char **names, **p;
	static const char *home[2];
	int fd;

	names = opt_parse(argc, argv, options, "[LFN...]");
	if (manifest && (longer || itself))
		die(EXIT_USAGE, "--manifest goes without -l and -d");
	if (*names == NULL) {
		home[0] = opt_or_env(NULL, "LFC_HOME");
		if (home[0] == NULL)
			home[0] = "/grid/mdm";
		names = home;
	}
	catalogue = catalogue_open(catalogue_url(catalogue_option), false, &w);
	if (catalogue == NULL)
		die_why(&w);
	fd = out_open(opt_output);
	if (manifest) {
		lines = lineout_open(fd, "manifest", false);
	} else {
		if ((text = fdopen(dup(fd), "w")) == NULL)
			die(EXIT_IO, "out of memory");
		setvbuf(text, NULL, _IOFBF, 1 << 17);
	}
	line_init(&line, false);
	headers = deep || (*names != NULL && names[1] != NULL);

	/* As ls does: files first, then what is in directories. */
	for (p = names; *p != NULL; p++)
		list(*p, true);
	for (p = names; *p != NULL; p++)
		list(*p, false);
	if (manifest ? lineout_end(lines, &w) < 0 : 0)
		die_why(&w);
	if (!manifest && (ferror(text) | fclose(text)))
		die(EXIT_IO, "cannot write the list");
	out_commit();
	catalogue_close(catalogue);
	return exit_status(served);
}
