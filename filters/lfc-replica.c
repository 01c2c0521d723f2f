/* lfc-replica: where files are: show replicas, add, remove and mark them */

#include "lfc_many.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option, *add, *drop, *bad, *good;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "add", '\0', POPT_ARG_STRING, &add, 0, "this is a replica of it",
	    "URL" },
	{ "remove", '\0', POPT_ARG_STRING, &drop, 0, "this is none any more",
	    "URL" },
	{ "bad", '\0', POPT_ARG_STRING, &bad, 0,
	    "this one is damaged or gone: keep it out of manifests", "URL" },
	{ "good", '\0', POPT_ARG_STRING, &good, 0, "this one is fine again",
	    "URL" },
	OPT_COMMON
};

static struct lineout *lines;

static int
on_lines(void *arg, const char *text, size_t n, struct why *w)
{
	(void)arg;
	return lineout_text(lines, text, n, w);
}

static unsigned long
show(const char *const *names)
{
	static const struct lfc_sink sink = { .lines = on_lines };
	struct why w = { 0 };
	struct lfc *l = lfc_open(lfc_url(catalogue_option), false, &w);
	unsigned long served = 0;
	struct line what;
	int got;

	if (l == NULL)
		die_why(&w);
	lines = lineout_open(out_open(opt_output), "replicas", false);
	line_init(&what, false);
	for (; *names != NULL; names++) {
		line_reset(&what);
		if ((got = lfc_name(&what, *names, &w)) == 0 &&
		    (got = lfc_list(l, "replicas", &what, &sink, &w)) < 0)
			die_why(&w);
		if (got > 0)
			served++;
		else
			aside(*names, &w);
	}
	if (lineout_end(lines, &w) < 0)
		die_why(&w);
	out_commit();
	lfc_close(l);
	return served;
}

int
main(int argc, char **argv)
{
	const char **names = opt_parse(argc, argv, options, "LFN... | -");
	const struct {
		const char *key, *url;
	} change[] = { { "add", add }, { "remove", drop }, { "bad", bad },
		{ "good", good } };
	struct lfc_many *m;
	int i, which = -1;

	for (i = 0; i < 4; i++)
		if (change[i].url != NULL) {
			if (which >= 0)
				die(EXIT_USAGE, "one change at a time");
			which = i;
		}
	if (*names == NULL)
		die(EXIT_USAGE, "needs names");
	if (which < 0)
		return exit_status(show(names));
	m = lfc_many_open(lfc_url(catalogue_option), "replica", NULL);
	if (strcmp(change[which].url, "-") == 0)
		lfc_many_carry(m, "surl", change[which].key);
	else
		line_set(lfc_many_fields(m), change[which].key,
		    change[which].url, strlen(change[which].url));
	lfc_many_names(m, names, false);
	return exit_status(lfc_many_close(m));
}
