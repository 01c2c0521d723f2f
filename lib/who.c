#include <stdlib.h>
#include <string.h>

#include "who.h"

enum who_kind
who_kind(const char *p)
{
	size_t n = strlen(p), first;
	const unsigned char *c;

	if (n == 0 || n > WHO_MAX)
		return WHO_NONE;
	for (c = (const unsigned char *)p; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f)
			return WHO_NONE;
	if (*p == '#' || *p == '*')
		return WHO_NONE; /* in lists: a comment, and everyone */
	if (*p != '/')
		return WHO_SUBJECT;
	first = strcspn(p + 1, "/");
	if (first == 0)
		return WHO_NONE;
	return memchr(p + 1, '=', first) ? WHO_DN : WHO_FQAN;
}

int
who_init(struct who *who, const char *dn, struct why *w)
{
	enum who_kind kind = who_kind(dn);

	memset(who, 0, sizeof *who);
	if (kind != WHO_DN && kind != WHO_SUBJECT)
		return why_set(w, EXIT_DATA, "not a DN");
	if ((who->dn = strdup(dn)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	return 0;
}

/* Cut the end off if it is there. */
static void
cut(char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	if (n > k && strcmp(s + n - k, end) == 0)
		s[n - k] = '\0';
}

int
who_add(struct who *who, const char *fqan, struct why *w)
{
	char **more, *copy;
	unsigned i;

	if (who_kind(fqan) != WHO_FQAN)
		return why_set(w, EXIT_DATA, "not an FQAN");
	if (who->fqans == WHO_FQANS)
		return why_set(w, EXIT_DATA, "more than %d FQANs", WHO_FQANS);
	if ((copy = strdup(fqan)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	cut(copy, "/Capability=NULL");
	cut(copy, "/Role=NULL");
	for (i = 0; i < who->fqans; i++)
		if (strcmp(who->fqan[i], copy) == 0) {
			free(copy);
			return 0;
		}
	more = realloc(who->fqan, (who->fqans + 1) * sizeof *more);
	if (more == NULL) {
		free(copy);
		return why_set(w, EXIT_IO, "out of memory");
	}
	who->fqan = more;
	who->fqan[who->fqans++] = copy;
	return 0;
}

void
who_free(struct who *who)
{
	unsigned i;

	for (i = 0; i < who->fqans; i++)
		free(who->fqan[i]);
	free(who->fqan);
	free(who->dn);
	memset(who, 0, sizeof *who);
}

bool
who_is(const struct who *who, const char *principal)
{
	unsigned i;

	if (*principal == '\0')
		return false;
	if (strcmp(who->dn, principal) == 0)
		return true;
	for (i = 0; i < who->fqans; i++)
		if (strcmp(who->fqan[i], principal) == 0)
			return true;
	return false;
}

bool
who_among(const struct who *who, const char *const *principal, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (who_is(who, principal[i]))
			return true;
	return false;
}
