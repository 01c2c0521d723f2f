#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opt.h"
#include "policy.h"
#include "who.h"

struct list {
	char **v;
	unsigned n;
};

struct policy {
	struct list creator, admin;
	struct hydra_policy is;
};

static int
add(struct list *l, const char *who, struct why *w)
{
	char **v;

	if (strcmp(who, "*") != 0 && who_kind(who) == WHO_NONE)
		return why_set(w, EXIT_DATA, "not a DN, FQAN or subject");
	v = realloc(l->v, (l->n + 1) * sizeof *v);
	if (v == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	l->v = v;
	if ((v[l->n] = strdup(who)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	l->n++;
	return 0;
}

static int
add_all(struct list *l, const char *const *who, struct why *w)
{
	for (; who != NULL && *who != NULL; who++)
		if (add(l, *who, w) < 0)
			return -1;
	return 0;
}

/* One line, without its newline. */
static int
parse(struct policy *p, char *line, struct why *w)
{
	size_t n = strlen(line), word;

	while (n && strchr(" \t\r", line[n - 1]))
		line[--n] = '\0';
	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return 0;
	word = strcspn(line, " \t");
	if (line[word] == '\0')
		return why_set(w, EXIT_DATA, "nobody named");
	line[word++] = '\0';
	word += strspn(line + word, " \t");
	if (strcmp(line, "creator") == 0)
		return add(&p->creator, line + word, w);
	if (strcmp(line, "admin") == 0)
		return add(&p->admin, line + word, w);
	return why_set(w, EXIT_DATA, "neither creator nor admin");
}

static int
read_file(struct policy *p, const char *file, struct why *w)
{
	char *line = NULL;
	struct why bad;
	unsigned count = 0;
	size_t size = 0;
	int fd, rc = 0;
	ssize_t n;
	FILE *f;

	if ((fd = opt_open(file, O_RDONLY, w)) < 0)
		return -1;
	if ((f = fdopen(fd, "r")) == NULL)
		return why_set(w, EXIT_IO, "%s: %s", file, strerror(errno));
	while (rc == 0 && (n = getline(&line, &size, f)) > 0) {
		count++;
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (memchr(line, '\0', (size_t)n))
			rc = why_set(w, EXIT_DATA, "%s: not text", file);
		else if (parse(p, line, &bad) < 0)
			rc = why_set(w, bad.code, "%s: line %u: %s", file,
			    count, bad.text);
	}
	if (rc == 0 && ferror(f))
		rc = why_set(w, EXIT_IO, "%s: %s", file, strerror(errno));
	free(line);
	fclose(f);
	return rc;
}

struct policy *
policy_load(const char *file, const char *const *creator,
    const char *const *admin, unsigned threshold, struct why *w)
{
	struct policy *p = calloc(1, sizeof *p);

	if (p == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	if (add_all(&p->creator, creator, w) < 0 ||
	    add_all(&p->admin, admin, w) < 0 ||
	    (file != NULL && read_file(p, file, w) < 0)) {
		policy_free(p);
		return NULL;
	}
	p->is.creator = (const char *const *)p->creator.v;
	p->is.creators = p->creator.n;
	p->is.admin = (const char *const *)p->admin.v;
	p->is.admins = p->admin.n;
	p->is.threshold = threshold;
	return p;
}

static void
list_free(struct list *l)
{
	while (l->n)
		free(l->v[--l->n]);
	free(l->v);
}

void
policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	list_free(&p->creator);
	list_free(&p->admin);
	free(p);
}

const struct hydra_policy *
policy_of(const struct policy *p)
{
	return &p->is;
}
