/*
 * PostgreSQL: what is sent before the answers to what went before are read,
 * in libpq's pipeline mode.  The server answers in the order of what was sent:
 * to statements whose answer is a number (pg_send), and to questions whose
 * rows are wanted later (pg_ask), which therefore wait in a queue.
 */

#include <stdlib.h>
#include <string.h>

#include "db_pg_impl.h"

#define IN_FLIGHT 4096 /* statements sent before their answers are read */

struct pg_answer {
	struct db_answer a; /* first */
	struct pg_answer *next;
	unsigned long at; /* its number among all that was sent */
	bool got, unwanted;
	PGresult *result; /* once it is got; NULL: it failed */
	struct why why;
};

/* The answer to one statement sent; frees r.  The first failure is kept. */
static void
take_changes(struct pg *g, PGresult *r)
{
	struct why w = { 0 };

	if (r == NULL)
		pg_cut(g, &w);
	else if (pq.resultStatus(r) == PGRES_PIPELINE_ABORTED)
		pq.clear(r);
	else if (!pg_good(r))
		pg_fail(g, r, &w);
	else {
		db_answered(&g->db, strtoll(pq.cmdTuples(r), NULL, 10));
		pq.clear(r);
	}
}

/* The answer to a question. */
static void
take_rows(struct pg *g, struct pg_answer *a, PGresult *r)
{
	a->got = true;
	if (r == NULL)
		pg_cut(g, &a->why);
	else if (pq.resultStatus(r) == PGRES_PIPELINE_ABORTED) {
		why_set(&a->why, EXIT_RETRY, "%s: what was asked before failed",
		    g->url);
		pq.clear(r);
	} else if (!pg_good(r))
		pg_fail(g, r, &a->why);
	else
		a->result = r;
	if (a->unwanted) {
		pq.clear(a->result);
		free(a);
	}
}

static struct pg_answer *
next_due(struct pg *g)
{
	struct pg_answer *a = g->due;

	if ((g->due = a->next) == NULL)
		g->to = &g->due;
	return a;
}

/* Read the next answer. */
static void
receive(struct pg *g)
{
	unsigned long at = g->answered++;
	PGresult *r = pq.getResult(g->conn);

	g->sent--;
	if (g->due != NULL && g->due->at == at)
		take_rows(g, next_due(g), r);
	else
		take_changes(g, r);
	if ((r = pq.getResult(g->conn)) != NULL)
		pq.clear(r); /* never: each has one result */
}

void
pg_unanswered(struct pg *g)
{
	g->answered += (unsigned)g->sent;
	g->sent = 0;
	g->piping = false;
	while (g->due != NULL)
		take_rows(g, next_due(g), NULL);
}

void
pg_drain(struct pg *g)
{
	PGresult *r;
	struct why w;

	if (!g->piping)
		return;
	if (pq.pipelineSync(g->conn) == 0)
		pg_cut(g, &w);
	while (g->sent > 0 && pq.status(g->conn) != CONNECTION_BAD)
		receive(g);
	pg_unanswered(g); /* none, if all is well */
	if ((r = pq.getResult(g->conn)) != NULL)
		pq.clear(r); /* the end of the pipeline */
	if (pq.status(g->conn) == CONNECTION_BAD ||
	    pq.exitPipelineMode(g->conn) == 0)
		pg_cut(g, &w);
}

int
pg_ready(struct pg *g, struct why *w)
{
	pg_drain(g);
	if (g->lost.code != 0) {
		*w = g->lost;
		return -1;
	}
	if (pq.status(g->conn) != CONNECTION_BAD)
		return 0;
	return g->begun ? pg_cut(g, w) : pg_connect(g, w);
}

static int
launch(struct pg_stmt *s, struct why *w)
{
	struct pg *g = pg(s->s.db);
	struct values v;

	if (pg_values(s, &v, w) < 0)
		return -1;
	if (!g->piping || g->sent >= IN_FLIGHT || s->number != g->number) {
		if (pg_ready(g, w) < 0 || pg_prepare_now(s, w) < 0)
			return -1;
		if (pq.enterPipelineMode(g->conn) == 0)
			return pg_cut(g, w);
		g->piping = true;
	}
	if (pq.sendQueryPrepared(
		g->conn, s->name, s->params, v.p, v.len, v.binary, 1) == 0) {
		pg_drain(g);
		return pg_cut(g, w);
	}
	g->sent++;
	return 0;
}

int
pg_send(struct db_stmt *stmt, struct why *w)
{
	struct pg_stmt *s = pg_stmt(stmt);

	pq.clear(s->result);
	s->result = NULL;
	return launch(s, w);
}

int
pg_await(struct db *db, struct why *w)
{
	return pg_ready(pg(db), w);
}

/* Whatever is wrong, whoever then asks without us will be told. */
struct db_answer *
pg_ask(struct db_stmt *stmt)
{
	struct pg *g = pg(stmt->db);
	struct pg_answer *a = calloc(1, sizeof *a);
	struct why ignored;

	if (a == NULL || launch(pg_stmt(stmt), &ignored) < 0) {
		free(a);
		return NULL;
	}
	/* The server is to begin at once, and not to keep its rows. */
	if (pq.sendFlushRequest(g->conn) == 1)
		pq.flush(g->conn);
	a->a.s = stmt;
	a->at = g->answered + (unsigned)g->sent - 1;
	if (g->due == NULL)
		g->to = &g->due;
	*g->to = a;
	g->to = &a->next;
	return &a->a;
}

int
pg_take(struct db_answer *answer, struct why *w)
{
	struct pg_answer *a = (struct pg_answer *)answer;
	struct pg_stmt *s = pg_stmt(answer->s);
	struct pg *g = pg(answer->s->db);
	int r = 0;

	while (!a->got && pq.status(g->conn) != CONNECTION_BAD)
		receive(g);
	if (!a->got)
		pg_unanswered(g);
	pq.clear(s->result);
	s->result = a->result;
	s->row = -1;
	if (a->result == NULL) {
		*w = a->why;
		r = -1;
	}
	free(a);
	return r;
}

void
pg_forgo(struct db_answer *answer)
{
	struct pg_answer *a = (struct pg_answer *)answer;

	if (!a->got) {
		a->unwanted = true; /* freed when it comes */
		return;
	}
	pq.clear(a->result);
	free(a);
}
