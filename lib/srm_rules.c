#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "opt.h"
#include "srm_rules.h"
#include "word.h"

#define MAX (1u << 20) /* bytes of a file */

struct srm_rules {
	char *text;
	struct rule {
		enum srm_right right;
		const char *path, *who; /* in text */
	} * rule;
	size_t n;
};

/* One line, taken apart where it is.  0, or what is wrong. */
static const char *
parse(struct rule *r, char *line)
{
	size_t n = strlen(line);
	char *path, *who;
	long len;

	while (n && strchr(" \t\r", line[n - 1]))
		line[--n] = '\0';
	if ((path = strpbrk(line, " \t")) == NULL)
		return "no path";
	*path++ = '\0';
	path += strspn(path, " \t");
	if ((who = strpbrk(path, " \t")) == NULL)
		return "nobody named";
	*who++ = '\0';
	who += strspn(who, " \t");
	if (strcmp(line, "read") == 0)
		r->right = SRM_READ;
	else if (strcmp(line, "write") == 0)
		r->right = SRM_WRITE;
	else
		return "neither read nor write";
	if ((len = word_decode(path, path, strlen(path))) < 0 || *path != '/')
		return "not a path";
	while (len > 0 && path[len - 1] == '/')
		len--;
	path[len] = '\0';
	if (strcmp(who, "*") != 0 && who_kind(who) == WHO_NONE)
		return "not a DN, FQAN or subject";
	r->path = path;
	r->who = who;
	return NULL;
}

struct srm_rules *
srm_rules_load(const char *file, struct why *w)
{
	struct srm_rules *r = calloc(1, sizeof *r);
	const char *wrong = NULL;
	unsigned count = 0;
	char *line, *next;

	if (r == NULL)
		die(EXIT_IO, "out of memory");
	if (file == NULL)
		return r;
	if ((r->text = opt_text(file, MAX, w)) == NULL) {
		srm_rules_free(r);
		return NULL;
	}
	for (line = r->text; line != NULL && wrong == NULL; line = next) {
		count++;
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		line += strspn(line, " \t\r");
		if (*line == '\0' || *line == '#')
			continue;
		r->rule = reallocarray(r->rule, r->n + 1, sizeof *r->rule);
		if (r->rule == NULL)
			die(EXIT_IO, "out of memory");
		wrong = parse(&r->rule[r->n++], line);
	}
	if (wrong == NULL)
		return r;
	why_set(w, EXIT_DATA, "%s:%u: %s", file, count, wrong);
	srm_rules_free(r);
	return NULL;
}

void
srm_rules_free(struct srm_rules *r)
{
	if (r == NULL)
		return;
	free(r->rule);
	free(r->text);
	free(r);
}

bool
srm_rules_allow(const struct srm_rules *r, const struct who *who,
    enum srm_right right, const char *path)
{
	const struct rule *rule;

	for (rule = r->rule; rule < r->rule + r->n; rule++) {
		size_t n = strlen(rule->path);

		if (rule->right == right && strncmp(path, rule->path, n) == 0 &&
		    (path[n] == '\0' || path[n] == '/') &&
		    (strcmp(rule->who, "*") == 0 || who_is(who, rule->who)))
			return true;
	}
	return false;
}
