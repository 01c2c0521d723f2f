#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dict.h"
#include "ident.h"
#include "walk.h"

#define CHARACTER_SET 0x00080005u

static void *
need(void *p)
{
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

void
ident_init(struct ident *q)
{
	q->keys = 0;
}

void
ident_free(struct ident *q)
{
	while (q->keys > 0)
		free(q->key[--q->keys].value);
}

void
ident_copy(struct ident *to, const struct ident *from)
{
	int i;

	for (i = 0; i < from->keys; i++) {
		to->key[i].tag = from->key[i].tag;
		to->key[i].value = need(strdup(from->key[i].value));
	}
	to->keys = from->keys;
}

int
ident_set(struct ident *q, uint32_t tag, const char *value, struct why *w)
{
	int i;

	if (strlen(value) > IDENT_VALUE)
		return why_set(w, EXIT_DATA,
		    "(%04x,%04x): too long for a query", tag >> 16,
		    tag & 0xffff);
	for (i = 0; i < q->keys && q->key[i].tag < tag; i++)
		;
	if (i < q->keys && q->key[i].tag == tag) {
		free(q->key[i].value);
	} else {
		if (q->keys == IDENT_KEYS)
			return why_set(
			    w, EXIT_DATA, "too many keys in a query");
		memmove(q->key + i + 1, q->key + i,
		    (size_t)(q->keys++ - i) * sizeof *q->key);
		q->key[i].tag = tag;
	}
	q->key[i].value = need(strdup(value));
	return 0;
}

const char *
ident_get(const struct ident *q, uint32_t tag)
{
	int i;

	for (i = 0; i < q->keys; i++)
		if (q->key[i].tag == tag)
			return q->key[i].value;
	return NULL;
}

static bool
is_ascii(const struct ident *q)
{
	const char *p;
	int i;

	for (i = 0; i < q->keys; i++)
		for (p = q->key[i].value; *p; p++)
			if ((unsigned char)*p >= 0x80)
				return false;
	return true;
}

static size_t
put(unsigned char *p, uint32_t tag, const char *value)
{
	const size_t n = strlen(value), even = n + n % 2;
	const unsigned char head[8] = { (unsigned char)(tag >> 16),
		(unsigned char)(tag >> 24), (unsigned char)tag,
		(unsigned char)(tag >> 8), (unsigned char)even,
		(unsigned char)(even >> 8) };

	memcpy(p, head, sizeof head);
	memcpy(p + sizeof head, value, n);
	if (n % 2 != 0)
		p[sizeof head + n] = dict_vr(tag) == VR('U', 'I') ? '\0' : ' ';
	return sizeof head + even;
}

unsigned char *
ident_encode(const struct ident *q, size_t *n)
{
	const bool ascii = is_ascii(q);
	bool said = ascii;
	size_t size = 64;
	unsigned char *p;
	int i;

	for (i = 0; i < q->keys; i++)
		size += strlen(q->key[i].value) + 16;
	p = need(malloc(size));
	*n = 0;
	for (i = 0; i < q->keys; i++) {
		if (!said && q->key[i].tag >= CHARACTER_SET) {
			*n += put(p + *n, CHARACTER_SET, "ISO_IR 192");
			said = true;
			if (q->key[i].tag == CHARACTER_SET)
				continue;
		}
		*n += put(p + *n, q->key[i].tag, q->key[i].value);
	}
	return p;
}

bool
ident_is_uid(const char *text, size_t n)
{
	size_t i;

	if (n == 0 || n > 64)
		return false;
	for (i = 0; i < n; i++)
		if (text[i] != '.' && (text[i] < '0' || text[i] > '9'))
			return false;
	return true;
}

bool
ident_is_number(uint32_t tag)
{
	switch (dict_vr(tag)) {
	case VR('U', 'S'):
	case VR('S', 'S'):
	case VR('U', 'L'):
	case VR('S', 'L'):
	case VR('F', 'L'):
	case VR('F', 'D'):
	case VR('A', 'T'):
		return true;
	}
	return false;
}

int
ident_each(const void *p, size_t n,
    void (*fn)(void *, uint32_t, const char *, size_t), void *arg,
    struct why *w)
{
	struct walk k;
	int got;

	walk_begin(&k, WALK_IMPLICIT, 0);
	while ((got = walk_next(&k, p, n, true, w)) == WALK_ELEMENT) {
		const char *v = (const char *)p + k.value;
		size_t len = k.size;

		if (k.size == WALK_UNDEFINED || dict_vr(k.tag) == VR('S', 'Q'))
			continue;
		if (!ident_is_number(k.tag)) {
			while (len > 0 &&
			       (v[len - 1] == ' ' || v[len - 1] == '\0'))
				len--;
			while (len > 0 && *v == ' ')
				v++, len--;
		}
		fn(arg, k.tag, v, len);
	}
	if (got == WALK_END)
		return 0;
	return got < 0 ? -1
		       : why_set(w, EXIT_DATA, "an answer has pixels in it");
}
