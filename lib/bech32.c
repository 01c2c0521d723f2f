#include <stdint.h>
#include <string.h>

#include "bech32.h"

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* One step of the BCH code: v is five bits. */
static uint32_t
step(uint32_t c, unsigned v)
{
	static const uint32_t gen[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
		0x3d4233dd, 0x2a1462b3 };
	uint32_t top = c >> 25;
	int i;

	c = (c & 0x1ffffff) << 5 ^ v;
	for (i = 0; i < 5; i++)
		if (top >> i & 1)
			c ^= gen[i];
	return c;
}

static uint32_t
step_hrp(const char *hrp)
{
	uint32_t c = 1;
	const char *p;

	for (p = hrp; *p; p++)
		c = step(c, (unsigned char)*p >> 5);
	c = step(c, 0);
	for (p = hrp; *p; p++)
		c = step(c, (unsigned char)*p & 31);
	return c;
}

int
bech32_encode(char *out, const char *hrp, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t len = strlen(hrp), i;
	uint32_t c, acc = 0;
	int bits = 0;
	char *o = out;

	if (len == 0 || len >= BECH32_HRP_MAX || n > BECH32_DATA_MAX)
		return -1;
	memcpy(o, hrp, len);
	o += len;
	*o++ = '1';
	c = step_hrp(hrp);
	for (i = 0; i < n || bits > 0;) {
		unsigned v;

		if (bits < 5 && i < n) {
			acc = (acc << 8 | p[i++]) & 0xfff;
			bits += 8;
		}
		/* the last group is filled with zero bits */
		v = (bits >= 5 ? acc >> (bits - 5) : acc << (5 - bits)) & 31;
		bits = bits >= 5 ? bits - 5 : 0;
		c = step(c, v);
		*o++ = alphabet[v];
	}
	for (i = 0; i < 6; i++)
		c = step(c, 0);
	c ^= 1;
	for (i = 0; i < 6; i++)
		*o++ = alphabet[c >> (25 - 5 * i) & 31];
	*o = '\0';
	return 0;
}

/* Lower-case c; which cases were met goes into *cases.  -1: not printable. */
static int
lower(char c, int *cases)
{
	if (c < 0x21 || c > 0x7e)
		return -1;
	if (c >= 'A' && c <= 'Z') {
		*cases |= 1;
		return c - 'A' + 'a';
	}
	if (c >= 'a' && c <= 'z')
		*cases |= 2;
	return c;
}

long
bech32_decode(
    char hrp[BECH32_HRP_MAX], void *data, size_t size, const char *text)
{
	const char *one = strrchr(text, '1'), *p;
	unsigned char *o = data;
	size_t len = one ? (size_t)(one - text) : 0, i, rest, n = 0;
	uint32_t c, acc = 0;
	int cases = 0, bits = 0;

	if (len == 0 || len >= BECH32_HRP_MAX || (rest = strlen(one + 1)) < 6)
		return -1;
	for (i = 0; i < len; i++) {
		int ch = lower(text[i], &cases);

		if (ch < 0)
			return -1;
		hrp[i] = (char)ch;
	}
	hrp[len] = '\0';
	c = step_hrp(hrp);
	for (p = one + 1; *p; p++) {
		int ch = lower(*p, &cases);
		const char *at = ch < 0 ? NULL : strchr(alphabet, ch);
		unsigned v = at ? (unsigned)(at - alphabet) : 0;

		if (at == NULL)
			return -1;
		c = step(c, v);
		if (rest-- <= 6)
			continue;
		acc = (acc << 5 | v) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			if (n == size)
				return -1;
			bits -= 8;
			o[n++] = (unsigned char)(acc >> bits);
		}
	}
	if (c != 1 || cases == 3 || bits >= 5 ||
	    (acc & ((1u << bits) - 1)) != 0)
		return -1;
	return (long)n;
}
