#include <stdlib.h>
#include <string.h>

#include "haul.h"
#include "pacs.h"
#include "query.h"

struct haul {
	const struct haul_conf *c;
	struct dimse *d;
	struct dicomweb *web;
	struct intake_way way;
	char *class[DIMSE_CONTEXTS]; /* owned: that the association can take */
	int classes;
	char *name[DIMSE_CONTEXTS]; /* owned: what is proposed */
	int names;
};

static void *
need(void *p)
{
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

struct haul *
haul_new(const struct haul_conf *c, struct intake *in)
{
	struct haul *h = need(calloc(1, sizeof *h));

	h->c = c;
	intake_way_init(&h->way, in);
	return h;
}

static void
forget(struct haul *h)
{
	while (h->names > 0)
		free(h->name[--h->names]);
	while (h->classes > 0)
		free(h->class[--h->classes]);
}

void
haul_free(struct haul *h)
{
	haul_close(h, true);
	intake_way_free(&h->way);
	forget(h);
	free(h);
}

bool
haul_is_open(const struct haul *h)
{
	return h->d != NULL || h->web != NULL;
}

void
haul_close(struct haul *h, bool clean)
{
	dicomweb_close(h->web);
	h->web = NULL;
	if (h->d == NULL)
		return;
	if (clean)
		dimse_end(h->d);
	else
		dimse_abort(h->d);
	h->d = NULL;
}

/* Propose every syntax of a class, or of each in a list; false: no room. */
static bool
propose(struct haul *h, struct dimse_context *c, int *used, const char *list)
{
	const int before = *used;
	char *text = need(strdup(list)), *p, *save = NULL;
	const char *const *syntax;
	int n;

	for (p = strtok_r(text, "\\", &save); p;
	     p = strtok_r(NULL, "\\", &save)) {
		syntax = pacs_syntaxes(p, &n);
		if (*used + n > DIMSE_CONTEXTS || h->names == DIMSE_CONTEXTS) {
			*used = before;
			free(text);
			return false;
		}
		h->name[h->names] = need(strdup(p));
		for (; n > 0; n--)
			c[(*used)++] =
			    (struct dimse_context){ h->name[h->names], syntax++,
				    1, true };
		h->names++;
	}
	free(text);
	return true;
}

/*
 * What to propose: the query model, then the class at hand, then others, while
 * there is room.  Returns how many contexts.
 */
static int
contexts(struct haul *h, struct dimse_context *c, const char *wanted,
    const char *const *others, int n)
{
	static const char *const implicit[] = { PACS_IMPLICIT };
	int used = 0, i;

	forget(h);
	c[used++] =
	    (struct dimse_context){ h->c->destination ? PACS_MOVE : PACS_GET,
		    implicit, 1, false };
	if (h->c->destination)
		return used;
	for (i = -1; i < n && h->classes < DIMSE_CONTEXTS; i++) {
		const char *class = i < 0 ? wanted : others[i];

		if (i >= 0 && strcmp(class, wanted) == 0)
			continue;
		if (!propose(h, c, &used, class))
			break;
		h->class[h->classes++] = need(strdup(class));
	}
	return used;
}

int
haul_open(struct haul *h, const char *sop_class, const char *const *others,
    int n, struct why *w)
{
	struct dimse_context c[DIMSE_CONTEXTS];
	int i;

	if (h->c->web) {
		if (h->web == NULL)
			h->web = dicomweb_open(h->c->web);
		return 0;
	}
	if (h->d != NULL) {
		if (h->c->destination)
			return 0;
		for (i = 0; i < h->classes; i++)
			if (strcmp(h->class[i], sop_class) == 0)
				return 0;
		haul_close(h, true);
	}
	h->d =
	    dimse_open(h->c->net, c, contexts(h, c, sop_class, others, n), w);
	return h->d == NULL ? -1 : 0;
}

/*
 * By DICOMweb each object is asked for on its own.  Of those that do not come
 * the last status is said; the others are asked for even so, unless the server
 * has too much to do.
 */
static int
by_web(struct haul *h, const struct ident *q, unsigned *status, struct why *w)
{
	char *list = need(strdup(ident_get(q, TAG_SOP))), *p, *save = NULL;
	unsigned one;
	int got = 0;

	*status = DIMSG_SUCCESS;
	for (p = strtok_r(list, "\\", &save);
	     p && got == 0 && !dicomweb_busy(*status);
	     p = strtok_r(NULL, "\\", &save)) {
		got = dicomweb_fetch(h->web, ident_get(q, TAG_STUDY),
		    ident_get(q, TAG_SERIES), p, &h->way, &one, w);
		if (got == 0 && one != DIMSG_SUCCESS)
			*status = one;
	}
	free(list);
	if (got < 0 && (w->code == EXIT_DENIED ||
			   (w->code == EXIT_FEW && !dicomweb_heard(h->web))))
		return HAUL_NOBODY;
	return got;
}

int
haul_get(struct haul *h, const struct ident *q, unsigned *status, struct why *w)
{
	if (h->web)
		return by_web(h, q, status, w);
	return pacs_fetch(h->d, q, h->c->destination, &h->way, status, w);
}
