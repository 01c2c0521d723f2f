#include <stdlib.h>
#include <string.h>

#include "burnin.h"
#include "say.h"

#define STROKE_MAX 16 /* pixels of a stroke, across */
#define STROKES 4     /* of one value, in a row of text */
#define ROWS 5        /* of text, for a finding */
#define BAND 48       /* rows in which they are */

struct burnin {
	const struct look *look;
	uint16_t *row; /* of cells; the signed are moved to be positive */
	size_t columns;
	unsigned char part;
	bool half;          /* part is the first byte of a cell */
	size_t at;          /* cells of the row so far */
	unsigned line;      /* rows so far */
	unsigned low, high; /* values so far */
	bool found;

	/* By value: strokes in this row, rows of text in this band. */
	uint16_t strokes[65536];
	unsigned char rows[65536];
	uint16_t touched[65536 / 2];
	size_t touches;
};

struct burnin *
burnin_new(void)
{
	struct burnin *b = calloc(1, sizeof *b);

	if (b == NULL || (b->row = malloc(65536 * sizeof *b->row)) == NULL)
		die(EXIT_IO, "out of memory");
	return b;
}

void
burnin_free(struct burnin *b)
{
	if (b != NULL)
		free(b->row);
	free(b);
}

bool
burnin_wanted(const struct look *l)
{
	static const char *const modalities[] = { "CR", "DX", "MG", "RG", "IO",
		"PX", "RF" };
	size_t i;

	for (i = 0; i < sizeof modalities / sizeof *modalities; i++)
		if (strcmp(l->modality, modalities[i]) == 0)
			return true;
	return false;
}

bool
burnin_for(const struct look *l)
{
	return burnin_wanted(l) && l->samples == 1 && l->columns > 0 &&
	       l->stored > 0 && l->stored <= l->allocated &&
	       (l->allocated == 8 || l->allocated == 16);
}

void
burnin_begin(struct burnin *b, const struct look *l)
{
	b->look = l;
	b->columns = l->columns;
	b->half = b->found = false;
	b->at = 0;
	b->line = 0;
	b->low = 0xffff;
	b->high = 0;
	memset(b->rows, 0, sizeof b->rows);
}

/* How far a stroke is from what is beside it. */
static unsigned
step(const struct burnin *b)
{
	unsigned least = (1u << b->look->stored) / 16;
	unsigned range = b->high > b->low ? (b->high - b->low) / 4 : 0;

	return range > least ? range : least;
}

static void
count(struct burnin *b, unsigned v)
{
	if (b->strokes[v]++ == 0)
		b->touched[b->touches++] = (uint16_t)v;
}

/* Strokes: runs of one value that stand out on both sides. */
static void
scan(struct burnin *b)
{
	const uint16_t *row = b->row;
	unsigned far = step(b), v;
	size_t i, end;

	for (i = 1; i + 1 < b->columns; i = end) {
		bool up = (unsigned)row[i] >= row[i - 1] + far;
		bool down = row[i] + far <= (unsigned)row[i - 1];

		end = i + 1;
		if (!up && !down)
			continue;
		v = row[i];
		while (end < b->columns && row[end] == v)
			end++;
		if (end == b->columns || end - i > STROKE_MAX)
			continue;
		if (up ? v >= row[end] + far : v + far <= row[end])
			count(b, v);
	}
}

static void
whole_row(struct burnin *b)
{
	size_t i;

	for (i = 0; i < b->columns; i++) {
		if (b->row[i] < b->low)
			b->low = b->row[i];
		if (b->row[i] > b->high)
			b->high = b->row[i];
	}
	if (b->line++ % BAND == 0) { /* half of what was stays in mind */
		for (i = 0; i < 65536; i++)
			b->rows[i] /= 2;
	}
	b->touches = 0;
	scan(b);
	for (i = 0; i < b->touches; i++) {
		unsigned v = b->touched[i];

		if (b->strokes[v] >= STROKES && ++b->rows[v] >= ROWS)
			b->found = true;
		b->strokes[v] = 0;
	}
}

static void
cell(struct burnin *b, unsigned v)
{
	const struct look *l = b->look;
	unsigned mask = (unsigned)(((uint32_t)1 << l->stored) - 1);

	if (l->high + 1 > l->stored && l->high < l->allocated)
		v >>= l->high + 1 - l->stored;
	v &= mask;
	if (l->is_signed)
		v ^= (mask >> 1) + 1;
	b->row[b->at++] = (uint16_t)v;
	if (b->at == b->columns) {
		whole_row(b);
		b->at = 0;
	}
}

bool
burnin_bytes(struct burnin *b, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	bool big = b->look->big;

	if (b->look->allocated == 8) {
		for (; n > 0 && !b->found; n--)
			cell(b, *p++);
		return b->found;
	}
	for (; n > 0 && !b->found; p++, n--) {
		if (b->half)
			cell(b, big ? (unsigned)(b->part << 8 | *p)
				    : (unsigned)(*p << 8 | b->part));
		b->part = *p;
		b->half = !b->half;
	}
	return b->found;
}
