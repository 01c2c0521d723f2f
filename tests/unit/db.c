#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db.h"
#include "tap.h"

static const char *const one[] = {
	"CREATE TABLE t (id BIGINT PRIMARY KEY, body BYTEA, note TEXT);", NULL
};
static const char *const two[] = { one[0],
	"ALTER TABLE t ADD COLUMN more TEXT;"
	"CREATE TABLE u (id BIGINT REFERENCES t (id));",
	NULL };
static const char *const broken[] = { one[0], two[1],
	"CREATE TABLE v (id BIGINT); CREATE TABLE v (id BIGINT);", NULL };
static const struct db_schema v1 = { .application = "mdm test", .step = one },
			      v2 = { .application = "mdm test", .step = two };
static const struct db_schema v3 = { .application = "mdm test",
	.step = broken };
static const struct db_schema other = { .application = "mdm other",
	.step = one };

/*
 * Without an argument SQLite is tested; with one, what that URL names: an empty
 * schema of PostgreSQL.
 */
static const char *url = "sqlite:a/b/test.sqlite";
static bool lite = true;

static void
rows(void)
{
	struct why w = { 0 };
	struct db *db = db_open(url, &v1, true, &w);
	struct db_stmt *s;
	const void *p;
	struct stat st;
	size_t n;
	int i;

	ok(db != NULL, "a database is made, with its directories");
	if (db == NULL) {
		printf("# %s\n", w.text);
		exit(1);
	}
	if (lite) {
		ok(stat("a/b/test.sqlite", &st) == 0 &&
			(st.st_mode & 0777) == 0600,
		    "nobody else may read it");
		ok(stat("a", &st) == 0 && (st.st_mode & 0777) == 0700,
		    "nor its directory");
	}
	s = db_prepare(db, "INSERT INTO t VALUES (?1, ?2, ?3)", &w);
	ok(s == db_prepare(db, "INSERT INTO t VALUES (?1, ?2, ?3)", &w),
	    "a statement is prepared once");
	db_begin(db, &w);
	for (i = 1; i <= 3; i++) {
		db_bind_int(s, 1, i);
		db_bind_blob(s, 2, "a\0b", i == 2 ? 0 : 3);
		db_bind_text(s, 3, i == 3 ? NULL : "x'); DROP TABLE t; --");
		ok(db_run(s, &w) == 0 && db_changes(db) == 1, "a row");
	}
	ok(db_commit(db, &w) == 0, "commit");
	s = db_prepare(db, "SELECT id, body, note FROM t ORDER BY id", &w);
	ok(db_step(s, &w) == 1 && db_int(s, 0) == 1, "the first row");
	p = db_blob(s, 1, &n);
	ok(n == 3 && memcmp(p, "a\0b", 3) == 0, "its bytes");
	ok(strcmp(db_text(s, 2), "x'); DROP TABLE t; --") == 0, "its text");
	ok(db_step(s, &w) == 1 && !db_is_null(s, 1), "empty is not null");
	ok(db_step(s, &w) == 1 && db_text(s, 2) == NULL, "null is null");
	ok(db_step(s, &w) == 0, "the end");
	ok(db_step(s, &w) == 1, "and again");
	db_reset(s);

	db_begin(db, &w);
	ok(db_exec(db, "DELETE FROM t", &w) == 0, "delete");
	db_rollback(db);
	ok(db_step(s, &w) == 1, "rolled back");
	db_reset(s);
	s = db_prepare(db, "INSERT INTO t VALUES (?1, ?2, ?3)", &w);
	db_bind_int(s, 9, 1);
	ok(db_run(s, &w) == -1, "a bind out of range shows at the next step");
	db_bind_int(s, 1, 4);
	ok(db_run(s, &w) == 0, "and not after");
	ok(db_prepare(db, "SELEC", &w) == NULL && w.code == EXIT_BUG,
	    "bad SQL is our bug");
	db_close(db);
}

/* Answers come in the order of what was sent, whatever happens in between. */
static void
sending(void)
{
	struct why w = { 0 };
	struct db *db = db_open(url, &v1, true, &w);
	struct db_stmt *s, *count;
	long long changes, sum = 0;
	int i, got = 1;

	s = db_prepare(
	    db, "INSERT INTO t VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING", &w);
	count = db_prepare(db, "SELECT COUNT(*) FROM t WHERE id >= 100", &w);
	db_begin(db, &w);
	ok(db_receive(db, &changes, &w) == 0, "nothing sent, no answer");
	for (i = 0; i < 10000; i++) {
		db_bind_int(s, 1, 100 + i - i % 4 / 3);
		db_bind_blob(s, 2, "\0\xff", 2);
		db_bind_text(s, 3, "text");
		if (db_send(s, &w) < 0)
			break;
		if (i == 4999 && (got = db_step(count, &w)) == 1)
			sum = db_int(count, 0);
		db_reset(count);
	}
	ok(i == 10000, "sent");
	ok(got == 1 && sum == 3750, "a query sees what was sent before it");
	for (i = 0; (got = db_receive(db, &changes, &w)) == 1; i++)
		if (changes != (i % 4 != 3))
			break;
	ok(got == 0 && i == 10000, "each has its answer");
	ok(db_commit(db, &w) == 0, "and is committed");

	db_begin(db, &w);
	db_exec(db, "DELETE FROM t WHERE id >= 100", &w);
	s = db_prepare(db, "INSERT INTO t VALUES (?1, NULL, 'secret')", &w);
	got = 0;
	for (i = 0; i < 3 && got == 0; i++) {
		db_bind_int(s, 1, i + 3);
		got = db_send(s, &w);
	}
	while (got >= 0 && (got = db_receive(db, &changes, &w)) > 0)
		;
	ok(got == -1 && w.code == EXIT_BUG && strstr(w.text, "secret") == NULL,
	    "one fails: that is said, without a value");
	if (!lite)
		ok(db_commit(db, &w) == -1 && w.code == EXIT_BUG,
		    "nor can the others be committed");
	db_rollback(db);
	ok(db_step(count, &w) == 1 && db_int(count, 0) == 7500,
	    "all of it is undone");
	db_reset(count);
	ok(db_exec(db, "DELETE FROM t WHERE id >= 100", &w) == 0, "clean");
	db_close(db);
}

/* The id that an answer has, of one that was asked or is asked now; or -1. */
static long long
answered(struct db *db, struct db_answer *a, int id, struct why *w)
{
	struct db_stmt *s =
	    a ? db_take(a, w)
	      : db_prepare(db, "SELECT id, ?2 FROM t WHERE id = ?1", w);
	long long got = -1;

	if (a == NULL && s != NULL) {
		db_bind_int(s, 1, id);
		db_bind_int(s, 2, 1);
	}
	if (s != NULL && db_step(s, w) == 1)
		got = db_int(s, 0);
	if (got >= 0 && db_step(s, w) != 0)
		got = -1;
	return got;
}

/* Questions may be answered in any order, among all else, or not at all. */
static void
asking(void)
{
	enum { N = 20 };
	struct why w = { 0 };
	struct db *db = db_open(url, &v1, true, &w);
	struct db_answer *a[N];
	struct db_stmt *s, *insert;
	long long changes;
	int i, right = 0;

	insert = db_prepare(db, "INSERT INTO t VALUES (?1, NULL, 'x')", &w);
	s = db_prepare(db, "SELECT id, ?2 FROM t WHERE id = ?1", &w);
	db_begin(db, &w);
	for (i = 0; i < N; i++) {
		db_bind_int(insert, 1, 200 + i);
		right += db_send(insert, &w) == 0;
		db_bind_int(s, 1, 200 + i);
		db_bind_int(s, 2, 1);
		a[i] = db_ask(s);
	}
	ok(right == N && (a[0] == NULL) == lite, "asked");
	right = answered(db, a[3], 203, &w) == 203;
	for (i = 0; db_receive(db, &changes, &w) == 1;)
		i += changes == 1;
	ok(i == N, "what was sent in between has its answers");
	for (i = N - 1; i >= 10; i--)
		right += answered(db, a[i], 200 + i, &w) == 200 + i;
	ok(right == 11, "answers are taken in any order");
	for (i = 0; i < 10; i++)
		if (i != 3)
			db_forgo(a[i]);
	db_rollback(db);
	s = db_prepare(db, "SELECT id, ?2 FROM t WHERE id = ?1", &w);
	db_bind_int(s, 1, 200);
	db_bind_int(s, 2, 1);
	a[0] = db_ask(s);
	ok(answered(db, a[0], 200, &w) == -1, "and are of their own time");
	for (i = 0; i < 2; i++) {
		db_bind_int(s, 1, 200);
		a[i] = db_ask(s);
	}
	db_forgo(a[0]);
	ok(db_exec(db, "SELECT 1", &w) == 0, "another thing comes first");
	db_forgo(a[1]);
	db_close(db);
}

/* The subset of SQL means the same everywhere. */
static void
dialect(void)
{
	static const char *const script[] = {
		"CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
		"INSERT INTO a (name) VALUES ('?1 TEXT');",
		NULL
	};
	static const struct db_schema own = { .application = "mdm dialect",
		.step = script };
	static const char *const names[] = { "b", "B", "a-b", "a.b", "ab", "~",
		"" };
	static const char *const sorted[] = { "", "?1 TEXT", "B", "a-b", "a.b",
		"ab", "b", "~" };
	struct why w = { 0 };
	struct db *db;
	struct db_stmt *s;
	int i;

	db = db_open(
	    lite ? "sqlite:dialect" : getenv("PG_DIALECT"), &own, true, &w);
	ok(db != NULL, "a key that the database numbers");
	if (db == NULL)
		return;
	s = db_prepare(db, "INSERT INTO a (name) VALUES (?1) RETURNING id", &w);
	for (i = 0; i < 7; i++) {
		db_bind_text(s, 1, names[i]);
		ok(db_step(s, &w) == 1 && db_int(s, 0) == i + 2, "numbered");
		ok(db_run(s, &w) == 0, "to its end");
	}
	s = db_prepare(db, "SELECT name FROM a ORDER BY name", &w);
	for (i = 0; i < 8; i++)
		ok(db_step(s, &w) == 1 && strcmp(db_text(s, 0), sorted[i]) == 0,
		    "text sorts by its bytes");
	ok(db_step(s, &w) == 0, "and that was all");
	s = db_prepare(db, "UPDATE a SET id = ?2 WHERE name = ?1", &w);
	db_bind_text(s, 1, "ab");
	db_bind_int(s, 2, -9000000000000000000LL);
	ok(db_run(s, &w) == 0 && db_changes(db) == 1, "a large number");
	s = db_prepare(db, "SELECT MIN(id), MAX(id) < 0, 7 FROM a", &w);
	ok(db_step(s, &w) == 1 && db_int(s, 0) == -9000000000000000000LL &&
		db_int(s, 1) == 0 && db_int(s, 2) == 7,
	    "comes back");
	db_close(db);
}

static void
schemas(void)
{
	struct why w = { 0 };
	struct db *db;

	ok(db_open(url, &other, true, &w) == NULL && w.code == EXIT_DATA,
	    "another application's database is refused");
	ok(db_open(url, &v3, true, &w) == NULL, "a step that fails");
	ok((db = db_open(url, &v2, false, &w)) != NULL, "leaves version 2");
	ok(db_exec(db, "INSERT INTO u VALUES (77)", &w) == -1,
	    "foreign keys are enforced");
	ok(db_exec(db, "UPDATE t SET more = 'x'", &w) == 0, "migrated");
	db_close(db);
	ok(db_open(url, &v1, true, &w) == NULL && w.code == EXIT_DATA &&
		strstr(w.text, "newer") != NULL,
	    "a newer schema is refused");
	if (!lite)
		return;
	ok(db_open("sqlite:none/x", &v1, false, &w) == NULL &&
		w.code == EXIT_IO && access("none", F_OK) < 0,
	    "a missing database is not made unasked");
	ok(db_open("oracle:x", &v1, true, &w) == NULL && w.code == EXIT_USAGE,
	    "an unknown engine");
	ok(db_open("sqlite:", &v1, true, &w) == NULL && w.code == EXIT_USAGE,
	    "no path");
	ok((db = db_open("sqlite::memory:", &v1, true, &w)) != NULL &&
		access(":memory:", F_OK) == 0,
	    "no name is special");
	db_close(db);
}

static void
trouble(void)
{
	struct why w = { 0 };
	struct db *a = db_open(url, &v2, false, &w), *b;
	struct db_stmt *s;
	FILE *f;

	setenv("MDM_LOCK_WAIT", "0.01", 1);
	b = db_open(url, &v2, false, &w);
	ok(b != NULL, "two handles");
	db_begin(a, &w);
	ok(db_begin(b, &w) == -1 && w.code == EXIT_RETRY &&
		strstr(w.text, url) != NULL,
	    "a lock is waited for, then 75 with the name");
	db_rollback(a);
	ok(db_begin(b, &w) == 0 && db_commit(b, &w) == 0, "and goes");
	s = db_prepare(a, "SELECT id FROM t ORDER BY id", &w);
	ok(db_step(s, &w) == 1 &&
		db_exec(b, "UPDATE t SET note = 'y'", &w) == 0 &&
		db_begin(a, &w) == 0 &&
		db_exec(a, "UPDATE t SET note = 'z'", &w) == 0 &&
		db_commit(a, &w) == 0,
	    "a result left unread does not keep us from writing");
	ok(db_exec(b, "DELETE FROM t", &w) == 0 && db_scrub(b, &w) == 0,
	    "scrub");
	db_close(a);
	db_close(b);
	if (!lite)
		return;
	f = fopen("a/b/test.sqlite", "r+");
	fputs("not a database at all", f);
	fclose(f);
	ok(db_open(url, &v2, false, &w) == NULL && w.code == EXIT_DATA,
	    "a corrupt database is 65");
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/unit-db-XXXXXX", cmd[64];

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 1;
	if (argc > 1) {
		url = argv[1];
		lite = false;
	}
	rows();
	sending();
	asking();
	dialect();
	schemas();
	trouble();
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	if (system(cmd) != 0)
		return 1;
	return done_testing();
}
