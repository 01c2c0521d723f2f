/* A server's listing: names are one component, whatever it says, in any pieces.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	unsigned long n, sum;
};

static void
visit(void *arg, const struct dav_entry *e)
{
	struct seen *s = arg;
	const char *p;

	if (strchr(e->name, '/') != NULL || strcmp(e->name, ".") == 0 ||
	    strcmp(e->name, "..") == 0 || strlen(e->locality) >= 24)
		abort();
	s->n++;
	for (p = e->name; *p != '\0'; p++)
		s->sum = s->sum * 31 + (unsigned char)*p;
	s->sum = s->sum * 31 + e->size + e->dir;
}

static int
feed(const uint8_t *data, size_t size, size_t piece, struct seen *s)
{
	struct dav *d = dav_new("/se/aa", visit, s);
	struct why w = { 0 };
	size_t n;
	int r = 0;

	memset(s, 0, sizeof *s);
	for (; size > 0 && r == 0; data += n, size -= n) {
		n = size < piece ? size : piece;
		r = dav_feed(d, data, n, false, &w);
	}
	if (r == 0)
		r = dav_feed(d, "", 0, true, &w);
	dav_free(d);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen a, b;
	int whole = feed(data, size, size, &a);
	int parts = feed(data, size, 7, &b);

	if (whole != parts || (whole == 0 && memcmp(&a, &b, sizeof a) != 0))
		abort();
	return 0;
}
