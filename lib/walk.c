#include <stdlib.h>
#include <string.h>

#include "dict.h"
#include "flate.h"
#include "walk.h"

enum { DATASET, SEQUENCE, ITEM, FRAGMENTS };

#define ITEM_TAG 0xfffee000u
#define ITEM_END 0xfffee00du
#define SEQUENCE_END 0xfffee0ddu

static unsigned
get16(const unsigned char *p, bool big)
{
	return big ? (unsigned)(p[0] << 8 | p[1])
		   : (unsigned)(p[1] << 8 | p[0]);
}

static uint32_t
get32(const unsigned char *p, bool big)
{
	return big ? (uint32_t)get16(p, true) << 16 | get16(p + 2, true)
		   : (uint32_t)get16(p + 2, false) << 16 | get16(p, false);
}

static uint32_t
get_tag(const unsigned char *p, bool big)
{
	return (uint32_t)get16(p, big) << 16 | get16(p + 2, big);
}

/* A tag is named if it is one: in garbage, a "tag" is somebody's bytes. */
static int
bad(struct why *w, uint32_t tag, const char *what)
{
	if (TAG_GROUP(tag) != 2 && TAG_GROUP(tag) != 0xfffe &&
	    dict_vr(tag) == 0)
		return why_set(w, EXIT_DATA, "an unknown tag: %s", what);
	return why_set(
	    w, EXIT_DATA, "(%04x,%04x): %s", tag >> 16, tag & 0xffff, what);
}

/* 2: a length of two bytes follows it; 4: two unused bytes, then four. */
static int
vr_form(unsigned vr)
{
	switch (vr) {
	case VR('A', 'E'):
	case VR('A', 'S'):
	case VR('A', 'T'):
	case VR('C', 'S'):
	case VR('D', 'A'):
	case VR('D', 'S'):
	case VR('D', 'T'):
	case VR('F', 'D'):
	case VR('F', 'L'):
	case VR('I', 'S'):
	case VR('L', 'O'):
	case VR('L', 'T'):
	case VR('P', 'N'):
	case VR('S', 'H'):
	case VR('S', 'L'):
	case VR('S', 'S'):
	case VR('S', 'T'):
	case VR('T', 'M'):
	case VR('U', 'I'):
	case VR('U', 'L'):
	case VR('U', 'S'):
		return 2;
	case VR('O', 'B'):
	case VR('O', 'D'):
	case VR('O', 'F'):
	case VR('O', 'L'):
	case VR('O', 'V'):
	case VR('O', 'W'):
	case VR('S', 'Q'):
	case VR('S', 'V'):
	case VR('U', 'C'):
	case VR('U', 'N'):
	case VR('U', 'R'):
	case VR('U', 'T'):
	case VR('U', 'V'):
		return 4;
	}
	return 0;
}

/* Copy a UID without its padding; false if it is not one. */
static bool
copy_uid(char out[65], const unsigned char *p, size_t n)
{
	size_t i;

	while (n > 0 && (p[n - 1] == '\0' || p[n - 1] == ' '))
		n--;
	if (n == 0 || n > 64)
		return false;
	for (i = 0; i < n; i++)
		if (p[i] != '.' && (p[i] < '0' || p[i] > '9'))
			return false;
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

static const char implicit_uid[] = "1.2.840.10008.1.2";
static const char explicit_uid[] = "1.2.840.10008.1.2.1";
static const char deflated_uid[] = "1.2.840.10008.1.2.1.99";
static const char big_uid[] = "1.2.840.10008.1.2.2";

/*
 * Which syntax, by the data set's first element?  Without "DICM" before it,
 * that must be one that data sets begin with.
 */
static int
guess(struct walk_meta *m, const unsigned char *p, bool bare, struct why *w)
{
	unsigned low = get16(p, false), high = get16(p, true);
	bool vr = vr_form(VR(p[4], p[5])) != 0;

	m->syntax = !vr                  ? WALK_IMPLICIT
		    : high < low && high ? WALK_BIG
					 : WALK_EXPLICIT;
	if (bare && (m->syntax == WALK_BIG ? high : low) > 0x20)
		return why_set(w, EXIT_DATA, "not DICOM");
	if (bare && !vr && get32(p + 4, false) >= 1u << 20)
		return why_set(w, EXIT_DATA, "not DICOM");
	if (m->transfer[0] == '\0') {
		m->guessed = true;
		strcpy(m->transfer, m->syntax == WALK_IMPLICIT ? implicit_uid
				    : m->syntax == WALK_BIG    ? big_uid
							       : explicit_uid);
	}
	return 1;
}

/* The transfer syntax is known, m->dataset is where it begins. */
static int
settle(struct walk_meta *m, const unsigned char *p, size_t n, bool whole,
    bool bare, struct why *w)
{
	if (n - m->dataset < 8) {
		m->need = m->dataset + 8;
		return whole ? why_set(w, EXIT_DATA,
				   bare ? "not DICOM" : "no data set")
			     : WALK_MORE;
	}
	p += m->dataset;
	m->syntax = WALK_EXPLICIT;
	if (strcmp(m->transfer, deflated_uid) == 0) {
		m->deflated = true;
		return 1;
	}
	if (strncmp(m->transfer, "1.2.840.10008.", 14) != 0)
		return guess(m, p, bare, w);
	if (strcmp(m->transfer, implicit_uid) == 0)
		m->syntax = WALK_IMPLICIT;
	else if (strcmp(m->transfer, big_uid) == 0)
		m->syntax = WALK_BIG;
	if (m->syntax != WALK_IMPLICIT && vr_form(VR(p[4], p[5])) == 0)
		return why_set(w, EXIT_DATA,
		    "(0002,0010): the data set is in another syntax");
	return 1;
}

/* Note what a meta element says. */
static int
meta_element(struct walk_meta *m, uint32_t tag, const unsigned char *p,
    size_t n, struct why *w)
{
	if (tag == 0x00020010 && !copy_uid(m->transfer, p, n))
		return bad(w, tag, "not a UID");
	if (tag == 0x00020002 && !copy_uid(m->sop_class, p, n))
		m->sop_class[0] = '\0';
	return 0;
}

int
walk_meta(
    struct walk_meta *m, const void *bytes, size_t n, bool whole, struct why *w)
{
	const unsigned char *p = bytes;
	bool bare = true;
	size_t pos = 0;

	memset(m, 0, sizeof *m);
	m->need = 512;
	if (n < 512 && !whole)
		return WALK_MORE;
	if (n >= 132 && memcmp(p + 128, "DICM", 4) == 0) {
		pos = 132;
		bare = false;
	}
	while (n - pos >= 8 && get16(p + pos, false) == 2) {
		uint32_t tag = get_tag(p + pos, false), len;
		int form = vr_form(VR(p[pos + 4], p[pos + 5]));
		size_t head = form == 4 ? 12 : 8;

		if (form == 0)
			return bad(w, tag, "not an element");
		if (n - pos < head)
			break;
		len = form == 4 ? get32(p + pos + 8, false)
				: get16(p + pos + 6, false);
		if (len > WALK_META_MAX - head - pos)
			return bad(w, tag, "its length is absurd");
		if (n - pos - head < len) {
			m->need = pos + head + len + 8;
			return whole ? bad(w, tag, "cut short") : WALK_MORE;
		}
		if (meta_element(m, tag, p + pos + head, len, w) < 0)
			return -1;
		pos += head + len;
		if (pos > WALK_META_MAX - 8)
			return why_set(
			    w, EXIT_DATA, "file meta information is too long");
	}
	if (n - pos < 12 && !whole) {
		m->need = pos + 12;
		return WALK_MORE;
	}
	m->dataset = pos;
	m->directory = strcmp(m->sop_class, "1.2.840.10008.1.3.10") == 0;
	return settle(m, p, n, whole, bare && pos == 0, w);
}

void
walk_begin(struct walk *k, enum walk_syntax syntax, size_t offset)
{
	memset(k, 0, sizeof *k);
	k->big = syntax == WALK_BIG;
	k->pos = offset;
	k->level[0].end = SIZE_MAX;
	k->level[0].implicit = syntax == WALK_IMPLICIT;
	k->level[0].kind = DATASET;
}

static int
push(struct walk *k, uint32_t tag, int kind, uint32_t size, bool implicit,
    struct why *w)
{
	struct walk_level *l;

	if (k->depth == WALK_DEPTH)
		return bad(w, tag, "nested too deeply");
	l = &k->level[++k->depth];
	l->end = size == WALK_UNDEFINED ? SIZE_MAX : k->pos + size;
	l->kind = (unsigned char)kind;
	l->implicit = implicit;
	return 0;
}

/* UN of undefined length, and what hides in UN, is implicit little endian. */
static bool
big_here(const struct walk *k)
{
	return k->big && !k->level[k->depth].implicit;
}

struct header {
	uint32_t tag, size;
	unsigned vr;
	size_t len; /* bytes of the header itself */
};

/* 1; or 0 if avail bytes do not hold it; or -1. */
static int
get_header(const struct walk *k, const unsigned char *p, size_t avail,
    struct header *h, struct why *w)
{
	bool big = big_here(k);
	int form;

	if (avail < 8)
		return 0;
	h->tag = get_tag(p, big);
	h->vr = 0;
	h->len = 8;
	if (k->level[k->depth].implicit || TAG_GROUP(h->tag) == 0xfffe) {
		h->size = get32(p + 4, big);
		return 1;
	}
	h->vr = VR(p[4], p[5]);
	if ((form = vr_form(h->vr)) == 0)
		return bad(w, h->tag, "no such VR");
	if (form == 2) {
		h->size = get16(p + 6, big);
		return 1;
	}
	h->len = 12;
	if (avail < 12)
		return 0;
	h->size = get32(p + 8, big);
	return 1;
}

/* Is the value a sequence, for us or for what parses after us? */
static bool
is_sequence(const struct walk *k, const struct header *h,
    const unsigned char *value, size_t avail)
{
	if (h->vr == VR('S', 'Q'))
		return true;
	if (h->vr != 0 && h->vr != VR('U', 'N'))
		return false;
	if (dict_vr(h->tag) == VR('S', 'Q') || h->size == WALK_UNDEFINED)
		return true;
	/* Private, or newer than the dictionary: as it looks. */
	return h->vr == 0 && avail >= 8 && h->size >= 8 &&
	       get_tag(value, big_here(k)) == ITEM_TAG;
}

static bool
is_pixel(uint32_t tag)
{
	return tag == 0x7fe00010 || tag == 0x7fe00008 || tag == 0x7fe00009;
}

/* A delimiter or an item, in a sequence or among fragments. */
static int
in_sequence(struct walk *k, const struct header *h, struct why *w)
{
	const struct walk_level *l = &k->level[k->depth];

	if (h->tag == SEQUENCE_END && l->end == SIZE_MAX) {
		k->depth--;
		return 0;
	}
	if (h->tag != ITEM_TAG)
		return bad(w, h->tag, "not an item, in a sequence");
	if (l->kind != FRAGMENTS)
		return push(k, h->tag, ITEM, h->size, l->implicit, w);
	if (h->size == WALK_UNDEFINED)
		return bad(w, h->tag, "a fragment of no length");
	k->pos += h->size;
	return 0;
}

/* The end that bounds whatever begins here. */
static size_t
bound(const struct walk *k)
{
	int i;

	for (i = k->depth; i > 0; i--)
		if (k->level[i].end != SIZE_MAX)
			return k->level[i].end;
	return SIZE_MAX;
}

/* Does a value of that size at k->pos end where it may?  1, WALK_MORE, -1. */
static int
fits(struct walk *k, const struct header *h, size_t n, bool whole, bool held,
    struct why *w)
{
	size_t limit = bound(k);

	if (h->size == WALK_UNDEFINED)
		return 1;
	if (limit != SIZE_MAX && h->size > limit - k->pos)
		return bad(w, h->tag, "longer than what encloses it");
	if (h->size <= n - k->pos)
		return 1;
	if (whole)
		return bad(w, h->tag, "its length goes beyond the end");
	if (!held)
		return 1;
	k->need = k->pos + h->size;
	return WALK_MORE;
}

/* Leave what ends here. */
static int
leave(struct walk *k, struct why *w)
{
	while (k->depth > 0 && k->level[k->depth].end != SIZE_MAX) {
		if (k->pos > k->level[k->depth].end)
			return bad(w, k->tag, "more than its length holds");
		if (k->pos < k->level[k->depth].end)
			break;
		k->depth--;
	}
	return 0;
}

/* One header and what follows from it. 1: go on; WALK_MORE; WALK_PIXEL; -1. */
static int
step(
    struct walk *k, const unsigned char *p, size_t n, bool whole, struct why *w)
{
	struct walk_level *l = &k->level[k->depth];
	size_t start = k->pos;
	struct header h;
	bool sequence;
	int got;

	if ((got = get_header(k, p + k->pos, n - k->pos, &h, w)) < 0)
		return -1;
	if (got == 0) {
		k->need = k->pos + 12;
		return whole ? bad(w, k->tag, "cut short after it") : WALK_MORE;
	}
	if (bound(k) != SIZE_MAX && h.len > bound(k) - k->pos)
		return bad(w, h.tag, "longer than what encloses it");
	k->pos += h.len;
	if (l->kind == SEQUENCE || l->kind == FRAGMENTS) {
		got = fits(k, &h, n, whole, true, w);
		if (got == 1)
			got = in_sequence(k, &h, w) < 0 ? -1 : 1;
		goto out;
	}
	if (h.tag == ITEM_END && l->kind == ITEM && l->end == SIZE_MAX) {
		k->depth--;
		return 1;
	}
	if (TAG_GROUP(h.tag) == 0xfffe) {
		got = bad(w, h.tag, "out of place");
		goto out;
	}
	if (k->depth == 0) {
		k->tag = h.tag;
		k->vr = h.vr;
		k->at = start;
		k->value = k->pos;
		k->size = h.size;
		if (is_pixel(h.tag)) {
			got = fits(k, &h, n, whole, false, w);
			return got == 1 ? WALK_PIXEL : got;
		}
	}
	if ((got = fits(k, &h, n, whole, true, w)) != 1)
		goto out;
	sequence = is_sequence(k, &h, p + k->pos, n - k->pos);
	if (h.size == WALK_UNDEFINED && is_pixel(h.tag))
		got = push(k, h.tag, FRAGMENTS, h.size, l->implicit, w);
	else if (sequence)
		got = push(k, h.tag, SEQUENCE, h.size,
		    l->implicit || h.vr == VR('U', 'N'), w);
	else if (h.size == WALK_UNDEFINED)
		got = bad(w, h.tag, "of undefined length");
	else
		k->pos += h.size;
	got = got < 0 ? -1 : 1;
out:
	if (got == WALK_MORE)
		k->pos = start;
	return got;
}

static bool
zeros(const unsigned char *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

int
walk_next(
    struct walk *k, const void *bytes, size_t n, bool whole, struct why *w)
{
	const unsigned char *p = bytes;
	bool begun = k->depth > 0;
	int got;

	if (n < k->pos) {
		k->need = k->pos;
		return whole ? why_set(w, EXIT_DATA, "cut short") : WALK_MORE;
	}
	for (;;) {
		if (leave(k, w) < 0)
			return -1;
		if (k->depth == 0 && begun) {
			k->end = k->pos;
			return WALK_ELEMENT;
		}
		if (k->depth == 0 && whole && zeros(p + k->pos, n - k->pos))
			return WALK_END;
		if (k->depth == 0 && !whole && n - k->pos >= 8 &&
		    zeros(p + k->pos, 8)) { /* no element, unless more comes */
			k->need = n + 1;
			return WALK_MORE;
		}
		if ((got = step(k, p, n, whole, w)) != 1)
			return got;
		begun = true;
	}
}

void
walk_pixel_begin(struct walk_pixel *x, const struct walk *k)
{
	memset(x, 0, sizeof *x);
	x->fragments = k->size == WALK_UNDEFINED;
	x->big = k->big;
	x->left = x->fragments ? 0 : k->size;
	x->done = !x->fragments && k->size == 0;
}

/* A whole item header has come. */
static int
fragment(struct walk_pixel *x, struct why *w)
{
	uint32_t tag = get_tag(x->head, x->big);
	uint32_t size = get32(x->head + 4, x->big);

	x->got = 0;
	if (tag == SEQUENCE_END) {
		x->done = true;
		return 0;
	}
	if (tag != ITEM_TAG || size == WALK_UNDEFINED)
		return bad(w, 0x7fe00010, "not a fragment among its fragments");
	x->left = size;
	return 0;
}

long long
walk_pixel(struct walk_pixel *x, const void *bytes, size_t n, struct why *w)
{
	const unsigned char *p = bytes;
	size_t used = 0, k;

	while (!x->done && used < n) {
		if (x->left > 0) {
			k = x->left < n - used ? (size_t)x->left : n - used;
			x->left -= k;
			used += k;
			x->done = !x->fragments && x->left == 0;
			continue;
		}
		x->head[x->got++] = p[used++];
		if (x->got == sizeof x->head && fragment(x, w) < 0)
			return -1;
	}
	return (long long)used;
}

static int
dataset_uids(struct walk_uids *u, struct walk *k, const unsigned char *p,
    size_t n, struct why *w)
{
	int got;

	while ((got = walk_next(k, p, n, false, w)) == WALK_ELEMENT) {
		const unsigned char *v = p + k->value;

		if (k->tag == 0x00080018)
			copy_uid(u->sop, v, k->size);
		else if (k->tag == 0x0020000d)
			copy_uid(u->study, v, k->size);
		else if (k->tag == 0x0020000e)
			copy_uid(u->series, v, k->size);
		else if (k->tag > 0x0020000e)
			break;
	}
	if (got < 0)
		return -1;
	if (!*u->study || !*u->series || !*u->sop)
		return why_set(w, EXIT_DATA, "(%s) is missing",
		    !*u->sop     ? "0008,0018"
		    : !*u->study ? "0020,000d"
				 : "0020,000e");
	return 0;
}

#define UIDS_WITHIN ((size_t)16 << 20) /* of an inflated data set */

int
walk_uids(struct walk_uids *u, const void *head, size_t n, struct why *w)
{
	unsigned char *flat = NULL;
	struct walk_meta m;
	struct walk k;
	int got;

	memset(u, 0, sizeof *u);
	if (walk_meta(&m, head, n, true, w) < 0)
		return -1;
	if (m.deflated) {
		if (flate_inflate((const unsigned char *)head + m.dataset,
			n - m.dataset, UIDS_WITHIN, &flat, &n) < 0)
			return why_set(
			    w, EXIT_DATA, "its deflated data set is damaged");
		m.dataset = 0;
	}
	walk_begin(&k, m.syntax, m.dataset);
	got = dataset_uids(u, &k, flat ? flat : head, n, w);
	free(flat);
	return got;
}
