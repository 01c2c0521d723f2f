/* The writing half of the catalogue: registering and removing. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"

/* Fields that have a column, or mean nothing once registered. */
static const char *const own[] = { "lfn", "guid", "size", "sha256", "adler32",
	"surl", "status", "mode", "owner", "group", "plain", "gen", "profile",
	"by", "sig", "modality", "pseudonym", "comment", "lease", "ack", "via",
	NULL };

/* A manifest line, decoded and checked. */
struct item {
	const struct line *l;
	unsigned char guid[16], sha256[32], plain[32];
	bool has_plain;
	unsigned long long size, gen;
	long long adler32, mode; /* -1: not given */
	const char *name;        /* last component */
	char meta[LINE_MAX_BYTES];
	char lfn[LFN_LONGEST + 1];
	struct path path;
};

static struct item item; /* large, and only one at a time */

#define REG_MANY 1000 /* lines sent before their answers are read */

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

static void
take_meta(struct item *t)
{
	size_t n = 0;
	int i;

	for (i = 0; i < t->l->fields; i++) {
		const struct line_field *f = &t->l->field[i];

		if (is_own(f->key))
			continue;
		/* It fits: the line itself does. */
		if (n > 0)
			t->meta[n++] = '\t';
		n += (size_t)(stpcpy(t->meta + n, f->key) - (t->meta + n));
		t->meta[n++] = '=';
		n += (size_t)(stpcpy(t->meta + n, f->word) - (t->meta + n));
	}
	t->meta[n] = '\0';
}

static int
take_mode(struct item *t, struct why *w)
{
	const char *word = line_word(t->l, "mode");
	char *end;

	t->mode = -1;
	if (word == NULL)
		return 0;
	t->mode = strtoll(word, &end, 8);
	if (strspn(word, "01234567") != strlen(word) || *end != '\0' ||
	    t->mode > 07777)
		return why_set(w, EXIT_DATA, "mode=: not an octal mode");
	return 0;
}

static int
take(struct item *t, const struct line *l, struct why *w)
{
	unsigned char sum[4];

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
	if (line_word(l, "surl") == NULL)
		return why_set(w, EXIT_DATA, "has no surl=");
	take_meta(t);
	return take_mode(t, w);
}

/* Is the line's lease alive?  0, or -1: nothing may be registered. */
static int
lease(struct catalogue *c, const struct line *l, struct why *w)
{
	const char *id = line_word(l, "lease");
	struct db_stmt *s;
	int got;

	if (id == NULL || strlen(id) != CATALOGUE_LEASE - 1)
		return why_set(
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
		return why_set(w, EXIT_RETRY,
		    "the lease of this run has expired or was used up");
	db_reset(s);
	strcpy(c->lease, id);
	return 0;
}

/* Owner or group of a new entry: as the line says, else ours. */
static long long
principal_of(struct catalogue *c, const struct line *l, const char *key,
    long long ours, struct why *w)
{
	const char *word = line_word(l, key);

	return word ? principal_id(c, word, w) : ours;
}

static void
bind_hash(struct db_stmt *s, int i, const void *p, size_t n, bool known)
{
	if (known)
		db_bind_blob(s, i, p, n);
	else
		db_bind_text(s, i, NULL);
}

/* Parameters 1..15 of an INSERT or UPDATE: what a generation consists of. */
static void
bind_generation(struct db_stmt *s, const struct item *t, long long now)
{
	char record[3 * NAME_WORD], *o = record;
	const struct line *l = t->l;
	int i;

	db_bind_int(s, 1, (long long)t->gen);
	db_bind_blob(s, 2, t->guid, sizeof t->guid);
	db_bind_int(s, 3, (long long)t->size);
	db_bind_blob(s, 4, t->sha256, sizeof t->sha256);
	if (t->adler32 >= 0)
		db_bind_int(s, 5, t->adler32);
	else
		db_bind_text(s, 5, NULL);
	bind_hash(s, 6, t->plain, sizeof t->plain, t->has_plain);
	db_bind_text(s, 7, line_word(l, "by"));
	db_bind_text(s, 8, line_word(l, "sig"));
	db_bind_text(s, 9, line_word(l, "profile"));
	db_bind_text(s, 10, line_word(l, "modality"));
	db_bind_text(s, 11, line_word(l, "pseudonym"));
	db_bind_text(s, 12, line_word(l, "comment"));
	record[0] = '\0';
	for (i = t->path.n > 3 ? t->path.n - 3 : 0; i < t->path.n; i++)
		o += sprintf(o, "%s%s", o > record ? "/" : "", t->path.part[i]);
	db_bind_text(s, 13, strcmp(record, l->name) == 0 ? NULL : l->name);
	db_bind_text(s, 14, t->meta[0] ? t->meta : NULL);
	db_bind_int(s, 15, now);
}

/* Ready to insert it unless its name or GUID is there; NULL with *w. */
static struct db_stmt *
insertion(struct catalogue *c, const struct item *t, long long parent,
    long long *id, struct why *w)
{
	struct db_stmt *s;
	long long owner, group;

	owner = principal_of(c, t->l, "owner", c->owner, w);
	group = owner < 0 ? -1 : principal_of(c, t->l, "group", c->group, w);
	if (group < 0 || (*id = entry_id(c, w)) < 0)
		return NULL;
	s = db_prepare(c->db,
	    "INSERT INTO entry (gen, guid, size, sha256, adler32, plain,"
	    " signer, sig, profile, modality, pseudonym, comment, record,"
	    " meta, ctime, mtime, atime, status, type,"
	    " id, parent, name, mode, owner, grp)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
	    " ?13, ?14, ?15, ?15, ?15, '-', 'f',"
	    " ?16, ?17, ?18, ?19, ?20, ?21)"
	    " ON CONFLICT DO NOTHING",
	    w);
	if (s == NULL)
		return NULL;
	bind_generation(s, t, c->now);
	db_bind_int(s, 16, *id);
	db_bind_int(s, 17, parent);
	db_bind_text(s, 18, t->name);
	db_bind_int(s, 19, t->mode >= 0 ? t->mode : 0600);
	db_bind_int(s, 20, owner);
	db_bind_int(s, 21, group);
	return s;
}

/* Insert unless its name or GUID is there: 1 and *id, 0, -1. */
static int
insert(struct catalogue *c, const struct item *t, long long parent,
    long long *id, struct why *w)
{
	if (run1(insertion(c, t, parent, id, w), w) < 0)
		return -1;
	return db_changes(c->db) == 1;
}

static int
delete_replicas(struct catalogue *c, long long entry, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "DELETE FROM replica WHERE entry = ?1", w);

	if (s != NULL)
		db_bind_int(s, 1, entry);
	return run1(s, w);
}

/* Send the replicas of a line, for an entry that may not be: how many, -1. */
static int
send_replicas(
    struct catalogue *c, const struct item *t, long long entry, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "INSERT INTO replica (entry, surl, status, f_type, r_type,"
	    " accesses, atime, ptime)"
	    " SELECT id, ?2, '-', 'P', ?3, 0, ?4, ?4 FROM entry WHERE id = ?1"
	    " ON CONFLICT DO NOTHING",
	    w);
	int i, n = 0;

	if (s == NULL)
		return -1;
	for (i = 0; i < t->l->fields; i++) {
		const char *key = t->l->field[i].key;
		bool first = strcmp(key, "surl") == 0;

		if (!first && strncmp(key, "surl.", 5) != 0)
			continue;
		db_bind_int(s, 1, entry);
		db_bind_text(s, 2, t->l->field[i].word);
		db_bind_text(s, 3, first ? "P" : "S");
		db_bind_int(s, 4, c->now);
		if (db_send(s, w) < 0)
			return -1;
		n++;
	}
	return n;
}

/* Were the next n statements that were sent of effect?  1, 0, -1. */
static int
effects(struct catalogue *c, int n, struct why *w)
{
	long long changes;
	int all = 1;

	while (n-- > 0) {
		if (db_receive(c->db, &changes, w) <= 0)
			return -1;
		if (changes != 1)
			all = 0;
	}
	return all;
}

/* Add the line's replicas: 1, 0 if another entry has one of them, -1. */
static int
add_replicas(
    struct catalogue *c, const struct item *t, long long entry, struct why *w)
{
	int n = send_replicas(c, t, entry, w);

	return n < 0 ? -1 : effects(c, n, w);
}

static int
refuse(struct why *w, int code, const char *text)
{
	why_set(w, code, "%s", text);
	return 1;
}

/* The entry moves to the line's generation; its rights stay. */
static int
supersede(struct catalogue *c, const struct item *t, long long id,
    long long parent, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "UPDATE entry SET gen = ?1, guid = ?2, size = ?3, sha256 = ?4,"
	    " adler32 = ?5, plain = ?6, signer = ?7, sig = ?8, profile = ?9,"
	    " modality = ?10, pseudonym = ?11, comment = ?12, record = ?13,"
	    " meta = ?14, mtime = ?15, ctime = ?15, status = '-'"
	    " WHERE id = ?16 AND parent = ?17",
	    w);

	if (s == NULL)
		return -1;
	bind_generation(s, t, c->now);
	db_bind_int(s, 16, id);
	db_bind_int(s, 17, parent);
	if (db_run(s, w) < 0 || delete_replicas(c, id, w) < 0)
		return -1;
	return add_replicas(c, t, id, w);
}

/* Are its replicas all free, or this entry's own?  1, 0, -1. */
static int
replicas_free(
    struct catalogue *c, const struct item *t, long long entry, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "SELECT entry FROM replica WHERE surl = ?1", w);
	int i, got;

	if (s == NULL)
		return -1;
	for (i = 0; i < t->l->fields; i++) {
		const char *key = t->l->field[i].key;
		bool ours;

		if (strcmp(key, "surl") != 0 && strncmp(key, "surl.", 5) != 0)
			continue;
		db_bind_text(s, 1, t->l->field[i].word);
		if ((got = db_step(s, w)) < 0)
			return -1;
		if (got == 0)
			continue;
		ours = db_int(s, 0) == entry;
		db_reset(s);
		if (!ours)
			return 0;
	}
	return 1;
}

/* The name or the GUID is there already: what does that mean? */
static int
known(struct catalogue *c, const struct item *t, long long parent,
    enum catalogue_how *how, struct why *w)
{
	struct catalogue_entry e;
	int got = entry_of(c, parent, t->name, &e, w);

	if (got < 0)
		return -1;
	if (got == 0)
		return refuse(w, EXIT_DATA,
		    "another entry of the catalogue has its GUID");
	if (e.dir)
		return refuse(w, EXIT_NO, "is a directory in the catalogue");
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
	if ((got = lease(c, t->l, w)) < 0)
		return w->code == EXIT_DATA ? 1 : -1;
	if ((got = catalogue_has_guid(c, t->guid, w)) < 0)
		return -1;
	if (got > 0)
		return refuse(w, EXIT_DATA,
		    "another entry of the catalogue has its GUID");
	if ((got = replicas_free(c, t, e.id, w)) < 0)
		return -1;
	if (got == 0)
		return refuse(w, EXIT_DATA,
		    "another entry of the catalogue has its surl");
	*how = CATALOGUE_SUPERSEDED;
	return supersede(c, t, e.id, parent, w) < 0 ? -1 : 0;
}

/* Take back an entry that was inserted, but not with all of its replicas. */
static int
remove_new(struct catalogue *c, long long id, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "DELETE FROM entry WHERE id = ?1", w);

	if (s != NULL)
		db_bind_int(s, 1, id);
	return run1(s, w) < 0 ? -1 : delete_replicas(c, id, w);
}

static int
added(struct catalogue *c, const struct item *t, long long id, struct why *w)
{
	int got = add_replicas(c, t, id, w);

	if (got != 0)
		return got < 0 ? -1 : 0;
	if (remove_new(c, id, w) < 0)
		return -1;
	return refuse(
	    w, EXIT_DATA, "another entry of the catalogue has its surl");
}

int
catalogue_register(struct catalogue *c, const struct line *l,
    enum catalogue_how *how, struct why *w)
{
	struct item *t = &item;
	struct catalogue_entry e;
	long long parent, id;
	int got;

	if (take(t, l, w) < 0)
		return 1;
	/* A lookup first: a line that is refused makes no directories. */
	if ((got = path_dir(c, &t->path, t->path.n - 1, false, &parent, w)) < 0)
		return w->code == EXIT_NO ? 1 : -1;
	if (got == 0 || t->gen != 1 || lease(c, l, w) < 0) {
		struct why lw = *w;

		if (got > 0 && (got = entry_of(c, parent, t->name, &e, w)) < 0)
			return -1;
		if (got > 0)
			return known(c, t, parent, how, w);
		if (t->gen != 1)
			return refuse(w, EXIT_RETRY,
			    "the generation it follows is not registered");
		*w = lw;
		if (lease(c, l, w) < 0)
			return w->code == EXIT_DATA ? 1 : -1;
		if (path_dir(c, &t->path, t->path.n - 1, true, &parent, w) < 0)
			return -1;
	}
	if (ourselves(c, w) < 0)
		return -1;
	if ((got = insert(c, t, parent, &id, w)) < 0)
		return -1;
	*how = CATALOGUE_NEW;
	return got > 0 ? added(c, t, id, w) : known(c, t, parent, how, w);
}

/*
 * Send what registers a line that is new: 1, in *sent how many statements;
 * 0 if it must be looked at alone; -1.
 */
static int
send_new(struct catalogue *c, const struct line *l, long long *id, int *sent,
    struct why *w)
{
	struct db_stmt *s;
	long long parent;
	int got;

	if (take(&item, l, w) < 0 || item.gen != 1)
		return 0;
	if (lease(c, l, w) < 0)
		return w->code == EXIT_DATA || w->code == EXIT_RETRY ? 0 : -1;
	got = path_dir(c, &item.path, item.path.n - 1, true, &parent, w);
	if (got < 0)
		return w->code == EXIT_NO ? 0 : -1;
	if (ourselves(c, w) < 0 ||
	    (s = insertion(c, &item, parent, id, w)) == NULL ||
	    db_send(s, w) < 0 || (got = send_replicas(c, &item, *id, w)) < 0)
		return -1;
	*sent = got + 1;
	return 1;
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

/* Take the answers for a line sent: 1 if it is registered, 0, -1. */
static int
registered(struct catalogue *c, long long id, int sent, struct why *w)
{
	int entry, replicas;

	if ((entry = effects(c, 1, w)) < 0 ||
	    (replicas = effects(c, sent - 1, w)) < 0)
		return -1;
	if (entry && !replicas)
		return remove_new(c, id, w) < 0 ? -1 : 0;
	return entry;
}

/* At most REG_MANY lines. */
static int
register_many(struct catalogue *c, const struct line *l, int n,
    enum catalogue_how *how, catalogue_refused *refused, struct why *w)
{
	int sent[REG_MANY], i, got;
	long long id[REG_MANY];

	for (i = 0; i < n; i++) {
		sent[i] = 0;
		if (how[i] != CATALOGUE_REFUSED &&
		    send_new(c, &l[i], &id[i], &sent[i], w) < 0)
			return -1;
	}
	for (i = 0; i < n; i++) {
		got = sent[i] ? registered(c, id[i], sent[i], w) : 0;
		if (got < 0)
			return -1;
		sent[i] = got; /* from here on: done */
		if (got > 0)
			how[i] = CATALOGUE_NEW;
	}
	for (i = 0; i < n; i++) {
		if (sent[i] || how[i] == CATALOGUE_REFUSED)
			continue;
		if ((got = register_old(c, &l[i], &how[i], w)) < 0)
			return -1;
		if (got > 0) {
			how[i] = CATALOGUE_REFUSED;
			refused(&l[i], w);
		}
	}
	return 0;
}

int
catalogue_register_all(struct catalogue *c, const struct line *l, int n,
    enum catalogue_how *how, catalogue_refused *refused, struct why *w)
{
	int i;

	for (i = 0; i < n; i += REG_MANY)
		if (register_many(c, l + i, n - i < REG_MANY ? n - i : REG_MANY,
			how + i, refused, w) < 0)
			return -1;
	return 0;
}

/* Remove the row of an entry; a file's replicas with it. */
static int
remove_entry(struct catalogue *c, const struct catalogue_entry *e,
    catalogue_gone *gone, void *arg, struct why *w)
{
	long long id = e->id;
	bool dir = e->dir;
	struct db_stmt *s;

	if (!dir && gone != NULL &&
	    (catalogue_line(c, e, NULL, &c->line, w) < 0 ||
		gone(arg, &c->line, w) < 0))
		return -1;
	if (!dir && delete_replicas(c, id, w) < 0)
		return -1;
	s = db_prepare(c->db, "DELETE FROM entry WHERE id = ?1", w);
	if (s != NULL)
		db_bind_int(s, 1, id);
	return run1(s, w);
}

/* The first entry of a directory; as catalogue_stat(). */
static int
first_child(
    struct catalogue *c, long long id, struct catalogue_entry *e, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT " ENTRY_COLUMNS
	    " FROM entry WHERE parent = ?1 ORDER BY name LIMIT 1",
	    w);
	int got;

	if (s == NULL)
		return -1;
	db_reset(s);
	db_bind_int(s, 1, id);
	if ((got = db_step(s, w)) > 0)
		entry_fill(c, s, e);
	return got;
}

/* Bottom up, always the first: no memory is needed but the way down. */
static int
remove_below(struct catalogue *c, long long top, int limit,
    catalogue_gone *gone, void *arg, struct why *w)
{
	long long way[CATALOGUE_DEPTH + 1] = { top };
	struct catalogue_entry e;
	struct db_stmt *s;
	int depth = 0, got;

	while (limit-- > 0) {
		if ((got = first_child(c, way[depth], &e, w)) < 0)
			return -1;
		if (got > 0 && e.dir) {
			if (depth == CATALOGUE_DEPTH)
				return why_set(
				    w, EXIT_DATA, "directories are too deep");
			way[++depth] = e.id;
		} else if (got > 0) {
			if (remove_entry(c, &e, gone, arg, w) < 0)
				return -1;
		} else {
			s = db_prepare(
			    c->db, "DELETE FROM entry WHERE id = ?1", w);
			if (s != NULL)
				db_bind_int(s, 1, way[depth]);
			if (run1(s, w) < 0)
				return -1;
			if (depth-- == 0)
				return 1;
		}
	}
	return 2;
}

int
catalogue_remove(struct catalogue *c, const char *lfn,
    const unsigned char *guid, bool deep, int limit, catalogue_gone *gone,
    void *arg, struct why *w)
{
	struct catalogue_entry e;
	long long n = 0;
	int got;

	if ((got = catalogue_stat(c, lfn, &e, w)) <= 0)
		return got;
	if (guid != NULL && (e.guid == NULL || memcmp(guid, e.guid, 16) != 0))
		return why_set(w, EXIT_NO, "has another GUID by now");
	c->depth = 0;
	if (e.dir && e.id == ROOT)
		return why_set(w, EXIT_NO, "is the root directory");
	if (e.dir && deep)
		return remove_below(c, e.id, limit, gone, arg, w);
	if (e.dir && (n = catalogue_children(c, e.id, w)) != 0)
		return n < 0 ? -1 : why_set(w, EXIT_NO, "is not empty");
	return remove_entry(c, &e, gone, arg, w) < 0 ? -1 : 1;
}

/* Does the query find anything for its one parameter?  1, 0, -1. */
static int
found(struct db_stmt *s, struct why *w)
{
	int got = db_step(s, w);

	if (got > 0)
		db_reset(s);
	return got;
}

int
catalogue_has_surl(struct catalogue *c, const char *surl, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "SELECT 1 FROM replica WHERE surl = ?1", w);

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, surl);
	return found(s, w);
}

int
catalogue_has_guid(
    struct catalogue *c, const unsigned char *guid, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "SELECT 1 FROM entry WHERE guid = ?1", w);

	if (s == NULL)
		return -1;
	db_bind_blob(s, 1, guid, 16);
	return found(s, w);
}

int
catalogue_replicas(struct catalogue *c, const char *after, const char *below,
    struct catalogue_replica *page, int max, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT r.surl, e.size, e.id, e.guid FROM replica r"
	    " LEFT JOIN entry e ON e.id = r.entry"
	    " WHERE r.surl > ?1 AND r.surl < ?2 ORDER BY r.surl LIMIT ?3",
	    w);
	const void *guid;
	size_t len;
	int n = 0, got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, after);
	db_bind_text(s, 2, below);
	db_bind_int(s, 3, max);
	while ((got = db_step(s, w)) > 0 && n < max) {
		memset(&page[n], 0, sizeof page[n]);
		if ((page[n].surl = strdup(db_text(s, 0))) == NULL)
			die(EXIT_IO, "out of memory");
		page[n].size = db_int(s, 1);
		page[n].entry = db_int(s, 2);
		guid = db_blob(s, 3, &len);
		if (len == sizeof page[n].guid)
			memcpy(page[n].guid, guid, len);
		n++;
	}
	db_reset(s);
	if (got < 0) {
		catalogue_replicas_free(page, n);
		return -1;
	}
	return n;
}

void
catalogue_replicas_free(struct catalogue_replica *page, int n)
{
	while (n-- > 0)
		free(page[n].surl);
}

int
catalogue_guids(struct catalogue *c, const unsigned char *after,
    unsigned char (*page)[16], int max, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT guid FROM entry WHERE guid > ?1 ORDER BY guid LIMIT ?2", w);
	const void *guid;
	size_t len;
	int n = 0, got;

	if (s == NULL)
		return -1;
	db_bind_blob(s, 1, after, after ? 16 : 0);
	db_bind_int(s, 2, max);
	while ((got = db_step(s, w)) > 0 && n < max) {
		guid = db_blob(s, 0, &len);
		if (len == 16)
			memcpy(page[n++], guid, len);
	}
	db_reset(s);
	return got < 0 ? -1 : n;
}
