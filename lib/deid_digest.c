#include <stdio.h>
#include <string.h>

#include "deid_impl.h"
#include "dict.h"
#include "hash.h"
#include "mask.h"
#include "private.h"
#include "srclean.h"

#define RULES                                                                  \
	"mdm rules 2" /* counts up when the code below decides otherwise */

static void
add_row(struct sums *s, const struct deid_row *r)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%08x %s %d %s\n", (unsigned)r->tag,
	    r->vr, r->action, r->option);

	sums_add(s, text, (size_t)n);
}

/* What is known of private elements and of content items. */
static void
add_clean(struct sums *s)
{
	char text[160];
	size_t i;

	for (i = 0; i < private_creator_count; i++)
		sums_add(s, text,
		    (size_t)snprintf(text, sizeof text, "%s %d\n",
			private_creators[i].name, private_creators[i].count));
	for (i = 0; i < private_row_count; i++)
		sums_add(s, text,
		    (size_t)snprintf(text, sizeof text, "%04x%02x %s %c%c\n",
			private_rows[i].group, private_rows[i].low,
			private_rows[i].vr, private_rows[i].safe,
			private_rows[i].tcia));
	for (i = 0; i < srclean_row_count; i++)
		sums_add(s, text,
		    (size_t)snprintf(text, sizeof text, "%s %s %s %d %s\n",
			srclean_rows[i].code, srclean_rows[i].scheme,
			srclean_rows[i].type, srclean_rows[i].action,
			srclean_rows[i].option));
}

/* Over everything that decides: table, dictionary, RULES and the profile. */
void
deid_rules_digest(const struct deid_profile *p, char out[17])
{
	struct sums s = { 0 };
	struct sums_text t;
	char text[32];
	size_t i;

	sums_begin(&s);
	sums_add(&s, RULES, sizeof RULES);
	for (i = 0; i < deid_row_count; i++)
		add_row(&s, &deid_rows[i]);
	for (i = 0; i < deid_range_count; i++)
		add_row(&s, &deid_ranges[i].row);
	for (i = 0; i < deid_structural_count; i++)
		sums_add(&s, text,
		    (size_t)snprintf(text, sizeof text, "%08x\n",
			(unsigned)deid_structural[i]));
	for (i = 0; i < dict_count; i++)
		sums_add(&s, text,
		    (size_t)snprintf(text, sizeof text, "%012llx\n",
			(unsigned long long)dict_entries[i]));
	if (p->masks != NULL)
		sums_add(&s, mask_digest(p->masks), 16);
	if (p->accepted != 0 || p->faces != PROFILE_FACES_WARN)
		sums_add(&s, text,
		    (size_t)snprintf(text, sizeof text, "accept %x faces %d\n",
			p->accepted, (int)p->faces));
	if (clean_wanted(p))
		add_clean(&s);
	if (p->options != 0)
		sums_add(&s, text,
		    (size_t)snprintf(
			text, sizeof text, "options %03x\n", p->options));
	sums_add(&s, rules_text(p->rules), strlen(rules_text(p->rules)));
	if (p->archive)
		sums_add(&s, "archive\n", 8);
	if (p->patients != NULL)
		sums_add(&s, "patients\n", 9);
	if (profile_has(p, PROFILE_RETAIN_MODIFIED_DATES))
		sums_add(&s, text,
		    (size_t)snprintf(text, sizeof text, "shift %d %d %d\n",
			p->shift_min, p->shift_max, p->shift_time));
	sums_end(&s, &t);
	memcpy(out, t.sha256, 16);
	out[16] = '\0';
}
