/* The catalogue: the handle, transactions, leases. */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "catalogue_impl.h"
#include "opt.h"
#include "secret.h"

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
	c->depth = -1;
	if ((c->db = db_open(url, &catalogue_schema, create, w)) == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void
catalogue_close(struct catalogue *c)
{
	if (c == NULL)
		return;
	names_forget(c, true);
	facts_forget(c);
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
	c->depth = -1; /* others may have moved what we knew */
	c->lease[0] = '\0';
	c->changed = false;
	return 0;
}

int
catalogue_commit(struct catalogue *c, struct why *w)
{
	if ((!c->changed ||
		db_exec(c->db, "UPDATE serial SET n = n + 1", w) == 0) &&
	    db_commit(c->db, w) == 0) {
		names_keep(c);
		return 0;
	}
	catalogue_rollback(c);
	return -1;
}

void
forget(struct catalogue *c)
{
	c->depth = -1;
	c->next_id = 0;
	c->owner = c->group = 0;
	names_forget(c, false);
	facts_forget(c);
}

void
catalogue_rollback(struct catalogue *c)
{
	db_rollback(c->db);
	forget(c);
}

/* The number that a query without parameters gives, or -1. */
static long long
ask(struct catalogue *c, const char *sql, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db, sql, w);
	long long n;

	if (s == NULL || db_step(s, w) < 0)
		return -1;
	n = db_int(s, 0);
	db_reset(s);
	return n;
}

long long
catalogue_serial(struct catalogue *c, struct why *w)
{
	return ask(c, "SELECT MAX(n) FROM serial", w);
}

int
catalogue_mark(struct catalogue *c, const char *mark, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "INSERT INTO mark (id, made) VALUES (?1, ?2) ON CONFLICT DO "
	    "NOTHING",
	    w);

	if (s != NULL) {
		db_bind_text(s, 1, mark);
		db_bind_int(s, 2, c->now);
	}
	return run1(s, w);
}

int
catalogue_has_mark(struct catalogue *c, const char *mark, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "SELECT 1 FROM mark WHERE id = ?1", w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, mark);
	if ((got = db_step(s, w)) > 0)
		db_reset(s);
	return got;
}

int
run1(struct db_stmt *s, struct why *w)
{
	return s == NULL ? -1 : db_run(s, w);
}

int
run_id(struct catalogue *c, const char *sql, long long id, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db, sql, w);

	if (s != NULL)
		db_bind_int(s, 1, id);
	return run1(s, w);
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
catalogue_lease_keep(struct catalogue *c, const char *id, long long ttl,
    bool fresh, struct why *w)
{
	char host[256] = "";
	struct db_stmt *s;

	gethostname(host, sizeof host - 1);
	if (expire(c, w) < 0)
		return -1;
	if (fresh) {
		s = db_prepare(c->db,
		    "INSERT INTO lease VALUES (?1, ?2, ?3, ?4, ?5)"
		    " ON CONFLICT DO NOTHING",
		    w);
		if (s != NULL) {
			db_bind_text(s, 1, id);
			db_bind_int(s, 2, c->now);
			db_bind_int(s, 3, c->now + ttl);
			db_bind_text(s, 4, host);
			db_bind_int(s, 5, getpid());
		}
		if (run1(s, w) < 0)
			return -1;
	}
	s = db_prepare(c->db, "UPDATE lease SET expires = ?2 WHERE id = ?1", w);
	if (s != NULL) {
		db_bind_text(s, 1, id);
		db_bind_int(s, 2, c->now + ttl);
	}
	return run1(s, w) < 0 ? -1 : db_changes(c->db) == 1;
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
