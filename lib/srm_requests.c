#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"
#include "srm_requests.h"
#include "word.h"

/* stage is srm_stage.c's. */
static const char *const steps[] = {
	"CREATE TABLE request ("
	" token TEXT PRIMARY KEY,"
	" kind BIGINT NOT NULL,"
	" owner TEXT NOT NULL,"
	" made BIGINT NOT NULL,"
	" until BIGINT NOT NULL,"
	" over BIGINT NOT NULL);"
	"CREATE INDEX request_until ON request (until);"

	"CREATE TABLE file ("
	" token TEXT NOT NULL,"
	" n BIGINT NOT NULL,"
	" surl TEXT NOT NULL,"
	" path TEXT NOT NULL,"
	" state BIGINT NOT NULL,"
	" code BIGINT NOT NULL,"
	" why TEXT NOT NULL,"
	" ticket TEXT NOT NULL,"
	" size BIGINT NOT NULL,"
	" turl TEXT NOT NULL,"
	" temp TEXT NOT NULL,"
	" inode BIGINT NOT NULL,"
	" PRIMARY KEY (token, n));"
	"CREATE INDEX file_path ON file (path);"

	"CREATE TABLE stage ("
	" id INTEGER PRIMARY KEY,"
	" path TEXT NOT NULL,"
	" state BIGINT NOT NULL,"
	" why TEXT NOT NULL,"
	" made BIGINT NOT NULL);"
	"CREATE INDEX stage_state ON stage (state, id);"
	"CREATE INDEX stage_path ON stage (path);",
	NULL,
};

const struct db_schema srm_schema = { "mdm srm", steps, NULL };

struct srm_requests {
	struct db *db;
};

struct srm_requests *
srm_requests_open(const char *url, bool create, struct why *w)
{
	struct srm_requests *r = calloc(1, sizeof *r);

	if (r == NULL)
		die(EXIT_IO, "out of memory");
	if ((r->db = db_open(url, &srm_schema, create, w)) != NULL)
		return r;
	free(r);
	return NULL;
}

void
srm_requests_close(struct srm_requests *r)
{
	if (r == NULL)
		return;
	db_close(r->db);
	free(r);
}

void
srm_file_free(struct srm_file *f)
{
	free(f->surl);
	free(f->path);
	free(f->why);
	free(f->ticket);
	free(f->turl);
	free(f->temp);
	*f = (struct srm_file){ 0 };
}

void
srm_files_free(struct srm_file *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		srm_file_free(&f[i]);
	free(f);
}

void
srm_token(char token[SRM_TOKEN])
{
	unsigned char raw[16];

	secret_random(raw, sizeof raw);
	hex_encode(token, raw, sizeof raw);
}

int
srm_requests_ping(struct srm_requests *r, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(r->db, "SELECT 1 FROM request WHERE token = 'x'", w);

	return s == NULL ? -1 : db_step(s, w) < 0 ? -1 : (db_reset(s), 0);
}

static const char *
text(const char *t)
{
	return t ? t : "";
}

static int
add_file(struct srm_requests *r, const char *token, const struct srm_file *f,
    struct why *w)
{
	struct db_stmt *s = db_prepare(r->db,
	    "INSERT INTO file (token, n, surl, path, state, code, why, ticket,"
	    " size, turl, temp, inode) VALUES"
	    " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	    w);

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, token);
	db_bind_int(s, 2, f->n);
	db_bind_text(s, 3, text(f->surl));
	db_bind_text(s, 4, text(f->path));
	db_bind_int(s, 5, f->state);
	db_bind_int(s, 6, f->code);
	db_bind_text(s, 7, text(f->why));
	db_bind_text(s, 8, text(f->ticket));
	db_bind_int(s, 9, f->size);
	db_bind_text(s, 10, text(f->turl));
	db_bind_text(s, 11, text(f->temp));
	db_bind_int(s, 12, (long long)f->inode);
	return db_run(s, w);
}

static int
add_all(struct srm_requests *r, const struct srm_request *q,
    const struct srm_file *f, size_t n, struct why *w)
{
	struct db_stmt *s = db_prepare(r->db,
	    "INSERT INTO request (token, kind, owner, made, until, over)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	    w);
	size_t i;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, q->token);
	db_bind_int(s, 2, q->kind);
	db_bind_text(s, 3, q->owner);
	db_bind_int(s, 4, q->made);
	db_bind_int(s, 5, q->until);
	db_bind_int(s, 6, q->over);
	if (db_run(s, w) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (add_file(r, q->token, &f[i], w) < 0)
			return -1;
	return 0;
}

int
srm_requests_add(struct srm_requests *r, struct srm_request *q,
    const struct srm_file *f, size_t n, struct why *w)
{
	if (q->token[0] == '\0')
		srm_token(q->token);
	if (db_begin(r->db, w) < 0)
		return -1;
	if (add_all(r, q, f, n, w) == 0)
		return db_commit(r->db, w);
	db_rollback(r->db);
	return -1;
}

static char *
copy(struct db_stmt *s, int col)
{
	char *t = strdup(text(db_text(s, col)));

	if (t == NULL)
		die(EXIT_IO, "out of memory");
	return t;
}

static int
get_files(struct srm_requests *r, const char *token, struct srm_file **f,
    size_t *n, struct why *w)
{
	struct db_stmt *s = db_prepare(r->db,
	    "SELECT n, surl, path, state, code, why, ticket, size, turl, temp,"
	    " inode FROM file WHERE token = ?1 ORDER BY n",
	    w);
	size_t room = 0;
	int got = -1;

	*f = NULL;
	*n = 0;
	if (s == NULL)
		return -1;
	db_bind_text(s, 1, token);
	while ((got = db_step(s, w)) > 0) {
		if (*n == room) {
			room = room ? 2 * room : 16;
			*f = reallocarray(*f, room, sizeof **f);
			if (*f == NULL)
				die(EXIT_IO, "out of memory");
		}
		(*f)[(*n)++] = (struct srm_file){
			.n = db_int(s, 0),
			.surl = copy(s, 1),
			.path = copy(s, 2),
			.state = (enum srm_state)db_int(s, 3),
			.code = (int)db_int(s, 4),
			.why = copy(s, 5),
			.ticket = copy(s, 6),
			.size = db_int(s, 7),
			.turl = copy(s, 8),
			.temp = copy(s, 9),
			.inode = (unsigned long long)db_int(s, 10),
		};
	}
	if (got == 0)
		return 0;
	srm_files_free(*f, *n);
	*f = NULL;
	*n = 0;
	return -1;
}

int
srm_requests_get(struct srm_requests *r, const char *token,
    struct srm_request *q, struct srm_file **f, size_t *n, struct why *w)
{
	struct db_stmt *s = db_prepare(r->db,
	    "SELECT kind, owner, made, until, over FROM request"
	    " WHERE token = ?1",
	    w);
	int got;

	*q = (struct srm_request){ 0 };
	if (s == NULL)
		return -1;
	if (strlen(token) >= sizeof q->token)
		return 0;
	db_bind_text(s, 1, token);
	if ((got = db_step(s, w)) <= 0)
		return got;
	strcpy(q->token, token);
	q->kind = (enum srm_kind)db_int(s, 0);
	q->owner = copy(s, 1);
	q->made = db_int(s, 2);
	q->until = db_int(s, 3);
	q->over = db_int(s, 4) != 0;
	db_reset(s);
	if (get_files(r, token, f, n, w) == 0)
		return 1;
	free(q->owner);
	return -1;
}

int
srm_requests_begin(struct srm_requests *r, struct why *w)
{
	return db_begin(r->db, w);
}

int
srm_requests_commit(struct srm_requests *r, struct why *w)
{
	return db_commit(r->db, w);
}

void
srm_requests_rollback(struct srm_requests *r)
{
	db_rollback(r->db);
}

int
srm_requests_set(struct srm_requests *r, const char *token,
    const struct srm_file *f, struct why *w)
{
	struct db_stmt *s = db_prepare(r->db,
	    "UPDATE file SET state = ?3, code = ?4, why = ?5, inode = ?6"
	    " WHERE token = ?1 AND n = ?2",
	    w);

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, token);
	db_bind_int(s, 2, f->n);
	db_bind_int(s, 3, f->state);
	db_bind_int(s, 4, f->code);
	db_bind_text(s, 5, text(f->why));
	db_bind_int(s, 6, (long long)f->inode);
	return db_run(s, w);
}

int
srm_requests_release(
    struct srm_requests *r, const char *owner, const char *path, struct why *w)
{
	struct db_stmt *s = db_prepare(r->db,
	    "UPDATE file SET state = ?3 WHERE path = ?2 AND state = ?4 AND"
	    " token IN (SELECT token FROM request WHERE owner = ?1 AND"
	    " kind <> ?5)",
	    w);

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, owner);
	db_bind_text(s, 2, path);
	db_bind_int(s, 3, SRM_RELEASED);
	db_bind_int(s, 4, SRM_OPEN);
	db_bind_int(s, 5, SRM_PUT);
	return db_run(s, w);
}

int
srm_requests_ended(
    struct srm_requests *r, long long now, char token[SRM_TOKEN], struct why *w)
{
	struct db_stmt *s = db_prepare(r->db,
	    "SELECT token FROM request WHERE until < ?1 ORDER BY until LIMIT 1",
	    w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, now);
	if ((got = db_step(s, w)) <= 0)
		return got;
	snprintf(token, SRM_TOKEN, "%s", text(db_text(s, 0)));
	db_reset(s);
	return 1;
}

int
srm_requests_forget(struct srm_requests *r, const char *token, struct why *w)
{
	static const char *const sql[] = {
		"DELETE FROM file WHERE token = ?1",
		"DELETE FROM request WHERE token = ?1",
	};
	unsigned i;

	if (db_begin(r->db, w) < 0)
		return -1;
	for (i = 0; i < 2; i++) {
		struct db_stmt *s = db_prepare(r->db, sql[i], w);

		if (s != NULL)
			db_bind_text(s, 1, token);
		if (s == NULL || db_run(s, w) < 0) {
			db_rollback(r->db);
			return -1;
		}
	}
	return db_commit(r->db, w);
}
