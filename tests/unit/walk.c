#include <string.h>

#include "tap.h"
#include "walk.h"

/* A data set in explicit VR, little endian, and what the walk makes of it. */
static int
walk(const char *p, size_t n, struct why *w)
{
	struct walk k;
	int got;

	walk_begin(&k, WALK_EXPLICIT, 0);
	while ((got = walk_next(&k, p, n, true, w)) == WALK_ELEMENT)
		;
	return got;
}

#define WALK(s) walk(s, sizeof s - 1, &w)
#define UID(tag) tag "UI\004\0001.2\0"
#define META "\2\0\20\0UI\24\0001.2.840.10008.1.2.1\0"

static void
lengths(void)
{
	struct why w = { 0 };

	ok(WALK("") == WALK_END, "nothing is a data set");
	ok(WALK("\10\0\140\0CS\2\0CT") == WALK_END, "one element");
	ok(WALK("\10\0\140\0CS\2\0CT\0\0\0") == WALK_END, "zeros after it");
	ok(WALK("\10\0\140\0CS\2\0CTx") == -1, "a byte after it");
	ok(WALK("\10\0\140\0CS\4\0CT") == -1, "a length beyond the end");
	ok(strstr(w.text, "(0008,0060)") != NULL, "its tag is named");
	ok(WALK("\10\0\140\0C") == -1, "half a header");
	ok(WALK("\10\0\140\0cs\2\0CT") == -1, "no such VR");
	ok(WALK("\10\0\140\0OB\0\0\377\377\377\377") == -1,
	    "a value of undefined length");
	ok(WALK("\376\377\15\340\0\0\0\0") == -1, "a stray delimiter");
}

static void
sequences(void)
{
	struct why w = { 0 };

	ok(WALK("\10\0\40\21SQ\0\0\0\0\0\0") == WALK_END, "an empty sequence");
	ok(WALK("\10\0\40\21SQ\0\0\10\0\0\0\376\377\0\340\0\0\0\0") == WALK_END,
	    "an empty item");
	ok(WALK("\10\0\40\21SQ\0\0\10\0\0\0\376\377\0\340\2\0\0\0xx") == -1,
	    "an item longer than its sequence");
	ok(WALK("\10\0\40\21SQ\0\0\377\377\377\377\376\377\0\340"
		"\377\377\377\377\376\377\15\340\0\0\0\0"
		"\376\377\335\340\0\0\0\0") == WALK_END,
	    "undefined lengths");
	ok(WALK("\10\0\40\21SQ\0\0\377\377\377\377") == -1,
	    "a sequence that does not end");
	ok(WALK("\10\0\40\21SQ\0\0\377\377\377\377\10\0\140\0CS\2\0CT") == -1,
	    "an element where an item should be");
}

/* n sequences within one another, in implicit VR. */
static int
nest(int n)
{
	static const char one[] = "\10\0\40\21\377\377\377\377"
				  "\376\377\0\340\377\377\377\377";
	static const char end[] = "\376\377\15\340\0\0\0\0"
				  "\376\377\335\340\0\0\0\0";
	char buf[128 * 32];
	struct why w = { 0 };
	struct walk k;
	int i;

	for (i = 0; i < n; i++) {
		memcpy(buf + i * 16, one, 16);
		memcpy(buf + (n + i) * 16, end, 16);
	}
	walk_begin(&k, WALK_IMPLICIT, 0);
	while (
	    (i = walk_next(&k, buf, (size_t)n * 32, true, &w)) == WALK_ELEMENT)
		;
	return i;
}

static void
uids(void)
{
	static const char ds[] =
	    META UID("\10\0\30\0") "\10\0\140\0CS\2\0CT" UID("\40\0\15\0")
		UID("\40\0\16\0");
	struct walk_uids u;
	struct why w = { 0 };

	ok(walk_uids(&u, ds, sizeof ds - 1, &w) == 0 &&
		strcmp(u.sop, "1.2") == 0 && strcmp(u.series, "1.2") == 0,
	    "UIDs of an object");
	ok(walk_uids(&u, ds, sizeof ds - 13, &w) == -1, "one is missing");
}

static void
pixels(void)
{
	static const char value[] = "\376\377\0\340\2\0\0\0xx"
				    "\376\377\335\340\0\0\0\0after";
	struct walk_pixel x;
	struct walk k = { .size = WALK_UNDEFINED };
	struct why w = { 0 };
	size_t i;

	walk_pixel_begin(&x, &k);
	ok(walk_pixel(&x, value, sizeof value - 1, &w) == 18 && x.done,
	    "fragments end at their delimiter");
	walk_pixel_begin(&x, &k);
	for (i = 0; i < 17; i++)
		if (walk_pixel(&x, value + i, 1, &w) != 1 || x.done)
			break;
	ok(i == 17 && walk_pixel(&x, value + i, 7, &w) == 1 && x.done,
	    "byte by byte as well");
	walk_pixel_begin(&x, &k);
	ok(walk_pixel(&x, "garbage!", 8, &w) == -1, "no fragment");
}

int
main(void)
{
	lengths();
	sequences();
	ok(nest(WALK_DEPTH / 2) == WALK_END, "as deep as it may be");
	ok(nest(WALK_DEPTH / 2 + 1) == -1, "one deeper");
	uids();
	pixels();
	return done_testing();
}
