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
store_get(struct store *s, const char *const *guid, unsigned n,
    struct share *out, enum store_found *found, unsigned stride, struct why *w)
{
	unsigned i;

	if (s->kind->get(s, guid, n, out, found, stride, w) < 0)
		return named(s->x, s->url, w);
	/* No store speaks for another one, nor of another key. */
	for (i = 0; i < n; i++)
		if (found[i * stride] == STORE_FOUND &&
		    (out[i * stride].x != s->x ||
			strcmp(out[i * stride].guid, guid[i]) != 0)) {
			share_drop(&out[i * stride]);
			found[i * stride] = STORE_DAMAGED;
		}
	return 0;
}

int
store_remove(struct store *s, const char *const *guid, unsigned n,
    enum store_gone *gone, struct why *w)
{
	if (s->kind->remove(s, guid, n, gone, w) < 0)
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
store_ask(struct store *s, const char *op, const struct line *line, unsigned n,
    struct line *answer, struct why *w)
{
	if (s->kind->ask(s, op, line, n, answer, w) < 0)
		return named(s->x, s->url, w);
	return 0;
}

int
store_about(struct store *s, const struct store_about *about, struct why *w)
{
	if (s->kind->about != NULL && s->kind->about(s, about, w) < 0)
		return named(s->x, s->url, w);
	return 0;
}
