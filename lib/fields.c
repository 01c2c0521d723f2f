#include <string.h>

#include "fields.h"

/* How a value must look: others are left out, whoever wrote them. */
enum look { CODE, DATE, AGE, UID, TEXT };

static const struct field {
	const char *name;
	uint32_t tag; /* 0: not from the object */
	enum look look;
} table[] = {
	{ "modality", 0x00080060, CODE },
	{ "pseudonym", 0, TEXT },
	{ "body-part", 0x00180015, CODE },
	{ "study-date", 0x00080020, DATE },
	{ "acquisition-date", 0x00080022, DATE },
	{ "sex", 0x00100040, CODE },
	{ "age", 0x00101010, AGE },
	{ "laterality", 0x00200060, CODE },
	{ "sop-class", 0x00080016, UID },
	{ "manufacturer", 0x00080070, TEXT },
	{ "model", 0x00081090, TEXT },
	{ "study-description", 0x00081030, TEXT },
	{ "series-description", 0x0008103e, TEXT },
	{ "protocol", 0x00181030, TEXT },
};
#define FIELDS (sizeof table / sizeof *table)

int
fields_parse(fields *f, const char *list, struct why *w)
{
	const char *p = list ? list : "modality,pseudonym";
	size_t n;
	unsigned i;

	*f = 0;
	if (strcmp(p, "none") == 0)
		return 0;
	for (;; p += n + 1) {
		n = strcspn(p, ",");
		for (i = 0; i < FIELDS; i++)
			if (strlen(table[i].name) == n &&
			    memcmp(table[i].name, p, n) == 0)
				break;
		if (i == FIELDS)
			return why_set(w, EXIT_USAGE,
			    "--catalogue-fields: %.*s: no such field",
			    n > 80 ? 80 : (int)n, p);
		*f |= 1u << i;
		if (p[n] == '\0')
			return 0;
	}
}

static bool
fits(enum look look, const char *s, size_t n)
{
	static const char digits[] = "0123456789";

	switch (look) {
	case CODE:
		return n <= 16 && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					      "0123456789_ ")] == '\0';
	case DATE:
		return n == 8 && strspn(s, digits) == 8;
	case AGE:
		return n == 4 && strspn(s, digits) == 3 &&
		       strchr("DWMY", s[3]) != NULL;
	case UID:
		return s[strspn(s, "0123456789.")] == '\0';
	case TEXT:
		break;
	}
	return true;
}

void
fields_put(
    fields f, struct rec *r, struct dcm *set, const struct deid_names *names)
{
	char value[65];
	unsigned i;
	size_t n;

	for (i = 0; i < FIELDS; i++) {
		if ((f >> i & 1) == 0)
			continue;
		if (table[i].tag == 0) {
			rec_set_text(r, table[i].name, names->patient);
			continue;
		}
		n = dcm_get(set, table[i].tag, value, sizeof value);
		if (n > 0 && fits(table[i].look, value, n))
			rec_set(r, table[i].name, value, n);
	}
}
