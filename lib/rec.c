#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opt.h"
#include "rec_impl.h"

void *
rec_need(void *p)
{
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

void
rec_init(struct rec *r)
{
	memset(r, 0, sizeof *r);
}

void
rec_clear(struct rec *r)
{
	int i;

	for (i = 0; i < r->attrs; i++) {
		free(r->attr[i].key);
		free(r->attr[i].value);
	}
	free(r->name);
	rec_init(r);
}

void
rec_copy(struct rec *to, const struct rec *from)
{
	int i;

	rec_clear(to);
	if (from->name)
		rec_set_name(to, from->name);
	to->size = from->size;
	for (i = 0; i < from->attrs; i++)
		rec_set(to, from->attr[i].key, from->attr[i].value,
		    from->attr[i].len);
}

void
rec_set_name(struct rec *r, const char *name)
{
	char *copy = rec_need(strdup(name));

	free(r->name);
	r->name = copy;
}

static struct rec_attr *
find(const struct rec *r, const char *key)
{
	int i;

	for (i = 0; i < r->attrs; i++)
		if (strcmp(r->attr[i].key, key) == 0)
			return (struct rec_attr *)&r->attr[i];
	return NULL;
}

void
rec_set(struct rec *r, const char *key, const void *value, size_t len)
{
	struct rec_attr *a = find(r, key);
	char *copy;

	if (len > REC_ATTR_MAX || (a == NULL && r->attrs == REC_ATTRS))
		die(EXIT_DATA, "a record would have too many attributes");
	copy = rec_need(malloc(len + 1));
	memcpy(copy, value, len);
	copy[len] = '\0';
	if (a == NULL) {
		a = &r->attr[r->attrs++];
		a->key = rec_need(strdup(key));
	} else {
		free(a->value);
	}
	a->value = copy;
	a->len = len;
}

void
rec_set_text(struct rec *r, const char *key, const char *text)
{
	rec_set(r, key, text, strlen(text));
}

void
rec_unset(struct rec *r, const char *key)
{
	struct rec_attr *a = find(r, key);

	if (a == NULL)
		return;
	free(a->key);
	free(a->value);
	memmove(a, a + 1, (size_t)(&r->attr[--r->attrs] - a) * sizeof *a);
}

const char *
rec_get(const struct rec *r, const char *key, size_t *len)
{
	const struct rec_attr *a = find(r, key);

	if (a != NULL && len != NULL)
		*len = a->len;
	return a ? a->value : NULL;
}

void
rec_via(struct rec *r, const char *detail)
{
	const char *old = rec_get(r, "via", NULL);
	char text[4096];
	int n;

	n = snprintf(text, sizeof text, "%s%s%s/%s%s%s", old ? old : "",
	    old ? " " : "", prog, opt_version, detail ? "/" : "",
	    detail ? detail : "");
	if (n > 0 && (size_t)n < sizeof text)
		rec_set(r, "via", text, (size_t)n);
}

/*
 * A name END, and one that looks like an END already escaped, gain one "%25"
 * or "%2E"; reading takes it away.  So every name has one member name.
 */
static int
escaped_end(const char *s)
{
	if (strncmp(s, "%2", 2) != 0)
		return 0;
	for (s += 2; strncmp(s, "52", 2) == 0; s += 2)
		;
	return strcmp(s, "Eend") == 0;
}

void
rec_member_name(char out[REC_NAME_MAX + 32], const char *name)
{
	if (strcmp(name, END) == 0)
		strcpy(out, "%2Eend");
	else if (escaped_end(name))
		snprintf(out, REC_NAME_MAX + 32, "%%25%s", name + 1);
	else
		snprintf(out, REC_NAME_MAX + 32, "%s", name);
}

void
rec_record_name(char *name)
{
	if (strcmp(name, "%2Eend") == 0)
		strcpy(name, END);
	else if (escaped_end(name))
		memmove(name + 1, name + 3, strlen(name + 3) + 1);
}

bool
rec_is_stream(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	unsigned sum = 0, want = 0;
	int i;

	if (n < BLOCK)
		return false;
	for (i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : p[i];
	for (i = 148; i < 156 && p[i] == ' '; i++)
		;
	if (p[i] < '0' || p[i] > '7')
		return false;
	for (; i < 156 && p[i] >= '0' && p[i] <= '7'; i++)
		want = want * 8 + (p[i] - '0');
	return sum == want;
}
