#include <endian.h>
#include <stdint.h>
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
 * Hex is what keys and shares travel in, and most of what moves.  So there is
 * neither a branch on a digit nor a table indexed by one, and eight digits are
 * done at a time, as the bytes of a word.
 */
#define EVERY(byte) (0x0101010101010101ULL * (byte))

/* Values 0..15 to digits; others to what is no digit of theirs. */
static uint64_t
to_digits(uint64_t values)
{
	uint64_t letters = ((values + EVERY(6)) >> 4) & EVERY(1);

	return values + EVERY('0') + letters * ('a' - '0' - 10);
}

/* Digits to values; bits in *bad if one is no digit. */
static uint64_t
from_digits(uint64_t digits, uint64_t *bad)
{
	uint64_t letters = (digits >> 6) & EVERY(1);
	uint64_t values = (digits & EVERY(0x0f)) + letters * 9;

	*bad |= (to_digits(values) ^ digits) | (values & EVERY(0xf0));
	return values;
}

/* Up to four bytes, the first lowest, to as many pairs of digits and back. */
static uint64_t
spread(uint64_t bytes)
{
	bytes = (bytes | bytes << 16) & 0x0000ffff0000ffffULL;
	bytes = (bytes | bytes << 8) & 0x00ff00ff00ff00ffULL;
	return ((bytes >> 4) & EVERY(0x0f)) | (bytes << 8 & EVERY(0x0f));
}

static uint64_t
gather(uint64_t values)
{
	uint64_t v = (values << 4 | values >> 8) & 0x00ff00ff00ff00ffULL;

	v = (v | v >> 8) & 0x0000ffff0000ffffULL;
	return v | v >> 16;
}

void
hex_encode(char *out, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t v;
	size_t k;

	for (; n > 0; n -= k, p += k, out += 2 * k) {
		k = n < 4 ? n : 4;
		v = 0;
		memcpy(&v, p, k);
		v = htole64(to_digits(spread(le64toh(v) & 0xffffffff)));
		memcpy(out, &v, 2 * k);
	}
	*out = '\0';
}

int
hex_decode(void *out, size_t n, const char *hex)
{
	unsigned char *o = out;
	uint64_t bad = 0, v;
	size_t k;

	if (strnlen(hex, 2 * n + 1) != 2 * n)
		return -1;
	for (; n > 0; n -= k, o += k, hex += 2 * k) {
		k = n < 4 ? n : 4;
		v = htole64(EVERY('0'));
		memcpy(&v, hex, 2 * k);
		v = htole64(gather(from_digits(le64toh(v), &bad)));
		memcpy(o, &v, k);
	}
	return bad != 0 ? -1 : 0;
}
