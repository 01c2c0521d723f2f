/* lfc-rm: remove entries from the catalogue */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "lfc.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "rec.h"

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

static const char *url;
static struct lfc *catalogue, *list; /* list: while the other is asked */
static struct lineout *lines;
static struct line batch[LFC_BATCH];
static char *said[LFC_BATCH];      /* what each is called */
static struct line was[LFC_BATCH]; /* what it was, where that is known */
static unsigned in_batch;
static unsigned long removed, missing;

/*
 * A file that is gone: its answer, as the manifest line it was.  Of one that
 * was removed by a request whose answer was lost, known is what is left.
 */
static int
told(const struct line *answer, const struct line *known, struct why *w)
{
	const char *name = line_word(answer, "record");
	static struct line l;
	int i;

	if (name == NULL && known->name == NULL)
		return 0;
	removed++;
	if (name == NULL)
		return lines ? lineout_put(lines, known, w) : 0;
	if (lines == NULL)
		return 0;
	line_reset(&l);
	line_set_name_word(&l, name);
	for (i = 0; i < answer->fields; i++)
		if (strcmp(answer->field[i].key, "record") != 0 &&
		    strcmp(answer->field[i].key, "removed") != 0)
			line_add_word(
			    &l, answer->field[i].key, answer->field[i].word);
	return lineout_put(lines, &l, w);
}

static void
failed(const char *name, const struct why *refused)
{
	if (!lfc_missing(refused)) {
		aside(name, refused);
		return;
	}
	missing++;
	if (opt_verbose)
		say_note("%s: no such entry", name);
}

static int
answered(void *arg, unsigned i, const struct line *answer,
    const struct why *refused, struct why *w)
{
	(void)arg;
	if (refused == NULL)
		return told(answer, &was[i], w);
	failed(said[i], refused);
	return 0;
}

static void
commit(void)
{
	struct why w = { 0 };

	if (lfc_ask(catalogue, "rm", batch, in_batch, answered, NULL, &w) < 0)
		die_why(&w);
	while (in_batch > 0) {
		free(said[--in_batch]);
		line_reset(&was[in_batch]);
	}
}

/* batch[in_batch] is set: call it this. */
static void
rm(const char *name)
{
	if ((said[in_batch] = strdup(name)) == NULL)
		die(EXIT_IO, "out of memory");
	if (++in_batch == LFC_BATCH)
		commit();
}

static int
gone(void *arg, const char *text, size_t n, struct why *w)
{
	const char *p = text;

	(void)arg;
	while (p < text + n) {
		removed++;
		p = (const char *)rawmemchr(p, '\n') + 1;
	}
	return lines ? lineout_text(lines, text, n, w) : 0;
}

/* Files of a list, by what they are and not only by their names. */
static int
listed(void *arg, const char *text, size_t n, struct why *w)
{
	const char *p = text, *next, *wrong, *lfn, *guid;
	struct line *l;

	(void)arg;
	for (; p < text + n; p = next) {
		next = (const char *)rawmemchr(p, '\n') + 1;
		l = &was[in_batch];
		if ((wrong = line_parse(l, p, (size_t)(next - p))) != NULL)
			return why_set(w, EXIT_DATA, "the list: %s", wrong);
		if ((lfn = line_word(l, "lfn")) == NULL)
			return why_set(w, EXIT_DATA, "the list: no lfn=");
		line_reset(&batch[in_batch]);
		line_set_name_word(&batch[in_batch], lfn);
		if ((guid = line_word(l, "guid")) != NULL)
			line_add_word(&batch[in_batch], "guid", guid);
		rm(lfn);
	}
	return 0;
}

/*
 * The lines of what goes are all that leads to keys and replicas: a service
 * that dies while it removes a tree must not take them along.  So the files go
 * by a list of them; the rest, directories and what may not be listed, follows.
 */
static void
rm_listed(const struct line *top)
{
	static const struct lfc_sink sink = { .lines = listed };
	struct why w = { 0 };
	struct line what, is;
	const char *type;
	bool dir;
	int got;

	line_init(&is, false);
	if ((got = lfc_one(catalogue, "stat", top, &is, &w)) < 0)
		die_why(&w);
	type = got > 0 ? line_word(&is, "type") : NULL;
	dir = type != NULL && *type == 'd';
	line_free(&is);
	if (!dir) /* a link's directory stays */
		return;
	if (list == NULL && (list = lfc_open(url, false, &w)) == NULL)
		die_why(&w);
	line_init(&what, false);
	line_copy(&what, top);
	line_add_word(&what, "deep", "1");
	if (lfc_list(list, "manifest", &what, &sink, &w) < 0)
		die_why(&w);
	line_free(&what);
	commit();
}

static void
rm_operand(const char *name)
{
	static const struct lfc_sink sink = { .lines = gone };
	struct why w = { 0 };
	struct line top;
	int got;

	line_reset(&batch[in_batch]);
	if (lfc_name(&batch[in_batch], name, &w) < 0) {
		aside(name, &w);
		return;
	}
	if (!deep) {
		rm(name);
		return;
	}
	line_init(&top, false);
	line_copy(&top, &batch[in_batch]);
	commit();
	if (lines != NULL)
		rm_listed(&top);
	got = lfc_list(catalogue, "rmtree", &top, &sink, &w);
	line_free(&top);
	if (got < 0)
		die_why(&w);
	if (got == 0)
		failed(name, &w);
}

/*
 * Lines of a manifest.  An entry that has moved to another generation since is
 * left alone.
 */
static void
rm_lines(void)
{
	struct linein *in = linein_open(STDIN_FILENO, "manifest", false);
	char lfn[REC_NAME_MAX + 1];
	struct why w = { 0 };
	struct line l;
	unsigned char guid[16];
	int got;

	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		const char *word = line_word(&l, "guid");

		if (catalogue_line_lfn(lfn, sizeof lfn, &l, &w) < 0 ||
		    (word != NULL &&
			line_hex(&l, "guid", guid, sizeof guid, &w) < 0)) {
			aside(l.name, &w);
			continue;
		}
		line_reset(&batch[in_batch]);
		line_set_name(&batch[in_batch], lfn, strlen(lfn));
		if (word != NULL)
			line_add_word(&batch[in_batch], "guid", word);
		rm(l.name);
	}
	if (got < 0)
		die_why(&w);
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
	url = lfc_url(catalogue_option);
	catalogue = lfc_open(url, false, &w);
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
	lfc_close(list);
	lfc_close(catalogue);
	return exit_status(removed + missing);
}
