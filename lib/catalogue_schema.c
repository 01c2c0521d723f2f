/* The catalogue's tables, and how older ones are brought up to date. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"

/*
 * BYTEA holds bytes in PostgreSQL, and in SQLite, to which it is only a name.
 * entry.type is 'd', 'f' or 'l'; status '-' (online) or 'm' (nearline,
 * "migrated"); replica.status N, since step 3, a source to recall from.
 */
static const char *const steps[] = {
	"CREATE TABLE principal ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE);"

	"CREATE TABLE entry ("
	" id INTEGER PRIMARY KEY,"
	" parent BIGINT NOT NULL,"
	" name TEXT NOT NULL,"
	" type TEXT NOT NULL,"
	" mode BIGINT NOT NULL,"
	" owner BIGINT NOT NULL,"
	" grp BIGINT NOT NULL,"
	" atime BIGINT NOT NULL,"
	" mtime BIGINT NOT NULL,"
	" ctime BIGINT NOT NULL,"
	" status TEXT,"
	" gen BIGINT,"
	" guid BYTEA UNIQUE,"
	" size BIGINT,"
	" sha256 BYTEA,"
	" adler32 BIGINT,"
	" plain BYTEA,"
	" signer TEXT,"
	" sig TEXT,"
	" profile TEXT,"
	" modality TEXT,"
	" pseudonym TEXT,"
	" comment TEXT,"
	" record TEXT,"
	" meta TEXT,"
	" UNIQUE (parent, name));"

	"CREATE TABLE replica ("
	" id INTEGER PRIMARY KEY,"
	" entry BIGINT NOT NULL,"
	" surl TEXT NOT NULL UNIQUE,"
	" status TEXT NOT NULL," /* - available, P populated, D deleted */
	" f_type TEXT NOT NULL," /* V volatile, D durable, P permanent */
	" r_type TEXT NOT NULL," /* P primary, S secondary */
	" setname TEXT,"
	" accesses BIGINT NOT NULL,"
	" atime BIGINT NOT NULL,"
	" ptime BIGINT NOT NULL);"
	"CREATE INDEX replica_entry ON replica (entry);"

	"CREATE TABLE lease ("
	" id TEXT PRIMARY KEY,"
	" start BIGINT NOT NULL,"
	" expires BIGINT NOT NULL,"
	" host TEXT NOT NULL,"
	" pid BIGINT NOT NULL);"

	"INSERT INTO principal VALUES (1, 'root');"
	"INSERT INTO entry (id, parent, name, type, mode, owner, grp, atime,"
	" mtime, ctime) VALUES (1, 0, '-', 'd', 493, 1, 1, 0, 0, 0)",

	/*
	 * 2.  What the objects of a series have in common is kept once, in
	 * facts, and searched there: fields is their part of a manifest line,
	 * sorted; prefix, all of the signed NAME but its last component; sop
	 * 1 if the field sop equals that component.
	 *
	 * An available replica at a storage's own place for the GUID,
	 * home.name/aa/GUID, is only mentioned in the entry (home): an object
	 * is then one row, and no index holds long URLs.  Other replicas are
	 * rows of replica; more is how many.
	 *
	 * A signature is kept as bytes.  An ACL is kept once, too.
	 */
	"CREATE TABLE acl ("
	" id INTEGER PRIMARY KEY,"
	" digest TEXT NOT NULL UNIQUE," /* SHA-256 */
	" text TEXT NOT NULL);"
	"CREATE TABLE home ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE facts ("
	" id INTEGER PRIMARY KEY,"
	" digest TEXT NOT NULL UNIQUE," /* SHA-256 of all of them */
	" prefix TEXT,"
	" sop BIGINT NOT NULL,"
	" fields TEXT NOT NULL,"
	" study TEXT,"
	" series TEXT,"
	" modality TEXT,"
	" body_part TEXT,"
	" study_date TEXT,"
	" pseudonym TEXT,"
	" profile TEXT,"
	" signer TEXT);"
	"CREATE INDEX facts_study ON facts (study, id);"
	"CREATE INDEX facts_series ON facts (series, id);"
	"CREATE INDEX facts_modality ON facts (modality, id);"
	"CREATE INDEX facts_body_part ON facts (body_part, id);"
	"CREATE INDEX facts_study_date ON facts (study_date, id);"
	"CREATE INDEX facts_pseudonym ON facts (pseudonym, id);"
	"CREATE INDEX lease_expires ON lease (expires);"
	"CREATE TABLE serial (n BIGINT NOT NULL);"
	"INSERT INTO serial VALUES (1);"
	"CREATE TABLE mark ("
	" id TEXT PRIMARY KEY,"
	" made BIGINT NOT NULL);"
	"ALTER TABLE replica ADD COLUMN host TEXT;"
	"ALTER TABLE entry RENAME TO entry1;"
	"CREATE TABLE entry ("
	" id INTEGER PRIMARY KEY,"
	" parent BIGINT NOT NULL,"
	" type TEXT NOT NULL,"
	" name TEXT NOT NULL,"
	" mode BIGINT NOT NULL,"
	" owner BIGINT NOT NULL,"
	" grp BIGINT NOT NULL,"
	" acl BIGINT,"
	" atime BIGINT NOT NULL,"
	" mtime BIGINT NOT NULL,"
	" ctime BIGINT NOT NULL,"
	" comment TEXT,"
	" target TEXT,"
	" status TEXT,"
	" gen BIGINT,"
	" size BIGINT,"
	" adler32 BIGINT,"
	" guid BYTEA,"
	" sha256 BYTEA,"
	" plain BYTEA,"
	" sig BYTEA,"
	" facts BIGINT,"
	" home BIGINT,"
	" more BIGINT,"
	" record TEXT,"
	" meta TEXT);"
	"CREATE UNIQUE INDEX entry_name ON entry (parent, name);"
	"CREATE UNIQUE INDEX entry_guid ON entry (guid);"
	"CREATE INDEX entry_facts ON entry (facts, id)",

	/*
	 * 3.  The queue of files to be recalled: catalogue_recall.h.  state is
	 * 'q' queued, 't' taken, 'o' online, 'f' failed, 'c' cancelled; study
	 * the directory above that of the entry, what is fetched together;
	 * expires, of a taken one, its taker's time, of a queued one when it
	 * may be tried again; gen the generation that a recall made.
	 */
	"CREATE TABLE recall ("
	" entry BIGINT PRIMARY KEY,"
	" site TEXT NOT NULL,"
	" study BIGINT NOT NULL,"
	" state TEXT NOT NULL,"
	" priority BIGINT NOT NULL,"
	" asked BIGINT NOT NULL,"
	" changed BIGINT NOT NULL,"
	" expires BIGINT NOT NULL,"
	" tries BIGINT NOT NULL,"
	" gen BIGINT,"
	" taker TEXT,"
	" reason TEXT);"
	"CREATE INDEX recall_queue ON recall"
	" (state, site, priority DESC, asked, entry);"
	"CREATE INDEX recall_study ON recall (study, state);"
	"CREATE INDEX recall_changed ON recall (state, site, changed, entry);"
	"CREATE INDEX recall_taker ON recall (taker, state, entry);"
	"CREATE TABLE recall_asker ("
	" entry BIGINT NOT NULL,"
	" owner BIGINT NOT NULL,"
	" asked BIGINT NOT NULL,"
	" PRIMARY KEY (entry, owner))",
	NULL
};

/* ---- from 1 to 2: what a script cannot do ---- */

#define PAGE 1000

/* The signed NAME of an old entry: kept, or the last three of its LFN. */
static int
old_name(struct catalogue *c, struct db_stmt *s, struct line *l, struct why *w)
{
	char lfn[LFN_WORD + 1], *p;
	int slashes = 0;

	if (db_text(s, 23) != NULL) {
		line_set_name_word(l, db_text(s, 23));
		return 0;
	}
	if (dir_word(c, db_int(s, 1), lfn, sizeof lfn, w) < 0 ||
	    path_append(lfn, sizeof lfn, db_text(s, 3), w) < 0)
		return -1;
	for (p = lfn + strlen(lfn); p > lfn && slashes < 3;)
		if (*--p == '/')
			slashes++;
	line_set_name_word(l, p + 1);
	return 0;
}

/* What was in columns and in meta, as a line. */
static int
old_line(struct catalogue *c, struct db_stmt *s, struct line *l, struct why *w)
{
	static const struct {
		int col;
		const char *key;
	} columns[] = { { 17, "by" }, { 18, "sig" }, { 19, "profile" },
		{ 20, "modality" }, { 21, "pseudonym" } };
	char *meta, *field, *save, *eq;
	size_t i;

	line_reset(l);
	if (old_name(c, s, l, w) < 0)
		return -1;
	for (i = 0; i < sizeof columns / sizeof *columns; i++)
		if (db_text(s, columns[i].col) != NULL)
			line_set_word(
			    l, columns[i].key, db_text(s, columns[i].col));
	if (db_text(s, 24) == NULL)
		return 0;
	if ((meta = strdup(db_text(s, 24))) == NULL)
		die(EXIT_IO, "out of memory");
	for (field = strtok_r(meta, "\t", &save); field != NULL;
	     field = strtok_r(NULL, "\t", &save))
		if ((eq = strchr(field, '=')) != NULL) {
			*eq = '\0';
			line_set_word(l, field, eq + 1);
		}
	free(meta);
	return 0;
}

static void
copy_column(struct db_stmt *to, int i, struct db_stmt *from, int col)
{
	size_t n;
	const void *p = db_blob(from, col, &n);

	if (db_is_null(from, col))
		db_bind_text(to, i, NULL);
	else
		db_bind_blob(to, i, p, n);
}

static void
copy_number(struct db_stmt *to, int i, struct db_stmt *from, int col)
{
	if (db_is_null(from, col))
		db_bind_text(to, i, NULL);
	else
		db_bind_int(to, i, db_int(from, col));
}

/* One entry of version 1, in the columns' order there, becomes one of 2. */
static int
copy_entry(
    struct catalogue *c, struct db_stmt *s, struct line *l, struct why *w)
{
	static const char insert[] =
	    "INSERT INTO entry (id, parent, name, type, mode, owner, grp,"
	    " atime, mtime, ctime, status, gen, guid, size, sha256, adler32,"
	    " plain, comment, sig, facts, record, meta, more)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	    " ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,"
	    " (SELECT COUNT(*) FROM replica WHERE entry = ?1))";
	bool file = strcmp(db_text(s, 2), "f") == 0;
	char meta[LINE_MAX_BYTES];
	unsigned char sig[64];
	struct db_stmt *to;
	long long facts = 0;
	int i;

	if (file &&
	    (old_line(c, s, l, w) < 0 || (facts = facts_id(c, l, w)) < 0))
		return -1;
	if ((to = db_prepare(c->db, insert, w)) == NULL)
		return -1;
	for (i = 0; i < 17; i++)
		if (i == 12 || i == 14 || i == 16)
			copy_column(to, i + 1, s, i);
		else if (i == 2 || i == 3 || i == 10)
			db_bind_text(to,
			    i == 2   ? 4
			    : i == 3 ? 3
				     : 11,
			    db_text(s, i));
		else
			copy_number(to, i + 1, s, i);
	db_bind_text(to, 18, db_text(s, 22));
	for (i = 19; i <= 22; i++)
		db_bind_text(to, i, NULL);
	if (file) {
		if (line_meta(l, meta, sig))
			db_bind_blob(to, 19, sig, sizeof sig);
		db_bind_int(to, 20, facts);
		if (!facts_name(l->name, db_text(s, 3)))
			db_bind_text(to, 21, l->name);
		db_bind_text(to, 22, meta[0] ? meta : NULL);
	}
	return run1(to, w);
}

/* Parents have lower numbers than what is in them: they come first. */
static int
from_1(struct catalogue *c, struct why *w)
{
	struct db_stmt *s;
	struct line l;
	long long last = 0;
	int n, got = 0;

	line_init(&l, false);
	do {
		s = db_prepare(c->db,
		    "SELECT id, parent, type, name, mode, owner, grp, atime,"
		    " mtime, ctime, status, gen, guid, size, sha256, adler32,"
		    " plain, signer, sig, profile, modality, pseudonym,"
		    " comment, record, meta FROM entry1 WHERE id > ?1"
		    " ORDER BY id LIMIT 1000",
		    w);
		if (s == NULL)
			return -1;
		db_bind_int(s, 1, last);
		for (n = 0; (got = db_step(s, w)) > 0; n++) {
			last = db_int(s, 0);
			if (copy_entry(c, s, &l, w) < 0) {
				got = -1;
				break;
			}
		}
		db_reset(s);
	} while (got == 0 && n == PAGE);
	line_free(&l);
	return got < 0 ? -1 : db_exec(c->db, "DROP TABLE entry1", w);
}

static int
upgrade(struct db *db, long long version, struct why *w)
{
	struct catalogue *c;
	int r;

	if (version != 2)
		return 0;
	if ((c = calloc(1, sizeof *c)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	c->db = db;
	r = from_1(c, w);
	names_forget(c, true);
	facts_forget(c);
	free(c);
	return r;
}

const struct db_schema catalogue_schema = {
	.application = "mdm catalogue",
	.step = steps,
	.upgrade = upgrade,
};
