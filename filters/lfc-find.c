/* lfc-find: the manifest lines of files about which an expression holds */

#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "lfc.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	OPT_COMMON
};

static struct lineout *lines;

static int
on_lines(void *arg, const char *text, size_t n, struct why *w)
{
	(void)arg;
	return lineout_text(lines, text, n, w);
}

static void
on_refused(void *arg, const char *name, const struct why *why)
{
	(void)arg;
	aside(name, why);
}

/* A mistake is found before the catalogue is asked. */
static void
check(const char *expression)
{
	struct find *f = malloc(sizeof *f);
	struct why w = { 0 };

	if (f == NULL)
		die(EXIT_IO, "out of memory");
	if (find_parse(f, expression, &w) < 0)
		die(w.code, "%s", w.text);
	free(f);
}

int
main(int argc, char **argv)
{
	static const struct lfc_sink sink = { on_lines, on_refused, NULL };
	static const char *home[2] = { "" };
	const char **names =
	    opt_parse(argc, argv, options, "EXPRESSION [LFN...]");
	const char *expression = *names;
	struct why w = { 0 };
	struct line what;
	struct lfc *l;
	unsigned long served = 0;
	int got;

	if (expression == NULL)
		die(EXIT_USAGE, "needs an expression");
	check(expression);
	if (*++names == NULL) {
		home[0] = opt_or_env(NULL, "LFC_HOME");
		home[0] = home[0] ? home[0] : "/grid/mdm";
		names = home;
	}
	if ((l = lfc_open(lfc_url(catalogue_option), false, &w)) == NULL)
		die_why(&w);
	lines = lineout_open(out_open(opt_output), "manifest", false);
	line_init(&what, false);
	for (; *names != NULL; names++) {
		line_reset(&what);
		if ((got = lfc_name(&what, *names, &w)) == 0) {
			line_set(
			    &what, "where", expression, strlen(expression));
			got = lfc_list(l, "find", &what, &sink, &w);
			if (got < 0)
				die_why(&w);
		}
		if (got > 0)
			served++;
		else
			aside(*names, &w);
	}
	if (lineout_end(lines, &w) < 0)
		die_why(&w);
	out_commit();
	lfc_close(l);
	return exit_status(served);
}
