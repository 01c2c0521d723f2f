#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "leak.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
found(void *arg, const struct leak *hit)
{
	(void)hit;
	*(int *)arg = 1;
}

/* Whatever can be searched for is found where it is. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leaks *l = leaks_new();
	struct why w = { 0 };
	int hit = 0;

	if (leaks_add(l, (const char *)data, size, 1, &w) == 0) {
		leaks_begin(l, found, &hit);
		leaks_feed(l, " ", 1, false);
		leaks_feed(l, data, size, false);
		leaks_feed(l, " ", 1, false);
		leaks_end(l);
		if (!hit)
			abort();
	} else if (w.code != EXIT_DATA) {
		abort();
	}
	leaks_free(l);
	return 0;
}
