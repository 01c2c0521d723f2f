#ifndef DB_PG_IMPL_H
#define DB_PG_IMPL_H

#include <postgresql/libpq-fe.h>

#include "db_engine.h"

/*
 * Private to db_pg*.c: db_pg.c is the engine: transactions, statements and
 * columns; _conn connects, and says what went wrong; _ahead sends without
 * waiting; _copy adds many rows.
 *
 * libpq brings LDAP, Kerberos and more with it, which cost each start of a
 * program 6 ms: it is loaded when the first URL asks for it.
 */
#define PQ(F)                                                                  \
	F(clear)                                                               \
	F(cmdStatus)                                                           \
	F(cmdTuples)                                                           \
	F(connectPoll)                                                         \
	F(connectStartParams)                                                  \
	F(conninfoFree)                                                        \
	F(conninfoParse)                                                       \
	F(enterPipelineMode)                                                   \
	F(errorMessage)                                                        \
	F(exec)                                                                \
	F(execPrepared)                                                        \
	F(exitPipelineMode)                                                    \
	F(finish)                                                              \
	F(flush)                                                               \
	F(freemem)                                                             \
	F(ftype)                                                               \
	F(getResult)                                                           \
	F(getisnull)                                                           \
	F(getlength)                                                           \
	F(getvalue)                                                            \
	F(ntuples)                                                             \
	F(pipelineSync)                                                        \
	F(prepare)                                                             \
	F(putCopyData)                                                         \
	F(putCopyEnd)                                                          \
	F(resultErrorField)                                                    \
	F(resultStatus)                                                        \
	F(sendFlushRequest)                                                    \
	F(sendQueryPrepared)                                                   \
	F(setErrorVerbosity)                                                   \
	F(setNoticeProcessor)                                                  \
	F(socket)                                                              \
	F(status)

#define MEMBER(name) __typeof__(&PQ##name) name;
extern struct pg_libpq {
	PQ(MEMBER)
} pq;
#undef MEMBER

#define PARAMS 64 /* of one statement */

struct pg_answer;
struct pg_stmt;

struct pg {
	struct db db; /* first */
	const char *url;
	PGconn *conn;
	unsigned number; /* of the connection: each forgets all statements */
	unsigned names;  /* given to statements so far */
	bool begun;      /* a transaction, until commit or rollback */
	struct why lost; /* why the transaction cannot be committed any more */
	long long changes;

	/* _ahead: the pipeline. */
	bool piping;
	int sent;                    /* statements that are not answered yet */
	unsigned long answered;      /* of all that were ever sent */
	struct pg_answer *due, **to; /* those that are asked, in order */

	/* _copy */
	struct pg_stmt *adding; /* those that have rows to add */
	bool refused;           /* a row that was added */
};

struct param {
	char *p; /* NULL until bound; then size bytes */
	size_t len, size;
	bool null, binary, integer;
	long long value; /* if integer */
};

struct pg_stmt {
	struct db_stmt s; /* first */
	char *sql;        /* as PostgreSQL spells it */
	char name[16];
	unsigned number; /* of the connection that has it prepared; 0: none */
	int params;
	struct param param[PARAMS];
	bool misbound;
	PGresult *result; /* NULL: not begun */
	int row;

	/* Rows to add, as COPY takes them; and the next that has some. */
	char *rows;
	size_t rows_len, rows_size;
	struct pg_stmt *adding;
};

static inline struct pg *
pg(struct db *db)
{
	return (struct pg *)db;
}

static inline struct pg_stmt *
pg_stmt(struct db_stmt *s)
{
	return (struct pg_stmt *)s;
}

/* What libpq wants to know of the parameters. */
struct values {
	const char *p[PARAMS];
	int len[PARAMS], binary[PARAMS];
};
int pg_values(struct pg_stmt *s, struct values *v, struct why *w);
int pg_prepare_now(struct pg_stmt *s, struct why *w);

/* Run one script as it stands; *tag, unless NULL, is its command tag. */
int pg_command(struct pg *g, const char *sql, char tag[16], struct why *w);

/* ---- _conn ---- */

bool pg_load(void); /* libpq: is it there? */

/* URLs are in arguments, environment and messages: no place for passwords. */
int pg_check_url(const char *url, const char *where, struct why *w);

/* Connect, or connect again.  What the URL says precedes these defaults. */
int pg_connect(struct pg *g, struct why *w);

/* What was lost once stays lost until the transaction is rolled back: -1. */
int pg_lose(struct pg *g, struct why *w);

/* The connection is no more: -1 with *w. */
int pg_cut(struct pg *g, struct why *w);

/* Why r is an error, into *w: -1.  Frees r. */
int pg_fail(struct pg *g, PGresult *r, struct why *w);
bool pg_good(const PGresult *r);

/* ---- _ahead ---- */

/* Before anything is asked: a live connection and nothing under way. */
int pg_ready(struct pg *g, struct why *w);

/* Read the answers to all that was sent. */
void pg_drain(struct pg *g);

/* There is no connection any more that could answer. */
void pg_unanswered(struct pg *g);

/* As db_engine has them. */
int pg_send(struct db_stmt *stmt, struct why *w);
int pg_await(struct db *db, struct why *w);
struct db_answer *pg_ask(struct db_stmt *stmt);
int pg_take(struct db_answer *a, struct why *w);
void pg_forgo(struct db_answer *a);

/* ---- _copy ---- */

void pg_forget_rows(struct pg *g);
int pg_add(struct db_stmt *stmt, struct why *w);
int pg_added(struct db *db, struct why *w);
int pg_save(struct db *db, struct why *w);
int pg_restore(struct db *db, struct why *w);

#endif
