#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "hash.h"
#include "word.h"

static const char letters[] = "pdrwlxgs"; /* bit i is letter i */

static char *
copy_of(const char *s, size_t n)
{
	char *p = strndup(s, n);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

static void
replace(char **p, const char *s)
{
	char *copy = copy_of(s, strlen(s));

	free(*p);
	*p = copy;
}

void
acl_init(struct acl *a)
{
	memset(a, 0, sizeof *a);
	a->owner = copy_of("", 0);
	a->group = copy_of("", 0);
	a->held = copy_of("", 0);
	a->user = ACL_NEW;
}

static void
forget_entries(struct acl *a)
{
	while (a->entries > 0)
		free(a->entry[--a->entries].principal);
	free(a->entry);
	a->entry = NULL;
}

void
acl_free(struct acl *a)
{
	forget_entries(a);
	free(a->owner);
	free(a->group);
	free(a->held);
	memset(a, 0, sizeof *a);
}

/* Put an entry where it belongs; a set of none takes it out. */
static void
put_entry(struct acl *a, const char *principal, size_t n, unsigned set)
{
	struct acl_entry *e;
	unsigned i;
	int order = 1;

	for (i = 0; i < a->entries; i++) {
		const char *there = a->entry[i].principal;

		order = strncmp(there, principal, n);
		if (order == 0 && there[n] != '\0')
			order = 1;
		if (order >= 0)
			break;
	}
	if (i < a->entries && order == 0) {
		a->entry[i].set = set;
		if (set != 0)
			return;
		free(a->entry[i].principal);
		memmove(&a->entry[i], &a->entry[i + 1],
		    (--a->entries - i) * sizeof *a->entry);
		return;
	}
	if (set == 0)
		return;
	e = realloc(a->entry, (a->entries + 1) * sizeof *e);
	if (e == NULL)
		die(EXIT_IO, "out of memory");
	a->entry = e;
	memmove(&e[i + 1], &e[i], (a->entries++ - i) * sizeof *e);
	e[i].principal = copy_of(principal, n);
	e[i].set = set;
}

void
acl_copy(struct acl *to, const struct acl *from)
{
	unsigned i;

	replace(&to->owner, from->owner);
	replace(&to->group, from->group);
	replace(&to->held, from->held);
	to->user = from->user;
	to->grp = from->grp;
	to->other = from->other;
	forget_entries(to);
	for (i = 0; i < from->entries; i++)
		put_entry(to, from->entry[i].principal,
		    strlen(from->entry[i].principal), from->entry[i].set);
}

bool
acl_equal(const struct acl *a, const struct acl *b)
{
	unsigned i;

	if (strcmp(a->owner, b->owner) != 0 ||
	    strcmp(a->group, b->group) != 0 || strcmp(a->held, b->held) != 0 ||
	    a->user != b->user || a->grp != b->grp || a->other != b->other ||
	    a->entries != b->entries)
		return false;
	for (i = 0; i < a->entries; i++)
		if (a->entry[i].set != b->entry[i].set ||
		    strcmp(a->entry[i].principal, b->entry[i].principal) != 0)
			return false;
	return true;
}

static bool
has_fqan(const struct who *who, const char *group)
{
	unsigned i;

	for (i = 0; i < who->fqans; i++)
		if (strcmp(who->fqan[i], group) == 0)
			return true;
	return false;
}

unsigned
acl_rights(const struct acl *a, const struct who *who, bool held)
{
	unsigned set = a->other, i;

	if (*a->owner != '\0' && strcmp(a->owner, who->dn) == 0)
		set |= a->user;
	if (*a->group != '\0' && has_fqan(who, a->group))
		set |= a->grp;
	for (i = 0; i < a->entries; i++)
		if (who_is(who, a->entry[i].principal))
			set |= a->entry[i].set;
	if (held && *a->held != '\0')
		set &= ~(unsigned)(ACL_G | ACL_S);
	return set;
}

int
acl_set_owner(struct acl *a, const char *owner, struct why *w)
{
	enum who_kind kind = who_kind(owner);

	if (kind != WHO_DN && kind != WHO_SUBJECT)
		return why_set(w, EXIT_DATA, "the owner is not a DN");
	replace(&a->owner, owner);
	return 0;
}

int
acl_set_group(struct acl *a, const char *group, struct why *w)
{
	if (*group != '\0' && who_kind(group) != WHO_FQAN)
		return why_set(w, EXIT_DATA, "the group is not an FQAN");
	replace(&a->group, group);
	return 0;
}

void
acl_set_text(char out[9], unsigned set)
{
	int i;

	for (i = 0; i < 8; i++)
		out[i] = set >> i & 1 ? letters[i] : '-';
	out[8] = '\0';
}

int
acl_set_parse(unsigned *set, const char *text, size_t n)
{
	const char *p;
	size_t i;

	*set = 0;
	if (n == 8 && memchr(text, '-', n) != NULL) {
		for (i = 0; i < 8; i++)
			if (text[i] == letters[i])
				*set |= 1u << i;
			else if (text[i] != '-')
				return -1;
		return 0;
	}
	for (i = 0; i < n; i++) {
		p = text[i] ? strchr(letters, text[i]) : NULL;
		if (p == NULL || *set >> (p - letters) & 1)
			return -1;
		*set |= 1u << (p - letters);
	}
	return n > 0 ? 0 : -1;
}

void
acl_perms(char out[ACL_PERMS], const struct acl *a)
{
	acl_set_text(out, a->user);
	acl_set_text(out + 9, a->grp);
	acl_set_text(out + 18, a->other);
	out[8] = out[17] = ',';
}

int
acl_set_perms(struct acl *a, const char *perms, struct why *w)
{
	unsigned user, grp, other;

	if (strlen(perms) != ACL_PERMS - 1 || perms[8] != ',' ||
	    perms[17] != ',' || acl_set_parse(&user, perms, 8) < 0 ||
	    acl_set_parse(&grp, perms + 9, 8) < 0 ||
	    acl_set_parse(&other, perms + 18, 8) < 0)
		return why_set(w, EXIT_DATA,
		    "perms are not three sets of pdrwlxgs joined by commas");
	a->user = user;
	a->grp = grp;
	a->other = other;
	return 0;
}

/* One clause of n characters on set[0..2]: user, group, other. */
static int
chmod_clause(unsigned set[3], const char *p, size_t n)
{
	const char *end = p + n;
	bool of[3] = { false, false, false };
	unsigned bits;
	char op;
	int i;

	for (; p < end && strchr("uoga", *p) != NULL; p++) {
		of[0] |= *p == 'u' || *p == 'a';
		of[1] |= *p == 'g' || *p == 'a';
		of[2] |= *p == 'o' || *p == 'a';
	}
	if (p == end || strchr("+-=", *p) == NULL)
		return -1;
	if (!of[0] && !of[1] && !of[2])
		of[0] = of[1] = of[2] = true;
	op = *p++;
	/* A letter may well come twice here, as it may in chmod(1). */
	for (bits = 0; p < end; p++) {
		const char *at = strchr(letters, *p);

		if (at == NULL)
			return -1;
		bits |= 1u << (at - letters);
	}
	if (bits == 0)
		return -1;
	for (i = 0; i < 3; i++)
		if (of[i])
			set[i] = op == '+'   ? set[i] | bits
				 : op == '-' ? set[i] & ~bits
					     : bits;
	return 0;
}

int
acl_chmod(struct acl *a, const char *mode, struct why *w)
{
	unsigned set[3] = { a->user, a->grp, a->other };
	size_t n;

	for (;; mode += n + 1) {
		n = strcspn(mode, ",");
		if (chmod_clause(set, mode, n) < 0)
			return why_set(w, EXIT_DATA,
			    "the mode is not [uoga]*(+|-|=)[pdrwlxgs]+");
		if (mode[n] == '\0')
			break;
	}
	a->user = set[0];
	a->grp = set[1];
	a->other = set[2];
	return 0;
}

/* A principal that is not followed by a NUL. */
static bool
principal_ok(const char *p, size_t n)
{
	char copy[WHO_MAX + 1];

	if (n > WHO_MAX || memchr(p, 0, n) != NULL)
		return false;
	memcpy(copy, p, n);
	copy[n] = '\0';
	return who_kind(copy) != WHO_NONE;
}

/* One line that says something. */
static int
list_line(struct acl *a, const char *p, size_t n, bool delete, struct why *w)
{
	const char *colon = memrchr(p, ':', n);
	size_t len = n;
	unsigned set = 0;

	if (!delete) {
		if (colon == NULL)
			return why_set(
			    w, EXIT_DATA, "an ACL entry has no colon");
		len = (size_t)(colon - p);
		if (acl_set_parse(&set, colon + 1, n - len - 1) < 0)
			return why_set(w, EXIT_DATA,
			    "an ACL entry's permissions are not of pdrwlxgs");
	}
	if (!principal_ok(p, len))
		return why_set(w, EXIT_DATA,
		    "an ACL entry is not for a DN, FQAN or subject");
	put_entry(a, p, len, set);
	return 0;
}

static size_t
list_bytes(const struct acl *a)
{
	size_t n = 0;
	unsigned i;

	for (i = 0; i < a->entries; i++)
		n += strlen(a->entry[i].principal) + sizeof ":pdrwlxgs";
	return n;
}

/* All lines of text, into a copy first, so that a bad one changes nothing. */
static int
edit_list(
    struct acl *a, const char *text, bool clear, bool delete, struct why *w)
{
	struct acl t;
	int r = 0;
	size_t n;

	acl_init(&t);
	if (strlen(text) > ACL_TEXT_MAX)
		r = why_set(
		    w, EXIT_DATA, "an ACL of more than %d bytes", ACL_TEXT_MAX);
	else if (!clear)
		acl_copy(&t, a);
	for (; r == 0 && *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n > 0 && *text != '#')
			r = list_line(&t, text, n, delete, w);
	}
	if (r == 0 && list_bytes(&t) > ACL_TEXT_MAX)
		r = why_set(
		    w, EXIT_DATA, "an ACL of more than %d bytes", ACL_TEXT_MAX);
	if (r == 0) {
		struct acl_entry *e = a->entry;
		unsigned count = a->entries;

		a->entry = t.entry;
		a->entries = t.entries;
		t.entry = e;
		t.entries = count;
	}
	acl_free(&t);
	return r;
}

int
acl_set_list(struct acl *a, const char *text, struct why *w)
{
	return edit_list(a, text, true, false, w);
}

int
acl_modify(struct acl *a, const char *text, struct why *w)
{
	return edit_list(a, text, false, false, w);
}

int
acl_delete(struct acl *a, const char *text, struct why *w)
{
	return edit_list(a, text, false, true, w);
}

bool
acl_held_by(const struct acl *a, const char *dn)
{
	const char *p;
	size_t n;

	for (p = a->held; *p != '\0'; p += n + (p[n] == '\n')) {
		n = strcspn(p, "\n");
		if (n == strlen(dn) && memcmp(p, dn, n) == 0)
			return true;
	}
	return false;
}

int
acl_hold(struct acl *a, const char *dn, bool alone)
{
	unsigned holders = 1;
	const char *p;
	char *held;

	if (!alone && acl_held_by(a, dn))
		return 0;
	for (p = a->held; *p != '\0'; p++)
		holders += *p == '\n';
	if (!alone && holders > ACL_HOLDERS)
		return -1;
	if (asprintf(&held, "%s%s\n", alone ? "" : a->held, dn) < 0)
		die(EXIT_IO, "out of memory");
	free(a->held);
	a->held = held;
	return 0;
}

void
acl_release(struct acl *a)
{
	*a->held = '\0';
}

char *
acl_list(const struct acl *a)
{
	char *text = malloc(list_bytes(a) + 1), *p = text;
	unsigned i;

	if (text == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < a->entries; i++) {
		p = stpcpy(p, a->entry[i].principal);
		*p++ = ':';
		acl_set_text(p, a->entry[i].set);
		p[8] = '\n';
		p += 9;
	}
	*p = '\0';
	return text;
}

char *
acl_show(const struct acl *a, const char *id)
{
	char user[9], grp[9], other[9], *list = acl_list(a), *text;

	acl_set_text(user, a->user);
	acl_set_text(grp, a->grp);
	acl_set_text(other, a->other);
	if (asprintf(&text,
		"# ENTRY: %s\n# User: %s\n# Group: %s\n"
		"# Base perms: user %s, group %s, other %s\n%s",
		id, a->owner, a->group, user, grp, other, list) < 0)
		die(EXIT_IO, "out of memory");
	free(list);
	return text;
}

/* Each part behind its NUL-ended name; no part holds a NUL. */
void
acl_state(unsigned char out[ACL_STATE], const struct acl *a)
{
	char perms[ACL_PERMS], *list = acl_list(a), *text;
	unsigned char md[32];
	int n;

	acl_perms(perms, a);
	n = asprintf(&text, "mdm acl v1%c%s%c%s%c%s%c%s%c%s", 0, a->owner, 0,
	    a->group, 0, perms, 0, list, 0, a->held);
	if (n < 0)
		die(EXIT_IO, "out of memory");
	sha256(md, text, (size_t)n);
	memcpy(out, md, sizeof md);
	free(text);
	free(list);
}

void
acl_to_line(struct line *l, const struct acl *a)
{
	unsigned char state[ACL_STATE];
	char perms[ACL_PERMS], hex[2 * ACL_STATE + 1], *list = acl_list(a);

	acl_perms(perms, a);
	acl_state(state, a);
	hex_encode(hex, state, sizeof state);
	line_set(l, "owner", a->owner, strlen(a->owner));
	line_set(l, "group", a->group, strlen(a->group));
	line_set(l, "perms", perms, strlen(perms));
	line_set(l, "acl", list, strlen(list));
	if (*a->held != '\0')
		line_set(l, "held", a->held, strlen(a->held));
	line_set_word(l, "state", hex);
	free(list);
}

/* Field key, if the line has it, given to set. */
static int
field(struct acl *a, const struct line *l, const char *key,
    int (*set)(struct acl *, const char *, struct why *), struct why *w)
{
	char text[ACL_TEXT_MAX + 1];

	if (line_word(l, key) == NULL)
		return 0;
	if (line_text(l, key, text, sizeof text, w) < 0)
		return -1;
	return set(a, text, w);
}

int
acl_set_held(struct acl *a, const char *held, struct why *w)
{
	const char *p;
	size_t n;

	acl_release(a);
	for (p = held; *p != '\0'; p += n + 1) {
		char dn[WHO_MAX + 1];

		n = strcspn(p, "\n");
		if (p[n] != '\n' || !principal_ok(p, n))
			return why_set(w, EXIT_DATA, "held: not lines of DNs");
		memcpy(dn, p, n);
		dn[n] = '\0';
		if (acl_hold(a, dn, false) < 0)
			return why_set(w, EXIT_DATA, "held: too many");
	}
	return 0;
}

int
acl_from_line(struct acl *a, const struct line *l, struct why *w)
{
	const char *owner = line_word(l, "owner");

	/* What was put without an owner has none. */
	if (owner != NULL && strcmp(owner, "-") == 0)
		replace(&a->owner, "");
	else if (field(a, l, "owner", acl_set_owner, w) < 0)
		return -1;
	if (field(a, l, "group", acl_set_group, w) < 0 ||
	    field(a, l, "perms", acl_set_perms, w) < 0 ||
	    field(a, l, "acl", acl_set_list, w) < 0 ||
	    field(a, l, "held", acl_set_held, w) < 0)
		return -1;
	return 0;
}
