#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "leak.h"
#include "parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct from {
	const uint8_t *p;
	size_t n, step;
};

static int
fill(void *arg, void *buf, size_t size, size_t *got, struct why *w)
{
	struct from *f = arg;

	(void)w;
	*got = size < f->step ? size : f->step;
	if (*got > f->n)
		*got = f->n;
	memcpy(buf, f->p, *got);
	f->p += *got;
	f->n -= *got;
	return f->n > 0;
}

struct sum {
	unsigned long long hits, at;
};

static void
found(void *arg, const struct leak *hit)
{
	struct sum *s = arg;

	s->hits++;
	s->at = s->at * 31 + hit->at + hit->word;
}

/* All bytes come once and in order, and the hits do not depend on the steps. */
static struct sum
search(struct leaks *l, const uint8_t *data, size_t size, size_t step)
{
	struct from f = { data, size, step };
	struct parts p = { 0 };
	struct why w = { 0 };
	struct sum s = { 0 };
	enum parts_kind kind;
	const void *bytes;
	size_t n, at = 0;
	int got;

	leaks_begin(l, found, &s);
	if (parts_open(&p, fill, &f, 1 << 20, &w) < 0) {
		if (w.code != EXIT_DATA)
			abort();
		leaks_end(l);
		parts_free(&p);
		return s;
	}
	while ((got = parts_next(&p, &bytes, &n, &kind, &w)) == 1) {
		if (!p.meta.deflated &&
		    (at + n > size || memcmp(bytes, data + at, n) != 0))
			abort();
		leaks_feed(l, bytes, n, kind == PARTS_PIXELS);
		at += n;
	}
	leaks_end(l);
	if (got != 0 || (!p.meta.deflated && at != size))
		abort();
	parts_free(&p);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct leaks *l;
	struct why w = { 0 };
	struct sum a, b;

	if (l == NULL) {
		l = leaks_new();
		if (leaks_add(l, "abc", 3, 1, &w) < 0 ||
		    leaks_add(l, "Smith^John", 10, 2, &w) < 0 ||
		    leaks_add(l, "\345\261\261\347\224\260", 6, 3, &w) < 0)
			abort();
	}
	leaks_add(l, "", 0, 4, &w);
	a = search(l, data, size, size + 1);
	b = search(l, data, size, 1);
	if (a.hits != b.hits || a.at != b.at)
		abort();
	return 0;
}
