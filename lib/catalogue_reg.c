/* Registering: the commit of an ingest. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"

/* Fields that have a column, or mean nothing once registered. */
static const char *const own[] = { "lfn", "guid", "size", "sha256", "adler32",
	"surl", "status", "mode", "owner", "group", "acl", "plain", "gen",
	"comment", "lease", "ack", "via", NULL };

/* A manifest line, decoded and checked. */
struct item {
	const struct line *l;
	unsigned char guid[16], sha256[32], plain[32];
	bool has_plain;
	unsigned long long size, gen;
	long long adler32; /* -1: not given */
	const char *name;  /* last component */
	const char *surl;
	bool has_sig;
	unsigned char sig[64];
	char meta[LINE_MAX_BYTES];
	char lfn[LFN_LONGEST + 1];
	struct path path;
};

static struct item item; /* large, and only one at a time */

#define REG_MANY 5000 /* lines that are registered at once */

static bool
is_own(const char *key)
{
	int i;

	if (strncmp(key, "surl.", 5) == 0)
		return true;
	for (i = 0; own[i] != NULL; i++)
		if (strcmp(key, own[i]) == 0)
			return true;
	return false;
}

bool
line_meta(
    const struct line *l, char meta[LINE_MAX_BYTES], unsigned char sig[64])
{
	bool has_sig = false;
	char *o = meta;
	int i;

	for (i = 0; i < l->fields; i++) {
		const struct line_field *f = &l->field[i];

		if (is_own(f->key) || facts_own(l->name, f->key, f->word))
			continue;
		if (strcmp(f->key, "sig") == 0 &&
		    hex_decode(sig, 64, f->word) == 0) {
			has_sig = true;
			continue;
		}
		/* It fits: the line itself does. */
		if (o > meta)
			*o++ = '\t';
		o = stpcpy(stpcpy(stpcpy(o, f->key), "="), f->word);
	}
	*o = '\0';
	return has_sig;
}

static int
take_mode(const struct line *l, long long *mode, struct why *w)
{
	const char *word = line_word(l, "mode");
	char *end;

	*mode = -1; /* not given */
	if (word == NULL)
		return 0;
	*mode = strtoll(word, &end, 8);
	if (strspn(word, "01234567") != strlen(word) || *end != '\0' ||
	    *mode > 07777)
		return why_set(w, EXIT_DATA, "mode=: not an octal mode");
	return 0;
}

static bool
is_surl(const char *key)
{
	return strcmp(key, "surl") == 0 || strncmp(key, "surl.", 5) == 0;
}

static int
take_surls(struct item *t, struct why *w)
{
	int i;

	if ((t->surl = line_word(t->l, "surl")) == NULL)
		return why_set(w, EXIT_DATA, "has no surl=");
	for (i = 0; i < t->l->fields; i++)
		if (is_surl(t->l->field[i].key) &&
		    surl_check(t->l->field[i].word, t->guid, w) < 0)
			return -1;
	return 0;
}

static int
take(struct item *t, const struct line *l, struct why *w)
{
	unsigned char sum[4];
	long long mode;

	t->l = l;
	t->gen = 1;
	t->adler32 = -1;
	t->has_plain = line_word(l, "plain") != NULL;
	if (catalogue_line_lfn(t->lfn, sizeof t->lfn, l, w) < 0 ||
	    path_split(&t->path, t->lfn, w) < 0)
		return -1;
	if (t->path.n == 0)
		return why_set(w, EXIT_DATA, "names the root directory");
	t->name = t->path.part[t->path.n - 1];
	if (line_hex(l, "guid", t->guid, sizeof t->guid, w) < 0 ||
	    line_number(l, "size", &t->size, w) < 0 ||
	    line_hex(l, "sha256", t->sha256, sizeof t->sha256, w) < 0 ||
	    (t->has_plain &&
		line_hex(l, "plain", t->plain, sizeof t->plain, w) < 0))
		return -1;
	if (line_word(l, "gen") != NULL &&
	    line_number(l, "gen", &t->gen, w) < 0)
		return -1;
	if (t->gen == 0)
		return why_set(w, EXIT_DATA, "gen=0: generations begin at 1");
	if (line_word(l, "adler32") != NULL) {
		if (line_hex(l, "adler32", sum, sizeof sum, w) < 0)
			return -1;
		t->adler32 = (long long)sum[0] << 24 | sum[1] << 16 |
			     sum[2] << 8 | sum[3];
	}
	t->has_sig = line_meta(l, t->meta, t->sig);
	return take_surls(t, w) < 0 || take_mode(l, &mode, w) < 0
		   ? -1
		   : acl_check(line_word(l, "acl"), w);
}

static int
refuse(struct why *w, int code, const char *text)
{
	why_set(w, code, "%s", text);
	return 1;
}

/* Is the line's lease alive?  0; 1: it is refused; -1. */
static int
lease(struct catalogue *c, const struct line *l, struct why *w)
{
	const char *id = line_word(l, "lease");
	struct db_stmt *s;
	int got;

	if (id == NULL || strlen(id) != CATALOGUE_LEASE - 1)
		return refuse(
		    w, EXIT_DATA, "has no lease: it did not pass lfc-new");
	if (strcmp(id, c->lease) == 0)
		return 0;
	s = db_prepare(
	    c->db, "SELECT 1 FROM lease WHERE id = ?1 AND expires > ?2", w);
	if (s == NULL)
		return -1;
	db_bind_text(s, 1, id);
	db_bind_int(s, 2, c->now);
	if ((got = db_step(s, w)) < 0)
		return -1;
	if (got == 0)
		return refuse(w, EXIT_RETRY,
		    "the lease of this run has expired or was used up");
	db_reset(s);
	strcpy(c->lease, id);
	return 0;
}

static void
bind_bytes(struct db_stmt *s, int i, const void *p, size_t n, bool known)
{
	if (known)
		db_bind_blob(s, i, p, n);
	else
		db_bind_text(s, i, NULL);
}

/* Its replicas but the one at home, of which the row tells. */
static long long
others(const struct item *t, long long home)
{
	long long n = 0;
	int i;

	for (i = 0; i < t->l->fields; i++)
		n += is_surl(t->l->field[i].key) &&
		     !(home > 0 && strcmp(t->l->field[i].word, t->surl) == 0);
	return n;
}

/* Parameters 1..14 of an INSERT or UPDATE: what a generation consists of. */
static int
bind_generation(
    struct catalogue *c, struct db_stmt *s, const struct item *t, struct why *w)
{
	long long facts, home;

	if ((facts = facts_id(c, t->l, w)) < 0 ||
	    (home = home_id(c, t->surl, t->guid, w)) < 0)
		return -1;
	db_bind_int(s, 1, (long long)t->gen);
	db_bind_blob(s, 2, t->guid, sizeof t->guid);
	db_bind_int(s, 3, (long long)t->size);
	db_bind_blob(s, 4, t->sha256, sizeof t->sha256);
	if (t->adler32 >= 0)
		db_bind_int(s, 5, t->adler32);
	else
		db_bind_text(s, 5, NULL);
	bind_bytes(s, 6, t->plain, sizeof t->plain, t->has_plain);
	bind_bytes(s, 7, t->sig, sizeof t->sig, t->has_sig);
	db_bind_text(s, 8, line_word(t->l, "comment"));
	db_bind_text(s, 9, facts_name(t->l->name, t->name) ? NULL : t->l->name);
	db_bind_text(s, 10, t->meta[0] ? t->meta : NULL);
	bind_number(s, 11, facts);
	bind_number(s, 12, home);
	bind_number(s, 13, others(t, home));
	db_bind_int(s, 14, c->now);
	return home > 0;
}

int
rights_line(struct catalogue *c, const struct line *l, int n, struct rights *r,
    struct why *w)
{
	const char *owner = line_word(l, "owner"),
		   *group = line_word(l, "group"), *acl = line_word(l, "acl");
	long long mode;

	if (take_mode(l, &mode, w) < 0 || dir_may(c, n, PACL_W, w) < 0 ||
	    rights_new(c, n, false, mode >= 0 ? (unsigned)mode : RIGHTS_USUAL,
		r, w) < 0)
		return -1;
	if (owner != NULL && (r->owner = name_id(c, PRINCIPAL, owner, w)) < 0)
		return -1;
	if (group != NULL && (r->group = name_id(c, PRINCIPAL, group, w)) < 0)
		return -1;
	if (acl != NULL && (r->acl = acl_id(c, acl, w)) < 0)
		return -1;
	return 0;
}

#define INSERT_ENTRY                                                           \
	"INSERT INTO entry (gen, guid, size, sha256, adler32, plain, sig,"     \
	" comment, record, meta, facts, home, more, mtime, id, parent, name,"  \
	" mode, owner, grp, acl, ctime, atime, status, type)"                  \
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"     \
	" ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)"

/*
 * Ready to insert it, for db_run() unless its name or GUID is there, or, one of
 * many, for db_add(); NULL with *w.  *home: is the first replica in the row?
 */
static struct db_stmt *
insertion(struct catalogue *c, const struct item *t, long long parent,
    bool many, long long *id, int *home, struct why *w)
{
	struct db_stmt *s;
	struct rights r;

	if (rights_line(c, t->l, t->path.n - 1, &r, w) < 0 ||
	    (*id = entry_id(c, w)) < 0)
		return NULL;
	s = db_prepare(c->db,
	    many ? INSERT_ENTRY : INSERT_ENTRY " ON CONFLICT DO NOTHING", w);
	if (s == NULL || (*home = bind_generation(c, s, t, w)) < 0)
		return NULL;
	db_bind_int(s, 15, *id);
	db_bind_int(s, 16, parent);
	db_bind_text(s, 17, t->name);
	db_bind_int(s, 18, r.mode);
	db_bind_int(s, 19, r.owner);
	db_bind_int(s, 20, r.group);
	bind_number(s, 21, r.acl);
	db_bind_int(s, 22, c->now);
	db_bind_int(s, 23, c->now);
	db_bind_text(s, 24, "-");
	db_bind_text(s, 25, "f");
	c->changed = true;
	return s;
}

/*
 * The replicas of a line that have rows of their own: 1, 0 if another entry
 * has one of them, -1.
 */
static int
add_replicas(struct catalogue *c, const struct item *t, long long entry,
    bool home, bool many, struct why *w)
{
	struct catalogue_copy r = { .status = CATALOGUE_AVAILABLE };
	struct db_stmt *s;
	int i, got, all = 1;

	for (i = 0; i < t->l->fields; i++) {
		const char *key = t->l->field[i].key;

		if (!is_surl(key) ||
		    (home && strcmp(t->l->field[i].word, t->surl) == 0))
			continue;
		r.surl = t->l->field[i].word;
		r.r_type = strcmp(key, "surl") == 0 ? 'P' : 'S';
		if ((s = replica_row(c, entry, &r, many, w)) == NULL)
			return -1;
		if (many)
			got = db_add(s, w);
		else if ((got = db_run(s, w)) == 0)
			got = db_changes(c->db) == 1;
		if (got < 0)
			return -1;
		if (got == 0)
			all = 0;
	}
	return all;
}

/* The entry moves to the line's generation; its rights and source stay. */
static int
supersede(
    struct catalogue *c, const struct item *t, long long id, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "UPDATE entry SET gen = ?1, guid = ?2, size = ?3, sha256 = ?4,"
	    " adler32 = ?5, plain = ?6, sig = ?7, comment = ?8, record = ?9,"
	    " meta = ?10, facts = ?11, home = ?12, mtime = ?14,"
	    " more = COALESCE(?13, 0) + (SELECT COUNT(*) FROM replica"
	    " WHERE entry = ?15 AND status = 'N'),"
	    " ctime = ?14, status = '-' WHERE id = ?15",
	    w);
	int home;

	if (s == NULL || (home = bind_generation(c, s, t, w)) < 0)
		return -1;
	db_bind_int(s, 15, id);
	c->changed = true;
	if (db_run(s, w) < 0 ||
	    run_id(c, "DELETE FROM replica WHERE entry = ?1 AND status <> 'N'",
		id, w) < 0)
		return -1;
	return add_replicas(c, t, id, home, false, w);
}

/* Are its replicas all free, or this entry's own?  1, 0, -1. */
static int
replicas_free(
    struct catalogue *c, const struct item *t, long long entry, struct why *w)
{
	long long other;
	int i;

	for (i = 0; i < t->l->fields; i++) {
		if (!is_surl(t->l->field[i].key))
			continue;
		if ((other = surl_entry(c, t->l->field[i].word, w)) < 0)
			return -1;
		if (other != 0 && other != entry)
			return 0;
	}
	return 1;
}

/* Another object is to take the place of the entry. */
static int
succeed(struct catalogue *c, const struct item *t, long long id,
    enum catalogue_how *how, struct why *w)
{
	int got;

	if ((got = lease(c, t->l, w)) != 0)
		return got;
	if ((got = catalogue_has_guid(c, t->guid, w)) < 0)
		return -1;
	if (got > 0)
		return refuse(w, EXIT_DATA,
		    "another entry of the catalogue has its GUID");
	if ((got = replicas_free(c, t, id, w)) < 0)
		return -1;
	if (got == 0)
		return refuse(w, EXIT_DATA,
		    "another entry of the catalogue has its surl");
	*how = CATALOGUE_SUPERSEDED;
	return supersede(c, t, id, w) < 0 ? -1 : 0;
}

/* The name or the GUID is there already: what does that mean? */
static int
known(struct catalogue *c, const struct item *t, long long parent,
    enum catalogue_how *how, struct why *w)
{
	struct catalogue_entry e;
	struct rights r;
	int got = entry_of(c, parent, t->name, &e, w);

	if (got < 0)
		return -1;
	if (got == 0)
		return refuse(w, EXIT_DATA,
		    "another entry of the catalogue has its GUID");
	if (e.type != 'f')
		return refuse(w, EXIT_NO,
		    e.dir ? "is a directory in the catalogue"
			  : "is a symbolic link in the catalogue");
	*how = CATALOGUE_SAME;
	if (e.guid && memcmp(e.guid, t->guid, sizeof t->guid) == 0) {
		if (e.sha256 && memcmp(e.sha256, t->sha256, 32) == 0 &&
		    (unsigned long long)e.size == t->size)
			return 0;
		return refuse(w, EXIT_DATA,
		    "is registered with other sums under the same GUID");
	}
	if (e.online && t->has_plain && e.plain &&
	    memcmp(e.plain, t->plain, sizeof t->plain) == 0)
		return 0;
	if (t->gen != (unsigned long long)e.gen + 1)
		return refuse(
		    w, EXIT_NO, "another object of this name is registered");
	r = rights_of(&e);
	if (may(c, &r, PACL_W, w) < 0)
		return w->code == EXIT_DENIED ? 1 : -1;
	return succeed(c, t, e.id, how, w);
}

/* Take back an entry that was inserted, but not with all of its replicas. */
static int
remove_new(struct catalogue *c, long long id, struct why *w)
{
	return run_id(c, "DELETE FROM entry WHERE id = ?1", id, w) < 0
		   ? -1
		   : replica_delete_all(c, id, w);
}

/* A refusal of this line, unless the catalogue failed. */
static int
denied(const struct why *w)
{
	return w->code == EXIT_DENIED || w->code == EXIT_NO ? 1 : -1;
}

/* Insert it: 0, or as catalogue_register() if it is there already. */
static int
insert(struct catalogue *c, const struct item *t, long long parent,
    enum catalogue_how *how, struct why *w)
{
	struct db_stmt *s;
	long long id;
	int got, home;

	if ((s = insertion(c, t, parent, false, &id, &home, w)) == NULL)
		return denied(w);
	if (db_run(s, w) < 0)
		return -1;
	*how = CATALOGUE_NEW;
	if (db_changes(c->db) != 1)
		return known(c, t, parent, how, w);
	if ((got = add_replicas(c, t, id, home, false, w)) != 0)
		return got < 0 ? -1 : 0;
	if (remove_new(c, id, w) < 0)
		return -1;
	return refuse(
	    w, EXIT_DATA, "another entry of the catalogue has its surl");
}

void
catalogue_restoring(struct catalogue *c, bool on)
{
	c->restoring = on;
}

int
catalogue_register(struct catalogue *c, const struct line *l,
    enum catalogue_how *how, struct why *w)
{
	struct item *t = &item;
	struct catalogue_entry e;
	long long parent;
	int got, leased = 0;

	if (take(t, l, w) < 0)
		return 1;
	/* A lookup first: a line that is refused makes no directories. */
	if ((got = path_dir(c, &t->path, t->path.n - 1, false, &parent, w)) < 0)
		return denied(w);
	if (got == 0 || t->gen != 1 || (leased = lease(c, l, w)) != 0) {
		struct why lw = *w;

		if (leased < 0)
			return -1;
		if (got > 0 && (got = entry_of(c, parent, t->name, &e, w)) < 0)
			return -1;
		if (got > 0)
			return known(c, t, parent, how, w);
		if (t->gen != 1 && !c->restoring)
			return refuse(w, EXIT_RETRY,
			    "the generation it follows is not registered");
		*w = lw;
		if ((leased = lease(c, l, w)) != 0)
			return leased;
		if (path_dir(c, &t->path, t->path.n - 1, true, &parent, w) < 0)
			return denied(w);
	}
	return insert(c, t, parent, how, w);
}

/*
 * Add a line that is new: 1; 0 if it is not, or must be looked at alone; -1.
 */
static int
add_new(struct catalogue *c, const struct line *l, struct why *w)
{
	struct db_stmt *s;
	long long parent, id;
	int got, home;

	if (take(&item, l, w) < 0 || item.gen != 1)
		return 0;
	if ((got = lease(c, l, w)) != 0)
		return got < 0 ? -1 : 0;
	got = path_dir(c, &item.path, item.path.n - 1, true, &parent, w);
	if (got < 0 ||
	    (s = insertion(c, &item, parent, true, &id, &home, w)) == NULL)
		return denied(w) > 0 ? 0 : -1;
	if ((got = db_add(s, w)) <= 0)
		return got;
	if ((got = add_replicas(c, &item, id, home, true, w)) != 0)
		return got;
	return remove_new(c, id, w) < 0 ? -1 : 0;
}

/* What was not new is most often there already. */
static int
register_old(struct catalogue *c, const struct line *l, enum catalogue_how *how,
    struct why *w)
{
	struct catalogue_entry e;
	long long parent;

	if (take(&item, l, w) == 0 &&
	    path_dir(c, &item.path, item.path.n - 1, false, &parent, w) == 1 &&
	    entry_of(c, parent, item.name, &e, w) == 1)
		return known(c, &item, parent, how, w);
	return catalogue_register(c, l, how, w);
}

/*
 * The lines that are new, at once: done[i] is 1 for those that are registered
 * so.  If the database refuses one only afterwards, none is.
 */
static int
register_new(struct catalogue *c, const struct line *l, int n,
    const enum catalogue_how *how, char *done, struct why *w)
{
	int i, got;

	memset(done, 0, (size_t)n);
	if (db_save(c->db, w) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		got = how[i] != CATALOGUE_REFUSED ? add_new(c, &l[i], w) : 0;
		if (got < 0)
			return -1;
		done[i] = got > 0;
	}
	if ((got = db_added(c->db, w)) != 0)
		return got < 0 ? -1 : 0;
	memset(done, 0, (size_t)n);
	forget(c); /* directories were made, and are no more */
	return db_restore(c->db, w);
}

/* At most REG_MANY lines. */
static int
register_many(struct catalogue *c, const struct line *l, int n,
    enum catalogue_how *how, catalogue_refused *refused, void *arg,
    struct why *w)
{
	char done[REG_MANY];
	int i, got;

	if (register_new(c, l, n, how, done, w) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (how[i] == CATALOGUE_REFUSED)
			continue;
		how[i] = CATALOGUE_NEW;
		got = done[i] ? 0 : register_old(c, &l[i], &how[i], w);
		if (got < 0)
			return -1;
		if (got > 0) {
			how[i] = CATALOGUE_REFUSED;
			refused(arg, &l[i], w);
		}
	}
	return 0;
}

int
catalogue_register_all(struct catalogue *c, const struct line *l, int n,
    enum catalogue_how *how, catalogue_refused *refused, void *arg,
    struct why *w)
{
	int i;

	for (i = 0; i < n; i += REG_MANY)
		if (register_many(c, l + i, n - i < REG_MANY ? n - i : REG_MANY,
			how + i, refused, arg, w) < 0)
			return -1;
	return 0;
}
