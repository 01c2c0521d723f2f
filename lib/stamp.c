#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "out.h"
#include "stamp.h"
#include "word.h"

#define SLOTS 4

struct stamp {
	struct recout *out;
	struct hmac *mac;
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t given, written;
	struct slot slot[SLOTS];
	unsigned long gave, wrote; /* slots so far */
	bool stop;
	struct why why; /* the first failure; nothing is written after it */
};

void
stamp_grow(unsigned char **p, size_t *size, size_t n)
{
	unsigned char *q;

	if (*size >= n)
		return;
	if ((q = realloc(*p, n)) == NULL)
		die(EXIT_IO, "out of memory");
	*p = q;
	*size = n;
}

static void
plain(struct stamp *s, struct rec *r)
{
	unsigned char md[32];
	char hex[65];

	hmac_end(s->mac, md);
	hex_encode(hex, md, sizeof md);
	rec_set_text(r, "plain", hex);
}

static int
put(struct stamp *s, const struct slot *t, struct why *w)
{
	if (recout_write(s->out, t->head, t->head_len, w) < 0)
		return -1;
	return recout_write(s->out, t->body, t->body_len, w);
}

static int
as_record(struct stamp *s, struct slot *t, struct why *w)
{
	struct rec late;
	int r;

	if (t->first)
		hmac_begin(s->mac);
	if (!t->withdrawn) {
		hmac_add(s->mac, t->head, t->head_len);
		hmac_add(s->mac, t->body, t->body_len);
	}
	if (t->first && t->last) {
		plain(s, &t->rec);
		if (recout_begin(s->out, &t->rec, t->size, REC_WHOLE, w) < 0 ||
		    put(s, t, w) < 0)
			return -1;
		return recout_done(s->out, NULL, w);
	}
	if (t->first && recout_begin(s->out, &t->rec, t->size, 0, w) < 0)
		return -1;
	if (t->withdrawn)
		return recout_void(s->out, w);
	if (put(s, t, w) < 0)
		return -1;
	if (!t->last)
		return 0;
	rec_init(&late);
	plain(s, &late);
	r = recout_done(s->out, &late, w);
	rec_clear(&late);
	return r;
}

static int
as_object(struct stamp *s, const struct slot *t, struct why *w)
{
	if (t->withdrawn)
		return 0;
	if (out_write(s->fd, t->head, t->head_len, w) < 0)
		return -1;
	return out_write(s->fd, t->body, t->body_len, w);
}

static void *
work(void *arg)
{
	struct stamp *s = arg;
	struct why w = { 0 };
	int r;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct slot *t = &s->slot[s->wrote % SLOTS];

		while (s->wrote == s->gave && !s->stop)
			pthread_cond_wait(&s->given, &s->lock);
		if (s->wrote == s->gave)
			break;
		r = 0;
		if (s->why.code == 0) {
			pthread_mutex_unlock(&s->lock);
			r = s->out ? as_record(s, t, &w) : as_object(s, t, &w);
			pthread_mutex_lock(&s->lock);
		}
		if (r < 0)
			s->why = w;
		s->wrote++;
		pthread_cond_signal(&s->written);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct stamp *
stamp_open(struct recout *out, int fd, const void *key, size_t key_len)
{
	struct stamp *s = calloc(1, sizeof *s);

	if (s == NULL)
		die(EXIT_IO, "out of memory");
	s->out = out;
	s->fd = fd;
	s->mac = hmac_new(key, key_len);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->given, NULL);
	pthread_cond_init(&s->written, NULL);
	if (pthread_create(&s->thread, NULL, work, s) != 0)
		die(EXIT_IO, "cannot start a thread");
	return s;
}

struct slot *
stamp_take(struct stamp *s, struct why *w)
{
	struct slot *t;

	pthread_mutex_lock(&s->lock);
	while (s->gave - s->wrote == SLOTS)
		pthread_cond_wait(&s->written, &s->lock);
	*w = s->why;
	pthread_mutex_unlock(&s->lock);
	if (w->code != 0)
		return NULL;
	t = &s->slot[s->gave % SLOTS];
	if (t->in_size > 4 * STAMP_SLOT) { /* a large one was here */
		free(t->in);
		t->in = NULL;
		t->in_size = 0;
	}
	if (t->head_size > STAMP_SLOT) {
		free(t->head);
		t->head = NULL;
		t->head_size = 0;
	}
	stamp_grow(&t->in, &t->in_size, STAMP_SLOT);
	rec_clear(&t->rec);
	t->head_len = t->body_len = 0;
	t->body = NULL;
	t->size = REC_UNKNOWN;
	t->first = t->last = t->withdrawn = false;
	return t;
}

void
stamp_give(struct stamp *s)
{
	pthread_mutex_lock(&s->lock);
	s->gave++;
	pthread_cond_signal(&s->given);
	pthread_mutex_unlock(&s->lock);
}

int
stamp_settle(struct stamp *s, struct why *w)
{
	pthread_mutex_lock(&s->lock);
	while (s->gave != s->wrote)
		pthread_cond_wait(&s->written, &s->lock);
	*w = s->why;
	pthread_mutex_unlock(&s->lock);
	if (w->code != 0)
		return -1;
	return s->out ? recout_flush(s->out, w) : 0;
}

void
stamp_idle(void *arg)
{
	struct why w = { 0 };

	if (stamp_settle(arg, &w) < 0)
		die_why(&w);
}

void
stamp_free(struct stamp *s)
{
	int i;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->given);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	for (i = 0; i < SLOTS; i++) {
		rec_clear(&s->slot[i].rec);
		free(s->slot[i].in);
		free(s->slot[i].head);
	}
	hmac_free(s->mac);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->given);
	pthread_cond_destroy(&s->written);
	free(s);
}
