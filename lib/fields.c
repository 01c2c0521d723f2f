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

const char *
fields_at(unsigned i, uint32_t *tag)
{
	if (i >= FIELDS)
		return NULL;
	*tag = table[i].tag;
	return table[i].name;
}

bool
fields_say(fields f, const char *name, const char *value)
{
	unsigned i;

	for (i = 0; i < FIELDS; i++)
		if (strcmp(table[i].name, name) == 0)
			return (f >> i & 1) != 0 &&
			       fits(table[i].look, value, strlen(value));
	return false;
}
