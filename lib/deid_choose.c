#include <stdlib.h>
#include <string.h>

#include "deid_impl.h"
#include "dict.h"

enum deid_action
deid_decide(enum deid_action a, enum iod_type type)
{
	/*                  unknown   1       2       3 */
	static const unsigned char of[DEID_ACTIONS][4] = {
		[DEID_K] = { DEID_K, DEID_K, DEID_K, DEID_K },
		[DEID_X] = { DEID_X, DEID_X, DEID_X, DEID_X },
		[DEID_Z] = { DEID_Z, DEID_Z, DEID_Z, DEID_Z },
		[DEID_D] = { DEID_D, DEID_D, DEID_D, DEID_D },
		[DEID_U] = { DEID_U, DEID_U, DEID_U, DEID_U },
		[DEID_XD] = { DEID_D, DEID_D, DEID_D, DEID_X },
		[DEID_XZ] = { DEID_Z, DEID_Z, DEID_Z, DEID_X },
		[DEID_XZD] = { DEID_D, DEID_D, DEID_Z, DEID_X },
		[DEID_XZU] = { DEID_U, DEID_U, DEID_Z, DEID_X },
		[DEID_ZD] = { DEID_D, DEID_D, DEID_Z, DEID_Z },
	};

	if (a >= DEID_CLEAN)
		return a;

	return of[a][type];
}

const struct deid_row *
deid_find(uint32_t tag)
{
	size_t lo = 0, hi = deid_row_count, i;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (deid_rows[mid].tag == tag)
			return &deid_rows[mid];
		if (deid_rows[mid].tag < tag)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (i = 0; i < deid_range_count; i++)
		if ((tag & deid_ranges[i].mask) == deid_ranges[i].row.tag)
			return &deid_ranges[i].row;
	return NULL;
}

/* Where a row's action is. */
static size_t
row_index(const struct deid_row *row)
{
	size_t i;

	if (row >= deid_rows && row < deid_rows + deid_row_count)
		return (size_t)(row - deid_rows);
	for (i = 0; &deid_ranges[i].row != row; i++)
		;
	return deid_row_count + i;
}

/* Is it a date or time, or the offset of some? */
static bool
is_date(const struct deid_row *row)
{
	static const char *const vr[] = { "DA", "DT", "TM" };
	size_t i;

	for (i = 0; i < sizeof vr / sizeof *vr; i++)
		if (strcmp(row->vr, vr[i]) == 0)
			return true;
	return row->tag == TIMEZONE;
}

/*
 * What the options make of a row.  Of several that have a say, one that cleans
 * comes before one that retains.  Dates that are retained are moved as far as
 * all are, which is nowhere unless the option for that is chosen.
 */
static enum deid_action
with_options(const struct deid_row *row, const struct deid_profile *p)
{
	enum deid_action a = row->action;
	int i;

	for (i = 0; i < PROFILE_OPTIONS; i++) {
		int column = profile_options[i].column;
		char c = column < 0 ? '-' : row->option[column];

		if (c == '-' || !profile_has(p, (enum profile_option)i))
			continue;
		if (is_date(row))
			a = DEID_DATE;
		else if (c == 'K')
			a = DEID_K;
		else if (i == PROFILE_RETAIN_MODIFIED_DATES)
			a = row->action; /* a time in a form of its own */
		else
			return DEID_CLEAN;
	}
	return a;
}

/* The user's own rule for a row, or what the options make of it. */
static enum deid_action
for_row(const struct deid_row *row, const struct deid_profile *p)
{
	const struct rule *own = rules_tag(p->rules, row->tag);

	return own ? own->action : with_options(row, p);
}

/* Decide what can be decided before there is an object. */
void
deid_choose(struct deid *d)
{
	size_t i, n = deid_row_count + deid_range_count;

	if ((d->action = malloc(n)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++)
		d->action[i] = (unsigned char)for_row(
		    i < deid_row_count ? &deid_rows[i]
				       : &deid_ranges[i - deid_row_count].row,
		    d->profile);
}

/* Does it depend on the type of the attribute? */
static bool
open_choice(enum deid_action a)
{
	return a >= DEID_XD && a <= DEID_ZD;
}

/* The action for an element of which there is a row. */
enum deid_action
deid_action_of(
    struct deid *d, const struct dcm_element *e, const struct deid_row *row)
{
	enum deid_action a = d->action[row_index(row)];
	uint32_t in = e->depth ? d->sequence[e->depth] : 0;

	return open_choice(a) ? deid_decide(a, iod_type(d->kind, in, e->tag))
			      : a;
}

bool
deid_is_structural(uint32_t tag)
{
	size_t i;

	for (i = 0; i < deid_structural_count; i++)
		if (deid_structural[i] == tag)
			return true;
	return false;
}

/*
 * What the table does not say about whole groups: commands, file meta
 * information and directories have no place in a data set; group lengths are
 * void once something was removed; an overlay without its Overlay Data (which
 * the table removes) is not valid, and its label is free text.
 */
bool
deid_drops_group(uint32_t tag)
{
	unsigned group = TAG_GROUP(tag);

	return TAG_PRIVATE(tag) || group < 8 || (tag & 0xffff) == 0 ||
	       (group & 0xffe1) == 0x5000 || (group & 0xffe1) == 0x6000;
}

bool
deid_removes(const struct deid *d, uint32_t tag)
{
	const struct deid_row *row;
	const struct rule *own;

	if (deid_drops_group(tag))
		return true;
	if ((row = deid_find(tag)) != NULL)
		return d->action[row_index(row)] == DEID_X;
	if ((own = rules_tag(d->profile->rules, tag)) != NULL)
		return own->action == DEID_X;
	return dict_vr(tag) == 0;
}

bool
deid_drops(const struct deid *d, uint32_t tag)
{
	/* Removed, but needed before that. */
	if (tag == ISSUER || (d->clean && clean_needs(d->clean, tag)))
		return false;
	return deid_removes(d, tag);
}

/* The user's own rule for what the table does not have, or NULL. */
const struct rule *
deid_own_rule(const struct deid *d, uint32_t tag, unsigned vr)
{
	const struct rules *r = d->profile->rules;
	const struct rule *own = rules_tag(r, tag);

	return own ? own : rules_vr(r, vr);
}
