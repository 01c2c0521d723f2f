#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "hydra_api.h"

/* What one store is at. */
struct fleet_lane {
	struct fleet *f;
	unsigned s;
	fleet_job *job;
	void *arg;
	int result;
	struct why why;
};

size_t
fleet_secret(const struct stores *list)
{
	unsigned s, far = 0;

	for (s = 0; s < list->count; s++)
		far += strncmp(list->store[s].url, "https:", 6) == 0;
	/* With less, requests are shorter. */
	return (far < 4 ? far : 4) * (size_t)STORE_SECRET +
	       (list->count - far) * (size_t)HYDRA_SECRET;
}

void
fleet_lose(struct fleet *f, unsigned s, const struct why *w)
{
	if (f->lost++ == 0)
		f->first = *w;
	if (f->say != NULL)
		f->say(f, s, w);
	else
		say_error("%s", w->text);
	store_close(f->store[s]);
	f->store[s] = NULL;
}

void
fleet_open(struct fleet *f, struct stores *list, bool create)
{
	const struct stores_one *one;
	struct why w;
	unsigned s;

	f->stores = list;
	f->count = list->count;
	f->lost = 0;
	if ((f->lane = calloc(f->count, sizeof *f->lane)) == NULL)
		die(EXIT_IO, "out of memory");
	for (s = 0; s < f->count; s++) {
		one = &list->store[s];
		f->lane[s].f = f;
		f->lane[s].s = s;
		f->store[s] =
		    store_open(one->x, one->url, one->pin, create, &w);
		if (f->store[s] == NULL)
			fleet_lose(f, s, &w);
	}
}

void
fleet_close(struct fleet *f)
{
	unsigned s;

	for (s = 0; s < f->count; s++)
		store_close(f->store[s]);
	free(f->lane);
	stores_free(f->stores);
}

static void *
work(void *arg)
{
	struct fleet_lane *l = arg;

	l->result = l->job(l->arg, l->s, l->f->store[l->s], &l->why);
	return NULL;
}

void
fleet_each(struct fleet *f, unsigned n, fleet_job *job, void *arg)
{
	pthread_t thread[255];
	bool apart[255] = { false };
	unsigned s, last = 0;

	for (s = 0; s < f->count; s++)
		if (f->store[s] != NULL)
			last = s;
	/* The last one may as well be done here: we would only wait. */
	for (s = 0; s < f->count; s++) {
		f->lane[s].job = job;
		f->lane[s].arg = arg;
		if (f->store[s] != NULL && s != last &&
		    (n > 1 || store_far(f->store[s])))
			apart[s] = pthread_create(&thread[s], NULL, work,
				       &f->lane[s]) == 0;
	}
	for (s = 0; s < f->count; s++)
		if (f->store[s] != NULL && !apart[s])
			work(&f->lane[s]);
	for (s = 0; s < f->count; s++)
		if (apart[s])
			pthread_join(thread[s], NULL);
	for (s = 0; s < f->count; s++)
		if (f->store[s] != NULL && f->lane[s].result < 0)
			fleet_lose(f, s, &f->lane[s].why);
}

int
fleet_code(const struct fleet *f)
{
	int code = f->first.code;

	return code == EXIT_RETRY || code == EXIT_DATA || code == EXIT_DENIED
		   ? code
		   : EXIT_FEW;
}

char *
fleet_list(const struct fleet *f, const bool which[], char list[FLEET_LIST])
{
	size_t n = 0;
	unsigned s;

	*list = '\0';
	for (s = 0; s < f->count; s++)
		if (which[s])
			n += (size_t)snprintf(list + n, FLEET_LIST - n, "%s%u",
			    n ? "," : "", f->stores->store[s].x);
	return list;
}
