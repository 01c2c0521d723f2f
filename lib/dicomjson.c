#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicomjson.h"
#include "dict.h"

struct buffer {
	char *p; /* owned */
	size_t used, size;
};

struct dicomjson {
	const struct ident *q;
	int (*fn)(void *, const void *, size_t, struct why *);
	void *arg;
	enum { BEFORE, FIRST, OBJECT, AFTER, NEXT, OVER } at;
	unsigned depth; /* of brackets within an object */
	bool text, escape;
	struct buffer in, out;
};

static int
malformed(struct why *w)
{
	return why_set(w, EXIT_FEW, "its answer is not DICOM's JSON");
}

static int
add(struct buffer *b, const void *p, size_t n, struct why *w)
{
	size_t size = b->size ? b->size : 4096;
	char *more;

	if (n > IDENT_MAX - b->used)
		return why_set(w, EXIT_FEW, "an answer is too long");
	while (size - b->used < n)
		size *= 2;
	if (size > b->size) {
		if ((more = realloc(b->p, size)) == NULL)
			die(EXIT_IO, "out of memory");
		b->p = more;
		b->size = size;
	}
	memcpy(b->p + b->used, p, n);
	b->used += n;
	return 0;
}

struct dicomjson *
dicomjson_new(const struct ident *q,
    int (*fn)(void *, const void *, size_t, struct why *), void *arg)
{
	struct dicomjson *j = calloc(1, sizeof *j);

	if (j == NULL)
		die(EXIT_IO, "out of memory");
	j->q = q;
	j->fn = fn;
	j->arg = arg;
	return j;
}

void
dicomjson_free(struct dicomjson *j)
{
	if (j == NULL)
		return;
	free(j->in.p);
	free(j->out.p);
	free(j);
}

/* A person's name: its groups become one text with '=' between. */
static int
add_name(struct buffer *b, const json_t *v, struct why *w)
{
	static const char *const group[] = { "Alphabetic", "Ideographic",
		"Phonetic" };
	unsigned i, empty = 0;

	for (i = 0; i < 3; i++) {
		const json_t *s = json_object_get(v, group[i]);

		if (!json_is_string(s)) {
			empty++;
			continue;
		}
		for (; empty > 0 && i > 0; empty--)
			if (add(b, "=", 1, w) < 0)
				return -1;
		empty = 1;
		if (add(b, json_string_value(s), json_string_length(s), w) < 0)
			return -1;
	}
	return 0;
}

static int
add_number(struct buffer *b, uint32_t tag, const json_t *v, struct why *w)
{
	const unsigned vr = dict_vr(tag);
	const json_int_t i = json_integer_value(v);
	const unsigned char le[4] = { (unsigned char)i, (unsigned char)(i >> 8),
		(unsigned char)(i >> 16), (unsigned char)(i >> 24) };
	char text[40];

	if (vr == VR('U', 'S') || vr == VR('S', 'S'))
		return json_is_integer(v) ? add(b, le, 2, w) : 0;
	if (vr == VR('U', 'L') || vr == VR('S', 'L'))
		return json_is_integer(v) ? add(b, le, 4, w) : 0;
	if (ident_is_number(tag))
		return 0;
	if (json_is_integer(v))
		snprintf(text, sizeof text, "%lld", (long long)i);
	else
		snprintf(text, sizeof text, "%.10g", json_real_value(v));
	return add(b, text, strlen(text), w);
}

static int
add_value(struct buffer *b, uint32_t tag, const json_t *v, struct why *w)
{
	if (json_is_number(v))
		return add_number(b, tag, v, w);
	if (ident_is_number(tag))
		return 0;
	if (json_is_string(v))
		return add(b, json_string_value(v), json_string_length(v), w);
	if (json_is_object(v) && dict_vr(tag) == VR('P', 'N'))
		return add_name(b, v, w);
	return 0;
}

/* An element: its head is written once its length is known. */
static int
add_element(struct buffer *b, uint32_t tag, const json_t *values, struct why *w)
{
	const size_t from = b->used;
	unsigned char *p;
	size_t i, n;

	if (add(b, "\0\0\0\0\0\0\0", 8, w) < 0)
		return -1;
	for (i = 0; i < json_array_size(values); i++) {
		if (i > 0 && !ident_is_number(tag) && add(b, "\\", 1, w) < 0)
			return -1;
		if (add_value(b, tag, json_array_get(values, i), w) < 0)
			return -1;
	}
	if (b->used % 2 != 0 &&
	    add(b, dict_vr(tag) == VR('U', 'I') ? "" : " ", 1, w) < 0)
		return -1;
	n = b->used - from - 8;
	p = (unsigned char *)b->p + from;
	for (i = 0; i < 2; i++) {
		p[i] = (unsigned char)(tag >> (16 + 8 * i));
		p[2 + i] = (unsigned char)(tag >> 8 * i);
	}
	for (i = 0; i < 4; i++)
		p[4 + i] = (unsigned char)(n >> 8 * i);
	return 0;
}

static bool
read_tag(uint32_t *tag, const char *key)
{
	if (strlen(key) != 8 || strspn(key, "0123456789abcdefABCDEF") != 8)
		return false;
	*tag = (uint32_t)strtoul(key, NULL, 16);
	return TAG_GROUP(*tag) >= 8 && TAG_GROUP(*tag) < 0x7fe0 &&
	       *tag != 0x00080005 && dict_vr(*tag) != 0 &&
	       dict_vr(*tag) != VR('S', 'Q');
}

/* One object is whole. */
static int
answer(struct dicomjson *j, struct why *w)
{
	static const unsigned char utf8[] = "\x08\0\x05\0\x0a\0\0\0ISO_IR 192";
	json_t *o =
	    json_loadb(j->in.p, j->in.used, JSON_REJECT_DUPLICATES, NULL);
	const char *key;
	json_t *v;
	uint32_t tag;
	int got;

	if (o == NULL)
		return malformed(w);
	j->out.used = 0;
	got = add(&j->out, utf8, sizeof utf8 - 1, w);
	json_object_foreach(o, key, v)
	{
		if (got < 0)
			break;
		if (read_tag(&tag, key) && json_is_object(v) &&
		    ident_get(j->q, tag) != NULL)
			got = add_element(
			    &j->out, tag, json_object_get(v, "Value"), w);
	}
	json_decref(o);
	return got < 0 ? -1 : j->fn(j->arg, j->out.p, j->out.used, w);
}

/* How many bytes at p belong to the object; it ends if depth becomes 0. */
static size_t
within(struct dicomjson *j, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const char c = p[i];

		if (j->text) {
			if (j->escape)
				j->escape = false;
			else if (c == '\\')
				j->escape = true;
			else if (c == '"')
				j->text = false;
		} else if (c == '"') {
			j->text = true;
		} else if (c == '{' || c == '[') {
			j->depth++;
		} else if ((c == '}' || c == ']') && --j->depth == 0) {
			return i + 1;
		}
	}
	return n;
}

/* A byte between objects. */
static int
between(struct dicomjson *j, char c, struct why *w)
{
	if (strchr(" \t\r\n", c) != NULL && c != '\0')
		return 0;
	if (j->at == BEFORE && c == '[')
		j->at = FIRST;
	else if ((j->at == FIRST || j->at == AFTER) && c == ']')
		j->at = OVER;
	else if (j->at == AFTER && c == ',')
		j->at = NEXT;
	else
		return malformed(w);
	return 0;
}

int
dicomjson_feed(struct dicomjson *j, const void *data, size_t n, struct why *w)
{
	const char *p = data, *const end = p + n;

	while (p < end) {
		if (j->at != OBJECT) {
			if (*p == '{' && (j->at == FIRST || j->at == NEXT)) {
				j->at = OBJECT;
				j->in.used = 0;
				j->depth = 0;
			} else if (between(j, *p++, w) < 0) {
				return -1;
			}
			continue;
		}
		n = within(j, p, (size_t)(end - p));
		if (add(&j->in, p, n, w) < 0)
			return -1;
		p += n;
		if (j->depth > 0)
			continue;
		j->at = AFTER;
		if (answer(j, w) < 0)
			return -1;
	}
	return 0;
}

int
dicomjson_end(const struct dicomjson *j, struct why *w)
{
	if (j->at == OVER)
		return 0;
	return why_set(w, EXIT_FEW, "its answer was cut");
}
