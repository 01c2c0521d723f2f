#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <postgresql/libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db_engine.h"

/*
 * PostgreSQL.  libpq brings LDAP, Kerberos and more with it, which cost each
 * start of a program 6 ms: it is loaded when the first URL asks for it.
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
	F(sendQueryPrepared)                                                   \
	F(setErrorVerbosity)                                                   \
	F(setNoticeProcessor)                                                  \
	F(socket)                                                              \
	F(status)

static struct {
#define MEMBER(name) __typeof__(&PQ##name) name;
	PQ(MEMBER)
} pq;
static bool loaded;

#define PARAMS 64      /* of one statement */
#define IN_FLIGHT 4096 /* statements sent before their answers are read */

#define CONNECT_WAIT 30000 /* ms */

/* Type numbers of results, as in pg_type.dat; they never change. */
enum { BOOL = 16, INT8 = 20, INT2 = 21, INT4 = 23 };

struct pg {
	struct db db; /* first */
	const char *url;
	PGconn *conn;
	unsigned number; /* of the connection: each forgets all statements */
	unsigned names;  /* given to statements so far */
	bool begun;      /* a transaction, until commit or rollback */
	struct why lost; /* why the transaction cannot be committed any more */
	int sent;        /* statements whose answers are not read yet */
	struct pg_stmt *adding; /* those that have rows to add */
	bool refused;           /* a row that was added */
	long long changes;
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

static struct pg *
pg(struct db *db)
{
	return (struct pg *)db;
}

static struct pg_stmt *
pg_stmt(struct db_stmt *s)
{
	return (struct pg_stmt *)s;
}

static void
load(void)
{
	void *lib = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);

	loaded = lib != NULL;
#define FIND(name)                                                             \
	loaded =                                                               \
	    loaded && (*(void **)&pq.name = dlsym(lib, "PQ" #name)) != NULL;
	PQ(FIND)
}

/* The first five characters are an SQLSTATE. */
static int
code_of(const char *state)
{
	static const struct {
		const char *state; /* or the class that it begins with */
		int code;
	} codes[] = {
		{ "25006", EXIT_IO }, /* read only: a standby */
		{ "42501", EXIT_DENIED },
		{ "53300", EXIT_RETRY }, /* too many connections */
		{ "55P03", EXIT_RETRY }, /* a lock */
		{ "57014", EXIT_RETRY }, /* cancelled */
		{ "57P", EXIT_RETRY },   /* the server goes down or comes up */
		{ "08", EXIT_RETRY },    /* connection */
		{ "28", EXIT_DENIED },   /* who are you */
		{ "40", EXIT_RETRY },    /* deadlock, serialization */
		{ "3D", EXIT_IO },       /* no such database */
		{ "3F", EXIT_IO },       /* no such schema */
		{ "53", EXIT_IO },       /* disk full, out of memory */
		{ "58", EXIT_IO },       /* system error */
		{ "XX001", EXIT_DATA },  /* corrupted */
		{ "XX002", EXIT_DATA },
	};
	size_t i;

	for (i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strncmp(state, codes[i].state, strlen(codes[i].state)) == 0)
			return codes[i].code;
	return EXIT_BUG;
}

/* What was lost once stays lost until the transaction is rolled back. */
static int
lose(struct pg *g, struct why *w)
{
	if (g->begun && g->lost.code == 0)
		g->lost = *w;
	return -1;
}

static int
cut(struct pg *g, struct why *w)
{
	why_set(w, EXIT_RETRY, "%s: the connection was lost", g->url);
	return lose(g, w);
}

/*
 * Frees r.  Only the primary message is said, and not that of class 22: detail
 * and data exceptions quote values.
 */
static int
fail(struct pg *g, PGresult *r, struct why *w)
{
	const char *state = pq.resultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = pq.resultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

	if (state == NULL || pq.status(g->conn) == CONNECTION_BAD)
		cut(g, w);
	else if (strcmp(state, "55P03") == 0)
		why_set(w, EXIT_RETRY, "%s: locked by another process for %g s",
		    g->url, db_lock_wait() / 1e3);
	else if (strncmp(state, "22", 2) == 0 || text == NULL)
		why_set(w, EXIT_BUG, "%s: SQLSTATE %.5s", g->url, state);
	else
		why_set(w, code_of(state), "%s: %s", g->url, text);
	pq.clear(r);
	return lose(g, w);
}

static bool
good(const PGresult *r)
{
	ExecStatusType status = pq.resultStatus(r);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_EMPTY_QUERY;
}

static void
no_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static long long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/*
 * Why there is no connection.  libpq has no code for that, but with verbose
 * errors it stands in the text: "FATAL:  3D000: no such...".
 */
static int
no_connection(struct pg *g, struct why *w)
{
	const char *text = pq.errorMessage(g->conn), *p = text;
	int code = EXIT_RETRY;
	size_t n;

	while ((p = strstr(p, ":  ")) != NULL) {
		p += 3;
		if (strspn(p, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 &&
		    p[5] == ':') {
			code = code_of(p);
			text = p + 7;
			break;
		}
	}
	n = strcspn(text, "\n");
	return why_set(w, code, "%s: %.*s", g->url, (int)(n < 300 ? n : 300),
	    n > 0 ? text : "no connection");
}

static int
poll_connection(struct pg *g, struct why *w)
{
	long long end = now_ms() + CONNECT_WAIT, left;
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	struct pollfd p;

	while (next != PGRES_POLLING_OK) {
		if (next == PGRES_POLLING_FAILED)
			return no_connection(g, w);
		left = end - now_ms();
		p.fd = pq.socket(g->conn);
		p.events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return why_set(w, EXIT_RETRY,
			    "%s: no connection for %d s", g->url,
			    CONNECT_WAIT / 1000);
		next = pq.connectPoll(g->conn);
	}
	return 0;
}

/*
 * Each statement here walks along an index, and is planned once.  Planned while
 * a table was empty, or from guesses, it would read and sort tables for ever
 * after: the planner is told not to.
 */
static int
set_up(struct pg *g, struct why *w)
{
	char sql[640];
	int ms = db_lock_wait();
	PGresult *r;

	snprintf(sql, sizeof sql,
	    "SET lock_timeout = %d; SET jit = off;"
	    "SET enable_seqscan = off; SET enable_bitmapscan = off;"
	    "SET enable_hashjoin = off; SET enable_mergejoin = off;"
	    "SET plan_cache_mode = force_generic_plan;"
	    "SET standard_conforming_strings = on;"
	    "SELECT set_config('synchronous_commit', 'on', false)"
	    " WHERE current_setting('synchronous_commit') IN ('off', 'local')",
	    ms > 0 ? ms : 1);
	r = pq.exec(g->conn, sql);
	if (!good(r))
		return fail(g, r, w);
	pq.clear(r);
	return 0;
}

/* Connect, or connect again.  What the URL says precedes these defaults. */
static int
connect_to(struct pg *g, struct why *w)
{
	const char *const keys[] = { "fallback_application_name", "gssencmode",
		"keepalives_idle", "tcp_user_timeout", "dbname", NULL };
	const char *const values[] = { program_invocation_short_name, "disable",
		"30", "60000", g->url, NULL };

	if (g->conn != NULL)
		pq.finish(g->conn);
	g->number++;
	g->sent = 0;
	if ((g->conn = pq.connectStartParams(keys, values, 1)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	pq.setNoticeProcessor(g->conn, no_notice, NULL);
	pq.setErrorVerbosity(g->conn, PQERRORS_VERBOSE);
	if (pq.status(g->conn) == CONNECTION_BAD)
		return no_connection(g, w);
	return poll_connection(g, w) < 0 ? -1 : set_up(g, w);
}

/* URLs are in arguments, environment and messages: no place for passwords. */
static int
check_url(const char *url, const char *where, struct why *w)
{
	PQconninfoOption *options, *o;
	char *why = NULL;
	bool secret = false;

	if (strncmp(where, "//", 2) != 0)
		return why_set(w, EXIT_USAGE, "%s: not postgresql://", url);
	if ((options = pq.conninfoParse(url, &why)) == NULL) {
		pq.freemem(why); /* it may quote a password */
		return why_set(w, EXIT_USAGE,
		    "a postgresql:// URL that cannot be understood");
	}
	for (o = options; o->keyword != NULL; o++)
		if (o->val != NULL &&
		    (strcmp(o->keyword, "password") == 0 ||
			strcmp(o->keyword, "sslpassword") == 0))
			secret = true;
	pq.conninfoFree(options);
	return secret ? why_set(w, EXIT_USAGE,
			    "a postgresql:// URL with a password: use a "
			    "certificate, or PGPASSFILE")
		      : 0;
}

static void
pg_close(struct db *db)
{
	struct pg *g = pg(db);

	if (g->conn != NULL)
		pq.finish(g->conn);
	free(g);
}

static struct db *
pg_open(const char *url, const char *where, bool create, struct why *w)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct pg *g;

	(void)create; /* the database itself is made by who runs the server */
	pthread_once(&once, load);
	if (!loaded) {
		why_set(w, EXIT_IO, "%s: libpq.so.5 is not installed",
		    "postgresql");
		return NULL;
	}
	if (check_url(url, where, w) < 0)
		return NULL;
	if ((g = calloc(1, sizeof *g)) == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	g->url = url;
	if (connect_to(g, w) < 0) {
		pg_close(&g->db);
		return NULL;
	}
	return &g->db;
}

/* The answer to one statement sent; frees r.  The first failure is kept. */
static void
take_answer(struct pg *g, PGresult *r)
{
	struct why w = { 0 };

	if (r == NULL)
		cut(g, &w);
	else if (pq.resultStatus(r) == PGRES_PIPELINE_ABORTED)
		pq.clear(r);
	else if (!good(r))
		fail(g, r, &w);
	else {
		db_answered(&g->db, strtoll(pq.cmdTuples(r), NULL, 10));
		pq.clear(r);
	}
}

/* Read the answers to all that was sent. */
static void
drain(struct pg *g)
{
	PGresult *r;
	struct why w;

	if (g->sent == 0)
		return;
	if (pq.pipelineSync(g->conn) == 0)
		cut(g, &w);
	while (g->sent > 0 && pq.status(g->conn) != CONNECTION_BAD) {
		take_answer(g, pq.getResult(g->conn));
		if ((r = pq.getResult(g->conn)) != NULL)
			pq.clear(r); /* never: each has one result */
		g->sent--;
	}
	g->sent = 0;
	if ((r = pq.getResult(g->conn)) != NULL)
		pq.clear(r); /* the end of the pipeline */
	if (pq.status(g->conn) == CONNECTION_BAD ||
	    pq.exitPipelineMode(g->conn) == 0)
		cut(g, &w);
}

/* Before anything is asked: a live connection and nothing under way. */
static int
ready(struct pg *g, struct why *w)
{
	drain(g);
	if (g->lost.code != 0) {
		*w = g->lost;
		return -1;
	}
	if (pq.status(g->conn) != CONNECTION_BAD)
		return 0;
	return g->begun ? cut(g, w) : connect_to(g, w);
}

/*
 * What differs in spelling: ?1 is $1, and in scripts, which make tables, the
 * key that the database numbers, and text in the order of its bytes.
 */
static char *
spell(const char *sql, bool script, int *params)
{
	static const struct {
		const char *from, *to;
	} words[] = {
		{ "INTEGER PRIMARY KEY",
		    "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY" },
		{ "TEXT", "TEXT COLLATE \"C\"" },
	};
	char *out = malloc(5 * strlen(sql) + 1), *o = out;
	bool quoted = false, inside = false;
	size_t i, n;

	*params = 0;
	for (; out != NULL && *sql != '\0'; sql += n) {
		n = 1;
		quoted ^= *sql == '\'';
		*o = *sql == '?' && !quoted ? '$' : *sql;
		if (*o == '$' && !quoted && atoi(sql + 1) > *params)
			*params = atoi(sql + 1);
		for (i = 0; script && !quoted && !inside && i < 2; i++)
			if (strncmp(sql, words[i].from,
				strlen(words[i].from)) == 0) {
				n = strlen(words[i].from);
				o = stpcpy(o, words[i].to) - 1;
				break;
			}
		o++;
		inside =
		    isalnum((unsigned char)sql[n - 1]) || sql[n - 1] == '_';
	}
	if (out != NULL)
		*o = '\0';
	return out;
}

/* Run one script as it stands; *tag, unless NULL, is its command tag. */
static int
command(struct pg *g, const char *sql, char tag[16], struct why *w)
{
	PGresult *r;

	if (ready(g, w) < 0)
		return -1;
	r = pq.exec(g->conn, sql);
	if (!good(r))
		return fail(g, r, w);
	if (tag != NULL)
		snprintf(tag, 16, "%s", pq.cmdStatus(r));
	pq.clear(r);
	return 0;
}

static int
pg_exec(struct db *db, const char *sql, struct why *w)
{
	int params, r;
	char *own = spell(sql, true, &params);

	if (own == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	r = command(pg(db), own, NULL, w);
	free(own);
	return r;
}

static void
forget_rows(struct pg *g)
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
pg_rollback(struct db *db)
{
	struct pg *g = pg(db);

	drain(g);
	forget_rows(g);
	if (pq.status(g->conn) != CONNECTION_BAD)
		pq.clear(pq.exec(g->conn, "ROLLBACK"));
	g->begun = false;
	g->lost.code = 0;
}

/*
 * One writer at a time, as with SQLite: what is read in a transaction is still
 * so when it commits, and there are no deadlocks.  The lock is the schema's:
 * other schemas of the database are other stores and catalogues.  It is taken
 * before the first snapshot, which READ COMMITTED takes anew for each
 * statement.
 */
static int
pg_begin(struct db *db, struct why *w)
{
	static const char begin[] =
	    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
	    "SELECT pg_advisory_xact_lock(1835297121,"
	    " current_schema()::regnamespace::oid::int)";
	struct pg *g = pg(db);
	int r = command(g, begin, NULL, w);

	/* A server that was started anew since is noticed only now. */
	if (r < 0 && pq.status(g->conn) == CONNECTION_BAD)
		r = command(g, begin, NULL, w);
	if (r < 0)
		pg_rollback(db);
	else
		g->begun = true;
	return r;
}

static int
pg_commit(struct db *db, struct why *w)
{
	struct pg *g = pg(db);
	char tag[16];

	if (g->adding != NULL)
		why_set(w, EXIT_BUG, "%s: rows were left behind", g->url);
	if (g->adding != NULL || command(g, "COMMIT", tag, w) < 0) {
		pg_rollback(db);
		return -1;
	}
	g->begun = false;
	/* To commit what has failed is to roll back, without an error. */
	if (strcmp(tag, "COMMIT") != 0)
		return why_set(
		    w, EXIT_BUG, "%s: the transaction had failed", g->url);
	return 0;
}

/*
 * Rows removed stay in the server's files and logs until it writes over them;
 * no command forgets them sooner.  What is secret in a row is sealed.
 */
static int
pg_scrub(struct db *db, struct why *w)
{
	(void)db;
	(void)w;
	return 0;
}

static int
prepare_now(struct pg_stmt *s, struct why *w)
{
	struct pg *g = pg(s->s.db);
	PGresult *r;

	if (s->number == g->number)
		return 0;
	r = pq.prepare(g->conn, s->name, s->sql, 0, NULL);
	if (!good(r))
		return fail(g, r, w);
	pq.clear(r);
	s->number = g->number;
	return 0;
}

static void
pg_reset(struct db_stmt *stmt)
{
	struct pg_stmt *s = pg_stmt(stmt);

	pq.clear(s->result);
	s->result = NULL;
	s->misbound = false;
}

static void
pg_finish(struct db_stmt *stmt)
{
	struct pg_stmt *s = pg_stmt(stmt);
	int i;

	pg_reset(stmt);
	for (i = 0; i < PARAMS; i++)
		free(s->param[i].p);
	free(s->rows);
	free(s->sql);
	free(s);
}

static struct db_stmt *
pg_prepare(struct db *db, const char *sql, struct why *w)
{
	struct pg *g = pg(db);
	struct pg_stmt *s = calloc(1, sizeof *s);
	int i;

	if (s == NULL || (s->sql = spell(sql, false, &s->params)) == NULL) {
		free(s);
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	s->s.db = db;
	for (i = 0; i < PARAMS; i++)
		s->param[i].null = true;
	snprintf(s->name, sizeof s->name, "s%u", ++g->names);
	if (s->params > PARAMS)
		why_set(w, EXIT_BUG, "%s: too many parameters", g->url);
	else if (ready(g, w) == 0 && prepare_now(s, w) == 0)
		return &s->s;
	pg_finish(&s->s);
	return NULL;
}

static void
bind(struct db_stmt *stmt, int i, const void *p, size_t n, bool binary)
{
	struct pg_stmt *s = pg_stmt(stmt);
	struct param *a;
	char *more;

	if (i < 1 || i > s->params) {
		s->misbound = true;
		return;
	}
	a = &s->param[i - 1];
	a->null = p == NULL;
	a->binary = binary;
	a->integer = false;
	if (p == NULL)
		return;
	if (n + 1 > a->size) {
		if ((more = realloc(a->p, n + 64)) == NULL) {
			s->misbound = true;
			return;
		}
		a->p = more;
		a->size = n + 64;
	}
	memcpy(a->p, p, n);
	a->p[n] = '\0'; /* text ends so */
	a->len = n;
}

/* As text: the server knows better than we which integer it wants. */
static void
pg_bind_int(struct db_stmt *s, int i, long long value)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", value);

	bind(s, i, text, (size_t)n, false);
	if (i >= 1 && i <= PARAMS) {
		pg_stmt(s)->param[i - 1].integer = true;
		pg_stmt(s)->param[i - 1].value = value;
	}
}

static void
pg_bind_text(struct db_stmt *s, int i, const char *text)
{
	bind(s, i, text, text ? strlen(text) : 0, false);
}

static void
pg_bind_blob(struct db_stmt *s, int i, const void *p, size_t n)
{
	bind(s, i, n ? p : "", n, true);
}

/* What libpq wants to know of the parameters. */
struct values {
	const char *p[PARAMS];
	int len[PARAMS], binary[PARAMS];
};

static int
values_of(struct pg_stmt *s, struct values *v, struct why *w)
{
	bool misbound = s->misbound;
	int i;

	s->misbound = false;
	if (misbound)
		return why_set(w, EXIT_BUG, "%s: a parameter cannot be bound",
		    pg(s->s.db)->url);
	for (i = 0; i < s->params; i++) {
		const struct param *a = &s->param[i];

		v->p[i] = a->null ? NULL : a->p;
		v->len[i] = (int)a->len;
		v->binary[i] = a->binary;
	}
	return 0;
}

/* The whole result comes with the first row: queries of many say LIMIT. */
static int
run(struct pg_stmt *s, struct why *w)
{
	struct pg *g = pg(s->s.db);
	struct values v;
	PGresult *r;

	if (values_of(s, &v, w) < 0 || ready(g, w) < 0 || prepare_now(s, w) < 0)
		return -1;
	r = pq.execPrepared(
	    g->conn, s->name, s->params, v.p, v.len, v.binary, 1);
	if (!good(r))
		return fail(g, r, w);
	g->changes = strtoll(pq.cmdTuples(r), NULL, 10);
	s->result = r;
	s->row = -1;
	return 0;
}

static int
pg_step(struct db_stmt *stmt, struct why *w)
{
	struct pg_stmt *s = pg_stmt(stmt);

	if (s->result == NULL && run(s, w) < 0)
		return -1;
	if (++s->row < pq.ntuples(s->result))
		return 1;
	pg_reset(stmt);
	return 0;
}

static int
pg_send(struct db_stmt *stmt, struct why *w)
{
	struct pg_stmt *s = pg_stmt(stmt);
	struct pg *g = pg(stmt->db);
	struct values v;

	pg_reset(stmt);
	if (values_of(s, &v, w) < 0)
		return -1;
	if (g->sent == 0 || g->sent >= IN_FLIGHT || s->number != g->number) {
		if (ready(g, w) < 0 || prepare_now(s, w) < 0)
			return -1;
		if (pq.enterPipelineMode(g->conn) == 0)
			return cut(g, w);
	}
	if (pq.sendQueryPrepared(
		g->conn, s->name, s->params, v.p, v.len, v.binary, 1) == 0) {
		drain(g);
		return cut(g, w);
	}
	g->sent++;
	return 0;
}

static int
pg_await(struct db *db, struct why *w)
{
	return ready(pg(db), w);
}

static void
big_endian(char *to, unsigned long long n, int bytes)
{
	while (bytes-- > 0) {
		to[bytes] = (char)(n & 0xff);
		n >>= 8;
	}
}

static int
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
		return fail(g, r, w);
	pq.clear(r);
	sent = pq.putCopyData(g->conn, head, sizeof head) == 1 &&
	       pq.putCopyData(g->conn, s->rows, (int)s->rows_len) == 1 &&
	       pq.putCopyData(g->conn, "\377\377", 2) == 1 &&
	       pq.putCopyEnd(g->conn, NULL) == 1;
	if (!sent)
		return cut(g, w);
	while ((r = pq.getResult(g->conn)) != NULL) {
		const char *state = pq.resultErrorField(r, PG_DIAG_SQLSTATE);

		if (state != NULL && strncmp(state, "23", 2) == 0 && got > 0) {
			got = 0; /* a constraint */
			pq.clear(r);
		} else if (!good(r))
			got = fail(g, r, w);
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

static int
pg_added(struct db *db, struct why *w)
{
	struct pg *g = pg(db);

	if (ready(g, w) < 0 || copy_all(g, w) < 0)
		return -1;
	return !g->refused;
}

static int
pg_save(struct db *db, struct why *w)
{
	return command(pg(db), "SAVEPOINT rows", NULL, w);
}

static int
pg_restore(struct db *db, struct why *w)
{
	forget_rows(pg(db));
	return command(pg(db), "ROLLBACK TO SAVEPOINT rows", NULL, w);
}

static int
pg_has_table(struct db *db, const char *table, struct why *w)
{
	struct db_stmt *s = db_prepare(db,
	    "SELECT 1 FROM pg_catalog.pg_class WHERE relname = ?1"
	    " AND relnamespace = current_schema()::regnamespace",
	    w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, table);
	if ((got = db_step(s, w)) > 0)
		db_reset(s);
	return got;
}

static long long
pg_changes(struct db *db)
{
	return pg(db)->changes;
}

static long long
pg_int(struct db_stmt *stmt, int col)
{
	struct pg_stmt *s = pg_stmt(stmt);
	const unsigned char *p =
	    (const unsigned char *)pq.getvalue(s->result, s->row, col);
	unsigned long long n = 0;
	int i, len = pq.getlength(s->result, s->row, col);

	if (pq.getisnull(s->result, s->row, col))
		return 0;
	switch (pq.ftype(s->result, col)) {
	case BOOL:
	case INT2:
	case INT4:
	case INT8:
		/* big endian; the sign fills what is missing */
		n = len > 0 && p[0] & 0x80 ? ~0ULL : 0;
		for (i = 0; i < len && i < 8; i++)
			n = n << 8 | p[i];
		return (long long)n;
	}
	return 0;
}

static const char *
pg_text(struct db_stmt *stmt, int col)
{
	struct pg_stmt *s = pg_stmt(stmt);

	return pq.getisnull(s->result, s->row, col)
		   ? NULL
		   : pq.getvalue(s->result, s->row, col);
}

static const void *
pg_blob(struct db_stmt *stmt, int col, size_t *n)
{
	struct pg_stmt *s = pg_stmt(stmt);

	*n = (size_t)pq.getlength(s->result, s->row, col);
	return pg_text(stmt, col);
}

static bool
pg_is_null(struct db_stmt *stmt, int col)
{
	struct pg_stmt *s = pg_stmt(stmt);

	return pq.getisnull(s->result, s->row, col);
}

const struct db_engine db_pg = {
	.scheme = "postgresql",
	.open = pg_open,
	.close = pg_close,
	.exec = pg_exec,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.scrub = pg_scrub,
	.has_table = pg_has_table,
	.prepare = pg_prepare,
	.finish = pg_finish,
	.bind_int = pg_bind_int,
	.bind_text = pg_bind_text,
	.bind_blob = pg_bind_blob,
	.step = pg_step,
	.send = pg_send,
	.await = pg_await,
	.add = pg_add,
	.added = pg_added,
	.save = pg_save,
	.restore = pg_restore,
	.reset = pg_reset,
	.changes = pg_changes,
	.get_int = pg_int,
	.get_text = pg_text,
	.get_blob = pg_blob,
	.is_null = pg_is_null,
};
