#include <string.h>

#include "word.h"

static const char upper[] = "0123456789ABCDEF";

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

/*
 * Hex is what keys and shares travel in.  So there is neither a branch on a
 * digit nor a table indexed by one: int has 32 bits, and >> 31 of it is all
 * ones for a negative number.
 */
static char
to_digit(int v)
{
	return (char)('0' + v + (((9 - v) >> 31) & ('a' - '0' - 10)));
}

/* -1 in *bad if c is no digit. */
static int
from_digit(int c, int *bad)
{
	int number = c - '0', letter = c - 'a';
	int is_number = ~((number | (9 - number)) >> 31);
	int is_letter = ~((letter | (5 - letter)) >> 31);

	*bad |= ~(is_number | is_letter);
	return (number & is_number) | ((letter + 10) & is_letter);
}

void
hex_encode(char *out, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t i;

	for (i = 0; i < n; i++) {
		*out++ = to_digit(p[i] >> 4);
		*out++ = to_digit(p[i] & 15);
	}
	*out = '\0';
}

int
hex_decode(void *out, size_t n, const char *hex)
{
	unsigned char *o = out;
	int bad = 0;
	size_t i;

	if (strnlen(hex, 2 * n + 1) != 2 * n)
		return -1;
	for (i = 0; i < n; i++) {
		int hi = from_digit((unsigned char)hex[2 * i], &bad);
		int lo = from_digit((unsigned char)hex[2 * i + 1], &bad);

		o[i] = (unsigned char)(hi << 4 | lo);
	}
	return bad ? -1 : 0;
}
