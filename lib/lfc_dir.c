#include "lfc_dir.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEPT 5    /* s */
#define MOST 2000 /* entries; of a larger directory each name is asked for */
#define DIRS 8    /* known at once: series may come mixed */

struct known {
	struct line what; /* its NAME is the directory's; or "-" */
	time_t asked;
	enum { MISSING, KNOWN, ALONE } is;
	bool unseen; /* it may not be listed */
	char *text;  /* its entries' lines */
	char **line; /* sorted by the last component of their names */
	size_t n, len, size;
};

struct lfc_dir {
	struct lfc *l;
	struct known known[DIRS];
	unsigned next; /* to be forgotten */
};

struct lfc_dir *
lfc_dir_new(struct lfc *l)
{
	struct lfc_dir *d = calloc(1, sizeof *d);
	int i;

	if (d == NULL)
		die(EXIT_IO, "out of memory");
	d->l = l;
	for (i = 0; i < DIRS; i++) {
		line_init(&d->known[i].what, false);
		line_set_name_word(&d->known[i].what, "-");
	}
	return d;
}

void
lfc_dir_free(struct lfc_dir *d)
{
	int i;

	if (d == NULL)
		return;
	for (i = 0; i < DIRS; i++) {
		line_free(&d->known[i].what);
		free(d->known[i].line);
		free(d->known[i].text);
	}
	free(d);
}

/* The last component of the word of an LFN, and its length. */
static const char *
last_of(const char *line, size_t *n)
{
	const char *end = line + strcspn(line, "\t\n"), *p = end;

	while (p > line && p[-1] != '/')
		p--;
	*n = (size_t)(end - p);
	return p;
}

static int
compare(const void *a, const void *b)
{
	size_t n, k;
	const char *p = last_of(*(char *const *)a, &n),
		   *q = last_of(*(char *const *)b, &k);
	int order = memcmp(p, q, n < k ? n : k);

	return order != 0 ? order : (n > k) - (n < k);
}

/* Lines of the list; beyond MOST they are only counted. */
static int
take(void *arg, const char *text, size_t n, struct why *w)
{
	struct known *d = arg;
	const char *p;
	char *more;

	(void)w;
	for (p = text; p < text + n && d->n <= MOST; d->n++)
		p = (const char *)rawmemchr(p, '\n') + 1;
	if (d->n > MOST)
		return 0;
	if (d->len + n > d->size) {
		if ((more = realloc(d->text, 2 * (d->len + n))) == NULL)
			die(EXIT_IO, "out of memory");
		d->text = more;
		d->size = 2 * (d->len + n);
	}
	memcpy(d->text + d->len, text, n);
	d->len += n;
	return 0;
}

static void
unseen(void *arg, const char *name, const struct why *why)
{
	(void)name, (void)why;
	((struct known *)arg)->unseen = true;
}

/* Ask for the directory: 0, or -1 if the catalogue failed. */
static int
ask(struct lfc *l, struct known *d, struct why *w)
{
	struct lfc_sink sink = { take, unseen, d };
	char *p, *end, *tab;
	int got;

	d->n = d->len = 0;
	d->unseen = false;
	d->asked = time(NULL);
	got = lfc_list(l, "ls", &d->what, &sink, w);
	if (got < 0)
		return -1;
	if (got == 0 && lfc_missing(w))
		d->is = MISSING;
	else
		d->is = got > 0 && d->n <= MOST && !d->unseen ? KNOWN : ALONE;
	if (d->is != KNOWN)
		return 0;
	if (d->line == NULL &&
	    (d->line = calloc(MOST, sizeof *d->line)) == NULL)
		die(EXIT_IO, "out of memory");
	d->n = 0;
	for (p = d->text, end = p + d->len; p < end;
	     p = (char *)rawmemchr(p, '\n') + 1) {
		/* what is said of the directory itself is no entry */
		tab = strpbrk(p, "\t\n");
		if (strncmp(tab, "\topen=", 6) != 0)
			d->line[d->n++] = p;
	}
	qsort(d->line, d->n, sizeof *d->line, compare);
	return 0;
}

/* What is known of the directory of n bytes of name; NULL with *w. */
static struct known *
directory(struct lfc_dir *d, const char *name, size_t n, struct why *w)
{
	time_t now = time(NULL);
	struct known *k;
	char *copy;
	int i;

	for (i = 0; i < DIRS; i++) {
		k = &d->known[i];
		if (strlen(k->what.name) == n &&
		    memcmp(k->what.name, name, n) == 0)
			break;
	}
	if (i == DIRS)
		k = &d->known[d->next++ % DIRS];
	else if (now >= k->asked && now - k->asked <= KEPT)
		return k;
	if ((copy = strndup(name, n)) == NULL)
		die(EXIT_IO, "out of memory");
	line_set_name_word(&k->what, copy);
	free(copy);
	return ask(d->l, k, w) < 0 ? NULL : k;
}

int
lfc_dir_stat(
    struct lfc_dir *d, const struct line *in, struct line *out, struct why *w)
{
	size_t n, len;
	char *name = in->name, **found;
	const char *last = last_of(name, &n), *wrong;
	struct known *k;

	len = last - name > 1 ? (size_t)(last - name) - 1 : 1;
	if ((k = directory(d, name, len, w)) == NULL)
		return -1;
	if (k->is == ALONE)
		return lfc_one(d->l, "stat", in, out, w);
	found = k->is == KNOWN && k->n > 0
		    ? bsearch(&name, k->line, k->n, sizeof *k->line, compare)
		    : NULL;
	if (found == NULL)
		return why_set(w, EXIT_NO, LFC_NO_ENTRY) + 1;
	n = (size_t)((char *)rawmemchr(*found, '\n') + 1 - *found);
	if ((wrong = line_parse(out, *found, n)) != NULL)
		return why_set(w, EXIT_DATA, "the list: %s", wrong);
	return 1;
}
