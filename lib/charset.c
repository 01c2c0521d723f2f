#include <iconv.h>
#include <string.h>

#include "charset.h"
#include "charset_table.h"
#include "say.h"

enum { ISO_2022, UTF_8, GB_18030 }; /* kinds */

/* What is designated to a half of the code table, beyond enum charset_g1. */
enum { ASCII = 64, NONE, JIS_0208, JIS_0212, KS_1001, GB_2312 };

/* For the sets of many bytes. */
static iconv_t japanese, korean, chinese;

void
charset_init(void)
{
	static bool done;

	if (done)
		return;
	japanese = iconv_open("UTF-32BE", "EUC-JP");
	korean = iconv_open("UTF-32BE", "EUC-KR");
	chinese = iconv_open("UTF-32BE", "GB18030");
	if (japanese == (iconv_t)-1 || korean == (iconv_t)-1 ||
	    chinese == (iconv_t)-1)
		die(EXIT_FEW, "the C library lacks the East Asian "
			      "character sets");
	done = true;
}

static const struct {
	unsigned number; /* of the registration, as in ISO_IR 100 */
	unsigned char g1;
} registered[] = {
	{ 100, CHARSET_LATIN1 },
	{ 101, CHARSET_LATIN2 },
	{ 109, CHARSET_LATIN3 },
	{ 110, CHARSET_LATIN4 },
	{ 144, CHARSET_CYRILLIC },
	{ 127, CHARSET_ARABIC },
	{ 126, CHARSET_GREEK },
	{ 138, CHARSET_HEBREW },
	{ 148, CHARSET_LATIN5 },
	{ 166, CHARSET_THAI },
	{ 13, CHARSET_KANA },
	{ 203, CHARSET_LATIN9 },
	{ 149, KS_1001 },
	{ 58, GB_2312 },
};

static void
set_one(struct charset *c, const char *p, size_t n)
{
	unsigned number = 0;
	size_t i;

	if (n >= 2 && memcmp(p, "GB", 2) == 0) {
		c->kind = GB_18030;
		return;
	}
	while (n > 0 && (p[n - 1] < '0' || p[n - 1] > '9'))
		n--;
	for (i = n; i > 0 && p[i - 1] >= '0' && p[i - 1] <= '9';)
		i--;
	for (; i < n && number < 1000; i++)
		number = number * 10 + (unsigned)(p[i] - '0');
	if (number == 192)
		c->kind = UTF_8;
	for (i = 0; i < sizeof registered / sizeof *registered; i++)
		if (registered[i].number == number)
			c->g1 = registered[i].g1;
}

void
charset_set(struct charset *c, const void *value, size_t n)
{
	const char *p = value, *end;

	charset_default(c);
	/*
	 * The first value is what text begins in.  Of the others, which only
	 * escapes bring in, one counts if the first says nothing of the right
	 * half: some writers forget the escape.
	 */
	while (n > 0) {
		size_t k;

		end = memchr(p, '\\', n);
		k = end ? (size_t)(end - p) : n;
		if (c->g1 == NONE && c->kind == ISO_2022)
			set_one(c, p, k);
		if (end == NULL)
			break;
		p = end + 1;
		n -= k + 1;
	}
}

void
charset_default(struct charset *c)
{
	c->kind = ISO_2022;
	c->g0 = ASCII;
	c->g1 = NONE;
}

void
charset_utf8(struct charset *c)
{
	charset_default(c);
	c->kind = UTF_8;
}

bool
charset_is_utf8(const struct charset *c)
{
	return c->kind == UTF_8;
}

bool
charset_plain(const void *text, size_t n)
{
	const unsigned char *p = text;
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] >= 0x80 || p[i] == 033)
			return false;
	return true;
}

/* A well-formed character of UTF-8 of two bytes or more: its length, or 0. */
static unsigned
utf8(const unsigned char *p, size_t n, uint32_t *code)
{
	unsigned len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2, i;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	*code = p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff ||
	    (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return len;
}

bool
charset_valid_utf8(const void *text, size_t n)
{
	const unsigned char *p = text;
	uint32_t code;
	size_t i, k;

	for (i = 0; i < n; i += k) {
		k = p[i] < 0x80 ? 1 : utf8(p + i, n - i, &code);
		if (k == 0)
			return false;
	}
	return true;
}

/* By the C library, 0 if it is no character. */
static uint32_t
convert(iconv_t to, const unsigned char *p, size_t n)
{
	char in[4], *from = in, *o;
	unsigned char out[8];
	size_t left = n, room = sizeof out;

	if (to == NULL || to == (iconv_t)-1)
		return 0;
	memcpy(in, p, n);
	o = (char *)out;
	if (iconv(to, &from, &left, &o, &room) == (size_t)-1 || left != 0 ||
	    room != sizeof out - 4) {
		iconv(to, NULL, NULL, NULL, NULL);
		return 0;
	}
	return (uint32_t)out[0] << 24 | (uint32_t)out[1] << 16 |
	       (uint32_t)out[2] << 8 | out[3];
}

/* Two bytes of a set of 94 by 94. */
static uint32_t
pair(unsigned set, unsigned char a, unsigned char b)
{
	unsigned char p[3] = { 0x8f, (unsigned char)(a | 0x80),
		(unsigned char)(b | 0x80) };

	switch (set) {
	case JIS_0208:
		return convert(japanese, p + 1, 2);
	case JIS_0212:
		return convert(japanese, p, 3);
	case KS_1001:
		return convert(korean, p + 1, 2);
	default:
		return convert(chinese, p + 1, 2);
	}
}

/* An escape sequence: its length, and what it brings in. */
static unsigned
escape(const unsigned char *p, size_t n, struct charset *now)
{
	static const struct {
		char text[4];
		unsigned char half, set;
	} escapes[] = {
		{ "(B", 0, ASCII },
		{ "(J", 0, ASCII },
		{ "$B", 0, JIS_0208 },
		{ "$@", 0, JIS_0208 },
		{ "$(D", 0, JIS_0212 },
		{ ")I", 1, CHARSET_KANA },
		{ "$)C", 1, KS_1001 },
		{ "$)A", 1, GB_2312 },
		{ "-A", 1, CHARSET_LATIN1 },
		{ "-B", 1, CHARSET_LATIN2 },
		{ "-C", 1, CHARSET_LATIN3 },
		{ "-D", 1, CHARSET_LATIN4 },
		{ "-L", 1, CHARSET_CYRILLIC },
		{ "-G", 1, CHARSET_ARABIC },
		{ "-F", 1, CHARSET_GREEK },
		{ "-H", 1, CHARSET_HEBREW },
		{ "-M", 1, CHARSET_LATIN5 },
		{ "-T", 1, CHARSET_THAI },
		{ "-b", 1, CHARSET_LATIN9 },
	};
	size_t i, k;

	for (i = 0; i < sizeof escapes / sizeof *escapes; i++) {
		k = strlen(escapes[i].text);
		if (n > k && memcmp(p + 1, escapes[i].text, k) == 0) {
			if (escapes[i].half == 0)
				now->g0 = escapes[i].set;
			else
				now->g1 = escapes[i].set;
			return (unsigned)k + 1;
		}
	}
	return 1;
}

/* A byte of the right half, and what may belong to it. */
static unsigned
right(
    const struct charset *now, const unsigned char *p, size_t n, uint32_t *code)
{
	unsigned len;

	*code = 0;
	if (now->kind == GB_18030 && n >= 4 && p[1] >= '0' && p[1] <= '9' &&
	    (*code = convert(chinese, p, 4)) != 0)
		return 4;
	if (now->kind == GB_18030 && n >= 2 && p[1] >= 0x40 &&
	    (*code = convert(chinese, p, 2)) != 0)
		return 2;
	if (now->kind == ISO_2022 && now->g1 > NONE && n >= 2 && p[0] >= 0xa1 &&
	    p[1] >= 0xa1 && (*code = pair(now->g1, p[0], p[1])) != 0)
		return 2;
	if (now->kind == ISO_2022 && now->g1 < CHARSET_G1 && p[0] >= 0xa0 &&
	    (*code = charset_g1[now->g1][p[0] - 0xa0]) != 0)
		return 1;
	if ((len = utf8(p, n, code)) != 0)
		return len;
	*code = p[0];
	return 1;
}

size_t
charset_decode(const struct charset *c, const void *text, size_t n,
    struct charset_char *out)
{
	const unsigned char *p = text;
	struct charset now = *c;
	struct charset_char *o = out;
	unsigned len;
	size_t i;

	for (i = 0; i < n; i += len, o++) {
		uint32_t code = p[i];

		len = 1;
		if (code == 033) {
			len = escape(p + i, n - i, &now);
			code = 0;
		} else if (code >= 0x80) {
			len = right(&now, p + i, n - i, &code);
		} else if (now.g0 != ASCII && code > ' ' && code < 0x7f &&
			   n - i >= 2 && p[i + 1] > ' ' && p[i + 1] < 0x7f) {
			len = 2;
			if ((code = pair(now.g0, p[i], p[i + 1])) == 0)
				code = 0xfffd;
		} else if (code == '\\' || code == '\n' || code == '\r') {
			now.g0 = c->g0;
			now.g1 = c->g1;
		}
		o->code = code;
		o->at = (uint32_t)i;
		o->len = (uint8_t)len;
		o->ascii = now.g0 == ASCII;
	}
	return (size_t)(o - out);
}

int
charset_fold(uint32_t code, uint32_t out[2])
{
	uint32_t v = code;
	size_t i;

	if (code < 0x80) {
		*out = code >= 'A' && code <= 'Z' ? code + 32 : code;
		return 1;
	}
	for (i = 0; i < charset_range_count; i++) {
		const struct charset_range *r = &charset_ranges[i];

		if (code >= r->first && code <= r->last) {
			v = charset_folds[r->at + code - r->first];
			break;
		}
	}
	if (v == 1 || charset_class(v) == CHARSET_MARK)
		return 0;
	if (v >= CHARSET_TWO && v < CHARSET_TWO + 26 * 26) {
		out[0] = 'a' + (v - CHARSET_TWO) / 26;
		out[1] = 'a' + (v - CHARSET_TWO) % 26;
		return 2;
	}
	*out = v;
	return 1;
}

static bool
in(uint32_t code, uint32_t first, uint32_t last)
{
	return code >= first && code <= last;
}

enum charset_class
charset_class(uint32_t code)
{
	if (code < 0x80) {
		if (in(code | 32, 'a', 'z'))
			return CHARSET_LETTER;
		return in(code, '0', '9') ? CHARSET_DIGIT : CHARSET_OTHER;
	}
	if (in(code, 0x300, 0x36f) || in(code, 0x591, 0x5c7) ||
	    in(code, 0x64b, 0x65f) || in(code, 0x3099, 0x309c))
		return CHARSET_MARK;
	if (in(code, 0xe00, 0xe7f) || in(code, 0x1100, 0x11ff) ||
	    in(code, 0x3005, 0x3007) || in(code, 0x3041, 0x30fa) ||
	    in(code, 0x30fc, 0x30ff) || in(code, 0x3130, 0x318f) ||
	    in(code, 0x3400, 0x9fff) || in(code, 0xac00, 0xd7af) ||
	    in(code, 0xf900, 0xfaff) || in(code, 0xff66, 0xff9f) ||
	    in(code, 0x20000, 0x3ffff))
		return CHARSET_WORD;
	if (code < 0xc0)
		return code == 0xaa || code == 0xb5 || code == 0xba
			   ? CHARSET_LETTER
			   : CHARSET_OTHER;
	if (code == 0xd7 || code == 0xf7 || in(code, 0x2000, 0x2bff) ||
	    in(code, 0x3000, 0x303f) || code == 0x30fb ||
	    in(code, 0xe000, 0xf8ff) || in(code, 0xff00, 0xff0f) ||
	    in(code, 0xff1a, 0xff20) || code >= 0xfff0)
		return CHARSET_OTHER;
	return CHARSET_LETTER;
}
