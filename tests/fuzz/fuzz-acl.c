#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"

/* What was read is written and read again the same, in its one form. */
static void
round_trip(const struct acl *a)
{
	char perms[ACL_PERMS], *list = acl_list(a), *again, *shown;
	struct acl b, c;
	struct line l;
	struct why w;

	acl_init(&b);
	acl_perms(perms, a);
	if (acl_set_list(&b, list, &w) < 0 ||
	    acl_set_perms(&b, perms, &w) < 0 ||
	    acl_set_held(&b, a->held, &w) < 0)
		abort();
	again = acl_list(&b);
	if (strcmp(list, again) != 0 || !acl_equal(a, &b))
		abort();
	shown = acl_show(a, "id");
	if (acl_set_list(&b, shown, &w) < 0 || !acl_equal(a, &b))
		abort();
	acl_init(&c);
	line_init(&l, false);
	line_set_name(&l, "id", 2);
	acl_to_line(&l, a);
	if (acl_from_line(&c, &l, &w) < 0 || !acl_equal(a, &c))
		abort();
	line_free(&l);
	acl_free(&b);
	acl_free(&c);
	free(list);
	free(again);
	free(shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is a mode or sets, the rest a list, then one that deletes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *list, *out;
	struct who who = { (char *)(uintptr_t) "/CN=nobody", NULL, 0 };
	struct acl a;
	struct why w;

	if (text == NULL)
		abort();
	list = strchr(text, '\n');
	if (list != NULL)
		*list++ = '\0';
	else
		list = text + strlen(text);
	out = strstr(list, "\n\n");
	acl_init(&a);
	if (acl_chmod(&a, text, &w) < 0)
		acl_set_perms(&a, text, &w);
	if (acl_modify(&a, list, &w) == 0)
		round_trip(&a);
	if (acl_set_held(&a, list, &w) == 0)
		round_trip(&a);
	if (out != NULL && acl_delete(&a, out, &w) == 0)
		round_trip(&a);
	if (*a.held != '\0' &&
	    (acl_rights(&a, &who, true) & (ACL_G | ACL_S)) != 0)
		abort();
	acl_free(&a);
	free(text);
	return 0;
}
