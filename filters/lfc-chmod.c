/* lfc-chmod: change the modes of entries of the catalogue */

#include "lfc_many.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option;
static int deep;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "recursive", 'R', POPT_ARG_NONE, &deep, 0,
	    "directories with all below them", NULL },
	OPT_COMMON
};

int
main(int argc, char **argv)
{
	const char **names =
	    opt_parse(argc, argv, options, "MODE LFN... | MODE -");
	struct lfc_many *m;

	if (names[0] == NULL || names[1] == NULL)
		die(EXIT_USAGE, "needs a mode and names");
	m = lfc_many_open(lfc_url(catalogue_option), "chmod", NULL);
	line_set(lfc_many_fields(m), "mode", names[0], strlen(names[0]));
	lfc_many_names(m, names + 1, deep);
	return exit_status(lfc_many_close(m));
}
