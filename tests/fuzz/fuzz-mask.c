#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Blackened in pieces is blackened at once; and again changes nothing. */
static void
blacken(const struct mask *m, const struct look *l)
{
	size_t n = look_frame(l), i, k;
	unsigned char *a = malloc(n), *b = malloc(n);

	if (a == NULL || b == NULL)
		abort();
	memset(a, 0x5a, n);
	memset(b, 0x5a, n);
	mask_blacken(m, l, 0, a, n);
	for (i = 0; i < n; i += k) {
		k = n - i < 7 ? n - i : 7;
		mask_blacken(m, l, n + i, b + i, k);
	}
	if (memcmp(a, b, n) != 0)
		abort();
	mask_blacken(m, l, 0, a, n);
	if (memcmp(a, b, n) != 0)
		abort();
	mask_overlay(m, l, 5, 9, -2, 3, a, n);
	free(a);
	free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const photometric[] = { "MONOCHROME1", "MONOCHROME2",
		"RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR" };
	struct why w = { 0 };
	struct masks *m;
	struct look l;

	if (size < 4)
		return 0;
	look_begin(&l, "1.2", "1.2", data[0] & 1);
	l.rows = 1 + data[1] % 64;
	l.columns = 1 + data[2] % 64;
	l.allocated = 8u << data[3] % 3;
	l.stored = l.allocated - data[3] / 4 % 4;
	l.high = l.stored - 1;
	l.samples = data[0] & 2 ? 3 : 1;
	l.planar = data[0] >> 2 & 1;
	strcpy(l.photometric, photometric[(data[0] >> 3) % 6]);
	if ((m = mask_parse((const char *)data + 4, size - 4, &w)) == NULL) {
		if (w.code != EXIT_USAGE || w.text[0] == '\0')
			abort();
		return 0;
	}
	if (mask_find(m, &l) != NULL && mask_check(&l, &w) == 0)
		blacken(mask_find(m, &l), &l);
	mask_free(m);
	return 0;
}
