#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mask.h"
#include "profile.h"

const struct profile_option_info profile_options[PROFILE_OPTIONS] = {
	{ "clean-pixel-data", "113101", "Clean Pixel Data Option", -1, true },
	{ "clean-recognizable-visual-features", "113102",
	    "Clean Recognizable Visual Features Option", -1, false },
	{ "clean-graphics", "113103", "Clean Graphics Option", 9, false },
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
	if (p != NULL)
		mask_free(p->masks);
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

int
profile_check(const struct deid_profile *p, struct why *w)
{
	if (profile_has(p, PROFILE_RETAIN_FULL_DATES) &&
	    profile_has(p, PROFILE_RETAIN_MODIFIED_DATES))
		return why_set(w, EXIT_USAGE,
		    "full dates and modified dates exclude each other");
	return 0;
}
