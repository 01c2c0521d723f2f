/* mdm-check: compare the catalogue, the storage and the key stores */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "grid.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"
#include "store.h"
#include "stores.h"
#include "word.h"

static const char *catalogue_option, *stores_option;
static int repair, no_keys, no_storage;
static int grace = 86400; /* seconds */
#define storages opt_lists[0]

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "storage", '\0', POPT_ARG_STRING, NULL, OPT_LIST,
	    "a storage to look at (default: $MDM_STORAGE)", "URL" },
	{ "stores", '\0', POPT_ARG_STRING, &stores_option, 0,
	    "the key stores (default: $MDM_STORES)", "FILE" },
	{ "no-storage", '\0', POPT_ARG_NONE, &no_storage, 0,
	    "look at keys only", NULL },
	{ "no-keys", '\0', POPT_ARG_NONE, &no_keys, 0, "look at storage only",
	    NULL },
	{ "repair", '\0', POPT_ARG_NONE, &repair, 0,
	    "remove what nobody can need any more", NULL },
	{ "grace", '\0', POPT_ARG_INT, &grace, 0,
	    "with --repair: leave what is younger (default 86400)", "SECONDS" },
	OPT_COMMON
};

#define PAGE 1000

static struct catalogue *catalogue;
static struct lineout *out;
static struct line found;
static unsigned long failures;

static _Noreturn void
fail(const struct why *w)
{
	die(w->code, "%s", w->text);
}

static void
begin(const char *name, const char *kind)
{
	line_reset(&found);
	line_set_name_word(&found, name);
	line_set_word(&found, "kind", kind);
}

static void
report(void)
{
	struct why w = { 0 };

	if (lineout_put(out, &found, &w) < 0)
		fail(&w);
}

/*
 * May garbage that was made at this time go?  In a transaction, so that nobody
 * registers it meanwhile.  Else the line says why it stays.
 */
static bool
collectable(long long made)
{
	struct why w = { 0 };
	long long oldest;

	if (catalogue_lease_oldest(catalogue, &oldest, &w) < 0)
		fail(&w);
	if (made >= oldest) {
		line_set_word(&found, "kept", "lease");
		return false;
	}
	if (made > catalogue_now(catalogue) - grace) {
		line_set_word(&found, "kept", "grace");
		return false;
	}
	return true;
}

static void
commit(void)
{
	struct why w = { 0 };

	if (catalogue_commit(catalogue, &w) < 0)
		fail(&w);
}

/* Removing failed: said, and the rest goes on. */
static void
failed(const struct why *w)
{
	say_error("%s: %s", found.name, w->text);
	line_set_word(&found, "kept", "error");
	failures++;
}

/* One storage beside the catalogue's replicas there, both in order. */
struct beside {
	struct grid *grid;
	char prefix[3 * GRID_SURL], end[3 * GRID_SURL]; /* words */
	struct catalogue_replica page[PAGE];
	int n, at; /* of page; n < 0: the last was read */
	char after[3 * GRID_SURL];
	bool last;
};

static struct catalogue_replica *
replica(struct beside *b)
{
	struct why w = { 0 };

	if (b->at == b->n && !b->last) {
		catalogue_replicas_free(b->page, b->n);
		b->at = 0;
		b->n = catalogue_replicas(
		    catalogue, b->after, b->end, b->page, PAGE, &w);
		if (b->n < 0)
			fail(&w);
		b->last = b->n < PAGE;
		if (b->n > 0)
			snprintf(b->after, sizeof b->after, "%s",
			    b->page[b->n - 1].surl);
	}
	return b->at < b->n ? &b->page[b->at] : NULL;
}

/* A replica whose object the list did not show, or showed in another size. */
static void
lost(struct beside *b, const struct catalogue_replica *r)
{
	char lfn[3 * GRID_SURL], surl[GRID_SURL];
	unsigned long long size = 0;
	struct why w = { 0 };
	const char *path;
	long long mtime;
	long n = word_decode(surl, r->surl, strnlen(r->surl, GRID_SURL - 1));
	int got, there;

	surl[n < 0 ? 0 : n] = '\0';
	path = grid_path(b->grid, surl);
	if ((got = path ? grid_stat(b->grid, path, &size, &mtime, &w) : 0) < 0)
		fail(&w);
	if (got > 0 && (long long)size == r->size)
		return;
	there = got;
	/* The catalogue last: it may have been removed on purpose. */
	if ((got = catalogue_has_surl(catalogue, r->surl, &w)) < 0)
		fail(&w);
	if (got == 0)
		return;
	if (catalogue_guid_lfn(catalogue, r->guid, lfn, sizeof lfn, &w) <= 0)
		strcpy(lfn, "?");
	begin(lfn, "lost");
	line_set_word(&found, "surl", r->surl);
	line_set_number(&found, "size", (unsigned long long)r->size);
	if (there)
		line_set_number(&found, "found", size);
	report();
}

/* Something on the storage that no replica names. */
static void
dark(struct beside *b, const struct grid_item *i, const char *surl)
{
	static const char *const kind[] = { "dark", "incoming", "foreign" };
	struct why w = { 0 };
	int got;

	if ((got = catalogue_has_surl(catalogue, surl, &w)) < 0)
		fail(&w);
	if (got > 0)
		return;
	begin(surl, kind[i->kind]);
	line_set_number(&found, "size", i->size);
	line_set_number(&found, "mtime", (unsigned long long)i->mtime);
	if (repair && i->kind != GRID_FOREIGN) {
		if (catalogue_begin(catalogue, &w) < 0)
			fail(&w);
		if ((got = catalogue_has_surl(catalogue, surl, &w)) < 0)
			fail(&w);
		if (got == 0 && collectable(i->mtime)) {
			if (grid_remove(b->grid, i->path, &w) < 0)
				failed(&w);
			else
				line_set_word(&found, "done", "removed");
		}
		commit();
		if (got > 0)
			return;
	}
	report();
}

static int
visit(void *arg, const struct grid_item *i, struct why *w)
{
	struct beside *b = arg;
	struct catalogue_replica *r;
	char surl[3 * GRID_SURL];
	int order = 1;
	size_t n = strlen(b->prefix);

	(void)w;
	progress_add(1, i->size);
	strcpy(surl, b->prefix);
	if (strlen(i->path) > GRID_SURL / 2)
		return 0; /* nothing of ours has such a name */
	word_encode(surl + n, i->path, strlen(i->path));
	if (i->kind != GRID_OBJECT) {
		dark(b, i, surl);
		return 0;
	}
	while (
	    (r = replica(b)) != NULL && (order = strcmp(r->surl, surl)) < 0) {
		lost(b, r);
		b->at++;
	}
	if (r != NULL && order == 0) {
		if (r->size != (long long)i->size)
			lost(b, r);
		b->at++;
	} else {
		dark(b, i, surl);
	}
	return 0;
}

static void
check_storage(const char *url)
{
	struct beside *b = calloc(1, sizeof *b);
	struct catalogue_replica *r;
	struct why w = { 0 };
	size_t n;

	if (b == NULL)
		die(EXIT_IO, "out of memory");
	if ((b->grid = grid_open(url, false, &w)) == NULL)
		fail(&w);
	n = word_encode(
	    b->prefix, grid_url(b->grid), strlen(grid_url(b->grid)));
	strcpy(b->prefix + n, "/");
	strcpy(b->after, b->prefix);
	strcpy(b->end, b->prefix);
	b->end[n]++; /* the byte after the slash */
	if (grid_list(b->grid, visit, b, &w) < 0)
		fail(&w);
	while ((r = replica(b)) != NULL) {
		lost(b, r);
		b->at++;
	}
	catalogue_replicas_free(b->page, b->n);
	if (repair && grid_sync(b->grid, &w) < 0)
		fail(&w);
	grid_close(b->grid);
	free(b);
}

/* The key stores and the catalogue's GUIDs, all in order, side by side. */
static struct stores *stores;
static struct side {
	struct store *store;
	struct store_item page[PAGE];
	unsigned n, at;
	bool last;
} * side;
static unsigned char guids[PAGE][16];
static int n_guids, at_guid;

static const struct store_item *
item(struct side *s)
{
	struct why w = { 0 };
	char after[SHARE_ID + 1] = "";

	if (s->at == s->n && !s->last) {
		if (s->n > 0)
			strcpy(after, s->page[s->n - 1].guid);
		if (store_list(s->store, after, s->page, PAGE, &s->n, &w) < 0)
			fail(&w);
		s->at = 0;
		s->last = s->n < PAGE;
	}
	return s->at < s->n ? &s->page[s->at] : NULL;
}

/* The catalogue's next GUID as text, or NULL. */
static const char *
guid(void)
{
	static char text[33];
	static bool last;
	unsigned char after[16];
	struct why w = { 0 };

	if (at_guid == n_guids && !last) {
		if (n_guids > 0)
			memcpy(after, guids[n_guids - 1], sizeof after);
		n_guids = catalogue_guids(
		    catalogue, n_guids ? after : NULL, guids, PAGE, &w);
		if (n_guids < 0)
			fail(&w);
		at_guid = 0;
		last = n_guids < PAGE;
	}
	if (at_guid == n_guids)
		return NULL;
	hex_encode(text, guids[at_guid], 16);
	return text;
}

/* Look again: does this store have a share of this GUID? */
static bool
has_share(struct side *s, const char *id)
{
	char after[SHARE_ID + 1];
	struct store_item one;
	struct why w = { 0 };
	unsigned got;
	int i;

	/* What comes just before it: the GUID minus one. */
	snprintf(after, sizeof after, "%s", id);
	for (i = (int)strlen(after) - 1; i >= 0 && after[i] == '0'; i--)
		after[i] = 'f';
	if (i < 0)
		after[0] = '\0';
	else
		after[i] = after[i] == 'a' ? '9' : (char)(after[i] - 1);
	if (store_list(s->store, after, &one, 1, &got, &w) < 0)
		fail(&w);
	return got == 1 && strcmp(one.guid, id) == 0;
}

static void
list_stores(const bool *has)
{
	char text[1024] = "-";
	unsigned i, n = 0;

	for (i = 0; i < stores->count; i++)
		if (has[i])
			n += (unsigned)sprintf(text + n, "%s%u", n ? "," : "",
			    store_x(side[i].store));
	line_set_word(&found, "stores", text);
}

/* An entry whose key not every store has a share of. */
static void
weak(const char *id, bool *has)
{
	unsigned char raw[16];
	char lfn[3 * GRID_SURL];
	struct why w = { 0 };
	unsigned i, n = 0;
	int got;

	for (i = 0; i < stores->count; i++) {
		has[i] = has[i] || has_share(&side[i], id);
		n += has[i];
	}
	if (n == stores->count)
		return;
	hex_decode(raw, sizeof raw, id);
	got = catalogue_guid_lfn(catalogue, raw, lfn, sizeof lfn, &w);
	if (got < 0)
		fail(&w);
	if (got == 0)
		return;
	begin(lfn, n < stores->threshold ? "keyless" : "weak");
	line_set_word(&found, "guid", id);
	list_stores(has);
	report();
}

/* A key that no entry has. */
static void
orphan(const char *id, const bool *has, long long made)
{
	unsigned char raw[16];
	struct why w = { 0 };
	unsigned i;
	enum store_gone gone;
	int got;

	if (hex_decode(raw, sizeof raw, id) < 0)
		return; /* not a GUID: none of the suite's business */
	if ((got = catalogue_has_guid(catalogue, raw, &w)) < 0)
		fail(&w);
	if (got > 0)
		return;
	begin(id, "orphan");
	line_set_number(&found, "created", (unsigned long long)made);
	list_stores(has);
	if (repair) {
		if (catalogue_begin(catalogue, &w) < 0)
			fail(&w);
		if ((got = catalogue_has_guid(catalogue, raw, &w)) < 0)
			fail(&w);
		if (got == 0 && collectable(made)) {
			line_set_word(&found, "done", "removed");
			for (i = 0; i < stores->count; i++)
				if (has[i] && store_remove(side[i].store, &id,
						  1, &gone, &w) < 0) {
					line_unset(&found, "done");
					failed(&w);
				} else if (has[i] && gone == STORE_KEPT)
					line_unset(&found, "done");
		}
		commit();
		if (got > 0)
			return;
	}
	report();
}

static void
check_keys(void)
{
	struct why w = { 0 };
	bool has[255];
	unsigned i;

	if ((stores = stores_load(stores_option, false, &w)) == NULL)
		fail(&w);
	side = calloc(stores->count, sizeof *side);
	if (side == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < stores->count; i++) {
		side[i].store = store_open(stores->store[i].x,
		    stores->store[i].url, stores->store[i].pin, false, &w);
		if (side[i].store == NULL)
			die(EXIT_FEW, "store %u: %s", stores->store[i].x,
			    w.text);
	}
	for (;;) {
		const char *entry = guid(), *least = entry;
		char id[SHARE_ID + 1];
		long long made = 0;
		bool registered;

		for (i = 0; i < stores->count; i++) {
			const struct store_item *s = item(&side[i]);

			if (s != NULL &&
			    (least == NULL || strcmp(s->guid, least) < 0))
				least = s->guid;
		}
		if (least == NULL)
			break;
		snprintf(id, sizeof id, "%s", least);
		for (i = 0; i < stores->count; i++) {
			const struct store_item *s = item(&side[i]);

			has[i] = s != NULL && strcmp(s->guid, id) == 0;
			if (has[i] && s->created > made)
				made = s->created;
			side[i].at += has[i];
		}
		registered = entry != NULL && strcmp(entry, id) == 0;
		at_guid += registered;
		if (registered)
			weak(id, has);
		else
			orphan(id, has, made);
		progress_add(1, 0);
	}
	for (i = 0; i < stores->count; i++)
		store_close(side[i].store);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	int i;

	if (*opt_parse(argc, argv, options, ""))
		die(EXIT_USAGE, "takes no operands");
	if (grace < 0)
		die(EXIT_USAGE, "--grace: a negative number");
	secret_init((1 << 16) + 4 * STORE_SECRET);
	catalogue = catalogue_open(catalogue_url(catalogue_option), false, &w);
	if (catalogue == NULL)
		die_why(&w);
	out = lineout_open(out_open(opt_output), "lines", false);
	line_init(&found, false);
	if (!no_storage && storages.n == 0)
		check_storage(grid_default(NULL));
	for (i = 0; i < storages.n && !no_storage; i++)
		check_storage(storages.v[i]);
	if (!no_keys)
		check_keys();
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	catalogue_close(catalogue);
	return failures ? EXIT_IO : lineout_count(out) ? EXIT_NO : EXIT_OK;
}
