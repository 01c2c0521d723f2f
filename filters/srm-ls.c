/* srm-ls: what the storages have of a manifest's lines, or at all */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "replica.h"
#include "secret.h"
#include "word.h"

#define allow opt_lists[0]
static int all;

static const struct poptOption options[] = {
	{ "allow", '\0', POPT_ARG_STRING, NULL, OPT_LIST,
	    "look at this storage (default: $MDM_STORAGE)", "URL" },
	{ "all", '\0', POPT_ARG_NONE, &all, 0,
	    "list everything there; no manifest is read", NULL },
	OPT_COMMON
};

static struct lineout *out;
static struct line answer;

static void
put(void)
{
	struct why w = { 0 };

	if (lineout_put(out, &answer, &w) < 0)
		die_why(&w);
	progress_add(1, 0);
}

/* One replica: what the storage says of it, beside what the line says. */
static int
look(const struct line *l, const char *key, struct why *w)
{
	unsigned long long size;
	struct grid_about a;
	const char *path = NULL, *sum = line_word(l, "adler32");
	const char *status = "online";
	char surl[GRID_SURL];
	struct grid *g = NULL;
	int i, got;

	if (line_text(l, key, surl, sizeof surl, w) < 0)
		return -1;
	for (i = 0; i < replica_storages() && path == NULL; i++) {
		g = replica_storage(i);
		path = grid_path(g, surl);
	}
	if (path == NULL)
		return why_set(w, EXIT_DENIED,
		    "its surl is on no storage that --allow names");
	if ((got = grid_about(g, path, &a, w)) < 0)
		return -1;
	line_reset(&answer);
	line_set_name_word(&answer, l->name);
	if (line_word(l, "guid") != NULL)
		line_set_word(&answer, "guid", line_word(l, "guid"));
	line_set(&answer, "surl", surl, strlen(surl));
	if (got > 0) {
		line_set_number(&answer, "size", a.size);
		line_set_number(&answer, "mtime", (unsigned long long)a.mtime);
		if (*a.adler32 != '\0')
			line_set_word(&answer, "adler32", a.adler32);
		if (*a.locality != '\0')
			line_set_word(&answer, "locality", a.locality);
	}
	if (got == 0)
		status = "missing";
	else if ((line_number(l, "size", &size, w) == 0 && size != a.size) ||
		 (sum != NULL && *a.adler32 != '\0' &&
		     strcmp(sum, a.adler32) != 0))
		status = "damaged";
	else if (strcmp(a.locality, "NEARLINE") == 0)
		status = "nearline";
	line_set_word(&answer, "status", status);
	put();
	return strcmp(status, "missing") == 0 || strcmp(status, "damaged") == 0;
}

static unsigned long served;
static bool wrong; /* something is missing or damaged */

static void
serve(const struct line *l)
{
	char key[24] = "surl";
	struct why w = { 0 };
	int i = 1, got;

	if (line_word(l, key) == NULL)
		why_set(&w, EXIT_FEW, "has no replica: it is not online");
	for (; line_word(l, key) != NULL; i++) {
		if ((got = look(l, key, &w)) < 0)
			break;
		wrong = wrong || got > 0;
		snprintf(key, sizeof key, "surl.%d", i + 1);
	}
	if (w.code != 0 && (i == 1 || line_word(l, key) != NULL))
		aside(l->name, &w);
	else
		served++;
}

static int
visit(void *arg, const struct grid_item *i, struct why *w)
{
	static const char *const kind[] = { "object", "incoming", "foreign",
		"quarantined", "manifest" };
	struct grid *g = arg;
	char surl[2 * GRID_SURL];
	int n;

	(void)w;
	n = snprintf(surl, sizeof surl, "%s/%s", grid_url(g), i->path);
	line_reset(&answer);
	line_set_name(&answer, i->path, strlen(i->path));
	line_set(&answer, "surl", surl, (size_t)n);
	line_set_number(&answer, "size", i->size);
	line_set_number(&answer, "mtime", (unsigned long long)i->mtime);
	line_set_word(&answer, "kind", kind[i->kind]);
	put();
	served++;
	return 0;
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	struct linein *in;
	struct line l;
	int i, got = 0;

	if (*opt_parse(argc, argv, options, "< manifest > manifest"))
		die(EXIT_USAGE, "takes no operands");
	secret_init(1 << 18);
	replica_open(&allow);
	out = lineout_open(out_open(opt_output), "manifest", false);
	line_init(&answer, false);
	for (i = 0; all && i < replica_storages(); i++)
		if (grid_list(
			replica_storage(i), visit, replica_storage(i), &w) < 0)
			die_why(&w);
	if (!all) {
		in = linein_open(STDIN_FILENO, "manifest", false);
		linein_on_idle(in, lineout_idle, out);
		line_init(&l, false);
		while ((got = linein_next(in, &l, &w)) > 0)
			serve(&l);
	}
	if (got < 0 || lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	got = exit_status(all ? served + 1 : served);
	return got == EXIT_OK && wrong ? EXIT_NO : got;
}
