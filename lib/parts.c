#include <stdlib.h>
#include <string.h>

#include "flate.h"
#include "parts.h"

#define PIECE ((size_t)1 << 18)

void
parts_free(struct parts *p)
{
	free(p->head);
	free(p->element);
	free(p->piece);
	memset(p, 0, sizeof *p);
}

static void *
grow(void *p, size_t n)
{
	if ((p = realloc(p, n)) == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

static int
fill(struct parts *p, void *buf, size_t n, size_t *got, struct why *w)
{
	int r = 1;

	*got = 0;
	if (!p->whole)
		r = p->fill(p->arg, buf, n, got, w);
	if (r == REC_VOID)
		p->voided = true;
	if (r != 1)
		p->whole = true;
	return r < 0 ? -1 : 0;
}

/* Have at least need bytes in head, or all there are, or max. */
static int
more(struct parts *p, size_t need, struct why *w)
{
	size_t got;
	int r;

	if (need > p->max)
		need = p->max;
	if (p->size < need || p->size == p->used) {
		p->size = 2 * p->size > need ? 2 * p->size : need;
		p->head = grow(p->head, p->size);
	}
	r = fill(p, p->head + p->used, p->size - p->used, &got, w);
	p->used += got;
	return r;
}

/* The data set inflated, behind the meta information as it came. */
static int
inflate_all(struct parts *p, struct why *w)
{
	unsigned char *out;
	size_t n;
	int r;

	while (!p->whole && p->used < p->max)
		if (more(p, p->used + PIECE, w) < 0)
			return -1;
	if (!p->whole)
		return why_set(
		    w, EXIT_DATA, "deflated, and larger than --max-dataset");
	r = flate_inflate(p->head + p->meta.dataset, p->used - p->meta.dataset,
	    p->max, &out, &n);
	if (r != 0) {
		free(r > 0 ? out : NULL);
		return why_set(w, EXIT_DATA,
		    r > 0 ? "its inflated data set is larger than --max-dataset"
			  : "its deflated data set is damaged");
	}
	p->used = p->meta.dataset + n;
	p->head = grow(p->head, p->size = p->used + 1);
	memcpy(p->head + p->meta.dataset, out, n);
	free(out);
	return 0;
}

static void
add(struct parts *p)
{
	const struct walk *k = &p->walk;

	if (p->elements == p->room) {
		p->room = p->room ? 2 * p->room : 256;
		p->element = grow(p->element, p->room * sizeof *p->element);
	}
	p->element[p->elements++] =
	    (struct parts_element){ k->tag, k->vr, k->at, k->value, k->end };
}

/* 0 when done, walked or not; -1 when the source failed. */
static int
walk_all(struct parts *p, struct why *w)
{
	int got;

	walk_begin(&p->walk, p->meta.syntax, p->meta.dataset);
	while ((got = walk_next(&p->walk, p->head, p->used, p->whole,
		    &p->why)) == WALK_MORE ||
	       got == WALK_ELEMENT) {
		if (got == WALK_ELEMENT) {
			add(p);
		} else if (p->walk.need > p->max || p->used >= p->max) {
			why_set(&p->why, EXIT_DATA,
			    "its data set is larger than --max-dataset");
			return 0;
		} else if (more(p, p->walk.need, w) < 0) {
			return -1;
		}
	}
	p->walked = got > 0;
	p->pixels = got == WALK_PIXEL;
	if (p->pixels) {
		p->value = p->walk.value;
		walk_pixel_begin(&p->pixel, &p->walk);
	}
	return 0;
}

int
parts_open(struct parts *p,
    int (*source)(void *, void *, size_t, size_t *, struct why *), void *arg,
    size_t max, struct why *w)
{
	size_t need = PIECE;
	int got;

	p->fill = source;
	p->arg = arg;
	p->max = max;
	p->used = p->value = p->elements = 0;
	p->walked = p->pixels = p->whole = p->voided = p->given = false;
	p->why = (struct why){ 0 };
	do {
		if (more(p, need, w) < 0)
			return -1;
		got = walk_meta(&p->meta, p->head, p->used, p->whole, &p->why);
		need = p->meta.need;
	} while (got == WALK_MORE && !p->whole && p->used < p->max);
	if (got != 1) {
		if (p->why.code == 0)
			why_set(&p->why, EXIT_DATA, "not a DICOM object");
		return 0;
	}
	p->why = (struct why){ 0 };
	if (p->meta.deflated && inflate_all(p, w) < 0)
		return -1;
	return walk_all(p, w);
}

int
parts_next(struct parts *p, const void **bytes, size_t *n,
    enum parts_kind *kind, struct why *w)
{
	const unsigned char *from;
	long long k;
	size_t got;

	*kind = PARTS_REST;
	if (!p->given) {
		p->given = true;
		*bytes = p->head;
		*n = p->pixels ? p->value : p->used;
		*kind = PARTS_HEAD;
		if (!p->pixels)
			p->value = p->used;
		return 1;
	}
	if (p->value == p->used) {
		if (p->piece == NULL)
			p->piece = grow(NULL, PIECE);
		if (fill(p, p->piece, PIECE, &got, w) < 0)
			return -1;
		if (got == 0)
			return p->voided ? REC_VOID : 0;
		from = p->piece;
	} else {
		from = p->head + p->value;
		got = p->used - p->value;
	}
	*bytes = from;
	*n = got;
	if (p->pixels && !p->pixel.done) {
		if ((k = walk_pixel(&p->pixel, from, got, w)) < 0) {
			p->pixels = false; /* no order in it: bytes */
			k = 0;
		} else if (k > 0) {
			*kind = PARTS_PIXELS;
			*n = (size_t)k;
		}
	}
	/* What is left of this piece comes again: it is put behind the head. */
	if (from == p->piece && *n < got) {
		size_t left = got - *n;

		if (p->size < p->used + left)
			p->head = grow(p->head, p->size = p->used + left);
		memcpy(p->head + p->used, from + *n, left);
		p->used += left;
	} else if (from != p->piece) {
		p->value += *n;
	}
	return 1;
}

const struct parts_element *
parts_find(const struct parts *p, uint32_t tag)
{
	size_t i;

	for (i = 0; i < p->elements; i++)
		if (p->element[i].tag == tag)
			return &p->element[i];
	return NULL;
}

size_t
parts_text(const struct parts *p, uint32_t tag, char *out, size_t size)
{
	const struct parts_element *e = parts_find(p, tag);
	const unsigned char *v;
	size_t n;

	*out = '\0';
	if (e == NULL)
		return 0;
	v = p->head + e->value;
	n = e->end - e->value;
	while (n > 0 && (v[n - 1] == ' ' || v[n - 1] == '\0'))
		n--;
	while (n > 0 && *v == ' ')
		v++, n--;
	if (n >= size)
		return 0;
	memcpy(out, v, n);
	out[n] = '\0';
	return n;
}
