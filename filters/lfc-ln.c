/* lfc-ln: make a symbolic link in the catalogue */

#include "lfc_many.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option;
static int symbolic;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "symbolic", 's', POPT_ARG_NONE, &symbolic, 0,
	    "as ln(1) has it; there are no other links", NULL },
	OPT_COMMON
};

int
main(int argc, char **argv)
{
	const char **names = opt_parse(argc, argv, options, "TARGET LFN");
	struct why w = { 0 };
	struct line target;
	struct lfc_many *m;

	if (names[0] == NULL || names[1] == NULL || names[2] != NULL)
		die(EXIT_USAGE, "needs what to link to, and a name for it");
	line_init(&target, false);
	if (lfc_name(&target, names[0], &w) < 0)
		die(w.code, "%s: %s", names[0], w.text);
	m = lfc_many_open(lfc_url(catalogue_option), "link", NULL);
	line_set_word(lfc_many_fields(m), "to", target.name);
	lfc_many_names(m, names + 1, false);
	return exit_status(lfc_many_close(m));
}
