#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "text.h"

void
text_free(struct text *t)
{
	free(t->chars);
	free(t->out);
	free(t->folded);
	free(t->token);
	free(t->written);
	memset(t, 0, sizeof *t);
}

static void *
array(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n, size);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

static void
room_for(struct text *t, size_t n)
{
	if (n <= t->room && t->chars != NULL)
		return;
	t->room = n + n / 2 + 256;
	t->chars = array(t->chars, t->room, sizeof *t->chars);
	t->out = array(t->out, t->room, 1);
	/* A character may fold into two. */
	t->folded = array(t->folded, 2 * t->room, sizeof *t->folded);
	t->token = array(t->token, t->room, sizeof *t->token);
}

void
text_read(struct text *t, const struct charset *c, const void *bytes, size_t n)
{
	struct text_token *k = NULL;
	size_t i;

	room_for(t, n);
	t->bytes = bytes;
	t->size = n;
	t->count = charset_decode(c, bytes, n, t->chars);
	t->tokens = t->folded_len = 0;
	t->any = false;
	memset(t->out, 0, t->count);
	for (i = 0; i < t->count; i++) {
		uint32_t code = t->chars[i].code, f[2];
		enum charset_class class;
		int m;

		if (code == 0 && t->chars[i].len > 1)
			continue; /* an escape is part of no word */
		m = charset_fold(code, f);
		if (m == 0 && k != NULL)
			k->end = (uint32_t)i + 1;
		if (m == 0)
			continue;
		class = charset_class(*f);
		if (class == CHARSET_OTHER) {
			k = NULL;
			continue;
		}
		if (k == NULL || class == CHARSET_WORD || class != k->class) {
			k = &t->token[t->tokens++];
			k->first = (uint32_t)i;
			k->at = (uint32_t)t->folded_len;
			k->len = 0;
			k->class = (unsigned char)class;
			k->taken = false;
		}
		k->end = (uint32_t)i + 1;
		k->len += (uint32_t)m;
		memcpy(t->folded + t->folded_len, f, (size_t)m * sizeof *f);
		t->folded_len += (size_t)m;
	}
}

void
text_take(struct text *t, size_t first, size_t end)
{
	size_t i;

	for (i = first; i < end; i++)
		t->token[i].taken = true;
	if (first < end)
		memset(t->out + t->token[first].first, 1,
		    t->token[end - 1].end - t->token[first].first);
	t->any |= first < end;
}

void
text_take_chars(struct text *t, size_t first, size_t end)
{
	size_t lo = 0, hi = t->tokens;

	while (lo < hi) { /* the first token that ends after first */
		size_t mid = (lo + hi) / 2;

		if (t->token[mid].end > first)
			hi = mid;
		else
			lo = mid + 1;
	}
	for (; lo < t->tokens && t->token[lo].first < end; lo++)
		t->token[lo].taken = true;
	memset(t->out + first, 1, end - first);
	t->any |= first < end;
}

/* Is all between two tokens that are taken out no more than their glue? */
static void
join(struct text *t)
{
	size_t i, k;

	for (k = 1; k < t->tokens; k++) {
		const struct text_token *a = &t->token[k - 1], *b = a + 1;

		if (!a->taken || !b->taken || b->first - a->end > 3)
			continue;
		for (i = a->end; i < b->first; i++)
			if (text_ascii(t, i) == 0 ||
			    strchr(" ^.-_'=/", text_ascii(t, i)) == NULL)
				break;
		if (i == b->first)
			memset(t->out + a->end, 1, b->first - a->end);
	}
}

const void *
text_write(struct text *t, char fill, size_t *n)
{
	unsigned char *o;
	bool before = false, seen = false;
	size_t i;

	join(t);
	if (t->written_room < t->size + 1) {
		t->written_room = t->size + t->size / 2 + 256;
		t->written = array(t->written, t->written_room, 1);
	}
	o = t->written;
	for (i = 0; i < t->count; i++) {
		const struct charset_char *c = &t->chars[i];
		bool escape = c->code == 0 && c->len > 1;

		if (t->out[i] && !escape) {
			if (!before && fill != 0 && c->ascii)
				*o++ = (unsigned char)fill;
			seen |= !before && fill != 0 && c->ascii;
			before = true;
			continue;
		}
		memcpy(o, t->bytes + c->at, c->len);
		o += c->len;
		if (!escape)
			before = false;
		seen |= !escape;
	}
	if (!seen) { /* nothing but escapes */
		o = t->written;
		if (fill != 0)
			*o++ = (unsigned char)fill;
	}
	*n = (size_t)(o - t->written);
	return t->written;
}

char
text_ascii(const struct text *t, size_t i)
{
	uint32_t code = i < t->count ? t->chars[i].code : 0;

	return code < 0x80 ? (char)code : 0;
}

bool
text_is(const struct text *t, size_t k, const char *word)
{
	const struct text_token *x = &t->token[k];
	size_t i;

	for (i = 0; i < x->len; i++)
		if (word[i] == '\0' ||
		    t->folded[x->at + i] != (unsigned char)word[i])
			return false;
	return word[i] == '\0';
}
