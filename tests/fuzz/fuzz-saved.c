/*
 * lib/saved: a manifest from a storage is read, or refused, and nothing of one
 * that is refused is shown.  The first byte says whether to vouch for what
 * follows with a head and a last line that are right: what is read of that is
 * what went in.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saved.h"
#include "secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct sign_key *key;
static struct signers *signers;

static void
start(void)
{
	char dir[] = "/tmp/fuzz-saved.XXXXXX", file[64], pub[64];
	struct why w;

	secret_init(1 << 16);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(file, sizeof file, "%s/k", dir);
	snprintf(pub, sizeof pub, "%s/k.pub", dir);
	if (sign_key_new(file, "fuzz", &w) < 0 ||
	    (key = sign_key_open(file, &w)) == NULL ||
	    (signers = signers_open(pub, &w)) == NULL)
		abort();
	unlink(file);
	unlink(pub);
	rmdir(dir);
}

static int
never(void *arg, long long when, const struct line *l, struct why *w)
{
	(void)arg, (void)when, (void)l, (void)w;
	abort(); /* nobody signed it */
}

static struct saved *again;

static int
collect(void *arg, long long when, const struct line *l, struct why *w)
{
	(void)arg, (void)w;
	if (when != 1234)
		abort();
	saved_add(again, l);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data + 1, *nl;
	struct saved *s;
	struct line l;
	struct why w;
	const void *a, *b;
	size_t an, bn;

	if (key == NULL)
		start();
	if (n == 0)
		return 0;
	n--;
	if (data[0] != '+') {
		saved_read(text, n, signers, never, NULL, &w);
		return 0;
	}
	s = saved_new();
	again = saved_new();
	saved_begin(s, 1234);
	saved_begin(again, 1234);
	line_init(&l, false);
	while ((nl = memchr(text, '\n', n)) != NULL) {
		size_t len = (size_t)(nl + 1 - text);

		if (len <= LINE_MAX_BYTES && line_parse(&l, text, len) == NULL)
			saved_add(s, &l);
		text += len;
		n -= len;
	}
	if ((a = saved_end(s, key, &an, &w)) == NULL ||
	    saved_read(a, an, signers, collect, NULL, &w) < 0 ||
	    saved_count(again) != saved_count(s) ||
	    (b = saved_end(again, key, &bn, &w)) == NULL || an != bn ||
	    memcmp(a, b, an) != 0)
		abort();
	line_free(&l);
	saved_free(s);
	saved_free(again);
	return 0;
}
