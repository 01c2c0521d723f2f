#include <stdlib.h>
#include <string.h>

#include "db_engine.h"

static const struct db_engine *const engines[] = { &db_sqlite, &db_pg };

int
db_lock_wait(void)
{
	const char *text = getenv("MDM_LOCK_WAIT");
	char *end;
	double seconds;

	if (text == NULL || *text == '\0')
		return 30000;
	seconds = strtod(text, &end);
	if (*end != '\0' || !(seconds >= 0 && seconds <= 86400))
		die(EXIT_USAGE, "MDM_LOCK_WAIT: not a number of seconds");
	return (int)(seconds * 1000);
}

static struct db *
engine_open(const char *url, bool create, struct why *w)
{
	size_t i, n;
	char *copy;
	struct db *db;

	for (i = 0; i < sizeof engines / sizeof *engines; i++) {
		n = strlen(engines[i]->scheme);
		if (strncmp(url, engines[i]->scheme, n) == 0 && url[n] == ':')
			break;
	}
	if (i == sizeof engines / sizeof *engines) {
		why_set(w, EXIT_USAGE, "%s: no such kind of database", url);
		return NULL;
	}
	if ((copy = strdup(url)) == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	if ((db = engines[i]->open(copy, copy + n + 1, create, w)) == NULL) {
		free(copy);
		return NULL;
	}
	db->engine = engines[i];
	db->url = copy;
	db->stmts = NULL;
	memset(&db->answers, 0, sizeof db->answers);
	return db;
}

/*
 * The version of the schema: 0 in an empty database, -1 with *w if it is not
 * this application's.
 */
static long long
version_of(struct db *db, const struct db_schema *schema, struct why *w)
{
	struct db_stmt *s;
	long long version = -1;
	int got;

	if ((got = db->engine->has_table(db, "mdm_schema", w)) <= 0)
		return got;
	s = db_prepare(db, "SELECT application, version FROM mdm_schema", w);
	if (s == NULL || (got = db_step(s, w)) < 0)
		return -1;
	if (got == 0)
		why_set(w, EXIT_DATA, "%s: no schema version", db->url);
	else if (db_text(s, 0) == NULL ||
		 strcmp(db_text(s, 0), schema->application) != 0)
		why_set(w, EXIT_DATA, "%s: not an %s", db->url,
		    schema->application);
	else if ((version = db_int(s, 1)) < 1) {
		version = -1;
		why_set(w, EXIT_DATA, "%s: no schema version", db->url);
	}
	db_reset(s);
	return version;
}

static int
step_to(struct db *db, const struct db_schema *schema, long long version,
    struct why *w)
{
	struct db_stmt *s;

	if (db_exec(db, schema->step[version], w) < 0)
		return -1;
	if (schema->upgrade != NULL && schema->upgrade(db, version + 1, w) < 0)
		return -1;
	if (version == 0 &&
	    db_exec(db,
		"CREATE TABLE mdm_schema ("
		"application TEXT NOT NULL, version BIGINT NOT NULL)",
		w) < 0)
		return -1;
	s = db_prepare(db,
	    version == 0 ? "INSERT INTO mdm_schema VALUES (?1, ?2)"
			 : "UPDATE mdm_schema SET version = ?2"
			   " WHERE application = ?1",
	    w);
	if (s == NULL)
		return -1;
	db_bind_text(s, 1, schema->application);
	db_bind_int(s, 2, version + 1);
	return db_run(s, w);
}

static int
migrate(
    struct db *db, const struct db_schema *schema, bool create, struct why *w)
{
	long long version, last;

	for (last = 0; schema->step[last] != NULL; last++)
		;
	for (;;) {
		if ((version = version_of(db, schema, w)) < 0)
			return -1;
		if (version > last)
			return why_set(w, EXIT_DATA,
			    "%s: schema version %lld is newer than this "
			    "program's %lld",
			    db->url, version, last);
		if (version == last)
			return 0;
		if (version == 0 && !create)
			return why_set(w, EXIT_IO,
			    "%s: an empty database, not an %s", db->url,
			    schema->application);
		/* Look again under the lock: another may have been faster. */
		if (db_begin(db, w) < 0)
			return -1;
		if (version_of(db, schema, w) == version) {
			if (step_to(db, schema, version, w) < 0) {
				db_rollback(db);
				return -1;
			}
			if (db_commit(db, w) < 0)
				return -1;
		} else
			db_rollback(db);
	}
}

struct db *
db_open(
    const char *url, const struct db_schema *schema, bool create, struct why *w)
{
	struct db *db = engine_open(url, create, w);

	if (db != NULL && migrate(db, schema, create, w) < 0) {
		db_close(db);
		return NULL;
	}
	return db;
}

void
db_close(struct db *db)
{
	char *url;

	if (db == NULL)
		return;
	while (db->stmts != NULL) {
		struct db_stmt *s = db->stmts;
		char *sql = s->sql;

		db->stmts = s->next;
		db->engine->finish(s);
		free(sql);
	}
	url = db->url;
	free(db->answers.changes);
	db->engine->close(db);
	free(url);
}

const char *
db_url(const struct db *db)
{
	return db->url;
}

int
db_exec(struct db *db, const char *sql, struct why *w)
{
	return db->engine->exec(db, sql, w);
}

int
db_begin(struct db *db, struct why *w)
{
	db->answers.at = db->answers.n = 0;
	return db->engine->begin(db, w);
}

int
db_commit(struct db *db, struct why *w)
{
	return db->engine->commit(db, w);
}

void
db_rollback(struct db *db)
{
	db->engine->rollback(db);
}

int
db_scrub(struct db *db, struct why *w)
{
	return db->engine->scrub(db, w);
}

struct db_stmt *
db_prepare(struct db *db, const char *sql, struct why *w)
{
	struct db_stmt *s;
	char *copy;

	for (s = db->stmts; s != NULL; s = s->next)
		if (strcmp(s->sql, sql) == 0) {
			db_reset(s);
			return s;
		}
	if ((copy = strdup(sql)) == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	if ((s = db->engine->prepare(db, sql, w)) == NULL) {
		free(copy);
		return NULL;
	}
	s->db = db;
	s->sql = copy;
	s->next = db->stmts;
	db->stmts = s;
	return s;
}

void
db_bind_int(struct db_stmt *s, int i, long long value)
{
	s->db->engine->bind_int(s, i, value);
}

void
db_bind_text(struct db_stmt *s, int i, const char *text)
{
	s->db->engine->bind_text(s, i, text);
}

void
db_bind_blob(struct db_stmt *s, int i, const void *p, size_t n)
{
	s->db->engine->bind_blob(s, i, p, n);
}

bool
db_far(const struct db *db)
{
	return db->engine->bind_blobs != NULL;
}

void
db_bind_blobs(struct db_stmt *s, int i, const void *p, size_t size,
    size_t stride, size_t n)
{
	s->db->engine->bind_blobs(s, i, p, size, stride, n);
}

int
db_step(struct db_stmt *s, struct why *w)
{
	return s->db->engine->step(s, w);
}

int
db_run(struct db_stmt *s, struct why *w)
{
	int got;

	while ((got = db_step(s, w)) > 0)
		;
	return got;
}

long long
db_changes(struct db *db)
{
	return db->engine->changes(db);
}

void
db_answered(struct db *db, long long changes)
{
	if (db->answers.n == db->answers.room) {
		size_t room = db->answers.room ? 2 * db->answers.room : 1024;
		long long *more =
		    realloc(db->answers.changes, room * sizeof *more);

		if (more == NULL)
			die(EXIT_IO, "out of memory");
		db->answers.changes = more;
		db->answers.room = room;
	}
	db->answers.changes[db->answers.n++] = changes;
}

int
db_send(struct db_stmt *s, struct why *w)
{
	if (s->db->engine->send != NULL)
		return s->db->engine->send(s, w);
	if (db_run(s, w) < 0)
		return -1;
	db_answered(s->db, db_changes(s->db));
	return 0;
}

int
db_receive(struct db *db, long long *changes, struct why *w)
{
	if (db->answers.at == db->answers.n) {
		db->answers.at = db->answers.n = 0;
		if (db->engine->await == NULL)
			return 0;
		if (db->engine->await(db, w) < 0)
			return -1;
		if (db->answers.n == 0)
			return 0;
	}
	*changes = db->answers.changes[db->answers.at++];
	return 1;
}

struct db_answer *
db_ask(struct db_stmt *s)
{
	return s->db->engine->ask ? s->db->engine->ask(s) : NULL;
}

struct db_stmt *
db_take(struct db_answer *a, struct why *w)
{
	struct db_stmt *s = a->s;

	return s->db->engine->take(a, w) < 0 ? NULL : s;
}

void
db_forgo(struct db_answer *a)
{
	if (a != NULL)
		a->s->db->engine->forgo(a);
}

int
db_save(struct db *db, struct why *w)
{
	return db->engine->save ? db->engine->save(db, w) : 0;
}

int
db_restore(struct db *db, struct why *w)
{
	return db->engine->restore ? db->engine->restore(db, w) : 0;
}

int
db_add(struct db_stmt *s, struct why *w)
{
	return s->db->engine->add(s, w);
}

int
db_added(struct db *db, struct why *w)
{
	return db->engine->added ? db->engine->added(db, w) : 1;
}

long long
db_int(struct db_stmt *s, int col)
{
	return s->db->engine->get_int(s, col);
}

const char *
db_text(struct db_stmt *s, int col)
{
	return s->db->engine->get_text(s, col);
}

const void *
db_blob(struct db_stmt *s, int col, size_t *n)
{
	return s->db->engine->get_blob(s, col, n);
}

bool
db_is_null(struct db_stmt *s, int col)
{
	return s->db->engine->is_null(s, col);
}

void
db_reset(struct db_stmt *s)
{
	if (s != NULL)
		s->db->engine->reset(s);
}
