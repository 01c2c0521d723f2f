/* What the operations of lfc-api(5) do that are listings, page by page. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "lfc_impl.h"
#include "word.h"

/*
 * A page of a walk or search ends after so many entries or bytes of text.  Each
 * has to find its way again: where nobody else waits for it, it may be longer.
 */
#define PAGE_TEXT (1 << 20)
#define PAGE_HERE 16000
#define PAGE_HERE_TEXT (12 << 20)

/* Where the listing's NAME really is. */
static int
real(struct lfc_call *c, char lfn[LFC_LFN], struct why *w)
{
	return lfc_real(c, &c->what, NULL, true, lfn, w);
}

static int
for_admins(struct lfc_call *c, struct why *w)
{
	if (c->admin)
		return LFC_DONE;
	return lfc_refuse(w, EXIT_DENIED, "for admins only");
}

/* ---- walks ---- */

struct walking {
	struct lfc_call *c;
	bool manifest, longer, more;
	unsigned n, most;
	size_t most_text;
	char lfn[LFC_CURSOR]; /* a word */
};

/* The word of an entry's LFN: a component "-" is escaped only when alone. */
static void
join(char out[LFC_CURSOR], const char *dir, const char *name)
{
	if (strcmp(name, "%2D") == 0)
		name = "-";
	snprintf(out, LFC_CURSOR, "%s%s%s", strcmp(dir, "/") ? dir : "",
	    name[0] ? "/" : "", name);
}

/* A directory is entered: 0, 2: leave it out, -1. */
static int
enter(struct walking *k, const char *dir, struct why *w)
{
	struct lfc_call *c = k->c;
	struct line *l = &c->h->line;
	struct why denied;

	if (catalogue_walk_may(c->h->c, &denied) < 0) {
		if (denied.code != EXIT_DENIED && denied.code != EXIT_NO) {
			*w = denied;
			return -1;
		}
		lfc_unseen(c, dir, &denied);
		return 2;
	}
	if (!k->manifest) {
		line_reset(l);
		line_set_name_word(l, dir);
		line_add_word(l, "open", "1");
		lfc_print(c, l);
	}
	return 0;
}

/* A file, for a manifest.  0 or -1. */
static int
show_file(struct lfc_call *c, const struct catalogue_entry *e, const char *dir,
    const char *lfn, struct why *w)
{
	struct why denied;

	if (catalogue_entry_may(c->h->c, e, PACL_R, &denied) < 0) {
		if (denied.code != EXIT_DENIED) {
			*w = denied;
			return -1;
		}
		lfc_unseen(c, lfn, &denied);
		return 0;
	}
	return lfc_print_file(c, e, dir, w);
}

static int
visit(
    void *arg, const char *dir, const struct catalogue_entry *e, struct why *w)
{
	struct walking *k = arg;
	struct lfc_call *c = k->c;
	struct line *l = &c->h->line;
	int got = 0;

	if (e == NULL) {
		snprintf(c->after, sizeof c->after, "%s%s", dir,
		    strcmp(dir, "/") ? "/" : "");
		if ((got = enter(k, dir, w)) != 0)
			return got;
	} else {
		join(k->lfn, dir, e->name);
		strcpy(c->after, k->lfn);
		if (k->manifest && e->type == 'f') {
			got = show_file(c, e, dir, k->lfn, w);
		} else if (!k->manifest) {
			line_reset(l);
			line_set_name_word(l, k->lfn);
			got = lfc_describe(c, e, k->longer, l, w);
			lfc_print(c, l);
		}
	}
	if (got < 0)
		return -1;
	k->more = ++k->n >= k->most || c->h->len >= k->most_text;
	return k->more;
}

static int
page_walk(struct lfc_call *c, bool manifest, struct why *w)
{
	struct walking k = { .c = c,
		.manifest = manifest,
		.longer = lfc_flag(&c->what, "long"),
		.most = c->sink ? PAGE_HERE : LFC_PAGE,
		.most_text = c->sink ? PAGE_HERE_TEXT : PAGE_TEXT };
	struct catalogue_entry e;
	char lfn[LFC_LFN], after[LFC_CURSOR];
	int got = real(c, lfn, w);

	if (got != LFC_DONE)
		return got;
	if (manifest && *c->after == '\0') {
		if ((got = catalogue_stat(c->h->c, lfn, &e, w)) <= 0)
			return lfc_did(got, w);
		if (e.type == 'f') {
			if (catalogue_entry_may(c->h->c, &e, PACL_R, w) < 0)
				return lfc_did(-1, w);
			word_encode(k.lfn, lfn, strlen(lfn));
			return show_file(c, &e, NULL, k.lfn, w) < 0 ? LFC_FAILED
								    : LFC_DONE;
		}
	}
	strcpy(after, c->after);
	got = catalogue_walk(c->h->c, lfn, lfc_flag(&c->what, "deep"),
	    *after ? after : NULL, k.most, visit, &k, w);
	if (got <= 0)
		return lfc_did(got, w);
	return k.more ? LFC_MORE : LFC_DONE;
}

int
lfc_page_ls(struct lfc_call *c, struct why *w)
{
	return page_walk(c, false, w);
}

int
lfc_page_manifest(struct lfc_call *c, struct why *w)
{
	return page_walk(c, true, w);
}

/* ---- searches ---- */

static int
on_found(
    void *arg, const char *dir, const struct catalogue_entry *e, struct why *w)
{
	struct walking *k = arg;

	if (lfc_print_file(k->c, e, dir, w) < 0)
		return -1;
	catalogue_find_at(k->c->h->c, k->c->after);
	k->more = ++k->n >= k->most || k->c->h->len >= k->most_text;
	return k->more;
}

int
lfc_page_find(struct lfc_call *c, struct why *w)
{
	struct walking k = { .c = c, .most = LFC_PAGE, .most_text = PAGE_TEXT };
	char lfn[LFC_LFN], text[FIND_TEXT + 1], after[CATALOGUE_FOUND];
	struct find f;
	int got = real(c, lfn, w);

	if (got != LFC_DONE)
		return got;
	if (line_text(&c->what, "where", text, sizeof text, w) < 0 ||
	    find_parse(&f, text, w) < 0) {
		w->code = EXIT_DATA;
		return LFC_REFUSED;
	}
	if (strlen(c->after) >= sizeof after) {
		why_set(w, EXIT_DATA, "after= is not where a search was");
		return LFC_REFUSED;
	}
	strcpy(after, c->after);
	if (catalogue_find(
		c->h->c, lfn, &f, *after ? after : NULL, on_found, &k, w) < 0)
		return lfc_did(-1, w);
	return k.more ? LFC_MORE : LFC_DONE;
}

/* ---- removing ---- */

static int
on_gone(void *arg, const struct line *l, struct why *w)
{
	(void)w;
	lfc_print(arg, l);
	return 0;
}

int
lfc_page_rmtree(struct lfc_call *c, struct why *w)
{
	char lfn[LFC_LFN], said[LFC_LFN];
	int got;

	if (lfc_lfn(said, &c->what, w) < 0)
		return LFC_REFUSED;
	if (catalogue_real(c->h->c, said, false, lfn, sizeof lfn, w) < 0)
		return lfc_did(-1, w);
	got =
	    catalogue_remove(c->h->c, lfn, NULL, true, LFC_PAGE, on_gone, c, w);
	if (got == 2) {
		strcpy(c->after, "-"); /* what is gone does not come again */
		return LFC_MORE;
	}
	return got > 0 ? LFC_DONE : lfc_did(got, w);
}

/* ---- replicas ---- */

/* How many lines are asked for: max=, or as many as there are. */
static unsigned
page_size(const struct lfc_call *c, bool *one)
{
	unsigned long long max = 0;
	struct why ignored;

	*one = line_word(&c->what, "max") != NULL &&
	       line_number(&c->what, "max", &max, &ignored) == 0 && max > 0;
	return *one && max < LFC_PAGE ? (unsigned)max : LFC_PAGE;
}

static void
set_hex(struct line *l, const char *key, const unsigned char *p, size_t n)
{
	char hex[65];

	hex_encode(hex, p, n);
	line_add_word(l, key, hex);
}

static const char *
status_word(char status)
{
	switch (status) {
	case CATALOGUE_AVAILABLE:
		return "good";
	case CATALOGUE_POPULATED:
		return "populated";
	case CATALOGUE_DELETED:
		return "deleted";
	case CATALOGUE_SOURCE:
		return "source";
	default:
		return "bad";
	}
}

struct copies {
	struct lfc_call *c;
	unsigned char guid[16];
	bool has_guid;
	long long size;
};

static int
on_copy(void *arg, const struct catalogue_copy *r, struct why *w)
{
	const struct copies *k = arg;
	struct line *l = &k->c->h->line;

	(void)w;
	line_reset(l);
	line_set_name_word(l, r->surl);
	line_add_word(l, "status", status_word(r->status));
	if (k->has_guid)
		set_hex(l, "guid", k->guid, 16);
	line_set_number(l, "size", (unsigned long long)k->size);
	lfc_print(k->c, l);
	return 0;
}

int
lfc_page_replicas(struct lfc_call *c, struct why *w)
{
	struct copies k = { .c = c };
	struct catalogue_entry e;
	char lfn[LFC_LFN];
	int got = real(c, lfn, w);

	if (got != LFC_DONE)
		return got;
	if ((got = catalogue_stat(c->h->c, lfn, &e, w)) <= 0)
		return lfc_did(got, w);
	if (e.type != 'f')
		return lfc_refuse(w, EXIT_NO, "is not a file");
	if (catalogue_entry_may(c->h->c, &e, PACL_R, w) < 0)
		return lfc_did(-1, w);
	k.size = e.size;
	if ((k.has_guid = e.guid != NULL))
		memcpy(k.guid, e.guid, sizeof k.guid);
	if (catalogue_copies(c->h->c, e.id, on_copy, &k, w) < 0)
		return LFC_FAILED;
	return LFC_DONE;
}

int
lfc_page_surls(struct lfc_call *c, struct why *w)
{
	struct catalogue_replica page[LFC_PAGE];
	const char *before = line_word(&c->what, "before");
	struct line *l = &c->h->line;
	char text[LFC_CURSOR], after[LFC_CURSOR];
	int n, i, got = for_admins(c, w);
	bool one;

	if (got != LFC_DONE)
		return got;
	strcpy(text, "\x7f"); /* behind all words */
	if (before != NULL &&
	    line_text(&c->what, "before", text, sizeof text, w) < 0)
		return LFC_REFUSED;
	strcpy(after, c->after);
	n = catalogue_replicas(
	    c->h->c, after, text, page, (int)page_size(c, &one), w);
	if (n < 0)
		return LFC_FAILED;
	for (i = 0; i < n; i++) {
		line_reset(l);
		line_set_name_word(l, page[i].surl);
		line_add_word(l, "status", status_word(page[i].status));
		set_hex(l, "guid", page[i].guid, 16);
		set_hex(l, "sha256", page[i].sha256, 32);
		line_set_number(l, "size", (unsigned long long)page[i].size);
		lfc_print(c, l);
	}
	if (n > 0)
		snprintf(c->after, sizeof c->after, "%s", page[n - 1].surl);
	catalogue_replicas_free(page, n);
	return n == LFC_PAGE && !one ? LFC_MORE : LFC_DONE;
}

int
lfc_page_guids(struct lfc_call *c, struct why *w)
{
	unsigned char page[LFC_PAGE][16], after[16];
	struct line *l = &c->h->line;
	bool from = *c->after != '\0', one;
	int n, i, got = for_admins(c, w);
	char hex[33];

	if (got != LFC_DONE)
		return got;
	if (from && (strlen(c->after) != 32 ||
			hex_decode(after, sizeof after, c->after) < 0)) {
		why_set(w, EXIT_DATA, "after= is not a GUID");
		return LFC_REFUSED;
	}
	n = catalogue_guids(
	    c->h->c, from ? after : NULL, page, (int)page_size(c, &one), w);
	if (n < 0)
		return LFC_FAILED;
	for (i = 0; i < n; i++) {
		hex_encode(hex, page[i], 16);
		line_reset(l);
		line_set_name_word(l, hex);
		lfc_print(c, l);
	}
	if (n > 0)
		strcpy(c->after, hex);
	return n == LFC_PAGE && !one ? LFC_MORE : LFC_DONE;
}
