/* lib/line: what is read, what is refused, secrets cleared */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "line.h"
#include "secret.h"
#include "tap.h"

static struct why w;

/* Read text as lines; the number of them, or -1. */
static long
count(const char *text, size_t n, bool secret)
{
	int fd = memfd_create("line", MFD_CLOEXEC), got;
	struct linein *in = linein_open(fd, "lines", secret);
	struct line l;
	long lines = 0;

	if (write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)
		return -2;
	line_init(&l, secret);
	while ((got = linein_next(in, &l, &w)) > 0)
		lines++;
	line_free(&l);
	linein_free(in);
	close(fd);
	return got < 0 ? -1 : lines;
}

static long
lines(const char *text)
{
	return count(text, strlen(text), false);
}

static void
refused(void)
{
	static const char *const bad[] = { "", "a", "a\n", "a\tk=1\n",
		"a\n.end\t0\n", "a\n.end\t2\n", "a\n.end\t1", "a\n.end\t1\nb\n",
		"a\n.end\t01\n", "a\n.end\n", "\n.end\t1\n", "a\tk\n.end\t1\n",
		"a\tk=\n.end\t1\n", "a\tK=1\n.end\t1\n", "a\t=1\n.end\t1\n",
		"a\tk=1\tk=2\n.end\t1\n", "a b\n.end\t1\n", "a%41\n.end\t1\n",
		"a%2\n.end\t1\n", "a%0a\n.end\t1\n", "a\t\tk=1\n.end\t1\n",
		"a\t\n.end\t1\n", ".end\t0\n\n", ".end\t0\n.end\t0\n",
		"\xc3\xa9\n.end\t1\n", "a\r\n.end\t1\n" };
	size_t i, refusals = 0;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		w.code = 0;
		if (lines(bad[i]) == -1 && w.code == EXIT_DATA)
			refusals++;
		else
			printf("# accepted: number %zu\n", i);
	}
	ok(refusals == sizeof bad / sizeof *bad,
	    "what is malformed is refused");
	ok(count("a\tk=1\0x\n.end\t1\n", 16, false) == -1, "a NUL is refused");
}

/* Every byte at every place of a word: plain ones pass, no others do. */
static void
bytes(void)
{
	int b, at, right = 0;

	for (b = 1; b < 256; b++)
		for (at = 0; at < 20; at++) {
			char text[] = "name\tk=abcdefghijklmnopqrst\n.end\t1\n";
			bool want = b > 0x20 && b < 0x7f && b != '%';

			text[7 + at] = (char)b;
			right += (lines(text) == 1) == want;
		}
	ok(right == 255 * 20, "a word holds 0x21..0x7e and no bare %");
}

static void
long_lines(void)
{
	char *big = malloc(LINE_MAX_BYTES + 100);

	memset(big, 'a', LINE_MAX_BYTES);
	strcpy(big + LINE_MAX_BYTES - 1, "\n.end\t1\n");
	ok(lines(big) == 1, "a line of the greatest length");
	memset(big, 'a', LINE_MAX_BYTES);
	strcpy(big + LINE_MAX_BYTES, "\n.end\t1\n");
	ok(lines(big) == -1 && w.code == EXIT_DATA, "one byte more is refused");
	free(big);
}

static void
fields(void)
{
	unsigned char b[4] = { 0, 1, 0xab, 0xff }, back[4];
	unsigned long long n;
	struct line l, c;
	char text[16];

	line_init(&l, true);
	line_init(&c, true);
	line_set_name(&l, ".end", 4);
	line_set(&l, "t", "a b", 3);
	line_set_word(&l, "h", "0001abff");
	line_set_number(&l, "n", 18446744073709551615ULL);
	line_copy(&c, &l);
	ok(strcmp(c.name, "%2Eend") == 0 &&
		line_name(&c, text, sizeof text, &w) == 4 &&
		strcmp(text, ".end") == 0,
	    "the name .end is escaped and comes back");
	ok(line_text(&c, "t", text, sizeof text, &w) == 3 &&
		strcmp(text, "a b") == 0 &&
		line_text(&c, "t", text, 3, &w) == -1 &&
		line_text(&c, "none", text, 3, &w) == -1,
	    "text fits or is refused");
	ok(line_hex(&c, "h", back, 4, &w) == 0 && memcmp(b, back, 4) == 0 &&
		line_hex(&c, "h", back, 3, &w) == -1 &&
		line_hex(&c, "t", back, 3, &w) == -1,
	    "hex of just that many bytes");
	line_set_word(&c, "n", "12");
	ok(line_number(&c, "n", &n, &w) == 0 && n == 12, "a field is replaced");
	line_set_word(&c, "n", "012");
	ok(line_number(&c, "n", &n, &w) == -1, "a leading zero is no number");
	line_unset(&c, "h");
	ok(line_word(&c, "h") == NULL && c.fields == 2 &&
		strcmp(line_id(&c), c.name) == 0,
	    "unset");
	line_set_word(&c, "guid", "g");
	ok(strcmp(line_id(&c), "g") == 0, "guid is the id when there is one");
	line_reset(&l);
	ok(memcmp(l.buf, "\0\0\0\0\0\0\0", 7) == 0,
	    "a secret line is cleared when reset");
	line_free(&l);
	line_free(&c);
}

int
main(void)
{
	secret_init(8 * LINE_SECRET_COST);
	ok(lines(".end\t0\n") == 0, "no lines are lines");
	ok(lines("a\nb\tk=1\tl=-\n.end\t2\n") == 2, "two lines");
	ok(lines("%2Eend\n.end\t1\n") == 1, "a name .end, escaped");
	ok(count("a\tk=1\n.end\t1\n", 13, true) == 1, "secret lines");
	refused();
	bytes();
	long_lines();
	fields();
	return done_testing();
}
