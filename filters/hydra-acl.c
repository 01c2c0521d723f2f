/* hydra-acl: show and change who may do what with keys, on every key store */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acl.h"
#include "fleet.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"
#include "tally.h"

static const char *stores_file, *mode, *owner, *group, *perms, *acl_file;
static int restore;

static const struct poptOption options[] = {
	{ "chmod", '\0', POPT_ARG_STRING, &mode, 0,
	    "change permissions: [uoga]*(+|-|=)[pdrwlxgs]+,...", "MODE" },
	{ "owner", '\0', POPT_ARG_STRING, &owner, 0, "give them this owner",
	    "DN" },
	{ "group", '\0', POPT_ARG_STRING, &group, 0,
	    "give them this group; '' is none", "FQAN" },
	{ "perms", '\0', POPT_ARG_STRING, &perms, 0,
	    "the permissions of owner, group, others, as they are shown",
	    "SETS" },
	{ "modify", '\0', POPT_ARG_STRING, NULL, OPT_LIST + 0,
	    "make this PRINCIPAL's entry of the ACL", "PRINCIPAL:SET" },
	{ "delete", '\0', POPT_ARG_STRING, NULL, OPT_LIST + 1,
	    "delete this principal's entry of the ACL", "PRINCIPAL" },
	{ "acl", '\0', POPT_ARG_STRING, &acl_file, 0,
	    "replace the ACL by these lines PRINCIPAL:SET", "FILE|NONE" },
	{ "restore", '\0', POPT_ARG_NONE, &restore, 0,
	    "confirm, as an admin, what another one changed", NULL },
	{ "stores", '\0', POPT_ARG_STRING, &stores_file, 0,
	    "the list of key stores (default: $MDM_STORES)", "FILE" },
	OPT_COMMON
};

#define BATCH 250

static struct line change; /* the fields of every request */
static struct line *request;
static unsigned count;

static struct fleet fleet;

/* What one store says to the batch. */
static struct lane {
	struct line *answer, *again; /* to request[] */
} lane[255];

static struct lineout *out;
static struct line shown;
static unsigned long served;

/* Keep a change for the requests, unless it is none at all. */
static void
keep(const char *key, const char *text,
    int (*fn)(struct acl *, const char *, struct why *))
{
	struct acl a;
	struct why w;

	if (text == NULL)
		return;
	acl_init(&a);
	if (fn(&a, text, &w) < 0)
		die(EXIT_USAGE, "--%s: %s", key, w.text);
	acl_free(&a);
	line_set(&change, key, text, strlen(text));
}

/* The values of an option that was given many times, a line each. */
static char *
gather(const struct opt_list *list)
{
	char *text = NULL;
	size_t size;
	FILE *f;
	int i;

	if (list->n == 0)
		return NULL;
	if ((f = open_memstream(&text, &size)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < list->n; i++) {
		/* Two entries in one would pass for the principal of one. */
		if (list->v[i][0] == '#' || strchr(list->v[i], '\n') != NULL)
			die(EXIT_USAGE, "not a principal");
		fprintf(f, "%s\n", list->v[i]);
	}
	if (fclose(f) != 0)
		die(EXIT_IO, "out of memory");
	return text;
}

/* The file's entries, without what is no entry. */
static char *
read_acl(const char *file)
{
	struct acl a;
	struct why w;
	char *list, *text;

	if (strcmp(file, "NONE") == 0)
		return calloc(1, 1);
	if ((text = opt_text(file, 4 * ACL_TEXT_MAX, &w)) == NULL)
		die_why(&w);
	acl_init(&a);
	if (acl_set_list(&a, text, &w) < 0)
		die(w.code, "%s: %s", file, w.text);
	free(text);
	list = acl_list(&a);
	acl_free(&a);
	return list;
}

static void
keep_changes(void)
{
	char *modify = gather(&opt_lists[0]), *delete = gather(&opt_lists[1]),
	     *list = acl_file == NULL ? NULL : read_acl(acl_file);

	line_init(&change, false);
	line_set_name_word(&change, "-");
	keep("owner", owner, acl_set_owner);
	keep("group", group, acl_set_group);
	keep("perms", perms, acl_set_perms);
	keep("chmod", mode, acl_chmod);
	keep("acl", list, acl_set_list);
	keep("modify", modify, acl_modify);
	keep("delete", delete, acl_delete);
	free(modify);
	free(delete);
	free(list);
	if (restore && change.fields > 0)
		die(EXIT_USAGE, "--restore goes with no other change");
}

static void
open_stores(void)
{
	struct stores *stores;
	struct why w;
	unsigned s;

	if ((stores = stores_load(stores_file, false, &w)) == NULL)
		die_why(&w);
	secret_init((1 << 16) + fleet_secret(stores));
	for (s = 0; s < stores->count; s++) {
		lane[s].answer = lines_new(BATCH, false);
		lane[s].again = lines_new(BATCH, false);
	}
	fleet_open(&fleet, stores, false);
}

/*
 * Confirm what was shown to this admin, where it is still held; a store on
 * which it is not was reached before.
 */
static int
confirm(struct store *store, struct lane *l, struct why *w)
{
	struct line ask[BATCH], was;
	unsigned at[BATCH], i, n = 0;

	for (i = 0; i < count; i++)
		if (line_word(&l->answer[i], "held") != NULL &&
		    line_word(&request[i], "restore") != NULL) {
			ask[n] = request[i];
			at[n++] = i;
		}
	if (n == 0)
		return 0;
	if (store_ask(store, "setacl", ask, n, l->again, w) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		was = l->answer[at[i]];
		l->answer[at[i]] = l->again[i];
		l->again[i] = was;
	}
	return 0;
}

static int
ask_batch(void *arg, unsigned s, struct store *store, struct why *w)
{
	const char *op = change.fields > 0 ? "setacl" : "getacl";

	(void)arg;
	if (store_ask(store, op, request, count, lane[s].answer, w) < 0)
		return -1;
	return restore ? confirm(store, &lane[s], w) : 0;
}

/* Write the i-th key. */
static void
answer(unsigned i)
{
	const char *done = restore || change.fields ? "changed on" : "seen on";
	const char *id = request[i].name;
	unsigned long before = aside_count();
	struct line *said[255];
	struct why w;
	unsigned s;

	if (restore && line_word(&request[i], "restore") == NULL) {
		why_set(&w, EXIT_DATA, "no state= that was shown before");
		aside(id, &w);
	}
	for (s = 0; s < fleet.count; s++)
		said[s] = &lane[s].answer[i];
	line_reset(&shown);
	line_set_name_word(&shown, id);
	tally(&fleet, said, done, &shown);
	if (lineout_put(out, &shown, &w) < 0)
		die_why(&w);
	served += aside_count() == before;
}

static void
serve(void)
{
	unsigned i;

	if (count > 0)
		fleet_each(&fleet, count, ask_batch, NULL);
	for (i = 0; i < count; i++)
		answer(i);
	progress_add(count, 0);
	count = 0;
}

static void
idle(void *arg)
{
	serve();
	lineout_idle(arg);
}

static void
add(const struct line *l)
{
	struct line *r = &request[count++];

	line_copy(r, &change);
	line_set_name_word(r, line_id(l));
	if (restore && line_word(l, "state") != NULL)
		line_set_word(r, "restore", line_word(l, "state"));
}

int
main(int argc, char **argv)
{
	struct linein *in;
	struct line l;
	struct why w;
	unsigned s;
	int got;

	if (*opt_parse(argc, argv, options, "< lines > lines"))
		die(EXIT_USAGE, "takes no operands");
	keep_changes();
	open_stores();
	in = linein_open(STDIN_FILENO, "lines", false);
	out = lineout_open(out_open(opt_output), "lines", false);
	linein_on_idle(in, idle, out);
	request = lines_new(BATCH, false);
	line_init(&shown, false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		add(&l);
		if (count == BATCH)
			serve();
	}
	if (got < 0)
		die_why(&w);
	serve();
	line_free(&l);
	for (s = 0; s < fleet.count; s++) {
		lines_free(lane[s].answer, BATCH);
		lines_free(lane[s].again, BATCH);
	}
	lines_free(request, BATCH);
	line_free(&shown);
	line_free(&change);
	fleet_close(&fleet);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(served);
}
