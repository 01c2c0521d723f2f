#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacl.h"

/* What was read is written, stored and read again the same. */
static void
round_trip(const struct pacl *a)
{
	char *text = pacl_text(a), *again, *stored, *child;
	struct who who = { (char *)(uintptr_t) "/CN=x", NULL, 0 };
	unsigned mode = 0, made = 0777;
	struct pacl b;
	struct why w;

	pacl_init(&b);
	stored = pacl_store(a, &mode);
	if (pacl_load(&b, mode, stored, &w) < 0)
		abort();
	again = pacl_text(&b);
	if (strcmp(text, again) != 0)
		abort();
	free(again);
	if (strlen(text) <= PACL_TEXT_MAX) {
		if (pacl_set(&b, text, true, &w) < 0)
			abort();
		again = pacl_text(&b);
		if (strcmp(text, again) != 0)
			abort();
		free(again);
	}
	if (pacl_may(a, "/CN=x", "-", &who, 7) != ((mode >> 6 & 7) == 7))
		abort();
	child = pacl_inherit(a, true, &made);
	if (pacl_load(&b, made, child, &w) < 0)
		abort();
	free(child);
	free(stored);
	free(text);
	pacl_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is a mode, the rest a list, then one that deletes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *list, *out;
	unsigned mode = 0644;
	struct pacl a;
	struct why w;

	if (text == NULL)
		abort();
	list = strchr(text, '\n');
	if (list != NULL)
		*list++ = '\0';
	else
		list = text + strlen(text);
	out = strstr(list, "\n\n");
	if (pacl_chmod(&mode, true, text, &w) == 0 &&
	    (mode & ~(0777u | PACL_STICKY)) != 0)
		abort();
	pacl_init(&a);
	if (pacl_load(&a, mode, NULL, &w) < 0)
		abort();
	if (pacl_modify(&a, list, true, &w) == 0)
		round_trip(&a);
	if (out != NULL && pacl_delete(&a, out, &w) == 0)
		round_trip(&a);
	if (pacl_set(&a, list, true, &w) == 0)
		round_trip(&a);
	pacl_drop(&a, size & 1);
	round_trip(&a);
	if (pacl_load(&a, mode, list, &w) == 0)
		round_trip(&a);
	pacl_free(&a);
	free(text);
	return 0;
}
