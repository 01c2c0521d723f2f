#include <stdbool.h>
#include <string.h>

#include "profile.h"
#include "srclean.h"

const struct srclean_row *
srclean_find(const char *code, const char *scheme, const char *type)
{
	size_t lo = 0, hi = srclean_row_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct srclean_row *r = &srclean_rows[mid];
		int c = strcmp(code, r->code);

		if (c == 0)
			c = strcmp(scheme, r->scheme);
		if (c == 0)
			c = strcmp(type, r->type);
		if (c == 0)
			return r;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static bool
has(unsigned options, enum profile_option o)
{
	return (options >> o & 1) != 0;
}

static bool
is_date(const char *type)
{
	return strcmp(type, "DATE") == 0 || strcmp(type, "TIME") == 0 ||
	       strcmp(type, "DATETIME") == 0;
}

/* Of a concept that the table does not have. */
static enum deid_action
by_type(const char *type, unsigned options)
{
	if (strcmp(type, "TEXT") == 0)
		return DEID_CLEAN;
	if (strcmp(type, "PNAME") == 0)
		return DEID_D;
	if (strcmp(type, "UIDREF") == 0)
		return has(options, PROFILE_RETAIN_UIDS) ? DEID_K : DEID_U;
	if (!is_date(type))
		return DEID_K; /* its elements have rules of their own */
	if (has(options, PROFILE_RETAIN_MODIFIED_DATES))
		return DEID_DATE;
	return has(options, PROFILE_RETAIN_FULL_DATES) ? DEID_K : DEID_D;
}

enum deid_action
srclean_decide(
    const char *code, const char *scheme, const char *type, unsigned options)
{
	static const enum profile_option column[SRCLEAN_OPTIONS] = {
		PROFILE_RETAIN_UIDS,
		PROFILE_RETAIN_DEVICE_IDENTITY,
		PROFILE_RETAIN_INSTITUTION_IDENTITY,
		PROFILE_RETAIN_PATIENT_CHARACTERISTICS,
		PROFILE_RETAIN_FULL_DATES,
		PROFILE_RETAIN_MODIFIED_DATES,
		PROFILE_CLEAN_DESCRIPTORS,
	};
	const struct srclean_row *r = srclean_find(code, scheme, type);
	enum deid_action a;
	int i;

	if (r == NULL)
		return by_type(type, options);
	a = r->action == DEID_X ? DEID_X : DEID_D;
	for (i = 0; i < SRCLEAN_OPTIONS; i++) {
		if (r->option[i] == '-' || !has(options, column[i]))
			continue;
		if (r->option[i] == 'K')
			a = DEID_K;
		else
			return is_date(type) ? DEID_DATE : DEID_CLEAN;
	}
	/* A device's or a place's name that is kept may still hold a person's.
	 */
	if (a == DEID_K && strcmp(type, "TEXT") == 0)
		return DEID_CLEAN;
	if (a == DEID_D && strcmp(type, "UIDREF") == 0)
		return DEID_U;
	return a;
}
