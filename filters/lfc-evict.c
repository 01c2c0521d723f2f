/* lfc-evict: recalled files are nearline again; what they were, as lines */

#include "lfc_many.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	OPT_COMMON
};

static struct lineout *lines;

/* The answer, as the manifest line it was. */
static int
gone(const char *name, const struct line *answer, struct why *w)
{
	const char *record = line_word(answer, "record");
	static struct line l;

	(void)name;
	if (record == NULL)
		return why_set(w, EXIT_DATA, "an answer without record=");
	line_copy(&l, answer);
	line_set_name_word(&l, record);
	line_unset(&l, "record");
	return lineout_put(lines, &l, w);
}

int
main(int argc, char **argv)
{
	const char **names = opt_parse(argc, argv, options, "LFN... | -");
	struct why w = { 0 };
	struct lfc_many *m;

	if (*names == NULL)
		die(EXIT_USAGE, "needs names, or - for manifest lines");
	lines = lineout_open(out_open(opt_output), "manifest", false);
	m = lfc_many_open(lfc_url(catalogue_option), "evict", gone);
	lfc_many_carry(m, "guid", "guid");
	lfc_many_names(m, names, false);
	lfc_many_close(m);
	if (lineout_end(lines, &w) < 0)
		die_why(&w);
	out_commit();
	return exit_status(lineout_count(lines));
}
