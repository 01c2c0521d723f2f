#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleantext.h"
#include "hash.h"
#include "text.h"
#include "textpat.h"

#define TOKENS_MAX 16   /* of one thing to find */
#define AFFIXES_MAX 256 /* names that are looked for within words */
#define GLUE_MAX 3      /* characters between the tokens of one thing */
#define WORDS_MAX ((size_t)64 << 20)

/* How a thing that was found counts. */
enum {
	STRONG = 1, /* take it out */
	WEAK = 2,   /* if beside something that was taken out */
	WHOLE = 4,  /* if it is all of the value */
};

/* Things to find: folded letters and digits without anything between them. */
struct entry {
	uint32_t hash, at, len, generation;
	unsigned char how;
};

struct set {
	struct entry *slot; /* open addressing, a power of two */
	size_t slots, used;
	uint32_t *arena;
	size_t arena_len, arena_size;
	uint32_t generation; /* of the entries that count */
	size_t longest;      /* in tokens */
};

struct cleantext {
	struct set words, object;
	struct text text, note, other;
	struct {
		uint32_t at, len;
	} affix[AFFIXES_MAX]; /* names, in object.arena */
	size_t affixes;
	unsigned char *weak; /* of each token of text */
	size_t weak_size;
	unsigned char digest[32];
	bool has_words;
};

static void *
grown(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n, size);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

static uint32_t
mix(uint32_t hash, uint32_t code)
{
	hash = (hash ^ code) * 0x9e3779b1u;
	return hash ^ hash >> 15;
}

static uint32_t
hash_of(const uint32_t *p, size_t n)
{
	uint32_t h = 0;
	size_t i;

	for (i = 0; i < n; i++)
		h = mix(h, p[i]);
	return h;
}

/* Where p is, or would be. */
static struct entry *
find(const struct set *s, uint32_t hash, const uint32_t *p, size_t n)
{
	size_t i = hash & (s->slots - 1);

	for (;; i = (i + 1) & (s->slots - 1)) {
		struct entry *e = &s->slot[i];

		if (e->generation != s->generation ||
		    (e->hash == hash && e->len == n &&
			memcmp(s->arena + e->at, p, n * sizeof *p) == 0))
			return e;
	}
}

static void
set_clear(struct set *s)
{
	s->generation++;
	s->used = s->arena_len = s->longest = 0;
}

static void
set_grow(struct set *s)
{
	struct set n = *s;
	size_t i;

	n.slots = s->slots ? 2 * s->slots : 512;
	n.generation = 1;
	if ((n.slot = calloc(n.slots, sizeof *n.slot)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < s->slots; i++) {
		const struct entry *e = &s->slot[i];

		if (e->generation != s->generation)
			continue;
		*find(&n, e->hash, s->arena + e->at, e->len) = *e;
		find(&n, e->hash, s->arena + e->at, e->len)->generation = 1;
	}
	free(s->slot);
	*s = n;
}

/* Add n letters that come as that many tokens.  Returns where they are. */
static uint32_t
set_add(struct set *s, const uint32_t *p, size_t n, size_t tokens, int how)
{
	uint32_t hash = hash_of(p, n);
	struct entry *e;

	if (2 * s->used >= s->slots)
		set_grow(s);
	e = find(s, hash, p, n);
	if (e->generation == s->generation) {
		e->how |= (unsigned char)how;
		return e->at;
	}
	if (s->arena_len + n > s->arena_size) {
		s->arena_size = 2 * (s->arena_len + n) + 1024;
		s->arena = grown(s->arena, s->arena_size, sizeof *s->arena);
	}
	memcpy(s->arena + s->arena_len, p, n * sizeof *p);
	*e = (struct entry){ hash, (uint32_t)s->arena_len, (uint32_t)n,
		s->generation, (unsigned char)how };
	s->arena_len += n;
	s->used++;
	if (tokens > s->longest)
		s->longest = tokens < TOKENS_MAX ? tokens : TOKENS_MAX;
	return e->at;
}

struct cleantext *
cleantext_new(void)
{
	struct cleantext *c = calloc(1, sizeof *c);

	if (c == NULL)
		die(EXIT_IO, "out of memory");
	charset_init();
	c->words.generation = c->object.generation = 1;
	set_grow(&c->words);
	set_grow(&c->object);
	return c;
}

void
cleantext_free(struct cleantext *c)
{
	if (c == NULL)
		return;
	free(c->words.slot);
	free(c->words.arena);
	free(c->object.slot);
	free(c->object.arena);
	text_free(&c->text);
	text_free(&c->note);
	text_free(&c->other);
	free(c->weak);
	free(c);
}

void
cleantext_begin(struct cleantext *c)
{
	set_clear(&c->object);
	c->affixes = 0;
}

/*
 * Words that names and addresses share with every text.  Alone they tell
 * nothing; beside a part of a name they are one.
 */
static bool
common(const struct text *t, size_t k)
{
	static const char *const word[] = { "a", "abt", "al", "allgemeines",
		"and", "anonym", "anonymous", "anonymized", "at", "av", "ave",
		"avenue", "az", "bei", "boulevard", "center", "centre",
		"centro", "chir", "city", "clinic", "clinica", "clinical",
		"clinique", "county", "cr", "ct", "de", "del", "della",
		"department", "dept", "der", "des", "di", "diagnostic",
		"diagnostics", "die", "do", "dr", "du", "dx", "el", "es", "for",
		"fur", "general", "health", "healthcare", "hopital", "hosp",
		"hospital", "hospitalier", "ii", "iii", "im", "image",
		"imaging", "in", "inst", "institut", "institute", "iv", "jr",
		"klinik", "klinikum", "krankenhaus", "la", "le", "les", "los",
		"md", "medical", "medicine", "medizin", "mg", "mr", "mri",
		"mrs", "ms", "na", "national", "nm", "no", "none", "of",
		"ospedale", "ot", "patient", "pet", "phantom", "phd", "prof",
		"pt", "radiologie", "radiology", "rd", "regional", "research",
		"rf", "road", "room", "rt", "saint", "scan", "scanner",
		"school", "sir", "spital", "sr", "st", "state", "str",
		"strasse", "street", "surgery", "system", "systems", "test",
		"the", "trust", "und", "uni", "unit", "univ", "universitaire",
		"universitat", "universitatsklinikum", "university", "unknown",
		"us", "van", "von", "xa", "zentrum", "zu", "zum", "zur" };
	size_t i;

	for (i = 0; i < sizeof word / sizeof *word; i++)
		if (text_is(t, k, word[i]))
			return true;
	return false;
}

static void
add_affix(struct cleantext *c, uint32_t at, uint32_t len)
{
	if (c->affixes == AFFIXES_MAX || len < 3)
		return;
	c->affix[c->affixes].at = at;
	c->affix[c->affixes++].len = len;
}

/* Tokens [first, end) of what is noted, as one thing. */
static void
add_joined(struct cleantext *c, const struct text *t, size_t first, size_t end,
    int how)
{
	const struct text_token *a = &t->token[first], *b = &t->token[end - 1];

	set_add(&c->object, t->folded + a->at, b->at + b->len - a->at,
	    end - first, how);
}

/* Muller, Mueller and Müller are one name. */
static void
add_variants(struct cleantext *c, const struct text *t, size_t k)
{
	const struct text_token *x = &t->token[k];
	uint32_t v[2 * 64];
	size_t i, n = 0;

	if (x->len > 64 || x->end - x->first > 64)
		return;
	for (i = 0; i < x->len; i++) {
		uint32_t now = t->folded[x->at + i];

		if (now == 'e' && n > 0 && x->len > 4 &&
		    (v[n - 1] == 'a' || v[n - 1] == 'o' || v[n - 1] == 'u'))
			continue;
		v[n++] = now;
	}
	if (n < x->len)
		add_affix(c, set_add(&c->object, v, n, 1, STRONG), (uint32_t)n);
	for (i = x->first, n = 0; i < x->end; i++) {
		uint32_t code = t->chars[i].code, f[2];
		int m = charset_fold(code, f);

		if (m > 0)
			v[n++] = f[0];
		if (m == 2)
			v[n++] = f[1];
		else if (m == 1 &&
			 (code == 0xc4 || code == 0xe4 || code == 0xd6 ||
			     code == 0xf6 || code == 0xdc || code == 0xfc ||
			     code == 0xd8 || code == 0xf8))
			v[n++] = 'e';
	}
	if (n > x->len)
		add_affix(c, set_add(&c->object, v, n, 1, STRONG), (uint32_t)n);
}

/* One token of a name or a place. */
static void
note_token(struct cleantext *c, const struct text *t, size_t k,
    enum cleantext_kind kind)
{
	const struct text_token *x = &t->token[k];
	bool name = kind == CLEANTEXT_NAME;
	bool strong;

	switch (x->class) {
	case CHARSET_DIGIT:
		strong = x->len >= 4;
		break;
	case CHARSET_LETTER:
		strong = x->len >= (name ? 2u : 3u) && !common(t, k);
		break;
	default:
		strong = false; /* a run of them, see note_run() */
	}
	add_joined(c, t, k, k + 1, strong ? STRONG : WEAK);
	if (!name || x->class != CHARSET_LETTER)
		return;
	set_add(&c->object, t->folded + x->at, 1, 1, WEAK); /* its initial */
	if (!strong)
		return;
	add_affix(c,
	    find(&c->object, hash_of(t->folded + x->at, x->len),
		t->folded + x->at, x->len)
		->at,
	    x->len);
	add_variants(c, t, k);
}

/* The part of a value that ends before character end: up to which token? */
static size_t
tokens_to(const struct text *t, size_t k, size_t end)
{
	while (k < t->tokens && t->token[k].first < end)
		k++;
	return k;
}

static size_t
next_delimiter(const struct text *t, size_t i, const char *delimiters)
{
	while (
	    i < t->count && (text_ascii(t, i) == 0 ||
				strchr(delimiters, text_ascii(t, i)) == NULL))
		i++;
	return i;
}

/* Surname and given name of a script without spaces, in the other order. */
static void
note_turned(struct cleantext *c, const struct text *t, size_t first,
    size_t middle, size_t end)
{
	uint32_t v[64];
	const struct text_token *a = &t->token[first], *m = &t->token[middle],
				*z = &t->token[end - 1];
	size_t n1 = m->at - a->at, n2 = z->at + z->len - m->at;

	if (a->class != CHARSET_WORD || n1 + n2 > 64)
		return;
	memcpy(v, t->folded + m->at, n2 * sizeof *v);
	memcpy(v + n2, t->folded + a->at, n1 * sizeof *v);
	set_add(&c->object, v, n1 + n2, end - first, STRONG);
}

/* A person's name in one script: components between '^'. */
static void
note_name(
    struct cleantext *c, const struct text *t, size_t k, size_t from, size_t to)
{
	size_t first = k, middle = 0, i, end, last;

	for (i = from; i < to; i = end + 1) {
		end = next_delimiter(t, i, "^");
		if (end > to)
			end = to;
		last = tokens_to(t, k, end);
		/* Also what is two words here and one elsewhere: O'Brien. */
		if (last > k + 1)
			add_joined(c, t, k, last, STRONG);
		if (middle == 0)
			middle = last;
		for (; k < last; k++)
			note_token(c, t, k, CLEANTEXT_NAME);
	}
	if (k > first + 1 && t->token[first].class == CHARSET_WORD)
		add_joined(c, t, first, k, STRONG);
	if (middle > first && middle < k)
		note_turned(c, t, first, middle, k);
}

static void
note_id(struct cleantext *c, const struct text *t, size_t first, size_t end)
{
	const struct text_token *a = &t->token[first], *b = &t->token[end - 1];
	size_t len = b->at + b->len - a->at, k, zeros;
	bool mixed = false, plain = true;

	for (k = first; k < end; k++) {
		mixed |= t->token[k].class != a->class;
		plain &= t->token[k].class == CHARSET_DIGIT;
		/* Its number, without the letters before it. */
		if (t->token[k].class == CHARSET_DIGIT && t->token[k].len >= 4)
			add_joined(c, t, k, k + 1, STRONG);
	}
	add_joined(c, t, first, end,
	    len >= 4 || (len == 3 && mixed)
		? (end == first + 1 && common(t, first) ? WHOLE : STRONG)
		: WHOLE);
	for (zeros = 0;
	     plain && t->folded[a->at + zeros] == '0' && zeros + 4 < len;)
		zeros++;
	if (zeros > 0)
		set_add(&c->object, t->folded + a->at + zeros, len - zeros,
		    end - first, STRONG);
}

/* YYYYMMDD, and what people make of it. */
static void
note_date(struct cleantext *c, const struct text *t, size_t k)
{
	static const char order[][9] = { "01234567", "67450123", "45670123",
		"234567", "674523", "456723" };
	const uint32_t *p = t->folded + t->token[k].at;
	uint32_t v[8];
	size_t i, j;

	if (t->token[k].class != CHARSET_DIGIT || t->token[k].len < 8)
		return;
	for (i = 0; i < sizeof order / sizeof *order; i++) {
		for (j = 0; order[i][j] != '\0'; j++)
			v[j] = p[order[i][j] - '0'];
		/* in text it may be three tokens */
		set_add(&c->object, v, j, 3, STRONG);
	}
}

static void
note_time(struct cleantext *c, const struct text *t, size_t k)
{
	if (t->token[k].class == CHARSET_DIGIT && t->token[k].len >= 6)
		set_add(&c->object, t->folded + t->token[k].at, 6, 3, STRONG);
}

/* One of the values that were noted: characters [from, to). */
static void
note_value(struct cleantext *c, enum cleantext_kind kind, const struct text *t,
    size_t k, size_t from, size_t to)
{
	size_t end = tokens_to(t, k, to), run;

	if (k == end)
		return;
	switch (kind) {
	case CLEANTEXT_NAME:
		note_name(c, t, k, from, to);
		break;
	case CLEANTEXT_ID:
		note_id(c, t, k, end);
		break;
	case CLEANTEXT_PLACE:
		for (; k < end; k++) {
			note_token(c, t, k, kind);
			for (run = k; run < end && run - k < TOKENS_MAX &&
				      t->token[run].class == CHARSET_WORD;)
				run++;
			if (run > k + 1)
				add_joined(c, t, k, run, STRONG);
		}
		break;
	case CLEANTEXT_DATE:
		note_date(c, t, k);
		break;
	case CLEANTEXT_TIME:
		note_time(c, t, k);
		break;
	}
}

static void
note_as(struct cleantext *c, enum cleantext_kind kind,
    const struct charset *set, const void *value, size_t n)
{
	const char *ends = kind == CLEANTEXT_NAME ? "=\\" : "\\";
	struct text *t = &c->note;
	size_t i, k = 0, end;

	text_read(t, set, value, n);
	for (i = 0; i < t->count; i = end + 1) {
		end = next_delimiter(t, i, ends);
		note_value(c, kind, t, k, i, end);
		k = tokens_to(t, k, end);
	}
}

/* Is it UTF-8 that its object does not call so? */
static bool
also_utf8(const struct charset *set, const void *value, size_t n)
{
	return !charset_is_utf8(set) && !charset_plain(value, n) &&
	       charset_valid_utf8(value, n);
}

void
cleantext_note(struct cleantext *c, enum cleantext_kind kind,
    const struct charset *set, const void *value, size_t n)
{
	struct charset other;

	if (n > TEXT_MAX)
		n = TEXT_MAX;
	note_as(c, kind, set, value, n);
	if (also_utf8(set, value, n)) {
		charset_utf8(&other);
		note_as(c, kind, &other, value, n);
	}
}

/*
 * The longest thing that begins with token k: its end, or k; of things that
 * count only as a whole value, if all is set.  *how is what it
 * counts as; one that is weak is noted for its token.
 */
static size_t
match(const struct set *s, const struct text *t, size_t k, bool all, int *how)
{
	const struct text_token *x = &t->token[k];
	size_t i, j, found = k;
	uint32_t hash = 0;

	*how = 0;
	if (s->used == 0)
		return k;
	for (i = k; i < t->tokens && i - k < s->longest; i++) {
		const struct text_token *y = &t->token[i];
		const struct entry *e;

		if (i > k && y->first - t->token[i - 1].end > GLUE_MAX)
			break;
		for (j = 0; j < y->len; j++)
			hash = mix(hash, t->folded[y->at + j]);
		e = find(s, hash, t->folded + x->at, y->at + y->len - x->at);
		if (e->generation != s->generation)
			continue;
		if ((e->how & STRONG) ||
		    (all && (e->how & WHOLE) && k == 0 && i + 1 == t->tokens)) {
			*how |= STRONG;
			found = i + 1;
		} else if (i == k) {
			*how |= e->how & WEAK;
		}
	}
	return found;
}

static bool
same(const struct cleantext *c, size_t i, const uint32_t *p, size_t n)
{
	return c->affix[i].len == n &&
	       memcmp(c->object.arena + c->affix[i].at, p, n * sizeof *p) == 0;
}

/* Is p, after a name, another, an initial, or the ending of a genitive? */
static bool
rest_of_name(const struct cleantext *c, const uint32_t *p, size_t n)
{
	size_t i;

	if (n <= 2)
		return true;
	for (i = 0; i < c->affixes; i++)
		if (same(c, i, p, n))
			return true;
	return false;
}

/*
 * Names that are part of a longer word: johndoe, jdoe, Schmidts.  A long name
 * anywhere within it; a short one must leave no more than a name.
 */
static bool
name_within(const struct cleantext *c, const struct text *t, size_t k)
{
	const uint32_t *p = t->folded + t->token[k].at;
	size_t n = t->token[k].len, i, j;

	for (i = 0; i < c->affixes; i++) {
		const uint32_t *a = c->object.arena + c->affix[i].at;
		size_t m = c->affix[i].len;

		if (m >= n)
			continue;
		for (j = 0; j + m <= n; j++) {
			if (p[j] != a[0] ||
			    memcmp(p + j, a, m * sizeof *p) != 0)
				continue;
			if (m >= 6 ||
			    (j == 0 && rest_of_name(c, p + m, n - m) &&
				(m >= 4 || n - m != 2)) ||
			    (j + m == n && j <= 2 && (m >= 4 || j == 1)))
				return true;
		}
	}
	return false;
}

/* Is token k within a longer word, as the T of T2? */
static bool
glued(const struct text *t, size_t k)
{
	const struct text_token *x = &t->token[k];

	return (k > 0 && x[-1].end == x->first && !x[-1].taken) ||
	       (k + 1 < t->tokens && x[1].first == x->end && !x[1].taken);
}

/* What is weak goes with what it is beside. */
static void
spread(struct text *t, const unsigned char *weak)
{
	struct text_token *x = t->token;
	size_t k;

	for (k = 1; k < t->tokens; k++)
		if (weak[k] && !x[k].taken && x[k - 1].taken &&
		    x[k].first - x[k - 1].end <= GLUE_MAX &&
		    (x[k].class == CHARSET_WORD || !glued(t, k)))
			text_take(t, k, k + 1);
	for (k = t->tokens; k-- > 1;)
		if (weak[k - 1] && !x[k - 1].taken && x[k].taken &&
		    x[k].first - x[k - 1].end <= GLUE_MAX &&
		    (x[k - 1].class == CHARSET_WORD || !glued(t, k - 1)))
			text_take(t, k - 1, k);
}

/* A single character that is a name, where nothing else is a word. */
static bool
alone(const struct text *t, size_t k)
{
	return t->token[k].class == CHARSET_WORD &&
	       (k == 0 || t->token[k - 1].end < t->token[k].first) &&
	       (k + 1 == t->tokens || t->token[k + 1].first > t->token[k].end);
}

static void
take_identity(struct cleantext *c, struct text *t, bool all)
{
	size_t k, end, also;
	int how, more;

	if (t->tokens > c->weak_size) {
		c->weak_size = 2 * t->tokens;
		c->weak = grown(c->weak, c->weak_size, 1);
	}
	for (k = 0; k < t->tokens; k++) {
		end = match(&c->object, t, k, all, &how);
		also = match(&c->words, t, k, all, &more);
		if (also > end)
			end = also;
		c->weak[k] = (how & WEAK) != 0;
		if (end == k && (how & WEAK) && alone(t, k))
			end = k + 1;
		if (end == k && t->token[k].class == CHARSET_LETTER &&
		    t->token[k].len >= 4 && name_within(c, t, k))
			end = k + 1;
		text_take(t, k, end);
	}
	if (t->any)
		spread(t, c->weak);
}

enum cleantext_result
cleantext_clean(struct cleantext *c, const struct charset *set,
    const void *value, size_t n, char fill, const void **out, size_t *out_n)
{
	struct charset other;
	bool twice;

	if (n > TEXT_MAX)
		return CLEANTEXT_CANNOT;
	twice = also_utf8(set, value, n);
	text_read(&c->text, set, value, n);
	take_identity(c, &c->text, true);
	textpat_take(&c->text);
	*out = value;
	*out_n = n;
	if (c->text.any)
		*out = text_write(&c->text, fill, out_n);
	if (twice) {
		charset_utf8(&other);
		text_read(&c->other, &other, *out, *out_n);
		take_identity(c, &c->other, true);
		textpat_take(&c->other);
		if (c->other.any)
			*out = text_write(&c->other, fill, out_n);
	}
	return c->text.any || (twice && c->other.any) ? CLEANTEXT_CHANGED
						      : CLEANTEXT_SAME;
}

/* Runs of UTF-16 that is ASCII, brought together: the bytes, or 0. */
static size_t
narrow(const unsigned char *p, size_t n, char *out)
{
	size_t i, m = 0;

	for (i = 0; i < n; i++)
		if (p[i] != 0)
			out[m++] = (char)p[i];
	return m;
}

bool
cleantext_within(struct cleantext *c, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	struct charset set;
	char *flat;
	bool hit = false;
	size_t m;

	if (n > TEXT_MAX)
		return true; /* not known not to */
	charset_utf8(&set);
	text_read(&c->text, &set, p, n);
	take_identity(c, &c->text, false);
	hit = c->text.any;
	if (!hit && memchr(p, 0, n) != NULL) {
		flat = grown(NULL, n, 1);
		m = narrow(p, n, flat);
		text_read(&c->text, &set, flat, m);
		take_identity(c, &c->text, false);
		hit = c->text.any;
		free(flat);
	}
	return hit;
}

/* One line of the site's words. */
static void
add_line(struct cleantext *c, const char *p, size_t n)
{
	const struct text_token *last;
	struct charset set;
	size_t k;

	charset_utf8(&set);
	text_read(&c->note, &set, p, n < TEXT_MAX ? n : TEXT_MAX);
	if ((k = c->note.tokens) == 0)
		return;
	if (k > TOKENS_MAX) /* its beginning will do */
		k = TOKENS_MAX;
	last = &c->note.token[k - 1];
	set_add(&c->words, c->note.folded, last->at + last->len, k, STRONG);
}

int
cleantext_words(struct cleantext *c, int fd, const char *name, struct why *w)
{
	unsigned char both[2 * sizeof c->digest];
	char *buf = NULL, *p, *end;
	size_t n = 0, size = 0;
	ssize_t got;

	do {
		if (size - n < 1 << 16)
			buf = grown(buf, size = 2 * size + (1 << 17), 1);
		if ((got = read(fd, buf + n, size - n)) < 0) {
			free(buf);
			return why_set(w, EXIT_IO, "%s: cannot be read", name);
		}
		n += (size_t)got;
	} while (got > 0 && n <= WORDS_MAX);
	if (n > WORDS_MAX) {
		free(buf);
		return why_set(w, EXIT_DATA, "%s: more than 64 MiB", name);
	}
	for (p = buf; p < buf + n; p = end + 1) {
		end = memchr(p, '\n', (size_t)(buf + n - p));
		if (end == NULL)
			end = buf + n;
		add_line(c, p, (size_t)(end - p));
	}
	sha256(both + sizeof c->digest, buf, n);
	memcpy(both, c->digest, sizeof c->digest);
	sha256(c->digest, both, sizeof both);
	c->has_words = true;
	free(buf);
	return 0;
}

bool
cleantext_digest(const struct cleantext *c, unsigned char out[32])
{
	memcpy(out, c->digest, sizeof c->digest);
	return c->has_words;
}
