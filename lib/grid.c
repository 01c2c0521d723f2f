#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grid_impl.h"
#include "opt.h"
#include "retry.h"
#include "secret.h"
#include "word.h"

static const struct grid_kind *const kinds[] = { &grid_file, &grid_https,
	&grid_gfal };

/* How long the first URL of a list is. */
static size_t
url_length(const char *s)
{
	size_t n = 0, blanks, scheme;

	for (;;) {
		n += strcspn(s + n, " ");
		blanks = strspn(s + n, " ");
		scheme = strspn(s + n + blanks, "abcdefghijklmnopqrstuvwxyz");
		if (s[n + blanks] == '\0' ||
		    (scheme > 0 && s[n + blanks + scheme] == ':'))
			return n;
		n += blanks;
	}
}

static const struct opt_list *
own_list(void)
{
	static const char *own;
	static struct opt_list list;
	const char *s = getenv("MDM_STORAGE");
	char *url;
	size_t n;

	if (list.n > 0)
		return &list;
	s += s != NULL ? strspn(s, " ") : 0;
	if (s == NULL || *s == '\0') {
		if (asprintf(&url, "file:%s/storage", opt_home()) < 0)
			die(EXIT_IO, "out of memory");
		own = url;
		list.v = &own;
		list.n = 1;
		return &list;
	}
	if ((list.v = calloc(strlen(s), sizeof *list.v)) == NULL)
		die(EXIT_IO, "out of memory");
	for (; *s != '\0'; s += strspn(s, " ")) {
		n = url_length(s);
		if ((url = strndup(s, n)) == NULL)
			die(EXIT_IO, "out of memory");
		list.v[list.n++] = url;
		s += n;
	}
	return &list;
}

const char *
grid_default(const char *option)
{
	return option != NULL && *option != '\0' ? option : own_list()->v[0];
}

const struct opt_list *
grid_defaults(const struct opt_list *named)
{
	return named->n > 0 ? named : own_list();
}

static const struct grid_kind *
kind_of(const char *url)
{
	size_t i, n = strcspn(url, ":");
	const char *const *s;

	for (i = 0; url[n] == ':' && i < sizeof kinds / sizeof *kinds; i++)
		for (s = kinds[i]->schemes; *s != NULL; s++)
			if (strlen(*s) == n && strncmp(url, *s, n) == 0)
				return kinds[i];
	return NULL;
}

struct grid *
grid_open(const char *url, bool create, struct why *w)
{
	const struct grid_kind *kind = kind_of(url);

	if (kind == NULL) {
		why_set(w, EXIT_USAGE, "%.200s: no such kind of storage", url);
		return NULL;
	}
	return kind->open(url, create, w);
}

void
grid_close(struct grid *g)
{
	if (g != NULL)
		g->kind->close(g);
}

const char *
grid_url(const struct grid *g)
{
	return g->url;
}

bool
grid_far(const struct grid *g)
{
	return g->kind->far;
}

const char *
grid_path(const struct grid *g, const char *surl)
{
	return g->kind->path(g, surl);
}

static bool
is_guid(const char *s)
{
	return strlen(s) == GRID_GUID - 1 &&
	       strspn(s, "0123456789abcdef") == GRID_GUID - 1;
}

int
grid_object(const char *guid, char path[GRID_PATH], struct why *w)
{
	if (!is_guid(guid))
		return why_set(w, EXIT_DATA, "its guid is not one");
	snprintf(path, GRID_PATH, "%.2s/%s", guid, guid);
	return 0;
}

/* What a dead run left never stands in the way. */
void
grid_incoming(char tmp[GRID_PATH], const char *path)
{
	const char *name = strrchr(path, '/');
	unsigned char raw[8];
	char text[17];

	secret_random(raw, sizeof raw);
	hex_encode(text, raw, sizeof raw);
	snprintf(tmp, GRID_PATH, GRID_INCOMING_DIR "/%.80s.%s",
	    name ? name + 1 : path, text);
}

/* A path that we may put to: components of harmless bytes, none of dots. */
static int
harmless(const char *path, struct why *w)
{
	static const char some[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const char *p = path;
	size_t n;

	do {
		n = strspn(p, some);
		if (n == 0 || (p[n] != '\0' && p[n] != '/') ||
		    strspn(p, ".") == n)
			return why_set(
			    w, EXIT_DENIED, "not a name for a storage");
		p += n;
	} while (*p++ == '/');
	return strlen(path) < GRID_PATH
		   ? 0
		   : why_set(w, EXIT_DENIED, "too long a name for a storage");
}

struct grid_put *
grid_put_begin(struct grid *g, const char *path, long long size, struct why *w)
{
	struct grid_put *p;

	if (harmless(path, w) < 0 ||
	    (p = g->kind->put_begin(g, path, size, w)) == NULL)
		return NULL;
	p->g = g;
	snprintf(p->path, sizeof p->path, "%s", path);
	return p;
}

int
grid_put_write(struct grid_put *p, const void *b, size_t n, struct why *w)
{
	return p->g->kind->put_write(p, b, n, w);
}

int
grid_put_sent(struct grid_put *p, struct why *w)
{
	return p->g->kind->put_sent ? p->g->kind->put_sent(p, w) : 0;
}

static int
surl_of(
    const struct grid *g, const char *path, char surl[GRID_SURL], struct why *w)
{
	if (snprintf(surl, GRID_SURL, "%s/%s", g->url, path) >= GRID_SURL)
		return why_set(w, EXIT_IO, "%.200s: too long", g->url);
	return 0;
}

int
grid_put_done(struct grid_put *p, const struct sums_text *sums,
    unsigned long long size, char surl[GRID_SURL], struct why *w)
{
	struct grid *g = p->g;
	char path[GRID_PATH];

	memcpy(path, p->path, sizeof path);
	if (g->kind->put_done(p, sums, size, w) < 0)
		return -1;
	return surl_of(g, path, surl, w);
}

void
grid_put_void(struct grid_put *p)
{
	if (p != NULL)
		p->g->kind->put_void(p);
}

int
grid_sync(struct grid *g, struct why *w)
{
	return g->kind->sync ? g->kind->sync(g, w) : 0;
}

struct grid_get *
grid_get_open(struct grid *g, const char *path, unsigned long long first,
    long long count, unsigned long long *size, struct why *w)
{
	struct grid_get *r = g->kind->get_open(g, path, first, count, size, w);

	if (r != NULL)
		r->g = g;
	return r;
}

long
grid_get_read(struct grid_get *r, void *b, size_t n, struct why *w)
{
	return r->g->kind->get_read(r, b, n, w);
}

void
grid_get_close(struct grid_get *r)
{
	if (r != NULL)
		r->g->kind->get_close(r);
}

int
grid_stat(struct grid *g, const char *path, unsigned long long *size,
    long long *mtime, struct why *w)
{
	struct retry r = { 0 };
	int got;

	do
		got = g->kind->stat(g, path, size, mtime, w);
	while (got < 0 && retry_wait(&r, w));
	return got;
}

int
grid_about(
    struct grid *g, const char *path, struct grid_about *a, struct why *w)
{
	struct retry r = { 0 };
	int got;

	do {
		memset(a, 0, sizeof *a);
		got = g->kind->about(g, path, a, w);
	} while (got < 0 && retry_wait(&r, w));
	return got;
}

int
grid_remove(struct grid *g, const char *path, struct why *w)
{
	struct retry r = { 0 };
	int got;

	do
		got = g->kind->remove(g, path, w);
	while (got < 0 && retry_wait(&r, w));
	/* It may have been the try before that removed it. */
	return got == 0 && r.tries > 0 ? 1 : got;
}

int
grid_move(struct grid *g, const char *path, const char *to, struct why *w)
{
	return harmless(to, w) < 0 ? -1 : g->kind->move(g, path, to, w);
}

int
grid_fetch(struct grid *g, const char *surl, const char *path,
    const char *adler32, unsigned long long size, char at[GRID_SURL],
    struct why *w)
{
	int got;

	if (g->kind->fetch == NULL)
		return 0;
	if (harmless(path, w) < 0)
		return -1;
	got = g->kind->fetch(g, surl, path, adler32, size, w);
	return got > 0 && surl_of(g, path, at, w) < 0 ? -1 : got;
}

struct grid_name *
grid_names_add(struct grid_names *k, const char *name)
{
	struct grid_name *one;

	if (k->n == k->size) {
		k->size = k->size ? 2 * k->size : 64;
		k->v = realloc(k->v, k->size * sizeof *k->v);
		if (k->v == NULL)
			die(EXIT_IO, "out of memory");
	}
	one = &k->v[k->n++];
	memset(one, 0, sizeof *one);
	if ((one->name = strdup(name)) == NULL)
		die(EXIT_IO, "out of memory");
	return one;
}

static void
names_free(struct grid_names *k)
{
	while (k->n > 0)
		free(k->v[--k->n].name);
	free(k->v);
	memset(k, 0, sizeof *k);
}

static int
by_bytes(const void *a, const void *b)
{
	const struct grid_name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
names_of(struct grid *g, const char *dir, struct grid_names *k, struct why *w)
{
	struct retry r = { 0 };
	int got;

	memset(k, 0, sizeof *k);
	while ((got = g->kind->names(g, dir, k, w)) < 0) {
		names_free(k);
		if (!retry_wait(&r, w))
			return -1;
	}
	if (k->n > 0)
		qsort(k->v, k->n, sizeof *k->v, by_bytes);
	return 0;
}

/* The directories of the root that are ours, beside those of objects. */
static const struct {
	const char *name;
	int kind;
} ours[] = {
	{ GRID_INCOMING_DIR, GRID_INCOMING },
	{ ".quarantine", GRID_QUARANTINED },
	{ ".manifests", GRID_MANIFEST },
};

/* What the files of a directory of the root are; GRID_FOREIGN: not ours. */
static int
kind_in(const char *dir)
{
	size_t i;

	for (i = 0; i < sizeof ours / sizeof *ours; i++)
		if (strcmp(dir, ours[i].name) == 0)
			return ours[i].kind;
	return strlen(dir) == 2 && strspn(dir, "0123456789abcdef") == 2
		   ? GRID_OBJECT
		   : GRID_FOREIGN;
}

struct lister {
	struct grid *g;
	grid_visit *fn;
	void *arg;
};

/* dir: of the root, or "" for it; kind: of its files. */
static int
list(struct lister *k, const char *dir, int kind, struct why *w)
{
	struct grid_names names;
	char path[GRID_SURL];
	size_t i;
	int r = 0;

	if (names_of(k->g, dir, &names, w) < 0)
		return -1;
	for (i = 0; i < names.n && r >= 0; i++) {
		struct grid_name *f = &names.v[i];
		struct grid_item item = { .path = path,
			.kind = GRID_FOREIGN,
			.size = f->size,
			.mtime = f->mtime };

		snprintf(
		    path, sizeof path, "%s%s%s", dir, *dir ? "/" : "", f->name);
		if (*dir == '\0' && f->type == GRID_DIR &&
		    kind_in(path) != GRID_FOREIGN) {
			r = list(k, path, kind_in(path), w);
			continue;
		}
		if (f->type == GRID_FILE && *dir != '\0' &&
		    (kind != GRID_OBJECT ||
			(is_guid(f->name) && strncmp(f->name, dir, 2) == 0)))
			item.kind = kind;
		r = k->fn(k->arg, &item, w);
	}
	names_free(&names);
	return r < 0 ? -1 : 0;
}

int
grid_list(struct grid *g, grid_visit *fn, void *arg, struct why *w)
{
	struct lister k = { g, fn, arg };

	return list(&k, "", GRID_FOREIGN, w);
}
