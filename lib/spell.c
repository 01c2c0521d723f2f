#include <iconv.h>
#include <locale.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "spell.h"

#define PARTS 16 /* of an identity */

static const struct charset {
	const char *name;  /* as iconv knows it */
	const char *shown; /* as it is reported */
	bool wide, shifted;
} charsets[] = {
	{ "UTF-8", "utf-8", false, false },
	{ "ISO-8859-1", "iso-8859-1", false, false },
	{ "ISO-8859-2", "iso-8859-2", false, false },
	{ "ISO-8859-3", "iso-8859-3", false, false },
	{ "ISO-8859-4", "iso-8859-4", false, false },
	{ "ISO-8859-5", "iso-8859-5", false, false },
	{ "ISO-8859-6", "iso-8859-6", false, false },
	{ "ISO-8859-7", "iso-8859-7", false, false },
	{ "ISO-8859-8", "iso-8859-8", false, false },
	{ "ISO-8859-9", "iso-8859-9", false, false },
	{ "ISO-8859-15", "iso-8859-15", false, false },
	{ "TIS-620", "tis-620", false, false },
	{ "ISO-2022-JP-2", "iso-2022-jp", false, true },
	{ "SHIFT_JIS", "shift-jis", false, false },
	{ "EUC-JP", "euc-jp", false, false },
	{ "EUC-KR", "euc-kr", false, false },
	{ "GB2312", "gb2312", false, false },
	{ "GB18030", "gb18030", false, false },
	{ "BIG5", "big5", false, false },
	{ "UTF-16LE", "utf-16le", true, false },
	{ "UTF-16BE", "utf-16be", true, false },
	{ "CP850", "cp850", false, false },
	{ "WINDOWS-1250", "windows-1250", false, false },
	{ "WINDOWS-1251", "windows-1251", false, false },
	{ "KOI8-R", "koi8-r", false, false },
	{ "MACINTOSH", "macintosh", false, false },
};

struct speller {
	wchar_t text[SPELL_MAX + 1];
	struct part {
		const wchar_t *p;
		size_t n;
	} part[PARTS];
	int parts;
	locale_t locale;
	void (*fn)(void *, const struct spelling *);
	void *arg;
};

bool
spell_separates(unsigned c)
{
	return c < 0x80 && c != 0 && strchr("\t\n\r '(),-./:;=\\^_|", (int)c);
}

/* One conversion; false if the character set lacks a character of it. */
static bool
convert(
    iconv_t cd, const void *in, size_t n, void *out, size_t size, size_t *used)
{
	char *i = (char *)(uintptr_t)in, *o = out;
	size_t left = size;
	bool good;

	if (cd == (iconv_t)-1)
		return false;
	iconv(cd, NULL, NULL, NULL, NULL);
	good = iconv(cd, &i, &n, &o, &left) == 0 && n == 0 &&
	       iconv(cd, NULL, NULL, &o, &left) == 0;
	*used = size - left;
	return good;
}

/* Opened once: each is a library of its own. */
static iconv_t
converter(size_t i)
{
	static iconv_t cd[sizeof charsets / sizeof *charsets];

	if (cd[i] == NULL)
		cd[i] = iconv_open(charsets[i].name, "WCHAR_T");
	return cd[i];
}

static bool
ascii(const wchar_t *text, size_t n)
{
	size_t i;

	for (i = 0; i < n && text[i] < 0x80; i++)
		;
	return i == n;
}

static void
encode(struct speller *s, const wchar_t *text, size_t n)
{
	unsigned char out[8 * SPELL_MAX];
	bool plain = ascii(text, n);
	size_t i, used;

	for (i = 0; i < sizeof charsets / sizeof *charsets; i++) {
		const struct charset *c = &charsets[i];
		struct spelling x = { out, 0, c->shown, c->wide, c->shifted };

		if (plain && i > 0 && !c->wide)
			continue; /* the same bytes in all of them */
		if (!convert(converter(i), text, n * sizeof *text, out,
			sizeof out, &used))
			continue;
		/* What needed no escape is in an earlier one already. */
		if (c->shifted && memchr(out, '\033', used) == NULL)
			continue;
		x.n = used;
		if (used <= SPELL_MAX)
			s->fn(s->arg, &x);
	}
}

/* Latin letters without their accents; 0 if it is none of them. */
static wchar_t
bare_letter(wchar_t c)
{
	static const char latin1[] = "AAAAAAACEEEEIIIIDNOOOOO\0OUUUUYTs"
				     "aaaaaaaceeeeiiiidnooooo\0ouuuuyty";
	static const char extended[] =
	    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkk"
	    "LlLlLlLlLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUu"
	    "WwYyYZzZzZzs";

	if (c >= 0xc0 && c <= 0xff)
		return (wchar_t)latin1[c - 0xc0];
	if (c >= 0x100 && c <= 0x17f)
		return (wchar_t)extended[c - 0x100];
	return 0;
}

/* The two letters that German and Nordic typists use. */
static const wchar_t *
two_letters(wchar_t c)
{
	switch (towlower((wint_t)c)) {
	case 0xe4:
	case 0xe6:
		return L"ae";
	case 0xe5:
		return L"aa";
	case 0xf6:
	case 0xf8:
		return L"oe";
	case 0xfc:
		return L"ue";
	}
	return c == 0xdf ? L"ss" : NULL;
}

static size_t
plain_letters(wchar_t *out, const wchar_t *in, size_t n, bool two)
{
	size_t i, k = 0;

	for (i = 0; i < n && k < SPELL_MAX - 2; i++) {
		const wchar_t *t = two ? two_letters(in[i]) : NULL;
		wchar_t c = bare_letter(in[i]);

		if (t != NULL) {
			out[k++] = t[0];
			out[k++] = t[1];
		} else {
			out[k++] = c ? c : in[i];
		}
	}
	return k;
}

/* The same letters, as people and machines write them. */
static void
letters(struct speller *s, const wchar_t *text, size_t n)
{
	wchar_t other[SPELL_MAX + 1];
	size_t i, k;

	encode(s, text, n);
	if (ascii(text, n))
		return;
	for (i = 0; i < n; i++)
		other[i] = (wchar_t)towlower_l((wint_t)text[i], s->locale);
	encode(s, other, n);
	for (i = 0; i < n; i++)
		other[i] = (wchar_t)towupper_l((wint_t)text[i], s->locale);
	encode(s, other, n);
	k = plain_letters(other, text, n, false);
	encode(s, other, k);
	k = plain_letters(other, text, n, true);
	encode(s, other, k);
}

/* One order of the parts, with a blank between them and without. */
static void
ordered(struct speller *s, const int *order)
{
	wchar_t joined[SPELL_MAX + PARTS + 1] = L"";
	int blank, i;
	size_t n;

	for (blank = 0; blank <= (s->parts > 1); blank++) {
		for (n = 0, i = 0; i < s->parts; i++) {
			const struct part *p = &s->part[order[i]];

			if (blank && i > 0)
				joined[n++] = L' ';
			wmemcpy(joined + n, p->p, p->n);
			n += p->n;
		}
		if (n <= SPELL_MAX)
			letters(s, joined, n);
	}
}

/* All orders of up to three parts; of more, those in use. */
static void
orders(struct speller *s)
{
	static const int three[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	static const int count[] = { 0, 1, 2, 6 };
	static const int two[2][3] = { { 0, 1, 0 }, { 1, 0, 0 } };
	int order[PARTS], i, k;

	if (s->parts <= 3) {
		for (k = 0; k < count[s->parts]; k++)
			ordered(s, s->parts == 3 ? three[k] : two[k]);
		return;
	}
	for (k = 0; k < 4; k++) { /* given, last first, first last, reversed */
		for (i = 0; i < s->parts; i++)
			order[i] =
			    k == 3 ? s->parts - 1 - i
			    : k == 0
				? i
				: (i + (k == 1 ? s->parts - 1 : 1)) % s->parts;
		ordered(s, order);
	}
}

static int
split(struct speller *s, size_t n, unsigned *weight, struct why *w)
{
	bool within = false;
	size_t i;

	*weight = 0;
	for (i = 0; i < n; i++) {
		wchar_t c = s->text[i];

		if (c == 0xa0 || c == 0x3000 || spell_separates((unsigned)c)) {
			within = false;
			continue;
		}
		if (!within && s->parts == PARTS)
			return why_set(
			    w, EXIT_DATA, "more than %d parts", PARTS);
		if (!within)
			s->part[s->parts++] = (struct part){ s->text + i, 0 };
		within = true;
		s->part[s->parts - 1].n++;
		*weight += c >= 0x2e80 ? 2 : 1;
	}
	if (s->parts == 0)
		return why_set(w, EXIT_DATA, "nothing but separators");
	return 0;
}

/* Which letters are a pair, whatever the user's locale says. */
static locale_t
wide_locale(void)
{
	static locale_t l;

	if (l == (locale_t)0)
		l = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return l;
}

int
spell(const char *text, size_t n, void (*fn)(void *, const struct spelling *),
    void *arg, unsigned *weight, struct why *w)
{
	struct speller s = { .fn = fn, .arg = arg };
	static iconv_t cd;
	size_t used;

	if (cd == NULL)
		cd = iconv_open("WCHAR_T", "UTF-8");
	if (n > SPELL_MAX)
		return why_set(w, EXIT_DATA, "longer than %d bytes", SPELL_MAX);
	if (!convert(cd, text, n, s.text, sizeof s.text, &used))
		return why_set(w, EXIT_DATA, "not UTF-8");
	if (split(&s, used / sizeof *s.text, weight, w) < 0)
		return -1;
	s.locale = wide_locale();
	if (s.locale == (locale_t)0)
		return why_set(w, EXIT_BUG, "no locale C.UTF-8");
	orders(&s);
	return 0;
}
