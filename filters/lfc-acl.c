/* lfc-acl: show and change who may do what with entries of the catalogue */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lfc_many.h"
#include "opt.h"
#include "out.h"
#include "pacl.h"

static const char *catalogue_option, *set_file, *owner, *group;
static int deep, drop, drop_defaults;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "recursive", 'R', POPT_ARG_NONE, &deep, 0,
	    "directories with all below them", NULL },
	{ "modify", 'm', POPT_ARG_STRING, NULL, OPT_LIST + 0,
	    "add or replace an entry, user:DN:r-x", "ENTRY" },
	{ "delete", 'x', POPT_ARG_STRING, NULL, OPT_LIST + 1,
	    "take an entry away, user:DN:", "ENTRY" },
	{ "set", '\0', POPT_ARG_STRING, &set_file, 0,
	    "replace the list by these entries, as they are shown", "FILE" },
	{ "drop", 'b', POPT_ARG_NONE, &drop, 0, "take all named entries away",
	    NULL },
	{ "drop-defaults", 'k', POPT_ARG_NONE, &drop_defaults, 0,
	    "take all defaults away", NULL },
	{ "owner", '\0', POPT_ARG_STRING, &owner, 0,
	    "give them this owner; for admins", "DN" },
	{ "group", '\0', POPT_ARG_STRING, &group, 0, "give them this group",
	    "FQAN" },
	OPT_COMMON
};

static FILE *text;

/* As getfacl(1) has it; -R or --set take it back. */
static int
show(const char *name, const struct line *l, struct why *w)
{
	char list[2 * PACL_TEXT_MAX], who[2][4096];

	if (line_text(l, "acl", list, sizeof list, w) < 0 ||
	    line_text(l, "owner", who[0], sizeof who[0], w) < 0 ||
	    line_text(l, "group", who[1], sizeof who[1], w) < 0)
		return -1;
	fprintf(text, "# file: %s\n# owner: %s\n# group: %s\n%s\n", name,
	    who[0], who[1], list);
	return ferror(text) ? why_set(w, EXIT_IO, "cannot write the lists") : 0;
}

/* The values of an option that was given many times, a line each. */
static void
gather(struct line *fields, const char *key, const struct opt_list *list)
{
	char all[2 * PACL_TEXT_MAX];
	size_t n = 0;
	int i;

	for (i = 0; i < list->n; i++) {
		if (strchr(list->v[i], '\n') != NULL)
			die(EXIT_USAGE, "--%s: not an entry", key);
		n += (size_t)snprintf(
		    all + n, sizeof all - n, "%s\n", list->v[i]);
		if (n >= sizeof all)
			die(EXIT_USAGE, "--%s: too many entries", key);
	}
	if (list->n > 0)
		line_set(fields, key, all, n);
}

static void
read_list(struct line *fields)
{
	static char all[2 * PACL_TEXT_MAX];
	struct why w = { 0 };
	int fd = opt_open(set_file, 0, &w);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		die_why(&w);
	while (n < sizeof all && (got = read(fd, all + n, sizeof all - n)) > 0)
		n += (size_t)got;
	if (n == sizeof all)
		die(EXIT_DATA, "%s: too long for a list", set_file);
	if (got < 0)
		die(EXIT_IO, "%s: %m", set_file);
	close(fd);
	line_set(fields, "acl", all, n);
}

static unsigned long
ask(const char *op, const struct line *fields, const char **names,
    lfc_many_done *fn)
{
	struct lfc_many *m = lfc_many_open(lfc_url(catalogue_option), op, fn);

	line_copy(lfc_many_fields(m), fields);
	lfc_many_names(m, names, deep);
	return lfc_many_close(m);
}

/* Who has it, then the list: a new owner might not be allowed to. */
static unsigned long
change(const struct line *acl, const char **names)
{
	struct line who;
	unsigned long n = 0;

	line_init(&who, false);
	line_set_name_word(&who, "-");
	if (owner != NULL)
		line_set(&who, "owner", owner, strlen(owner));
	if (group != NULL)
		line_set(&who, "group", group, strlen(group));
	if (who.fields > 0 && acl->fields > 0 && strcmp(*names, "-") == 0)
		die(EXIT_USAGE, "- is read once: change owners by themselves");
	if (acl->fields > 0)
		n = ask("setacl", acl, names, NULL);
	if (who.fields > 0)
		n = ask("chown", &who, names, NULL);
	return n;
}

int
main(int argc, char **argv)
{
	const char **names = opt_parse(argc, argv, options, "LFN... | -");
	struct line acl;
	unsigned long n;

	if (*names == NULL)
		die(EXIT_USAGE, "needs names, or - for manifest lines");
	line_init(&acl, false);
	line_set_name_word(&acl, "-");
	gather(&acl, "modify", &opt_lists[0]);
	gather(&acl, "delete", &opt_lists[1]);
	if (set_file != NULL)
		read_list(&acl);
	if (drop && drop_defaults)
		die(EXIT_USAGE, "--drop and --drop-defaults: one at a time");
	if (drop || drop_defaults)
		line_set_word(&acl, "drop", drop ? "named" : "defaults");
	if (acl.fields > 0 || owner != NULL || group != NULL)
		return exit_status(change(&acl, names));
	if ((text = fdopen(dup(out_open(opt_output)), "w")) == NULL)
		die(EXIT_IO, "out of memory");
	n = ask("getacl", &acl, names, show);
	if (ferror(text) | fclose(text))
		die(EXIT_IO, "cannot write the lists");
	out_commit();
	return exit_status(n);
}
