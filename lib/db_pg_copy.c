/*
 * PostgreSQL: many rows at once, by COPY, whose rows are in memory until
 * db_added().
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db_pg_impl.h"

void
pg_forget_rows(struct pg *g)
{
	struct pg_stmt *s;

	while ((s = g->adding) != NULL) {
		g->adding = s->adding;
		s->adding = NULL;
		s->rows_len = 0;
	}
	g->refused = false;
}

static void
big_endian(char *to, unsigned long long n, int bytes)
{
	while (bytes-- > 0) {
		to[bytes] = (char)(n & 0xff);
		n >>= 8;
	}
}

int
pg_add(struct db_stmt *stmt, struct why *w)
{
	struct pg_stmt *s = pg_stmt(stmt);
	struct pg *g = pg(stmt->db);
	size_t need = 2;
	char *o;
	int i;

	if (s->misbound)
		return why_set(
		    w, EXIT_BUG, "%s: a parameter cannot be bound", g->url);
	for (i = 0; i < s->params; i++)
		need += 12 + s->param[i].len;
	if (s->rows_len + need > s->rows_size) {
		size_t size = 2 * s->rows_size + need + (1 << 16);
		char *more = realloc(s->rows, size);

		if (more == NULL)
			return why_set(w, EXIT_IO, "out of memory");
		s->rows = more;
		s->rows_size = size;
	}
	if (s->rows_len == 0) {
		s->adding = g->adding;
		g->adding = s;
	}
	o = s->rows + s->rows_len;
	big_endian(o, (unsigned)s->params, 2);
	for (o += 2, i = 0; i < s->params; i++) {
		const struct param *a = &s->param[i];
		size_t n = a->integer ? 8 : a->len;

		big_endian(o, a->null ? ~0ULL : n, 4);
		o += 4;
		if (a->null)
			continue;
		if (a->integer)
			big_endian(o, (unsigned long long)a->value, 8);
		else
			memcpy(o, a->p, n);
		o += n;
	}
	s->rows_len = (size_t)(o - s->rows);
	return 1;
}

/* INSERT INTO table (columns) VALUES... as a COPY of them. */
static int
copy_command(const struct pg_stmt *s, char *sql, size_t size)
{
	const char *table = strstr(s->sql, "INTO "),
		   *end = strstr(s->sql, " VALUES (");
	int n = -1;

	if (table != NULL && end != NULL)
		n = snprintf(sql, size, "COPY %.*s FROM STDIN (FORMAT binary)",
		    (int)(end - table - 5), table + 5);
	return n < 0 || (size_t)n >= size ? -1 : 0;
}

/* Add the rows of one statement: 1, 0 if one is refused, -1. */
static int
copy_rows(struct pg *g, struct pg_stmt *s, struct why *w)
{
	static const char head[19] = "PGCOPY\n\377\r\n";
	char sql[640];
	PGresult *r;
	bool sent;
	int got = 1;

	if (copy_command(s, sql, sizeof sql) < 0)
		return why_set(w, EXIT_BUG, "%s: not a row to add", g->url);
	r = pq.exec(g->conn, sql);
	if (pq.resultStatus(r) != PGRES_COPY_IN)
		return pg_fail(g, r, w);
	pq.clear(r);
	sent = pq.putCopyData(g->conn, head, sizeof head) == 1 &&
	       pq.putCopyData(g->conn, s->rows, (int)s->rows_len) == 1 &&
	       pq.putCopyData(g->conn, "\377\377", 2) == 1 &&
	       pq.putCopyEnd(g->conn, NULL) == 1;
	if (!sent)
		return pg_cut(g, w);
	while ((r = pq.getResult(g->conn)) != NULL) {
		const char *state = pq.resultErrorField(r, PG_DIAG_SQLSTATE);

		if (state != NULL && strncmp(state, "23", 2) == 0 && got > 0) {
			got = 0; /* a constraint */
			pq.clear(r);
		} else if (!pg_good(r))
			got = pg_fail(g, r, w);
		else
			pq.clear(r);
	}
	return got;
}

/* Add what is to be added: 0, or -1; g->refused if a row is. */
static int
copy_all(struct pg *g, struct why *w)
{
	struct pg_stmt *s;
	int got = 1;

	while ((s = g->adding) != NULL) {
		g->adding = s->adding;
		s->adding = NULL;
		if (got > 0 && !g->refused)
			got = copy_rows(g, s, w);
		s->rows_len = 0;
		if (got == 0)
			g->refused = true;
	}
	return got < 0 ? -1 : 0;
}

int
pg_added(struct db *db, struct why *w)
{
	struct pg *g = pg(db);

	if (pg_ready(g, w) < 0 || copy_all(g, w) < 0)
		return -1;
	return !g->refused;
}

int
pg_save(struct db *db, struct why *w)
{
	return pg_command(pg(db), "SAVEPOINT rows", NULL, w);
}

int
pg_restore(struct db *db, struct why *w)
{
	pg_forget_rows(pg(db));
	return pg_command(pg(db), "ROLLBACK TO SAVEPOINT rows", NULL, w);
}
