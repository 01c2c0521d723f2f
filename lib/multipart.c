#include <string.h>
#include <strings.h>

#include "multipart.h"

static bool
is_boundary(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || (c && strchr("'()+_,-./:=? ", c));
}

/* The value of a parameter of a header field: where, and how long. */
static const char *
parameter(const char *p, const char *name, size_t *n)
{
	const size_t len = strlen(name);
	bool found;

	while ((p = strchr(p, ';')) != NULL) {
		p += 1 + strspn(p + 1, " \t");
		found = strncasecmp(p, name, len) == 0 && p[len] == '=';
		p += strcspn(p, "=;");
		if (*p != '=')
			continue;
		if (*++p == '"') {
			*n = strcspn(++p, "\"");
			if (found)
				return p[*n] ? p : NULL;
			p += *n;
		} else {
			*n = strcspn(p, "; \t");
			if (found)
				return p;
		}
	}
	return NULL;
}

int
multipart_init(struct multipart *x, const char *type, struct why *w)
{
	static const char is[] = "multipart/related";
	const char *p = NULL;
	size_t n = 0, i;

	memset(x, 0, sizeof *x);
	if (strncasecmp(type, is, sizeof is - 1) == 0 &&
	    strchr("; \t", type[sizeof is - 1]))
		p = parameter(type, "boundary", &n);
	if (p == NULL || n == 0 || n > MULTIPART_BOUNDARY)
		return why_set(w, EXIT_FEW,
		    "its answer is not multipart/related with a boundary");
	for (i = 0; i < n; i++)
		if (!is_boundary(p[i]))
			return why_set(w, EXIT_FEW, "its boundary is not one");
	memcpy(x->delimiter, "\r\n--", 4);
	memcpy(x->delimiter + 4, p, n);
	x->size = n + 4;
	x->match = 2; /* the first needs no line before it */
	return 0;
}

/*
 * In the preamble or a body: pass on what is not the delimiter.  CR is the
 * first byte of a delimiter and nowhere else in it, so that what was held, when
 * it turns out not to be one, cannot hold the beginning of another.
 */
static int
body(struct multipart *x, const char **p, const char *end, struct why *w)
{
	const char *from = *p, *q = *p, *cr;
	size_t held = x->match;

	while (q < end && x->match < x->size) {
		if (*q == x->delimiter[x->match]) {
			x->match++;
			q++;
			continue;
		}
		if (held > 0) {
			/* Those were in what came before: give them now. */
			if (x->at == MULTIPART_BODY &&
			    x->data(x->arg, x->delimiter, held, w) < 0)
				return -1;
			held = 0;
		}
		x->match = 0;
		if (*q == '\r')
			continue;
		cr = memchr(q, '\r', (size_t)(end - q));
		q = cr ? cr : end;
	}
	*p = q;
	/* What matched of this piece is not given, nor what is held still. */
	q -= x->match - held;
	if (x->at == MULTIPART_BODY && q > from &&
	    x->data(x->arg, from, (size_t)(q - from), w) < 0)
		return -1;
	if (x->match < x->size)
		return 0;
	if (x->at == MULTIPART_BODY && x->end(x->arg, w) < 0)
		return -1;
	x->at = MULTIPART_DELIMITER;
	x->match = x->head = 0;
	memset(x->last, 0, sizeof x->last);
	return 0;
}

/* Behind a boundary: "--" ends all, a line ends the delimiter. */
static int
delimiter(struct multipart *x, char c, struct why *w)
{
	if (x->head < 2)
		x->last[x->head] = c;
	if (++x->head > MULTIPART_HEAD)
		return why_set(w, EXIT_FEW, "a delimiter is too long");
	if (x->head == 2 && memcmp(x->last, "--", 2) == 0) {
		x->at = MULTIPART_OVER;
		return 0;
	}
	if (c == '\n') {
		x->at = MULTIPART_HEADER;
		x->head = 0;
		memcpy(x->last, "\0\0\r\n", 4);
	}
	return 0;
}

/* The header ends with an empty line. */
static int
header(struct multipart *x, char c, struct why *w)
{
	memmove(x->last, x->last + 1, 3);
	x->last[3] = c;
	if (++x->head > MULTIPART_HEAD)
		return why_set(w, EXIT_FEW, "a part's header is too long");
	if (memcmp(x->last, "\r\n\r\n", 4) != 0)
		return 0;
	x->at = MULTIPART_BODY;
	x->match = 0;
	return x->begin(x->arg, w);
}

int
multipart_feed(struct multipart *x, const void *data, size_t n, struct why *w)
{
	const char *p = data, *const end = p + n;
	int got = 0;

	while (got == 0 && p < end)
		switch (x->at) {
		case MULTIPART_PREAMBLE:
		case MULTIPART_BODY:
			got = body(x, &p, end, w);
			break;
		case MULTIPART_DELIMITER:
			got = delimiter(x, *p++, w);
			break;
		case MULTIPART_HEADER:
			got = header(x, *p++, w);
			break;
		case MULTIPART_OVER:
			return 0; /* an epilogue means nothing */
		}
	return got;
}

bool
multipart_whole(const struct multipart *x)
{
	return x->at == MULTIPART_OVER;
}
