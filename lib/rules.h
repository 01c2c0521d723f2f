#ifndef RULES_H
#define RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deid_table.h"
#include "say.h"

/*
 * Rules of the user's own, beside the table's: what to do to an attribute, to
 * a private element by its creator, to attributes of a VR that nothing else
 * names, and which SOP classes to take at all.  profile(5) has their form.
 * Of two rules for the same, the one that was added later holds.
 */
struct rules; /* opaque */

struct rule {
	enum deid_action action; /* K, Z, X, U or one of DEID_CLEAN and after */
	const char *value;       /* of DEID_VALUE, NUL-terminated; the rules' */
};

struct rules *rules_new(void);
void rules_free(struct rules *r);

/*
 * Add the rule that the words of a line are: "tag", "private", "vr" or "class"
 * and what belongs to it.  0, or -1 with *w, EXIT_DATA.
 */
int rules_add(struct rules *r, char *const *words, int n, struct why *w);

/* The rule for each; NULL if there is none.  r may be NULL. */
const struct rule *rules_tag(const struct rules *r, uint32_t tag);
const struct rule *rules_private(
    const struct rules *r, const char *creator, uint32_t tag);
const struct rule *rules_vr(const struct rules *r, unsigned vr);

/* Is an object of that SOP class to be set aside? */
bool rules_rejects(const struct rules *r, const char *sop_class);

/* Is there any for private elements; any that cleans text? */
bool rules_know_private(const struct rules *r);
bool rules_clean(const struct rules *r);

/* All of them as lines, in the order in which they were added; "" for none. */
const char *rules_text(const struct rules *r);

#endif
