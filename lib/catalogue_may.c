/* Who asks a catalogue, and what they may do. */

#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"

void
catalogue_as(struct catalogue *c, const struct who *who, bool admin)
{
	unsigned i;

	c->who = who;
	c->admin = admin;
	c->depth = -1; /* the rights that it remembers may be others by now */
	for (i = 0; i < sizeof c->decision / sizeof *c->decision; i++)
		c->decision[i].got = -1;
}

/* One who is not to be asked about. */
static bool
trusted(const struct catalogue *c)
{
	return c->who == NULL || c->admin;
}

/* A word's text into out; "" if there is none. */
static void
plain(char out[WHO_MAX + 1], const char *word)
{
	size_t n = word ? strlen(word) : 0;
	long got = -1;

	/* Only what is shorter in the end can be anybody's name. */
	if (n > 0 && n <= WHO_MAX)
		got = word_decode(out, word, n);
	out[got < 0 ? 0 : got] = '\0';
}

/* Its rights as a list: 1; 0 if they are damaged, and so nobody's; -1. */
static int
load(struct catalogue *c, const struct rights *r, struct pacl *a, struct why *w)
{
	const char *word = NULL;
	char *text = NULL;
	long n = 0;
	int got;

	if (r->acl != 0 && (word = acl_word(c, r->acl, w)) == NULL)
		return -1;
	if (word != NULL) {
		if ((text = malloc(strlen(word) + 1)) == NULL)
			die(EXIT_IO, "out of memory");
		n = word_decode(text, word, strlen(word));
		text[n < 0 ? 0 : n] = '\0';
	}
	got = n < 0 || pacl_load(a, r->mode, text, w) < 0 ? 0 : 1;
	free(text);
	return got;
}

/* 1: they may all of want; 0; -1. */
static int
decide(
    struct catalogue *c, const struct rights *r, unsigned want, struct why *w)
{
	char owner[WHO_MAX + 1], group[WHO_MAX + 1];
	struct pacl a;
	int got;

	pacl_init(&a);
	plain(owner, name_text(c, PRINCIPAL, r->owner));
	plain(group, name_text(c, PRINCIPAL, r->group));
	if ((got = load(c, r, &a, w)) > 0)
		got = pacl_may(&a, owner, group, c->who, want);
	pacl_free(&a);
	return got;
}

/* Most entries' rights are those of one that was asked about just before. */
static int
allowed(
    struct catalogue *c, const struct rights *r, unsigned want, struct why *w)
{
	struct decision *d = &c->decision[want & 7];

	if (d->got >= 0 && d->rights.mode == r->mode &&
	    d->rights.owner == r->owner && d->rights.group == r->group &&
	    d->rights.acl == r->acl)
		return d->got;
	d->rights = *r;
	return d->got = decide(c, r, want, w);
}

static int
denied(struct why *w)
{
	return why_set(w, EXIT_DENIED, "permission denied");
}

int
may(struct catalogue *c, const struct rights *r, unsigned want, struct why *w)
{
	int got = trusted(c) ? 1 : allowed(c, r, want, w);

	return got < 0 ? -1 : got > 0 ? 0 : denied(w);
}

int
dir_may(struct catalogue *c, int n, unsigned want, struct why *w)
{
	return may(c, &c->dir[n].rights, want, w);
}

static bool
owns(struct catalogue *c, const struct rights *r)
{
	char owner[WHO_MAX + 1];

	plain(owner, name_text(c, PRINCIPAL, r->owner));
	return strcmp(owner, c->who->dn) == 0;
}

int
may_remove(struct catalogue *c, int n, const struct rights *r, struct why *w)
{
	const struct rights *dir = &c->dir[n].rights;

	if (trusted(c))
		return 0;
	if (may(c, dir, PACL_W | PACL_X, w) < 0)
		return -1;
	if ((dir->mode & PACL_STICKY) != 0 && !owns(c, dir) && !owns(c, r))
		return denied(w);
	return 0;
}

int
may_own(struct catalogue *c, const struct rights *r, struct why *w)
{
	return trusted(c) || owns(c, r) ? 0 : denied(w);
}

int
may_join(struct catalogue *c, const char *group, struct why *w)
{
	char name[WHO_MAX + 1];

	if (trusted(c))
		return 0;
	plain(name, group);
	return who_is(c->who, name) && strcmp(name, c->who->dn) != 0
		   ? 0
		   : denied(w);
}

int
may_admin(struct catalogue *c, struct why *w)
{
	return trusted(c) ? 0 : denied(w);
}

int
catalogue_entry_may(struct catalogue *c, const struct catalogue_entry *e,
    unsigned want, struct why *w)
{
	struct rights r = rights_of(e);

	return may(c, &r, want, w);
}

int
acl_check(const char *word, struct why *w)
{
	size_t n = word ? strlen(word) : 0;
	char *text, *again;
	unsigned mode = 0;
	struct pacl a;
	long got;
	bool same;

	if (word == NULL)
		return 0;
	if (n > 3 * PACL_TEXT_MAX)
		return why_set(w, EXIT_DATA, "acl=: too long");
	if ((text = malloc(n + 1)) == NULL)
		die(EXIT_IO, "out of memory");
	got = word_decode(text, word, n);
	text[got < 0 ? 0 : got] = '\0';
	pacl_init(&a);
	same = got > 0 && pacl_load(&a, 0, text, w) == 0 &&
	       (again = pacl_store(&a, &mode)) != NULL;
	if (same) {
		same = strcmp(text, again) == 0;
		free(again);
	}
	pacl_free(&a);
	free(text);
	return same ? 0 : why_set(w, EXIT_DATA, "acl=: not an entry's list");
}

/* The number of a principal, as it is written in texts. */
static long long
number(struct catalogue *c, const char *name, struct why *w)
{
	char word[WORD_MAX(WHO_MAX)];

	word_encode(word, name, strnlen(name, WHO_MAX));
	return name_id(c, PRINCIPAL, word, w);
}

/* What a directory's defaults make of r. */
static int
inherit(struct catalogue *c, const struct rights *parent, bool dir,
    struct rights *r, struct why *w)
{
	char *text, *word;
	unsigned mode = r->mode;
	struct pacl a;
	size_t n;

	pacl_init(&a);
	if (load(c, parent, &a, w) < 0)
		return -1;
	if (mode == RIGHTS_USUAL)
		mode = dir ? 0777 : 0666;
	text = pacl_inherit(&a, dir, &mode);
	pacl_free(&a);
	if (text == NULL)
		return 0;
	r->mode = mode;
	n = strlen(text);
	if ((word = malloc(WORD_MAX(n))) == NULL)
		die(EXIT_IO, "out of memory");
	word_encode(word, text, n);
	free(text);
	r->acl = acl_id(c, word, w);
	free(word);
	return r->acl < 0 ? -1 : 0;
}

int
rights_new(struct catalogue *c, int n, bool dir, unsigned mode,
    struct rights *r, struct why *w)
{
	const struct rights *parent = &c->dir[n].rights;

	r->mode = mode;
	r->acl = 0;
	if (ourselves(c, w) < 0)
		return -1;
	r->owner = c->owner;
	r->group = c->group;
	if (c->who != NULL) {
		if ((r->owner = number(c, c->who->dn, w)) < 0)
			return -1;
		/* Of one who is in no group it is the directory's. */
		r->group = c->who->fqans > 0 ? number(c, c->who->fqan[0], w)
					     : parent->group;
		if (r->group < 0)
			return -1;
	}
	if (parent->acl != 0 && inherit(c, parent, dir, r, w) < 0)
		return -1;
	if (r->mode == RIGHTS_USUAL)
		r->mode = dir ? 0755 : 0600;
	return 0;
}
