#include <ctype.h>
#include <string.h>

#include "hide.h"

#define ITEM_TAG 0xfffee000u
#define TEXT_MAX 80

/* Of a coded image. */
enum {
	START,  /* its first byte */
	START2, /* its second */
	MARKER, /* ff */
	CODE,   /* what follows ff */
	LENGTH, /* of a segment */
	LENGTH2,
	SEGMENT, /* in one */
	CODED,   /* among samples */
	CODED2,  /* after ff there */
	TILE,    /* in a tile's data */
	AFTER,   /* the end of the image */
};

static int
found(struct why *w, const char *where)
{
	return why_set(
	    w, EXIT_NO, "(7fe0,0010): text may be hidden in it: %s", where);
}

static uint64_t
lanes(uint64_t cell, unsigned bytes)
{
	uint64_t v = cell;
	unsigned i;

	for (i = bytes; i < 8; i *= 2)
		v |= v << (8 * i);
	return v;
}

/* Which bits of a cell no sample uses. */
static void
begin_native(struct hide *h)
{
	const struct look *l = h->look;
	size_t frame = look_frame(l);
	uint64_t cell, used;

	h->all = frame > 0 && l->frames > 0 ? (long long)frame * l->frames : -1;
	if (l->allocated == 1 && frame > 0) /* frames do not begin at bytes */
		h->all =
		    ((long long)l->rows * l->columns * l->samples * l->frames +
			7) /
		    8;
	if ((l->allocated != 8 && l->allocated != 16 && l->allocated != 32) ||
	    l->stored == 0 || l->stored >= l->allocated ||
	    l->high >= l->allocated || l->high + 1 < l->stored)
		return;
	h->lane = l->allocated / 8;
	cell = ((uint64_t)1 << l->allocated) - 1;
	used = (((uint64_t)1 << l->stored) - 1) << (l->high + 1 - l->stored);
	h->lane_unused = lanes(cell & ~used, h->lane);
	h->lane_sign = lanes(1, h->lane);
	h->sign_shift = l->high;
	h->lane_extend = cell & ~(((uint64_t)1 << (l->high + 1)) - 1);
}

void
hide_begin(struct hide *h, const struct look *l, enum risk_syntax kind,
    bool fragments, bool clean)
{
	memset(h, 0, sizeof *h);
	h->look = l;
	h->kind = kind;
	h->fragments = fragments;
	h->clean = clean;
	if (!fragments)
		begin_native(h);
}

static uint64_t
swap_lanes(const struct hide *h, uint64_t v)
{
	if (!h->look->big || h->lane == 1)
		return v;
	v = (v >> 8 & 0x00ff00ff00ff00ffu) | (v & 0x00ff00ff00ff00ffu) << 8;
	if (h->lane == 4)
		v = (v >> 16 & 0x0000ffff0000ffffu) | (v & 0x0000ffff0000ffffu)
							  << 16;
	return v;
}

static uint64_t
lanes_of_one(const struct hide *h)
{
	return ((uint64_t)1 << (8 * h->lane)) - 1;
}

/*
 * The unused bits of signed samples may all be zero, or all repeat the sign; a
 * mixture is no number.  Those of others are zero, but for Pixel Padding Value.
 */
static void
native_cell(struct hide *h, unsigned char *p)
{
	uint64_t v = 0, cell, unused, extended;

	memcpy(&v, p, h->lane);
	cell = swap_lanes(h, v) & lanes_of_one(h);
	unused = cell & h->lane_unused & lanes_of_one(h);
	extended = (cell >> h->sign_shift & 1) * h->lane_extend;
	if (h->look->is_signed) {
		h->nonzero |= unused != 0;
		h->nonextend |= unused != extended;
		if (unused == extended)
			return;
	} else if (unused != 0 && (long long)cell != h->look->padding) {
		h->nonzero = h->nonextend = true;
	} else {
		return;
	}
	if (!h->clean)
		return;
	v = swap_lanes(
	    h, (cell & ~unused) | (h->look->is_signed ? extended : 0));
	memcpy(p, &v, h->lane);
	h->wiped = true;
}

/* n is a multiple of a cell; eight bytes at once, as long as all is well. */
static void
native_cells(struct hide *h, unsigned char *p, size_t n)
{
	uint64_t unused = swap_lanes(h, h->lane_unused), v, sign;
	size_t i, k;

	for (i = 0; i < n; i += k) {
		k = n - i < 8 ? h->lane : 8;
		if (k == 8 && !h->look->is_signed) {
			memcpy(&v, p + i, 8);
			if ((v & unused) == 0)
				continue;
		} else if (k == 8 && !h->clean) {
			memcpy(&v, p + i, 8);
			v = swap_lanes(h, v);
			sign = (v >> h->sign_shift & h->lane_sign) *
			       h->lane_extend;
			h->nonzero |= (v & h->lane_unused) != 0;
			h->nonextend |= (v & h->lane_unused) != sign;
			continue;
		}
		for (size_t c = 0; c < k; c += h->lane)
			native_cell(h, p + i + c);
	}
}

static int
native_trailer(struct hide *h, unsigned char *p, size_t n, struct why *w)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != 0 && !h->clean)
			return found(w, "bytes after the last frame");
		else if (p[i] != 0) {
			p[i] = 0;
			h->wiped = true;
		}
	return 0;
}

/*
 * A cell whose first bytes came with the piece before.  Those are gone, and
 * only what is here can be wiped.  How much of n is left, or SIZE_MAX.
 */
static size_t
cut_cell(struct hide *h, unsigned char **p, size_t n)
{
	unsigned char before[4];
	unsigned had = h->parts;

	while (n > 0 && h->parts < h->lane) {
		h->part[h->parts++] = *(*p)++;
		n--;
	}
	if (h->parts < h->lane)
		return n;
	h->parts = 0;
	memcpy(before, h->part, sizeof before);
	native_cell(h, h->part);
	if (memcmp(before, h->part, had) != 0)
		return SIZE_MAX;
	memcpy(*p - (h->lane - had), h->part + had, h->lane - had);
	return n;
}

static int
native(struct hide *h, unsigned char *p, size_t n, struct why *w)
{
	size_t k, whole;

	if (h->all >= 0 && h->pos + (long long)n > h->all) {
		/* One byte may pad it to an even length, with anything. */
		k = h->pos < h->all ? (size_t)(h->all - h->pos) : 0;
		if (native_trailer(h, p + k, n - k, w) < 0)
			return -1;
		h->pos += (long long)(n - k);
		n = k;
	}
	h->pos += (long long)n;
	if (h->lane_unused == 0 || n == 0)
		return 0;
	if (h->parts > 0 && (n = cut_cell(h, &p, n)) == SIZE_MAX)
		return found(w, "bits above its samples, not to be wiped");
	whole = n - n % h->lane;
	native_cells(h, p, whole);
	for (k = whole; k < n; k++)
		h->part[h->parts++] = p[k];
	if (h->nonzero && h->nonextend && !h->clean)
		return found(w, "bits above its samples are used");
	return 0;
}

/* Digits and dots of a version: too short to name anybody. */
static bool
is_version(const char *s)
{
	size_t n = strlen(s), digits = 0;

	for (; *s != '\0'; s++) {
		digits = isdigit((unsigned char)*s) ? digits + 1 : 0;
		if (digits > 3 || (!isdigit((unsigned char)*s) && *s != '.' &&
				      *s != 'v' && *s != 'V' && *s != ' '))
			return false;
	}
	return n <= 16;
}

/* Is it the signature of a program that codes images? */
static bool
is_coder(const unsigned char *p, size_t n)
{
	static const char *const coders[] = { "Created by OpenJPEG version ",
		"Created by GDCM/OpenJPEG version ", "Kakadu-", "OpenJPH Ver ",
		"Creator: JasPer Version ", "LEAD Technologies Inc. ",
		"MITRA_DICOM_STANDARD", "AccuSoft Corp.",
		"Intel(R) JPEG Library, version ", "JPEG-LS by CharLS" };
	char s[TEXT_MAX + 1];
	size_t i, k;

	while (n > 0 && (p[n - 1] == '\0' || isspace(p[n - 1])))
		n--;
	memcpy(s, p, n);
	s[n] = '\0';
	if (n == 0 || memchr(s, '\0', n) != NULL)
		return n == 0;
	for (i = 0; i < sizeof coders / sizeof *coders; i++) {
		k = strlen(coders[i]);
		if (strncmp(s, coders[i], k) == 0 && is_version(s + k))
			return true;
	}
	return false;
}

/* APPn segments that belong to the coding: their mark, and their length. */
static const struct {
	unsigned marker, size;
	const char *mark;
} coding[] = {
	{ 0xe0, 14, "JFIF" },
	{ 0xe0, 13, "LJIF" },
	{ 0xe8, 5, "mrfx" },
	{ 0xee, 12, "Adobe" },
};

#define CODING_MAX 12 /* the rest of any is zeros */

/*
 * How many of a segment's first bytes may be left, when n of them are known:
 * n, as long as it may become one of those above.
 */
static unsigned
coding_bytes(unsigned marker, const unsigned char *p, unsigned n)
{
	unsigned i, k;

	for (i = 0; i < sizeof coding / sizeof *coding; i++) {
		k = (unsigned)strlen(coding[i].mark);
		if (coding[i].marker == marker &&
		    memcmp(p, coding[i].mark, n < k ? n : k) == 0)
			return n < coding[i].size ? n : coding[i].size;
	}
	return 0;
}

static bool
may_hold_text(const struct hide *h)
{
	if (h->kind == RISK_JPEG2000)
		return h->marker == 0x64;
	return h->marker == 0xfe || (h->marker >= 0xe0 && h->marker <= 0xef);
}

/* A segment of text is complete, and what it begins with is in h->text. */
static int
judge_segment(struct hide *h, struct why *w)
{
	bool j2k = h->kind == RISK_JPEG2000;
	unsigned skip = j2k ? 2 : 0;

	if (!h->alien)
		return 0;
	if ((j2k || h->marker == 0xfe) && h->seen <= TEXT_MAX &&
	    is_coder(h->text + skip, h->seen - skip))
		return 0;
	return found(w, j2k                 ? "a comment of JPEG 2000"
			: h->marker == 0xfe ? "a JPEG comment"
					    : "a JPEG application segment");
}

/* Of a segment that may hold text, may the byte just seen stay? */
static bool
belongs(const struct hide *h, unsigned c)
{
	unsigned n = h->seen + 1;

	if (c == 0 || c == ' ')
		return true;
	if (h->kind == RISK_JPEG2000)
		return n <= 2; /* it says there that it is text */
	return h->marker != 0xfe && n <= coding_bytes(h->marker, h->text,
					     n < CODING_MAX ? n : CODING_MAX);
}

/* The next bytes of a segment that may hold text; wiped if asked for. */
static int
text_bytes(struct hide *h, unsigned char *p, size_t n, struct why *w)
{
	size_t i;

	for (i = 0; i < n; i++, h->seen++) {
		if (h->seen < TEXT_MAX)
			h->text[h->seen] = p[i];
		if (belongs(h, p[i]))
			continue;
		h->alien = true;
		if (h->clean) {
			h->wiped = true;
			p[i] = h->kind == RISK_JPEG2000 ? ' ' : 0;
		}
	}
	h->segment -= (unsigned)n;
	if (h->tile >= n)
		h->tile -= n;
	if (h->segment == 0) {
		h->state = MARKER;
		return h->clean ? 0 : judge_segment(h, w);
	}
	return 0;
}

/* A marker that no image needs may hold anything. */
static bool
is_known(const struct hide *h, unsigned m)
{
	if (h->kind == RISK_JPEG2000)
		return m >= 0x50 && m <= 0x64;
	return (m >= 0xc0 && m <= 0xcf && m != 0xc8) ||
	       (m >= 0xda && m <= 0xdf) || m == 0xfe ||
	       (m >= 0xe0 && m <= 0xef) || m == 0xf7 || m == 0xf8;
}

/* The code of a marker has come: what follows it? */
static int
on_marker(struct hide *h, unsigned m, struct why *w)
{
	bool j2k = h->kind == RISK_JPEG2000;

	h->marker = m;
	h->seen = 0;
	h->alien = false;
	if (m == 0xd9) {
		h->state = AFTER;
		return 0;
	}
	if (j2k && m == 0x93) {
		h->state = TILE;
		h->tile -= h->tile >= 2 ? 2 : h->tile;
		return 0;
	}
	if (!j2k && m == 0x01)
		h->state = MARKER;
	else if (!j2k && m == 0xff)
		h->state = CODE; /* a fill byte */
	else if ((j2k && m == 0x90) || is_known(h, m))
		h->state = LENGTH;
	else
		return found(w, "an unknown marker in a coded image");
	return 0;
}

/* A whole segment's length is known. */
static int
on_length(struct hide *h, struct why *w)
{
	if (h->segment < 2)
		return found(w, "a coded image is damaged");
	h->segment -= 2;
	h->state = h->segment > 0 ? SEGMENT : MARKER;
	if (h->kind == RISK_JPEG2000 && h->marker != 0x90)
		h->tile -= h->tile >= 4 ? 4 : h->tile;
	return 0;
}

/* In a segment that is not text: only lengths matter. */
static void
skip_segment(struct hide *h, const unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && h->seen < TEXT_MAX; i++)
		h->text[h->seen++] = p[i];
	h->segment -= (unsigned)n;
	if (h->kind == RISK_JPEG2000 && h->marker != 0x90)
		h->tile -= h->tile >= n ? n : h->tile;
	if (h->segment > 0)
		return;
	h->state = h->marker == 0xda ? CODED : MARKER;
	if (h->kind != RISK_JPEG2000 || h->marker != 0x90)
		return;
	/* The length of a tile's part counts from its marker; 0: to the end. */
	h->tile = h->seen < 8 ? 0
			      : (uint64_t)h->text[2] << 24 | h->text[3] << 16 |
				    h->text[4] << 8 | h->text[5];
	h->tile = h->tile == 0   ? UINT64_MAX / 2
		  : h->tile > 12 ? h->tile - 12
				 : 0;
}

/* Among coded samples; how many bytes were dealt with. */
static size_t
coded(struct hide *h, const unsigned char *p, size_t n)
{
	const unsigned char *q = memchr(p, 0xff, n);

	if (q == NULL)
		return n;
	h->state = CODED2;
	return (size_t)(q - p) + 1;
}

static int
after_ff(struct hide *h, unsigned c, struct why *w)
{
	if (c == 0xff)
		return 0;
	if (c < 0x80 || (h->kind == RISK_JPEG && c < 0xc0) ||
	    (c >= 0xd0 && c <= 0xd7)) {
		h->state = CODED;
		return 0;
	}
	return on_marker(h, c, w);
}

static size_t
tile_bytes(struct hide *h, size_t n)
{
	size_t k = h->tile < n ? (size_t)h->tile : n;

	h->tile -= k;
	if (h->tile == 0)
		h->state = MARKER;
	/* Of a tile without a length only its fragment's end is known. */
	return k;
}

/* Bytes of a coded image, as fragments give them. */
static int
image(struct hide *h, unsigned char *p, size_t n, struct why *w)
{
	unsigned second = h->kind == RISK_JPEG2000 ? 0x4f : 0xd8;
	size_t i = 0, k;

	while (i < n) {
		unsigned c = p[i];
		int r = 0;

		k = 1;
		switch (h->state) {
		case START:
			if (c != 0xff)
				return found(w, "not an image of its syntax");
			h->state = START2;
			break;
		case START2:
			if (c != second)
				return found(w, "not an image of its syntax");
			h->state = MARKER;
			break;
		case MARKER:
			if (c != 0xff)
				return found(w, "a coded image is damaged");
			h->state = CODE;
			break;
		case CODE:
			r = on_marker(h, c, w);
			break;
		case LENGTH:
			h->segment = c << 8;
			h->state = LENGTH2;
			break;
		case LENGTH2:
			h->segment |= c;
			r = on_length(h, w);
			break;
		case SEGMENT:
			k = n - i < h->segment ? n - i : h->segment;
			if (may_hold_text(h))
				r = text_bytes(h, p + i, k, w);
			else
				skip_segment(h, p + i, k);
			break;
		case CODED:
			k = coded(h, p + i, n - i);
			break;
		case CODED2:
			r = after_ff(h, c, w);
			break;
		case TILE:
			k = tile_bytes(h, n - i);
			break;
		case AFTER:
			if (c == 0 || c == 0xff || c == ' ')
				break;
			if (!h->clean)
				return found(w, "bytes after a coded image");
			p[i] = 0;
			h->wiped = true;
		}
		if (r < 0)
			return -1;
		i += k;
	}
	return 0;
}

static uint32_t
little32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t
rle_offset(const struct hide *h, unsigned i)
{
	return i < h->planes ? little32(h->head + 4 + 4 * i) : UINT32_MAX;
}

/* The header of an RLE fragment is complete. */
static int
rle_head(struct hide *h, struct why *w)
{
	unsigned i, planes = little32(h->head);

	h->planes = h->look->samples * (h->look->allocated / 8);
	if (planes != h->planes || planes == 0 || planes > 15)
		return found(w, "not as many RLE segments as it needs");
	for (i = 0; i < 15; i++) {
		uint32_t v = little32(h->head + 4 + 4 * i);

		if (i >= planes ? v != 0
				: (i == 0 && v != 64) ||
				      (i > 0 && v < rle_offset(h, i - 1)))
			return found(w, "an RLE header that is not in order");
	}
	return 0;
}

/* The bits of a sample's top byte that no sample uses. */
static void
rle_sample(struct hide *h, unsigned c)
{
	const struct look *l = h->look;
	unsigned bytes = l->allocated / 8, sign, unused, extended;

	if (h->plane % bytes != 0 || l->stored >= l->allocated ||
	    l->high + 1 != l->stored || l->high < 8 * (bytes - 1))
		return;
	unused = 0xffu << (l->high % 8 + 1) & 0xff;
	sign = c >> (l->high % 8) & 1;
	extended = l->is_signed && sign ? unused : 0;
	h->nonzero |= (c & unused) != 0;
	h->nonextend |= !l->is_signed || (c & unused) != extended;
}

static int
rle_byte(struct hide *h, unsigned char *p, struct why *w)
{
	if (h->at < 64) {
		h->head[h->at++] = *p;
		return h->at == 64 ? rle_head(h, w) : 0;
	}
	while (
	    h->plane + 1 < h->planes && h->at == rle_offset(h, h->plane + 1)) {
		h->plane++;
		h->run = 0;
		h->repeat = 0;
		h->plane_left = (uint64_t)h->look->rows * h->look->columns;
	}
	if (h->at == 64)
		h->plane_left = (uint64_t)h->look->rows * h->look->columns;
	h->at++;
	if (h->plane_left == 0) { /* padding to an even length */
		if (*p == 0 || *p == 0x80)
			return 0;
		if (!h->clean)
			return found(w, "bytes after an RLE segment");
		*p = 0;
		h->wiped = true;
		return 0;
	}
	if (h->run == 0) {
		if (*p < 128)
			h->run = *p + 1;
		else if (*p > 128) {
			h->run = -1;
			h->repeat = 257 - *p;
		}
		return 0;
	}
	rle_sample(h, *p);
	if (h->run < 0) {
		h->plane_left -=
		    h->repeat < h->plane_left ? h->repeat : h->plane_left;
		h->run = 0;
		return 0;
	}
	h->run--;
	h->plane_left--;
	return 0;
}

static int
rle(struct hide *h, unsigned char *p, size_t n, struct why *w)
{
	for (; n > 0; p++, n--)
		if (rle_byte(h, p, w) < 0)
			return -1;
	if (h->nonzero && h->nonextend) /* not to be wiped within RLE */
		return found(w, "bits above its samples are used");
	return 0;
}

/* An offset table holds offsets, which begin at 0 and do not go back. */
static int
offsets(struct hide *h, const unsigned char *p, size_t n, struct why *w)
{
	for (; n > 0; p++, n--) {
		h->offset |= (uint32_t)*p << (8 * (h->at % 4));
		if (++h->at % 4 != 0)
			continue;
		if ((h->at == 4 && h->offset != 0) ||
		    h->offset < h->last_offset)
			return found(w, "an offset table that is none");
		h->last_offset = h->offset;
		h->offset = 0;
	}
	return 0;
}

static int
in_item(struct hide *h, unsigned char *p, size_t n, struct why *w)
{
	if (h->items == 1)
		return offsets(h, p, n, w);
	switch (h->kind) {
	case RISK_JPEG:
	case RISK_JPEGLS:
	case RISK_JPEG2000:
		return image(h, p, n, w);
	case RISK_RLE:
		return rle(h, p, n, w);
	default:
		return 0;
	}
}

/* A fragment begins, and with it perhaps an image. */
static void
next_item(struct hide *h)
{
	h->got = 0;
	h->left = little32(h->item + 4);
	h->items++;
	h->at = 0;
	if (h->kind == RISK_RLE) {
		h->plane = 0;
		h->run = 0;
	} else if (h->state == AFTER ||
		   (h->state == TILE && h->tile > UINT32_MAX)) {
		h->state = h->left > 0 ? START : h->state;
		h->tile = 0;
	}
}

int
hide_bytes(struct hide *h, unsigned char *p, size_t n, struct why *w)
{
	size_t k;

	if (!h->fragments)
		return native(h, p, n, w);
	while (n > 0 && !h->done) {
		if (h->left > 0) {
			k = h->left < n ? (size_t)h->left : n;
			if (in_item(h, p, k, w) < 0)
				return -1;
			h->left -= k;
			p += k;
			n -= k;
			continue;
		}
		h->item[h->got++] = *p++;
		n--;
		if (h->got < sizeof h->item)
			continue;
		h->done = h->item[2] == 0xdd;
		if (h->done) /* no length may be said here */
			return little32(h->item + 4) == 0
				   ? 0
				   : found(w, "its delimiter has a length");
		next_item(h);
	}
	return 0;
}

int
hide_end(struct hide *h, struct why *w)
{
	if (!h->fragments || h->kind == RISK_RLE)
		return 0;
	/* A segment that goes beyond the last fragment was never judged. */
	if (h->state == SEGMENT && may_hold_text(h))
		return found(w, "a coded image is cut short");
	return 0;
}
