/* Facts: what the objects of a series have in common, kept once. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"
#include "hash.h"

/* The fields, and the columns in which they can be searched; both sorted. */
#define KEYS 8
static const char *const keys[KEYS] = { "body-part", "by", "modality",
	"profile", "pseudonym", "series", "study", "study-date" };
#define SOP "sop"

#define FIELDS_LONGEST (KEYS * (FACT_LONGEST + 16))

/* A line's facts, taken apart. */
struct taken {
	const char *word[KEYS];
	char prefix[FACTS_PREFIX + 1], fields[FIELDS_LONGEST];
	bool has_prefix, sop;
	char key[FACTS_PREFIX + FIELDS_LONGEST + 8];
};

/* The last component of a signed NAME. */
static const char *
last_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* Is this field, with this word, one of the facts of a line of that name? */
bool
facts_own(const char *name, const char *key, const char *word)
{
	int i;

	if (strcmp(key, SOP) == 0)
		return strcmp(word, last_of(name)) == 0;
	for (i = 0; i < KEYS; i++)
		if (strcmp(key, keys[i]) == 0)
			return strlen(word) <= FACT_LONGEST;
	return false;
}

static bool
short_prefix(const char *name)
{
	return strrchr(name, '/') != NULL &&
	       last_of(name) - name <= FACTS_PREFIX;
}

/* A component is a word of its own; in a longer word "-" needs no escape. */
bool
facts_name(const char *name, const char *component)
{
	const char *slash = strrchr(name, '/');

	if (slash == NULL)
		return strcmp(name, component) == 0;
	if (strcmp(component, "%2D") == 0)
		component = "-";
	return short_prefix(name) && strcmp(slash + 1, component) == 0;
}

static void
take(struct taken *t, const struct line *l)
{
	char *o = t->fields;
	int i;

	t->has_prefix = short_prefix(l->name);
	snprintf(t->prefix, sizeof t->prefix, "%.*s",
	    t->has_prefix ? (int)(last_of(l->name) - 1 - l->name) : 0, l->name);
	for (i = 0; i < KEYS; i++) {
		t->word[i] = line_word(l, keys[i]);
		if (t->word[i] == NULL || strlen(t->word[i]) > FACT_LONGEST) {
			t->word[i] = NULL;
			continue;
		}
		*o++ = '\t';
		o = stpcpy(stpcpy(stpcpy(o, keys[i]), "="), t->word[i]);
	}
	*o = '\0';
	t->sop = line_word(l, SOP) != NULL &&
		 strcmp(line_word(l, SOP), last_of(l->name)) == 0;
	snprintf(t->key, sizeof t->key, "%s\t%d%s",
	    t->has_prefix ? t->prefix : "-", t->sop, t->fields);
}

static struct facts *
slot_of(struct catalogue *c, long long id)
{
	return &c->facts[(unsigned long long)id % FACTS_KEPT];
}

static void
empty(struct facts *f)
{
	free(f->prefix);
	free(f->fields);
	free(f->key);
	memset(f, 0, sizeof *f);
}

static char *
copy(const char *text)
{
	char *s = text ? strdup(text) : NULL;

	if (text != NULL && s == NULL)
		die(EXIT_IO, "out of memory");
	return s;
}

static void
keep(struct catalogue *c, long long id, const struct taken *t)
{
	struct facts *f = slot_of(c, id);

	empty(f);
	f->id = id;
	f->sop = t->sop;
	f->prefix = copy(t->has_prefix ? t->prefix : NULL);
	f->fields = copy(t->fields);
	f->key = copy(t->key);
	c->last_facts = f;
}

static long long
insert(struct catalogue *c, const struct taken *t, const char *digest,
    struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "INSERT INTO facts (id, digest, prefix, sop, fields, body_part,"
	    " signer, modality, profile, pseudonym, series, study, study_date)"
	    " SELECT COALESCE(MAX(id), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
	    " ?9, ?10, ?11, ?12 FROM facts RETURNING id",
	    w);
	long long id;
	int i;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, digest);
	db_bind_text(s, 2, t->has_prefix ? t->prefix : NULL);
	db_bind_int(s, 3, t->sop);
	db_bind_text(s, 4, t->fields);
	for (i = 0; i < KEYS; i++)
		db_bind_text(s, 5 + i, t->word[i]);
	if (db_step(s, w) <= 0)
		return -1;
	id = db_int(s, 0);
	return db_run(s, w) < 0 ? -1 : id;
}

long long
facts_id(struct catalogue *c, const struct line *l, struct why *w)
{
	static _Thread_local struct taken t;
	unsigned char sum[32];
	char hex[65];
	struct db_stmt *s;
	long long id;
	int got;

	take(&t, l);
	if (c->last_facts != NULL && c->last_facts->key != NULL &&
	    strcmp(c->last_facts->key, t.key) == 0)
		return c->last_facts->id;
	sha256(sum, t.key, strlen(t.key));
	hex_encode(hex, sum, sizeof sum);
	s = db_prepare(c->db, "SELECT id FROM facts WHERE digest = ?1", w);
	if (s == NULL)
		return -1;
	db_bind_text(s, 1, hex);
	if ((got = db_step(s, w)) < 0)
		return -1;
	if (got > 0) {
		id = db_int(s, 0);
		db_reset(s);
	} else if ((id = insert(c, &t, hex, w)) < 0)
		return -1;
	keep(c, id, &t);
	return id;
}

/* From columns: id, prefix, sop, fields. */
static struct facts *
keep_row(struct catalogue *c, struct db_stmt *s)
{
	long long id = db_int(s, 0);
	struct facts *f = slot_of(c, id);

	if (f->id == id)
		return f;
	empty(f);
	f->id = id;
	f->prefix = copy(db_text(s, 1));
	f->sop = db_int(s, 2) != 0;
	f->fields = copy(db_text(s, 3));
	return f;
}

const struct facts *
facts_of(struct catalogue *c, long long id)
{
	struct facts *f = slot_of(c, id);
	struct why ignored;
	struct db_stmt *s;

	if (f->id == id)
		return f;
	s = db_prepare(c->db,
	    "SELECT id, prefix, sop, fields FROM facts WHERE id = ?1",
	    &ignored);
	if (s == NULL)
		return NULL;
	db_bind_int(s, 1, id);
	if (db_step(s, &ignored) <= 0)
		return NULL;
	f = keep_row(c, s);
	db_reset(s);
	return f;
}

struct db_answer *
facts_ask(struct catalogue *c, long long dir)
{
	struct why ignored;
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT id, prefix, sop, fields FROM facts WHERE id ="
	    " (SELECT facts FROM entry WHERE parent = ?1"
	    " ORDER BY name LIMIT 1)",
	    &ignored);

	if (s == NULL)
		return NULL;
	db_bind_int(s, 1, dir);
	return db_ask(s);
}

int
facts_take(struct catalogue *c, struct db_answer *a, struct why *w)
{
	struct db_stmt *s;
	int got;

	if (a == NULL)
		return 0;
	if ((s = db_take(a, w)) == NULL || (got = db_step(s, w)) < 0)
		return -1;
	if (got > 0)
		keep_row(c, s);
	db_reset(s);
	return 0;
}

void
facts_forget(struct catalogue *c)
{
	int i;

	for (i = 0; i < FACTS_KEPT; i++)
		empty(&c->facts[i]);
	c->last_facts = NULL;
}
