#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "db_engine.h"
#include "out.h"

struct lite {
	struct db db; /* first */
	const char *url;
	sqlite3 *sql;
	char *path; /* of the file, with a slash in it */
	bool made;  /* we made the file and its name is not durable yet */
	sqlite3_stmt *tx[3]; /* begin, commit, rollback */
};

struct lite_stmt {
	struct db_stmt s; /* first */
	sqlite3_stmt *stmt;
	int bound; /* the first error of a bind since the last step */
};

static struct lite *
lite(struct db *db)
{
	return (struct lite *)db;
}

static struct lite_stmt *
lite_stmt(struct db_stmt *s)
{
	return (struct lite_stmt *)s;
}

/* SQLite's messages name tables and columns, never a value. */
static int
fail(struct lite *l, int rc, struct why *w)
{
	int code = EXIT_BUG;

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return why_set(w, EXIT_RETRY,
		    "%s: locked by another process for %g s", l->url,
		    db_lock_wait() / 1e3);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		code = EXIT_DATA;
		break;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
	case SQLITE_FULL:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_NOMEM:
	case SQLITE_TOOBIG:
	case SQLITE_PROTOCOL:
		code = EXIT_IO;
		break;
	}
	return why_set(w, code, "%s: %s", l->url,
	    l->sql ? sqlite3_errmsg(l->sql) : sqlite3_errstr(rc));
}

static int
lite_exec(struct db *db, const char *sql, struct why *w)
{
	struct lite *l = lite(db);
	int rc = sqlite3_exec(l->sql, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(l, rc, w);
}

/* Make path's missing parents, 0700, each durable in the one above. */
static int
make_parents(const char *path, struct why *w)
{
	char *copy = strdup(path), *p;
	int r = 0;

	if (copy == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	for (p = copy + 1; r == 0 && (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		if (mkdir(copy, 0700) == 0)
			r = out_sync_dir(copy);
		else if (errno != EEXIST && errno != EROFS)
			r = -1;
		*p = '/';
	}
	if (r < 0)
		why_set(w, EXIT_IO, "sqlite:%s: %s", path, strerror(errno));
	free(copy);
	return r;
}

/*
 * Make the file if there is none.  By mknod, because a close() of the file,
 * once it was opened, would drop every lock that this process has on it.
 */
static int
make_file(struct lite *l, struct why *w)
{
	if (mknod(l->path, S_IFREG | 0600, 0) == 0) {
		l->made = true;
		return 0;
	}
	if (errno == ENOENT) {
		if (make_parents(l->path, w) < 0)
			return -1;
		if (mknod(l->path, S_IFREG | 0600, 0) == 0) {
			l->made = true;
			return 0;
		}
	}
	/* An existing one may well be in a directory we cannot write. */
	if (errno == EEXIST || access(l->path, F_OK) == 0)
		return 0;
	return why_set(w, EXIT_IO, "%s: %s", l->url, strerror(errno));
}

/*
 * Turn to WAL.  While it changes the mode SQLite does not call its busy
 * handler, so that we wait ourselves.
 */
static int
set_wal(struct lite *l, struct why *w)
{
	int rc, waited, limit = db_lock_wait();

	for (waited = 0;; waited += 10) {
		struct timespec ms10 = { 0, 10000000 };

		rc = sqlite3_exec(
		    l->sql, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
		if ((rc != SQLITE_BUSY && rc != SQLITE_LOCKED) ||
		    waited >= limit)
			break;
		nanosleep(&ms10, NULL);
	}
	return rc == SQLITE_OK ? 0 : fail(l, rc, w);
}

static void
lite_close(struct db *db)
{
	struct lite *l = lite(db);
	int i;

	for (i = 0; i < 3; i++)
		sqlite3_finalize(l->tx[i]);
	sqlite3_close(l->sql);
	free(l->path);
	free(l);
}

static int
connect_file(struct lite *l, bool create, struct why *w)
{
	static const char *const tx[3] = { "BEGIN IMMEDIATE", "COMMIT",
		"ROLLBACK" };
	int rc, i;

	if (create && make_file(l, w) < 0)
		return -1;
	if (!create && access(l->path, F_OK) < 0)
		return why_set(w, EXIT_IO, "%s: %s", l->url, strerror(errno));
	rc = sqlite3_open_v2(l->path, &l->sql,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return fail(l, rc, w);
	sqlite3_busy_timeout(l->sql, db_lock_wait());
	if (set_wal(l, w) < 0)
		return -1;
	rc = sqlite3_exec(l->sql,
	    "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
	    "PRAGMA secure_delete=ON; PRAGMA trusted_schema=OFF;"
	    "PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=16000",
	    NULL, NULL, NULL);
	for (i = 0; i < 3 && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(l->sql, tx[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &l->tx[i], NULL);
	return rc == SQLITE_OK ? 0 : fail(l, rc, w);
}

static struct db *
lite_open(const char *url, const char *where, bool create, struct why *w)
{
	struct lite *l;

	if (*where == '\0') {
		why_set(w, EXIT_USAGE, "%s: no path", url);
		return NULL;
	}
	if ((l = calloc(1, sizeof *l)) == NULL ||
	    (l->path = malloc(strlen(where) + 3)) == NULL) {
		free(l);
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	/* "./" keeps names such as :memory: from being special. */
	sprintf(l->path, "%s%s", *where == '/' ? "" : "./", where);
	l->url = url;
	if (connect_file(l, create, w) < 0) {
		lite_close(&l->db);
		return NULL;
	}
	return &l->db;
}

static int
control(struct lite *l, int which, struct why *w)
{
	int rc;

	sqlite3_step(l->tx[which]);
	rc = sqlite3_reset(l->tx[which]);
	return rc == SQLITE_OK ? 0 : fail(l, rc, w);
}

/*
 * A statement in mid-result would hold us to what it saw, and SQLite then
 * refuses to write, at once, when somebody else has written since.
 */
static int
lite_begin(struct db *db, struct why *w)
{
	struct lite *l = lite(db);
	sqlite3_stmt *s;

	for (s = sqlite3_next_stmt(l->sql, NULL); s != NULL;
	     s = sqlite3_next_stmt(l->sql, s))
		if (sqlite3_stmt_busy(s))
			sqlite3_reset(s);
	return control(l, 0, w);
}

static void
lite_rollback(struct db *db)
{
	struct why ignored;

	/* Some errors have rolled back already. */
	if (!sqlite3_get_autocommit(lite(db)->sql))
		control(lite(db), 2, &ignored);
}

static int
lite_commit(struct db *db, struct why *w)
{
	struct lite *l = lite(db);

	if (control(l, 1, w) < 0) {
		lite_rollback(db);
		return -1;
	}
	if (l->made && out_sync_dir(l->path) < 0)
		return why_set(w, EXIT_IO, "%s: %s", l->url, strerror(errno));
	l->made = false;
	return 0;
}

/* secure_delete has zeroed the pages; the log still holds what they were. */
static int
lite_scrub(struct db *db, struct why *w)
{
	struct lite *l = lite(db);
	int rc = sqlite3_wal_checkpoint_v2(
	    l->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(l, rc, w);
}

static struct db_stmt *
lite_prepare(struct db *db, const char *sql, struct why *w)
{
	struct lite *l = lite(db);
	struct lite_stmt *s = calloc(1, sizeof *s);
	int rc;

	if (s == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	rc = sqlite3_prepare_v3(
	    l->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
	if (rc != SQLITE_OK) {
		fail(l, rc, w);
		free(s);
		return NULL;
	}
	return &s->s;
}

static void
lite_finish(struct db_stmt *s)
{
	sqlite3_finalize(lite_stmt(s)->stmt);
	free(s);
}

static void
keep(struct db_stmt *s, int rc)
{
	if (lite_stmt(s)->bound == SQLITE_OK)
		lite_stmt(s)->bound = rc;
}

static void
lite_bind_int(struct db_stmt *s, int i, long long value)
{
	keep(s, sqlite3_bind_int64(lite_stmt(s)->stmt, i, value));
}

static void
lite_bind_text(struct db_stmt *s, int i, const char *text)
{
	keep(s, sqlite3_bind_text(
		    lite_stmt(s)->stmt, i, text, -1, SQLITE_TRANSIENT));
}

static void
lite_bind_blob(struct db_stmt *s, int i, const void *p, size_t n)
{
	/* A null pointer would bind NULL, which an empty blob is not. */
	keep(s, sqlite3_bind_blob64(
		    lite_stmt(s)->stmt, i, n ? p : "", n, SQLITE_TRANSIENT));
}

static void
lite_reset(struct db_stmt *s)
{
	sqlite3_reset(lite_stmt(s)->stmt);
	lite_stmt(s)->bound = SQLITE_OK;
}

static int
lite_step(struct db_stmt *s, struct why *w)
{
	struct lite_stmt *ls = lite_stmt(s);
	struct lite *l = lite(s->db);
	int rc = ls->bound;

	if (rc == SQLITE_OK && (rc = sqlite3_step(ls->stmt)) == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		fail(l, rc, w);
	lite_reset(s);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* A constraint fails the statement alone, and at once. */
static int
lite_add(struct db_stmt *s, struct why *w)
{
	struct lite_stmt *ls = lite_stmt(s);
	int rc = ls->bound;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(ls->stmt);
	if (rc != SQLITE_DONE && (rc & 0xff) != SQLITE_CONSTRAINT)
		fail(lite(s->db), rc, w);
	lite_reset(s);
	return rc == SQLITE_DONE                  ? 1
	       : (rc & 0xff) == SQLITE_CONSTRAINT ? 0
						  : -1;
}

static int
lite_has_table(struct db *db, const char *table, struct why *w)
{
	struct db_stmt *s = db_prepare(db,
	    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1",
	    w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, table);
	got = db_step(s, w);
	if (got > 0)
		db_reset(s);
	return got;
}

static long long
lite_changes(struct db *db)
{
	return sqlite3_changes64(lite(db)->sql);
}

static long long
lite_int(struct db_stmt *s, int col)
{
	return sqlite3_column_int64(lite_stmt(s)->stmt, col);
}

static const char *
lite_text(struct db_stmt *s, int col)
{
	return (const char *)sqlite3_column_text(lite_stmt(s)->stmt, col);
}

static const void *
lite_blob(struct db_stmt *s, int col, size_t *n)
{
	const void *p = sqlite3_column_blob(lite_stmt(s)->stmt, col);

	*n = (size_t)sqlite3_column_bytes(lite_stmt(s)->stmt, col);
	return p;
}

static bool
lite_is_null(struct db_stmt *s, int col)
{
	return sqlite3_column_type(lite_stmt(s)->stmt, col) == SQLITE_NULL;
}

const struct db_engine db_sqlite = {
	.scheme = "sqlite",
	.open = lite_open,
	.close = lite_close,
	.exec = lite_exec,
	.begin = lite_begin,
	.commit = lite_commit,
	.rollback = lite_rollback,
	.scrub = lite_scrub,
	.has_table = lite_has_table,
	.prepare = lite_prepare,
	.finish = lite_finish,
	.bind_int = lite_bind_int,
	.bind_text = lite_bind_text,
	.bind_blob = lite_bind_blob,
	.step = lite_step,
	.add = lite_add,
	.reset = lite_reset,
	.changes = lite_changes,
	.get_int = lite_int,
	.get_text = lite_text,
	.get_blob = lite_blob,
	.is_null = lite_is_null,
};
