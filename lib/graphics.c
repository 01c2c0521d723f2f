#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dict.h"
#include "graphics.h"

void
graphics_begin(struct graphics *g)
{
	size_t i;

	if (!g->any)
		return;
	for (i = 0; i < sizeof g->v / sizeof *g->v; i++)
		free(g->v[i].bits);
	memset(g, 0, sizeof *g);
}

static unsigned
number(const unsigned char *p, size_t n)
{
	return n < 2 ? 0 : (unsigned)(p[1] << 8 | p[0]);
}

static void
keep_bits(struct graphic *o, const unsigned char *p, size_t n)
{
	if (o->bits != NULL || n == 0)
		return;
	if ((o->bits = malloc(n + 1)) == NULL)
		die(EXIT_IO, "out of memory");
	memcpy(o->bits, p, n);
	o->n = n;
}

void
graphics_element(struct graphics *g, uint32_t tag, const void *value, size_t n)
{
	const unsigned char *p = value;
	struct graphic *o;
	char frames[16];

	if ((TAG_GROUP(tag) & 0xffe1) != 0x6000)
		return;
	g->any = true;
	o = &g->v[(TAG_GROUP(tag) & 0x1e) / 2];
	switch (tag & 0xffff) {
	case 0x0010:
		o->rows = number(p, n);
		break;
	case 0x0011:
		o->columns = number(p, n);
		break;
	case 0x0015:
		snprintf(frames, sizeof frames, "%.*s", (int)(n < 12 ? n : 12),
		    (const char *)p);
		o->frames = strtol(frames, NULL, 10);
		break;
	case 0x0040:
		o->type = n > 0 && (*p == 'G' || *p == 'R') ? (char)*p : 0;
		break;
	case 0x0050:
		o->row = (int16_t)number(p, n);
		o->column = n < 4 ? 0 : (int16_t)number(p + 2, 2);
		break;
	case 0x0100:
		o->allocated = number(p, n);
		break;
	case 0x0102:
		o->bit = number(p, n);
		break;
	case 0x3000:
		keep_bits(o, p, n);
	}
}

/* Bytes that its bits take; 0 if it is not whole, or lies in the pixels. */
static size_t
bytes_of(const struct graphic *o)
{
	long frames = o->frames > 0 ? o->frames : 1;
	size_t bits = (size_t)o->rows * o->columns, n;

	if (o->bits == NULL || o->type == 0 || bits == 0 || o->allocated != 1 ||
	    o->bit != 0 || frames > 1L << 24)
		return 0;
	n = (bits * (size_t)frames + 7) / 8;
	return n <= o->n ? n : 0;
}

static int
put_one(struct graphic *o, uint32_t group, const struct mask *m,
    const struct look *l, struct dcm *set, struct why *w)
{
	size_t n = bytes_of(o);
	size_t bits = (size_t)o->rows * o->columns *
		      (size_t)(o->frames > 0 ? o->frames : 1);
	char text[32], type[2] = { o->type, '\0' };

	if (n == 0)
		return 0;
	mask_overlay(
	    m, l, o->rows, o->columns, o->row - 1, o->column - 1, o->bits, n);
	if (bits % 8 != 0) /* what pads the last byte is nobody's */
		o->bits[n - 1] &= (unsigned char)((1u << bits % 8) - 1);
	if (n % 2 != 0)
		o->bits[n++] = 0;
	snprintf(text, sizeof text, "%u", o->rows);
	if (dcm_put(set, group | 0x0010, VR('U', 'S'), text, w) < 0)
		return -1;
	snprintf(text, sizeof text, "%u", o->columns);
	if (dcm_put(set, group | 0x0011, VR('U', 'S'), text, w) < 0)
		return -1;
	snprintf(text, sizeof text, "%ld", o->frames);
	if (o->frames > 0 &&
	    dcm_put(set, group | 0x0015, VR('I', 'S'), text, w) < 0)
		return -1;
	snprintf(text, sizeof text, "%d\\%d", o->row, o->column);
	if (dcm_put(set, group | 0x0040, VR('C', 'S'), type, w) < 0 ||
	    dcm_put(set, group | 0x0050, VR('S', 'S'), text, w) < 0 ||
	    dcm_put(set, group | 0x0100, VR('U', 'S'), "1", w) < 0 ||
	    dcm_put(set, group | 0x0102, VR('U', 'S'), "0", w) < 0)
		return -1;
	return dcm_put_words(set, group | 0x3000, o->bits, n, w);
}

int
graphics_put(struct graphics *g, const struct mask *m, const struct look *l,
    struct dcm *set, struct why *w)
{
	uint32_t i;

	for (i = 0; g->any && i < sizeof g->v / sizeof *g->v; i++)
		if (put_one(&g->v[i], (0x6000 + 2 * i) << 16, m, l, set, w) < 0)
			return -1;
	return 0;
}
