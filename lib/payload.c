#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "payload.h"

/*
 * Chunks travel in slots: a ring, filled at one end and emitted at the other
 * by the caller's thread, and worked on in between by whoever is free.  A slot
 * fits into one core's second-level cache.
 */
enum {
	SEALED = PAYLOAD_CHUNK + PAYLOAD_TAG,
	PER_SLOT = 4,  /* chunks */
	SLOTS = 8,     /* 2 MiB in all */
	WAKE = 3,      /* slots that wait before a helper is woken */
	HELP_FROM = 8, /* slots done in line before helpers are asked */
	HELPERS_MAX = 3
};

/* Bytes of an object; beyond is a lie. */
#define SIZE_LIMIT (1LL << 60)

/*
 * Input is mostly copied from page-aligned memory.  A destination that lies a
 * few bytes after its source modulo 4096 makes each load wait for a store that
 * only seems to overlap it, so slots begin in the middle of a page.
 */
enum { PAGE = 4096, STRIDE = (PER_SLOT * SEALED / PAGE + 2) * PAGE };

enum state { FREE, READY, BUSY, DONE };

struct slot {
	unsigned char *buf; /* in memory; worked on in place */
	size_t used;        /* bytes that came in */
	uint64_t first;     /* number of its first chunk */
	bool last;          /* its last chunk is the object's */
	bool damaged;       /* chunk number good is not authentic */
	size_t good;        /* chunks that may be emitted */
	enum state state;   /* under the lock once the slot is READY */
};

struct payload {
	enum payload_mode mode;
	payload_sink *sink;
	void *arg;
	unsigned char key[PAYLOAD_KEY];
	unsigned long object; /* counts objects: who has an old key sets it */
	uint64_t chunk;       /* number of the next slot's first chunk */
	unsigned long slots;  /* of this object, submitted so far */
	struct slot *cur;     /* being filled; FREE */
	struct slot *held;    /* full; whether it is the last is not known */
	struct slot slot[SLOTS];
	unsigned char *memory;
	unsigned fill, take, emit; /* ring positions: fill >= take >= emit */

	EVP_CIPHER_CTX *ctx; /* the caller's thread's */
	unsigned long ctx_object;
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	pthread_t helper[HELPERS_MAX];
	int helpers;
	bool asked, quit;
	struct payload *next; /* in the list of those with helpers */
};

static struct payload *with_helpers;

static EVP_CIPHER_CTX *
context(void)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (c == NULL ||
	    !EVP_CipherInit_ex(c, EVP_chacha20_poly1305(), NULL, NULL, NULL, 1))
		die(EXIT_IO, "out of memory");
	return c;
}

struct payload *
payload_new(void)
{
	struct payload *p = calloc(1, sizeof *p);
	int i;

	if (p == NULL ||
	    (p->memory = aligned_alloc(PAGE, SLOTS * STRIDE)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < SLOTS; i++)
		p->slot[i].buf = p->memory + i * STRIDE + PAGE / 2;
	p->ctx = context();
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	return p;
}

/*
 * One chunk of n plaintext bytes in place, its tag after it.  Initialising
 * with a nonce alone keeps the key schedule.
 */
static bool
chunk(EVP_CIPHER_CTX *c, enum payload_mode mode, uint64_t number, bool last,
    unsigned char *p, size_t n)
{
	unsigned char nonce[12] = { 0 };
	int i, len, enc = mode == PAYLOAD_SEAL;

	for (i = 0; i < 8; i++)
		nonce[10 - i] = (unsigned char)(number >> 8 * i);
	nonce[11] = last;
	if (!EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, enc))
		die(EXIT_BUG, "cannot set a nonce");
	if (!enc &&
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, PAYLOAD_TAG, p + n))
		die(EXIT_BUG, "cannot set a tag");
	if (n > 0 && !EVP_CipherUpdate(c, p, &len, p, (int)n))
		die(EXIT_BUG, "cannot run the cipher");
	if (!EVP_CipherFinal_ex(c, p + n, &len))
		return false;
	if (enc &&
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, PAYLOAD_TAG, p + n))
		die(EXIT_BUG, "cannot get a tag");
	return true;
}

/* Work on a slot with context c, whose key may be of an earlier object. */
static void
run(struct payload *p, struct slot *s, EVP_CIPHER_CTX *c, unsigned long *object)
{
	bool seal = p->mode == PAYLOAD_SEAL;
	size_t stride = seal ? PAYLOAD_CHUNK : SEALED;
	size_t n = (s->used + stride - 1) / stride, i;

	if (*object != p->object) {
		if (!EVP_CipherInit_ex(c, NULL, NULL, p->key, NULL, seal))
			die(EXIT_BUG, "cannot set a key");
		*object = p->object;
	}
	s->good = 0;
	s->damaged = false;
	if (n == 0 && s->last)
		n = 1; /* the empty object is one empty chunk */
	for (i = 0; i < n; i++) {
		uint64_t number = s->first + i;
		bool last = s->last && i == n - 1;
		size_t len = i < n - 1 ? stride : s->used - i * stride;

		/* an empty last chunk would give an object two forms */
		if (!seal &&
		    (len < PAYLOAD_TAG || (len == PAYLOAD_TAG && number > 0)))
			s->damaged = true;
		else if (!chunk(c, p->mode, number, last, s->buf + i * SEALED,
			     seal ? len : len - PAYLOAD_TAG))
			s->damaged = true;
		if (s->damaged)
			return;
		s->good++;
	}
}

/* Take the next ready slot and run it; called with the lock, returns with it.
 */
static void
run_next(struct payload *p, EVP_CIPHER_CTX *c, unsigned long *object)
{
	struct slot *s = &p->slot[p->take++ % SLOTS];

	s->state = BUSY;
	pthread_mutex_unlock(&p->lock);
	run(p, s, c, object);
	pthread_mutex_lock(&p->lock);
	s->state = DONE;
	pthread_cond_signal(&p->done);
}

static void *
help(void *arg)
{
	struct payload *p = arg;
	EVP_CIPHER_CTX *c = context();
	unsigned long object = 0;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->quit && p->take == p->fill)
			pthread_cond_wait(&p->work, &p->lock);
		if (p->quit)
			break;
		run_next(p, c, &object);
	}
	pthread_mutex_unlock(&p->lock);
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

static void
send_home(struct payload *p)
{
	struct payload **at = &with_helpers;

	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	while (p->helpers > 0)
		pthread_join(p->helper[--p->helpers], NULL);
	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
}

/* exit() takes OpenSSL apart: no helper may then be using it. */
static void
send_all_home(void)
{
	while (with_helpers)
		send_home(with_helpers);
}

/* Without helpers all goes on, more slowly. */
static void
ask_helpers(struct payload *p)
{
	static bool registered;
	sigset_t all, old;
	cpu_set_t set;
	int cpus =
	    sched_getaffinity(0, sizeof set, &set) < 0 ? 1 : CPU_COUNT(&set);

	p->asked = true;
	sigfillset(&all); /* signals are for the thread that has the outputs */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (p->helpers < HELPERS_MAX && p->helpers < cpus - 1 &&
	       pthread_create(&p->helper[p->helpers], NULL, help, p) == 0)
		p->helpers++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	p->next = with_helpers;
	with_helpers = p;
	if (!registered)
		atexit(send_all_home);
	registered = true;
}

/* Hand a finished slot's bytes to the sink, and free it. */
static int
emit(struct payload *p, struct slot *s, struct why *w)
{
	size_t chunks = s->good, i, n;
	int r = 0;

	p->emit++;
	s->state = FREE;
	if (p->mode == PAYLOAD_SEAL)
		r = p->sink(p->arg, s->buf, s->used + chunks * PAYLOAD_TAG, w);
	for (i = 0; p->mode == PAYLOAD_OPEN && r == 0 && i < chunks; i++) {
		n = s->used - i * SEALED;
		n = (n < SEALED ? n : SEALED) - PAYLOAD_TAG;
		if (n > 0)
			r = p->sink(p->arg, s->buf + i * SEALED, n, w);
	}
	if (r < 0 || !s->damaged)
		return r;
	return why_set(w, EXIT_DATA, "cut short or altered in chunk %llu",
	    (unsigned long long)(s->first + chunks));
}

/* Emit what is done; while more than keep slots are under way, help or wait. */
static int
advance(struct payload *p, unsigned keep, struct why *w)
{
	int r = 0;

	pthread_mutex_lock(&p->lock);
	while (r == 0 && p->emit != p->fill) {
		struct slot *s = &p->slot[p->emit % SLOTS];

		if (s->state == DONE) {
			pthread_mutex_unlock(&p->lock);
			r = emit(p, s, w);
			pthread_mutex_lock(&p->lock);
		} else if (p->fill - p->emit <= keep) {
			break;
		} else if (p->take != p->fill) {
			run_next(p, p->ctx, &p->ctx_object);
		} else {
			pthread_cond_wait(&p->done, &p->lock);
		}
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

static struct slot *
next_slot(struct payload *p)
{
	struct slot *s = &p->slot[(p->fill + (p->held != NULL)) % SLOTS];

	s->used = 0;
	s->last = false;
	s->first = p->chunk;
	p->chunk += PER_SLOT;
	return s;
}

/* Slot s, the one at fill, is complete. */
static int
submit(struct payload *p, struct slot *s, struct why *w)
{
	bool inl = p->slots++ < HELP_FROM;

	if (!inl && !p->asked)
		ask_helpers(p);
	pthread_mutex_lock(&p->lock);
	p->fill++;
	if (inl || p->helpers == 0) {
		p->take++;
		pthread_mutex_unlock(&p->lock);
		run(p, s, p->ctx, &p->ctx_object);
		return emit(p, s, w);
	}
	s->state = READY;
	if (p->fill - p->take >= WAKE)
		pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
	return advance(p, SLOTS - 2, w); /* two are for held and cur */
}

void
payload_begin(struct payload *p, enum payload_mode mode,
    const unsigned char key[PAYLOAD_KEY], payload_sink *sink, void *arg)
{
	payload_drop(p);
	p->mode = mode;
	p->sink = sink;
	p->arg = arg;
	memcpy(p->key, key, PAYLOAD_KEY);
	p->object++;
	p->chunk = 0;
	p->slots = 0;
	p->cur = next_slot(p);
}

int
payload_room(struct payload *p, void **at, size_t *n, struct why *w)
{
	size_t stride = p->mode == PAYLOAD_SEAL ? PAYLOAD_CHUNK : SEALED;
	struct slot *s = p->cur;

	(void)w;
	if (s->used == PER_SLOT * stride) {
		p->held = s; /* room was always asked for it: held is free */
		s = p->cur = next_slot(p);
	}
	*at = s->buf + s->used / stride * SEALED + s->used % stride;
	*n = p->mode == PAYLOAD_SEAL ? stride - s->used % stride
				     : PER_SLOT * stride - s->used;
	return 0;
}

int
payload_took(struct payload *p, size_t n, struct why *w)
{
	struct slot *s = p->held;

	if (n == 0)
		return 0;
	p->cur->used += n;
	if (s == NULL)
		return 0;
	p->held = NULL; /* something came after it: it was not the last */
	return submit(p, s, w);
}

int
payload_put(struct payload *p, const void *bytes, size_t n, struct why *w)
{
	const unsigned char *b = bytes;

	while (n > 0) {
		size_t room;
		void *at;

		if (payload_room(p, &at, &room, w) < 0)
			return -1;
		if (room > n)
			room = n;
		memcpy(at, b, room);
		b += room;
		n -= room;
		if (payload_took(p, room, w) < 0)
			return -1;
	}
	return 0;
}

static int
finish(struct payload *p, struct slot *s, struct why *w)
{
	p->held = p->cur = NULL;
	if (submit(p, s, w) < 0)
		return -1;
	return advance(p, 0, w);
}

int
payload_end(struct payload *p, struct why *w)
{
	/* a held slot is the last if nothing came into the one after it */
	struct slot *s = p->held ? p->held : p->cur;

	s->last = true;
	return finish(p, s, w);
}

int
payload_cut(struct payload *p, struct why *w)
{
	struct slot *s = p->held ? p->held : p->cur;
	size_t whole = s->used > 0 ? (s->used - 1) / SEALED : 0;

	s->used = whole * SEALED;
	return finish(p, s, w);
}

void
payload_drop(struct payload *p)
{
	pthread_mutex_lock(&p->lock);
	for (; p->take != p->fill; p->take++)
		p->slot[p->take % SLOTS].state = DONE;
	for (; p->emit != p->fill; p->emit++) {
		struct slot *s = &p->slot[p->emit % SLOTS];

		while (s->state == BUSY)
			pthread_cond_wait(&p->done, &p->lock);
		s->state = FREE;
	}
	pthread_mutex_unlock(&p->lock);
	p->held = p->cur = NULL;
}

void
payload_free(struct payload *p)
{
	if (p == NULL)
		return;
	payload_drop(p);
	send_home(p);
	free(p->memory);
	EVP_CIPHER_CTX_free(p->ctx);
	OPENSSL_cleanse(p->key, sizeof p->key);
	free(p);
}

long long
payload_sealed(long long plain)
{
	long long chunks = plain / PAYLOAD_CHUNK + (plain % PAYLOAD_CHUNK != 0);

	if (plain < 0 || plain > SIZE_LIMIT)
		return -1;
	return plain + PAYLOAD_TAG * (chunks ? chunks : 1);
}

long long
payload_plain(long long sealed)
{
	long long chunks = sealed / SEALED + (sealed % SEALED != 0);
	long long plain = sealed - PAYLOAD_TAG * chunks;

	if (sealed <= 0 || plain < 0 || payload_sealed(plain) != sealed)
		return -1;
	return plain;
}
