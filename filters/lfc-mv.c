/* lfc-mv: give entries of the catalogue another name */

#include <stdlib.h>

#include "lfc_many.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option;
static int itself;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "no-target-directory", 'T', POPT_ARG_NONE, &itself, 0,
	    "TO is the new name, not a directory to move into", NULL },
	OPT_COMMON
};

/* Is this the name of a directory? */
static bool
is_directory(const struct line *to)
{
	struct why w = { 0 };
	struct lfc *l = lfc_open(lfc_url(catalogue_option), false, &w);
	struct line what, is;
	bool dir;
	int got;

	if (l == NULL)
		die_why(&w);
	line_init(&what, false);
	line_init(&is, false);
	line_set_name_word(&what, to->name);
	line_add_word(&what, "follow", "1");
	if ((got = lfc_one(l, "stat", &what, &is, &w)) < 0)
		die_why(&w);
	dir = got > 0 && line_word(&is, "type") != NULL &&
	      strcmp(line_word(&is, "type"), "d") == 0;
	line_free(&what);
	line_free(&is);
	lfc_close(l);
	return dir;
}

/* TO, or TO/LAST-COMPONENT-OF-FROM. */
static void
set_target(
    struct line *fields, const struct line *to, const char *from, bool into)
{
	struct line name;
	struct why w = { 0 };
	char *target;

	line_init(&name, false);
	if (lfc_name(&name, from, &w) < 0)
		die(w.code, "%s: %s", from, w.text);
	if (asprintf(&target, "%s%s", to->name,
		into ? strrchr(name.name, '/') : "") < 0)
		die(EXIT_IO, "out of memory");
	line_set_word(fields, "to", target);
	free(target);
	line_free(&name);
}

int
main(int argc, char **argv)
{
	const char **names = opt_parse(argc, argv, options, "FROM... TO");
	struct why w = { 0 };
	struct line to;
	struct lfc_many *m;
	unsigned long n = 0;
	bool into;
	int last;

	for (last = 0; names[last] != NULL; last++)
		;
	if (last-- < 2)
		die(EXIT_USAGE, "needs a name and a new one");
	line_init(&to, false);
	if (lfc_name(&to, names[last], &w) < 0)
		die(w.code, "%s: %s", names[last], w.text);
	into = !itself && is_directory(&to);
	if (!into && last > 1)
		die(EXIT_USAGE, "%s: not a directory", names[last]);
	while (last-- > 0) {
		m = lfc_many_open(lfc_url(catalogue_option), "rename", NULL);
		set_target(lfc_many_fields(m), &to, *names, into);
		lfc_many_add(m, *names++);
		n += lfc_many_close(m);
	}
	return exit_status(n);
}
