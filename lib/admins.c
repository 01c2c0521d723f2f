#include <stdlib.h>
#include <string.h>

#include "admins.h"
#include "who.h"

#define MOST 10000 /* a store that names more is not believed */

struct admins {
	struct admin {
		char *who;
		unsigned stores;
		bool here; /* at the store that is asked */
	} * admin;
	unsigned count;
};

struct admins *
admins_new(void)
{
	struct admins *a = calloc(1, sizeof *a);

	if (a == NULL || (a->admin = calloc(MOST, sizeof *a->admin)) == NULL)
		die(EXIT_IO, "out of memory");
	return a;
}

void
admins_free(struct admins *a)
{
	unsigned i;

	for (i = 0; i < a->count; i++)
		free(a->admin[i].who);
	free(a->admin);
	free(a);
}

static void
begin(void *arg)
{
	struct admins *a = arg;
	unsigned i;

	for (i = 0; i < a->count; i++)
		a->admin[i].here = false;
}

static int
take(void *arg, const struct line *l, struct why *w)
{
	struct admins *a = arg;
	char who[WHO_MAX + 1];
	unsigned i;

	/* As admin, "*" is nobody. */
	if (strcmp(l->name, "admin") != 0)
		return 0;
	if (line_text(l, "who", who, sizeof who, w) < 0)
		return -1;
	if (who_kind(who) == WHO_NONE)
		return 0;
	for (i = 0; i < a->count; i++)
		if (strcmp(a->admin[i].who, who) == 0)
			break;
	if (i == MOST)
		return why_set(w, EXIT_DATA, "names too many admins");
	if (i == a->count) {
		if ((a->admin[i].who = strdup(who)) == NULL)
			die(EXIT_IO, "out of memory");
		a->count++;
	}
	a->admin[i].here = true;
	return 0;
}

int
admins_ask(struct admins *a, struct store *s, struct why *w)
{
	const struct store_about about = { begin, take, a };
	unsigned i;

	begin(a);
	if (store_about(s, &about, w) < 0)
		return -1;
	for (i = 0; i < a->count; i++)
		a->admin[i].stores += a->admin[i].here;
	return 0;
}

static void
warn_of_operators(const struct stores *stores)
{
	const struct stores_one *a, *b, *end = stores->store + stores->count;
	unsigned n;

	for (a = stores->store; a < end; a++) {
		for (b = stores->store; b < a; b++)
			if (strcmp(a->operator, b->operator) == 0)
				break;
		if (b < a || *a->operator== '\0')
			continue;
		for (n = 0; b < end; b++)
			n += strcmp(a->operator, b->operator) == 0;
		if (n >= stores->threshold)
			say_warning("%s: runs %u stores, and any %u of them "
				    "open every image",
			    a->operator, n, stores->threshold);
	}
}

void
admins_warn(const struct admins *a, const struct stores *stores)
{
	unsigned i;

	warn_of_operators(stores);
	for (i = 0; i < a->count; i++)
		if (a->admin[i].stores >= stores->threshold)
			say_warning("%s: is an admin of %u stores, and any %u "
				    "of them open every image",
			    a->admin[i].who, a->admin[i].stores,
			    stores->threshold);
}
