#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walk all of it, given step bytes more at a time; where it ended and how. */
static int
walk(const uint8_t *p, size_t size, size_t step, const struct walk_meta *m,
    struct walk *k)
{
	struct why w = { 0 };
	size_t n = step < size ? step : size, last = m->dataset;
	int got;

	walk_begin(k, m->syntax, m->dataset);
	for (;;) {
		got = walk_next(k, p, n, n == size, &w);
		if (got == WALK_MORE) {
			if (n == size || k->need <= n)
				abort();
			n = k->need > n + step ? k->need : n + step;
			if (n > size)
				n = size;
			continue;
		}
		if (got != WALK_ELEMENT)
			break;
		if (k->at < last || k->value < k->at || k->end < k->value ||
		    k->end > n)
			abort();
		last = k->end;
	}
	if (got < 0 && (w.code != EXIT_DATA || w.text[0] == '\0'))
		abort();
	if (got == WALK_PIXEL && k->value > n)
		abort();
	return got;
}

/* Fragments come out alike, at once or byte by byte. */
static void
pixels(const uint8_t *p, size_t size, const struct walk *k)
{
	struct walk_pixel a, b;
	struct why w = { 0 };
	long long n, one = 0;
	size_t i;

	walk_pixel_begin(&a, k);
	walk_pixel_begin(&b, k);
	n = walk_pixel(&a, p, size, &w);
	if (n > (long long)size)
		abort();
	for (i = 0; i < size && !b.done && one >= 0; i++)
		one = walk_pixel(&b, p + i, 1, &w);
	if ((n < 0) != (one < 0) || (n >= 0 && a.done != b.done))
		abort();
}

/* What it finds does not depend on how the bytes come. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walk_uids u;
	struct walk_meta m;
	struct walk a, b;
	struct why w = { 0 };
	int all, some;

	walk_uids(&u, data, size, &w);
	if (walk_meta(&m, data, size, true, &w) != 1)
		return 0;
	if (m.dataset > size || m.transfer[0] == '\0')
		abort();
	all = walk(data, size, size, &m, &a);
	some = walk(data, size, 1, &m, &b);
	/* Too long a value is seen at once only when all is there. */
	if (all != some && (all >= 0 || some != WALK_PIXEL))
		abort();
	if (all == WALK_PIXEL) {
		if (a.value != b.value || a.size != b.size)
			abort();
		pixels(data + a.value, size - a.value, &a);
	}
	return 0;
}
