/* srm-saved: the saved manifests that storages hold, as sealed records */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grid.h"
#include "idset.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "saved.h"
#include "word.h"

#define storages opt_lists[0]

static const struct poptOption options[] = {
	{ "storage", '\0', POPT_ARG_STRING, NULL, OPT_LIST,
	    "a storage to look at (default: $MDM_STORAGE)", "URL" },
	OPT_COMMON
};

static struct recout *out;
static struct idset *seen; /* of several storages may each have it */

/* The object's bytes into the open record.  1: withdraw it; 0; -1. */
static int
fetch(struct grid_get *get, unsigned long long size, struct why *w)
{
	static unsigned char buf[1 << 18];
	unsigned long long done = 0;
	struct why io;
	long n;

	while ((n = grid_get_read(get, buf, sizeof buf, w)) > 0) {
		if ((done += (unsigned long long)n) > size)
			break;
		if (recout_write(out, buf, (size_t)n, &io) < 0)
			die_why(&io);
	}
	if (n < 0)
		return w->code == EXIT_RETRY ? -1 : 1;
	if (done == size)
		return 0;
	why_set(w, EXIT_DATA, "it is not of the size that the storage said");
	return 1;
}

static int
visit(void *arg, const struct grid_item *i, struct why *w)
{
	struct grid *g = arg;
	const char *guid = strrchr(i->path, '/');
	unsigned long long size;
	unsigned char id[16];
	struct grid_get *get;
	struct rec r;
	int bad;

	if (i->kind != GRID_OBJECT || guid == NULL || !saved_is(++guid) ||
	    hex_decode(id, sizeof id, guid) < 0 || idset_has(seen, id, NULL))
		return 0;
	get = grid_get_open(g, i->path, 0, -1, &size, w);
	if (get == NULL) {
		if (w->code == EXIT_RETRY)
			return -1;
		aside(guid, w);
		return 0;
	}
	rec_init(&r);
	rec_set_name(&r, guid);
	rec_set_text(&r, "guid", guid);
	if (recout_begin(out, &r, (long long)size, 0, w) < 0)
		die_why(w);
	rec_clear(&r);
	if ((bad = fetch(get, size, w)) > 0)
		aside(guid, w);
	grid_get_close(get);
	if (bad < 0)
		return -1;
	if (bad == 0)
		idset_add(seen, id, 0);
	progress_add(1, size);
	return bad ? recout_void(out, w) : recout_done(out, NULL, w);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	const struct opt_list *urls;
	struct grid *g;
	int i;

	if (*opt_parse(argc, argv, options, "> records"))
		die(EXIT_USAGE, "takes no operands");
	if ((out = recout_open(out_open(opt_output), &w)) == NULL)
		die_why(&w);
	seen = idset_new();
	urls = grid_defaults(&storages);
	for (i = 0; i < urls->n; i++) {
		g = grid_open(urls->v[i], false, &w);
		if (g == NULL || grid_list(g, visit, g, &w) < 0)
			die_why(&w);
		grid_close(g);
	}
	if (recout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(recout_count(out));
}
