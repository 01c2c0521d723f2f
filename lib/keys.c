#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "secret.h"
#include "word.h"

enum { GUID = 16, KEY = 32, BLOCK = 64 };
#define KEY_MIN 16 /* bytes of the shortest that is split */

enum state { EMPTY, HERE, DENIED, MISSING, WRONG };

struct entry {
	unsigned char guid[GUID];
	unsigned char key[KEYS_MAX];
	size_t len; /* bytes of key */
	enum state state;
};

/* Keys that wait.  The list only grows, to what the secure heap has. */
struct block {
	struct entry entry[BLOCK];
	int used; /* entries that are not EMPTY */
	struct block *next;
};

struct keys {
	struct linein *in;
	struct line line;
	struct block *blocks;
	struct entry *now; /* the line that was read last */
	bool ended;
};

struct keys *
keys_open(const char *file, struct why *w)
{
	int fd = secret_open(file, w);
	struct keys *k;

	if (fd < 0)
		return NULL;
	if ((k = calloc(1, sizeof *k)) == NULL)
		die(EXIT_IO, "out of memory");
	k->in = linein_open(fd, "keys", true);
	line_init(&k->line, true);
	k->now = secret_alloc(sizeof *k->now);
	return k;
}

void
keys_on_idle(struct keys *k, void (*fn)(void *), void *arg)
{
	linein_on_idle(k->in, fn, arg);
}

static int
key_of(struct keys *k)
{
	const char *hex = line_word(&k->line, "key");

	k->now->len = hex ? strlen(hex) / 2 : 0;
	if (k->now->len < KEY_MIN || k->now->len > KEYS_MAX)
		return -1;
	return hex_decode(k->now->key, k->now->len, hex);
}

/* The next line into k->now.  1, 0 at the end, -1 with *w. */
static int
next(struct keys *k, struct why *w)
{
	const char *error;
	int got = k->ended ? 0 : linein_next(k->in, &k->line, w);

	if (got < 0)
		return -1;
	if (got == 0) {
		k->ended = true;
		return 0;
	}
	if (hex_decode(k->now->guid, GUID, k->line.name) < 0)
		return why_set(w, EXIT_DATA, "keys: line %lu: not a GUID",
		    linein_count(k->in));
	if ((error = line_word(&k->line, "error")) != NULL)
		k->now->state = strcmp(error, "denied") == 0  ? DENIED
				: strcmp(error, "wrong") == 0 ? WRONG
							      : MISSING;
	else if (key_of(k) < 0)
		return why_set(w, EXIT_DATA,
		    "keys: line %lu: no key of %d to %d bytes in hex",
		    linein_count(k->in), KEY_MIN, KEYS_MAX);
	else
		k->now->state = HERE;
	return 1;
}

static void
keep(struct keys *k)
{
	struct block *b = k->blocks;
	int i = 0;

	while (b && b->used == BLOCK)
		b = b->next;
	if (b == NULL) {
		if ((b = secret_try(sizeof *b)) == NULL)
			die(EXIT_DATA,
			    "keys: too far from the order of the records");
		b->next = k->blocks;
		k->blocks = b;
	}
	while (b->entry[i].state != EMPTY)
		i++;
	b->entry[i] = *k->now;
	b->used++;
}

static int
hand_out(struct entry *e, unsigned char *key, size_t *len, struct why *w)
{
	enum state state = e->state;

	*len = e->len;
	if (state == HERE)
		memcpy(key, e->key, e->len);
	secret_clear(e, sizeof *e); /* EMPTY */
	if (state == HERE)
		return 0;
	if (state == WRONG)
		return why_set(w, EXIT_DATA, "no right key: wrong shares");
	return why_set(w, EXIT_DENIED,
	    state == DENIED ? "no key: the key stores deny it"
			    : "no key: the key stores do not have it");
}

int
keys_next(
    struct keys *k, char *guid, unsigned char *key, size_t *len, struct why *w)
{
	int got = next(k, w);

	if (got < 0)
		die_why(w);
	if (got == 0)
		return why_set(w, EXIT_DENIED, "no key for it");
	if (guid != NULL)
		hex_encode(guid, k->now->guid, GUID);
	return hand_out(k->now, key, len, w);
}

int
keys_find(
    struct keys *k, const char *guid, unsigned char key[KEY], struct why *w)
{
	unsigned char *any = secret_alloc(KEYS_MAX);
	size_t len;
	int ok = keys_find_any(k, guid, any, &len, w);

	if (ok == 0 && len != KEY)
		ok = why_set(
		    w, EXIT_DATA, "its key is not that of a sealed object");
	if (ok == 0)
		memcpy(key, any, KEY);
	secret_free(any, KEYS_MAX);
	return ok;
}

int
keys_find_any(struct keys *k, const char *guid, unsigned char *key, size_t *len,
    struct why *w)
{
	unsigned char id[GUID];
	struct block *b;
	int i, got;

	if (hex_decode(id, GUID, guid) < 0)
		return why_set(w, EXIT_DATA, "not a GUID");
	for (b = k->blocks; b; b = b->next)
		for (i = 0; b->used > 0 && i < BLOCK; i++)
			if (b->entry[i].state != EMPTY &&
			    memcmp(b->entry[i].guid, id, GUID) == 0) {
				b->used--;
				return hand_out(&b->entry[i], key, len, w);
			}
	while ((got = next(k, w)) > 0) {
		if (memcmp(k->now->guid, id, GUID) == 0)
			return hand_out(k->now, key, len, w);
		keep(k);
	}
	if (got < 0)
		die_why(w);
	return why_set(w, EXIT_DENIED, "no key for it");
}

int
keys_end(struct keys *k, struct why *w)
{
	int got;

	while ((got = next(k, w)) > 0)
		;
	return got;
}

void
keys_free(struct keys *k)
{
	struct block *b, *after;

	if (k == NULL)
		return;
	for (b = k->blocks; b; b = after) {
		after = b->next;
		secret_free(b, sizeof *b);
	}
	secret_free(k->now, sizeof *k->now);
	line_free(&k->line);
	linein_free(k->in);
	free(k);
}
