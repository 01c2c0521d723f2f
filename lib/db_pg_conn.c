/* PostgreSQL: to be connected, and what goes wrong. */

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db_pg_impl.h"

#define CONNECT_WAIT 30000 /* ms */

struct pg_libpq pq;
static bool loaded;

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

bool
pg_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return loaded;
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

int
pg_lose(struct pg *g, struct why *w)
{
	if (g->begun && g->lost.code == 0)
		g->lost = *w;
	return -1;
}

int
pg_cut(struct pg *g, struct why *w)
{
	why_set(w, EXIT_RETRY, "%s: the connection was lost", g->url);
	return pg_lose(g, w);
}

/*
 * Frees r.  Only the primary message is said, and not that of class 22: detail
 * and data exceptions quote values.
 */
int
pg_fail(struct pg *g, PGresult *r, struct why *w)
{
	const char *state = pq.resultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = pq.resultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

	if (state == NULL || pq.status(g->conn) == CONNECTION_BAD)
		pg_cut(g, w);
	else if (strcmp(state, "55P03") == 0)
		why_set(w, EXIT_RETRY, "%s: locked by another process for %g s",
		    g->url, db_lock_wait() / 1e3);
	else if (strncmp(state, "22", 2) == 0 || text == NULL)
		why_set(w, EXIT_BUG, "%s: SQLSTATE %.5s", g->url, state);
	else
		why_set(w, code_of(state), "%s: %s", g->url, text);
	pq.clear(r);
	return pg_lose(g, w);
}

bool
pg_good(const PGresult *r)
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
	if (!pg_good(r))
		return pg_fail(g, r, w);
	pq.clear(r);
	return 0;
}

int
pg_connect(struct pg *g, struct why *w)
{
	const char *const keys[] = { "fallback_application_name", "gssencmode",
		"keepalives_idle", "tcp_user_timeout", "dbname", NULL };
	const char *const values[] = { program_invocation_short_name, "disable",
		"30", "60000", g->url, NULL };

	if (g->conn != NULL)
		pq.finish(g->conn);
	g->number++;
	pg_unanswered(g);
	if ((g->conn = pq.connectStartParams(keys, values, 1)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	pq.setNoticeProcessor(g->conn, no_notice, NULL);
	pq.setErrorVerbosity(g->conn, PQERRORS_VERBOSE);
	if (pq.status(g->conn) == CONNECTION_BAD)
		return no_connection(g, w);
	return poll_connection(g, w) < 0 ? -1 : set_up(g, w);
}

int
pg_check_url(const char *url, const char *where, struct why *w)
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
