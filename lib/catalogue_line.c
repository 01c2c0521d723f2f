/* Manifest lines of entries, made as text: most of what a listing costs. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"

/* A text that grows towards the end of its room; past it, at is NULL. */
struct pen {
	char *at, *end;
};

static void
put(struct pen *o, const char *s, size_t n)
{
	if (o->at == NULL || n > (size_t)(o->end - o->at)) {
		o->at = NULL;
		return;
	}
	memcpy(o->at, s, n);
	o->at += n;
}

static void
puts_(struct pen *o, const char *s)
{
	put(o, s, strlen(s));
}

#define KEY(o, literal) put(o, literal, sizeof literal - 1)

static void
put_number(struct pen *o, unsigned long long n)
{
	char digits[24], *p = digits + sizeof digits;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	put(o, p, (size_t)(digits + sizeof digits - p));
}

static void
put_hex(struct pen *o, const unsigned char *p, size_t n)
{
	if (o->at == NULL || 2 * n >= (size_t)(o->end - o->at)) {
		o->at = NULL;
		return;
	}
	hex_encode(o->at, p, n);
	o->at += 2 * n;
}

void
page_begin(struct catalogue *c, const struct catalogue_entry *e,
    long long parent, const char *after)
{
	c->page.e = e;
	c->page.parent = parent;
	c->page.after = after;
	c->page.asked = false;
	c->page.row = NULL;
}

void
page_end(struct catalogue *c)
{
	db_reset(c->page.row);
	c->page.row = NULL;
	c->page.e = NULL;
}

static int
page_step(struct catalogue *c, struct db_stmt *s, struct why *w)
{
	int got = db_step(s, w);

	c->page.row = got > 0 ? s : NULL;
	return got;
}

static void
put_surl(struct pen *o, int n)
{
	if (n == 1) {
		KEY(o, "\tsurl=");
	} else {
		KEY(o, "\tsurl.");
		put_number(o, (unsigned)n);
		KEY(o, "=");
	}
}

/* The replicas that are rows, of the entry that the walk is at. */
static int
page_replicas(struct catalogue *c, struct pen *o, int n, struct why *w)
{
	struct db_stmt *s;
	int order;

	if (!c->page.asked) {
		s = db_prepare(c->db,
		    "SELECT e.name, e.id, r.surl FROM"
		    " (SELECT id, name FROM entry WHERE parent = ?1"
		    " AND name > ?2 ORDER BY name LIMIT 1000) AS e"
		    " JOIN replica r ON r.entry = e.id AND r.status = '-'"
		    " ORDER BY e.name, r.id",
		    w);
		if (s == NULL)
			return -1;
		db_bind_int(s, 1, c->page.parent);
		db_bind_text(s, 2, c->page.after);
		c->page.asked = true;
		if (page_step(c, s, w) < 0)
			return -1;
	}
	/* Others may have changed the page since its entries were read. */
	while ((s = c->page.row) != NULL &&
	       (order = strcmp(db_text(s, 0), c->page.e->name)) <= 0) {
		if (order == 0 && db_int(s, 1) == c->page.e->id) {
			put_surl(o, ++n);
			puts_(o, db_text(s, 2));
		}
		if (page_step(c, s, w) < 0)
			return -1;
	}
	return 0;
}

static int
put_replicas(struct catalogue *c, const struct catalogue_entry *e,
    struct pen *o, struct why *w)
{
	const char *home;
	struct db_stmt *s;
	int n = 0, got;

	if (e->home > 0 && e->guid != NULL) {
		if ((home = name_text(c, HOME, e->home)) == NULL)
			return why_set(w, EXIT_DATA, "%s: a storage is missing",
			    db_url(c->db));
		put_surl(o, ++n);
		puts_(o, home);
		KEY(o, "/");
		put_hex(o, e->guid, 1);
		KEY(o, "/");
		put_hex(o, e->guid, 16);
	}
	if (e->more == 0)
		return 0;
	if (e == c->page.e)
		return page_replicas(c, o, n, w);
	s = db_prepare(c->db,
	    "SELECT surl FROM replica WHERE entry = ?1 AND status = '-'"
	    " ORDER BY id",
	    w);
	if (s == NULL)
		return -1;
	db_bind_int(s, 1, e->id);
	while ((got = db_step(s, w)) > 0) {
		put_surl(o, ++n);
		puts_(o, db_text(s, 0));
	}
	return got;
}

/* The signed NAME, which facts and name make unless it was kept. */
static void
put_name(struct pen *o, const struct catalogue_entry *e, const struct facts *f)
{
	const char *last = e->name;

	if (e->record != NULL) {
		puts_(o, e->record);
		return;
	}
	if (f != NULL && f->prefix != NULL) {
		puts_(o, f->prefix);
		KEY(o, "/");
		if (strcmp(last, "%2D") == 0)
			last = "-";
	}
	puts_(o, last);
}

static void
put_facts(struct pen *o, const struct facts *f, const char *name,
    const char *name_end)
{
	const char *p;

	if (f == NULL)
		return;
	puts_(o, f->fields);
	if (!f->sop)
		return;
	for (p = name_end; p > name && p[-1] != '/';)
		p--;
	KEY(o, "\tsop=");
	put(o, p, (size_t)(name_end - p));
}

static void
put_sums(struct pen *o, const struct catalogue_entry *e)
{
	unsigned char adler[4];
	int i;

	if (e->guid != NULL) {
		KEY(o, "\tguid=");
		put_hex(o, e->guid, 16);
	}
	KEY(o, "\tsize=");
	put_number(o, (unsigned long long)e->size);
	if (e->sha256 != NULL) {
		KEY(o, "\tsha256=");
		put_hex(o, e->sha256, 32);
	}
	if (e->adler32 >= 0) {
		for (i = 0; i < 4; i++)
			adler[i] = (unsigned char)(e->adler32 >> (24 - 8 * i));
		KEY(o, "\tadler32=");
		put_hex(o, adler, sizeof adler);
	}
	if (e->plain != NULL) {
		KEY(o, "\tplain=");
		put_hex(o, e->plain, 32);
	}
	KEY(o, "\tgen=");
	put_number(o, (unsigned long long)e->gen);
	if (e->sig != NULL) {
		KEY(o, "\tsig=");
		put_hex(o, e->sig, 64);
	}
}

static void
put_rights(struct pen *o, const struct catalogue_entry *e)
{
	char mode[12];

	if (e->online)
		KEY(o, "\tstatus=online");
	else
		KEY(o, "\tstatus=nearline");
	snprintf(mode, sizeof mode, "\tmode=%04o", e->mode);
	puts_(o, mode);
	KEY(o, "\towner=");
	puts_(o, e->owner);
	KEY(o, "\tgroup=");
	puts_(o, e->group);
	if (e->acl != NULL) {
		KEY(o, "\tacl=");
		puts_(o, e->acl);
	}
}

long
catalogue_text(struct catalogue *c, const struct catalogue_entry *e,
    const char *dir, char text[LINE_MAX_BYTES], struct why *w)
{
	struct pen o = { text, text + LINE_MAX_BYTES };
	const struct facts *f = e->facts > 0 ? facts_of(c, e->facts) : NULL;
	char lfn[LFN_WORD + 1];
	const char *name_end;

	if (dir == NULL) {
		if (dir_word(c, e->parent, lfn, sizeof lfn, w) < 0)
			return -1;
		dir = lfn;
	}
	put_name(&o, e, f);
	name_end = o.at;
	KEY(&o, "\tlfn=");
	puts_(&o, dir[1] == '\0' ? "" : dir);
	KEY(&o, "/");
	puts_(&o, strcmp(e->name, "%2D") == 0 ? "-" : e->name);
	put_sums(&o, e);
	if (put_replicas(c, e, &o, w) < 0)
		return -1;
	put_rights(&o, e);
	put_facts(&o, f, text, name_end);
	if (e->comment != NULL) {
		KEY(&o, "\tcomment=");
		puts_(&o, e->comment);
	}
	if (e->meta != NULL) {
		KEY(&o, "\t");
		puts_(&o, e->meta);
	}
	KEY(&o, "\n");
	if (o.at == NULL)
		return why_set(w, EXIT_DATA, "its line is too long");
	return o.at - text;
}

int
catalogue_line(struct catalogue *c, const struct catalogue_entry *e,
    const char *dir, struct line *l, struct why *w)
{
	char text[LINE_MAX_BYTES];
	long n = catalogue_text(c, e, dir, text, w);
	const char *wrong;

	if (n < 0)
		return -1;
	if ((wrong = line_parse(l, text, (size_t)n)) != NULL)
		return why_set(w, EXIT_DATA, "its line is damaged: %s", wrong);
	return 0;
}
