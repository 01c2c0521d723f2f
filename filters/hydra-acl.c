/* hydra-acl: show and change who may do what with keys, on every key store */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acl.h"
#include "hydra_api.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"
#include "store.h"
#include "stores.h"

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
static struct line request[BATCH];
static unsigned count;

static struct stores *stores;
static struct store *store[255]; /* NULL: does not answer */

/* What one store says to the batch. */
static struct lane {
	struct line answer[BATCH], again[BATCH];
	int result;
	struct why why;
} * lane;

static int first_code; /* why the first that does not answer does not */
static struct lineout *out;
static struct line shown;
static unsigned long served;

/* Keep a change for the requests, unless it is none at all. */
static void
keep(const char *option, const char *key, const char *text,
    int (*fn)(struct acl *, const char *, struct why *))
{
	struct acl a;
	struct why w;

	if (text == NULL)
		return;
	acl_init(&a);
	if (fn(&a, text, &w) < 0)
		die(EXIT_USAGE, "--%s: %s", option, w.text);
	acl_free(&a);
	line_set(&change, key, text, strlen(text));
}

/* The values of an option that was given many times, a line each. */
static char *
gather(const struct opt_list *list)
{
	size_t size = 1;
	char *text;
	int i;

	if (list->n == 0)
		return NULL;
	for (i = 0; i < list->n; i++)
		size += strlen(list->v[i]) + 1;
	if ((text = calloc(size, 1)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < list->n; i++) {
		/* Two entries in one would pass for the principal of one. */
		if (list->v[i][0] == '#' || strchr(list->v[i], '\n') != NULL)
			die(EXIT_USAGE, "not a principal");
		strcat(strcat(text, list->v[i]), "\n");
	}
	return text;
}

/* The file's entries, without what is no entry. */
static char *
read_acl(const char *file)
{
	static char text[4 * ACL_TEXT_MAX];
	size_t n = 0;
	ssize_t got;
	struct acl a;
	struct why w;
	char *list;
	int fd;

	if (strcmp(file, "NONE") == 0)
		return calloc(1, 1);
	if ((fd = opt_open(file, 0, &w)) < 0)
		die_why(&w);
	while ((got = read(fd, text + n, sizeof text - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		die(EXIT_IO, "%s: %m", file);
	if (n == sizeof text)
		die(EXIT_DATA, "%s: too long for an ACL", file);
	if (memchr(text, '\0', n) != NULL)
		die(EXIT_DATA, "%s: not text", file);
	text[n] = '\0';
	close(fd);
	acl_init(&a);
	if (acl_set_list(&a, text, &w) < 0)
		die(w.code, "%s: %s", file, w.text);
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
	keep("owner", "owner", owner, acl_set_owner);
	keep("group", "group", group, acl_set_group);
	keep("perms", "perms", perms, acl_set_perms);
	keep("chmod", "chmod", mode, acl_chmod);
	keep("acl", "acl", list, acl_set_list);
	keep("modify", "modify", modify, acl_modify);
	keep("delete", "delete", delete, acl_delete);
	free(modify);
	free(delete);
	free(list);
	if (restore && change.fields > 0)
		die(EXIT_USAGE, "--restore goes with no other change");
}

static void
lost(unsigned s, const struct why *w)
{
	say_error("%s", w->text);
	store_close(store[s]);
	store[s] = NULL;
	if (first_code == 0)
		first_code = w->code == EXIT_RETRY    ? EXIT_RETRY
			     : w->code == EXIT_DENIED ? EXIT_DENIED
						      : EXIT_FEW;
}

static void
open_stores(void)
{
	unsigned s, i, here = 0;
	struct why w;

	if ((stores = stores_load(stores_file, false, &w)) == NULL)
		die_why(&w);
	for (s = 0; s < stores->count; s++)
		here += strncmp(stores->store[s].url, "https:", 6) != 0;
	secret_init((1 << 16) + here * (size_t)HYDRA_SECRET +
		    (here < stores->count ? 4 * STORE_SECRET : 0));
	if ((lane = calloc(stores->count, sizeof *lane)) == NULL)
		die(EXIT_IO, "out of memory");
	for (s = 0; s < stores->count; s++) {
		for (i = 0; i < BATCH; i++) {
			line_init(&lane[s].answer[i], false);
			line_init(&lane[s].again[i], false);
		}
		if ((store[s] =
			    store_open(stores->store[s].x, stores->store[s].url,
				stores->store[s].pin, false, &w)) == NULL)
			lost(s, &w);
	}
}

/*
 * Confirm what was shown to this admin, where it is still held; a store on
 * which it is not was reached before.
 */
static int
confirm(unsigned s)
{
	struct line ask[BATCH], was;
	unsigned at[BATCH], i, n = 0;
	struct lane *l = &lane[s];

	for (i = 0; i < count; i++)
		if (line_word(&l->answer[i], "held") != NULL &&
		    line_word(&request[i], "restore") != NULL) {
			ask[n] = request[i];
			at[n++] = i;
		}
	if (n == 0)
		return 0;
	if (store_ask(store[s], "setacl", ask, n, l->again, &l->why) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		was = l->answer[at[i]];
		l->answer[at[i]] = l->again[i];
		l->again[i] = was;
	}
	return 0;
}

static void *
ask_lane(void *arg)
{
	struct lane *l = arg;
	unsigned s = (unsigned)(l - lane);

	l->result = store_ask(store[s], change.fields > 0 ? "setacl" : "getacl",
	    request, count, l->answer, &l->why);
	if (l->result == 0 && restore)
		l->result = confirm(s);
	return NULL;
}

/* The batch, at every store: those that are far at once. */
static void
ask_all(void)
{
	pthread_t thread[255];
	bool apart[255] = { false };
	unsigned s;

	for (s = 0; s < stores->count; s++)
		if (store[s] != NULL && store_far(store[s]))
			apart[s] = pthread_create(&thread[s], NULL, ask_lane,
				       &lane[s]) == 0;
	for (s = 0; s < stores->count; s++)
		if (apart[s])
			pthread_join(thread[s], NULL);
		else if (store[s] != NULL)
			ask_lane(&lane[s]);
	for (s = 0; s < stores->count; s++)
		if (store[s] != NULL && lane[s].result < 0)
			lost(s, &lane[s].why);
}

/* "1,3": the stores whose place in group[] is g. */
#define LIST (255 * 4 + 1)
static char *
name_stores(char list[LIST], const int *group_of, int g)
{
	size_t n = 0;
	unsigned s;

	*list = '\0';
	for (s = 0; s < stores->count; s++)
		if (group_of[s] == g)
			n += (size_t)snprintf(list + n, LIST - n, "%s%u",
			    n ? "," : "", stores->store[s].x);
	return list;
}

/* A store refuses this key: say so. */
static void
refused(const char *id, unsigned s, const char *error, const struct line *l)
{
	static const struct {
		const char *error;
		int code;
		const char *text;
	} known[] = {
		{ "denied", EXIT_DENIED, "we may not" },
		{ "missing", EXIT_DENIED, "has no such key" },
		{ "removed", EXIT_DENIED, "has removed it, for ever" },
		{ "held", EXIT_DENIED, "held: another admin has to confirm" },
		{ "changed", EXIT_NO, "it has changed since it was shown" },
		{ "damaged", EXIT_DATA, "its rights are damaged" },
		{ "busy", EXIT_RETRY, "too many requests by us" },
	};
	char text[200];
	struct why w;
	unsigned i;

	why_set(&w, EXIT_DATA, "%s: refuses it", store_name(store[s]));
	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(error, known[i].error) == 0)
			why_set(&w, known[i].code, "%s: %s",
			    store_name(store[s]), known[i].text);
	if (strcmp(error, "bad") == 0 &&
	    line_text(l, "why", text, sizeof text, &w) > 0)
		why_set(&w, EXIT_DATA, "%s: %s", store_name(store[s]), text);
	aside(id, &w);
}

/* Where a store stands with a key, beside 0, 1...: one of several rights. */
enum { AWAY = -1, REFUSED = -2, OTHERS = 255 };

/*
 * Sort the stores by what they have for the i-th key.  Returns how many
 * different rights there are, each in a[] and had by has[] stores; *error is
 * the first refusal.
 */
static int
sort_out(
    unsigned i, int *group_of, struct acl *a, unsigned *has, const char **error)
{
	struct line *l;
	const char *e;
	struct why w;
	unsigned s;
	int g, n = 0;

	for (s = 0; s < stores->count; s++) {
		group_of[s] = AWAY;
		if (store[s] == NULL)
			continue;
		l = &lane[s].answer[i];
		acl_init(&a[n]);
		if ((e = line_word(l, "error")) == NULL &&
		    acl_from_line(&a[n], l, &w) < 0)
			e = "damaged";
		if (e != NULL) {
			acl_free(&a[n]);
			group_of[s] = REFUSED;
			*error = *error ? *error : e;
			refused(request[i].name, s, e, l);
			continue;
		}
		for (g = 0; !acl_equal(&a[g], &a[n]); g++)
			;
		if (g == n)
			has[n++] = 0;
		else
			acl_free(&a[n]);
		group_of[s] = g;
		has[g]++;
	}
	return n;
}

/* Write what most stores have, with their names and those of the others. */
static void
write_key(const char *id, int *group_of, const struct acl *a,
    const unsigned *has, int n)
{
	char list[LIST], differ[LIST];
	struct why w;
	unsigned s;
	int g, most = 0;

	for (g = 1; g < n; g++)
		if (has[g] > has[most])
			most = g;
	for (s = 0; s < stores->count; s++)
		if (group_of[s] >= 0 && group_of[s] != most)
			group_of[s] = OTHERS;
	acl_to_line(&shown, &a[most]);
	line_set_word(&shown, "stores", name_stores(list, group_of, most));
	if (n < 2)
		return;
	line_set_word(&shown, "differ", name_stores(differ, group_of, OTHERS));
	why_set(&w, EXIT_NO, "stores %s differ from stores %s", differ, list);
	aside(id, &w);
}

/* Write the i-th key. */
static void
answer(unsigned i)
{
	static struct acl a[255];
	unsigned has[255];
	int group_of[255], g, n;
	char list[LIST];
	const char *id = request[i].name, *error = NULL;
	unsigned long before = aside_count();
	struct why w;

	line_reset(&shown);
	line_set_name_word(&shown, id);
	n = sort_out(i, group_of, a, has, &error);
	if (restore && line_word(&request[i], "restore") == NULL) {
		why_set(&w, EXIT_DATA, "no state= that was shown before");
		aside(id, &w);
	}
	if (*name_stores(list, group_of, AWAY)) {
		why_set(&w, first_code, "not %s stores %s",
		    restore || change.fields ? "changed on" : "seen on", list);
		aside(id, &w);
	}
	if (n > 0)
		write_key(id, group_of, a, has, n);
	else
		line_set_word(&shown, "error", error ? error : "unavailable");
	for (g = 0; g < n; g++)
		acl_free(&a[g]);
	if (lineout_put(out, &shown, &w) < 0)
		die_why(&w);
	served += aside_count() == before;
}

static void
serve(void)
{
	unsigned i;

	if (count > 0)
		ask_all();
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
	unsigned s, i;
	int got;

	if (*opt_parse(argc, argv, options, "< lines > lines"))
		die(EXIT_USAGE, "takes no operands");
	keep_changes();
	open_stores();
	in = linein_open(STDIN_FILENO, "lines", false);
	out = lineout_open(out_open(opt_output), "lines", false);
	linein_on_idle(in, idle, out);
	for (i = 0; i < BATCH; i++)
		line_init(&request[i], false);
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
	for (s = 0; s < stores->count; s++) {
		store_close(store[s]);
		for (i = 0; i < BATCH; i++) {
			line_free(&lane[s].answer[i]);
			line_free(&lane[s].again[i]);
		}
	}
	for (i = 0; i < BATCH; i++)
		line_free(&request[i]);
	line_free(&shown);
	line_free(&change);
	stores_free(stores);
	free(lane);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(served);
}
