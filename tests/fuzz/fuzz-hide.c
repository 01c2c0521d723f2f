#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hide.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Search n bytes in pieces. */
static int
search(const struct look *l, enum risk_syntax kind, bool clean,
    unsigned char *p, size_t n, size_t piece)
{
	struct hide h;
	struct why w = { 0 };
	size_t k;

	hide_begin(&h, l, kind, kind != RISK_NATIVE, clean);
	for (; n > 0; p += k, n -= k) {
		k = n < piece ? n : piece;
		if (hide_bytes(&h, p, k, &w) < 0)
			break;
	}
	if (n == 0 && hide_end(&h, &w) == 0)
		return 0;
	if (w.code != EXIT_NO || w.text[0] == '\0')
		abort();
	return -1;
}

/*
 * What is found does not depend on how the bytes come, and where wiping says
 * that it succeeded nothing is found any more.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum risk_syntax kind;
	struct look l;
	unsigned char *p;
	int found;

	if (size < 8)
		return 0;
	look_begin(&l, "", "", data[0] & 1);
	l.is_signed = data[0] & 2;
	l.allocated = 8u << (data[0] >> 2) % 3;
	kind = (enum risk_syntax)(data[1] % (RISK_JPEG2000 + 1));
	l.stored = data[2] % 33;
	l.high = data[3] % 33;
	l.rows = data[4];
	l.columns = data[5];
	l.samples = 1 + (data[6] & 2);
	data += 8;
	size -= 8;
	if ((p = malloc(size + 1)) == NULL)
		abort();
	memcpy(p, data, size);
	found = search(&l, kind, false, p, size, size);
	if (memcmp(p, data, size) != 0 ||
	    search(&l, kind, false, p, size, 1) != found ||
	    search(&l, kind, false, p, size, 1 + data[-1] % 16) != found)
		abort();
	if (search(&l, kind, true, p, size, size) == 0 &&
	    search(&l, kind, false, p, size, size) < 0)
		abort();
	free(p);
	return 0;
}
