/* The queue of nearline files that were asked for. */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "catalogue_impl.h"
#include "catalogue_recall.h"

static const char *
state_word(char letter)
{
	switch (letter) {
	case 'q':
		return "queued";
	case 't':
		return "taken";
	case 'o':
		return "online";
	case 'f':
		return "failed";
	default:
		return "cancelled";
	}
}

/* One statement with numbers ?1...: 0 or -1. */
static int
change(struct catalogue *c, const char *sql, int n, const long long *number,
    struct why *w)
{
	struct db_stmt *s = db_prepare(c->db, sql, w);
	int i;

	for (i = 0; s != NULL && i < n; i++)
		db_bind_int(s, i + 1, number[i]);
	return run1(s, w);
}

int
recall_forget(struct catalogue *c, long long entry, struct why *w)
{
	return run_id(
		   c, "DELETE FROM recall_asker WHERE entry = ?1", entry, w) < 0
		   ? -1
		   : run_id(c, "DELETE FROM recall WHERE entry = ?1", entry, w);
}

/*
 * Its entry is online.  Unless a recall made it so, as far as is known, it is
 * not for lfc-evict to take away: then gen is not set.
 */
static int
mark_online(struct catalogue *c, long long entry, bool ours, struct why *w)
{
	const long long v[] = { entry, c->now, ours };

	return change(c,
	    "UPDATE recall SET state = 'o', taker = NULL, reason = NULL,"
	    " expires = 0, tries = 0, changed = ?2,"
	    " gen = CASE WHEN ?3 = 1 OR tries > 1 THEN"
	    " (SELECT e.gen FROM entry e WHERE e.id = ?1) END"
	    " WHERE entry = ?1",
	    3, v, w);
}

/*
 * What was taken and not renewed: done after all, or queued again, a few times.
 */
static int
expire(struct catalogue *c, struct why *w)
{
	static const char *const steps[] = {
		"UPDATE recall SET state = 'o', taker = NULL, reason = NULL,"
		" expires = 0, changed = ?1,"
		" gen = (SELECT e.gen FROM entry e WHERE e.id = recall.entry)"
		" WHERE state = 't' AND expires <= ?1 AND EXISTS (SELECT 1"
		" FROM entry e WHERE e.id = recall.entry AND e.status = '-')",
		"UPDATE recall SET state = 'f', taker = NULL, changed = ?1,"
		" reason = 'given%20up:%20whoever%20took%20it%20died'"
		" WHERE state = 't' AND expires <= ?1 AND tries >= ?2",
		"UPDATE recall SET state = 'q', taker = NULL, expires = 0,"
		" changed = ?1 WHERE state = 't' AND expires <= ?1"
	};
	const long long v[] = { c->now, RECALL_TRIES };

	return change(c, steps[0], 1, v, w) < 0 ||
		       change(c, steps[1], 2, v, w) < 0 ||
		       change(c, steps[2], 1, v, w) < 0
		   ? -1
		   : 0;
}

/* ---- asking ---- */

/* A file that who asks may read: as catalogue_stat(). */
static int
readable(struct catalogue *c, const char *lfn, struct catalogue_entry *e,
    struct why *w)
{
	struct rights r;
	struct path p;
	int got = entry_at(c, lfn, &p, e, w);

	if (got <= 0)
		return got;
	if (e->type != 'f')
		return why_set(w, EXIT_NO, "is not a file");
	r = rights_of(e);
	return may(c, &r, PACL_R, w) < 0 ? -1 : 1;
}

/* The site that it can be had from, into site: 1, 0, -1. */
static int
source_of(
    struct catalogue *c, long long entry, char site[LFN_WORD], struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT surl FROM replica WHERE entry = ?1 AND status = 'N'"
	    " ORDER BY id",
	    w);
	const char *surl;
	size_t n;
	int got;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, entry);
	if ((got = db_step(s, w)) > 0) {
		surl = db_text(s, 0) + strlen("dicom://");
		n = strcspn(surl, "/");
		if (n >= LFN_WORD)
			n = LFN_WORD - 1;
		memcpy(site, surl, n);
		site[n] = '\0';
		db_reset(s);
	}
	return got;
}

/* The directory above that of the entry, or its own. */
static long long
study_of(struct catalogue *c, long long parent, struct why *w)
{
	struct catalogue_entry e;
	int got = entry_by_id(c, parent, &e, w);

	return got < 0 ? -1 : got > 0 && e.parent > 0 ? e.parent : parent;
}

/* Queue it, unless it is: 0 or -1. */
static int
enqueue(struct catalogue *c, long long entry, long long study, const char *site,
    long long priority, struct why *w)
{
	const long long again[] = { entry, c->now };
	struct db_stmt *s = db_prepare(c->db,
	    "INSERT INTO recall (entry, site, study, state, priority, asked,"
	    " changed, expires, tries)"
	    " VALUES (?1, ?2, ?3, 'q', ?4, ?5, ?5, 0, 0)"
	    " ON CONFLICT DO NOTHING",
	    w);
	long long made;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, entry);
	db_bind_text(s, 2, site);
	db_bind_int(s, 3, study);
	db_bind_int(s, 4, priority);
	db_bind_int(s, 5, c->now);
	if (db_run(s, w) < 0)
		return -1;
	if (db_changes(c->db) == 1)
		return 0;
	/* One that is over begins anew, with those who ask from now on. */
	if (change(c,
		"UPDATE recall SET state = 'q', taker = NULL, expires = 0,"
		" asked = ?2, changed = ?2, tries = 0, reason = NULL,"
		" priority = 0 WHERE entry = ?1 AND state IN ('o', 'f', 'c')",
		2, again, w) < 0)
		return -1;
	made = db_changes(c->db);
	if (made == 1 && run_id(c, "DELETE FROM recall_asker WHERE entry = ?1",
			     entry, w) < 0)
		return -1;
	/* One that waits to be tried again waits no longer. */
	s = db_prepare(c->db,
	    "UPDATE recall SET site = ?2, study = ?3,"
	    " priority = CASE WHEN priority > ?4 THEN priority ELSE ?4 END,"
	    " expires = CASE WHEN state = 'q' THEN 0 ELSE expires END"
	    " WHERE entry = ?1",
	    w);
	if (s == NULL)
		return -1;
	db_bind_int(s, 1, entry);
	db_bind_text(s, 2, site);
	db_bind_int(s, 3, study);
	db_bind_int(s, 4, priority);
	return db_run(s, w);
}

/* Who asks, as a principal's number; 0: not known yet; -1. */
static long long
asker(struct catalogue *c, bool make, struct why *w)
{
	char word[WORD_MAX(WHO_MAX)];

	if (c->who == NULL)
		return ourselves(c, w) < 0 ? -1 : c->owner;
	word_encode(word, c->who->dn, strnlen(c->who->dn, WHO_MAX));
	return make ? name_id(c, PRINCIPAL, word, w)
		    : name_known(c, PRINCIPAL, word, w);
}

/* What there is to say of an entry.  1 or -1. */
static int
tell(struct catalogue *c, long long entry, bool online,
    struct catalogue_request *r, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT state, reason, priority, asked, changed, expires,"
	    " (SELECT COUNT(*) FROM recall_asker a WHERE a.entry = r.entry)"
	    " FROM recall r WHERE entry = ?1",
	    w);
	int got;

	memset(r, 0, sizeof *r);
	r->entry = entry;
	r->state = online ? "online" : "nearline";
	if (s == NULL)
		return -1;
	db_bind_int(s, 1, entry);
	if ((got = db_step(s, w)) <= 0)
		return got < 0 ? -1 : 1;
	if (!online && *db_text(s, 0) != 'o')
		r->state = state_word(*db_text(s, 0));
	if (!online && *db_text(s, 0) == 't' &&
	    db_int(s, 5) <= catalogue_now(c))
		r->state = "queued"; /* its taker is no more */
	if (!online)
		r->reason = db_text(s, 1);
	r->priority = db_int(s, 2);
	r->asked = db_int(s, 3);
	r->changed = db_int(s, 4);
	r->askers = db_int(s, 6);
	return 1; /* the row stays: reason is in it */
}

int
catalogue_recall(struct catalogue *c, const char *lfn, long long priority,
    struct catalogue_request *r, struct why *w)
{
	struct catalogue_entry e;
	char site[LFN_WORD];
	long long v[3], study, id, parent;
	int got;

	if ((got = readable(c, lfn, &e, w)) <= 0)
		return got;
	id = e.id;
	parent = e.parent;
	v[0] = id;
	v[1] = c->now;
	if (e.online) {
		/* It is wanted: it is not the first to be evicted. */
		if (change(c,
			"UPDATE recall SET changed = ?2"
			" WHERE entry = ?1 AND state = 'o'",
			2, v, w) < 0)
			return -1;
		return tell(c, id, true, r, w);
	}
	if ((got = source_of(c, id, site, w)) <= 0)
		return got < 0 ? -1
			       : why_set(w, EXIT_NO,
				     "has no replica, and no DICOM source to "
				     "recall it from");
	if ((study = study_of(c, parent, w)) < 0 ||
	    enqueue(c, id, study, site, priority, w) < 0 ||
	    (v[1] = asker(c, true, w)) < 0)
		return -1;
	v[2] = c->now;
	if (change(c,
		"INSERT INTO recall_asker (entry, owner, asked)"
		" VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
		3, v, w) < 0)
		return -1;
	return tell(c, id, false, r, w);
}

int
catalogue_recall_status(struct catalogue *c, const char *lfn,
    struct catalogue_request *r, struct why *w)
{
	struct catalogue_entry e;
	int got = readable(c, lfn, &e, w);

	return got <= 0 ? got : tell(c, e.id, e.online, r, w);
}

int
catalogue_recall_cancel(struct catalogue *c, const char *lfn,
    struct catalogue_request *r, struct why *w)
{
	struct catalogue_entry e;
	long long v[2], who;
	bool online;
	int got = readable(c, lfn, &e, w);

	if (got <= 0)
		return got;
	online = e.online;
	v[0] = e.id;
	v[1] = c->now;
	if ((who = asker(c, false, w)) < 0)
		return -1;
	if (may_admin(c, w) == 0)
		got = run_id(
		    c, "DELETE FROM recall_asker WHERE entry = ?1", v[0], w);
	else
		got = change(c,
		    "DELETE FROM recall_asker WHERE entry = ?1 AND owner = ?2",
		    2, (const long long[]){ v[0], who }, w);
	/* What is being fetched comes all the same. */
	if (got < 0 || change(c,
			   "UPDATE recall SET state = 'c', changed = ?2"
			   " WHERE entry = ?1 AND state = 'q' AND NOT EXISTS"
			   " (SELECT 1 FROM recall_asker a WHERE a.entry = ?1)",
			   2, v, w) < 0)
		return -1;
	return tell(c, v[0], online, r, w);
}

/* ---- taking ---- */

/* Mark at most n of the next study as this taker's: how many, or -1. */
static long long
take_study(struct catalogue *c, const char *taker, const char *site, int n,
    long long ttl, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT study FROM recall WHERE state = 'q' AND site = ?1"
	    " AND expires <= ?2 ORDER BY priority DESC, asked, entry LIMIT 1",
	    w);
	long long study;
	int got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, site);
	db_bind_int(s, 2, c->now);
	if ((got = db_step(s, w)) <= 0)
		return got;
	study = db_int(s, 0);
	db_reset(s);
	s = db_prepare(c->db,
	    "UPDATE recall SET state = 't', taker = ?1, expires = ?2,"
	    " changed = ?3, tries = tries + 1 WHERE state = 'q'"
	    " AND entry IN (SELECT r.entry FROM recall r"
	    " WHERE r.state = 'q' AND r.site = ?4 AND r.study = ?5"
	    " AND r.expires <= ?3 ORDER BY r.priority DESC, r.asked, r.entry"
	    " LIMIT ?6)",
	    w);
	if (s == NULL)
		return -1;
	db_bind_text(s, 1, taker);
	db_bind_int(s, 2, c->now + ttl);
	db_bind_int(s, 3, c->now);
	db_bind_text(s, 4, site);
	db_bind_int(s, 5, study);
	db_bind_int(s, 6, n);
	return db_run(s, w) < 0 ? -1 : db_changes(c->db);
}

/* Its manifest line, its source as surl, into c->line: 1, 0, -1. */
static int
line_of(struct catalogue *c, long long entry, bool *online, struct why *w)
{
	struct catalogue_entry e;
	struct db_stmt *s;
	int got = entry_by_id(c, entry, &e, w);

	if (got <= 0)
		return got;
	*online = e.online;
	if (catalogue_line(c, &e, NULL, &c->line, w) < 0)
		return -1;
	line_set_number(&c->line, "entry", (unsigned long long)entry);
	if (*online)
		return 1;
	s = db_prepare(c->db,
	    "SELECT surl FROM replica WHERE entry = ?1 AND status = 'N'"
	    " ORDER BY id",
	    w);
	if (s == NULL)
		return -1;
	db_bind_int(s, 1, entry);
	if ((got = db_step(s, w)) > 0) {
		line_set_word(&c->line, "surl", db_text(s, 0));
		db_reset(s);
	}
	return got;
}

/* The taker's next after an entry's number: that, 0, or -1. */
static long long
held_after(
    struct catalogue *c, const char *taker, long long after, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT entry FROM recall WHERE taker = ?1 AND state = 't'"
	    " AND entry > ?2 ORDER BY entry LIMIT 1",
	    w);
	long long entry;
	int got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, taker);
	db_bind_int(s, 2, after);
	if ((got = db_step(s, w)) <= 0)
		return got;
	entry = db_int(s, 0);
	db_reset(s);
	return entry;
}

/* Show what the taker holds: how many, or -1. */
static long long
show_held(struct catalogue *c, const char *taker, catalogue_taken *visit,
    void *arg, struct why *w)
{
	long long entry = 0, n = 0;
	bool online = false;
	int got;

	while ((entry = held_after(c, taker, entry, w)) > 0) {
		if ((got = line_of(c, entry, &online, w)) < 0)
			return -1;
		if (got == 0)
			got = recall_forget(c, entry, w);
		else if (online)
			got = mark_online(c, entry, false, w);
		else {
			n++;
			got = visit(arg, &c->line, w);
		}
		if (got < 0)
			return -1;
	}
	return entry < 0 ? -1 : n;
}

int
catalogue_recall_take(struct catalogue *c, const char *taker, const char *site,
    int n, long long ttl, catalogue_taken *visit, void *arg, struct why *w)
{
	long long held, got;

	if (expire(c, w) < 0)
		return -1;
	if ((held = catalogue_recall_renew(c, taker, ttl, w)) < 0)
		return -1;
	if (held == 0)
		for (; n > 0; n -= (int)got)
			if ((got = take_study(c, taker, site, n, ttl, w)) <= 0)
				break;
	if (held == 0 && n > 0 && got < 0)
		return -1;
	return show_held(c, taker, visit, arg, w) < 0 ? -1 : 0;
}

long long
catalogue_recall_renew(
    struct catalogue *c, const char *taker, long long ttl, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "UPDATE recall SET expires = ?2 WHERE taker = ?1 AND state = 't'"
	    " AND expires > ?3",
	    w);

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, taker);
	db_bind_int(s, 2, c->now + ttl);
	db_bind_int(s, 3, c->now);
	return db_run(s, w) < 0 ? -1 : db_changes(c->db);
}

/* Is it this taker's?  1 and when it was asked for; 0, it has become `state'
 * already if *is; -1. */
static int
held_by(struct catalogue *c, long long entry, const char *taker,
    const char *state, long long *asked, bool *is, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT state, taker, asked FROM recall WHERE entry = ?1", w);
	const char *who;
	int got;

	*is = false;
	if (s == NULL)
		return -1;
	db_bind_int(s, 1, entry);
	if ((got = db_step(s, w)) <= 0)
		return got;
	who = db_text(s, 1);
	got = *db_text(s, 0) == 't' && who != NULL && strcmp(who, taker) == 0;
	*is = strcmp(state_word(*db_text(s, 0)), state) == 0;
	*asked = db_int(s, 2);
	db_reset(s);
	return got;
}

int
catalogue_recall_done(struct catalogue *c, long long entry, const char *taker,
    const char *state, const char *reason, long long delay, struct why *w)
{
	struct catalogue_entry e;
	struct db_stmt *s;
	long long asked = 0;
	bool is, failed = strcmp(state, "failed") == 0;
	int got;

	if ((got = held_by(c, entry, taker, state, &asked, &is, w)) <= 0)
		return got < 0 ? -1 : is;
	if (strcmp(state, "online") == 0) {
		if ((got = entry_by_id(c, entry, &e, w)) < 0)
			return -1;
		if (got == 0 || !e.online)
			return why_set(w, EXIT_NO, "has no replica to read");
		return mark_online(c, entry, true, w) < 0 ? -1 : 1;
	}
	failed = failed || asked < c->now - RECALL_AGE;
	s = db_prepare(c->db,
	    "UPDATE recall SET state = ?2, taker = NULL, expires = ?3,"
	    " tries = 0, changed = ?4, reason = ?5 WHERE entry = ?1",
	    w);
	if (s == NULL)
		return -1;
	db_bind_int(s, 1, entry);
	db_bind_text(s, 2, failed ? "f" : "q");
	db_bind_int(s, 3, failed ? 0 : c->now + delay);
	db_bind_int(s, 4, c->now);
	db_bind_text(s, 5, reason);
	return db_run(s, w) < 0 ? -1 : 1;
}

/* ---- what recalls have made ---- */

/* The next one after *at: 1, 0, -1. */
static int
next_cached(struct catalogue *c, const char *site, struct catalogue_cached *at,
    struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT r.changed, r.entry FROM recall r"
	    " JOIN entry e ON e.id = r.entry AND e.gen = r.gen"
	    " AND e.status = '-' WHERE r.state = 'o' AND r.site = ?1"
	    " AND (r.changed > ?2 OR (r.changed = ?2 AND r.entry > ?3))"
	    " ORDER BY r.changed, r.entry LIMIT 1",
	    w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, site);
	db_bind_int(s, 2, at->changed);
	db_bind_int(s, 3, at->entry);
	if ((got = db_step(s, w)) <= 0)
		return got;
	at->changed = db_int(s, 0);
	at->entry = db_int(s, 1);
	db_reset(s);
	return 1;
}

int
catalogue_cached(struct catalogue *c, const char *site,
    struct catalogue_cached *at, catalogue_taken *visit, void *arg,
    struct why *w)
{
	bool online;
	int got;

	while ((got = next_cached(c, site, at, w)) > 0) {
		if ((got = line_of(c, at->entry, &online, w)) < 0)
			return -1;
		if (got == 0 || !online)
			continue;
		line_set_number(
		    &c->line, "recalled", (unsigned long long)at->changed);
		if ((got = visit(arg, &c->line, w)) != 0)
			break;
	}
	return got < 0 ? -1 : 0;
}
