#include <string.h>

#include "acl.h"
#include "tally.h"

/* A store refuses this key: say so. */
static void
refused(const char *id, const struct store *store, const char *error,
    const struct line *l)
{
	static const struct {
		const char *error;
		int code;
		const char *text;
	} known[] = {
		{ "denied", EXIT_DENIED, "we may not" },
		{ "missing", EXIT_DENIED, "has no such key" },
		{ "removed", EXIT_DENIED, "has removed it, for ever" },
		{ "held", EXIT_DENIED, "held: another admin has to confirm" },
		{ "changed", EXIT_NO, "it has changed since it was shown" },
		{ "damaged", EXIT_DATA, "its rights are damaged" },
		{ "busy", EXIT_RETRY, "too many requests by us" },
	};
	char text[200];
	struct why w;
	unsigned i;

	why_set(&w, EXIT_DATA, "%s: refuses it", store_name(store));
	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(error, known[i].error) == 0)
			why_set(&w, known[i].code, "%s: %s", store_name(store),
			    known[i].text);
	if (strcmp(error, "bad") == 0 &&
	    line_text(l, "why", text, sizeof text, &w) > 0)
		why_set(&w, EXIT_DATA, "%s: %s", store_name(store), text);
	aside(id, &w);
}

/* Where a store stands with a key, beside 0, 1...: one of several rights. */
enum { AWAY = -1, REFUSED = -2 };

/*
 * Sort the stores by what they have.  Returns how many different rights there
 * are, each in a[] and had by has[] stores; *error is the first refusal.
 */
static int
sort_out(const struct fleet *f, struct line *const answer[], const char *id,
    int *group_of, struct acl *a, unsigned *has, const char **error)
{
	const char *e;
	struct why w;
	unsigned s;
	int g, n = 0;

	for (s = 0; s < f->count; s++) {
		group_of[s] = AWAY;
		if (f->store[s] == NULL)
			continue;
		acl_init(&a[n]);
		if ((e = line_word(answer[s], "error")) == NULL &&
		    acl_from_line(&a[n], answer[s], &w) < 0)
			e = "damaged";
		if (e != NULL) {
			acl_free(&a[n]);
			group_of[s] = REFUSED;
			*error = *error ? *error : e;
			refused(id, f->store[s], e, answer[s]);
			continue;
		}
		for (g = 0; !acl_equal(&a[g], &a[n]); g++)
			;
		if (g == n)
			has[n++] = 0;
		else
			acl_free(&a[n]);
		group_of[s] = g;
		has[g]++;
	}
	return n;
}

/* Name the stores that are lost. */
static void
name_lost(const struct fleet *f, const char *id, const char *done)
{
	char list[FLEET_LIST];
	bool away[255];
	struct why w;
	unsigned s;

	for (s = 0; s < f->count; s++)
		away[s] = f->store[s] == NULL;
	why_set(&w, fleet_code(f), "not %s stores %s", done,
	    fleet_list(f, away, list));
	aside(id, &w);
}

void
tally(const struct fleet *f, struct line *const answer[], const char *done,
    struct line *shown)
{
	static struct acl a[255];
	char list[FLEET_LIST], differ[FLEET_LIST];
	bool same[255], other[255];
	const char *error = "unavailable", *refusal = NULL;
	unsigned has[255], s;
	int group_of[255], g, n, most = 0;
	struct why w;

	if (f->lost > 0)
		name_lost(f, shown->name, done);
	n = sort_out(f, answer, shown->name, group_of, a, has, &refusal);
	if (n == 0) {
		line_set_word(shown, "error", refusal ? refusal : error);
		return;
	}
	for (g = 1; g < n; g++)
		if (has[g] > has[most])
			most = g;
	for (s = 0; s < f->count; s++) {
		same[s] = group_of[s] == most;
		other[s] = group_of[s] >= 0 && !same[s];
	}
	acl_to_line(shown, &a[most]);
	line_set_word(shown, "stores", fleet_list(f, same, list));
	if (n > 1) {
		line_set_word(shown, "differ", fleet_list(f, other, differ));
		why_set(&w, EXIT_NO, "stores %s differ from stores %s", differ,
		    list);
		aside(shown->name, &w);
	}
	for (g = 0; g < n; g++)
		acl_free(&a[g]);
}
