#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

static const struct store_kind *const kinds[] = { &store_sqlite, &store_https };

/* What a store says of itself is its name and then why. */
static int
named(unsigned x, const char *url, struct why *w)
{
	char text[sizeof w->text];
	size_t n = strlen(url);
	const char *why = w->text;

	memcpy(text, w->text, sizeof text);
	why = text;
	if (strncmp(why, url, n) == 0 && strncmp(why + n, ": ", 2) == 0)
		why += n + 2;
	return why_set(w, w->code, "store %u (%s): %s", x, url, why);
}

struct store *
store_open(
    unsigned x, const char *url, const char *pin, bool create, struct why *w)
{
	struct store *s = NULL;
	char *copy = strdup(url), *name = malloc(strlen(url) + 32);
	size_t i, n;

	if (copy == NULL || name == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		goto fail;
	}
	sprintf(name, "store %u (%s)", x, url);
	why_set(w, EXIT_USAGE, "no such kind of store");
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		n = strlen(kinds[i]->scheme);
		if (strncmp(url, kinds[i]->scheme, n) == 0 && url[n] == ':') {
			s = kinds[i]->open(x, copy, pin, create, w);
			break;
		}
	}
	if (s == NULL) {
		named(x, url, w);
		goto fail;
	}
	s->kind = kinds[i];
	s->x = x;
	s->url = copy;
	s->name = name;
	return s;
fail:
	free(copy);
	free(name);
	return NULL;
}

void
store_close(struct store *s)
{
	char *url, *name;

	if (s == NULL)
		return;
	url = s->url;
	name = s->name;
	s->kind->close(s);
	free(url);
	free(name);
}

void
store_cancel(struct store *s)
{
	if (s->kind->cancel != NULL)
		s->kind->cancel(s);
}

const char *
store_name(const struct store *s)
{
	return s->name;
}

unsigned
store_x(const struct store *s)
{
	return s->x;
}

bool
store_far(const struct store *s)
{
	return s->kind->far;
}

int
store_put(struct store *s, const struct share *const *share, unsigned n,
    const char *owner, const char *group, enum store_put *result, struct why *w)
{
	if (s->kind->put(s, share, n, owner, group, result, w) < 0)
		return named(s->x, s->url, w);
	return 0;
}

int
store_undo(struct store *s, const char *const *guid, unsigned n, struct why *w)
{
	if (s->kind->undo(s, guid, n, w) < 0)
		return named(s->x, s->url, w);
	return 0;
}

int
store_get_epoch(struct store *s, const char *const *guid, const uint64_t *e,
    unsigned n, struct share *out, enum store_found *found, unsigned stride,
    struct why *w)
{
	const struct share *got;
	unsigned i;

	if (s->kind->get(s, guid, e, n, out, found, stride, w) < 0)
		return named(s->x, s->url, w);
	/* No store speaks for another one, nor of another key. */
	for (i = 0; i < n; i++) {
		got = &out[i * stride];
		if (found[i * stride] != STORE_FOUND ||
		    (got->x == s->x && strcmp(got->guid, guid[i]) == 0 &&
			(e == NULL || got->e == e[i])))
			continue;
		share_drop(&out[i * stride]);
		found[i * stride] = STORE_DAMAGED;
	}
	return 0;
}

int
store_get(struct store *s, const char *const *guid, unsigned n,
    struct share *out, enum store_found *found, unsigned stride, struct why *w)
{
	return store_get_epoch(s, guid, NULL, n, out, found, stride, w);
}

int
store_remove(struct store *s, const char *const *guid, unsigned n,
    enum store_gone *gone, struct why *w)
{
	unsigned i;

	if (s->kind->remove(s, guid, n, gone, NULL, w) < 0)
		return named(s->x, s->url, w);
	for (i = 0; i < n; i++)
		if (gone[i] == STORE_NEVER)
			gone[i] = STORE_GONE;
	return 0;
}

int
store_shred(struct store *s, const char *const *guid, unsigned n,
    enum store_gone *gone, struct store_receipt *receipt, struct why *w)
{
	if (s->kind->remove(s, guid, n, gone, receipt, w) < 0)
		return named(s->x, s->url, w);
	return 0;
}

int
store_list(struct store *s, const char *after, struct store_item *item,
    unsigned max, unsigned *got, struct why *w)
{
	if (s->kind->list(s, after, item, max, got, w) < 0)
		return named(s->x, s->url, w);
	return 0;
}

int
store_call(struct store *s, const struct store_call *c, struct why *w)
{
	if (s->kind->call(s, c, w) < 0)
		return named(s->x, s->url, w);
	return 0;
}

struct asking {
	const struct line *line;
	struct line *answer;
};

static void
copy_fields(void *arg, unsigned i, struct line *l)
{
	const struct line *from = &((struct asking *)arg)->line[i];
	int f;

	for (f = 0; f < from->fields; f++)
		line_add_word(l, from->field[f].key, from->field[f].word);
}

static int
copy_answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	(void)error;
	(void)again;
	(void)w;
	line_copy(&((struct asking *)arg)->answer[i], l);
	return 0;
}

int
store_ask(struct store *s, const char *op, const struct line *line, unsigned n,
    struct line *answer, struct why *w)
{
	struct asking a = { line, answer };
	const char **name = calloc(n + 1, sizeof *name);
	struct store_call c = { .op = op,
		.name = name,
		.n = n,
		.fields = copy_fields,
		.answer = copy_answer,
		.arg = &a };
	unsigned i;
	int r;

	if (name == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++)
		name[i] = line[i].name;
	r = store_call(s, &c, w);
	free(name);
	return r;
}

int
store_about(struct store *s, const struct store_about *about, struct why *w)
{
	if (s->kind->about != NULL && s->kind->about(s, about, w) < 0)
		return named(s->x, s->url, w);
	return 0;
}
