/* lib/merge and lib/sorter: ordered lists side by side, and making them */

#include <stdlib.h>
#include <string.h>

#include "merge.h"
#include "sorter.h"
#include "tap.h"

static struct why w;

struct list {
	const char *const *v;
};

static int
next(void *arg, const char **key, struct why *why)
{
	struct list *l = arg;

	(void)why;
	*key = *l->v;
	return *l->v++ != NULL;
}

static int
fails(void *arg, const char **key, struct why *why)
{
	(void)arg, (void)key;
	return why_set(why, EXIT_FEW, "gone");
}

/* The steps as text: "a:13 b:2", streams counted from 1; or what failed. */
static const char *
steps(struct merge_stream *s, unsigned n)
{
	static char text[400];
	char *o = text;
	struct merge m;
	const char *key;
	unsigned i;
	int got;

	merge_begin(&m, s, n);
	*o = '\0';
	while ((got = merge_next(&m, &key, &w)) > 0) {
		o += sprintf(o, "%s%s:", o > text ? " " : "", key);
		for (i = 0; i < n; i++)
			if (s[i].here)
				o += sprintf(o, "%u", i + 1);
	}
	merge_end(&m);
	return got < 0 ? w.text : text;
}

static void
merges(void)
{
	static const char *const a[] = { "a", "c", "d", "f", NULL },
				 *const b[] = { "b", "c", "f", "ff", NULL },
				 *const none[] = { NULL },
				 *const back[] = { "b", "a", NULL },
				 *const twice[] = { "b", "b", NULL };
	struct list la = { a }, lb = { b }, lc = { none };
	struct merge_stream s[] = {
		{ .next = next, .arg = &la, .what = "A" },
		{ .next = next, .arg = &lb, .what = "B" },
		{ .next = next, .arg = &lc, .what = "C" },
	};

	ok(strcmp(steps(s, 3), "a:1 b:2 c:12 d:1 f:12 ff:2") == 0,
	    "every key once, and whose it is");
	lc.v = none;
	ok(strcmp(steps(s + 2, 1), "") == 0, "nothing at all");
	la.v = a, lb.v = back;
	ok(strcmp(steps(s, 2), "B: the list is not in order") == 0,
	    "a list that goes back is refused");
	la.v = a, lb.v = twice;
	ok(strcmp(steps(s, 2), "B: the list is not in order") == 0,
	    "a key that comes twice is refused");
	la.v = a;
	s[1].next = fails;
	ok(strcmp(steps(s, 2), "gone") == 0 && w.code == EXIT_FEW,
	    "a list that fails ends it");
}

/* n lines in an order of its own, through memory bytes: do they come sorted? */
static bool
sorts(unsigned n, size_t memory, unsigned step, unsigned from)
{
	struct sorter *s = sorter_new(memory, &w);
	char line[64], last[64] = "";
	const char *text;
	unsigned i, got = 0;
	unsigned long long sum = 0;

	for (i = 0; i < n; i++) {
		snprintf(line, sizeof line, "%08u\tpayload",
		    (unsigned)(((unsigned long long)i * step + from) % n));
		if (sorter_add(s, line, &w) < 0)
			return false;
	}
	while (sorter_next(s, &text, &w) > 0) {
		if (strcmp(text, last) < 0)
			return false;
		snprintf(last, sizeof last, "%s", text);
		sum += strtoull(text, NULL, 10);
		got++;
	}
	sorter_free(s);
	return got == n && sum == (unsigned long long)n * (n - 1) / 2;
}

static void
sorting(void)
{
	struct sorter *s = sorter_new(1 << 16, &w);
	const char *text;
	char *big;

	ok(sorter_next(s, &text, &w) == 0, "nothing to sort");
	ok(sorter_add(s, "x", &w) < 0 && w.code == EXIT_BUG,
	    "nothing is added to what is read");
	sorter_free(s);
	ok(sorts(100, 1 << 20, 1, 0), "in memory, in order");
	ok(sorts(101, 1 << 20, 100, 0), "in memory, backwards");
	ok(sorts(100003, 1 << 16, 1, 0), "one run");
	ok(sorts(100003, 1 << 16, 100002, 0), "backwards: many runs");
	ok(sorts(100003, 1 << 16, 7919, 17), "mixed: many runs");
	ok(sorts(100003, 1 << 16, 1, 50000), "two runs");
	s = sorter_new(1 << 16, &w);
	big = malloc(1 << 16);
	memset(big, 'x', (1 << 16) - 1);
	big[(1 << 16) - 1] = '\0';
	ok(sorter_add(s, big, &w) < 0 && w.code == EXIT_DATA,
	    "a line that does not fit");
	free(big);
	sorter_free(s);
}

int
main(void)
{
	merges();
	sorting();
	return done_testing();
}
