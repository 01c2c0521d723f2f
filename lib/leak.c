#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "leak.h"
#include "spell.h"

#define RING 8192 /* bytes that are remembered, a power of two */
#define AHEAD 2   /* bytes that are looked at after a word */
#define KEYS (1u << 24)
#define LONG 6     /* bytes of which the key of a long pattern is made */
#define DROP 0x100 /* in fold[]: not compared */

/*
 * What is compared is folded: lower case, without separators and escape
 * sequences.  A pattern's key is made of its last LONG bytes, or LEAK_SHORT if
 * it has no more, and a bit for each key says whether there is anything to
 * compare; most bytes of an object are done with after that.
 */
struct pattern {
	struct pattern *next; /* of the same bucket */
	const char *charset;
	unsigned word, weight;
	uint32_t key;
	bool wide, shifted;
	size_t n;
	unsigned char p[]; /* folded */
};

/* Escape sequences of ISO 2022 as they pass. */
struct escape {
	int state;    /* 0; 1 after ESC; 2 after its first byte */
	int first;    /* that byte */
	bool shifted; /* the last one called for two bytes a character */
};

struct leaks {
	unsigned char *bits[2]; /* of KEYS: short, long */
	struct pattern *bucket[1 << 16];
	uint16_t fold[256];

	void (*found)(void *, const struct leak *);
	void *arg;
	unsigned char raw[RING];       /* by offset */
	unsigned char folded[RING];    /* by number of folded bytes */
	unsigned long long from[RING]; /* the offset of each of these */
	unsigned long long at, count;  /* bytes so far, raw and folded */
	uint64_t last;                 /* folded bytes */
	struct escape escape;
	unsigned char held[AHEAD]; /* not yet looked at */
	size_t holds;
	bool pixels; /* what is held is of these */
};

struct leaks *
leaks_new(void)
{
	struct leaks *l = calloc(1, sizeof *l);
	unsigned i;

	if (l == NULL || (l->bits[0] = calloc(KEYS / 8, 1)) == NULL ||
	    (l->bits[1] = calloc(KEYS / 8, 1)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < 256; i++) {
		l->fold[i] = (uint16_t)i;
		if (i >= 'A' && i <= 'Z')
			l->fold[i] = (uint16_t)(i + 'a' - 'A');
		if (spell_separates(i))
			l->fold[i] = DROP;
	}
	return l;
}

void
leaks_free(struct leaks *l)
{
	size_t i;

	if (l == NULL)
		return;
	for (i = 0; i < 1 << 16; i++)
		while (l->bucket[i] != NULL) {
			struct pattern *p = l->bucket[i];

			l->bucket[i] = p->next;
			free(p);
		}
	free(l->bits[0]);
	free(l->bits[1]);
	free(l);
}

static struct pattern **
bucket(struct leaks *l, uint32_t key)
{
	return &l->bucket[(key * 2654435761u) >> 16];
}

static uint32_t
key_short(uint64_t last)
{
	return (uint32_t)last & (KEYS - 1);
}

static uint32_t
key_long(uint64_t last)
{
	return (uint32_t)((last << 16) * 0x9e3779b97f4a7c15u >> 40);
}

/* Is c part of an escape sequence?  It then says nothing itself. */
static bool
escapes(struct escape *e, unsigned c)
{
	bool middle = c >= 0x20 && c <= 0x2f;

	if (c == 033) {
		e->state = 1;
		return true;
	}
	if (e->state == 1 && middle) {
		e->first = (int)c;
		e->state = 2;
		return true;
	}
	if (e->state == 2 && middle)
		return true;
	if (e->state == 2 && c >= 0x30 && c <= 0x7e) {
		e->shifted = e->first == '$';
		e->state = 0;
		return true;
	}
	e->state = 0;
	return false;
}

struct adding {
	struct leaks *l;
	unsigned word;
	unsigned *weight;
};

static void
add(void *arg, const struct spelling *s)
{
	struct adding *a = arg;
	struct pattern *p = calloc(1, sizeof *p + s->n), *q, **b;
	struct escape e = { 0 };
	uint64_t last = 0;
	size_t i;

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < s->n; i++) {
		if (escapes(&e, s->p[i]) || a->l->fold[s->p[i]] == DROP)
			continue;
		p->p[p->n++] = (unsigned char)a->l->fold[s->p[i]];
		last = last << 8 | p->p[p->n - 1];
	}
	p->key = p->n < LONG ? key_short(last) : key_long(last);
	p->charset = s->charset;
	p->word = a->word;
	p->weight = *a->weight;
	p->wide = s->wide;
	p->shifted = s->shifted;
	b = bucket(a->l, p->key);
	for (q = *b; q != NULL; q = q->next)
		if (q->word == p->word && q->n == p->n &&
		    q->shifted == p->shifted && memcmp(q->p, p->p, p->n) == 0)
			break;
	if (q != NULL || p->n < LEAK_SHORT) {
		free(p);
		return;
	}
	a->l->bits[p->n >= LONG][p->key >> 3] |=
	    (unsigned char)(1 << (p->key & 7));
	p->next = *b;
	*b = p;
}

int
leaks_add(
    struct leaks *l, const char *text, size_t n, unsigned word, struct why *w)
{
	unsigned weight = 0;
	struct adding a = { l, word, &weight };

	if (spell(text, n, add, &a, &weight, w) < 0)
		return -1;
	if (weight < LEAK_SHORT)
		return why_set(w, EXIT_DATA,
		    "shorter than %d letters: it would be found everywhere",
		    LEAK_SHORT);
	return 0;
}

void
leaks_begin(
    struct leaks *l, void (*found)(void *, const struct leak *), void *arg)
{
	l->found = found;
	l->arg = arg;
	l->at = l->count = 0;
	l->last = 0;
	l->escape = (struct escape){ 0 };
	l->holds = 0;
}

static bool
letter(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c >= 0x80;
}

/* The byte back before offset at, or -1. */
static int
before(const struct leaks *l, unsigned long long at, unsigned back)
{
	return at < back ? -1 : l->raw[(at - back) & (RING - 1)];
}

/* Neither a letter before it nor one after. */
static bool
alone(const struct leaks *l, const struct pattern *p, unsigned long long at,
    const int next[AHEAD])
{
	if (!p->wide)
		return !letter(before(l, at, 1)) && !letter(next[0]);
	if (p->p[0] == 0) /* high bytes first */
		return !(before(l, at, 2) == 0 && letter(before(l, at, 1))) &&
		       !(next[0] == 0 && letter(next[1]));
	return !(before(l, at, 1) == 0 && letter(before(l, at, 2))) &&
	       !(next[1] == 0 && letter(next[0]));
}

static void
compare(struct leaks *l, const struct pattern *p, const int next[AHEAD])
{
	struct leak hit = { p->word, p->charset, 0 };
	size_t i;

	if (l->count < p->n || (p->shifted && !l->escape.shifted) ||
	    (l->pixels && p->weight < LEAK_PIXEL))
		return;
	for (i = 0; i < p->n; i++)
		if (l->folded[(l->count - p->n + i) & (RING - 1)] != p->p[i])
			return;
	hit.at = l->from[(l->count - p->n) & (RING - 1)];
	if (l->at - hit.at >= RING - AHEAD)
		return; /* that is no separator */
	if (p->weight < LEAK_ALONE && !alone(l, p, hit.at, next))
		return;
	l->found(l->arg, &hit);
}

static inline void
look(struct leaks *l, bool is_long, uint32_t key, const int ahead[AHEAD])
{
	const struct pattern *p;

	if ((l->bits[is_long][key >> 3] >> (key & 7) & 1) == 0)
		return;
	for (p = *bucket(l, key); p != NULL; p = p->next)
		if (p->key == key && (p->n >= LONG) == is_long)
			compare(l, p, ahead);
}

/* One byte, and the two after it, -1 beyond the end. */
static void
step(struct leaks *l, unsigned c, int next, int after)
{
	const int ahead[AHEAD] = { next, after };
	unsigned f = l->fold[c];
	unsigned i = (unsigned)l->count & (RING - 1);

	l->raw[l->at++ & (RING - 1)] = (unsigned char)c;
	if ((c == 033 || l->escape.state != 0) && escapes(&l->escape, c))
		return;
	if (f == DROP)
		return;
	l->folded[i] = (unsigned char)f;
	l->from[i] = l->at - 1;
	l->count++;
	l->last = l->last << 8 | f;
	look(l, 0, key_short(l->last), ahead);
	look(l, 1, key_long(l->last), ahead);
}

void
leaks_feed(struct leaks *l, const void *bytes, size_t n, bool pixels)
{
	const unsigned char *p = bytes;
	size_t i;

	/* What was held back, now that what follows is known. */
	while (l->holds > 0 && n > 0) {
		if (l->holds == AHEAD) {
			step(l, l->held[0], l->held[1], p[0]);
			l->held[0] = l->held[1];
			l->holds--;
		} else if (n > 1) {
			step(l, l->held[0], p[0], p[1]);
			l->holds--;
		} else {
			break;
		}
	}
	l->pixels = pixels;
	for (i = 0; i + AHEAD < n && l->holds == 0; i++)
		step(l, p[i], p[i + 1], p[i + 2]);
	for (; i < n; i++)
		l->held[l->holds++] = p[i];
}

void
leaks_end(struct leaks *l)
{
	if (l->holds == AHEAD)
		step(l, l->held[0], l->held[1], -1);
	if (l->holds > 0)
		step(l, l->held[l->holds - 1], -1, -1);
	l->holds = 0;
}
