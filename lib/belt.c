#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "belt.h"
#include "say.h"

#define CHUNK (256u << 10)
#define CHUNKS (BELT_HOLD / CHUNK)

struct belt {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	char *chunk[CHUNKS];        /* a ring; made when they are needed */
	unsigned long long in, out; /* bytes written, and read */
	size_t lent;                /* bytes that the reader looks at */
	enum { OPEN, WHOLE, VOID } state;
	bool quit;
};

struct belt *
belt_new(void)
{
	struct belt *b = calloc(1, sizeof *b);

	if (b == NULL)
		die(EXIT_IO, "out of memory");
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->moved, NULL);
	return b;
}

void
belt_free(struct belt *b)
{
	size_t i;

	if (b == NULL)
		return;
	for (i = 0; i < CHUNKS; i++)
		free(b->chunk[i]);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->moved);
	free(b);
}

/* Under the lock. */
static void
empty(struct belt *b)
{
	b->in = b->out = 0;
	b->lent = 0;
	b->state = OPEN;
}

void
belt_reset(struct belt *b)
{
	empty(b);
	b->quit = false;
}

static void
lock(struct belt *b)
{
	pthread_mutex_lock(&b->lock);
}

static void
unlock(struct belt *b)
{
	pthread_cond_broadcast(&b->moved);
	pthread_mutex_unlock(&b->lock);
}

bool
belt_room(struct belt *b, void **p, size_t *n)
{
	size_t at, i, room;
	bool quit;

	lock(b);
	while (!b->quit && b->in - b->out == BELT_HOLD)
		pthread_cond_wait(&b->moved, &b->lock);
	room = BELT_HOLD - (size_t)(b->in - b->out);
	i = (size_t)(b->in / CHUNK) % CHUNKS;
	at = (size_t)(b->in % CHUNK);
	quit = b->quit;
	pthread_mutex_unlock(&b->lock);
	if (quit)
		return false;
	/* Only the writer makes chunks, and only those it is at. */
	if (b->chunk[i] == NULL && (b->chunk[i] = malloc(CHUNK)) == NULL)
		die(EXIT_IO, "out of memory");
	*p = b->chunk[i] + at;
	*n = CHUNK - at < room ? CHUNK - at : room;
	return true;
}

void
belt_added(struct belt *b, size_t n)
{
	lock(b);
	b->in += n;
	unlock(b);
}

bool
belt_put(struct belt *b, const void *p, size_t n)
{
	const char *from = p;
	size_t room;
	void *to;

	while (n > 0) {
		if (!belt_room(b, &to, &room))
			return false;
		if (room > n)
			room = n;
		memcpy(to, from, room);
		belt_added(b, room);
		from += room;
		n -= room;
	}
	return true;
}

void
belt_end(struct belt *b, bool whole)
{
	lock(b);
	b->state = whole ? WHOLE : VOID;
	unlock(b);
}

void
belt_void(struct belt *b)
{
	lock(b);
	if (b->out == 0 && b->lent == 0)
		empty(b);
	else
		b->state = VOID;
	pthread_cond_broadcast(&b->moved);
	while (b->state == VOID && !b->quit)
		pthread_cond_wait(&b->moved, &b->lock);
	unlock(b);
}

int
belt_get(struct belt *b, const void **p, size_t *n)
{
	size_t i, at, here;
	int got = 1;

	lock(b);
	b->out += b->lent;
	b->lent = 0;
	pthread_cond_broadcast(&b->moved);
	while (b->state == OPEN && b->in == b->out)
		pthread_cond_wait(&b->moved, &b->lock);
	here = (size_t)(b->in - b->out);
	if (b->state == VOID) {
		empty(b);
		got = BELT_VOID;
	} else if (here == 0)
		got = 0;
	else {
		i = (size_t)(b->out / CHUNK) % CHUNKS;
		at = (size_t)(b->out % CHUNK);
		*p = b->chunk[i] + at;
		*n = CHUNK - at < here ? CHUNK - at : here;
		b->lent = *n;
	}
	unlock(b);
	return got;
}

bool
belt_rewind(struct belt *b)
{
	bool held;

	lock(b);
	held = b->in <= BELT_HOLD;
	if (held) {
		b->out = 0;
		b->lent = 0;
	}
	unlock(b);
	return held;
}

void
belt_quit(struct belt *b)
{
	lock(b);
	b->quit = true;
	unlock(b);
}

bool
belt_whole(struct belt *b)
{
	bool whole;

	lock(b);
	while (b->state == OPEN && b->in - b->out < BELT_HOLD)
		pthread_cond_wait(&b->moved, &b->lock);
	whole = b->state != OPEN;
	unlock(b);
	return whole;
}
