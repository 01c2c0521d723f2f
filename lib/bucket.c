#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "hash.h"
#include "say.h"
#include "secret.h"

#define SETS 4096
#define WAYS 8

struct one {
	uint64_t id[2]; /* a keyed hash of the client; 0 0 is nobody */
	double tokens, at;
};

struct bucket {
	double rate, burst;
	struct hmac *hmac; /* so that nobody can aim at another's set */
	struct one set[SETS][WAYS];
};

struct bucket *
bucket_new(double rate, double burst)
{
	struct bucket *b = calloc(1, sizeof *b);
	unsigned char key[32];

	if (b == NULL)
		die(EXIT_IO, "out of memory");
	secret_random(key, sizeof key);
	b->hmac = hmac_new(key, sizeof key);
	b->rate = rate;
	b->burst = burst;
	return b;
}

void
bucket_free(struct bucket *b)
{
	if (b == NULL)
		return;
	hmac_free(b->hmac);
	free(b);
}

static double
filled(const struct bucket *b, const struct one *o, double now)
{
	return fmin(b->burst, o->tokens + b->rate * (now - o->at));
}

/* The client's bucket, a new one in the place of the fullest if need be. */
static struct one *
find(struct bucket *b, const char *client, double now)
{
	unsigned char mac[32];
	struct one *set, *least;
	uint64_t id[2];
	int i;

	hmac_begin(b->hmac);
	hmac_add(b->hmac, client, strlen(client));
	hmac_end(b->hmac, mac);
	memcpy(id, mac, sizeof id);
	set = b->set[(mac[16] << 8 | mac[17]) % SETS];
	least = set;
	for (i = 0; i < WAYS; i++) {
		if (memcmp(set[i].id, id, sizeof id) == 0) {
			set[i].tokens = filled(b, &set[i], now);
			set[i].at = now;
			return &set[i];
		}
		if ((set[i].id[0] | set[i].id[1]) == 0) {
			least = &set[i];
			break;
		}
		if (filled(b, &set[i], now) > filled(b, least, now))
			least = &set[i];
	}
	memcpy(least->id, id, sizeof id);
	least->tokens = b->burst;
	least->at = now;
	return least;
}

unsigned
bucket_take(struct bucket *b, const char *client, unsigned n, double now)
{
	struct one *o = find(b, client, now);

	if (o->tokens < n)
		n = (unsigned)o->tokens;
	o->tokens -= n;
	return n;
}

void
bucket_give(struct bucket *b, const char *client, unsigned n, double now)
{
	struct one *o = find(b, client, now);

	o->tokens = fmin(b->burst, o->tokens + n);
}
