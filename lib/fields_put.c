#include "fields.h"

void
fields_put(
    fields f, struct rec *r, struct dcm *set, const struct deid_names *names)
{
	char value[65];
	const char *name;
	uint32_t tag;
	unsigned i;
	size_t n;

	for (i = 0; (name = fields_at(i, &tag)) != NULL; i++) {
		if ((f >> i & 1) == 0)
			continue;
		if (tag == 0) {
			rec_set_text(r, name, names->patient);
			continue;
		}
		n = dcm_get(set, tag, value, sizeof value);
		if (n > 0 && fields_say(f, name, value))
			rec_set(r, name, value, n);
	}
}
