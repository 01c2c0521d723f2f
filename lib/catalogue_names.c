/* What many entries share, kept once: principals, ACLs, storages, facts. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"
#include "hash.h"

/*
 * ACLs and facts may be long, and are found by their digests.
 */
static const struct {
	const char *select_id, *select_text, *insert;
	bool digest;
} tables[NAMES] = {
	{ "SELECT id FROM principal WHERE name = ?1",
	    "SELECT name FROM principal WHERE id = ?1",
	    "INSERT INTO principal (id, name)"
	    " SELECT COALESCE(MAX(id), 0) + 1, ?1 FROM principal"
	    " RETURNING id",
	    false },
	{ "SELECT id FROM acl WHERE digest = ?1",
	    "SELECT text FROM acl WHERE id = ?1",
	    "INSERT INTO acl (id, digest, text)"
	    " SELECT COALESCE(MAX(id), 0) + 1, ?1, ?2 FROM acl RETURNING id",
	    true },
	{ "SELECT id FROM home WHERE name = ?1",
	    "SELECT name FROM home WHERE id = ?1",
	    "INSERT INTO home (id, name)"
	    " SELECT COALESCE(MAX(id), 0) + 1, ?1 FROM home RETURNING id",
	    false },
};

static unsigned
text_hash(const char *text)
{
	unsigned h = 5381;

	while (*text != '\0')
		h = h * 33 + (unsigned char)*text++;
	return h % NAMES_HASH;
}

static struct name *
remember(struct catalogue *c, enum names kind, long long id, const char *text,
    bool fresh)
{
	struct name *n = calloc(1, sizeof *n), **to;

	if (n == NULL || (n->text = strdup(text)) == NULL)
		die(EXIT_IO, "out of memory");
	n->id = id;
	n->fresh = fresh;
	to = &c->names[kind].by_id[(unsigned long long)id % NAMES_HASH];
	n->by_id = *to;
	*to = n;
	to = &c->names[kind].by_text[text_hash(text)];
	n->by_text = *to;
	*to = n;
	return n;
}

static void
digest_of(char hex[65], const char *text)
{
	unsigned char sum[32];

	sha256(sum, text, strlen(text));
	hex_encode(hex, sum, sizeof sum);
}

/* The one row and column of a query of one text: its number, 0, or -1. */
static long long
ask_id(struct catalogue *c, const char *sql, const char *text, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db, sql, w);
	long long id;
	int got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, text);
	if ((got = db_step(s, w)) <= 0)
		return got;
	id = db_int(s, 0);
	db_reset(s);
	return id;
}

long long
name_known(
    struct catalogue *c, enum names kind, const char *text, struct why *w)
{
	char hex[65];
	struct name *n;
	long long id;

	for (n = c->names[kind].by_text[text_hash(text)]; n; n = n->by_text)
		if (strcmp(n->text, text) == 0)
			return n->id;
	if (tables[kind].digest)
		digest_of(hex, text);
	id = ask_id(
	    c, tables[kind].select_id, tables[kind].digest ? hex : text, w);
	if (id > 0)
		remember(c, kind, id, text, false);
	return id;
}

long long
name_id(struct catalogue *c, enum names kind, const char *text, struct why *w)
{
	char hex[65];
	struct db_stmt *s;
	long long id = name_known(c, kind, text, w);

	if (id != 0)
		return id;
	if ((s = db_prepare(c->db, tables[kind].insert, w)) == NULL)
		return -1;
	if (tables[kind].digest)
		digest_of(hex, text);
	db_bind_text(s, 1, tables[kind].digest ? hex : text);
	if (tables[kind].digest)
		db_bind_text(s, 2, text);
	if (db_step(s, w) <= 0)
		return -1;
	id = db_int(s, 0);
	if (db_run(s, w) < 0)
		return -1;
	remember(c, kind, id, text, true);
	return id;
}

const char *
name_text(struct catalogue *c, enum names kind, long long id)
{
	struct why ignored;
	struct db_stmt *s;
	struct name *n;

	n = c->names[kind].by_id[(unsigned long long)id % NAMES_HASH];
	for (; n != NULL; n = n->by_id)
		if (n->id == id)
			return n->text;
	s = db_prepare(c->db, tables[kind].select_text, &ignored);
	if (s == NULL)
		return NULL;
	db_bind_int(s, 1, id);
	if (db_step(s, &ignored) <= 0)
		return NULL;
	n = remember(c, kind, id, db_text(s, 0), false);
	db_reset(s);
	return n->text;
}

/* Forget the names made in this transaction, or all. */
void
names_forget(struct catalogue *c, bool all)
{
	struct name **p, *n;
	int k, i;

	for (k = 0; k < NAMES; k++)
		for (i = 0; i < NAMES_HASH; i++)
			for (p = &c->names[k].by_text[i]; *p != NULL;)
				if (all || (*p)->fresh)
					*p = (*p)->by_text;
				else
					p = &(*p)->by_text;
	for (k = 0; k < NAMES; k++)
		for (i = 0; i < NAMES_HASH; i++)
			for (p = &c->names[k].by_id[i]; (n = *p) != NULL;)
				if (all || n->fresh) {
					*p = n->by_id;
					free(n->text);
					free(n);
				} else
					p = &n->by_id;
}

/* The transaction was committed: what it made is there to stay. */
void
names_keep(struct catalogue *c)
{
	struct name *n;
	int k, i;

	for (k = 0; k < NAMES; k++)
		for (i = 0; i < NAMES_HASH; i++)
			for (n = c->names[k].by_id[i]; n; n = n->by_id)
				n->fresh = false;
}

long long
acl_id(struct catalogue *c, const char *word, struct why *w)
{
	return word ? name_id(c, ACL, word, w) : 0;
}

const char *
acl_word(struct catalogue *c, long long id, struct why *w)
{
	const char *word = id > 0 ? name_text(c, ACL, id) : NULL;

	if (id > 0 && word == NULL)
		why_set(w, EXIT_DATA, "%s: an ACL is missing", db_url(c->db));
	return word;
}
