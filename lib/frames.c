#include <stdlib.h>
#include <string.h>

#include "frames.h"

void
frames_begin(struct frames *f, const struct look *l, enum risk_syntax kind)
{
	unsigned char *buf = f->buf;
	size_t size = f->size;

	memset(f, 0, sizeof *f);
	f->buf = buf;
	f->size = size;
	f->look = l;
	f->kind = kind;
	/* No coder needs more than this, whatever the samples are. */
	f->max =
	    2 * (size_t)l->rows * l->columns * l->samples * (l->allocated / 8) +
	    (1 << 16);
}

void
frames_free(struct frames *f)
{
	free(f->buf);
	f->buf = NULL;
	f->size = 0;
}

static int
bad(struct why *w, const char *what)
{
	return why_set(w, EXIT_DATA, "(7fe0,0010): %s", what);
}

static int
add(struct frames *f, const unsigned char *p, size_t n, struct why *w)
{
	size_t want = f->used + n;

	if (want > f->max)
		return bad(w, "a coded frame is longer than its samples");
	if (want > f->size) {
		unsigned char *q;

		want = 2 * want < f->max ? 2 * want : f->max;
		if ((q = realloc(f->buf, want)) == NULL)
			die(EXIT_IO, "out of memory");
		f->buf = q;
		f->size = want;
	}
	memcpy(f->buf + f->used, p, n);
	f->used += n;
	return 0;
}

static uint32_t
little32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Does the fragment that begins with f->start begin a frame? */
static bool
begins(const struct frames *f)
{
	if (f->kind == RISK_RLE)
		return true;
	return f->look->frames > 1 && f->start[0] == 0xff &&
	       f->start[1] == 0xd8;
}

/* One byte of an item's header.  1 if the last frame is complete. */
static int
header(struct frames *f, unsigned char c, struct why *w)
{
	f->item[f->got++] = c;
	if (f->got < sizeof f->item)
		return 0;
	f->got = 0;
	if (f->item[2] == 0xdd) {
		f->done = true;
		return f->used > 0;
	}
	f->left = little32(f->item + 4);
	f->starts = 0;
	if (f->items++ > 0 && f->left > 0 && f->left < 2)
		return bad(w, "a fragment of one byte");
	return 0;
}

int
frames_feed(struct frames *f, const unsigned char *p, size_t n, size_t *used,
    struct why *w)
{
	size_t i = 0, k;
	int r = 0;

	if (f->given) {
		f->used = 0;
		f->given = false;
		if (f->starts == 2 && add(f, f->start, 2, w) < 0)
			return -1;
	}
	while (r == 0 && i < n && !f->done) {
		if (f->left == 0) {
			r = header(f, p[i++], w);
		} else if (f->items == 1) { /* the offset table */
			k = f->left < n - i ? (size_t)f->left : n - i;
			f->left -= k;
			i += k;
		} else if (f->starts < 2) {
			f->start[f->starts++] = p[i++];
			f->left--;
			if (f->starts < 2)
				continue;
			if (begins(f) && f->used > 0)
				r = 1;
			else
				r = add(f, f->start, 2, w);
		} else {
			k = f->left < n - i ? (size_t)f->left : n - i;
			r = add(f, p + i, k, w);
			f->left -= k;
			i += k;
		}
	}
	*used = i;
	f->given = r == 1;
	return r;
}

bool
frames_as_said(const struct frames *f)
{
	const struct look *l = f->look;
	const unsigned char *p = f->buf, *end = p + f->used;

	if (f->kind == RISK_RLE)
		return f->used >= 64;
	for (p += 2; end - p >= 10 && p[0] == 0xff; p += 2 + (p[2] << 8 | p[3]))
		if ((p[1] >= 0xc0 && p[1] <= 0xcf && p[1] != 0xc4 &&
			p[1] != 0xc8 && p[1] != 0xcc) ||
		    p[1] == 0xf7)
			return (p[4] > 8 ? 2u : 1u) == l->allocated / 8 &&
			       (unsigned)(p[5] << 8 | p[6]) == l->rows &&
			       (unsigned)(p[7] << 8 | p[8]) == l->columns &&
			       p[9] == l->samples;
	return false;
}
