#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dict.h"
#include "rules.h"
#include "word.h"

#define CREATOR_MAX 64

enum what { TAG, PRIVATE, KIND, CLASS };

struct entry {
	struct rule rule;
	enum what what;
	uint32_t key; /* a tag; group << 8 | low byte; a VR */
	char *name;   /* a creator; a SOP Class UID, or what it begins with */
	bool prefix;
};

struct rules {
	struct entry *v;
	size_t n;
	uint32_t *tags; /* ascending, each once; which is that of v */
	size_t *which;
	size_t tag_count;
	bool any_private, any_clean;
	char *text;
	size_t text_len;
};

static const struct {
	const char *name;
	enum deid_action action;
} actions[] = {
	{ "keep", DEID_K },
	{ "empty", DEID_Z },
	{ "remove", DEID_X },
	{ "dummy", DEID_VALUE },
	{ "uid", DEID_U },
	{ "date", DEID_DATE },
	{ "clean", DEID_CLEAN },
	{ "hash", DEID_HASH },
	{ "reject", DEID_REJECT },
};

static void *
need(void *p)
{
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

struct rules *
rules_new(void)
{
	struct rules *r = need(calloc(1, sizeof *r));

	r->text = need(strdup(""));
	return r;
}

static void
entry_free(struct entry *e)
{
	free(e->name);
	free((char *)e->rule.value);
}

void
rules_free(struct rules *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++)
		entry_free(&r->v[i]);
	free(r->v);
	free(r->tags);
	free(r->which);
	free(r->text);
	free(r);
}

/* A word's bytes as a string; NULL if they are none, or too many. */
static char *
decoded(const char *word, size_t max)
{
	size_t n = strlen(word);
	char *s = need(malloc(n + 1));
	long k = word_decode(s, word, n);

	if (k <= 0 || (size_t)k > max || memchr(s, '\0', (size_t)k)) {
		free(s);
		return NULL;
	}
	s[k] = '\0';
	return s;
}

/* Exactly n hexadecimal digits and then end; -1 if they are not. */
static long
hex(const char *s, size_t n, char end)
{
	long v = 0;

	for (; n > 0; n--, s++) {
		const char *digits = "0123456789abcdef0123456789ABCDEF";
		const char *at = *s ? strchr(digits, *s) : NULL;

		if (at == NULL)
			return -1;
		v = v << 4 | ((at - digits) & 15);
	}
	return *s == end ? v : -1;
}

/* What makes an object that one; the names of records are made of it. */
static bool
is_ours(uint32_t tag)
{
	switch (tag) {
	case 0x00080016: /* SOP Class UID */
	case 0x00080018: /* SOP Instance UID */
	case 0x00100010: /* Patient's Name */
	case 0x00100020: /* Patient ID */
	case 0x00120062: /* Patient Identity Removed */
	case 0x00120063: /* De-identification Method */
	case 0x00120064: /* De-identification Method Code Sequence */
	case 0x0020000d: /* Study Instance UID */
	case 0x0020000e: /* Series Instance UID */
	case 0x00280303: /* Longitudinal Temporal Information Modified */
		return true;
	}
	return tag >> 16 == 0x7fe0;
}

/* VRs of which a value can be given as text. */
static bool
has_text(unsigned vr)
{
	static const char text[] =
	    "AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT";
	size_t i;

	for (i = 0; i + 1 < sizeof text; i += 3)
		if (vr ==
		    VR((unsigned char)text[i], (unsigned char)text[i + 1]))
			return true;
	return false;
}

static int
action(struct entry *e, char *const *words, int n, struct why *w)
{
	size_t i, count = sizeof actions / sizeof *actions;
	unsigned vr = e->what == TAG ? dict_vr(e->key) : e->key;

	for (i = 0; i < count && n > 0; i++)
		if (strcmp(words[0], actions[i].name) == 0)
			break;
	if (n < 1 || i == count)
		return why_set(w, EXIT_DATA, "no action that there is");
	e->rule.action = actions[i].action;
	if (n != (e->rule.action == DEID_VALUE ? 2 : 1))
		return why_set(w, EXIT_DATA, "%s: too many or too few words",
		    actions[i].name);
	if (e->rule.action != DEID_VALUE)
		return 0;
	if (e->what == PRIVATE || !has_text(vr))
		return why_set(
		    w, EXIT_DATA, "a dummy is for attributes of text");
	if ((e->rule.value = decoded(words[1], 1024)) == NULL)
		return why_set(w, EXIT_DATA, "not a value: %s", words[1]);
	return 0;
}

static int
tag_rule(struct entry *e, char *const *words, int n, struct why *w)
{
	long group = hex(words[1], 4, ',');
	long element = group < 0 ? -1 : hex(words[1] + 5, 4, '\0');

	if (element < 0)
		return why_set(w, EXIT_DATA, "not GGGG,EEEE: %s", words[1]);
	e->key = (uint32_t)group << 16 | (uint32_t)element;
	if (is_ours(e->key))
		return why_set(
		    w, EXIT_DATA, "(%s): not for a profile to say", words[1]);
	if (dict_vr(e->key) == 0)
		return why_set(
		    w, EXIT_DATA, "(%s): not in the dictionary", words[1]);
	return action(e, words + 2, n - 2, w);
}

static int
private_rule(struct entry *e, char *const *words, int n, struct why *w)
{
	long group = n > 3 ? hex(words[2], 4, '\0') : -1;
	long low = n > 3 ? hex(words[3], 2, '\0') : -1;

	if (low < 0 || (group & 1) == 0)
		return why_set(
		    w, EXIT_DATA, "not CREATOR, an odd group, and a low byte");
	if ((e->name = decoded(words[1], CREATOR_MAX)) == NULL)
		return why_set(w, EXIT_DATA, "not a creator: %s", words[1]);
	e->key = (uint32_t)group << 8 | (uint32_t)low;
	return action(e, words + 4, n - 4, w);
}

static int
vr_rule(struct entry *e, char *const *words, int n, struct why *w)
{
	const char *s = words[1];

	if (strlen(s) != 2 || s[0] < 'A' || s[0] > 'Z' || s[1] < 'A' ||
	    s[1] > 'Z' || strcmp(s, "SQ") == 0)
		return why_set(w, EXIT_DATA, "not a VR: %s", s);
	e->key = VR((unsigned char)s[0], (unsigned char)s[1]);
	return action(e, words + 2, n - 2, w);
}

static int
class_rule(struct entry *e, char *const *words, int n, struct why *w)
{
	size_t len = strspn(words[1], "0123456789.");

	e->prefix = words[1][len] == '*';
	if (strlen(words[1]) > 64 || words[1][len + e->prefix] != '\0' ||
	    len + e->prefix == 0)
		return why_set(w, EXIT_DATA, "not a UID: %s", words[1]);
	e->name = need(strndup(words[1], len));
	if (action(e, words + 2, n - 2, w) < 0)
		return -1;
	if (e->rule.action != DEID_K && e->rule.action != DEID_REJECT)
		return why_set(w, EXIT_DATA, "a class: keep or reject");
	return 0;
}

/* Where tag is among the tags, or where it belongs. */
static size_t
place(const struct rules *r, uint32_t tag)
{
	size_t lo = 0, hi = r->tag_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (r->tags[mid] < tag)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
index_tag(struct rules *r, uint32_t tag, size_t entry)
{
	size_t i = place(r, tag), after;

	if (i < r->tag_count && r->tags[i] == tag) {
		r->which[i] = entry;
		return;
	}
	after = r->tag_count++ - i;
	r->tags = need(realloc(r->tags, r->tag_count * sizeof *r->tags));
	r->which = need(realloc(r->which, r->tag_count * sizeof *r->which));
	memmove(r->tags + i + 1, r->tags + i, after * sizeof *r->tags);
	memmove(r->which + i + 1, r->which + i, after * sizeof *r->which);
	r->tags[i] = tag;
	r->which[i] = entry;
}

static void
add_text(struct rules *r, char *const *words, int n)
{
	size_t len = r->text_len + 1;
	int i;

	for (i = 0; i < n; i++)
		len += strlen(words[i]) + 1;
	r->text = need(realloc(r->text, len));
	for (i = 0; i < n; i++)
		r->text_len += (size_t)sprintf(r->text + r->text_len, "%s%c",
		    words[i], i + 1 < n ? ' ' : '\n');
}

int
rules_add(struct rules *r, char *const *words, int n, struct why *w)
{
	static const struct {
		const char *name;
		int (*parse)(
		    struct entry *e, char *const *words, int n, struct why *w);
	} kinds[] = {
		[TAG] = { "tag", tag_rule },
		[PRIVATE] = { "private", private_rule },
		[KIND] = { "vr", vr_rule },
		[CLASS] = { "class", class_rule },
	};
	struct entry e = { .key = 0 };
	size_t i;

	for (i = TAG; i <= CLASS; i++)
		if (strcmp(words[0], kinds[i].name) == 0)
			break;
	if (i > CLASS || n < 2)
		return why_set(w, EXIT_DATA, "%s: not understood", words[0]);
	e.what = (enum what)i;
	if (kinds[i].parse(&e, words, n, w) < 0) {
		entry_free(&e);
		return -1;
	}
	r->v = need(realloc(r->v, (r->n + 1) * sizeof *r->v));
	r->v[r->n] = e;
	if (e.what == TAG)
		index_tag(r, e.key, r->n);
	r->any_private |= e.what == PRIVATE;
	r->any_clean |= e.rule.action == DEID_CLEAN;
	r->n++;
	add_text(r, words, n);
	return 0;
}

const struct rule *
rules_tag(const struct rules *r, uint32_t tag)
{
	size_t i = r ? place(r, tag) : 0;

	return r != NULL && i < r->tag_count && r->tags[i] == tag
		   ? &r->v[r->which[i]].rule
		   : NULL;
}

const struct rule *
rules_private(const struct rules *r, const char *creator, uint32_t tag)
{
	uint32_t key = tag >> 16 << 8 | (tag & 0xff);
	size_t i;

	if (r == NULL || !r->any_private)
		return NULL;
	for (i = r->n; i-- > 0;)
		if (r->v[i].what == PRIVATE && r->v[i].key == key &&
		    strcmp(r->v[i].name, creator) == 0)
			return &r->v[i].rule;
	return NULL;
}

const struct rule *
rules_vr(const struct rules *r, unsigned vr)
{
	size_t i;

	for (i = r ? r->n : 0; i-- > 0;)
		if (r->v[i].what == KIND && r->v[i].key == vr)
			return &r->v[i].rule;
	return NULL;
}

bool
rules_rejects(const struct rules *r, const char *sop_class)
{
	size_t i, n;

	for (i = r ? r->n : 0; i-- > 0;) {
		const struct entry *e = &r->v[i];

		if (e->what != CLASS)
			continue;
		n = strlen(e->name);
		if (e->prefix ? strncmp(sop_class, e->name, n) == 0
			      : strcmp(sop_class, e->name) == 0)
			return e->rule.action == DEID_REJECT;
	}
	return false;
}

bool
rules_know_private(const struct rules *r)
{
	return r != NULL && r->any_private;
}

bool
rules_clean(const struct rules *r)
{
	return r != NULL && r->any_clean;
}

const char *
rules_text(const struct rules *r)
{
	return r ? r->text : "";
}
