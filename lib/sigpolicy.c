#include <stdbool.h>
#include <string.h>

#include "sigpolicy.h"

#define DN_MAX 2048

/* What is left to read.  No byte is looked at beyond end. */
struct text {
	const char *p, *end;
	unsigned line;
};

/* A token, without the quotes that it may have had. */
struct token {
	const char *p;
	size_t n;
};

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/*
 * The next token of this line: 1, 0 at the end of the line, -1: a quote that
 * does not end.  A # where a token would begin starts a comment.
 */
static int
token_next(struct text *t, struct token *k)
{
	char quote;

	while (t->p < t->end && blank(*t->p))
		t->p++;
	if (t->p < t->end && *t->p == '#')
		while (t->p < t->end && *t->p != '\n')
			t->p++;
	if (t->p == t->end || *t->p == '\n')
		return 0;
	if (*t->p == '\'' || *t->p == '"') {
		quote = *t->p++;
		k->p = t->p;
		while (t->p < t->end && *t->p != quote && *t->p != '\n')
			t->p++;
		if (t->p == t->end || *t->p != quote)
			return -1;
		k->n = (size_t)(t->p++ - k->p);
		return 1;
	}
	k->p = t->p;
	while (t->p < t->end && *t->p != '\n' && !blank(*t->p))
		t->p++;
	k->n = (size_t)(t->p - k->p);
	return 1;
}

static bool
is(const struct token *k, const char *s)
{
	return k->n == strlen(s) && memcmp(k->p, s, k->n) == 0;
}

/*
 * The spellings Email= and E= of an attribute are emailAddress= in OpenSSL's
 * form.  -1: longer than any DN we take.
 */
static int
respell(char out[DN_MAX], const char *p, size_t n)
{
	static const char full[] = "/emailAddress=";
	size_t i = 0, o = 0, skip;

	while (i < n) {
		if (n - i >= 7 && memcmp(p + i, "/Email=", 7) == 0)
			skip = 7;
		else if (n - i >= 3 && memcmp(p + i, "/E=", 3) == 0)
			skip = 3;
		else
			skip = 0;
		if (o + sizeof full >= DN_MAX)
			return -1;
		if (skip) {
			memcpy(out + o, full, sizeof full - 1);
			o += sizeof full - 1;
			i += skip;
		} else
			out[o++] = p[i++];
	}
	out[o] = '\0';
	return memchr(out, '\0', o) ? -1 : 0;
}

/* Greedy, with one place to go back to: no pattern takes long. */
static bool
matches(const char *pattern, const char *s)
{
	const char *star = NULL, *back = NULL;

	while (*s) {
		if (*pattern == '*') {
			star = ++pattern;
			back = s;
		} else if (*pattern == '?' || *pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star;
			s = ++back;
		} else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool
pattern_matches(const struct token *k, const char *subject)
{
	char pattern[DN_MAX];

	return respell(pattern, k->p, k->n) == 0 && matches(pattern, subject);
}

/* A list of patterns in quotes within the quotes, or a single bare one. */
static int
any_matches(const struct token *list, const char *subject)
{
	struct text inner = { list->p, list->p + list->n, 0 };
	struct token k;
	int got, yes = 0;

	if (list->n == 0 || *list->p != '"')
		return pattern_matches(list, subject);
	while ((got = token_next(&inner, &k)) > 0)
		yes |= pattern_matches(&k, subject);
	return got < 0 ? -1 : yes;
}

/* Where we are: whose entry this is, and what has been granted in it. */
struct state {
	const char *ca, *subject; /* respelt */
	bool ours, sign, yes;
};

/* One line's three tokens.  -1: not one of a signing policy. */
static int
entry(struct state *s, const struct token k[3])
{
	char dn[DN_MAX];
	int got;

	if (is(&k[0], "access_id_CA")) {
		if (!is(&k[1], "X509") || respell(dn, k[2].p, k[2].n) < 0)
			return -1;
		s->ours = strcmp(dn, s->ca) == 0;
		s->sign = false;
		return 0;
	}
	if (is(&k[0], "pos_rights")) {
		s->sign = is(&k[1], "globus") && is(&k[2], "CA:sign");
		return 0;
	}
	if (!is(&k[0], "cond_subjects"))
		return -1; /* neg_rights among others: what we do not know */
	if ((got = any_matches(&k[2], s->subject)) < 0)
		return -1;
	if (s->ours && s->sign && is(&k[1], "globus") && got)
		s->yes = true;
	return 0;
}

int
sigpolicy_allows(const char *text, size_t n, const char *ca,
    const char *subject, struct why *w)
{
	char ca_dn[DN_MAX], subject_dn[DN_MAX];
	struct state s = { ca_dn, subject_dn, false, false, false };
	struct text t = { text, text + n, 1 };
	struct token k[4];
	int got = 0, count;

	if (respell(ca_dn, ca, strlen(ca)) < 0 ||
	    respell(subject_dn, subject, strlen(subject)) < 0)
		return why_set(w, EXIT_DATA, "a DN is too long");
	for (; t.p < t.end; t.p++, t.line++) {
		for (count = 0; count < 4; count++)
			if ((got = token_next(&t, &k[count])) <= 0)
				break;
		if (count == 0 && got == 0)
			continue;
		if (got != 0 || count != 3 || entry(&s, k) < 0)
			return why_set(w, EXIT_DATA,
			    "line %u is not one of a signing policy", t.line);
		if (t.p == t.end)
			break;
	}
	return s.yes;
}
