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
static const struct db_schema v1 = { "mdm test", one },
			      v2 = { "mdm test", two };
static const struct db_schema v3 = { "mdm test", broken };
static const struct db_schema other = { "mdm other", one };

#define URL "sqlite:a/b/test.sqlite"

static void
rows(void)
{
	struct why w = { 0 };
	struct db *db = db_open(URL, &v1, true, &w);
	struct db_stmt *s;
	const void *p;
	struct stat st;
	size_t n;
	int i;

	ok(db != NULL, "a database is made, with its directories");
	ok(stat("a/b/test.sqlite", &st) == 0 && (st.st_mode & 0777) == 0600,
	    "nobody else may read it");
	ok(stat("a", &st) == 0 && (st.st_mode & 0777) == 0700,
	    "nor its directory");
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

static void
schemas(void)
{
	struct why w = { 0 };
	struct db *db;

	ok(db_open(URL, &other, true, &w) == NULL && w.code == EXIT_DATA,
	    "another application's database is refused");
	ok(db_open(URL, &v3, true, &w) == NULL, "a step that fails");
	ok((db = db_open(URL, &v2, false, &w)) != NULL, "leaves version 2");
	ok(db_exec(db, "INSERT INTO u VALUES (77)", &w) == -1,
	    "foreign keys are enforced");
	ok(db_exec(db, "UPDATE t SET more = 'x'", &w) == 0, "migrated");
	db_close(db);
	ok(db_open(URL, &v1, true, &w) == NULL && w.code == EXIT_DATA &&
		strstr(w.text, "newer") != NULL,
	    "a newer schema is refused");
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
	struct db *a = db_open(URL, &v2, false, &w), *b;
	struct db_stmt *s;
	FILE *f;

	setenv("MDM_LOCK_WAIT", "0.01", 1);
	b = db_open(URL, &v2, false, &w);
	ok(b != NULL, "two handles");
	db_begin(a, &w);
	ok(db_begin(b, &w) == -1 && w.code == EXIT_RETRY &&
		strstr(w.text, URL) != NULL,
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
	f = fopen("a/b/test.sqlite", "r+");
	fputs("not a database at all", f);
	fclose(f);
	ok(db_open(URL, &v2, false, &w) == NULL && w.code == EXIT_DATA,
	    "a corrupt database is 65");
}

int
main(void)
{
	char dir[] = "/tmp/unit-db-XXXXXX", cmd[64];

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 1;
	rows();
	schemas();
	trouble();
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	if (system(cmd) != 0)
		return 1;
	return done_testing();
}
