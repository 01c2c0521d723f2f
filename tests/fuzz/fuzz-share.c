#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "line.h"
#include "secret.h"
#include "share.h"

#define SET 16

/* The bytes as a file, since line.h reads descriptors. */
static int
file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", 0);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* A share that was read is written and read back the same. */
static void
round_trip(const struct share *s)
{
	struct share again = { 0 };
	struct line l;
	struct why w;

	line_init(&l, true);
	share_to_line(&l, s);
	if (share_from_line(&again, &l, &w) < 0 ||
	    strcmp(again.guid, s->guid) != 0 || again.x != s->x ||
	    again.k != s->k || again.n != s->n || again.e != s->e ||
	    again.len != s->len || memcmp(again.y, s->y, s->len) != 0 ||
	    memcmp(again.check, s->check, SHARE_TAG) != 0 ||
	    memcmp(again.commit, s->commit, s->n * SHARE_TAG) != 0)
		abort();
	share_drop(&again);
	line_free(&l);
}

/* What joins has passed its check, and did so with good shares only. */
static void
join(const struct share *const *s, unsigned n)
{
	enum share_verdict verdict[SHARE_N];
	unsigned char key[SHARE_MAX], tag[SHARE_TAG];
	struct why w = { 0 };
	unsigned i, good = 0;
	size_t len;

	if (share_join(key, &len, s, n, 2, verdict, &w) < 0) {
		if (w.code != EXIT_DATA && w.code != EXIT_FEW)
			abort();
		return;
	}
	for (i = 0; i < n; i++)
		if (verdict[i] == SHARE_GOOD) {
			share_check(tag, s[i], key, len);
			if (memcmp(tag, s[i]->check, SHARE_TAG) != 0)
				abort();
			good++;
		}
	if (good < 2)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct share set[SET];
	const struct share *ptr[SET];
	struct linein *in;
	struct line l;
	struct why w;
	unsigned n = 0;
	int fd;

	secret_init(1 << 20);
	fd = file_of(data, size);
	in = linein_open(fd, "shares", true);
	line_init(&l, true);
	while (n < SET && linein_next(in, &l, &w) > 0) {
		if (share_from_line(&set[n], &l, &w) == 0) {
			round_trip(&set[n]);
			ptr[n] = &set[n];
			n++;
		} else
			share_drop(&set[n]);
	}
	if (n > 0)
		join(ptr, n);
	while (n > 0)
		share_drop(&set[--n]);
	line_free(&l);
	linein_free(in);
	close(fd);
	return 0;
}
