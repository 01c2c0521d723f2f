#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crew.h"
#include "say.h"
#include "secret.h"

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t given, done;
	struct crew_job *first, **end;
	void (*work)(struct crew_job *job);
};

static void *
serve(void *arg)
{
	struct crew *c = arg;
	struct crew_job *job;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while ((job = c->first) == NULL)
			pthread_cond_wait(&c->given, &c->lock);
		if ((c->first = job->next) == NULL)
			c->end = &c->first;
		pthread_mutex_unlock(&c->lock);
		c->work(job);
		pthread_mutex_lock(&c->lock);
		job->done = true;
		pthread_cond_broadcast(&c->done);
	}
	return NULL;
}

/* While threads run, nothing that they use may be torn down. */
static void
leave(int status, void *arg)
{
	(void)arg;
	fflush(NULL);
	_exit(status);
}

struct crew *
crew_new(unsigned threads, void (*work)(struct crew_job *job))
{
	struct crew *c = calloc(1, sizeof *c);
	sigset_t all, before;
	unsigned char one;
	pthread_t t;

	if (c == NULL)
		die(EXIT_IO, "out of memory");
	/* What OpenSSL tears down must be registered before. */
	secret_random(&one, 1);
	on_exit(leave, NULL);
	c->end = &c->first;
	c->work = work;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->given, NULL);
	pthread_cond_init(&c->done, NULL);
	/* Signals are for the thread that everything began with. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (threads-- > 0)
		if (pthread_create(&t, NULL, serve, c) != 0)
			die(EXIT_IO, "cannot make a thread");
		else
			pthread_detach(t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return c;
}

void
crew_give(struct crew *c, struct crew_job *job)
{
	pthread_mutex_lock(&c->lock);
	job->next = NULL;
	job->done = false;
	*c->end = job;
	c->end = &job->next;
	pthread_cond_signal(&c->given);
	pthread_mutex_unlock(&c->lock);
}

void
crew_wait(struct crew *c, struct crew_job *job)
{
	pthread_mutex_lock(&c->lock);
	while (!job->done)
		pthread_cond_wait(&c->done, &c->lock);
	pthread_mutex_unlock(&c->lock);
}
