#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicomjson.h"
#include "multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came, in a form that does not depend on how it was cut. */
struct log {
	unsigned char *p;
	size_t used;
	unsigned begun, ended;
};

static void
add(struct log *l, const void *p, size_t n)
{
	if ((l->p = realloc(l->p, l->used + n + 1)) == NULL)
		abort();
	memcpy(l->p + l->used, p, n);
	l->used += n;
}

static int
begin(void *arg, struct why *w)
{
	struct log *l = arg;

	(void)w;
	if (l->begun++ != l->ended)
		abort();
	return 0;
}

static int
data_of(void *arg, const void *p, size_t n, struct why *w)
{
	struct log *l = arg;

	(void)w;
	if (l->begun != l->ended + 1 || n == 0)
		abort();
	add(l, p, n);
	return 0;
}

static int
end(void *arg, struct why *w)
{
	struct log *l = arg;

	(void)w;
	if (++l->ended != l->begun)
		abort();
	add(l, "\0END", 4);
	return 0;
}

static int
read_parts(struct log *l, const uint8_t *p, size_t n, size_t step)
{
	struct multipart x;
	struct why w;
	size_t k;

	if (multipart_init(&x, "multipart/related; boundary=\"-b\"", &w) < 0)
		abort();
	x.begin = begin;
	x.data = data_of;
	x.end = end;
	x.arg = l;
	for (; n > 0; p += k, n -= k) {
		k = n < step ? n : step;
		if (multipart_feed(&x, p, k, &w) < 0)
			return -1;
	}
	return multipart_whole(&x);
}

/* A body that holds no delimiter comes back as it is. */
static void
round_trip(const uint8_t *p, size_t n)
{
	static const char head[] = "---b\r\nA: b\r\n\r\n",
			  tail[] = "\r\n---b--";
	struct log l = { 0 }, all = { 0 };

	if (memmem(p, n, "\r\n---b", 6) != NULL)
		return;
	add(&all, head, sizeof head - 1);
	add(&all, p, n);
	add(&all, tail, sizeof tail - 1);
	if (read_parts(&l, all.p, all.used, 3) != 1 || l.used != n + 4 ||
	    (n > 0 && memcmp(l.p, p, n) != 0))
		abort();
	free(l.p);
	free(all.p);
}

static void
see(void *arg, uint32_t tag, const char *value, size_t n)
{
	(void)arg, (void)tag, (void)value, (void)n;
}

/* An answer is a data set that can be walked. */
static int
answer(void *arg, const void *p, size_t n, struct why *w)
{
	if (ident_each(p, n, see, NULL, w) < 0)
		abort();
	add(arg, p, n);
	return 0;
}

static int
read_json(struct log *l, const uint8_t *p, size_t n, size_t step)
{
	static const uint32_t asked[] = { 0x00080020, 0x00081190, 0x00100010,
		0x0020000d, 0x00201208, 0x00280010, 0x00280008 };
	struct ident q;
	struct dicomjson *j;
	struct why w;
	int got = 0;
	size_t k;

	ident_init(&q);
	for (k = 0; k < sizeof asked / sizeof *asked; k++)
		if (ident_set(&q, asked[k], "", &w) < 0)
			abort();
	j = dicomjson_new(&q, answer, l);
	for (; n > 0 && got == 0; p += k, n -= k) {
		k = n < step ? n : step;
		got = dicomjson_feed(j, p, k, &w);
	}
	if (got == 0)
		got = dicomjson_end(j, &w);
	dicomjson_free(j);
	ident_free(&q);
	return got;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	int (*const fn[])(struct log *, const uint8_t *, size_t,
	    size_t) = { read_parts, read_json };
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct log a = { 0 }, b = { 0 };

		if (fn[i](&a, p, n, n + 1) != fn[i](&b, p, n, 1) ||
		    a.used != b.used || (a.used && memcmp(a.p, b.p, a.used)))
			abort();
		free(a.p);
		free(b.p);
	}
	if (n < 1 << 16)
		round_trip(p, n);
	return 0;
}
