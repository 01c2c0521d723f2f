/*
 * Searching.  An expression is decided first for what a series has in common,
 * a row of facts; only then its files are read.  The facts are walked in the
 * order of their numbers or, if the whole expression depends on one of their
 * columns, of that column's index.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"
#include "find.h"

#define FACTS_PAGE 200
#define PAGE 1000 /* entries: also in the SQL below */

struct search {
	struct catalogue *c;
	const struct find *f;
	char top[LFN_WORD + 1];
	catalogue_visit *visit;
	void *arg;
	bool stop;

	enum find_key key; /* whose index is walked, or FIND_KEYS */
	const char *from, *to;
	bool one; /* from == to */
	char room[FIND_TEXT + 2], from_word[WORD_MAX(FIND_TEXT)],
	    to_word[WORD_MAX(FIND_TEXT)];
	char last[FACT_LONGEST + 1]; /* where the walk is: of the column */
	long long facts, entry;      /* and these numbers */

	/* What is looked at. */
	const char *fields;
	const struct catalogue_entry *e;
	char value[FACT_LONGEST + NAME_WORD];
	char number[24];

	long long dir_id; /* the directory of the last file */
	bool dir_shown;
	char dir[LFN_WORD + 1];
};

/* Decode a word of n bytes; one that is damaged is no value. */
static const char *
decoded(struct search *s, const char *word, size_t n)
{
	long got;

	if (n >= sizeof s->value)
		return NULL;
	got = word_decode(s->value, word, n);
	if (got < 0)
		return NULL;
	s->value[got] = '\0';
	return s->value;
}

/* The value of a field of the facts: "\tKEY=WORD\tKEY=WORD..." */
static const char *
fact(struct search *s, const char *key)
{
	size_t n = strlen(key);
	const char *p = s->fields;

	while (p != NULL && *p == '\t') {
		if (strncmp(p + 1, key, n) == 0 && p[n + 1] == '=')
			return decoded(s, p + n + 2, strcspn(p + n + 2, "\t"));
		p = strchr(p + 1, '\t');
	}
	return NULL;
}

static const char *
get(void *arg, enum find_key key, bool *unknown)
{
	struct search *s = arg;

	if (key < FIND_FACTS)
		return fact(s, find_keys[key]);
	if (s->e == NULL) {
		*unknown = true;
		return NULL;
	}
	if (key == FIND_SIZE) {
		snprintf(s->number, sizeof s->number, "%lld", s->e->size);
		return s->number;
	}
	if (key == FIND_STATUS)
		return s->e->online ? "online" : "nearline";
	return decoded(s, s->e->name, strlen(s->e->name));
}

/* Is this directory, and all on the way to it, below top and open to us? */
static int
look_at_dir(struct search *s, long long id, struct why *w)
{
	struct catalogue_entry e;
	struct rights r;
	size_t n = strlen(s->top);
	int got;

	s->dir_id = id;
	s->dir_shown = false;
	if (dir_word(s->c, id, s->dir, sizeof s->dir, w) < 0)
		return -1;
	if (n > 1 && (strncmp(s->dir, s->top, n) != 0 ||
			 (s->dir[n] != '\0' && s->dir[n] != '/')))
		return 0;
	while (s->c->who != NULL && id != 0) {
		if ((got = entry_by_id(s->c, id, &e, w)) <= 0)
			return got;
		r = rights_of(&e);
		if (may(s->c, &r, PACL_X, w) < 0)
			return w->code == EXIT_DENIED ? 0 : -1;
		id = e.parent;
	}
	s->dir_shown = true;
	return 0;
}

static int
show(struct search *s, const struct catalogue_entry *e, struct why *w)
{
	struct rights r = rights_of(e);
	int got;

	if (e->type != 'f')
		return 0;
	s->e = e;
	got = find_match(s->f, get, s);
	s->e = NULL;
	if (got != 1)
		return 0;
	if (e->parent != s->dir_id && look_at_dir(s, e->parent, w) < 0)
		return -1;
	if (!s->dir_shown)
		return 0;
	if (may(s->c, &r, PACL_R, w) < 0)
		return w->code == EXIT_DENIED ? 0 : -1;
	s->c->found_facts = s->facts;
	s->c->found_entry = e->id;
	if ((got = s->visit(s->arg, s->dir, e, w)) == 1)
		s->stop = true;
	return got < 0 ? -1 : 0;
}

/* The files that have these facts, after s->entry. */
static int
visit_files(struct search *s, struct why *w)
{
	struct catalogue_entry e;
	struct db_stmt *q;
	int n, got = 0;

	do {
		q = db_prepare(s->c->db,
		    "SELECT " ENTRY_COLUMNS("") " FROM entry"
						" WHERE facts = ?1 AND id > ?2"
						" ORDER BY id LIMIT 1000",
		    w);
		if (q == NULL)
			return -1;
		db_bind_int(q, 1, s->facts);
		db_bind_int(q, 2, s->entry);
		for (n = 0; !s->stop && (got = db_step(q, w)) > 0; n++) {
			entry_fill(s->c, q, 0, &e);
			s->entry = e.id;
			if ((got = show(s, &e, w)) < 0)
				break;
		}
		db_reset(q);
	} while (got >= 0 && n == PAGE && !s->stop);
	s->entry = 0;
	return got < 0 ? -1 : 0;
}

/* ---- walks through the facts ---- */

#define FACTS_ALL                                                              \
	"SELECT id, fields, '' FROM facts WHERE id > ?1"                       \
	" ORDER BY id LIMIT 200"
#define FACTS_ONE(column)                                                      \
	"SELECT id, fields, '' FROM facts WHERE " column " = ?2 AND id > ?1"   \
	" ORDER BY id LIMIT 200"
#define FACTS_RANGE(column)                                                    \
	"SELECT id, fields, " column " FROM facts WHERE (" column              \
	", id) > (?2, ?1) ORDER BY " column ", id LIMIT 200"

static struct db_stmt *
facts_page(struct search *s, struct why *w)
{
	static const char *const one[FIND_FACTS] = { [FIND_BODY_PART] =
							 FACTS_ONE("body_part"),
		[FIND_MODALITY] = FACTS_ONE("modality"),
		[FIND_PSEUDONYM] = FACTS_ONE("pseudonym"),
		[FIND_SERIES] = FACTS_ONE("series"),
		[FIND_STUDY] = FACTS_ONE("study"),
		[FIND_STUDY_DATE] = FACTS_ONE("study_date") };
	static const char *const range[FIND_FACTS] = {
		[FIND_BODY_PART] = FACTS_RANGE("body_part"),
		[FIND_MODALITY] = FACTS_RANGE("modality"),
		[FIND_PSEUDONYM] = FACTS_RANGE("pseudonym"),
		[FIND_SERIES] = FACTS_RANGE("series"),
		[FIND_STUDY] = FACTS_RANGE("study"),
		[FIND_STUDY_DATE] = FACTS_RANGE("study_date")
	};
	struct db_stmt *q;

	q = db_prepare(s->c->db,
	    s->key == FIND_KEYS ? FACTS_ALL
	    : s->one            ? one[s->key]
				: range[s->key],
	    w);
	if (q == NULL)
		return NULL;
	db_bind_int(q, 1, s->facts);
	if (s->key != FIND_KEYS)
		db_bind_text(q, 2, s->one ? s->from_word : s->last);
	return q;
}

/* Has a walk along an index left what can match? */
static bool
beyond(const struct search *s, const char *word)
{
	size_t n;

	if (s->key == FIND_KEYS || s->one)
		return false;
	if (s->to != NULL)
		return strcmp(word, s->to_word) > 0;
	n = strlen(s->from_word);
	return s->from == s->room && strncmp(word, s->from_word, n) > 0;
}

/* A page of facts: how many, or -1; *end: no more can match. */
static int
visit_page(struct search *s, bool *end, struct why *w)
{
	struct {
		long long id;
		char *fields, *word;
	} page[FACTS_PAGE];
	struct db_stmt *q = facts_page(s, w);
	int n = 0, i, got;

	if (q == NULL)
		return -1;
	/* Kept, for what comes between asks the database, too. */
	while (n < FACTS_PAGE && (got = db_step(q, w)) > 0) {
		page[n].id = db_int(q, 0);
		page[n].fields = strdup(db_text(q, 1));
		page[n].word = strdup(db_text(q, 2));
		if (page[n].fields == NULL || page[n].word == NULL)
			die(EXIT_IO, "out of memory");
		n++;
	}
	db_reset(q);
	got = n < FACTS_PAGE && got < 0 ? -1 : 0;
	for (i = 0; i < n; i++) {
		if (got == 0 && !s->stop && !*end) {
			*end = beyond(s, page[i].word);
			s->facts = page[i].id;
			s->fields = page[i].fields;
			snprintf(s->last, sizeof s->last, "%s", page[i].word);
			if (!*end && find_match(s->f, get, s) != 0)
				got = visit_files(s, w);
		}
		free(page[i].fields);
		free(page[i].word);
	}
	return got < 0 ? -1 : n;
}

/* Which index, and from where. */
static void
plan(struct search *s)
{
	s->key = find_bound(s->f, &s->from, &s->to, s->room);
	s->one = s->key != FIND_KEYS && s->from != NULL && s->from == s->to;
	if (s->key == FIND_KEYS)
		return;
	if (s->from != NULL)
		word_encode(s->from_word, s->from, strlen(s->from));
	if (s->to != NULL)
		word_encode(s->to_word, s->to, strlen(s->to));
	/*
	 * Words are not in the order of their bytes where some are written
	 * %HH: ranges are asked for of what has digits and dots only.
	 */
	if ((!s->one && s->from != s->room && s->key != FIND_STUDY &&
		s->key != FIND_SERIES && s->key != FIND_STUDY_DATE) ||
	    (!s->one && strpbrk(s->from_word, "%-") != NULL) ||
	    (!s->one && strpbrk(s->to_word, "%-") != NULL) ||
	    strlen(s->from_word) > FACT_LONGEST ||
	    strlen(s->to_word) > FACT_LONGEST)
		s->key = FIND_KEYS;
	/* The first page begins with the first value itself: before all ids. */
	if (s->key != FIND_KEYS)
		memcpy(s->last, s->from_word, strlen(s->from_word) + 1);
}

/* Go on where a search was: 1, 0 if it is no place of this one, -1. */
static int
resume(struct search *s, const char *after, struct why *w)
{
	static const int column[FIND_FACTS] = { [FIND_BODY_PART] = 1,
		[FIND_MODALITY] = 2,
		[FIND_PSEUDONYM] = 3,
		[FIND_SERIES] = 4,
		[FIND_STUDY] = 5,
		[FIND_STUDY_DATE] = 6 };
	struct db_stmt *q = db_prepare(s->c->db,
	    "SELECT fields, body_part, modality, pseudonym, series, study,"
	    " study_date FROM facts WHERE id = ?1",
	    w);
	const char *word;
	char *fields;
	int got, n = 0;

	if (q == NULL)
		return -1;
	if (sscanf(after, "%lld.%lld%n", &s->facts, &s->entry, &n) != 2 ||
	    after[n] != '\0')
		return why_set(w, EXIT_DATA, "no place in a search");
	db_bind_int(q, 1, s->facts);
	if ((got = db_step(q, w)) <= 0)
		return got < 0 ? -1
			       : why_set(w, EXIT_DATA, "no place in a search");
	if (s->key != FIND_KEYS && (word = db_text(q, column[s->key])) != NULL)
		snprintf(s->last, sizeof s->last, "%s", word);
	fields = strdup(db_text(q, 0));
	db_reset(q);
	if ((s->fields = fields) == NULL)
		die(EXIT_IO, "out of memory");
	got = find_match(s->f, get, s) != 0 ? visit_files(s, w) : 0;
	s->entry = 0;
	free(fields);
	return got;
}

void
catalogue_find_at(const struct catalogue *c, char at[CATALOGUE_FOUND])
{
	snprintf(
	    at, CATALOGUE_FOUND, "%lld.%lld", c->found_facts, c->found_entry);
}

int
catalogue_find(struct catalogue *c, const char *top, const struct find *f,
    const char *after, catalogue_visit *visit, void *arg, struct why *w)
{
	struct search *s = calloc(1, sizeof *s);
	bool end = false;
	struct path p;
	int got = -1, i;

	if (s == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	s->c = c;
	s->f = f;
	s->visit = visit;
	s->arg = arg;
	if (path_split(&p, top, w) == 0)
		got = 0;
	strcpy(s->top, p.n > 0 ? "" : "/");
	for (i = 0; got == 0 && i < p.n; i++)
		got = path_append(s->top, sizeof s->top, p.part[i], w);
	plan(s);
	if (got == 0 && after != NULL)
		got = resume(s, after, w);
	while (got >= 0 && !s->stop && !end)
		if ((got = visit_page(s, &end, w)) < FACTS_PAGE)
			break;
	free(s);
	return got < 0 ? -1 : 0;
}
