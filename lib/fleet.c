#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fleet.h"
#include "hydra_api.h"

/* What one store is at. */
struct fleet_lane {
	struct fleet *f;
	unsigned s;
	enum { IDLE, BUSY, OVER } state; /* under the crew's lock */
	pthread_t thread;
	bool apart; /* has a thread */
	fleet_job *job;
	void *arg;
	int result;
	struct why why;
};

struct fleet_crew {
	pthread_mutex_t lock;
	pthread_cond_t over; /* one of the lanes is */
	struct fleet_lane lane[255];
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
	pthread_condattr_t steady;
	struct why w;
	unsigned s;

	f->stores = list;
	f->count = list->count;
	f->lost = 0;
	if ((f->crew = calloc(1, sizeof *f->crew)) == NULL)
		die(EXIT_IO, "out of memory");
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_mutex_init(&f->crew->lock, NULL);
	pthread_cond_init(&f->crew->over, &steady);
	pthread_condattr_destroy(&steady);
	for (s = 0; s < f->count; s++) {
		one = &list->store[s];
		f->crew->lane[s].f = f;
		f->crew->lane[s].s = s;
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

	fleet_stop(f);
	while (fleet_wait(f, -1) >= 0)
		;
	for (s = 0; s < f->count; s++)
		store_close(f->store[s]);
	pthread_cond_destroy(&f->crew->over);
	pthread_mutex_destroy(&f->crew->lock);
	free(f->crew);
	stores_free(f->stores);
}

static void *
work(void *arg)
{
	struct fleet_lane *l = arg;
	struct fleet_crew *c = l->f->crew;

	l->result = l->job(l->arg, l->s, l->f->store[l->s], &l->why);
	pthread_mutex_lock(&c->lock);
	l->state = OVER;
	pthread_cond_signal(&c->over);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Without a thread, if that is as good or there are no more. */
static void
begin(struct fleet *f, unsigned s, fleet_job *job, void *arg, bool apart)
{
	struct fleet_lane *l = &f->crew->lane[s];

	if (f->store[s] == NULL || l->state != IDLE)
		die(EXIT_BUG, "a job for a store that is lost or busy");
	l->job = job;
	l->arg = arg;
	l->state = BUSY;
	l->apart = apart && pthread_create(&l->thread, NULL, work, l) == 0;
	if (!l->apart)
		work(l);
}

/* The lane whose job is over, now or until then; NULL. */
static struct fleet_lane *
over(struct fleet_crew *c, unsigned count, const struct timespec *until)
{
	unsigned s;
	bool busy;

	for (;;) {
		for (s = 0, busy = false; s < count; s++) {
			if (c->lane[s].state == OVER)
				return &c->lane[s];
			busy |= c->lane[s].state == BUSY;
		}
		if (!busy)
			return NULL;
		if (until == NULL)
			pthread_cond_wait(&c->over, &c->lock);
		else if (pthread_cond_timedwait(&c->over, &c->lock, until) != 0)
			return NULL;
	}
}

/* As fleet_wait(), but nothing is lost yet. */
static struct fleet_lane *
collect(struct fleet *f, int ms)
{
	struct fleet_lane *l;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&f->crew->lock);
	l = over(f->crew, f->count, ms < 0 ? NULL : &until);
	if (l != NULL)
		l->state = IDLE;
	pthread_mutex_unlock(&f->crew->lock);
	if (l != NULL && l->apart)
		pthread_join(l->thread, NULL);
	return l;
}

void
fleet_start(struct fleet *f, unsigned s, fleet_job *job, void *arg)
{
	begin(f, s, job, arg, true);
}

bool
fleet_busy(const struct fleet *f, unsigned s)
{
	bool busy;

	pthread_mutex_lock(&f->crew->lock);
	busy = f->crew->lane[s].state != IDLE;
	pthread_mutex_unlock(&f->crew->lock);
	return busy;
}

int
fleet_wait(struct fleet *f, int ms)
{
	struct fleet_lane *l = collect(f, ms);

	if (l == NULL)
		return -1;
	if (l->result < 0)
		fleet_lose(f, l->s, &l->why);
	return (int)l->s;
}

static void
say_nothing(struct fleet *f, unsigned s, const struct why *w)
{
	(void)f;
	(void)s;
	(void)w;
}

void
fleet_stop(struct fleet *f)
{
	unsigned s;

	f->say = say_nothing;
	for (s = 0; s < f->count; s++)
		if (f->store[s] != NULL && fleet_busy(f, s))
			store_cancel(f->store[s]);
}

void
fleet_each(struct fleet *f, unsigned n, fleet_job *job, void *arg)
{
	unsigned s, last = f->count;
	bool here[255];

	for (s = 0; s < f->count; s++)
		if (f->store[s] != NULL)
			last = s;
	/* The last one may as well be done here: we would only wait. */
	for (s = 0; s < f->count; s++) {
		here[s] = s == last ||
			  (n == 1 && f->store[s] && !store_far(f->store[s]));
		if (f->store[s] != NULL && !here[s])
			begin(f, s, job, arg, true);
	}
	for (s = 0; s < f->count; s++)
		if (f->store[s] != NULL && here[s])
			begin(f, s, job, arg, false);
	while (collect(f, -1) != NULL)
		;
	for (s = 0; s < f->count; s++)
		if (f->store[s] != NULL && f->crew->lane[s].result < 0)
			fleet_lose(f, s, &f->crew->lane[s].why);
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
