#ifndef DB_H
#define DB_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * A database under a store or a catalogue, named by URL: "sqlite:PATH", or
 * "postgresql://..." as libpq reads it; another engine is another file behind
 * the same calls.  SQL is the common subset of SQLite and PostgreSQL, with
 * parameters ?1, ?2...; values never enter SQL text.  In scripts an INTEGER
 * PRIMARY KEY is numbered by the database, BYTEA holds bytes, and TEXT sorts by
 * its bytes.  A query's result is held whole in memory: page by LIMIT what may
 * be long.  A statement that fails spoils its transaction.
 *
 * A lock is waited for for 30 s (or MDM_LOCK_WAIT's seconds), then EXIT_RETRY;
 * so is a PostgreSQL server that cannot be reached or is lost, and the handle
 * connects again when it is next used outside of a transaction.  A damaged
 * database is EXIT_DATA, one that cannot be opened EXIT_IO, one that does not
 * let us in EXIT_DENIED.  SQLite runs in WAL mode with synchronous=FULL; of
 * PostgreSQL, several stores and catalogues may share a database, each in a
 * schema of its own (options=-csearch_path%3DNAME).  A handle
 * and its statements belong to one thread at a time; several handles may be
 * open on one database.  Every message begins with the URL.
 */
struct db;
struct db_stmt;

/*
 * A schema: an application name kept in the database, so that a catalogue is
 * never taken for a store, and the statements that lead from version i to
 * version i + 1, each run in one transaction.  A database newer than the last
 * step is refused: EXIT_DATA.
 */
struct db_schema {
	const char *application; /* "mdm store", "mdm catalogue" */
	const char *const *step; /* NULL-terminated list of SQL scripts */

	/*
	 * Unless NULL: what scripts cannot do, after the one that led to
	 * version, in its transaction.  0, or -1 with *w.
	 */
	int (*upgrade)(struct db *db, long long version, struct why *w);
};

/*
 * Open, creating (0600, with missing parent directories 0700) when create is
 * true; else a missing or empty database is EXIT_IO.  An older schema is
 * brought up to date first.  NULL with *w.
 */
struct db *db_open(const char *url, const struct db_schema *schema, bool create,
    struct why *w);
void db_close(struct db *db); /* NULL is nothing */
const char *db_url(const struct db *db);

/* Run a script without results. */
int db_exec(struct db *db, const char *sql, struct why *w);

/*
 * Transactions; immediate, so that a lock is waited for at the beginning and
 * never met in the middle.  db_begin() gives up every statement that is in
 * mid-result.  db_commit() returns 0 only when it is durable.
 */
int db_begin(struct db *db, struct why *w);
int db_commit(struct db *db, struct why *w);
void db_rollback(struct db *db); /* harmless outside of a transaction */

/*
 * After a commit that removed secrets: let the engine's files forget them
 * too.  EXIT_RETRY while a reader still looks at the past.  PostgreSQL has
 * nothing of the kind: there they are only as safe as they were sealed.
 */
int db_scrub(struct db *db, struct why *w);

/* Statements live as long as the database, prepared once for each sql text. */
struct db_stmt *db_prepare(struct db *db, const char *sql, struct why *w);

/* Parameters count from 1 and stay bound until bound again.  The bytes are
 * copied.  Binding cannot fail visibly:
 * an error is kept and returned by the next db_step(). */
void db_bind_int(struct db_stmt *s, int i, long long value);
void db_bind_text(
    struct db_stmt *s, int i, const char *text); /* NULL is NULL */
void db_bind_blob(struct db_stmt *s, int i, const void *p, size_t n);

/*
 * Is the database a server's, so that each answer is waited for?  Then what is
 * wanted of many rows is asked for at once, "... WHERE column = ANY(?1)": an
 * array of n blobs of size bytes, stride apart.  SQLite has no such thing.
 */
bool db_far(const struct db *db);
void db_bind_blobs(struct db_stmt *s, int i, const void *p, size_t size,
    size_t stride, size_t n);

/* 1: a row; 0: done (and reset, ready to be bound again); -1 with *w (reset).
 */
int db_step(struct db_stmt *s, struct why *w);

/* Bind nothing more, expect no row: run to the end.  0 or -1. */
int db_run(struct db_stmt *s, struct why *w);

/* Rows changed by the last db_run(). */
long long db_changes(struct db *db);

/*
 * Many statements and one wait, in a transaction.  db_send() is db_run(),
 * except that its answer, and its failure, may come later.  db_receive() gives
 * the answers in the order of what was sent: 1 and the rows changed; 0 when no
 * more are due; -1 with *w when one failed, and with it the transaction.  Other
 * calls may come in between: they see what was sent before them.
 */
int db_send(struct db_stmt *s, struct why *w);
int db_receive(struct db *db, long long *changes, struct why *w);

/*
 * A question asked before its answer is needed.  db_ask() sends s as it is
 * bound, and returns what db_take() later makes its result of, for db_step();
 * or NULL: bind and step it when its turn has come, as an engine that need not
 * wait is used anyway.  Other calls may come in between; answers are kept in
 * memory.  Each is taken (NULL with *w if it failed) or
 * forgone, once, before db_close().
 */
struct db_answer;
struct db_answer *db_ask(struct db_stmt *s);
struct db_stmt *db_take(struct db_answer *a, struct why *w); /* s, or NULL */
void db_forgo(struct db_answer *a); /* NULL is nothing */

/*
 * Rows of a table, as fast as the engine can take them, in a transaction.  s is
 * INSERT INTO table (columns) VALUES (?1, ?2, ... ?n), with each parameter
 * once, in order, bound as the column's type is.  db_add() makes a row of what
 * is bound: 1, or 0 if a constraint refuses it, or -1.  An engine may take a
 * row and refuse it later: db_added(), which must follow, is 1 when all rows
 * are in; 0 if one was refused, and then all that was done since db_save() must
 * be undone by db_restore().  Until then rows are in memory, and unseen.
 */
int db_save(struct db *db, struct why *w);
int db_add(struct db_stmt *s, struct why *w);
int db_added(struct db *db, struct why *w);
int db_restore(struct db *db, struct why *w);

/* Columns count from 0; pointers are valid until the next step or reset. */
long long db_int(struct db_stmt *s, int col);
const char *db_text(struct db_stmt *s, int col); /* NULL for NULL */
const void *db_blob(struct db_stmt *s, int col, size_t *n);
bool db_is_null(struct db_stmt *s, int col);

/* Give up a statement in mid-result; harmless at any time. */
void db_reset(struct db_stmt *s);

/* How long to wait for a lock, in milliseconds: 30 s, or MDM_LOCK_WAIT's. */
int db_lock_wait(void);

#endif
