/* lfc-ls: list the catalogue */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lfc.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "rec.h"
#include "word.h"

static const char *catalogue_option;
static int longer, deep, itself, manifest, replicas, guids;

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
	{ "guid", '\0', POPT_ARG_NONE, &guids, 0,
	    "operands are the GUIDs of files", NULL },
	{ "replicas", '\0', POPT_ARG_NONE, &replicas, 0,
	    "the LFN of each file, and below it where it can be read", NULL },
	OPT_COMMON
};

static struct lfc *catalogue;
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

static unsigned long long
number(const struct line *l, const char *key, int base)
{
	const char *word = line_word(l, key);

	return word ? strtoull(word, NULL, base) : 0;
}

static const char *
word_of(const struct line *l, const char *key)
{
	const char *word = line_word(l, key);

	return word ? word : "-";
}

static void
put_long(const struct line *l)
{
	static const char letters[] = "rwxrwxrwx";
	char mode[11], type = *word_of(l, "type");
	unsigned bits = (unsigned)number(l, "mode", 8);
	int i;

	if (type == 'f')
		type = strcmp(word_of(l, "status"), "online") ? 'm' : '-';
	mode[0] = type;
	for (i = 0; i < 9; i++)
		mode[i + 1] = bits >> (8 - i) & 1 ? letters[i] : '-';
	if (bits & 01000)
		mode[9] = bits & 1 ? 't' : 'T';
	mode[10] = '\0';
	fprintf(text, "%s%s %3llu %-8s %-8s %10llu ", mode,
	    line_word(l, "acl") ? "+" : "", number(l, "links", 10),
	    word_of(l, "owner"), word_of(l, "group"), number(l, "size", 10));
	put_time((long long)number(l, "mtime", 10));
}

/* One entry, by what it is to be called. */
static int
put(const struct line *l, const char *name, struct why *w)
{
	any = true;
	if (longer)
		put_long(l);
	fputs(name, text);
	if (longer && line_word(l, "to"))
		fprintf(text, " -> %s", line_word(l, "to"));
	if (putc('\n', text) == EOF)
		return why_set(w, EXIT_IO, "cannot write the list");
	return 0;
}

static int
put_listed(const struct line *l, struct why *w)
{
	const char *name = strrchr(l->name, '/');

	if (line_word(l, "open") == NULL) {
		name = name ? name + 1 : l->name;
		/* alone, it is a word of its own */
		return put(l, strcmp(name, "-") ? name : "%2D", w);
	}
	if (headers)
		fprintf(text, "%s%s:\n", any ? "\n" : "", l->name);
	any = any || headers;
	return 0;
}

/* A file's manifest line, with --replicas. */
static int
put_replicas(const struct line *l, struct why *w)
{
	int i;

	fprintf(text, "%s\n", word_of(l, "lfn"));
	for (i = 0; i < l->fields; i++)
		if (strcmp(l->field[i].key, "surl") == 0 ||
		    strncmp(l->field[i].key, "surl.", 5) == 0)
			fprintf(text, "\t%s\n", l->field[i].word);
	return ferror(text) ? why_set(w, EXIT_IO, "cannot write the list") : 0;
}

static int
on_lines(void *arg, const char *p, size_t n, struct why *w)
{
	const char *end = p + n, *next, *wrong;

	(void)arg;
	if (lines != NULL)
		return lineout_text(lines, p, n, w);
	for (; p < end; p = next) {
		next = (const char *)rawmemchr(p, '\n') + 1;
		wrong = line_parse(&line, p, (size_t)(next - p));
		if (wrong != NULL)
			return why_set(w, EXIT_DATA, "the list: %s", wrong);
		if ((replicas ? put_replicas : put_listed)(&line, w) < 0)
			return -1;
	}
	return 0;
}

static void
on_refused(void *arg, const char *name, const struct why *why)
{
	char lfn[LINE_MAX_BYTES];
	long n = word_decode(lfn, name, strnlen(name, sizeof lfn - 1));

	(void)arg;
	lfn[n < 0 ? 0 : n] = '\0';
	aside(lfn, why);
}

/* Set the NAME of what to the LFN of an operand: 1; 0 or -1 with *w. */
static int
find(struct line *what, const char *name, struct why *w)
{
	struct line guid, is;
	int got;

	if (!guids)
		return lfc_name(what, name, w) < 0 ? 0 : 1;
	if (strlen(name) != 32 || strspn(name, "0123456789abcdef") != 32)
		return why_set(w, EXIT_DATA, "not a GUID") + 1;
	line_init(&guid, false);
	line_init(&is, false);
	line_set_name_word(&guid, name);
	got = lfc_one(catalogue, "whereis", &guid, &is, w);
	if (got > 0)
		line_set_name_word(what, word_of(&is, "lfn"));
	line_free(&guid);
	line_free(&is);
	return got;
}

/* An operand, if it is of this kind. */
static void
list(const char *name, bool files)
{
	static const struct lfc_sink sink = { on_lines, on_refused, NULL };
	char word[WORD_MAX(REC_NAME_MAX)];
	struct line what, is;
	struct why w = { 0 };
	size_t n = strlen(name);
	int got;

	while (n > 1 && name[n - 1] == '/')
		n--;
	line_init(&what, false);
	line_init(&is, false);
	if ((got = find(&what, name, &w)) > 0) {
		if (longer)
			line_add_word(&what, "long", "1");
		if (!itself)
			line_add_word(&what, "follow", "1");
		got = lfc_one(catalogue, "stat", &what, &is, &w);
	}
	if (got > 0 && (itself || *word_of(&is, "type") != 'd')) {
		if (files && manifest)
			got = lfc_list(catalogue, "manifest", &what, &sink, &w);
		else if (files) {
			word_encode(
			    word, name, n < REC_NAME_MAX ? n : REC_NAME_MAX);
			got =
			    put(&is, guids ? what.name : word, &w) < 0 ? -1 : 1;
		}
		served += files && got > 0;
	} else if (got > 0 && !files) {
		if (deep)
			line_add_word(&what, "deep", "1");
		got = lfc_list(
		    catalogue, manifest ? "manifest" : "ls", &what, &sink, &w);
		served += got > 0;
	} else if (got > 0 || !files)
		w.code = 0; /* its turn is later, or was */
	if (got < 0)
		die_why(&w);
	if (got == 0 && w.code != 0)
		aside(name, &w);
	line_free(&what);
	line_free(&is);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	const char **names, **p;
	static const char *home[2];
	int fd;

	names = opt_parse(argc, argv, options, "[LFN...]");
	if (manifest + replicas > 1)
		die(EXIT_USAGE, "--manifest or --replicas");
	if ((manifest || replicas) && (longer || itself))
		die(EXIT_USAGE, "--%s goes without -l and -d",
		    manifest ? "manifest" : "replicas");
	if (guids && *names == NULL)
		die(EXIT_USAGE, "--guid: needs GUIDs");
	manifest |= replicas; /* it is made of the same lines */
	if (*names == NULL) {
		home[0] = opt_or_env(NULL, "LFC_HOME");
		if (home[0] == NULL)
			home[0] = "/grid/mdm";
		names = home;
	}
	catalogue = lfc_open(lfc_url(catalogue_option), false, &w);
	if (catalogue == NULL)
		die_why(&w);
	fd = out_open(opt_output);
	if (manifest && !replicas) {
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
	if (lines != NULL ? lineout_end(lines, &w) < 0 : 0)
		die_why(&w);
	if (text != NULL && (ferror(text) | fclose(text)))
		die(EXIT_IO, "cannot write the list");
	out_commit();
	lfc_close(catalogue);
	return exit_status(served);
}
