#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anon.h"
#include "dict.h"
#include "flate.h"
#include "idset.h"
#include "ledger.h"

#define DICOMDIR_TAG 0x00041220

struct anon {
	struct deid *deid;
	struct pixels *pixels;
	struct dcm *dcm;
	struct stamp *out;
	size_t max;

	struct idset *names_out; /* of records given out */
	struct ledger *ledger;   /* or NULL */
	fields fields;           /* that are said of objects */
	struct line entry;       /* of the object at hand */

	/* The object at hand. */
	const struct anon_source *src;
	struct slot *slot;
	size_t used; /* bytes of slot->in */
	bool whole;  /* these are all */
	bool voided; /* its producer withdrew it */
	struct walk_meta meta;
	struct walk walk;
	struct walk_pixel pixel;
	struct deid_names names;
	size_t kept; /* end of what the rules are to see */
	bool has_pixel;
	unsigned char *coded; /* a piece of Pixel Data to be decoded */
	unsigned char *tail;  /* what follows streamed Pixel Data */
	size_t tail_size, tail_len;
};

/* Step results: 0 on, else one of these. */
enum { ASIDE = -1, FAIL = -2 };

static int
aside_set(struct why *w, const char *text)
{
	why_set(w, EXIT_DATA, "%s", text);
	return ASIDE;
}

struct anon *
anon_new(struct deid *d, struct pixels *x, struct stamp *out,
    unsigned long long max_dataset)
{
	struct anon *a = calloc(1, sizeof *a);
	struct why ignored;

	if (a == NULL)
		die(EXIT_IO, "out of memory");
	a->deid = d;
	a->pixels = x;
	a->dcm = dcm_new();
	a->out = out;
	a->max = (size_t)max_dataset;
	a->names_out = idset_new();
	line_init(&a->entry, false);
	fields_parse(&a->fields, NULL, &ignored);
	return a;
}

void
anon_fields(struct anon *a, fields f)
{
	a->fields = f;
}

void
anon_free(struct anon *a)
{
	if (a == NULL)
		return;
	dcm_free(a->dcm);
	idset_free(a->names_out);
	line_free(&a->entry);
	free(a->coded);
	free(a->tail);
	free(a);
}

/* Fill n more bytes into buf; whole is set at the object's end. */
static int
fill(struct anon *a, void *buf, size_t n, size_t *got, struct why *w)
{
	int r = 1;

	*got = 0;
	if (!a->whole)
		r = a->src->fill(a->src->arg, buf, n, got, w);
	if (r < 0)
		return FAIL;
	if (r == REC_VOID)
		a->voided = true;
	if (r != 1)
		a->whole = true;
	return a->voided ? ASIDE : 0;
}

/* Have at least need bytes in slot->in, or all there are. */
static int
more(struct anon *a, size_t need, struct why *w)
{
	struct slot *s = a->slot;
	size_t got;
	int r;

	if (need > a->max && need > STAMP_SLOT)
		return aside_set(
		    w, "its data set is larger than --max-dataset");
	if (need > s->in_size) {
		size_t twice = 2 * s->in_size;

		if (twice > a->max + STAMP_SLOT)
			twice = a->max + STAMP_SLOT;
		stamp_grow(&s->in, &s->in_size, need > twice ? need : twice);
	}
	r = fill(a, s->in + a->used, s->in_size - a->used, &got, w);
	a->used += got;
	return r;
}

static int
read_meta(struct anon *a, struct why *w)
{
	size_t need = STAMP_SLOT;
	int got;

	a->used = 0;
	a->whole = a->voided = false;
	do {
		if ((got = more(a, need, w)) < 0)
			return got;
		if (a->used == 0)
			return aside_set(w, "empty");
		got = walk_meta(&a->meta, a->slot->in, a->used, a->whole, w);
		need = a->meta.need;
	} while (got == WALK_MORE);
	if (got < 0)
		return ASIDE;
	if (a->meta.directory)
		return aside_set(w, "a DICOMDIR");
	return 0;
}

/* Make slot->in the inflated data set. */
static int
inflate_all(struct anon *a, struct why *w)
{
	unsigned char *out;
	size_t used;
	int r;

	while (!a->whole)
		if ((r = more(a, a->used + STAMP_SLOT, w)) < 0)
			return r;
	r = flate_inflate(a->slot->in + a->meta.dataset,
	    a->used - a->meta.dataset, a->max, &out, &used);
	if (r != 0) {
		free(out);
		return aside_set(w,
		    r > 0 ? "its inflated data set is larger than --max-dataset"
			  : "its deflated data set is damaged");
	}
	free(a->slot->in);
	a->slot->in = out;
	a->slot->in_size = used;
	a->used = used;
	a->meta.dataset = 0;
	return 0;
}

/*
 * Walk to Pixel Data or the end, and move together what has to be parsed:
 * what is removed whatever it holds is never shown to a parser.
 */
static int
walk_head(struct anon *a, struct why *w)
{
	struct walk *k = &a->walk;
	int got, r;

	a->kept = a->meta.dataset;
	walk_begin(k, a->meta.syntax, a->meta.dataset);
	pixels_begin(a->pixels, &a->meta);
	for (;;) {
		unsigned char *in = a->slot->in;

		got = walk_next(k, in, a->used, a->whole, w);
		if (got == WALK_MORE) {
			if ((r = more(a, k->need, w)) < 0)
				return r;
			continue;
		}
		if (got != WALK_ELEMENT)
			break;
		if (k->tag == DICOMDIR_TAG)
			return aside_set(w, "a DICOMDIR");
		pixels_element(
		    a->pixels, k->tag, in + k->value, k->end - k->value);
		if (deid_drops(a->deid, k->tag)) {
			deid_dropped(a->deid, k->tag);
			continue;
		}
		memmove(in + a->kept, in + k->at, k->end - k->at);
		a->kept += k->end - k->at;
	}
	a->has_pixel = got == WALK_PIXEL;
	if (got < 0)
		return ASIDE;
	if (!a->has_pixel)
		return pixels_judge(a->pixels, NULL, w);
	if (k->size == WALK_UNDEFINED && a->meta.guessed)
		return aside_set(w, "compressed, by a method it does not name");
	if (k->size != WALK_UNDEFINED && !a->meta.deflated &&
	    a->src->size != REC_UNKNOWN &&
	    k->size > (unsigned long long)a->src->size - k->value)
		return aside_set(
		    w, "(7fe0,0010): its length goes beyond the end");
	walk_pixel_begin(&a->pixel, k);
	return pixels_judge(a->pixels, k, w);
}

/* One element of file meta information, explicit VR little endian. */
static unsigned char *
meta_put(unsigned char *o, unsigned element, const char *vr, const char *text)
{
	size_t n = strlen(text), even = n + n % 2;

	*o++ = 2;
	*o++ = 0;
	*o++ = (unsigned char)element;
	*o++ = 0;
	*o++ = (unsigned char)vr[0];
	*o++ = (unsigned char)vr[1];
	*o++ = (unsigned char)even;
	*o++ = 0;
	memcpy(o, text, n);
	if (n % 2 != 0)
		o[n] = vr[0] == 'U' ? '\0' : ' ';
	return o + even;
}

/* Preamble and file meta information, of our own making. */
static void
put_meta(struct anon *a)
{
	static const char implementation[] =
	    "2.25.35179308554562892520865671954580648594";
	static const unsigned char version[] = { 2, 0, 1, 0, 'O', 'B', 0, 0, 2,
		0, 0, 0, 0, 1 };
	struct slot *s = a->slot;
	unsigned char *o, *group;
	size_t n;

	stamp_grow(&s->head, &s->head_size, 1 << 14);
	memset(s->head, 0, 128);
	memcpy(s->head + 128, "DICM", 4);
	group = s->head + 132;
	memcpy(group, "\2\0\0\0UL\4\0", 8);
	o = group + 12;
	memcpy(o, version, sizeof version);
	o += sizeof version;
	if (a->names.sop_class[0] != '\0')
		o = meta_put(o, 0x02, "UI", a->names.sop_class);
	o = meta_put(o, 0x03, "UI", a->names.sop);
	o = meta_put(o, 0x10, "UI", a->meta.transfer);
	o = meta_put(o, 0x12, "UI", implementation);
	o = meta_put(o, 0x13, "SH", "MDM_1");
	n = (size_t)(o - group) - 12;
	group[8] = (unsigned char)n;
	group[9] = (unsigned char)(n >> 8);
	group[10] = group[11] = 0;
	s->head_len = (size_t)(o - s->head);
}

/* The header of Pixel Data: as it came, or of what is decoded. */
static void
put_pixel_header(struct anon *a)
{
	unsigned char h[12] = { 0xe0, 0x7f, 0x10, 0, 'O', 'W' };
	size_t n = a->walk.value - a->walk.at;
	struct slot *s = a->slot;
	unsigned long long size;
	int i;

	stamp_grow(&s->head, &s->head_size, s->head_len + n + sizeof h);
	if (pixels_decodes(a->pixels)) {
		size = pixels_size(a->pixels);
		for (i = 0; i < 4; i++)
			h[8 + i] = (unsigned char)(size >> (8 * i));
		memcpy(s->head + s->head_len, h, sizeof h);
		s->head_len += sizeof h;
	} else {
		memcpy(s->head + s->head_len, s->in + a->walk.at, n);
		s->head_len += n;
	}
}

void
anon_ledger(struct anon *a, struct ledger *l)
{
	a->ledger = l;
}

static void
entry_old(struct anon *a, const char *key, uint32_t tag)
{
	char old[1024];
	size_t n = dcm_get(a->dcm, tag, old, sizeof old);

	if (n > 0)
		line_set(&a->entry, key, old, n);
}

/* For the ledger: who it was, before the rules. */
static void
entry_begin(struct anon *a)
{
	line_reset(&a->entry);
	entry_old(a, "study", 0x0020000d);
	entry_old(a, "series", 0x0020000e);
	entry_old(a, "sop", 0x00080018);
	entry_old(a, "patient", 0x00100020);
	entry_old(a, "issuer", 0x00100021);
}

/* And who it is now. */
static void
entry_end(struct anon *a, const char *name)
{
	const struct dates_shift *shift = &a->names.shift;
	const char *digest = deid_digest(a->deid);
	char days[16];

	line_set_name(&a->entry, name, strlen(name));
	line_set(
	    &a->entry, "pseudonym", a->names.patient, strlen(a->names.patient));
	line_set(&a->entry, "profile", digest, strlen(digest));
	if (shift->days == 0 && shift->minutes == 0)
		return;
	snprintf(days, sizeof days, "%+d", shift->days);
	line_set_word(&a->entry, "shift", days);
	line_set_number(
	    &a->entry, "minutes", (unsigned long long)shift->minutes);
}

/* Parse, apply the rules, and write everything up to the pixels' value. */
static int
make_head(struct anon *a, struct why *w)
{
	struct slot *s = a->slot;
	char name[3 * PSEUDO_MAX];
	unsigned char id[16];

	if (dcm_parse(a->dcm, s->in + a->meta.dataset,
		a->kept - a->meta.dataset, a->meta.syntax, w) < 0)
		return ASIDE;
	if (a->ledger != NULL)
		entry_begin(a);
	if (deid_apply(a->deid, a->dcm, &a->names, w) < 0)
		return ASIDE;
	snprintf(name, sizeof name, "%s/%s/%s", a->names.study, a->names.series,
	    a->names.sop);
	if (a->ledger != NULL)
		entry_end(a, name);
	idset_name(id, name);
	if (idset_has(a->names_out, id, NULL))
		return aside_set(
		    w, "a second object with the same SOP Instance UID");
	if (a->names.sop_class[0] == '\0')
		memcpy(a->names.sop_class, a->meta.sop_class,
		    sizeof a->meta.sop_class);
	if (pixels_put(a->pixels, a->dcm, &s->rec, w) < 0)
		return ASIDE;
	if (pixels_decodes(a->pixels))
		strcpy(a->meta.transfer, "1.2.840.10008.1.2.1");
	put_meta(a);
	s->head_len =
	    dcm_write(a->dcm, &s->head, &s->head_size, s->head_len, w);
	if (s->head_len == 0)
		return ASIDE;
	if (a->has_pixel)
		put_pixel_header(a);
	rec_set_name(&s->rec, name);
	rec_set_text(&s->rec, "study", a->names.study);
	rec_set_text(&s->rec, "series", a->names.series);
	rec_set_text(&s->rec, "sop", a->names.sop);
	fields_put(a->fields, &s->rec, a->dcm, &a->names);
	rec_set_text(&s->rec, "profile", deid_digest(a->deid));
	rec_via(&s->rec, deid_digest(a->deid));
	s->first = true;
	if (a->has_pixel)
		deid_pixels(a->deid, rec_get(&s->rec, "mask", NULL),
		    pixels_defaces(a->pixels));
	return 0;
}

/* What follows Pixel Data may be nothing that would stay. */
static int
check_tail(struct anon *a, const unsigned char *p, size_t n, struct why *w)
{
	struct walk k;
	int got;

	walk_begin(&k, a->meta.syntax, 0);
	while ((got = walk_next(&k, p, n, true, w)) == WALK_ELEMENT) {
		if (!deid_removes(a->deid, k.tag)) {
			why_set(w, EXIT_DATA,
			    "(%04x,%04x): out of order, after Pixel Data",
			    TAG_GROUP(k.tag), (unsigned)(k.tag & 0xffff));
			return ASIDE;
		}
		deid_dropped(a->deid, k.tag);
	}
	if (got == WALK_PIXEL)
		return aside_set(w, "more than one Pixel Data");
	return got < 0 ? ASIDE : 0;
}

/* Deflate again what follows the meta information. */
static void
deflate_all(struct anon *a, size_t meta_len)
{
	struct slot *s = a->slot;
	unsigned char *out;
	size_t size;

	out = flate_deflate(s->head + meta_len, s->head_len - meta_len, s->body,
	    s->body_len, meta_len, &size);
	memcpy(out, s->head, meta_len);
	free(s->head);
	s->head = out;
	s->head_size = s->head_len = size;
	s->body_len = 0;
}

static size_t
meta_length(const struct slot *s)
{
	return 132 + 12 + (size_t)(s->head[140] | s->head[141] << 8);
}

/* It goes out under this name: FAIL when the ledger cannot have it. */
static int
remember(struct anon *a, const char *name, struct why *w)
{
	unsigned char id[16];

	idset_name(id, name);
	idset_add(a->names_out, id, 0);
	if (a->ledger != NULL && ledger_add(a->ledger, &a->entry, w) < 0)
		return FAIL;
	return 0;
}

/* The whole object is in the slot: nothing is said before all is known. */
static int
finish_held(struct anon *a, struct why *w)
{
	struct slot *s = a->slot;
	size_t value = a->walk.value;
	long long n = 0;
	int r;

	if (a->has_pixel) {
		n = walk_pixel(&a->pixel, s->in + value, a->used - value, w);
		if (n < 0)
			return ASIDE;
		if (!a->pixel.done)
			return aside_set(w, "(7fe0,0010): cut short");
		if (pixels_pass(a->pixels, s->in + value, (size_t)n, w) < 0 ||
		    pixels_end(a->pixels, w) < 0)
			return ASIDE;
		r = check_tail(
		    a, s->in + value + n, a->used - value - (size_t)n, w);
		if (r < 0)
			return r;
		s->body = s->in + value;
		s->body_len = (size_t)n;
	}
	if (a->meta.deflated)
		deflate_all(a, meta_length(s));
	s->size = (long long)(s->head_len + s->body_len);
	s->last = true;
	if (remember(a, s->rec.name, w) < 0)
		return FAIL;
	stamp_give(a->out);
	return 0;
}

/* The rest of the object after its Pixel Data, n bytes of it at p so far. */
static int
read_tail(struct anon *a, const unsigned char *p, size_t n, struct why *w)
{
	size_t got;
	int r;

	stamp_grow(&a->tail, &a->tail_size, n + (1 << 16));
	memcpy(a->tail, p, n);
	a->tail_len = n;
	while (!a->whole) {
		if (a->tail_len > a->max)
			return aside_set(
			    w, "its data set is larger than --max-dataset");
		if (a->tail_len == a->tail_size)
			stamp_grow(&a->tail, &a->tail_size, 2 * a->tail_size);
		r = fill(a, a->tail + a->tail_len, a->tail_size - a->tail_len,
		    &got, w);
		a->tail_len += got;
		if (r < 0)
			return r;
	}
	return check_tail(a, a->tail, a->tail_len, w);
}

/* Give the pixels that are in the slot, from offset on. */
static int
pass(struct anon *a, size_t offset, struct why *w)
{
	struct slot *s = a->slot;
	long long n;
	int r = 0;

	n = walk_pixel(&a->pixel, s->in + offset, a->used - offset, w);
	if (n < 0)
		return ASIDE;
	s->body = s->in + offset;
	s->body_len = (size_t)n;
	if (pixels_pass(a->pixels, s->in + offset, (size_t)n, w) < 0 ||
	    (a->pixel.done && pixels_end(a->pixels, w) < 0))
		return ASIDE;
	if (a->pixel.done)
		r = read_tail(
		    a, s->in + offset + n, a->used - offset - (size_t)n, w);
	else if (a->whole)
		r = aside_set(w, "(7fe0,0010): cut short");
	return r;
}

/* More Pixel Data than a slot holds: slot by slot. */
static int
finish_streamed(struct anon *a, struct why *w)
{
	struct why other;
	char *name = strdup(a->slot->rec.name);
	size_t offset = a->walk.value;
	int r;

	if (name == NULL)
		die(EXIT_IO, "out of memory");
	if (!a->pixel.fragments)
		a->slot->size = (long long)(a->slot->head_len + a->walk.size);
	for (;;) {
		r = pass(a, offset, w);
		if (r < 0 && a->slot->first) /* nothing was said yet */
			break;
		if (r < 0)
			a->slot->withdrawn = true;
		a->slot->last = r < 0 || a->pixel.done;
		stamp_give(a->out);
		if (r < 0 || a->pixel.done)
			break;
		a->used = 0;
		offset = 0;
		if ((a->slot = stamp_take(a->out, &other)) == NULL) {
			*w = other;
			r = FAIL;
			break;
		}
		r = fill(a, a->slot->in, STAMP_SLOT, &a->used, w);
		if (r < 0) {
			a->slot->last = a->slot->withdrawn = true;
			stamp_give(a->out);
			break;
		}
	}
	if (r == 0)
		r = remember(a, name, w);
	free(name);
	return r;
}

/*
 * Give n bytes at p, which stay the caller's: slot by slot, so that of an
 * object that fills none nothing is said before all is known.
 */
static int
emit(struct anon *a, const unsigned char *p, size_t n, struct why *w)
{
	struct slot *s;
	size_t k;

	for (; n > 0; p += k, n -= k) {
		if (a->slot == NULL &&
		    (a->slot = stamp_take(a->out, w)) == NULL)
			return FAIL;
		s = a->slot;
		s->body = s->in;
		k = s->in_size - s->body_len;
		k = n < k ? n : k;
		memcpy(s->in + s->body_len, p, k);
		s->body_len += k;
		if (s->body_len == s->in_size) {
			stamp_give(a->out);
			a->slot = NULL;
		}
	}
	return 0;
}

/* All frames, cleaned; n bytes of the value are at a->coded so far. */
static int
decode_all(struct anon *a, size_t n, struct why *w)
{
	size_t pos = 0, used, size;
	const void *frame;
	int r;

	for (;;) {
		if (pos == n && pixels_hungry(a->pixels) && a->whole)
			return aside_set(w, "(7fe0,0010): cut short");
		if (pos == n && pixels_hungry(a->pixels)) {
			pos = 0;
			if ((r = fill(a, a->coded, STAMP_SLOT, &n, w)) < 0)
				return r;
		}
		r = pixels_decode(a->pixels, a->coded + pos, n - pos, &used,
		    &frame, &size, w);
		pos += used;
		if (r < 0)
			return ASIDE;
		if (r > 0 && (r = emit(a, frame, size, w)) < 0)
			return r;
		if (pixels_done(a->pixels))
			return read_tail(a, a->coded + pos, n - pos, w);
	}
}

/* Pixel Data that is decoded, or given to a command: piece by piece. */
static int
finish_frames(struct anon *a, struct why *w)
{
	size_t value = a->walk.value, n = a->used - value;
	char *name = strdup(a->slot->rec.name);
	struct why other;
	struct slot *s;
	int r;

	if (name == NULL)
		die(EXIT_IO, "out of memory");
	if (n > STAMP_SLOT || a->coded == NULL) {
		free(a->coded);
		a->coded = malloc(n > STAMP_SLOT ? n : STAMP_SLOT);
		if (a->coded == NULL)
			die(EXIT_IO, "out of memory");
	}
	memcpy(a->coded, a->slot->in + value, n);
	a->slot->size = (long long)(a->slot->head_len + pixels_size(a->pixels));
	r = decode_all(a, n, w);
	if (r == 0)
		r = remember(a, name, w);
	free(name);
	if (r == FAIL || (r < 0 && a->slot != NULL && a->slot->first))
		return r; /* nothing was said yet */
	if (a->slot == NULL && (a->slot = stamp_take(a->out, &other)) == NULL) {
		*w = other;
		return FAIL;
	}
	s = a->slot;
	s->body = s->in;
	if (r < 0)
		s->body_len = 0;
	s->last = true;
	s->withdrawn = r < 0;
	stamp_give(a->out);
	return r;
}

static int
object(struct anon *a, struct why *w)
{
	int r;

	if ((r = read_meta(a, w)) < 0)
		return r;
	if (a->meta.deflated && (r = inflate_all(a, w)) < 0)
		return r;
	if ((r = walk_head(a, w)) < 0 || (r = make_head(a, w)) < 0)
		return r;
	if (pixels_frames(a->pixels))
		return finish_frames(a, w);
	if (a->whole)
		return finish_held(a, w);
	return finish_streamed(a, w);
}

enum anon_result
anon_object(struct anon *a, const struct anon_source *src, struct why *w)
{
	a->src = src;
	if ((a->slot = stamp_take(a->out, w)) == NULL)
		return ANON_FAIL;
	switch (object(a, w)) {
	case 0:
		return ANON_DONE;
	case FAIL:
		return ANON_FAIL;
	}
	return a->voided ? ANON_VOID : ANON_ASIDE;
}
