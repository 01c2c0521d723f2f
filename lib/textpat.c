#include <string.h>

#include "textpat.h"

static bool
digits(const struct text *t, size_t k)
{
	return k < t->tokens && t->token[k].class == CHARSET_DIGIT;
}

static bool
letters(const struct text *t, size_t k)
{
	return k < t->tokens && t->token[k].class == CHARSET_LETTER;
}

/* The number that a token of few digits is; 0 if it is none. */
static unsigned
number(const struct text *t, size_t k)
{
	unsigned v = 0, i;

	if (!digits(t, k) || t->token[k].len > 8)
		return 0;
	for (i = 0; i < t->token[k].len; i++)
		v = v * 10 + (t->folded[t->token[k].at + i] - '0');
	return v;
}

/* If token k + 1 follows k after exactly one character, that one; else 0. */
static char
glue(const struct text *t, size_t k)
{
	if (k + 1 >= t->tokens || t->token[k + 1].first != t->token[k].end + 1)
		return 0;
	return text_ascii(t, t->token[k].end);
}

/* How many characters are between k and k + 1; many if there is none. */
static size_t
gap(const struct text *t, size_t k)
{
	if (k + 1 >= t->tokens)
		return SIZE_MAX;
	return t->token[k + 1].first - t->token[k].end;
}

static bool
starts_word(const struct text *t, size_t k)
{
	return k == 0 || t->token[k - 1].end != t->token[k].first;
}

static bool
is_year(unsigned v)
{
	return v >= 1850 && v <= 2199;
}

static bool
day_and_month(unsigned a, unsigned b)
{
	return a >= 1 && b >= 1 && a <= 31 && b <= 31 && (a <= 12 || b <= 12);
}

/* 1962-05-01, 5/1/62, 01.05.1962, 05/1962: its tokens. */
static size_t
numeric_date(const struct text *t, size_t k)
{
	char sep = glue(t, k);
	unsigned a, b, c, width;

	if (sep == 0 || strchr("-/.", sep) == NULL || !digits(t, k + 1))
		return 0;
	a = number(t, k);
	b = number(t, k + 1);
	if (glue(t, k + 1) != sep || !digits(t, k + 2)) {
		if (sep == '.' || (k > 0 && glue(t, k - 1) == sep))
			return 0;
		return (t->token[k + 1].len == 4 && is_year(b) && a >= 1 &&
			   a <= 12) ||
			       (t->token[k].len == 4 && is_year(a) && b >= 1 &&
				   b <= 12 && t->token[k + 1].len == 2)
			   ? 2
			   : 0;
	}
	c = number(t, k + 2);
	width = t->token[k + 2].len;
	if (t->token[k].len == 4 && is_year(a) && day_and_month(b, c))
		return 3;
	if (t->token[k].len > 2 || t->token[k + 1].len > 2)
		return 0;
	if (width == 4 && is_year(c) && day_and_month(a, b))
		return 3;
	/* A year of two digits, where it is not a version of something. */
	if (width == 2 && day_and_month(a, b) &&
	    (sep != '.' || (t->token[k].len == 2 && t->token[k + 1].len == 2)))
		return 3;
	return width == 2 && t->token[k].len == 2 && day_and_month(b, c) &&
		       (sep == '-' || sep == '/')
		   ? 3
		   : 0;
}

/* Months of a few languages, as far as they tell one from another word. */
static bool
is_month(const struct text *t, size_t k)
{
	static const char *const month[] = { "jan", "january", "januar",
		"janvier", "janv", "enero", "ene", "gennaio", "gen", "januari",
		"feb", "february", "februar", "fevrier", "fev", "febrero",
		"febbraio", "februari", "mar", "march", "marz", "maerz", "mars",
		"marzo", "maart", "mrt", "apr", "april", "avril", "avr",
		"abril", "abr", "aprile", "may", "mai", "mayo", "maggio", "mag",
		"mei", "jun", "june", "juni", "juin", "junio", "giugno", "giu",
		"jul", "july", "juli", "juillet", "juil", "julio", "luglio",
		"lug", "aug", "august", "aout", "agosto", "ago", "augustus",
		"sep", "sept", "september", "septembre", "septiembre",
		"settembre", "set", "oct", "october", "okt", "oktober",
		"octobre", "octubre", "ottobre", "ott", "nov", "november",
		"novembre", "noviembre", "dec", "december", "dez", "dezember",
		"decembre", "diciembre", "dic", "dicembre" };
	size_t i;

	if (!letters(t, k) || t->token[k].len < 3 || t->token[k].len > 10)
		return false;
	for (i = 0; i < sizeof month / sizeof *month; i++)
		if (text_is(t, k, month[i]))
			return true;
	return false;
}

/* Take out a date with the name of a month at k, if it is one. */
static void
spelled_date(struct text *t, size_t k)
{
	size_t first = k, end = k + 1;
	unsigned v;

	if (!is_month(t, k))
		return;
	if (k > 0 && gap(t, k - 1) <= 2 && (v = number(t, k - 1)) >= 1 &&
	    (v <= 31 || is_year(v)))
		first = k - 1;
	/* 1st of May */
	if (first == k && k > 1 && letters(t, k - 1) && digits(t, k - 2) &&
	    t->token[k - 1].len == 2 && (v = number(t, k - 2)) >= 1 && v <= 31)
		first = k - 2;
	while (end < k + 3 && gap(t, end - 1) <= 2 && digits(t, end) &&
	       ((v = number(t, end)) <= 99 || is_year(v))) {
		end++;
		if (v > 99)
			break;
	}
	if (end == k + 1 && letters(t, end) && t->token[end].len == 2 &&
	    gap(t, end - 1) <= 2 && digits(t, end + 1) &&
	    is_year(number(t, end + 1)))
		end += 2; /* May of 1962, Mai de 1962 */
	if (end - first > 1)
		text_take(t, first, end);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' ||
	       c == '\\' || c == '\0';
}

/* From a character in the middle of it, a word that ends at blanks. */
static void
take_word(struct text *t, size_t at)
{
	size_t first = at, end = at;

	while (first > 0 && (text_ascii(t, first - 1) == 0 ||
				!is_space(text_ascii(t, first - 1))))
		first--;
	while (end < t->count &&
	       (t->chars[end].code >= 0x80 || !is_space(text_ascii(t, end))))
		end++;
	text_take_chars(t, first, end);
}

/* Mail, links, and paths of files. */
static void
addresses(struct text *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		char c = text_ascii(t, i);

		if (c == '@' && i > 0 && !is_space(text_ascii(t, i - 1)) &&
		    i + 1 < t->count && !is_space(text_ascii(t, i + 1)))
			take_word(t, i);
		else if (c == ':' && text_ascii(t, i + 1) == '/' &&
			 text_ascii(t, i + 2) == '/')
			take_word(t, i);
	}
}

/* Numbers joined by one character: how many tokens, and their digits. */
static size_t
group(const struct text *t, size_t k, const char *seps, size_t *sum)
{
	size_t n = 1;

	*sum = t->token[k].len;
	while (digits(t, k + n)) {
		size_t i = t->token[k + n - 1].end, end = t->token[k + n].first;

		if (end - i > 2)
			break;
		for (; i < end; i++)
			if (text_ascii(t, i) == 0 ||
			    strchr(seps, text_ascii(t, i)) == NULL)
				return n;
		*sum += t->token[k + n].len;
		n++;
	}
	return n;
}

/* 1.2.840.113619.2.5, 192.0.2.1: its tokens. */
static size_t
dotted(const struct text *t, size_t k)
{
	size_t n = 1, i;

	while (digits(t, k + n) && glue(t, k + n - 1) == '.')
		n++;
	if (n >= 5)
		return n;
	if (n != 4)
		return 0;
	for (i = 0; i < 4; i++)
		if (t->token[k + i].len > 3 || number(t, k + i) > 255)
			return 0;
	return 4;
}

/* Telephone and social security numbers: the tokens. */
static size_t
telephone(const struct text *t, size_t k)
{
	char before =
	    t->token[k].first > 0 ? text_ascii(t, t->token[k].first - 1) : 0;
	bool sure = before == '+' || before == '(' ||
		    (t->folded[t->token[k].at] == '0' && t->token[k].len > 1);
	size_t sum, n = group(t, k, sure ? " -./()" : "-.", &sum), i;
	const struct text_token *x = &t->token[k];

	for (i = 0; i < n; i++)
		if (x[i].len < 2 && !(i == 0 && before == '+') && i + 1 < n)
			sure = false;
	if (sure && n >= 2 && sum >= 7 && sum <= 15)
		return n;
	n = group(t, k, "-.", &sum);
	if (n == 2 && x[0].len == 3 && x[1].len == 4 && glue(t, k) == '-')
		return 2;
	if (n == 3 && x[0].len == 3 && x[2].len == 4 &&
	    (x[1].len == 3 || x[1].len == 2))
		return 3;
	if (n == 4 && x[0].len <= 2 && x[1].len == 3 && x[2].len == 3 &&
	    x[3].len == 4)
		return 4;
	return 0;
}

/* A number that is too long to be a measure. */
static bool
long_number(const struct text *t, size_t k)
{
	size_t at = t->token[k].first;

	if (t->token[k].len < 6)
		return false;
	return !(at >= 2 && k > 0 && text_ascii(t, at - 1) == '.' &&
		 t->token[k - 1].end == at - 1 && digits(t, k - 1) &&
		 t->token[k].len < 12);
}

/* "92 years old", "92-jahrig", "aged 92": over 89 an age identifies. */
static bool
great_age(const struct text *t, size_t k)
{
	static const char *const unit[] = { "y", "yo", "yr", "yrs", "year",
		"years", "jahre", "jahrig", "jahrige", "jahriger", "ans",
		"anni", "anos", "jaar", "j" };
	unsigned v = number(t, k);
	size_t i;

	if (v < 90 || v > 130)
		return false;
	if (k > 0 && gap(t, k - 1) <= 2 &&
	    (text_is(t, k - 1, "age") || text_is(t, k - 1, "aged") ||
		text_is(t, k - 1, "alter")))
		return true;
	if (gap(t, k) > 1)
		return false;
	for (i = 0; i < sizeof unit / sizeof *unit; i++)
		if (text_is(t, k + 1, unit[i]))
			return true;
	return false;
}

/* Is there a digit in the word that token k begins? Its tokens, else 0. */
static size_t
number_word(const struct text *t, size_t k)
{
	size_t n = 0;
	bool any = false;

	do {
		if (k + n >= t->tokens)
			break;
		any |= digits(t, k + n);
		n++;
	} while (gap(t, k + n - 1) == 0 || glue(t, k + n - 1) == '-' ||
		 glue(t, k + n - 1) == '/' || glue(t, k + n - 1) == '_');
	return any ? n : 0;
}

/* Take out what follows a word that announces an identifier. */
static void
announced(struct text *t, size_t k)
{
	static const char *const word[] = { "mrn", "ssn", "pid", "dob", "acc",
		"accession", "patid", "patientid", "pat", "patient", "id",
		"geb", "nhs", "phone", "tel", "fax", "fallnr" };
	static const char *const between[] = { "id", "no", "nr", "num",
		"number", "is", "nummer" };
	size_t i, n;
	bool is = false;

	for (i = 0; i < sizeof word / sizeof *word && !is; i++)
		is = text_is(t, k, word[i]);
	if (!is || !starts_word(t, k))
		return;
	for (k++; k < t->tokens; k++) {
		for (i = 0; i < sizeof between / sizeof *between; i++)
			if (text_is(t, k, between[i]))
				break;
		if (i == sizeof between / sizeof *between || gap(t, k - 1) > 3)
			break;
	}
	if (k < t->tokens && gap(t, k - 1) <= 3 && (n = number_word(t, k)) > 0)
		text_take(t, k, k + n);
}

static bool
capital(const struct text *t, size_t k)
{
	uint32_t f[2], code = t->chars[t->token[k].first].code;

	return letters(t, k) && t->token[k].end > t->token[k].first &&
	       charset_fold(code, f) > 0 && *f != code &&
	       (code < 0x80 || code < 0xe0 || code >= 0x100);
}

/*
 * Take out the name after a title.  "DR" and "MR" alone are modalities, and
 * MS a disease: a title has small letters or a full stop.
 */
static void
titled(struct text *t, size_t k)
{
	static const char *const title[] = { "dr", "prof", "mr", "mrs", "ms",
		"herr", "frau", "mme", "monsieur", "madame", "sig", "doctor",
		"doktor", "docteur", "professor" };
	const struct text_token *x = &t->token[k];
	size_t i, n;

	for (i = 0; i < sizeof title / sizeof *title; i++)
		if (text_is(t, k, title[i]))
			break;
	if (i == sizeof title / sizeof *title || !capital(t, k) ||
	    (x->len == 2 && text_ascii(t, x->end) != '.' &&
		text_ascii(t, x->end - 1) < 'a'))
		return;
	for (n = k + 1; n < t->tokens && n < k + 4 && letters(t, n); n++)
		if (gap(t, n - 1) > 2 || !capital(t, n) ||
		    text_ascii(t, t->token[n - 1].end) == ',')
			break;
	text_take(t, k + 1, n > k + 1 ? n : k + 1);
}

void
textpat_take(struct text *t)
{
	size_t k, n;

	addresses(t);
	for (k = 0; k < t->tokens; k++) {
		if (letters(t, k)) {
			if (text_is(t, k, "www") &&
			    text_ascii(t, t->token[k].end) == '.')
				take_word(t, t->token[k].first);
			spelled_date(t, k);
			announced(t, k);
			titled(t, k);
			continue;
		}
		if (!digits(t, k))
			continue;
		if ((n = dotted(t, k)) > 0 || (n = numeric_date(t, k)) > 0 ||
		    (n = telephone(t, k)) > 0)
			text_take(t, k, k + n);
		else if (long_number(t, k) || great_age(t, k))
			text_take(t, k, k + 1);
	}
}
