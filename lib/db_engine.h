#ifndef DB_ENGINE_H
#define DB_ENGINE_H

#include "db.h"

/*
 * What an engine provides to db.c; nobody else includes this.  An engine's
 * handles begin with these structures.  The calls mean what db.h says of the
 * function of the same name; db.c adds URLs, schemas and the statement cache.
 */
struct db {
	const struct db_engine *engine;
	char *url; /* owned by db.c; every message begins with it */
	struct db_stmt *stmts;

	/* Answers to db_send() that db_receive() has not given yet. */
	struct {
		long long *changes;
		size_t at, n, room;
	} answers;
};

struct db_stmt {
	struct db *db;
	struct db_stmt *next; /* in db->stmts */
	char *sql;            /* owned by db.c */
};

struct db_answer {
	struct db_stmt *s;
};

struct db_engine {
	const char *scheme; /* "sqlite" */

	/* where is the URL after "scheme:"; url stays valid while the handle
	 * does. */
	struct db *(*open)(
	    const char *url, const char *where, bool create, struct why *w);
	void (*close)(struct db *db);
	int (*exec)(struct db *db, const char *sql, struct why *w);
	int (*begin)(struct db *db, struct why *w);
	int (*commit)(struct db *db, struct why *w);
	void (*rollback)(struct db *db);
	int (*scrub)(struct db *db, struct why *w);

	/* Does the table exist?  1, 0, or -1 with *w. */
	int (*has_table)(struct db *db, const char *table, struct why *w);

	struct db_stmt *(*prepare)(
	    struct db *db, const char *sql, struct why *w);
	void (*finish)(struct db_stmt *s); /* frees s */
	void (*bind_int)(struct db_stmt *s, int i, long long value);
	void (*bind_text)(struct db_stmt *s, int i, const char *text);
	void (*bind_blob)(struct db_stmt *s, int i, const void *p, size_t n);
	/* NULL in an engine that is not far. */
	void (*bind_blobs)(struct db_stmt *s, int i, const void *p, size_t size,
	    size_t stride, size_t n);
	int (*step)(struct db_stmt *s, struct why *w);

	/* NULL in an engine that need not wait: db.c runs what is sent.
	 * await() gives db_answered() all answers that are due. */
	int (*send)(struct db_stmt *s, struct why *w);
	int (*await)(struct db *db, struct why *w);

	/* NULL in an engine whose answers are near; the last two then, too. */
	struct db_answer *(*ask)(struct db_stmt *s);
	int (*take)(struct db_answer *a, struct why *w);
	void (*forgo)(struct db_answer *a);

	/* The last three are NULL in an engine that refuses a row at once. */
	int (*add)(struct db_stmt *s, struct why *w);
	int (*added)(struct db *db, struct why *w);
	int (*save)(struct db *db, struct why *w);
	int (*restore)(struct db *db, struct why *w);
	void (*reset)(struct db_stmt *s);
	long long (*changes)(struct db *db);
	long long (*get_int)(struct db_stmt *s, int col);
	const char *(*get_text)(struct db_stmt *s, int col);
	const void *(*get_blob)(struct db_stmt *s, int col, size_t *n);
	bool (*is_null)(struct db_stmt *s, int col);
};

extern const struct db_engine db_sqlite, db_pg;

/* The answer to the next statement that was sent. */
void db_answered(struct db *db, long long changes);

#endif
