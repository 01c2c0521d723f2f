/* dcm-find: what a DICOM server has, as lines; all of it, though it cuts */

#include <fcntl.h>
#include <stdio.h>

#include "charset.h"
#include "lookup.h"
#include "opt.h"
#include "out.h"
#include "pacs.h"
#include "progress.h"

static const char *pacs, *level_name = "study", *names;
static int cap;

static const struct poptOption options[] = {
	{ "pacs", '\0', POPT_ARG_STRING, &pacs, 0,
	    "the server, dicom://AE@HOST:PORT, dicoms://, or DICOMweb's "
	    "https://HOST/PATH ($MDM_PACS)",
	    "URL" },
	{ "level", 'l', POPT_ARG_STRING, &level_name, 0,
	    "what to list: study (default), series or image", "LEVEL" },
	{ "cap", '\0', POPT_ARG_INT, &cap, 0,
	    "the server gives so many answers at most (default: it is found "
	    "out)",
	    "N" },
	{ "names", 'T', POPT_ARG_STRING, &names, 0,
	    "ask about each name in FILE, as this program writes them (without "
	    "KEYs: standard input)",
	    "FILE" },
	PACS_OPTIONS, OPT_COMMON
};

static struct lineout *out;
static struct query query;
static struct lookup find = { .q = &query };

static int
put(void *arg, const struct query_name *name, const char *sop_class,
    const void *p, size_t n, struct why *w)
{
	static struct line l;

	(void)arg, (void)sop_class;
	if (l.buf == NULL)
		line_init(&l, false);
	if (query_line(&l, name, p, n, w) < 0)
		return -1;
	progress_add(1, 0);
	return lineout_put(out, &l, w);
}

/* Which part of the input is meant, in messages: names would identify. */
static void
cut(const char *what, unsigned long before)
{
	struct why w;

	if (find.unsplit == before)
		return;
	why_set(&w, EXIT_NO,
	    "the server cut %lu answers that cannot be split further, or in "
	    "which something matches no split, or says that it has more than "
	    "it lists: some may be missing",
	    find.unsplit - before);
	aside(what, &w);
}

static void
by_lines(int fd)
{
	struct query_name name;
	struct why w = { 0 };
	struct linein *in;
	struct line l;
	char what[32];
	int got;

	in = linein_open(fd, "names", false);
	line_init(&l, false);
	linein_on_idle(in, lineout_idle, out);
	while ((got = linein_next(in, &l, &w)) == 1) {
		const unsigned long before = find.unsplit;

		snprintf(what, sizeof what, "line:%lu", linein_count(in));
		if (query_name(&name, &l, &w) < 0) {
			aside(what, &w);
			continue;
		}
		if (lookup_run(&find, &name, &w) < 0)
			die(w.code, "%s: %s", what, w.text);
		cut(what, before);
	}
	if (got < 0)
		die_why(&w);
	line_free(&l);
	linein_free(in);
}

static struct dimse_net *net;

static void
open_server(void)
{
	static const char *const implicit[] = { PACS_IMPLICIT };
	static const struct dimse_context context = { PACS_FIND, implicit, 1,
		false };
	static struct dimse_conf conf;
	static struct dicomweb_conf web;
	const char *url = opt_need(pacs, "--pacs", "MDM_PACS");
	struct why w = { 0 };

	if (pacs_web(&web, url)) {
		if (dicomweb_init(&web, &w) < 0)
			die_why(&w);
		find.web = dicomweb_open(&web);
		return;
	}
	pacs_conf(&conf, url);
	dimse_init(&conf);
	if ((net = dimse_net_new(&conf, &w)) == NULL ||
	    (find.d = dimse_open(net, &context, 1, &w)) == NULL)
		die(w.code, "%s:%u: %s", conf.host, conf.port, w.text);
}

int
main(int argc, char **argv)
{
	static const struct query_name all;
	struct why w = { 0 };
	const char **keys, **k;
	enum query_level level;
	int fd = -1;

	keys = opt_parse(argc, argv, options, "[KEY=VALUE...] > lines");
	if (query_level(&level, level_name, &w) < 0)
		die_why(&w);
	if (cap < 0)
		die(EXIT_USAGE, "--cap: not a number of answers");
	query_init(&query, level);
	for (k = keys; *k; k++)
		if (query_add(&query, *k, &w) < 0)
			die_why(&w);
	if (query_defaults(&query, &w) < 0)
		die_why(&w);
	if (names == NULL && *keys == NULL)
		names = "-";
	if (names && (fd = opt_open(names, O_RDONLY, &w)) < 0)
		die_why(&w);
	charset_init();
	out = lineout_open(out_open(opt_output), "lines", false);
	open_server();
	find.cap = (unsigned)cap;
	find.answer = put;
	lookup_begin(&find);
	if (fd >= 0)
		by_lines(fd);
	else if (lookup_run(&find, &all, &w) < 0)
		die_why(&w);
	else
		cut("query", 0);
	dimse_end(find.d);
	dicomweb_close(find.web);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	if (opt_verbose)
		say_note("%lu answers to %lu queries", lineout_count(out),
		    find.asked);
	return exit_status(lineout_count(out));
}
