#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "patients.h"
#include "word.h"

#define LIST_MAX ((size_t)64 << 20) /* bytes of a list */

struct patient {
	char *id, *assigned, *issuer; /* in text; issuer NULL for any */
	size_t id_len, issuer_len;
};

struct patients {
	char *text; /* the list, its words decoded in place */
	struct patient *v;
	size_t n;
};

static void *
need(void *p)
{
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

/* All of fd, NUL-terminated; NULL with *w. */
static char *
slurp(int fd, const char *name, size_t *used, struct why *w)
{
	size_t n = 0, size = 1 << 16;
	char *text = need(malloc(size));
	ssize_t got;

	while ((got = read(fd, text + n, size - 1 - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			why_set(w, EXIT_IO, "%s: %s", name, strerror(errno));
			free(text);
			return NULL;
		}
		n += (size_t)got;
		if (n == size - 1 && size < LIST_MAX)
			text = need(realloc(text, size *= 2));
		else if (n == size - 1)
			break;
	}
	text[n] = '\0';
	*used = n;
	return text;
}

/* Blanks around an id do not count, as in DICOM. */
static const char *
trim(const char *p, size_t *n)
{
	while (*n > 0 && (p[*n - 1] == ' ' || p[*n - 1] == '\0'))
		--*n;
	while (*n > 0 && *p == ' ')
		p++, --*n;
	return p;
}

/* By id, and then by issuer, any issuer last. */
static int
compare(const void *a, const void *b)
{
	const struct patient *x = a, *y = b;
	size_t n = x->id_len < y->id_len ? x->id_len : y->id_len;
	int c = memcmp(x->id, y->id, n);

	if (c != 0 || x->id_len != y->id_len)
		return c ? c : x->id_len < y->id_len ? -1 : 1;
	if (x->issuer == NULL || y->issuer == NULL)
		return (x->issuer == NULL) - (y->issuer == NULL);
	n = x->issuer_len < y->issuer_len ? x->issuer_len : y->issuer_len;
	c = memcmp(x->issuer, y->issuer, n);
	return c ? c
		 : (x->issuer_len > y->issuer_len) -
		       (x->issuer_len < y->issuer_len);
}

/* Decode a word where it is; its length, or 0 if it is nothing. */
static size_t
decode(char **word)
{
	long k = word_decode(*word, *word, strlen(*word));
	size_t n = k > 0 ? (size_t)k : 0;

	*word = (char *)trim(*word, &n);
	return n;
}

/* May it stand in (0010,0020)? */
static bool
is_id(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~' || s[i] == '\\')
			return false;
	return n > 0 && n <= PATIENTS_ID;
}

/* One line; 0, or -1 if it is not in order. */
static int
one_line(struct patients *p, char *line)
{
	char *word[4], *rest = line;
	struct patient x = { 0 };
	size_t assigned_len;
	int n = 0;

	line[strcspn(line, "#")] = '\0';
	while ((word[n] = strtok_r(n ? NULL : line, " \t\r", &rest)) != NULL)
		if (++n == 4)
			return -1;
	if (n == 0)
		return 0;
	if (n == 1 || (x.id_len = decode(&word[0])) == 0 ||
	    (assigned_len = decode(&word[1])) == 0 ||
	    !is_id(word[1], assigned_len))
		return -1;
	word[1][assigned_len] = '\0'; /* it was longer, or ends there */
	x.id = word[0];
	x.assigned = word[1];
	if (n == 3 && (x.issuer_len = decode(&word[2])) == 0)
		return -1;
	x.issuer = n == 3 ? word[2] : NULL;
	if ((p->n & (p->n - 1)) == 0) /* a power of two: full */
		p->v =
		    need(realloc(p->v, (p->n ? 2 * p->n : 1) * sizeof *p->v));
	p->v[p->n++] = x;
	return 0;
}

struct patients *
patients_read(int fd, const char *name, struct why *w)
{
	struct patients *p = need(calloc(1, sizeof *p));
	size_t used = 0, i;
	char *line, *next;

	if ((p->text = slurp(fd, name, &used, w)) == NULL) {
		patients_free(p);
		return NULL;
	}
	if (used >= LIST_MAX - 1 || strlen(p->text) != used) {
		why_set(w, EXIT_DATA, "%s: not a list of patients", name);
		patients_free(p);
		return NULL;
	}
	for (i = 1, line = p->text; line != NULL; i++, line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		if (one_line(p, line) == 0)
			continue;
		why_set(
		    w, EXIT_DATA, "%s:%zu: not ID ASSIGNED [ISSUER]", name, i);
		patients_free(p);
		return NULL;
	}
	if (p->n > 0)
		qsort(p->v, p->n, sizeof *p->v, compare);
	for (i = 1; i < p->n; i++)
		if (compare(&p->v[i - 1], &p->v[i]) == 0 &&
		    strcmp(p->v[i - 1].assigned, p->v[i].assigned) != 0) {
			why_set(w, EXIT_DATA,
			    "%s: one patient is given two ids", name);
			patients_free(p);
			return NULL;
		}
	return p;
}

void
patients_free(struct patients *p)
{
	if (p == NULL)
		return;
	free(p->text);
	free(p->v);
	free(p);
}

const char *
patients_find(const struct patients *p, const void *issuer, size_t issuer_len,
    const void *id, size_t n)
{
	struct patient key = { .id_len = n, .issuer_len = issuer_len };
	const struct patient *found;

	key.id = (char *)trim(id, &key.id_len);
	key.issuer = (char *)trim(issuer, &key.issuer_len);
	if (key.id_len == 0 || p->n == 0)
		return NULL;
	found = bsearch(&key, p->v, p->n, sizeof *p->v, compare);
	if (found == NULL) {
		key.issuer = NULL;
		found = bsearch(&key, p->v, p->n, sizeof *p->v, compare);
	}
	return found ? found->assigned : NULL;
}
