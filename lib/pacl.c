#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacl.h"

void
pacl_init(struct pacl *a)
{
	memset(a, 0, sizeof *a);
}

void
pacl_free(struct pacl *a)
{
	while (a->entries > 0)
		free(a->entry[--a->entries].who);
	free(a->entry);
	pacl_init(a);
}

static int
order(const struct pacl_entry *e, bool preset, enum pacl_tag tag,
    const char *who, size_t n)
{
	int r;

	if (e->preset != preset)
		return e->preset ? 1 : -1;
	if (e->tag != tag)
		return e->tag > tag ? 1 : -1;
	if (e->who == NULL)
		return 0;
	r = strncmp(e->who, who, n);
	return r != 0 ? r : e->who[n] != '\0';
}

/* Where it is, or belongs; *found says which. */
static unsigned
find(const struct pacl *a, bool preset, enum pacl_tag tag, const char *who,
    size_t n, bool *found)
{
	unsigned i;
	int r = 1;

	for (i = 0; i < a->entries; i++)
		if ((r = order(&a->entry[i], preset, tag, who, n)) >= 0)
			break;
	*found = i < a->entries && r == 0;
	return i;
}

static struct pacl_entry *
get(const struct pacl *a, bool preset, enum pacl_tag tag)
{
	bool found;
	unsigned i = find(a, preset, tag, NULL, 0, &found);

	return found ? &a->entry[i] : NULL;
}

static void
put(struct pacl *a, bool preset, enum pacl_tag tag, const char *who, size_t n,
    unsigned perms)
{
	bool found;
	unsigned i = find(a, preset, tag, who, n, &found);
	struct pacl_entry *e;

	if (!found) {
		e = realloc(a->entry, (a->entries + 1) * sizeof *e);
		if (e == NULL)
			die(EXIT_IO, "out of memory");
		a->entry = e;
		memmove(&e[i + 1], &e[i], (a->entries++ - i) * sizeof *e);
		e[i].preset = preset;
		e[i].tag = tag;
		e[i].who = who ? strndup(who, n) : NULL;
		if (who != NULL && e[i].who == NULL)
			die(EXIT_IO, "out of memory");
	}
	a->entry[i].perms = perms;
}

static void
take_out(struct pacl *a, unsigned i)
{
	free(a->entry[i].who);
	memmove(&a->entry[i], &a->entry[i + 1],
	    (--a->entries - i) * sizeof *a->entry);
}

static void
copy(struct pacl *to, const struct pacl *from)
{
	const struct pacl_entry *e;

	pacl_init(to);
	for (e = from->entry; e < from->entry + from->entries; e++)
		put(to, e->preset, e->tag, e->who, e->who ? strlen(e->who) : 0,
		    e->perms);
}

static bool
is_named(const struct pacl_entry *e)
{
	return e->tag == PACL_USER || e->tag == PACL_GROUP;
}

/* Whoever the mask holds for. */
static bool
is_masked(const struct pacl_entry *e)
{
	return is_named(e) || e->tag == PACL_GROUP_OBJ;
}

static bool
whole(const struct pacl *a, bool preset)
{
	return get(a, preset, PACL_USER_OBJ) != NULL &&
	       get(a, preset, PACL_GROUP_OBJ) != NULL &&
	       get(a, preset, PACL_OTHER) != NULL;
}

/* ---- text ---- */

static const char *const tags[] = {
	[PACL_USER_OBJ] = "user",
	[PACL_USER] = "user",
	[PACL_GROUP_OBJ] = "group",
	[PACL_GROUP] = "group",
	[PACL_MASK] = "mask",
	[PACL_OTHER] = "other",
};

static int
parse_perms(unsigned *perms, const char *p, size_t n)
{
	static const char letters[] = "xwr"; /* bit i is letter i */
	const char *at;
	size_t i;

	*perms = 0;
	for (i = 0; i < n; i++) {
		if (p[i] == '-')
			continue;
		at = memchr(letters, p[i], 3);
		if (at == NULL || *perms >> (at - letters) & 1)
			return -1;
		*perms |= 1u << (at - letters);
	}
	return n >= 1 && n <= 3 ? 0 : -1;
}

static bool
who_ok(enum pacl_tag tag, const char *p, size_t n)
{
	char copy_of[WHO_MAX + 1];
	enum who_kind kind;

	if (n > WHO_MAX || memchr(p, '\0', n) != NULL)
		return false;
	memcpy(copy_of, p, n);
	copy_of[n] = '\0';
	kind = who_kind(copy_of);
	return kind == WHO_SUBJECT ||
	       kind == (tag == PACL_USER ? WHO_DN : WHO_FQAN);
}

struct parsed {
	bool preset;
	enum pacl_tag tag;
	const char *who;
	size_t n;
	unsigned perms;
};

/* A line.  What is wrong with it, or NULL. */
static const char *
parse(struct parsed *e, const char *p, size_t n, bool need_perms)
{
	static const char preset[] = "default:";
	size_t k = sizeof preset - 1, left;
	const char *colon;

	memset(e, 0, sizeof *e);
	if (n > k && memcmp(p, preset, k) == 0) {
		e->preset = true;
		p += k;
		n -= k;
	}
	colon = memchr(p, ':', n);
	left = colon ? (size_t)(colon - p) : 0;
	for (e->tag = PACL_USER_OBJ; e->tag <= PACL_OTHER; e->tag += 1)
		if (left == strlen(tags[e->tag]) &&
		    memcmp(p, tags[e->tag], left) == 0)
			break;
	if (e->tag > PACL_OTHER)
		return "an ACL entry is not of user, group, mask or other";
	p = colon + 1;
	n -= left + 1;
	if ((colon = memrchr(p, ':', n)) == NULL)
		return "an ACL entry has one colon only";
	e->n = (size_t)(colon - p);
	n -= e->n + 1;
	if (n > 0 || need_perms)
		if (parse_perms(&e->perms, colon + 1, n) < 0)
			return "an ACL entry's permissions are not of rwx";
	if (e->n == 0)
		return NULL;
	if (e->tag != PACL_USER_OBJ && e->tag != PACL_GROUP_OBJ)
		return "an ACL entry names somebody for mask or other";
	e->tag += 1; /* the one that names */
	e->who = p;
	return who_ok(e->tag, p, e->n) ? NULL
				       : "an ACL entry is for no DN, FQAN or "
					 "subject";
}

/* The length of the next line at *p that says something; 0: no more. */
static size_t
next_line(const char **p)
{
	size_t n;

	for (; **p != '\0'; *p += n + ((*p)[n] == '\n')) {
		n = strcspn(*p, "\n");
		if (n > 0 && **p != '#')
			return n;
	}
	return 0;
}

static size_t
bytes(const struct pacl *a)
{
	size_t n = 1;
	unsigned i;

	for (i = 0; i < a->entries; i++)
		n += sizeof "default:group::rwx" +
		     (a->entry[i].who ? strlen(a->entry[i].who) : 0);
	return n;
}

static char *
print(const struct pacl *a,
    bool (*wanted)(const struct pacl *, const struct pacl_entry *))
{
	char *text = malloc(bytes(a)), *p = text;
	const struct pacl_entry *e;

	if (text == NULL)
		die(EXIT_IO, "out of memory");
	*p = '\0';
	for (e = a->entry; e < a->entry + a->entries; e++)
		if (wanted(a, e))
			p += sprintf(p, "%s%s:%s:%c%c%c\n",
			    e->preset ? "default:" : "", tags[e->tag],
			    e->who ? e->who : "", e->perms & PACL_R ? 'r' : '-',
			    e->perms & PACL_W ? 'w' : '-',
			    e->perms & PACL_X ? 'x' : '-');
	return text;
}

static bool
want_all(const struct pacl *a, const struct pacl_entry *e)
{
	(void)a, (void)e;
	return true;
}

char *
pacl_text(const struct pacl *a)
{
	return print(a, want_all);
}

/* What the mode does not say. */
static bool
want_stored(const struct pacl *a, const struct pacl_entry *e)
{
	if (e->preset || is_named(e))
		return true;
	return e->tag == PACL_GROUP_OBJ && get(a, false, PACL_MASK) != NULL;
}

char *
pacl_store(const struct pacl *a, unsigned *mode)
{
	const struct pacl_entry *mask = get(a, false, PACL_MASK);
	char *text = print(a, want_stored);

	if (mask == NULL)
		mask = get(a, false, PACL_GROUP_OBJ);
	*mode &= ~0777u;
	*mode |= get(a, false, PACL_USER_OBJ)->perms << 6 | mask->perms << 3 |
		 get(a, false, PACL_OTHER)->perms;
	if (*text != '\0')
		return text;
	free(text);
	return NULL;
}

int
pacl_load(struct pacl *a, unsigned mode, const char *stored, struct why *w)
{
	const char *p = stored ? stored : "", *wrong;
	bool mask = false, named = false, preset_named = false;
	struct parsed e;
	size_t n;

	pacl_free(a);
	for (; (n = next_line(&p)) > 0; p += n) {
		if ((wrong = parse(&e, p, n, true)) != NULL)
			return why_set(w, EXIT_DATA, "%s", wrong);
		if (a->entries == PACL_ENTRIES)
			return why_set(w, EXIT_DATA, "an ACL too long");
		if (!e.preset && e.who == NULL && e.tag != PACL_GROUP_OBJ)
			return why_set(
			    w, EXIT_DATA, "an ACL that says the mode again");
		named |= !e.preset && e.who != NULL;
		preset_named |= e.preset && e.who != NULL;
		mask |= !e.preset && e.tag == PACL_GROUP_OBJ;
		put(a, e.preset, e.tag, e.who, e.n, e.perms);
	}
	if (named && !mask)
		return why_set(w, EXIT_DATA, "an ACL without group::");
	if (preset_named && get(a, true, PACL_MASK) == NULL)
		return why_set(w, EXIT_DATA, "defaults without a mask");
	if (!whole(a, true) && a->entries > 0 &&
	    a->entry[a->entries - 1].preset)
		return why_set(w, EXIT_DATA, "defaults that are not whole");
	put(a, false, PACL_USER_OBJ, NULL, 0, mode >> 6 & 7);
	put(a, false, PACL_OTHER, NULL, 0, mode & 7);
	put(a, false, mask ? PACL_MASK : PACL_GROUP_OBJ, NULL, 0,
	    mode >> 3 & 7);
	return 0;
}

/* ---- changes ---- */

/* A mask if one is needed; given: there was one in the lines. */
static void
settle(struct pacl *a, bool preset, bool given)
{
	const struct pacl_entry *e, *mask = get(a, preset, PACL_MASK);
	unsigned perms = 0;
	bool named = false;

	if (given)
		return;
	for (e = a->entry; e < a->entry + a->entries; e++)
		if (e->preset == preset && is_masked(e)) {
			named |= is_named(e);
			perms |= e->perms;
		}
	if (named)
		put(a, preset, PACL_MASK, NULL, 0, perms);
	else if (mask != NULL)
		take_out(a, (unsigned)(mask - a->entry));
}

/* Defaults, if there are any, are whole: the rest is as the entry's own. */
static void
complete(struct pacl *a)
{
	static const enum pacl_tag base[] = { PACL_USER_OBJ, PACL_GROUP_OBJ,
		PACL_OTHER };
	const struct pacl_entry *own;
	size_t i;

	if (a->entries == 0 || !a->entry[a->entries - 1].preset)
		return;
	for (i = 0; i < sizeof base / sizeof *base; i++)
		if (get(a, true, base[i]) == NULL &&
		    (own = get(a, false, base[i])) != NULL)
			put(a, true, base[i], NULL, 0, own->perms);
}

/* Work the lines into a copy, so that a wrong one changes nothing. */
static int
edit(struct pacl *a, const char *text, bool clear, bool dir, bool delete,
    struct why *w)
{
	bool mask[2] = { false, false }, touched[2] = { false, false }, found;
	const char *wrong = NULL, *p = text;
	struct parsed e;
	struct pacl t;
	unsigned i;
	size_t n;

	if (clear)
		pacl_init(&t);
	else
		copy(&t, a);
	if (strlen(text) > PACL_TEXT_MAX)
		wrong = "an ACL too long";
	for (; wrong == NULL && (n = next_line(&p)) > 0; p += n) {
		if ((wrong = parse(&e, p, n, !delete)) != NULL)
			break;
		touched[e.preset] = true;
		if (delete) {
			i = find(&t, e.preset, e.tag, e.who, e.n, &found);
			if (e.who == NULL && !e.preset)
				wrong = "an ACL entry that cannot be deleted";
			else if (found)
				take_out(&t, i);
			continue;
		}
		mask[e.preset] |= e.tag == PACL_MASK;
		put(&t, e.preset, e.tag, e.who, e.n, e.perms);
		if (e.preset && !dir)
			wrong = "defaults are for directories";
		else if (t.entries > PACL_ENTRIES)
			wrong = "an ACL too long";
	}
	if (wrong == NULL && !whole(&t, false))
		wrong = "an ACL needs user::, group:: and other::";
	complete(&t);
	for (i = 0; i < 2; i++)
		if (touched[i])
			settle(&t, i, mask[i]);
	if (wrong == NULL && bytes(&t) > 2 * PACL_TEXT_MAX)
		wrong = "an ACL too long";
	if (wrong != NULL) {
		pacl_free(&t);
		return why_set(w, EXIT_DATA, "%s", wrong);
	}
	pacl_free(a);
	*a = t;
	return 0;
}

int
pacl_set(struct pacl *a, const char *text, bool dir, struct why *w)
{
	return edit(a, text, true, dir, false, w);
}

int
pacl_modify(struct pacl *a, const char *text, bool dir, struct why *w)
{
	return edit(a, text, false, dir, false, w);
}

int
pacl_delete(struct pacl *a, const char *text, struct why *w)
{
	return edit(a, text, false, true, true, w);
}

void
pacl_drop(struct pacl *a, bool defaults)
{
	struct pacl_entry *mask;
	unsigned i = 0;

	while (i < a->entries) {
		const struct pacl_entry *e = &a->entry[i];

		if (defaults ? e->preset : !e->preset && is_named(e))
			take_out(a, i);
		else
			i++;
	}
	if (!defaults && (mask = get(a, false, PACL_MASK)) != NULL)
		take_out(a, (unsigned)(mask - a->entry));
}

/* The bits of one letter or another user's, for those of `of`. */
static int
chmod_perms(unsigned *bits, unsigned mode, bool dir, const char **p)
{
	unsigned set = 0, x = dir || (mode & 0111) ? 0111 : 0;

	for (; **p != '\0' && **p != ','; (*p)++)
		switch (**p) {
		case 'r':
			set |= 0444;
			break;
		case 'w':
			set |= 0222;
			break;
		case 'x':
			set |= 0111;
			break;
		case 'X':
			set |= x;
			break;
		case 't':
			set |= PACL_STICKY;
			break;
		default:
			return -1;
		}
	*bits = set;
	return 0;
}

static int
chmod_clause(unsigned *mode, bool dir, const char **p)
{
	unsigned of = 0, bits;
	char op;

	for (; **p != '\0' && strchr("ugoa", **p) != NULL; (*p)++)
		of |= **p == 'u'   ? 0700u
		      : **p == 'g' ? 0070u
		      : **p == 'o' ? 0007u
				   : 0777u;
	if (of == 0)
		of = 0777;
	of |= PACL_STICKY;
	op = **p;
	if (op == '\0' || strchr("+-=", op) == NULL)
		return -1;
	(*p)++;
	if (chmod_perms(&bits, *mode, dir, p) < 0)
		return -1;
	bits &= of;
	if (op == '=')
		*mode = (*mode & (~of | PACL_STICKY)) | bits;
	else if (op == '+')
		*mode |= bits;
	else
		*mode &= ~bits;
	return 0;
}

int
pacl_chmod(unsigned *mode, bool dir, const char *text, struct why *w)
{
	unsigned m = *mode;
	const char *p = text;

	if (*text >= '0' && *text <= '7' && strlen(text) <= 4 &&
	    strspn(text, "01234567") == strlen(text))
		m = (unsigned)strtoul(text, NULL, 8);
	else
		for (;; p++) {
			if (chmod_clause(&m, dir, &p) < 0)
				return why_set(w, EXIT_DATA,
				    "the mode is not octal and not "
				    "[ugoa]*[-+=][rwxXt]*");
			if (*p == '\0')
				break;
		}
	if ((m & ~0777u & ~(unsigned)PACL_STICKY) != 0 ||
	    (!dir && (m & PACL_STICKY) != 0))
		return why_set(
		    w, EXIT_DATA, "a mode with bits that mean nothing here");
	*mode = m;
	return 0;
}

char *
pacl_inherit(const struct pacl *parent, bool dir, unsigned *mode)
{
	const struct pacl_entry *e, *mask = get(parent, true, PACL_MASK);
	unsigned perms;
	struct pacl a;
	char *text;

	if (get(parent, true, PACL_USER_OBJ) == NULL)
		return NULL;
	pacl_init(&a);
	for (e = parent->entry; e < parent->entry + parent->entries; e++) {
		if (!e->preset)
			continue;
		perms = e->perms;
		if (e->tag == PACL_USER_OBJ)
			perms &= *mode >> 6;
		else if (e->tag == PACL_OTHER)
			perms &= *mode;
		else if (e->tag == (mask ? PACL_MASK : PACL_GROUP_OBJ))
			perms &= *mode >> 3;
		put(&a, false, e->tag, e->who, e->who ? strlen(e->who) : 0,
		    perms);
	}
	for (e = parent->entry; dir && e < parent->entry + parent->entries; e++)
		if (e->preset)
			put(&a, true, e->tag, e->who,
			    e->who ? strlen(e->who) : 0, e->perms);
	text = pacl_store(&a, mode);
	pacl_free(&a);
	return text;
}

/* ---- decisions ---- */

static bool
in_group(const struct who *who, const char *group)
{
	unsigned i;

	for (i = 0; i < who->fqans; i++)
		if (strcmp(who->fqan[i], group) == 0)
			return true;
	return false;
}

bool
pacl_may(const struct pacl *a, const char *owner, const char *group,
    const struct who *who, unsigned want)
{
	const struct pacl_entry *e, *mask = get(a, false, PACL_MASK);
	unsigned most = mask ? mask->perms : 7;
	bool member = false;

	if (strcmp(owner, who->dn) == 0)
		return (want & ~get(a, false, PACL_USER_OBJ)->perms) == 0;
	for (e = a->entry; e < a->entry + a->entries && !e->preset; e++)
		if (e->tag == PACL_USER && strcmp(e->who, who->dn) == 0)
			return (want & ~(e->perms & most)) == 0;
	for (e = a->entry; e < a->entry + a->entries && !e->preset; e++) {
		if (e->tag != PACL_GROUP && e->tag != PACL_GROUP_OBJ)
			continue;
		if (!in_group(who, e->who ? e->who : group))
			continue;
		if ((want & ~(e->perms & most)) == 0)
			return true;
		member = true;
	}
	return !member && (want & ~get(a, false, PACL_OTHER)->perms) == 0;
}
