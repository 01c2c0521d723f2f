/*
 * catalogue: what its callers rely on and no command shows, and how every
 * statement that it prepares is planned by SQLite (tests/postgres.t looks at
 * PostgreSQL's plans).
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue_impl.h"
#include "catalogue_recall.h"
#include "db_engine.h"
#include "find.h"
#include "tap.h"

#define LINES 2400 /* in 12 series, with a page and more in one directory */

static struct catalogue *c;
static struct why w;

/* Line i of generation gen; every 7th has a second replica. */
static void
fill(struct line *l, int i, int gen, const char *lease)
{
	char text[1024], second[64] = "";
	const char *wrong;
	int n, g = i + gen * 100000;

	if (i % 7 == 0)
		snprintf(second, sizeof second, "\tsurl.2=file:/b/%d", g);
	n = snprintf(text, sizeof text,
	    "S%d/T%d/o%d\tsize=%d\tguid=%032x\tsha256=%064x\tplain=%064x"
	    "\tsurl=file:/a/%02x/%032x%s\tgen=%d\tlease=%s\tmodality=%s"
	    "\tstudy-date=20%02d0101\tstudy=S%d\tseries=T%d\tsop=o%d\n",
	    i % 3, i % 12, i, 100 + i, (unsigned)g, (unsigned)g, (unsigned)g,
	    0U, (unsigned)g, second, gen, lease, i % 12 ? "CT" : "MR", i % 12,
	    i % 3, i % 12, i);
	wrong = line_parse(l, text, (size_t)n);
	if (wrong != NULL) {
		printf("# %s\n", wrong);
		exit(1);
	}
}

static int refusals;

static void
refused(void *arg, const struct line *l, const struct why *why)
{
	(void)arg;
	if (refusals++ == 0)
		printf("# %s: %s\n", l->name, why->text);
}

static int
registered(int n, int gen, enum catalogue_how want)
{
	static struct line l[LINES];
	static enum catalogue_how how[LINES];
	static const char lease[] = "0123456789abcdef0123456789abcdef";
	int i, all = 1;

	refusals = 0;
	for (i = 0; i < n; i++) {
		line_init(&l[i], false);
		fill(&l[i], i, gen, lease);
		how[i] = CATALOGUE_NEW;
	}
	if (catalogue_begin(c, &w) < 0 ||
	    catalogue_lease_keep(c, lease, 60, true, &w) < 0 ||
	    catalogue_register_all(c, l, n, how, refused, NULL, &w) < 0 ||
	    catalogue_lease_end(c, lease, &w) < 0 ||
	    catalogue_commit(c, &w) < 0)
		return 0;
	for (i = 0; i < n; i++) {
		if (how[i] != want)
			all = 0;
		line_free(&l[i]);
	}
	return all && refusals == 0;
}

/* ---- walks that are interrupted ---- */

struct place {
	char at[LFN_WORD + 2];
	int stop_after, n;
	unsigned long files, directories;
};

static int
visit(void *arg, const char *dir, const struct catalogue_entry *e,
    struct why *why)
{
	struct place *p = arg;

	(void)why;
	p->files += e != NULL && e->type == 'f';
	p->directories += e == NULL;
	snprintf(p->at, sizeof p->at, "%s/%s", strcmp(dir, "/") ? dir : "",
	    e ? e->name : "");
	return p->stop_after > 0 && ++p->n % p->stop_after == 0;
}

/* Walk all, stopping after each so many visits: files and directories seen. */
static void
walked(int stop_after, struct place *p)
{
	char after[sizeof p->at];
	int before;

	memset(p, 0, sizeof *p);
	p->stop_after = stop_after;
	do {
		before = p->n;
		strcpy(after, p->at);
		if (catalogue_walk(c, "/grid/mdm", true,
			after[0] ? after : NULL,
			stop_after ? (unsigned)stop_after : 1000, visit, p,
			&w) != 1)
			p->files = 0;
	} while (stop_after > 0 && p->n > before && p->n % stop_after == 0);
}

static int
found(void *arg, const char *dir, const struct catalogue_entry *e,
    struct why *why)
{
	struct place *p = arg;

	(void)dir;
	(void)e;
	(void)why;
	p->files++;
	catalogue_find_at(c, p->at);
	return p->stop_after > 0 && ++p->n % p->stop_after == 0;
}

static unsigned long
searched(const char *expression, int stop_after)
{
	struct place p = { .stop_after = stop_after };
	struct find *f = malloc(sizeof *f);
	char after[CATALOGUE_FOUND] = "";
	int before;

	if (f == NULL || find_parse(f, expression, &w) < 0)
		exit(1);
	do {
		before = p.n;
		if (catalogue_find(
			c, "/", f, after[0] ? after : NULL, found, &p, &w) < 0)
			return 0;
		memcpy(after, p.at, sizeof after);
	} while (stop_after > 0 && p.n > before && p.n % stop_after == 0);
	free(f);
	return p.files;
}

static void
reads(void)
{
	struct place whole, parts;
	int i;

	walked(0, &whole);
	ok(whole.files == LINES && whole.directories == 16, "a walk sees all");
	for (i = 1; i < 1500; i += 1 + i * 3) {
		walked(i, &parts);
		ok(parts.files == whole.files &&
			parts.directories == whole.directories,
		    "in pieces it sees each once");
	}
	ok(searched("modality=MR", 0) == LINES / 12, "a search");
	ok(searched("not study-date<20060101", 0) == LINES / 2, "a range");
	for (i = 1; i < 500; i += 1 + i * 4) {
		ok(searched("modality=CT and size>=100", i) == LINES / 12 * 11,
		    "in pieces it finds each once");
		ok(searched("study-date=2001..2007", i) == LINES / 2,
		    "along an index, too");
	}
}

/* ---- replicas in pages, of several storages ---- */

/* Another place for the objects whose number is a multiple of 5. */
static void
more_replicas(void)
{
	char surl[100], lfn[64];
	struct catalogue_copy r = { .surl = surl };
	int i, all = 1;

	if (catalogue_begin(c, &w) < 0)
		exit(1);
	for (i = 0; i < LINES; i += 5) {
		snprintf(surl, sizeof surl, "file:/a/%02x/%032x%s", 0U,
		    (unsigned)(i + 100000), i % 2 ? "x" : ".bak");
		snprintf(
		    lfn, sizeof lfn, "/grid/mdm/S%d/T%d/o%d", i % 3, i % 12, i);
		all = all && catalogue_replica_add(c, lfn, NULL, &r, &w) == 1;
		/* One that is at home becomes a row, in the same order. */
		if (i % 10 == 0) {
			surl[43] = '\0';
			all = all && catalogue_replica_status(
					 c, surl, CATALOGUE_BAD, &w) == 1;
		}
	}
	ok(catalogue_commit(c, &w) == 0 && all, "more replicas, and bad ones");
}

static void
pages(int size)
{
	struct catalogue_replica *page = calloc((size_t)size, sizeof *page);
	char after[SURL_WORD] = "";
	int n, i, total = 0, ordered = 1;

	while (page != NULL &&
	       (n = catalogue_replicas(c, after, "g", page, size, &w)) > 0) {
		for (i = 0; i < n; i++) {
			if (strcmp(page[i].surl, after) <= 0)
				ordered = 0;
			snprintf(after, sizeof after, "%s", page[i].surl);
		}
		total += n;
		catalogue_replicas_free(page, n);
	}
	free(page);
	ok(ordered && total == LINES + (LINES + 6) / 7 + LINES / 5,
	    "replicas come in order, each once");
}

/* ---- everything else, so that its statements are prepared ---- */

static int
one(struct place *p, const char *expression)
{
	p->files = searched(expression, 7);
	return p->files > 0;
}

static int
copy(void *arg, const struct catalogue_copy *r, struct why *why)
{
	(void)arg;
	(void)r;
	(void)why;
	return 0;
}

static void
all_else(void)
{
	static const char *const expressions[] = { "study=S1", "study~S1*",
		"series=T1", "series~T*", "modality~C*", "study-date=20010101",
		"name=o1", "study>=S1 and modality=CT", "not body-part=X",
		"series>=T and study~S*" };
	static unsigned char guids[10][16];
	struct catalogue_replica page[10];
	struct catalogue_copy r = { .surl = "file:/c/x" };
	struct catalogue_entry e;
	struct place p = { .files = 0 };
	char lfn[LFN_WORD];
	const char *home = "file:/a/00/00000000000000000000000000018711";
	unsigned char guid[16] = { [13] = 1, [14] = 0x87, [15] = 0x11 };
	long long oldest, before = catalogue_serial(c, &w);
	size_t i;
	int n;

	for (i = 0; i < sizeof expressions / sizeof *expressions; i++)
		ok(one(&p, expressions[i]), expressions[i]);
	one(&p, "body-part=X");
	one(&p, "body-part~X*");
	one(&p, "pseudonym=X");
	one(&p, "pseudonym~X*");
	n = catalogue_replicas(c, "file:/a/", "file:/a0", page, 10, &w);
	ok(n == 10 && strcmp(page[0].surl, page[9].surl) < 0, "replicas");
	catalogue_replicas_free(page, n);
	ok(catalogue_guids(c, NULL, guids, 10, &w) == 10, "GUIDs");
	ok(catalogue_has_surl(c, home, &w) == 1 &&
		catalogue_surl_lfn(c, home, lfn, sizeof lfn, &w) == 1 &&
		strcmp(lfn, "/grid/mdm/S2/T5/o113") == 0,
	    "whose a replica is");
	ok(catalogue_guid_lfn(c, guid, lfn, sizeof lfn, &w) == 1 &&
		strcmp(lfn, "/grid/mdm/S2/T5/o113") == 0,
	    "whose a GUID is");
	if (catalogue_begin(c, &w) < 0)
		exit(1);
	ok(catalogue_mkdir(c, "/d/e", 0755, true, &w) == 1 &&
		catalogue_link(c, "/d", "/l", &w) == 1 &&
		catalogue_real(c, "/l/e", true, lfn, sizeof lfn, &w) == 0 &&
		strcmp(lfn, "/d/e") == 0,
	    "directories and links");
	ok(catalogue_rename(c, "/grid/mdm/S2/T5/o113", "/d/e/x", &w) == 1 &&
		catalogue_rename(c, "/d/e", "/e", &w) == 1 &&
		catalogue_rename(c, "/d", "/d/d", &w) == -1 &&
		w.code == EXIT_NO,
	    "names");
	ok(catalogue_chmod(c, "/e/x", 0640, &w) == 1 &&
		catalogue_chown(c, "/e/x", "o", "g", &w) == 1 &&
		catalogue_setacl(c, "/e/x", 0644, "user:a:r--%0A", &w) == 1 &&
		catalogue_comment(c, "/e/x", "word", &w) == 1,
	    "rights and a comment");
	ok(catalogue_stat(c, "/e/x", &e, &w) == 1 && e.mode == 0644 &&
		strcmp(e.owner, "o") == 0 && strcmp(e.group, "g") == 0 &&
		e.acl != NULL && strcmp(e.comment, "word") == 0 &&
		catalogue_copies(c, e.id, copy, NULL, &w) == 0,
	    "are there");
	ok(catalogue_replica_add(c, "/e/x", guid, &r, &w) == 1 &&
		catalogue_replica_status(c, "file:/c/x", CATALOGUE_BAD, &w) ==
		    1 &&
		catalogue_replica_status(c, home, CATALOGUE_BAD, &w) == 1 &&
		catalogue_stat(c, "/e/x", &e, &w) == 1 && !e.online &&
		catalogue_replica_status(c, home, CATALOGUE_AVAILABLE, &w) ==
		    1 &&
		catalogue_replica_remove(c, "file:/c/x", &w) == 1,
	    "replicas come, go bad, and go");
	ok(catalogue_mark(c, "m", &w) == 0 &&
		catalogue_has_mark(c, "m", &w) == 1 &&
		catalogue_has_mark(c, "n", &w) == 0,
	    "marks");
	ok(catalogue_lease_oldest(c, &oldest, &w) == 0, "leases");
	ok(catalogue_remove(c, "/e/x", guid, false, 1, NULL, NULL, &w) == 1 &&
		catalogue_remove(c, "/grid", NULL, true, 9, NULL, NULL, &w) ==
		    2,
	    "and all goes");
	ok(catalogue_commit(c, &w) == 0 &&
		catalogue_serial(c, &w) == before + 1,
	    "one serial more for one transaction");
}

/* ---- nearline files ---- */

static int
count_taken(void *arg, const struct line *l, struct why *why)
{
	(void)l, (void)why;
	++*(int *)arg;
	return 0;
}

/* All that is asked of the queue, so that its plans are seen too. */
static void
recalls(void)
{
	static const char text[] = "S/T/near\tsurl=dicom://h/S/T/near\n";
	const char *taker = "0123456789abcdef0123456789abcdef",
		   *lfn = "/grid/mdm/S/T/near";
	struct catalogue_cached at = { 0, 0 };
	struct catalogue_request r;
	enum catalogue_how how;
	struct line l;
	int taken = 0, again = 0, cached = 0;

	line_init(&l, false);
	if (line_parse(&l, text, sizeof text - 1) != NULL ||
	    catalogue_begin(c, &w) < 0)
		exit(1);
	ok(catalogue_nearline(c, &l, &how, &w) == 0 && how == CATALOGUE_NEW,
	    "a name by its source");
	ok(catalogue_recall(c, lfn, 5, &r, &w) == 1 &&
		catalogue_recall(c, lfn, 5, &r, &w) == 1 &&
		strcmp(r.state, "queued") == 0 && r.askers == 1,
	    "asked for twice, by one");
	ok(catalogue_recall_take(
	       c, taker, "h", 9, 60, count_taken, &taken, &w) == 0 &&
		catalogue_recall_take(
		    c, taker, "h", 9, 60, count_taken, &again, &w) == 0 &&
		taken == 1 && again == 1,
	    "taken, and the answer given again");
	ok(catalogue_recall_cancel(c, lfn, &r, &w) == 1 &&
		strcmp(r.state, "taken") == 0 && r.askers == 0,
	    "too late to be cancelled");
	ok(catalogue_recall_done(c, r.entry, taker, "online", NULL, 0, &w) <
		    0 &&
		w.code == EXIT_NO,
	    "it is not online because somebody says so");
	ok(catalogue_recall_done(c, r.entry, taker, "queued", "x", 60, &w) ==
		    1 &&
		catalogue_recall_status(c, lfn, &r, &w) == 1 &&
		strcmp(r.state, "queued") == 0 && strcmp(r.reason, "x") == 0,
	    "put back, with the reason");
	ok(catalogue_evict(c, lfn, NULL, NULL, NULL, &w) < 0 &&
		w.code == EXIT_NO,
	    "what is not there is not evicted");
	lfn = "/grid/mdm/S1/T1/o25";
	ok(catalogue_evict(c, lfn, NULL, NULL, NULL, &w) < 0 &&
		w.code == EXIT_NO,
	    w.code == EXIT_NO ? "nor what has no source" : w.text);
	ok(catalogue_cached(c, "h", &at, count_taken, &cached, &w) == 0 &&
		cached == 0,
	    "nothing is online by a recall");
	ok(catalogue_commit(c, &w) == 0, "all that at once");
	line_free(&l);
}

/* ---- plans ---- */

/* A table that is read through: not one row, nor what a query made itself. */
static bool
bad_plan(const char *detail)
{
	return (strncmp(detail, "SCAN ", 5) == 0 &&
		   strcmp(detail, "SCAN serial") != 0 &&
		   strcmp(detail, "SCAN mdm_schema") != 0 &&
		   strcmp(detail, "SCAN b") != 0 &&
		   strcmp(detail, "SCAN below") != 0 &&
		   strcmp(detail, "SCAN (subquery-1)") != 0 &&
		   strcmp(detail, "SCAN e") != 0 &&
		   strcmp(detail, "SCAN sqlite_master") != 0 &&
		   strcmp(detail, "SCAN CONSTANT ROW") != 0) ||
	       strstr(detail, "AUTOMATIC") != NULL ||
	       strstr(detail, "TEMP B-TREE FOR ORDER BY") != NULL;
}

/* The whole walk along an index, from its beginning, is a MAX() alone. */
static bool
plan(sqlite3 *db, const char *sql)
{
	char explain[8192];
	sqlite3_stmt *s;
	bool good = true;
	bool maximum = strstr(sql, "MAX(") != NULL;

	if (strncmp(sql, "INSERT INTO entry1", 18) == 0 ||
	    strstr(sql, "FROM entry1") != NULL)
		return true; /* an upgrade */
	snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
	if (sqlite3_prepare_v2(db, explain, -1, &s, NULL) != SQLITE_OK)
		return false;
	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(s, 3);

		if (bad_plan(detail) && !maximum) {
			printf("# %s\n#\t%s\n", sql, detail);
			good = false;
		}
	}
	sqlite3_finalize(s);
	return good;
}

static void
plans(const char *path)
{
	struct db_stmt *s;
	sqlite3 *db;
	int n = 0;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	for (s = c->db->stmts; s != NULL; s = s->next, n++)
		if (!plan(db, s->sql))
			ok(false, "no table is read through, nor sorted");
	printf("# %d statements\n", n);
	ok(n > 40, "all statements were looked at");
	sqlite3_close(db);
}

int
main(void)
{
	char dir[] = "/tmp/unit-catalogue.XXXXXX", path[64], url[80];

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/c", dir);
	snprintf(url, sizeof url, "sqlite:%s", path);
	unsetenv("LFC_HOME");
	if ((c = catalogue_open(url, true, &w)) == NULL) {
		printf("# %s\n", w.text);
		return 1;
	}
	ok(registered(LINES, 1, CATALOGUE_NEW), "many lines, at once");
	ok(registered(50, 1, CATALOGUE_SAME), "are there already");
	reads();
	more_replicas();
	pages(1000);
	pages(7);
	ok(registered(50, 2, CATALOGUE_SUPERSEDED), "a next generation");
	all_else();
	recalls();
	plans(path);
	catalogue_close(c);
	unlink(path);
	strcat(path, "-wal");
	unlink(path);
	strcpy(strrchr(path, '-'), "-shm");
	unlink(path);
	rmdir(dir);
	return done_testing();
}
