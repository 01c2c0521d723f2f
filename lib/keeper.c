#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hash.h"
#include "keeper.h"
#include "sandbox.h"
#include "secret.h"
#include "sitekey.h"

/*
 * On the socket: a frame is its length in four bytes, then questions, each a
 * key in one byte, a length in two and the message; the answers come in the
 * same order, KEEPER_MAC bytes each.  Numbers are the machine's own.
 */
#define FRAME ((size_t)1 << 16)
#define QUESTIONS 512 /* of a frame */
#define HEAD 3        /* bytes of a question before its message */

#define KNOWN 4096    /* answers that are remembered */
#define KNOWN_MAX 112 /* bytes of the longest message of these */

struct known {
	unsigned char key, used; /* used: n + 1, 0 for none */
	unsigned char message[KNOWN_MAX];
	unsigned char mac[KEEPER_MAC];
};

/* What the other process says first. */
struct hello {
	struct why why;
	unsigned char plain[SITEKEY_BYTES];
};

struct keeper {
	int fd;
	pid_t pid;
	unsigned char *plain; /* secure heap */
	unsigned char frame[FRAME];
	size_t used; /* of frame, its length included */
	struct question {
		enum keeper_key key;
		size_t at, n; /* of the message in frame */
	} asked[QUESTIONS];
	int questions;
	unsigned char answer[QUESTIONS][KEEPER_MAC];
	struct known known[KNOWN];
};

/* All n bytes; false at the other's end. */
static bool
receive(int fd, void *p, size_t n)
{
	unsigned char *o = p;

	while (n > 0) {
		ssize_t k = read(fd, o, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		o += k;
		n -= (size_t)k;
	}
	return true;
}

static bool
transmit(int fd, const void *p, size_t n)
{
	const unsigned char *o = p;

	while (n > 0) {
		ssize_t k = send(fd, o, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		o += k;
		n -= (size_t)k;
	}
	return true;
}

/* The other process: answer one frame; false if it is not in order. */
static bool
answer(struct hmac **keys, const unsigned char *p, size_t n,
    unsigned char (*out)[KEEPER_MAC], int *count)
{
	for (*count = 0; n > 0; ++*count) {
		uint16_t len;

		if (n < HEAD || *count == QUESTIONS || p[0] >= KEEPER_KEYS)
			return false;
		memcpy(&len, p + 1, sizeof len);
		if (len > KEEPER_MESSAGE || len > n - HEAD)
			return false;
		hmac_begin(keys[p[0]]);
		hmac_add(keys[p[0]], p + HEAD, len);
		hmac_end(keys[p[0]], out[*count]);
		p += HEAD + len;
		n -= HEAD + (size_t)len;
	}
	return true;
}

static void
serve(int fd, struct hmac **keys)
{
	static unsigned char frame[FRAME], out[QUESTIONS][KEEPER_MAC];
	uint32_t n;
	int count;

	while (receive(fd, &n, sizeof n)) {
		if (n > sizeof frame || !receive(fd, frame, n) ||
		    !answer(keys, frame, n, out, &count) ||
		    !transmit(fd, out, (size_t)count * KEEPER_MAC))
			break;
	}
}

static struct hmac *
keyed(const struct sitekey *site, const char *purpose)
{
	unsigned char *key = sitekey_derive(site, purpose);
	struct hmac *h = hmac_new(key, SITEKEY_BYTES);

	secret_free(key, SITEKEY_BYTES);
	return h;
}

static void
close_others(int fd)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	if (fd > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0U, 0);
}

static void
other(int fd, const char *path, const char *project)
{
	static const char *const purpose[KEEPER_KEYS] = { "uid", "patient",
		"id", "shift" };
	struct hmac *keys[KEEPER_KEYS];
	struct hello h = { 0 };
	struct sitekey *site;
	unsigned char *plain;
	int i;

	secret_init(1 << 16);
	if ((site = sitekey_read(path, &h.why)) == NULL) {
		transmit(fd, &h, sizeof h);
		return;
	}
	if (project != NULL && *project != '\0')
		sitekey_project(site, project);
	for (i = 0; i < KEEPER_KEYS; i++)
		keys[i] = keyed(site, purpose[i]);
	plain = sitekey_derive(site, "plain");
	memcpy(h.plain, plain, sizeof h.plain);
	secret_free(plain, SITEKEY_BYTES);
	sitekey_free(site);
	close_others(fd);
	sandbox_closed();
	transmit(fd, &h, sizeof h);
	secret_clear(&h, sizeof h);
	serve(fd, keys);
}

/* It ended before it said anything: it has said why on standard error. */
static void
end_like(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		exit(WEXITSTATUS(status));
	die(EXIT_BUG, "the process that keeps the key did not start");
}

struct keeper *
keeper_start(const char *path, const char *project, struct why *w)
{
	struct keeper *k = calloc(1, sizeof *k);
	struct hello h;
	int pair[2], n;

	if (k == NULL)
		die(EXIT_IO, "out of memory");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
	    (k->pid = fork()) < 0)
		die(EXIT_IO, "cannot start a process: %s", strerror(errno));
	if (k->pid == 0) {
		close(pair[0]);
		other(pair[1], path, project);
		_exit(EXIT_OK);
	}
	close(pair[1]);
	k->fd = pair[0];
	k->used = sizeof(uint32_t);
	if (!receive(k->fd, &h, sizeof h))
		end_like(k->pid);
	if (h.why.code != 0) {
		*w = h.why;
		keeper_free(k);
		return NULL;
	}
	secret_init(1 << 14);
	/* A descriptor of the key file is not for us. */
	if (sscanf(path, "/dev/fd/%d", &n) == 1 && n > STDERR_FILENO)
		close(n);
	k->plain = secret_alloc(SITEKEY_BYTES);
	memcpy(k->plain, h.plain, SITEKEY_BYTES);
	secret_clear(&h, sizeof h);
	return k;
}

void
keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	close(k->fd);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	secret_free(k->plain, SITEKEY_BYTES);
	free(k);
}

const unsigned char *
keeper_plain(const struct keeper *k)
{
	return k->plain;
}

static struct known *
place(struct keeper *k, enum keeper_key key, const void *message, size_t n)
{
	const unsigned char *p = message;
	uint32_t h = 2166136261u ^ (uint32_t)key;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return &k->known[(h ^ h >> 15) % KNOWN];
}

static const struct known *
lookup(struct keeper *k, enum keeper_key key, const void *message, size_t n)
{
	const struct known *x = place(k, key, message, n);

	return x->used == n + 1 && x->key == key &&
		       memcmp(x->message, message, n) == 0
		   ? x
		   : NULL;
}

static void
remember(struct keeper *k, const struct question *q,
    const unsigned char mac[KEEPER_MAC])
{
	const unsigned char *message = k->frame + q->at;
	struct known *x;

	if (q->n > KNOWN_MAX)
		return;
	x = place(k, q->key, message, q->n);
	x->key = (unsigned char)q->key;
	x->used = (unsigned char)(q->n + 1);
	memcpy(x->message, message, q->n);
	memcpy(x->mac, mac, KEEPER_MAC);
}

/* Ask all that is in the frame; the answers are in answer[]. */
static void
ask(struct keeper *k)
{
	uint32_t n = (uint32_t)(k->used - sizeof n);
	int i;

	memcpy(k->frame, &n, sizeof n);
	if (!transmit(k->fd, k->frame, k->used) ||
	    !receive(k->fd, k->answer, (size_t)k->questions * KEEPER_MAC))
		die(EXIT_BUG, "the process that keeps the key is gone");
	for (i = 0; i < k->questions; i++)
		remember(k, &k->asked[i], k->answer[i]);
	k->questions = 0;
	k->used = sizeof n;
}

static void
queue(struct keeper *k, enum keeper_key key, const void *message, size_t n)
{
	uint16_t len = (uint16_t)n;
	struct question *q;

	if (n > KEEPER_MESSAGE)
		die(EXIT_BUG, "too long a message to the key");
	if (k->questions == QUESTIONS || FRAME - k->used < HEAD + n)
		ask(k);
	q = &k->asked[k->questions++];
	q->key = key;
	q->at = k->used + HEAD;
	q->n = n;
	k->frame[k->used] = (unsigned char)key;
	memcpy(k->frame + k->used + 1, &len, sizeof len);
	memcpy(k->frame + q->at, message, n);
	k->used += HEAD + n;
}

void
keeper_want(
    struct keeper *k, enum keeper_key key, const void *message, size_t n)
{
	if (n <= KNOWN_MAX && lookup(k, key, message, n) == NULL)
		queue(k, key, message, n);
}

void
keeper_mac(struct keeper *k, enum keeper_key key, const void *message, size_t n,
    unsigned char out[KEEPER_MAC])
{
	const struct known *x;
	int i;

	if (n <= KNOWN_MAX && (x = lookup(k, key, message, n)) != NULL) {
		memcpy(out, x->mac, KEEPER_MAC);
		return;
	}
	for (i = 0; i < k->questions; i++) /* wanted, and now needed */
		if (k->asked[i].key == key && k->asked[i].n == n &&
		    memcmp(k->frame + k->asked[i].at, message, n) == 0)
			break;
	if (i == k->questions) {
		queue(k, key, message, n);
		i = k->questions - 1;
	}
	ask(k);
	memcpy(out, k->answer[i], KEEPER_MAC);
}
