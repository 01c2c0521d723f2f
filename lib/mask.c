#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "mask.h"
#include "opt.h"
#include "word.h"

#define FILE_MAX ((size_t)4 << 20)
#define SIDE_MAX 65535 /* rows and columns are 16 bits */
#define AREAS 32

struct area {
	bool keep;           /* blacken all but the areas kept */
	unsigned x, y, w, h; /* w, h: SIDE_MAX is to the edge */
};

enum { CLASS, MODALITY, MANUFACTURER, MODEL, TYPE, PATTERNS };
static const char *const pattern_keys[PATTERNS] = { "class", "modality",
	"manufacturer", "model", "type" };

struct mask {
	char name[65];
	char *pattern[PATTERNS]; /* NULL: any */
	long rows, columns;      /* -1: any; 0: not said */
	struct area area[AREAS];
	unsigned areas;
	bool keeps; /* one of them is kept */
};

struct masks {
	struct mask *v;
	size_t n;
	char digest[17];
};

/* An unsigned number, or * for any. */
static int
number(const char *s, const char *end, long any, long *v)
{
	if (end - s == 1 && *s == '*') {
		*v = any;
		return 0;
	}
	if (s == end || end - s > 5)
		return -1;
	for (*v = 0; s < end; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		*v = *v * 10 + (*s - '0');
	}
	return *v <= SIDE_MAX ? 0 : -1;
}

/* X,Y,W,H */
static int
area(struct mask *m, bool keep, const char *s)
{
	struct area *a = &m->area[m->areas];
	const char *end;
	long v[4];
	int i;

	if (m->areas == AREAS)
		return -1;
	for (i = 0; i < 4; i++, s = end + 1) {
		end = strchrnul(s, ',');
		if ((*end == '\0') != (i == 3) ||
		    number(s, end, i < 2 ? -1 : SIDE_MAX, &v[i]) < 0 ||
		    v[i] < (i < 2 ? 0 : 1))
			return -1;
	}
	a->keep = keep;
	a->x = (unsigned)v[0];
	a->y = (unsigned)v[1];
	a->w = (unsigned)v[2];
	a->h = (unsigned)v[3];
	m->keeps |= keep;
	m->areas++;
	return 0;
}

static char *
decoded(const char *word)
{
	size_t n = strlen(word);
	char *s = malloc(n + 1);
	long k;

	if (s == NULL)
		die(EXIT_IO, "out of memory");
	if ((k = word_decode(s, word, n)) < 0 || memchr(s, '\0', (size_t)k)) {
		free(s);
		return NULL;
	}
	s[k] = '\0';
	return s;
}

/* KEY=WORD: 0, or -1 if that is nothing. */
static int
field(struct mask *m, char *text)
{
	char *value = strchr(text, '=');
	int i;

	if (value == NULL)
		return -1;
	*value++ = '\0';
	if (strcmp(text, "black") == 0 || strcmp(text, "keep") == 0)
		return area(m, *text == 'k', value);
	if (strcmp(text, "rows") == 0)
		return m->rows != 0
			   ? -1
			   : number(value, strchr(value, '\0'), -1, &m->rows);
	if (strcmp(text, "columns") == 0)
		return m->columns != 0 ? -1
				       : number(value, strchr(value, '\0'), -1,
					     &m->columns);
	for (i = 0; i < PATTERNS; i++)
		if (strcmp(text, pattern_keys[i]) == 0) {
			if (m->pattern[i] != NULL)
				return -1;
			m->pattern[i] = decoded(value);
			return m->pattern[i] ? 0 : -1;
		}
	return -1;
}

/* What a mask must say, and an area must not reach beyond. */
static const char *
complete(const struct mask *m)
{
	unsigned i;

	if (m->areas == 0)
		return "no area: neither black= nor keep=";
	if (m->rows == 0 || m->columns == 0)
		return "for which rows= and columns= is not said";
	for (i = 0; i < m->areas; i++) {
		const struct area *a = &m->area[i];

		if ((m->columns > 0 &&
			(a->x >= m->columns ||
			    (a->w < SIDE_MAX && a->x + a->w > m->columns))) ||
		    (m->rows > 0 &&
			(a->y >= m->rows ||
			    (a->h < SIDE_MAX && a->y + a->h > m->rows))))
			return "an area goes beyond the image";
	}
	return NULL;
}

static int
parse_line(struct mask *m, char *text, size_t number_of, struct why *w)
{
	char *save = NULL, *s = strtok_r(text, " \t", &save);
	const char *bad;

	if (strlen(s) >= sizeof m->name || strchr(s, '=') != NULL)
		return why_set(
		    w, EXIT_USAGE, "line %zu: not a mask's name", number_of);
	strcpy(m->name, s);
	while ((s = strtok_r(NULL, " \t", &save)) != NULL) {
		if (*s == '#')
			break;
		if (field(m, s) < 0)
			return why_set(w, EXIT_USAGE,
			    "line %zu: '%.40s' is not understood", number_of,
			    s);
	}
	if ((bad = complete(m)) != NULL)
		return why_set(w, EXIT_USAGE, "line %zu: %s", number_of, bad);
	return 0;
}

static struct mask *
grow(struct masks *m)
{
	if ((m->n & (m->n - 1)) == 0) { /* full, at powers of two */
		size_t room = m->n ? 2 * m->n : 1;
		struct mask *v = realloc(m->v, room * sizeof *v);

		if (v == NULL)
			die(EXIT_IO, "out of memory");
		m->v = v;
	}
	memset(&m->v[m->n], 0, sizeof *m->v);
	return &m->v[m->n++];
}

void
mask_free(struct masks *m)
{
	size_t i;
	int k;

	if (m == NULL)
		return;
	for (i = 0; i < m->n; i++)
		for (k = 0; k < PATTERNS; k++)
			free(m->v[i].pattern[k]);
	free(m->v);
	free(m);
}

struct masks *
mask_parse(const char *text, size_t n, struct why *w)
{
	struct masks *m = calloc(1, sizeof *m);
	struct sums_text t;
	static struct sums s; /* its context is used again */
	const char *end = text + n, *eol;
	size_t number_of = 0;

	if (m == NULL)
		die(EXIT_IO, "out of memory");
	sums_begin(&s);
	sums_add(&s, text, n);
	sums_end(&s, &t);
	memcpy(m->digest, t.sha256, 16);
	for (; text < end; text = eol + 1) {
		char *copy;
		int r = 0;

		eol = memchr(text, '\n', (size_t)(end - text));
		eol = eol ? eol : end;
		number_of++;
		if (memchr(text, '\0', (size_t)(eol - text)) != NULL) {
			why_set(w, EXIT_USAGE, "line %zu: a NUL", number_of);
			mask_free(m);
			return NULL;
		}
		if ((copy = strndup(text, (size_t)(eol - text))) == NULL)
			die(EXIT_IO, "out of memory");
		if (copy[strspn(copy, " \t")] != '\0' &&
		    copy[strspn(copy, " \t")] != '#')
			r = parse_line(grow(m), copy, number_of, w);
		free(copy);
		if (r < 0) {
			mask_free(m);
			return NULL;
		}
	}
	return m;
}

struct masks *
mask_read(const char *file, struct why *w)
{
	struct masks *m;
	struct why why = { 0 };
	size_t used = 0;
	ssize_t n = 1;
	char *text;
	int fd;

	if ((fd = opt_open(file, O_RDONLY, w)) < 0)
		return NULL;
	if ((text = malloc(FILE_MAX)) == NULL)
		die(EXIT_IO, "out of memory");
	while (used < FILE_MAX &&
	       ((n = read(fd, text + used, FILE_MAX - used)) > 0 ||
		   (n < 0 && errno == EINTR)))
		used += n > 0 ? (size_t)n : 0;
	close(fd);
	if (n < 0 || used == FILE_MAX) {
		why_set(w, n < 0 ? EXIT_IO : EXIT_USAGE, "%s: %s", file,
		    n < 0 ? strerror(errno) : "too long");
		free(text);
		return NULL;
	}
	if ((m = mask_parse(text, used, &why)) == NULL)
		why_set(w, why.code, "%s: %s", file, why.text);
	free(text);
	return m;
}

const char *
mask_digest(const struct masks *m)
{
	return m->digest;
}

const char *
mask_name(const struct mask *m)
{
	return m->name;
}

static bool
matches(const struct mask *m, const struct look *l)
{
	const char *const said[PATTERNS] = { l->sop_class, l->modality,
		l->manufacturer, l->model, l->type };
	int i;

	if ((m->rows > 0 && m->rows != (long)l->rows) ||
	    (m->columns > 0 && m->columns != (long)l->columns))
		return false;
	for (i = 0; i < PATTERNS; i++)
		if (m->pattern[i] != NULL &&
		    fnmatch(m->pattern[i], said[i],
			FNM_CASEFOLD | FNM_NOESCAPE) != 0)
			return false;
	return true;
}

const struct mask *
mask_find(const struct masks *m, const struct look *l)
{
	size_t i;

	for (i = 0; m != NULL && i < m->n; i++)
		if (matches(&m->v[i], l))
			return &m->v[i];
	return NULL;
}

static bool
subsampled(const struct look *l)
{
	return strcmp(l->photometric, "YBR_FULL_422") == 0;
}

int
mask_check(const struct look *l, struct why *w)
{
	static const char *const known[] = { "MONOCHROME1", "MONOCHROME2",
		"RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422" };
	size_t i;

	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(l->photometric, known[i]) == 0)
			break;
	if (i == sizeof known / sizeof *known || l->rows == 0 ||
	    l->columns == 0 || look_frame(l) == 0 ||
	    (l->samples != 1 && l->samples != 3) ||
	    (l->samples == 3) != (i == 2 || i > 3) ||
	    (l->allocated != 8 && l->allocated != 16 && l->allocated != 32) ||
	    l->stored == 0 || l->stored > l->allocated || l->planar > 1 ||
	    (subsampled(l) &&
		(l->allocated != 8 || l->columns % 2 != 0 || l->planar != 0)))
		return why_set(w, EXIT_NO,
		    "(7fe0,0010): stored in a way that cannot be masked");
	return 0;
}

/* Which columns of a row are black: one byte each. */
static void
black_row(const struct mask *m, unsigned y, unsigned char *black, unsigned n)
{
	unsigned i;
	int pass;

	memset(black, m->keeps, n);
	for (pass = 0; pass < 2; pass++) /* what is black stays black */
		for (i = 0; i < m->areas; i++) {
			const struct area *a = &m->area[i];

			if (a->keep == (pass == 1) || a->x >= n || y < a->y ||
			    y - a->y >= a->h)
				continue;
			memset(black + a->x, !a->keep,
			    a->w < n - a->x ? a->w : n - a->x);
		}
}

/* The stored value of black, for one sample of a pixel. */
static uint32_t
black_value(const struct look *l, unsigned sample)
{
	uint32_t top = (uint32_t)(((uint64_t)1 << l->stored) - 1);

	if (strcmp(l->photometric, "MONOCHROME1") == 0)
		return l->is_signed ? top >> 1 : top;
	if (l->photometric[0] == 'Y' && sample > 0)
		return top / 2 + 1;
	return 0;
}

static void
put_cell(const struct look *l, unsigned char cell[4], uint32_t v)
{
	unsigned i, n = l->allocated / 8;

	if (l->high + 1 > l->stored && l->high < l->allocated)
		v <<= l->high + 1 - l->stored;
	for (i = 0; i < n; i++)
		cell[l->big ? n - 1 - i : i] = (unsigned char)(v >> (8 * i));
}

/*
 * The bytes of one row of one plane (or of all, interleaved): what a pixel of
 * it looks like when black, and where in the row a byte belongs.
 */
struct row {
	unsigned char pixel[12]; /* a black pixel, or pair of pixels */
	unsigned size;           /* bytes of it */
	unsigned columns;        /* that it covers: 1 or 2 */
	size_t bytes;            /* of the row */
};

static void
make_row(const struct look *l, unsigned plane, struct row *r)
{
	unsigned cell = l->allocated / 8, i;

	r->columns = 1;
	if (subsampled(l)) {
		r->columns = 2;
		r->size = 4;
		memcpy(r->pixel, "\0\0\200\200", 4);
	} else if (l->planar == 1 && l->samples > 1) {
		r->size = cell;
		put_cell(l, r->pixel, black_value(l, plane));
	} else {
		r->size = cell * l->samples;
		for (i = 0; i < l->samples; i++)
			put_cell(l, r->pixel + i * cell, black_value(l, i));
	}
	r->bytes = (size_t)r->size * (l->columns / r->columns);
}

/* Bytes from..to of a row are at p. */
static void
blacken_row(const struct row *r, const unsigned char *black, size_t from,
    size_t to, unsigned char *p)
{
	size_t i = from, unit, x;

	while (i < to) {
		unit = i / r->size;
		x = unit * r->columns;
		if (!black[x] && !black[x + r->columns - 1]) {
			i = (unit + 1) * r->size;
			continue;
		}
		for (; i < to && i < (unit + 1) * r->size; i++)
			p[i - from] = r->pixel[i % r->size];
	}
}

void
mask_blacken(const struct mask *m, const struct look *l,
    unsigned long long offset, void *bytes, size_t n)
{
	unsigned char black[SIDE_MAX + 1], *p = bytes;
	size_t frame = look_frame(l);
	struct row r;

	while (n > 0) {
		size_t at = (size_t)(offset % frame), row, from, k;
		unsigned planes = l->planar == 1 ? l->samples : 1;
		unsigned plane = (unsigned)(at / (frame / planes));

		make_row(l, plane, &r);
		at -= plane * (frame / planes);
		row = at / r.bytes;
		from = at % r.bytes;
		k = r.bytes - from < n ? r.bytes - from : n;
		black_row(m, (unsigned)row, black, l->columns);
		blacken_row(&r, black, from, from + k, p);
		offset += k;
		p += k;
		n -= k;
	}
}

void
mask_overlay(const struct mask *m, const struct look *l, unsigned rows,
    unsigned columns, int row, int column, void *bytes, size_t n)
{
	unsigned char black[SIDE_MAX + 1], *p = bytes;
	size_t bit, bits = (size_t)rows * columns;
	long x, y, last = -1;

	for (bit = 0; bits > 0 && bit < n * 8; bit++) {
		y = row + (long)(bit % bits / columns);
		x = column + (long)(bit % bits % columns);
		if (y != last && y >= 0 && y < (long)l->rows)
			black_row(m, (unsigned)y, black, l->columns);
		last = y;
		/* What lies beside the image is in no area kept. */
		if (y < 0 || x < 0 || y >= (long)l->rows ||
		    x >= (long)l->columns || black[x])
			p[bit / 8] &= (unsigned char)~(1u << bit % 8);
	}
}
