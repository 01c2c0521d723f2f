#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dimsg.h"
#include "fetch.h"
#include "progress.h"

/* Why an object did not come: a DIMSE status, or one of these. */
enum {
	WAITING = -1,
	RECEIVED = -2,
	LOST = -3,
	CLOSED = -4,  /* the window */
	DOWN = -5,    /* no association: see f->down */
	OTHER = -6,   /* of another study or series than was said */
	UNREAD = -7,  /* its data set is damaged */
	TOO_BIG = -8, /* more than the limit */
};

struct object {
	char *name;            /* STUDY/SERIES/SOP */
	const char *sop_class; /* f->class[] */
	unsigned long line;
	int state;
};

struct batch {
	size_t first, n; /* objects */
	bool again;      /* was asked for before */
	struct batch *next;
};

#define CLASSES 1024 /* SOP classes: there are some 200 */

struct fetch {
	struct fetch_conf c;
	pthread_mutex_t lock; /* for all below; within in->lock */
	pthread_cond_t more;
	struct object *object;
	size_t objects, size, open; /* from open on: not in a batch yet */
	size_t received, unasked;
	struct idset *by_sop;
	char *class[CLASSES];
	int classes;
	struct batch *head, **tail;
	unsigned busy;  /* batches that are being fetched, and may come back */
	unsigned alive; /* associations */
	unsigned workers;
	bool closed;     /* nothing more will be announced */
	struct why down; /* no association can be had */
	struct timespec due;
	pthread_t thread[64];
};

struct worker {
	struct fetch *f;
	struct haul *haul;
};

static void *
need(void *p)
{
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

int
fetch_between(struct fetch_conf *c, const char *text, struct why *w)
{
	int a, b, x, y, n = 0;

	if (sscanf(text, "%2d:%2d-%2d:%2d%n", &a, &b, &x, &y, &n) != 4 ||
	    text[n] != '\0' || a < 0 || a > 23 || b < 0 || b > 59 || x < 0 ||
	    x > 24 || y < 0 || y > 59 || x * 60 + y > 1440)
		return why_set(w, EXIT_USAGE, "--between: not HH:MM-HH:MM");
	c->from = a * 60 + b;
	c->to = x * 60 + y;
	return 0;
}

int
fetch_rate(struct fetch_conf *c, const char *text, struct why *w)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10), unit = 1;

	if (*end == 'k')
		unit = 1000, end++;
	else if (*end == 'M')
		unit = 1000000, end++;
	if (*text < '0' || *text > '9' || *end != '\0' || n == 0 || n > 1000000)
		return why_set(w, EXIT_USAGE, "--rate: not N, Nk or NM");
	c->rate = n * unit;
	return 0;
}

bool
fetch_open_now(const struct fetch_conf *c)
{
	const time_t now = time(NULL);
	struct tm tm;
	int m;

	localtime_r(&now, &tm);
	m = tm.tm_hour * 60 + tm.tm_min;
	if (c->from == c->to)
		return true;
	return c->from < c->to ? m >= c->from && m < c->to
			       : m >= c->from || m < c->to;
}

static struct object *
by_sop(struct fetch *f, const char *sop)
{
	unsigned char id[16];
	unsigned i;

	idset_name(id, sop);
	return idset_has(f->by_sop, id, &i) ? f->object + i : NULL;
}

/* An object has come: is it one we asked for?  See intake.h. */
static int
on_name(void *arg, const struct walk_uids *u, const char *sop, char *name)
{
	struct fetch *f = arg;
	struct object *o;
	int status = 0;

	snprintf(name, REC_NAME_MAX, "%s/%s/%s", u->study, u->series, sop);
	pthread_mutex_lock(&f->lock);
	if ((o = by_sop(f, sop)) == NULL) {
		f->unasked++;
		status = DIMSG_MISMATCH;
	} else if (o->state == RECEIVED) {
		status = INTAKE_AGAIN;
	} else if (strcmp(o->name, name) != 0) {
		o->state = OTHER;
		status = DIMSG_MISMATCH;
	}
	pthread_mutex_unlock(&f->lock);
	return status;
}

static void
on_done(void *arg, const char *sop, int status)
{
	struct fetch *f = arg;
	struct object *o;

	pthread_mutex_lock(&f->lock);
	o = by_sop(f, sop);
	if (o != NULL && status == 0) {
		o->state = RECEIVED;
		f->received++;
		progress_add(1, 0);
	} else if (o != NULL && o->state == WAITING) {
		if (status == DIMSG_NOT_UNDERSTOOD || status == DIMSG_MISMATCH)
			o->state = UNREAD;
		else if (status == DIMSG_FULL)
			o->state = TOO_BIG;
	}
	pthread_mutex_unlock(&f->lock);
}

/* Not faster than the rate: each waits until what was taken is paid for. */
static void
on_paced(void *arg, size_t bytes)
{
	struct fetch *f = arg;
	struct timespec now, until;
	unsigned long long ns;

	if (f->c.rate == 0)
		return;
	ns = (unsigned long long)((double)bytes * 1e9 / (double)f->c.rate);
	pthread_mutex_lock(&f->lock);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (f->due.tv_sec < now.tv_sec ||
	    (f->due.tv_sec == now.tv_sec && f->due.tv_nsec < now.tv_nsec))
		f->due = now;
	ns += (unsigned long long)f->due.tv_nsec;
	f->due.tv_sec += (time_t)(ns / 1000000000);
	f->due.tv_nsec = (long)(ns % 1000000000);
	until = f->due;
	pthread_mutex_unlock(&f->lock);
	while (
	    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
		;
}

/* With f->lock held. */
static void
put_batch(struct fetch *f, size_t first, size_t n, bool again)
{
	struct batch *b = need(malloc(sizeof *b));

	*b = (struct batch){ first, n, again, NULL };
	*f->tail = b;
	f->tail = &b->next;
	pthread_cond_signal(&f->more);
}

static const char *
intern(struct fetch *f, const char *sop_class)
{
	int i;

	for (i = 0; i < f->classes; i++)
		if (strcmp(f->class[i], sop_class) == 0)
			return f->class[i];
	if (f->classes == CLASSES)
		return f->class[0];
	return f->class[f->classes++] = need(strdup(sop_class));
}

static size_t
series_length(const char *name)
{
	return (size_t)(strrchr(name, '/') - name);
}

static bool
go_together(const struct object *a, const struct object *b)
{
	const size_t n = series_length(a->name);

	return a->sop_class == b->sop_class && n == series_length(b->name) &&
	       memcmp(a->name, b->name, n) == 0;
}

bool
fetch_add(struct fetch *f, const struct query_name *name, const char *sop_class,
    unsigned long line)
{
	unsigned char id[16];
	struct object *o;
	char text[256];
	bool new;

	snprintf(text, sizeof text, "%s/%s/%s", name->study, name->series,
	    name->sop);
	idset_name(id, name->sop);
	pthread_mutex_lock(&f->lock);
	if ((new = idset_add(f->by_sop, id, (unsigned)f->objects))) {
		if (f->objects == f->size) {
			f->size = f->size ? 2 * f->size : 1024;
			f->object = need(
			    realloc(f->object, f->size * sizeof *f->object));
		}
		o = f->object + f->objects;
		*o = (struct object){ need(strdup(text)), intern(f, sop_class),
			line, WAITING };
		if (f->open < f->objects &&
		    (!go_together(o - 1, o) ||
			f->objects - f->open >= f->c.batch)) {
			put_batch(f, f->open, f->objects - f->open, false);
			f->open = f->objects;
		}
		f->objects++;
	}
	pthread_mutex_unlock(&f->lock);
	return new;
}

static void
end_batch(struct fetch *f, struct batch *b)
{
	pthread_mutex_lock(&f->lock);
	f->busy--;
	pthread_cond_broadcast(&f->more);
	pthread_mutex_unlock(&f->lock);
	free(b);
}

/* What has not come of b: again, each on its own, or why. */
static void
account(struct fetch *f, const struct batch *b, int state, bool again)
{
	size_t i;

	pthread_mutex_lock(&f->lock);
	for (i = b->first; i < b->first + b->n; i++) {
		if (f->object[i].state != WAITING)
			continue;
		if (again)
			put_batch(f, i, 1, true);
		else
			f->object[i].state = state;
	}
	pthread_mutex_unlock(&f->lock);
}

static void
hang_up(struct worker *k, bool clean)
{
	if (!haul_is_open(k->haul))
		return;
	haul_close(k->haul, clean);
	pthread_mutex_lock(&k->f->lock);
	k->f->alive--;
	pthread_mutex_unlock(&k->f->lock);
}

/* An association that can take the class: 0, or -1 with *w. */
static int
dial(struct worker *k, const char *wanted, struct why *w)
{
	const bool before = haul_is_open(k->haul);
	struct fetch *f = k->f;
	const char *class[DIMSE_CONTEXTS];
	int n, got;

	pthread_mutex_lock(&f->lock);
	n = f->classes < DIMSE_CONTEXTS ? f->classes : DIMSE_CONTEXTS;
	memcpy(class, f->class, (size_t)n * sizeof *class);
	pthread_mutex_unlock(&f->lock);
	got = haul_open(k->haul, wanted, class, n, w);
	pthread_mutex_lock(&f->lock);
	f->alive += haul_is_open(k->haul);
	f->alive -= before;
	pthread_mutex_unlock(&f->lock);
	return got;
}

/*
 * The next batch; NULL when there will be none.  Servers have few associations
 * to give: one that nothing is asked over is ended, so that another, perhaps of
 * ours, can be had.
 */
static struct batch *
take_batch(struct worker *k)
{
	struct fetch *f = k->f;
	struct timespec until;
	struct batch *b;
	bool idle = false;

	pthread_mutex_lock(&f->lock);
	while (f->head == NULL && !(f->closed && f->busy == 0)) {
		if (!haul_is_open(k->haul)) {
			pthread_cond_wait(&f->more, &f->lock);
		} else if (idle || f->closed) {
			pthread_mutex_unlock(&f->lock);
			hang_up(k, true);
			pthread_mutex_lock(&f->lock);
		} else {
			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_sec++;
			idle = pthread_cond_timedwait(
				   &f->more, &f->lock, &until) != 0;
		}
	}
	if ((b = f->head) != NULL) {
		if ((f->head = b->next) == NULL)
			f->tail = &f->head;
		f->busy++;
	}
	pthread_mutex_unlock(&f->lock);
	return b;
}

/* The request for what is missing of a batch; false if nothing is. */
static bool
make_request(struct fetch *f, const struct batch *b, struct ident *q)
{
	char *list = need(malloc(b->n * 66 + 1)), *p = list, *series;
	struct why w;
	size_t i;

	ident_init(q);
	*p = '\0';
	pthread_mutex_lock(&f->lock);
	for (i = b->first; i < b->first + b->n; i++)
		if (f->object[i].state == WAITING)
			p += sprintf(p, "%s%s", p == list ? "" : "\\",
			    strrchr(f->object[i].name, '/') + 1);
	series = need(strdup(f->object[b->first].name));
	pthread_mutex_unlock(&f->lock);
	*strrchr(series, '/') = '\0';
	*strchr(series, '/') = '\0';
	if (*list &&
	    (ident_set(q, TAG_LEVEL, "IMAGE", &w) < 0 ||
		ident_set(q, TAG_STUDY, series, &w) < 0 ||
		ident_set(q, TAG_SERIES, series + strlen(series) + 1, &w) < 0 ||
		ident_set(q, TAG_SOP, list, &w) < 0))
		die_why(&w);
	free(series);
	i = *list != '\0';
	free(list);
	return i;
}

/* No association: others may have one; if none has, nobody tries again. */
static bool
give_up(struct worker *k, struct batch *b, const struct why *w)
{
	struct fetch *f = k->f;
	bool quit = false;

	pthread_mutex_lock(&f->lock);
	if (f->alive > 0 && f->workers > 1) {
		put_batch(f, b->first, b->n, b->again);
		f->workers--;
		quit = true;
	} else if (f->down.code == 0) {
		f->down = *w;
	}
	pthread_mutex_unlock(&f->lock);
	if (!quit)
		account(f, b, DOWN, false);
	return quit;
}

/* Ask for what is missing of a batch.  Returns whether this worker is to end.
 */
static bool
ask(struct worker *k, struct batch *b)
{
	struct fetch *f = k->f;
	struct why w = { 0 };
	unsigned status;
	struct ident q;
	int got;

	if (!make_request(f, b, &q))
		return false;
	got = haul_get(k->haul, &q, &status, &w);
	ident_free(&q);
	if (got < 0)
		hang_up(k, false);
	if (got == HAUL_NOBODY)
		return give_up(k, b, &w);
	if (got < 0)
		account(f, b, w.code == EXIT_DATA ? UNREAD : LOST, !b->again);
	else
		/* Some servers take no lists; some fail for one of many. */
		account(f, b, (int)status,
		    !b->again && b->n > 1 && !dicomweb_busy(status));
	return false;
}

/* As ask(). */
static bool
do_batch(struct worker *k, struct batch *b)
{
	struct fetch *f = k->f;
	struct why w = { 0 };
	const char *class;
	bool down;

	pthread_mutex_lock(&f->lock);
	down = f->down.code != 0;
	class = f->object[b->first].sop_class;
	pthread_mutex_unlock(&f->lock);
	if (down || f->c.in->why.code != 0) {
		account(f, b, DOWN, false);
		return false;
	}
	if (!fetch_open_now(&f->c)) {
		account(f, b, CLOSED, false);
		return false;
	}
	if (dial(k, class, &w) < 0)
		return give_up(k, b, &w);
	return ask(k, b);
}

static void *
work(void *arg)
{
	struct worker *k = arg;
	struct batch *b;
	bool quit = false;

	while (!quit && (b = take_batch(k)) != NULL) {
		quit = do_batch(k, b);
		end_batch(k->f, b);
	}
	hang_up(k, true);
	haul_free(k->haul);
	free(k);
	return NULL;
}

struct fetch *
fetch_new(const struct fetch_conf *c)
{
	struct fetch *f = need(calloc(1, sizeof *f));
	unsigned i;

	f->c = *c;
	f->tail = &f->head;
	f->by_sop = idset_new();
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->more, NULL);
	c->in->name = on_name;
	c->in->done = on_done;
	c->in->paced = on_paced;
	c->in->arg = f;
	f->workers = c->jobs;
	for (i = 0; i < c->jobs; i++) {
		struct worker *k = need(calloc(1, sizeof *k));

		k->f = f;
		k->haul = haul_new(&f->c.haul, c->in);
		if (pthread_create(&f->thread[i], NULL, work, k) != 0)
			die(EXIT_IO, "no threads");
	}
	return f;
}

int
fetch_finish(struct fetch *f, struct why *w)
{
	unsigned i;

	pthread_mutex_lock(&f->lock);
	if (f->open < f->objects)
		put_batch(f, f->open, f->objects - f->open, false);
	f->open = f->objects;
	f->closed = true;
	pthread_cond_broadcast(&f->more);
	pthread_mutex_unlock(&f->lock);
	for (i = 0; i < f->c.jobs; i++)
		pthread_join(f->thread[i], NULL);
	if (f->c.in->why.code == 0)
		return 0;
	*w = f->c.in->why;
	return -1;
}

static void
why_missing(const struct fetch *f, const struct object *o, struct why *w)
{
	switch (o->state) {
	case LOST:
		why_set(w, EXIT_FEW, "the %s was lost",
		    f->c.haul.web ? "connection" : "association");
		break;
	case CLOSED:
		why_set(w, EXIT_RETRY, "the time of --between is over");
		break;
	case WAITING:
	case DOWN:
		*w = f->down;
		break;
	case OTHER:
		why_set(w, EXIT_DATA,
		    "what was sent is of another study or series");
		break;
	case UNREAD:
		why_set(w, EXIT_DATA,
		    "what was sent is not the object, or damaged");
		break;
	case TOO_BIG:
		why_set(w, EXIT_NO, "larger than --max-size");
		break;
	default:
		dicomweb_why((unsigned)o->state, w);
	}
}

void
fetch_missing(struct fetch *f,
    void (*fn)(
	void *, const char *, const char *, unsigned long, const struct why *),
    void *arg)
{
	struct why w;
	size_t i;

	for (i = 0; i < f->objects; i++) {
		const struct object *o = f->object + i;

		if (o->state == RECEIVED)
			continue;
		why_missing(f, o, &w);
		fn(arg, o->name, o->sop_class, o->line, &w);
	}
}

unsigned long
fetch_announced(const struct fetch *f)
{
	return f->objects;
}

unsigned long
fetch_received(const struct fetch *f)
{
	return f->received;
}

unsigned long
fetch_unasked(const struct fetch *f)
{
	return f->unasked;
}
