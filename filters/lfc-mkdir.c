/* lfc-mkdir: make directories in the catalogue */

#include "lfc_many.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option, *mode;
static int parents;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "parents", 'p', POPT_ARG_NONE, &parents, 0,
	    "missing directories on the way, too; one that exists is fine",
	    NULL },
	{ "mode", 'm', POPT_ARG_STRING, &mode, 0,
	    "its mode, as chmod(1) takes it (default: 755)", "MODE" },
	OPT_COMMON
};

int
main(int argc, char **argv)
{
	const char **names = opt_parse(argc, argv, options, "LFN...");
	struct lfc_many *m;

	if (*names == NULL)
		die(EXIT_USAGE, "needs names");
	m = lfc_many_open(lfc_url(catalogue_option), "mkdir", NULL);
	if (parents)
		line_set_word(lfc_many_fields(m), "parents", "1");
	if (mode != NULL)
		line_set(lfc_many_fields(m), "mode", mode, strlen(mode));
	lfc_many_names(m, names, false);
	return exit_status(lfc_many_close(m));
}
