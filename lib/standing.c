#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "share.h"
#include "standing.h"

/* The word of that field is one of the two: 1, 0; else -1. */
static int
good_or_damaged(const struct line *l, const char *key)
{
	const char *word = line_word(l, key);

	if (word != NULL && strcmp(word, "good") == 0)
		return 1;
	return word != NULL && strcmp(word, "damaged") == 0 ? 0 : -1;
}

static int
read_error(struct standing *s, const char *error, struct why *w)
{
	if (strcmp(error, "missing") == 0)
		s->has = STANDING_MISSING;
	else if (strcmp(error, "removed") == 0)
		s->has = STANDING_REMOVED;
	else if (strcmp(error, "denied") == 0)
		s->has = STANDING_DENIED;
	else if (strcmp(error, "damaged") == 0)
		s->has = STANDING_SEALED;
	else
		return why_set(
		    w, EXIT_DATA, "store %u: answers error=%s", s->x, error);
	return 0;
}

/* "1,2": the other epochs.  0, or -1. */
static int
read_beside(struct standing *s, const char *list)
{
	const char *p = list;
	char *end;

	for (; p != NULL; p = *end == ',' ? end + 1 : NULL) {
		if (*p < '1' || *p > '9' || s->epochs == STANDING_EPOCHS)
			return -1;
		errno = 0;
		s->epoch[s->epochs++] = strtoull(p, &end, 10);
		if (errno != 0 || (*end != '\0' && *end != ','))
			return -1;
	}
	return 0;
}

int
standing_read(struct standing *s, unsigned x, unsigned threshold,
    const struct line *answer, struct why *w)
{
	const char *error = line_word(answer, "error");
	unsigned long long k, n, e;
	int share, rights;
	struct why wrong;

	memset(s, 0, sizeof *s);
	s->x = x;
	if (error != NULL)
		return read_error(s, error, w);
	share = good_or_damaged(answer, "share");
	rights = good_or_damaged(answer, "rights");
	if (share < 0 || rights < 0 ||
	    line_number(answer, "k", &k, &wrong) < 0 ||
	    line_number(answer, "n", &n, &wrong) < 0 ||
	    line_number(answer, "e", &e, &wrong) < 0 || n > SHARE_N ||
	    line_hex(answer, "sum", s->sum, sizeof s->sum, &wrong) < 0 ||
	    (rights && line_hex(answer, "state", s->state, sizeof s->state,
			   &wrong) < 0))
		return why_set(
		    w, EXIT_DATA, "store %u: its answer is malformed", x);
	if (k > SHARE_N || read_beside(s, line_word(answer, "beside")) < 0)
		return why_set(
		    w, EXIT_DATA, "store %u: its answer is malformed", x);
	s->has = STANDING_THERE;
	s->k = (unsigned)k;
	s->n = (unsigned)n;
	s->e = e;
	s->good = share;
	s->believed = share && k >= threshold && k <= n && x <= n;
	s->rights = rights;
	return 0;
}

bool
standing_same(const struct standing *a, const struct standing *b)
{
	return a->believed && b->believed && a->e == b->e &&
	       memcmp(a->sum, b->sum, sizeof a->sum) == 0;
}

static bool
same_rights(const struct standing *a, const struct standing *b)
{
	return a->rights && b->rights &&
	       memcmp(a->state, b->state, sizeof a->state) == 0;
}

/*
 * The one that most are the same as; of equals the later epoch, then the
 * lower x.  NULL if none is even the same as itself.
 */
static const struct standing *
most(struct standing *const *s, unsigned count, unsigned *votes,
    bool (*same)(const struct standing *, const struct standing *))
{
	const struct standing *best = NULL;
	unsigned i, j, n;

	for (i = *votes = 0; i < count; i++) {
		for (j = n = 0; j < count; j++)
			n += same(s[i], s[j]);
		if (n > *votes || (n > 0 && n == *votes && s[i]->e > best->e)) {
			best = s[i];
			*votes = n;
		}
	}
	return best;
}

/* What is said of a key: lists of stores. */
enum { HAVE, MISSING, REMOVED, BESIDE, FEW, DIFFER, DAMAGED, RIGHTS, EPOCHS };
struct finding {
	char list[EPOCHS + 1][255 * 4 + 1];
};

static void
note(struct finding *f, int what, unsigned x)
{
	size_t n = strlen(f->list[what]);

	snprintf(f->list[what] + n, sizeof f->list[what] - n, "%s%u",
	    n > 0 ? "," : "", x);
}

static void
judge(struct finding *f, const struct standing *s,
    const struct standing *sharing, const struct standing *rights)
{
	if (s->has == STANDING_MISSING || s->has == STANDING_REMOVED) {
		if (s->has == STANDING_REMOVED)
			note(f, REMOVED, s->x);
		/* A store that came later was given no share. */
		if (sharing == NULL || s->x <= sharing->n)
			note(f, MISSING, s->x);
		return;
	}
	note(f, HAVE, s->x);
	if (!s->rights || !same_rights(s, rights))
		note(f, RIGHTS, s->x);
	if (s->has == STANDING_SEALED)
		return;
	if (s->epochs > 0)
		note(f, BESIDE, s->x);
	if (!s->good)
		note(f, DAMAGED, s->x);
	else if (sharing != NULL && s->believed && s->e != sharing->e)
		note(f, EPOCHS, s->x);
	else if (!s->believed || !standing_same(s, sharing))
		note(f, DIFFER, s->x);
}

void
standing_compare(const char *guid, struct standing *const *s, unsigned count,
    void (*put)(void *arg, const struct line *l), void *arg)
{
	static const char *const kind[] = { [FEW] = "few",
		[DIFFER] = "differ",
		[DAMAGED] = "damaged",
		[RIGHTS] = "rights",
		[EPOCHS] = "epochs" };
	struct finding f = { 0 };
	const struct standing *sharing, *rights;
	struct line l;
	unsigned i, good, votes;

	sharing = most(s, count, &good, standing_same);
	rights = most(s, count, &votes, same_rights);
	for (i = 0; i < count; i++)
		judge(&f, s[i], sharing, rights);
	line_init(&l, false);
	for (i = FEW; i <= EPOCHS; i++) {
		if (!*f.list[i] && !(i == FEW && *f.list[MISSING]) &&
		    !(i == EPOCHS && *f.list[BESIDE]))
			continue;
		line_reset(&l);
		line_set_name_word(&l, guid);
		line_set_word(&l, "kind", kind[i]);
		line_set(&l, "stores", f.list[HAVE], strlen(f.list[HAVE]));
		line_set(
		    &l, "missing", f.list[MISSING], strlen(f.list[MISSING]));
		line_set(&l, "wrong", f.list[i], strlen(f.list[i]));
		line_set_number(&l, "good", good);
		if (*f.list[REMOVED])
			line_set_word(&l, "removed", f.list[REMOVED]);
		if (*f.list[BESIDE])
			line_set_word(&l, "beside", f.list[BESIDE]);
		put(arg, &l);
	}
	line_free(&l);
}
