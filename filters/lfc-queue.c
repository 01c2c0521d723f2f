/* lfc-queue: the requests for nearline files, for those who serve them */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfc.h"
#include "line.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option, *take, *renew, *done, *site;
static int cached, count = -1, ttl = -1;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "take", '\0', POPT_ARG_STRING, &take, 0,
	    "take requests as TAKER, 32 hexadecimal digits, or see again "
	    "which those are",
	    "TAKER" },
	{ "renew", '\0', POPT_ARG_STRING, &renew, 0,
	    "hold them longer; 1 if none is held any more", "TAKER" },
	{ "done", '\0', POPT_ARG_STRING, &done, 0,
	    "say by lines what has become of them", "TAKER" },
	{ "cached", '\0', POPT_ARG_NONE, &cached, 0,
	    "list what is online by a recall, the longest unasked first",
	    NULL },
	{ "site", '\0', POPT_ARG_STRING, &site, 0,
	    "of the sources dicom://SITE/ ($MDM_DICOM_SITE)", "SITE" },
	{ "count", 'n', POPT_ARG_INT, &count, 0,
	    "take at most so many (default: 1000)", "N" },
	{ "ttl", '\0', POPT_ARG_INT, &ttl, 0,
	    "hold them for so long (default: 600)", "SECONDS" },
	OPT_COMMON
};

static struct lfc *catalogue;
static struct lineout *out;

static int
on_lines(void *arg, const char *text, size_t n, struct why *w)
{
	(void)arg;
	return lineout_text(out, text, n, w);
}

static void
list(const char *op, const char *name)
{
	static const struct lfc_sink sink = { .lines = on_lines };
	struct why w = { 0 };
	struct line what;

	line_init(&what, false);
	line_set_name(&what, name, strlen(name));
	line_set(&what, "site", site, strlen(site));
	if (count > 0)
		line_set_number(&what, "n", (unsigned long long)count);
	if (ttl > 0)
		line_set_number(&what, "ttl", (unsigned long long)ttl);
	if (lfc_list(catalogue, op, &what, &sink, &w) <= 0)
		die_why(&w);
	line_free(&what);
}

/* Does it still hold some? */
static bool
keep(void)
{
	struct line what, answer;
	unsigned long long held;
	struct why w = { 0 };

	line_init(&what, false);
	line_init(&answer, false);
	line_set_name(&what, renew, strlen(renew));
	if (ttl > 0)
		line_set_number(&what, "ttl", (unsigned long long)ttl);
	if (lfc_one(catalogue, "recall-renew", &what, &answer, &w) <= 0 ||
	    line_number(&answer, "held", &held, &w) < 0 ||
	    lineout_put(out, &answer, &w) < 0)
		die_why(&w);
	line_free(&what);
	line_free(&answer);
	return held > 0;
}

static struct line batch[LFC_BATCH];

static int
answered(void *arg, unsigned i, const struct line *answer,
    const struct why *refused, struct why *w)
{
	(void)arg;
	if (refused == NULL)
		return lineout_put(out, answer, w);
	aside(batch[i].name, refused);
	return 0;
}

static void
report(unsigned n)
{
	struct why w = { 0 };

	if (n > 0 &&
	    lfc_ask(catalogue, "recall-done", batch, n, answered, NULL, &w) < 0)
		die_why(&w);
}

static void
settle(void)
{
	static const char *const said[] = { "entry", "state", "reason",
		"delay" };
	struct linein *in = linein_open(STDIN_FILENO, "lines", false);
	struct why w = { 0 };
	const char *word;
	struct line l;
	unsigned n = 0;
	size_t k;
	int got;

	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		word = line_word(&l, "lfn");
		line_reset(&batch[n]);
		line_set_name_word(&batch[n], word ? word : l.name);
		line_set(&batch[n], "taker", done, strlen(done));
		for (k = 0; k < sizeof said / sizeof *said; k++)
			if ((word = line_word(&l, said[k])) != NULL)
				line_set_word(&batch[n], said[k], word);
		if (++n == LFC_BATCH) {
			report(n);
			n = 0;
		}
	}
	if (got < 0)
		die_why(&w);
	report(n);
	line_free(&l);
	linein_free(in);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	bool held = true;

	if (*opt_parse(argc, argv, options,
		"--take TAKER | --renew TAKER | --done TAKER | --cached"))
		die(EXIT_USAGE, "takes no operands");
	if ((take != NULL) + (renew != NULL) + (done != NULL) + cached != 1)
		die(EXIT_USAGE, "one of --take, --renew, --done and --cached");
	if (take != NULL || cached)
		site = opt_need(site, "--site", "MDM_DICOM_SITE");
	if ((count != -1 && (count < 1 || count > 1000)) ||
	    (ttl != -1 && ttl < 1))
		die(EXIT_USAGE, "--count: from 1 to 1000; --ttl: from 1");
	if ((catalogue = lfc_open(lfc_url(catalogue_option), false, &w)) ==
	    NULL)
		die_why(&w);
	out = lineout_open(out_open(opt_output), "lines", false);
	if (take != NULL)
		list("recall-take", take);
	else if (cached)
		list("recalled", "-");
	else if (renew != NULL)
		held = keep();
	else
		settle();
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	lfc_close(catalogue);
	return held ? exit_status(lineout_count(out)) : EXIT_NO;
}
