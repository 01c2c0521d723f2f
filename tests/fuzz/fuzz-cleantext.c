#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleantext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Input: a character set, a name and a text, each ended by FF.  Nothing grows,
 * what is clean stays as it is, and the name does not survive cleaning.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cleantext *c;
	const uint8_t *end, *part[3];
	const void *out, *again;
	struct charset set;
	size_t len[3], n, m;
	char *copy;
	int i;

	if (c == NULL)
		c = cleantext_new();
	for (i = 0; i < 3; i++) {
		end = size ? memchr(data, 0xff, size) : NULL;
		part[i] = data;
		len[i] = end ? (size_t)(end - data) : size;
		data += len[i] + (end != NULL);
		size -= len[i] + (end != NULL);
	}
	charset_set(&set, part[0], len[0]);
	cleantext_begin(c);
	for (i = 0; i <= CLEANTEXT_TIME; i++)
		cleantext_note(
		    c, (enum cleantext_kind)i, &set, part[1], len[1]);
	if (cleantext_clean(c, &set, part[2], len[2], '*', &out, &n) ==
	    CLEANTEXT_CANNOT)
		return 0;
	if (n > len[2])
		abort();
	copy = malloc(n + 1);
	if (copy == NULL)
		abort();
	memcpy(copy, out, n);
	copy[n] = '\0';
	cleantext_within(c, copy, n);
	if (cleantext_clean(c, &set, copy, n, 0, &again, &m) ==
		CLEANTEXT_SAME &&
	    (m != n || again != copy))
		abort();
	free(copy);
	return 0;
}
