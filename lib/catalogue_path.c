/* LFNs, and the directories that they lead through. */

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue_impl.h"
#include "opt.h"

#define LINKS 16 /* symbolic links followed in one name */

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

int
path_append(char *dir, size_t size, const char *name, struct why *w)
{
	size_t n = strlen(dir), len;

	/* A component is a word of its own; in a longer one "-" is no word. */
	if (strcmp(name, "%2D") == 0)
		name = "-";
	len = strlen(name);
	if (n + len + 2 > size)
		return why_set(w, EXIT_DATA, "an LFN is too long");
	if (n == 0 || dir[n - 1] != '/')
		dir[n++] = '/';
	memcpy(dir + n, name, len + 1);
	return 0;
}

static void
rights_row(struct rights *r, struct db_stmt *s, int col)
{
	r->mode = (unsigned)db_int(s, col) & 07777;
	r->owner = db_int(s, col + 1);
	r->group = db_int(s, col + 2);
	r->acl = db_int(s, col + 3);
}

int
step_into(struct catalogue *c, long long parent, const char *name,
    struct level *at, char *type, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT id, type, mode, owner, grp, acl FROM entry"
	    " WHERE parent = ?1 AND name = ?2",
	    w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, parent);
	db_bind_text(s, 2, name);
	if ((got = db_step(s, w)) <= 0)
		return got;
	at->id = db_int(s, 0);
	*type = *db_text(s, 1);
	rights_row(&at->rights, s, 2);
	snprintf(at->name, sizeof at->name, "%s", name);
	db_reset(s);
	return 1;
}

static int
know_root(struct catalogue *c, struct why *w)
{
	char type;
	int got;

	if (c->depth >= 0)
		return 0;
	if ((got = step_into(c, 0, "-", &c->dir[0], &type, w)) > 0)
		c->depth = 0;
	return got > 0   ? 0
	       : got < 0 ? -1
			 : why_set(w, EXIT_DATA, "%s: no root directory",
			       db_url(c->db));
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
	if ((c->owner = name_id(c, PRINCIPAL, word, w)) < 0)
		return -1;
	snprintf(number, sizeof number, "%ld", (long)getegid());
	gr = getgrgid(getegid());
	s = gr ? gr->gr_name : number;
	word_encode(word, s, strnlen(s, 255));
	return (c->group = name_id(c, PRINCIPAL, word, w)) < 0 ? -1 : 0;
}

void
bind_number(struct db_stmt *s, int i, long long n)
{
	if (n > 0)
		db_bind_int(s, i, n);
	else
		db_bind_text(s, i, NULL);
}

long long
make_node(struct catalogue *c, const char *type, long long parent,
    const char *name, const struct rights *r, const char *target, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "INSERT INTO entry (id, parent, name, type, mode, owner, grp, acl,"
	    " target, atime, mtime, ctime)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?10)",
	    w);
	long long id;

	if (s == NULL || (id = entry_id(c, w)) < 0)
		return -1;
	db_bind_int(s, 1, id);
	db_bind_int(s, 2, parent);
	db_bind_text(s, 3, name);
	db_bind_text(s, 4, type);
	db_bind_int(s, 5, r->mode);
	db_bind_int(s, 6, r->owner);
	db_bind_int(s, 7, r->group);
	bind_number(s, 8, r->acl);
	db_bind_text(s, 9, target);
	db_bind_int(s, 10, c->now);
	c->changed = true;
	return db_run(s, w) < 0 ? -1 : id;
}

/* A directory in the one of n components, which become c->dir[n + 1]. */
static int
make_dir(
    struct catalogue *c, int n, const char *name, unsigned mode, struct why *w)
{
	struct level *at = &c->dir[n + 1];

	if (dir_may(c, n, PACL_W, w) < 0 ||
	    rights_new(c, n, true, mode, &at->rights, w) < 0)
		return -1;
	at->id = make_node(c, "d", c->dir[n].id, name, &at->rights, NULL, w);
	snprintf(at->name, sizeof at->name, "%s", name);
	return at->id < 0 ? -1 : 0;
}

int
path_dir(struct catalogue *c, const struct path *p, int n, bool make,
    long long *id, struct why *w)
{
	int i, got;
	char type = 'd';

	if (know_root(c, w) < 0)
		return -1;
	for (i = 0; i < n && i < c->depth; i++)
		if (strcmp(c->dir[i + 1].name, p->part[i]) != 0)
			break;
		else if (dir_may(c, i, PACL_X, w) < 0)
			return -1;
	for (c->depth = i; i < n; i++) {
		if (dir_may(c, i, PACL_X, w) < 0 ||
		    (got = step_into(c, c->dir[i].id, p->part[i],
			 &c->dir[i + 1], &type, w)) < 0)
			return -1;
		if (got == 0 && !make)
			return 0;
		if (got == 0 && make_dir(c, i, p->part[i], RIGHTS_USUAL, w) < 0)
			return -1;
		if (type != 'd')
			return why_set(w, EXIT_NO,
			    type == 'l' ? "a directory of it is a symbolic link"
					: "a directory of it is a file");
		c->depth = i + 1;
	}
	*id = c->dir[n].id;
	return 1;
}

int
path_parent(struct catalogue *c, const char *lfn, struct path *p,
    long long *parent, struct why *w)
{
	int got;

	if (path_split(p, lfn, w) < 0)
		return -1;
	if (p->n == 0)
		return why_set(w, EXIT_NO, "is the root directory");
	got = path_dir(c, p, p->n - 1, false, parent, w);
	if (got > 0 && dir_may(c, p->n - 1, PACL_X, w) < 0)
		return -1;
	return got;
}

int
catalogue_mkdir(struct catalogue *c, const char *lfn, unsigned mode,
    bool parents, struct why *w)
{
	struct catalogue_entry e;
	struct path p;
	long long id;
	int got;

	if (path_split(&p, lfn, w) < 0)
		return -1;
	if (p.n > 0) {
		if ((got = path_dir(c, &p, p.n - 1, parents, &id, w)) <= 0)
			return got;
		if (dir_may(c, p.n - 1, PACL_X, w) < 0)
			return -1;
		if ((got = entry_of(c, id, p.part[p.n - 1], &e, w)) < 0)
			return -1;
		if (got == 0)
			return make_dir(c, p.n - 1, p.part[p.n - 1],
				   mode == RIGHTS_USUAL ? mode : mode & 01777,
				   w) < 0
				   ? -1
				   : 1;
	}
	return parents && (p.n == 0 || e.dir)
		   ? 1
		   : why_set(w, EXIT_NO, "exists already");
}

/* The LFN of the words up[0..n): decoded, each after a slash. */
static int
join(char *out, size_t size, char *const *up, int n, struct why *w)
{
	size_t used = 0, len;
	long got;
	int i;

	for (i = 0; i < n; i++) {
		len = strlen(up[i]);
		if (used + len + 2 > size)
			return why_set(w, EXIT_DATA, "the name is too long");
		out[used++] = '/';
		if ((got = word_decode(out + used, up[i], len)) < 0)
			return why_set(w, EXIT_DATA, "a damaged name");
		used += (size_t)got;
	}
	if (n == 0)
		out[used++] = '/';
	out[used] = '\0';
	return 0;
}

/* The target of link id, decoded, with what comes after it: a new LFN. */
static int
redirect(
    struct catalogue *c, long long id, struct path *p, int at, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "SELECT target FROM entry WHERE id = ?1", w);
	char lfn[2 * LFN_LONGEST + 4], *rest;
	long n = -1;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, id);
	if (db_step(s, w) > 0 && db_text(s, 0) != NULL &&
	    strlen(db_text(s, 0)) <= LFN_LONGEST)
		n = word_decode(lfn, db_text(s, 0), strlen(db_text(s, 0)));
	db_reset(s);
	if (n < 1)
		return why_set(w, EXIT_DATA, "a damaged symbolic link");
	while (n > 0 && lfn[n - 1] == '/')
		n--;
	rest = lfn + n;
	lfn[n] = '\0';
	if (at + 1 < p->n && join(rest, sizeof lfn - (size_t)n,
				 p->part + at + 1, p->n - at - 1, w) < 0)
		return -1;
	if (strlen(lfn) > LFN_LONGEST)
		return why_set(w, EXIT_DATA, "the name is too long");
	return path_split(p, lfn[0] ? lfn : "/", w);
}

int
catalogue_real(struct catalogue *c, const char *lfn, bool last, char *real,
    size_t size, struct why *w)
{
	struct path p;
	struct level at;
	int i, got, links = 0;
	char type;

	if (path_split(&p, lfn, w) < 0 || know_root(c, w) < 0)
		return -1;
	at.id = ROOT;
	for (i = 0; i < p.n; i++) {
		/* Who may not search a directory learns nothing of it. */
		if (i > 0 && may(c, &at.rights, PACL_X, w) < 0)
			return w->code == EXIT_DENIED
				   ? join(real, size, p.part, p.n, w)
				   : -1;
		got = step_into(c, at.id, p.part[i], &at, &type, w);
		if (got < 0)
			return -1;
		if (got == 0 || type == 'f')
			break;
		if (type == 'd' || (i == p.n - 1 && !last))
			continue;
		if (++links > LINKS)
			return why_set(w, EXIT_NO, "too many symbolic links");
		if (redirect(c, at.id, &p, i, w) < 0)
			return -1;
		at.id = ROOT;
		i = -1;
	}
	return join(real, size, p.part, p.n, w);
}

int
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
		if (got > 0 && path_append(dir, size, part[n], w) < 0)
			got = -1;
		free(part[n]);
	}
	return got < 0 ? -1 : 0;
}
