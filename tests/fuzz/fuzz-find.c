/* find: what is parsed prints as what parses to the same. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *
get(void *arg, enum find_key key, bool *unknown)
{
	const char *const *values = arg;

	*unknown = values[key] != NULL && *values[key] == '?';
	return *unknown ? NULL : values[key];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct find f, g;
	static char text[FIND_TEXT], once[4 * FIND_TEXT], twice[4 * FIND_TEXT],
	    room[FIND_TEXT + 2];
	const char *known[FIND_KEYS] = { "HEAD", "me", "CT", NULL, "P 1",
		"1.2.3", "1.2", "20210503", "1.2.3.4", "1000", "online" };
	const char *some[FIND_KEYS] = { "HEAD", "me", "CT", NULL, "P 1",
		"1.2.3", "1.2", "20210503", "?", "?", "?" };
	const char *from, *to, *v;
	enum find_key key;
	struct why w;
	int all, part;

	if (n >= sizeof text)
		return 0;
	memcpy(text, data, n);
	text[n] = '\0';
	if (find_parse(&f, text, &w) < 0)
		return 0;
	all = find_match(&f, get, known);
	part = find_match(&f, get, some);
	if (all < 0 || (part >= 0 && part != all))
		abort();
	key = find_bound(&f, &from, &to, room);
	if (key != FIND_KEYS && all == 1) {
		v = known[key];
		if (v == NULL || (from && strcmp(v, from) < 0) ||
		    (to && strcmp(v, to) > 0))
			abort();
	}
	if (find_print(&f, once, sizeof once) >= sizeof once)
		abort();
	if (strlen(once) >= FIND_TEXT)
		return 0;
	if (find_parse(&g, once, &w) < 0) /* it may be deeper than is taken */
		return 0;
	find_print(&g, twice, sizeof twice);
	if (strcmp(once, twice) != 0 || find_match(&g, get, known) != all)
		abort();
	return 0;
}
