#include <string.h>

#include "word.h"

static const char upper[] = "0123456789ABCDEF";
static const char lower[] = "0123456789abcdef";

static int
plain(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '%';
}

size_t
word_encode(char *out, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	char *o = out;
	size_t i;

	if (n == 0)
		*o++ = '-';
	for (i = 0; i < n; i++) {
		if (plain(p[i]) && !(n == 1 && p[0] == '-')) {
			*o++ = (char)p[i];
			continue;
		}
		*o++ = '%';
		*o++ = upper[p[i] >> 4];
		*o++ = upper[p[i] & 15];
	}
	*o = '\0';
	return (size_t)(o - out);
}

static int
digit(const char *digits, char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

long
word_decode(void *out, const char *word, size_t n)
{
	unsigned char *o = out;
	size_t i;

	if (n == 0)
		return -1;
	if (n == 1 && word[0] == '-')
		return 0;
	for (i = 0; i < n; i++) {
		int hi, lo;

		if (plain((unsigned char)word[i])) {
			*o++ = (unsigned char)word[i];
			continue;
		}
		if (word[i] != '%' || n - i < 3)
			return -1;
		hi = digit(upper, word[i + 1]);
		lo = digit(upper, word[i + 2]);
		if (hi < 0 || lo < 0)
			return -1;
		*o = (unsigned char)(hi << 4 | lo);
		if (plain(*o) && !(n == 3 && *o == '-'))
			return -1; /* an escape that was not needed */
		o++;
		i += 2;
	}
	return (long)(o - (unsigned char *)out);
}

void
hex_encode(char *out, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t i;

	for (i = 0; i < n; i++) {
		*out++ = lower[p[i] >> 4];
		*out++ = lower[p[i] & 15];
	}
	*out = '\0';
}

int
hex_decode(void *out, size_t n, const char *hex)
{
	unsigned char *o = out;
	size_t i;

	for (i = 0; i < n; i++) {
		int hi = digit(lower, hex[2 * i]), lo;

		if (hi < 0 || (lo = digit(lower, hex[2 * i + 1])) < 0)
			return -1;
		o[i] = (unsigned char)(hi << 4 | lo);
	}
	return hex[2 * n] == '\0' ? 0 : -1;
}
