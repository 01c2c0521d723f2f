#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mask.h"
#include "patients.h"
#include "profile.h"
#include "profile_tcia.h"
#include "risk.h"
#include "rules.h"

const struct profile_option_info profile_options[PROFILE_OPTIONS] = {
	{ "clean-pixel-data", "113101", "Clean Pixel Data Option", -1, true },
	{ "clean-recognizable-visual-features", "113102",
	    "Clean Recognizable Visual Features Option", -1, false },
	{ "clean-graphics", "113103", "Clean Graphics Option", 9, true },
	{ "clean-structured-content", "113104",
	    "Clean Structured Content Option", 8, true },
	{ "clean-descriptors", "113105", "Clean Descriptors Option", 7, true },
	{ "retain-longitudinal-full-dates", "113106",
	    "Retain Longitudinal Temporal Information Full Dates Option", 5,
	    true },
	{ "retain-longitudinal-modified-dates", "113107",
	    "Retain Longitudinal Temporal Information Modified Dates Option", 6,
	    true },
	{ "retain-patient-characteristics", "113108",
	    "Retain Patient Characteristics Option", 4, true },
	{ "retain-device-identity", "113109", "Retain Device Identity Option",
	    2, true },
	{ "retain-uids", "113110", "Retain UIDs Option", 1, true },
	{ "retain-safe-private", "113111", "Retain Safe Private Option", 0,
	    true },
	{ "retain-institution-identity", "113112",
	    "Retain Institution Identity Option", 3, true },
};

struct deid_profile *
profile_new(void)
{
	struct deid_profile *p = calloc(1, sizeof *p);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	strcpy(p->name, "basic");
	p->shift_min = -3650;
	p->shift_max = -365;
	return p;
}

void
profile_free(struct deid_profile *p)
{
	if (p != NULL) {
		mask_free(p->masks);
		rules_free(p->rules);
		patients_free(p->patients);
	}
	free(p);
}

int
profile_choose(struct deid_profile *p, const char *option, struct why *w)
{
	int i;

	for (i = 0; i < PROFILE_OPTIONS; i++)
		if (strcmp(option, profile_options[i].name) == 0 ||
		    strcmp(option, profile_options[i].code) == 0) {
			if (!profile_options[i].offered)
				break;
			p->options |= 1u << i;
			return 0;
		}
	return why_set(
	    w, EXIT_USAGE, "%s: not an option that is offered", option);
}

bool
profile_has(const struct deid_profile *p, enum profile_option o)
{
	return (p->options >> o & 1) != 0;
}

/* A whole number of days, and where it ends; NULL if it is none. */
static const char *
days(const char *s, int *n)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 10);
	if (end == s || errno != 0 || v < -PROFILE_DAYS || v > PROFILE_DAYS)
		return NULL;
	*n = (int)v;
	return end;
}

int
profile_shift_days(struct deid_profile *p, const char *range, struct why *w)
{
	const char *s = days(range, &p->shift_min);

	if (s != NULL && strncmp(s, "..", 2) == 0)
		s = days(s + 2, &p->shift_max);
	if (s == NULL || *s != '\0' || p->shift_min > p->shift_max)
		return why_set(w, EXIT_USAGE,
		    "days to move dates by: MIN..MAX, MIN not above MAX");
	return 0;
}

static int
set_name(struct deid_profile *p, const char *name, struct why *w)
{
	size_t n = strlen(name), i;

	for (i = 0; i < n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.",
			name[i]) == NULL)
			break;
	if (n == 0 || n > PROFILE_NAME || i < n)
		return why_set(w, EXIT_DATA,
		    "a name: %d of a-z, 0-9, - _ and . at most", PROFILE_NAME);
	strcpy(p->name, name);
	return 0;
}

/* What a line says that is no rule: true if it does; *r as it went. */
static bool
setting(struct deid_profile *p, char *const *word, int n, int *r, struct why *w)
{
	const char *value = n > 1 ? word[1] : "";

	*r = 0;
	if (strcmp(word[0], "name") == 0)
		*r = set_name(p, value, w);
	else if (strcmp(word[0], "profile") == 0)
		*r = profile_named(p, value)
			 ? 0
			 : why_set(w, EXIT_DATA, "%s: no such profile", value);
	else if (strcmp(word[0], "option") == 0)
		*r = profile_choose(p, value, w);
	else if (strcmp(word[0], "shift-days") == 0)
		*r = profile_shift_days(p, value, w);
	else if (strcmp(word[0], "shift-time") == 0)
		p->shift_time = true, n++;
	else if (strcmp(word[0], "accept") == 0)
		*r = risk_accept(&p->accepted, value, w);
	else if (strcmp(word[0], "faces") == 0 && strcmp(value, "warn") == 0)
		p->faces = PROFILE_FACES_WARN;
	else if (strcmp(word[0], "faces") == 0 && strcmp(value, "reject") == 0)
		p->faces = PROFILE_FACES_REJECT;
	else if (strcmp(word[0], "faces") == 0 && strcmp(value, "command") == 0)
		p->faces = PROFILE_FACES_COMMAND;
	else if (strcmp(word[0], "archive") == 0)
		p->archive = true, n++;
	else
		return false;
	if (*r == 0 && n != 2)
		*r = why_set(
		    w, EXIT_DATA, "%s: too many or too few words", word[0]);
	return true;
}

/* One line, without its newline; it is taken apart. */
static int
one_line(struct deid_profile *p, char *line, struct why *w)
{
	char *word[8], *rest = line;
	int n = 0, r;

	line[strcspn(line, "#")] = '\0';
	while ((word[n] = strtok_r(n ? NULL : line, " \t", &rest)) != NULL)
		if (++n == 8)
			return why_set(w, EXIT_DATA, "too many words");
	if (n == 0 || setting(p, word, n, &r, w))
		return n == 0 ? 0 : r;
	if (p->rules == NULL)
		p->rules = rules_new();
	return rules_add(p->rules, word, n, w);
}

/* All lines; the text is taken apart. */
static int
lines(struct deid_profile *p, char *text, const char *name, struct why *w)
{
	struct why inner = { 0 };
	char *next;
	int i;

	for (i = 1; text != NULL; i++, text = next) {
		if ((next = strchr(text, '\n')) != NULL)
			*next++ = '\0';
		if (one_line(p, text, &inner) < 0)
			return why_set(
			    w, EXIT_DATA, "%s:%d: %s", name, i, inner.text);
	}
	return 0;
}

bool
profile_named(struct deid_profile *p, const char *name)
{
	struct why w = { 0 };
	char *text;

	if (strcmp(name, "basic") == 0)
		return true;
	if (strcmp(name, "tcia") != 0)
		return false;
	if ((text = strdup(profile_tcia)) == NULL)
		die(EXIT_IO, "out of memory");
	if (lines(p, text, "tcia", &w) < 0)
		die(EXIT_BUG, "%s", w.text);
	free(text);
	return true;
}

#define FILE_MAX (1 << 20) /* bytes of a profile */

int
profile_read(struct deid_profile *p, int fd, const char *name, struct why *w)
{
	char *text = malloc(FILE_MAX + 1);
	size_t n = 0;
	ssize_t got = 1;
	int r;

	if (text == NULL)
		die(EXIT_IO, "out of memory");
	while (got > 0 && n < FILE_MAX) {
		got = read(fd, text + n, FILE_MAX - n);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			n += (size_t)got;
	}
	text[n] = '\0';
	strcpy(p->name, "own");
	if (got < 0)
		r = why_set(w, EXIT_IO, "%s: %s", name, strerror(errno));
	else if (n == FILE_MAX || strlen(text) != n)
		r = why_set(w, EXIT_DATA, "%s: not a profile", name);
	else
		r = lines(p, text, name, w);
	free(text);
	return r;
}

int
profile_check(const struct deid_profile *p, struct why *w)
{
	if (profile_has(p, PROFILE_RETAIN_FULL_DATES) &&
	    profile_has(p, PROFILE_RETAIN_MODIFIED_DATES))
		return why_set(w, EXIT_USAGE,
		    "full dates and modified dates exclude each other");
	return 0;
}
