#include <curl/curl.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "dav.h"

#define TEXT 4096 /* bytes of one element's text */

struct dav {
	XML_Parser xml;
	const char *self;
	dav_visit *fn;
	void *arg;
	bool forbidden, too_long;
	char *into; /* which text we are in: one of these, or NULL */
	size_t used;
	char href[TEXT], length[32], modified[64], locality[24];
	size_t size; /* of into */
	struct dav_entry e;
};

static const struct {
	const char *name; /* namespace and local name, or '|' and that */
	size_t at, size;
} texts[] = {
	{ "DAV:|href", offsetof(struct dav, href), TEXT },
	{ "DAV:|getcontentlength", offsetof(struct dav, length), 32 },
	{ "DAV:|getlastmodified", offsetof(struct dav, modified), 64 },
	{ "|FileLocality", offsetof(struct dav, locality), 24 },
};

static bool
is_called(const char *name, const char *what)
{
	const char *bar = strrchr(name, '|');

	return strcmp(name, what) == 0 ||
	       (*what == '|' && bar != NULL && strcmp(bar, what) == 0);
}

static void XMLCALL
on_start(void *arg, const char *name, const char **attributes)
{
	struct dav *d = arg;
	size_t i;

	(void)attributes;
	d->into = NULL;
	if (strcmp(name, "DAV:|response") == 0) {
		memset(&d->e, 0, sizeof d->e);
		*d->href = *d->length = *d->modified = *d->locality = '\0';
	} else if (strcmp(name, "DAV:|collection") == 0)
		d->e.dir = true;
	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		if (is_called(name, texts[i].name)) {
			d->into = (char *)d + texts[i].at;
			d->size = texts[i].size;
			d->used = 0;
			*d->into = '\0';
		}
}

static void XMLCALL
on_text(void *arg, const char *p, int n)
{
	struct dav *d = arg;

	if (d->into == NULL)
		return;
	if ((size_t)n >= d->size - d->used) {
		d->too_long = true;
		XML_StopParser(d->xml, XML_FALSE);
		return;
	}
	memcpy(d->into + d->used, p, (size_t)n);
	d->used += (size_t)n;
	d->into[d->used] = '\0';
}

static int
hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Undo %HH in place; false for half an escape or a NUL. */
static bool
unescape(char *p)
{
	char *o = p;

	for (; *p != '\0'; p++) {
		if (*p != '%') {
			*o++ = *p;
			continue;
		}
		if (hex(p[1]) < 0 || hex(p[2]) < 0 ||
		    (*o = (char)(hex(p[1]) << 4 | hex(p[2]))) == '\0')
			return false;
		o++;
		p += 2;
	}
	*o = '\0';
	return true;
}

/* The name that an href means, or NULL if it is none of this directory. */
static const char *
name_of(struct dav *d)
{
	char *path = d->href, *p;
	size_t n = strlen(d->self);

	if ((p = strstr(path, "://")) != NULL &&
	    (path = strchr(p + 3, '/')) == NULL)
		return NULL;
	if (!unescape(path))
		return NULL;
	/* Some servers answer with more slashes than they were asked with. */
	while (path[0] == '/' && path[1] == '/')
		path++;
	if (strncmp(path, d->self, n) != 0)
		return NULL;
	path += n;
	p = path + strlen(path);
	while (p > path && p[-1] == '/')
		*--p = '\0';
	if (*path == '\0')
		return "";
	if (*path != '/' || strchr(++path, '/') != NULL ||
	    strcmp(path, ".") == 0 || strcmp(path, "..") == 0 || *path == '\0')
		return NULL;
	return path;
}

static void XMLCALL
on_end(void *arg, const char *name)
{
	struct dav *d = arg;
	time_t t;
	char *end;

	d->into = NULL;
	if (strcmp(name, "DAV:|response") != 0 ||
	    (d->e.name = name_of(d)) == NULL)
		return;
	if (*d->length >= '0' && *d->length <= '9') {
		d->e.size = strtoull(d->length, &end, 10);
		d->e.has_size = *end == '\0';
	}
	t = curl_getdate(d->modified, NULL);
	d->e.mtime = t > 0 ? (long long)t : 0;
	d->locality[strspn(d->locality, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] = '\0';
	d->e.locality = d->locality;
	d->fn(d->arg, &d->e);
}

static void XMLCALL
on_doctype(
    void *arg, const char *name, const char *sys, const char *pub, int internal)
{
	struct dav *d = arg;

	(void)name, (void)sys, (void)pub, (void)internal;
	d->forbidden = true;
	XML_StopParser(d->xml, XML_FALSE);
}

struct dav *
dav_new(const char *self, dav_visit *fn, void *arg)
{
	struct dav *d = calloc(1, sizeof *d);

	if (d == NULL || (d->xml = XML_ParserCreateNS(NULL, '|')) == NULL)
		die(EXIT_IO, "out of memory");
	d->self = self;
	d->fn = fn;
	d->arg = arg;
	XML_SetUserData(d->xml, d);
	XML_SetElementHandler(d->xml, on_start, on_end);
	XML_SetCharacterDataHandler(d->xml, on_text);
	XML_SetStartDoctypeDeclHandler(d->xml, on_doctype);
	return d;
}

int
dav_feed(struct dav *d, const void *p, size_t n, bool last, struct why *w)
{
	const char *from = p;
	size_t piece;

	do {
		piece = n < 1u << 20 ? n : 1u << 20;
		n -= piece;
		if (XML_Parse(d->xml, from, (int)piece, last && n == 0) !=
		    XML_STATUS_OK)
			return why_set(w, EXIT_DATA, "its listing: %s",
			    d->forbidden ? "has a document type"
			    : d->too_long
				? "a text is too long"
				: XML_ErrorString(XML_GetErrorCode(d->xml)));
		from += piece;
	} while (n > 0);
	return 0;
}

void
dav_free(struct dav *d)
{
	if (d == NULL)
		return;
	XML_ParserFree(d->xml);
	free(d);
}
