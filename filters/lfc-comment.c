/* lfc-comment: comment on entries of the catalogue */

#include "lfc_many.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option;
static int none;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "delete", 'd', POPT_ARG_NONE, &none, 0,
	    "take the comment away; without TEXT", NULL },
	OPT_COMMON
};

int
main(int argc, char **argv)
{
	const char **names =
	    opt_parse(argc, argv, options, "TEXT LFN... | -d LFN...");
	const char *text = none ? "" : *names;
	struct lfc_many *m;

	if (!none && *names != NULL)
		names++;
	if (*names == NULL)
		die(EXIT_USAGE, "needs a comment and names");
	m = lfc_many_open(lfc_url(catalogue_option), "comment", NULL);
	line_set(lfc_many_fields(m), "comment", text, strlen(text));
	lfc_many_names(m, names, false);
	return exit_status(lfc_many_close(m));
}
