#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "catalogue_impl.h"
#include "opt.h"
#include "secret.h"

/*
 * BYTEA holds bytes in PostgreSQL, and in SQLite, to which it is only a name.
 * type is 'd' or 'f'; status '-' (online) or 'm' (nearline, "migrated").
 */
static const char *const steps[] = {
	"CREATE TABLE principal ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE);"

	"CREATE TABLE entry ("
	" id INTEGER PRIMARY KEY,"
	" parent BIGINT NOT NULL,"
	" name TEXT NOT NULL,"
	" type TEXT NOT NULL,"
	" mode BIGINT NOT NULL,"
	" owner BIGINT NOT NULL,"
	" grp BIGINT NOT NULL,"
	" atime BIGINT NOT NULL,"
	" mtime BIGINT NOT NULL,"
	" ctime BIGINT NOT NULL,"
	" status TEXT,"
	" gen BIGINT,"
	" guid BYTEA UNIQUE,"
	" size BIGINT,"
	" sha256 BYTEA,"
	" adler32 BIGINT,"
	" plain BYTEA,"
	" signer TEXT,"
	" sig TEXT,"
	" profile TEXT,"
	" modality TEXT,"
	" pseudonym TEXT,"
	" comment TEXT,"
	" record TEXT,"
	" meta TEXT,"
	" UNIQUE (parent, name));"

	"CREATE TABLE replica ("
	" id INTEGER PRIMARY KEY,"
	" entry BIGINT NOT NULL,"
	" surl TEXT NOT NULL UNIQUE,"
	" status TEXT NOT NULL," /* - available, P populated, D deleted */
	" f_type TEXT NOT NULL," /* V volatile, D durable, P permanent */
	" r_type TEXT NOT NULL," /* P primary, S secondary */
	" setname TEXT,"
	" accesses BIGINT NOT NULL,"
	" atime BIGINT NOT NULL,"
	" ptime BIGINT NOT NULL);"
	"CREATE INDEX replica_entry ON replica (entry);"

	"CREATE TABLE lease ("
	" id TEXT PRIMARY KEY,"
	" start BIGINT NOT NULL,"
	" expires BIGINT NOT NULL,"
	" host TEXT NOT NULL,"
	" pid BIGINT NOT NULL);"

	"INSERT INTO principal VALUES (1, 'root');"
	"INSERT INTO entry (id, parent, name, type, mode, owner, grp, atime,"
	" mtime, ctime) VALUES (1, 0, '-', 'd', 493, 1, 1, 0, 0, 0)",
	NULL
};

static const struct db_schema schema = { "mdm catalogue", steps };

const char *
catalogue_url(const char *option)
{
	static char url[4200];
	const char *set = opt_or_env(option, "MDM_CATALOGUE");

	if (set != NULL)
		return set;
	snprintf(url, sizeof url, "sqlite:%s/catalogue.sqlite", opt_home());
	return url;
}

struct catalogue *
catalogue_open(const char *url, bool create, struct why *w)
{
	struct catalogue *c = calloc(1, sizeof *c);

	if (c == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	line_init(&c->line, false);
	if ((c->db = db_open(url, &schema, create, w)) == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void
catalogue_close(struct catalogue *c)
{
	int i;

	if (c == NULL)
		return;
	for (i = 0; i < c->principals; i++)
		free(c->principal[i].name);
	free(c->principal);
	line_free(&c->line);
	db_close(c->db);
	free(c);
}

/* An embedded database has no other clock than this machine's. */
long long
catalogue_now(struct catalogue *c)
{
	(void)c;
	return (long long)time(NULL);
}

int
catalogue_begin(struct catalogue *c, struct why *w)
{
	if (db_begin(c->db, w) < 0)
		return -1;
	c->now = catalogue_now(c);
	c->next_id = 0;
	c->depth = 0; /* others may have moved what we knew */
	c->lease[0] = '\0';
	return 0;
}

int
catalogue_commit(struct catalogue *c, struct why *w)
{
	if (db_commit(c->db, w) == 0)
		return 0;
	catalogue_rollback(c);
	return -1;
}

/* What was made in the transaction is no more; nor may it be remembered. */
void
catalogue_rollback(struct catalogue *c)
{
	db_rollback(c->db);
	c->depth = 0;
	c->owner = c->group = 0;
	while (c->principals > 0)
		free(c->principal[--c->principals].name);
}

int
run1(struct db_stmt *s, struct why *w)
{
	return s == NULL ? -1 : db_run(s, w);
}

static int
expire(struct catalogue *c, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "DELETE FROM lease WHERE expires <= ?1", w);

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, c->now);
	return db_run(s, w);
}

int
catalogue_lease_new(
    struct catalogue *c, long long ttl, char id[CATALOGUE_LEASE], struct why *w)
{
	unsigned char raw[16];
	char host[256] = "";
	struct db_stmt *s;

	secret_random(raw, sizeof raw);
	hex_encode(id, raw, sizeof raw);
	gethostname(host, sizeof host - 1);
	if (catalogue_begin(c, w) < 0)
		return -1;
	s = db_prepare(
	    c->db, "INSERT INTO lease VALUES (?1, ?2, ?3, ?4, ?5)", w);
	if (s != NULL) {
		db_bind_text(s, 1, id);
		db_bind_int(s, 2, c->now);
		db_bind_int(s, 3, c->now + ttl);
		db_bind_text(s, 4, host);
		db_bind_int(s, 5, getpid());
	}
	if (expire(c, w) < 0 || run1(s, w) < 0) {
		catalogue_rollback(c);
		return -1;
	}
	return catalogue_commit(c, w);
}

int
catalogue_lease_renew(
    struct catalogue *c, const char *id, long long ttl, struct why *w)
{
	struct db_stmt *s;
	bool alive;

	if (catalogue_begin(c, w) < 0)
		return -1;
	s = db_prepare(c->db, "UPDATE lease SET expires = ?2 WHERE id = ?1", w);
	if (s != NULL) {
		db_bind_text(s, 1, id);
		db_bind_int(s, 2, c->now + ttl);
	}
	if (expire(c, w) < 0 || run1(s, w) < 0) {
		catalogue_rollback(c);
		return -1;
	}
	alive = db_changes(c->db) == 1;
	if (catalogue_commit(c, w) < 0)
		return -1;
	return alive ? 0 : why_set(w, EXIT_RETRY, "this run's lease expired");
}

int
catalogue_lease_end(struct catalogue *c, const char *id, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "DELETE FROM lease WHERE id = ?1", w);

	if (s != NULL)
		db_bind_text(s, 1, id);
	return run1(s, w);
}

int
catalogue_lease_oldest(struct catalogue *c, long long *start, struct why *w)
{
	struct db_stmt *s;

	if (expire(c, w) < 0 ||
	    (s = db_prepare(c->db, "SELECT MIN(start) FROM lease", w)) ==
		NULL ||
	    db_step(s, w) < 0)
		return -1;
	*start = db_is_null(s, 0) ? LLONG_MAX : db_int(s, 0);
	db_reset(s);
	return 0;
}

int
catalogue_lfn(char *lfn, size_t size, const char *name, struct why *w)
{
	const char *home = opt_or_env(NULL, "LFC_HOME");
	struct path *p;
	int n, r;

	if (home == NULL)
		home = "/grid/mdm";
	if (*name == '/')
		n = snprintf(lfn, size, "%s", name);
	else
		n = snprintf(lfn, size, "%s/%s", home, name);
	if (n < 0 || (size_t)n >= size || n > LFN_LONGEST)
		return why_set(w, EXIT_DATA, "the name is too long");
	if ((p = malloc(sizeof *p)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	r = path_split(p, lfn, w);
	free(p);
	return r;
}

int
catalogue_line_lfn(char *lfn, size_t size, const struct line *l, struct why *w)
{
	char name[LFN_LONGEST + 1];

	if (line_word(l, "lfn") != NULL) {
		if (line_text(l, "lfn", name, sizeof name, w) < 0)
			return -1;
		if (name[0] != '/')
			return why_set(w, EXIT_DATA, "lfn=: not absolute");
	} else {
		if (line_name(l, name, sizeof name, w) < 0)
			return -1;
		if (name[0] == '/')
			return why_set(w, EXIT_DATA, "an absolute name");
	}
	return catalogue_lfn(lfn, size, name, w);
}

int
path_split(struct path *p, const char *lfn, struct why *w)
{
	const char *s = lfn, *slash;
	char *o = p->buf;
	size_t n;

	p->n = 0;
	if (*s != '/')
		return why_set(w, EXIT_DATA, "the name is not absolute");
	if (s[1] == '\0')
		return 0;
	while (*s == '/') {
		slash = strchr(++s, '/');
		n = slash ? (size_t)(slash - s) : strlen(s);
		if (n == 0 || n > NAME_LONGEST)
			return why_set(w, EXIT_DATA,
			    n ? "a component of the name is too long"
			      : "the name has an empty component");
		if ((n == 1 && s[0] == '.') ||
		    (n == 2 && s[0] == '.' && s[1] == '.'))
			return why_set(
			    w, EXIT_DATA, "the name has a component . or ..");
		if (p->n == CATALOGUE_DEPTH)
			return why_set(
			    w, EXIT_DATA, "the name has too many components");
		p->part[p->n++] = o;
		o += word_encode(o, s, n) + 1;
		s += n;
	}
	return 0;
}

/* The id of a subdirectory: 1, 0, or -1. */
static int
subdir(struct catalogue *c, long long parent, const char *name, long long *id,
    struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT id, type FROM entry WHERE parent = ?1 AND name = ?2", w);
	bool dir;
	int got;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, parent);
	db_bind_text(s, 2, name);
	if ((got = db_step(s, w)) <= 0)
		return got;
	*id = db_int(s, 0);
	dir = strcmp(db_text(s, 1), "d") == 0;
	db_reset(s);
	return dir ? 1 : why_set(w, EXIT_NO, "a directory of it is a file");
}

long long
entry_id(struct catalogue *c, struct why *w)
{
	struct db_stmt *s;

	if (c->next_id == 0) {
		s = db_prepare(c->db, "SELECT MAX(id) FROM entry", w);
		if (s == NULL || db_step(s, w) < 0)
			return -1;
		c->next_id = db_int(s, 0) + 1;
		db_reset(s);
	}
	return c->next_id++;
}

/* Who makes directories, and owns what no line gives to others. */
int
ourselves(struct catalogue *c, struct why *w)
{
	char word[WORD_MAX(255)], number[24];
	const struct passwd *pw;
	const struct group *gr;
	const char *s;

	if (c->owner > 0 && c->group > 0)
		return 0;
	snprintf(number, sizeof number, "%ld", (long)geteuid());
	pw = getpwuid(geteuid());
	s = pw ? pw->pw_name : number;
	word_encode(word, s, strnlen(s, 255));
	if ((c->owner = principal_id(c, word, w)) < 0)
		return -1;
	snprintf(number, sizeof number, "%ld", (long)getegid());
	gr = getgrgid(getegid());
	s = gr ? gr->gr_name : number;
	word_encode(word, s, strnlen(s, 255));
	return (c->group = principal_id(c, word, w)) < 0 ? -1 : 0;
}

static long long
make_dir(struct catalogue *c, long long parent, const char *name, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "INSERT INTO entry (id, parent, name, type, mode, owner, grp,"
	    " atime, mtime, ctime)"
	    " VALUES (?1, ?2, ?3, 'd', 493, ?4, ?5, ?6, ?6, ?6)",
	    w);
	long long id;

	if (s == NULL || ourselves(c, w) < 0 || (id = entry_id(c, w)) < 0)
		return -1;
	db_bind_int(s, 1, id);
	db_bind_int(s, 2, parent);
	db_bind_text(s, 3, name);
	db_bind_int(s, 4, c->owner);
	db_bind_int(s, 5, c->group);
	db_bind_int(s, 6, c->now);
	return db_run(s, w) < 0 ? -1 : id;
}

int
path_dir(struct catalogue *c, const struct path *p, int n, bool make,
    long long *id, struct why *w)
{
	int i = 0, got;

	while (i < n && i < c->depth && strcmp(c->dir[i].name, p->part[i]) == 0)
		i++;
	c->depth = i;
	*id = i > 0 ? c->dir[i - 1].id : ROOT;
	for (; i < n; i++) {
		long long child = 0;

		if ((got = subdir(c, *id, p->part[i], &child, w)) < 0)
			return -1;
		if (got == 0 && !make)
			return 0;
		if (got == 0 && (child = make_dir(c, *id, p->part[i], w)) < 0)
			return -1;
		strcpy(c->dir[i].name, p->part[i]);
		c->dir[i].id = *id = child;
		c->depth = i + 1;
	}
	return 1;
}

static const char *
remember(struct catalogue *c, long long id, const char *name)
{
	struct principal *p =
	    realloc(c->principal, ((size_t)c->principals + 1) * sizeof *p);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	c->principal = p;
	p[c->principals].id = id;
	p[c->principals].name = strdup(name);
	if (p[c->principals].name == NULL)
		die(EXIT_IO, "out of memory");
	return p[c->principals++].name;
}

long long
principal_id(struct catalogue *c, const char *name, struct why *w)
{
	struct db_stmt *s;
	long long id;
	int i, got;

	for (i = 0; i < c->principals; i++)
		if (strcmp(c->principal[i].name, name) == 0)
			return c->principal[i].id;
	s = db_prepare(c->db, "SELECT id FROM principal WHERE name = ?1", w);
	if (s == NULL)
		return -1;
	db_bind_text(s, 1, name);
	if ((got = db_step(s, w)) < 0)
		return -1;
	if (got > 0) {
		id = db_int(s, 0);
		db_reset(s);
	} else {
		s = db_prepare(c->db,
		    "INSERT INTO principal SELECT MAX(id) + 1, ?1"
		    " FROM principal RETURNING id",
		    w);
		if (s == NULL)
			return -1;
		db_bind_text(s, 1, name);
		if (db_step(s, w) <= 0)
			return -1;
		id = db_int(s, 0);
		if (db_run(s, w) < 0)
			return -1;
	}
	remember(c, id, name);
	return id;
}

static const char *
principal_name(struct catalogue *c, long long id)
{
	struct why ignored;
	struct db_stmt *s;
	const char *name = "?";
	int i;

	for (i = 0; i < c->principals; i++)
		if (c->principal[i].id == id)
			return c->principal[i].name;
	s = db_prepare(
	    c->db, "SELECT name FROM principal WHERE id = ?1", &ignored);
	if (s == NULL)
		return name;
	db_bind_int(s, 1, id);
	if (db_step(s, &ignored) > 0) {
		name = remember(c, id, db_text(s, 0));
		db_reset(s);
	}
	return name;
}

/* Exactly n bytes, or NULL: a column is not trusted to be what it should. */
static const unsigned char *
bytes(struct db_stmt *s, int col, size_t n)
{
	size_t got;
	const void *p = db_blob(s, col, &got);

	return got == n ? p : NULL;
}

static const char *
text(struct db_stmt *s, int col, const char *otherwise)
{
	const char *t = db_text(s, col);

	return t ? t : otherwise;
}

/* Columns as in ENTRY_COLUMNS. */
void
entry_fill(struct catalogue *c, struct db_stmt *s, struct catalogue_entry *e)
{
	memset(e, 0, sizeof *e);
	e->id = db_int(s, 0);
	e->parent = db_int(s, 1);
	e->dir = strcmp(text(s, 2, "f"), "d") == 0;
	e->name = text(s, 3, "-");
	e->mode = (unsigned)db_int(s, 4) & 07777;
	e->owner = principal_name(c, db_int(s, 5));
	e->group = principal_name(c, db_int(s, 6));
	e->atime = db_int(s, 7);
	e->mtime = db_int(s, 8);
	e->ctime = db_int(s, 9);
	if (e->dir)
		return;
	e->online = strcmp(text(s, 10, "m"), "-") == 0;
	e->gen = db_int(s, 11);
	e->size = db_int(s, 12);
	e->adler32 = db_is_null(s, 13) ? -1 : db_int(s, 13);
	e->guid = bytes(s, 14, 16);
	e->sha256 = bytes(s, 15, 32);
	e->plain = bytes(s, 16, 32);
	e->by = db_text(s, 17);
	e->sig = db_text(s, 18);
	e->profile = db_text(s, 19);
	e->modality = db_text(s, 20);
	e->pseudonym = db_text(s, 21);
	e->comment = db_text(s, 22);
	e->record = db_text(s, 23);
	e->meta = db_text(s, 24);
}

int
entry_of(struct catalogue *c, long long parent, const char *name,
    struct catalogue_entry *e, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT " ENTRY_COLUMNS
	    " FROM entry WHERE parent = ?1 AND name = ?2",
	    w);
	int got;

	if (s == NULL)
		return -1;
	db_reset(s); /* the last entry's pointers end here */
	db_bind_int(s, 1, parent);
	db_bind_text(s, 2, name);
	if ((got = db_step(s, w)) > 0)
		entry_fill(c, s, e);
	return got;
}

int
catalogue_stat(struct catalogue *c, const char *lfn, struct catalogue_entry *e,
    struct why *w)
{
	struct path *p = malloc(sizeof *p);
	long long id;
	int got;

	if (p == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	if ((got = path_split(p, lfn, w)) == 0)
		got = path_dir(c, p, p->n > 0 ? p->n - 1 : 0, false, &id, w);
	if (got < 0 && w->code == EXIT_NO)
		got = 0; /* below a file there is nothing */
	if (got > 0)
		got = p->n > 0 ? entry_of(c, id, p->part[p->n - 1], e, w)
			       : entry_of(c, 0, "-", e, w);
	free(p);
	return got;
}

long long
catalogue_children(struct catalogue *c, long long id, struct why *w)
{
	struct db_stmt *s = db_prepare(
	    c->db, "SELECT COUNT(*) FROM entry WHERE parent = ?1", w);
	long long n;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, id);
	if (db_step(s, w) < 0)
		return -1;
	n = db_int(s, 0);
	db_reset(s);
	return n;
}

/* A walk: where it is, and for each level the last subdirectory entered. */
struct walk {
	struct catalogue *c;
	catalogue_visit *visit;
	void *arg;
	int depth;
	char dir[LFN_WORD + 1];
	struct level {
		long long id;
		size_t len; /* of dir above this level */
		char last[NAME_WORD];
	} level[CATALOGUE_DEPTH + 1];
};

static void
page_begin(struct catalogue *c, const struct catalogue_entry *e,
    long long parent, const char *after)
{
	c->page.e = e;
	c->page.parent = parent;
	c->page.after = after;
	c->page.asked = false;
	c->page.row = NULL;
}

static void
page_end(struct catalogue *c)
{
	db_reset(c->page.row);
	c->page.row = NULL;
	c->page.e = NULL;
}

#define PAGE 1000 /* entries read at once: also in the SQL below */

/* Visit a page of the deepest level, after the name last: how many, or -1. */
static int
visit_page(struct walk *k, char last[NAME_WORD], long long *dirs, struct why *w)
{
	struct catalogue_entry e;
	struct db_stmt *s = db_prepare(k->c->db,
	    "SELECT " ENTRY_COLUMNS
	    " FROM entry WHERE parent = ?1 AND name > ?2 ORDER BY name"
	    " LIMIT 1000",
	    w);
	int got, n = 0;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, k->level[k->depth].id);
	db_bind_text(s, 2, last);
	page_begin(k->c, &e, k->level[k->depth].id, last);
	while ((got = db_step(s, w)) > 0) {
		entry_fill(k->c, s, &e);
		*dirs += e.dir;
		if (k->visit(k->arg, k->dir, &e, w) < 0) {
			got = -1;
			break;
		}
		if (++n == PAGE)
			break;
	}
	page_end(k->c);
	if (n == PAGE)
		snprintf(last, NAME_WORD, "%s", e.name);
	db_reset(s);
	return got < 0 ? -1 : n;
}

/* Visit the entries of the deepest level: how many are directories, or -1. */
static long long
visit_all(struct walk *k, struct why *w)
{
	char last[NAME_WORD] = "";
	long long dirs = 0;
	int n;

	if (k->visit(k->arg, k->dir, NULL, w) < 0)
		return -1;
	while ((n = visit_page(k, last, &dirs, w)) == PAGE)
		;
	return n < 0 ? -1 : dirs;
}

/* A component is a word of its own; in a longer word "-" needs no escape. */
static int
append(char *dir, size_t size, const char *name, struct why *w)
{
	size_t n = strlen(dir);
	int k;

	if (strcmp(name, "%2D") == 0)
		name = "-";
	k = snprintf(dir + n, size - n, "%s%s",
	    n > 0 && dir[n - 1] == '/' ? "" : "/", name);
	if (k < 0 || (size_t)k >= size - n)
		return why_set(w, EXIT_DATA, "an LFN is too long");
	return 0;
}

/* Go to the next subdirectory of the deepest level: 1, 0 at the end, -1. */
static int
descend(struct walk *k, struct why *w)
{
	struct level *l = &k->level[k->depth];
	struct db_stmt *s = db_prepare(k->c->db,
	    "SELECT id, name FROM entry WHERE parent = ?1 AND name > ?2"
	    " AND type = 'd' ORDER BY name LIMIT 1",
	    w);
	int got;

	if (s == NULL)
		return -1;
	k->dir[l->len] = '\0';
	db_bind_int(s, 1, l->id);
	db_bind_text(s, 2, l->last);
	if ((got = db_step(s, w)) <= 0)
		return got;
	snprintf(l->last, sizeof l->last, "%s", db_text(s, 1));
	if (k->depth == CATALOGUE_DEPTH)
		got = why_set(w, EXIT_DATA, "directories are too deep");
	else if (append(k->dir, sizeof k->dir, l->last, w) < 0)
		got = -1;
	else {
		l = &k->level[++k->depth];
		l->id = db_int(s, 0);
		l->len = strlen(k->dir);
		l->last[0] = '\0';
	}
	db_reset(s);
	return got;
}

static int
walk(struct walk *k, bool deep, struct why *w)
{
	long long dirs;
	int got;

	if ((dirs = visit_all(k, w)) < 0)
		return -1;
	while (deep) {
		/* Without subdirectories there is nothing to search for. */
		got = dirs > 0 ? descend(k, w) : 0;
		if (got < 0)
			return -1;
		if (got == 0 && k->depth-- == 0)
			break;
		dirs = got > 0 ? visit_all(k, w) : 1;
		if (dirs < 0)
			return -1;
	}
	return 1;
}

int
catalogue_walk(struct catalogue *c, const char *lfn, bool deep,
    catalogue_visit *visit, void *arg, struct why *w)
{
	struct walk *k = calloc(1, sizeof *k);
	struct path *p = malloc(sizeof *p);
	int got = -1, i;

	if (k == NULL || p == NULL) {
		why_set(w, EXIT_IO, "out of memory");
	} else if (path_split(p, lfn, w) == 0) {
		got = path_dir(c, p, p->n, false, &k->level[0].id, w);
		if (p->n == 0)
			strcpy(k->dir, "/");
		for (i = 0; i < p->n && got > 0; i++)
			if (append(k->dir, sizeof k->dir, p->part[i], w) < 0)
				got = -1;
		k->c = c;
		k->visit = visit;
		k->arg = arg;
		k->level[0].len = strlen(k->dir);
		if (got > 0)
			got = walk(k, deep, w);
	}
	free(k);
	free(p);
	return got;
}

/* The word of directory id's LFN, by its parents. */
static int
dir_word(
    struct catalogue *c, long long id, char *dir, size_t size, struct why *w)
{
	struct db_stmt *s;
	char *part[CATALOGUE_DEPTH];
	int n = 0, got = 1;

	s = db_prepare(
	    c->db, "SELECT parent, name FROM entry WHERE id = ?1", w);
	while (s != NULL && id != ROOT && n < CATALOGUE_DEPTH) {
		db_bind_int(s, 1, id);
		if ((got = db_step(s, w)) <= 0)
			break;
		id = db_int(s, 0);
		if ((part[n++] = strdup(db_text(s, 1))) == NULL)
			die(EXIT_IO, "out of memory");
		db_reset(s);
	}
	strcpy(dir, n > 0 ? "" : "/");
	if (s == NULL || got < 0)
		got = -1;
	else if (got == 0 || id != ROOT)
		got = why_set(w, EXIT_DATA, "an entry without a directory");
	while (n-- > 0) {
		if (got > 0 && append(dir, size, part[n], w) < 0)
			got = -1;
		free(part[n]);
	}
	return got < 0 ? -1 : 0;
}

/* The signed NAME: kept when it is not the last three components. */
static const char *
record_of(const struct catalogue_entry *e, const char *lfn)
{
	const char *p = lfn + strlen(lfn);
	int slashes = 0;

	if (e->record != NULL)
		return e->record;
	while (p > lfn && slashes < 3)
		if (*--p == '/')
			slashes++;
	return p + 1;
}

static void
set_hex(struct line *l, const char *key, const unsigned char *p, size_t n)
{
	char hex[65];

	if (p == NULL)
		return;
	hex_encode(hex, p, n);
	line_add_word(l, key, hex);
}

static void
set_word(struct line *l, const char *key, const char *word)
{
	if (word != NULL)
		line_add_word(l, key, word);
}

/* Other fields, as they stood in the line that was registered. */
static void
set_meta(struct line *l, const char *meta)
{
	const char *p, *eq, *end;
	char key[256], word[LINE_MAX_BYTES];

	for (p = meta; p != NULL && *p != '\0'; p = *end ? end + 1 : end) {
		end = strchrnul(p, '\t');
		eq = memchr(p, '=', (size_t)(end - p));
		if (eq == NULL || (size_t)(eq - p) >= sizeof key ||
		    (size_t)(end - eq) > sizeof word)
			continue;
		memcpy(key, p, (size_t)(eq - p));
		key[eq - p] = '\0';
		memcpy(word, eq + 1, (size_t)(end - eq - 1));
		word[end - eq - 1] = '\0';
		line_add_word(l, key, word);
	}
}

static int
page_step(struct catalogue *c, struct db_stmt *s, struct why *w)
{
	int got = db_step(s, w);

	c->page.row = got > 0 ? s : NULL;
	return got;
}

/* As set_replicas(), of the entry that the walk is at. */
static int
page_replicas(struct catalogue *c, struct line *l, struct why *w)
{
	struct db_stmt *s;
	char key[24] = "surl";
	int n = 1, order;

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
			line_add_word(l, key, db_text(s, 2));
			snprintf(key, sizeof key, "surl.%d", ++n);
		}
		if (page_step(c, s, w) < 0)
			return -1;
	}
	return 0;
}

static int
set_replicas(struct catalogue *c, const struct catalogue_entry *e,
    struct line *l, struct why *w)
{
	struct db_stmt *s;
	char key[24] = "surl";
	int n = 1, got;

	if (e == c->page.e)
		return page_replicas(c, l, w);
	s = db_prepare(c->db,
	    "SELECT surl FROM replica WHERE entry = ?1 AND status = '-'"
	    " ORDER BY id",
	    w);
	if (s == NULL)
		return -1;
	db_bind_int(s, 1, e->id);
	while ((got = db_step(s, w)) > 0) {
		line_add_word(l, key, db_text(s, 0));
		snprintf(key, sizeof key, "surl.%d", ++n);
	}
	return got;
}

int
catalogue_line(struct catalogue *c, const struct catalogue_entry *e,
    const char *dir, struct line *l, struct why *w)
{
	char lfn[LFN_WORD + 1], number[24];

	line_reset(l);
	if (dir != NULL)
		snprintf(lfn, sizeof lfn, "%s", dir);
	else if (dir_word(c, e->parent, lfn, sizeof lfn, w) < 0)
		return -1;
	if (append(lfn, sizeof lfn, e->name, w) < 0)
		return -1;
	line_set_name_word(l, record_of(e, lfn));
	line_add_word(l, "lfn", lfn);
	set_hex(l, "guid", e->guid, 16);
	line_set_number(l, "size", (unsigned long long)e->size);
	set_hex(l, "sha256", e->sha256, 32);
	if (e->adler32 >= 0) {
		snprintf(number, sizeof number, "%08llx",
		    (unsigned long long)e->adler32 & 0xffffffff);
		line_add_word(l, "adler32", number);
	}
	if (set_replicas(c, e, l, w) < 0)
		return -1;
	line_add_word(l, "status", e->online ? "online" : "nearline");
	snprintf(number, sizeof number, "%04o", e->mode);
	line_add_word(l, "mode", number);
	line_add_word(l, "owner", e->owner);
	line_add_word(l, "group", e->group);
	set_hex(l, "plain", e->plain, 32);
	line_set_number(l, "gen", (unsigned long long)e->gen);
	set_word(l, "profile", e->profile);
	set_word(l, "by", e->by);
	set_word(l, "sig", e->sig);
	set_word(l, "modality", e->modality);
	set_word(l, "pseudonym", e->pseudonym);
	set_word(l, "comment", e->comment);
	set_meta(l, e->meta);
	return 0;
}

int
catalogue_guid_lfn(struct catalogue *c, const unsigned char *guid, char *lfn,
    size_t size, struct why *w)
{
	struct db_stmt *s = db_prepare(
	    c->db, "SELECT parent, name FROM entry WHERE guid = ?1", w);
	char name[NAME_WORD];
	long long parent;
	int got;

	if (s == NULL)
		return -1;
	db_bind_blob(s, 1, guid, 16);
	if ((got = db_step(s, w)) <= 0)
		return got;
	parent = db_int(s, 0);
	snprintf(name, sizeof name, "%s", db_text(s, 1));
	db_reset(s);
	if (dir_word(c, parent, lfn, size, w) < 0 ||
	    append(lfn, size, name, w) < 0)
		return -1;
	return 1;
}
