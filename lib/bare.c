#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bare.h"
#include "rec.h"

long
bare_read(int fd, void *p, size_t n, struct why *w)
{
	for (;;) {
		ssize_t k = read(fd, p, n);

		if (k >= 0)
			return (long)k;
		if (errno != EINTR)
			return why_set(w, EXIT_IO, "cannot read the input: %s",
			    strerror(errno));
	}
}

int
bare_look(int fd, unsigned char head[BARE_HEAD], size_t *n, struct why *w)
{
	long k;

	*n = 0;
	do {
		if ((k = bare_read(fd, head + *n, BARE_HEAD - *n, w)) < 0)
			return -1;
		*n += (size_t)k;
	} while (k > 0 && *n < BARE_HEAD);
	if (*n == 0)
		return why_set(w, EXIT_DATA, "the input is empty");
	return rec_is_stream(head, *n) ? BARE_STREAM : BARE_OBJECT;
}

int
bare_fill(void *arg, void *buf, size_t size, size_t *got, struct why *w)
{
	struct bare_source *b = arg;
	unsigned char *o = buf;
	long n;

	*got = b->n - b->used < size ? b->n - b->used : size;
	memcpy(o, b->head + b->used, *got);
	b->used += *got;
	for (; *got < size; *got += (size_t)n)
		if ((n = bare_read(b->fd, o + *got, size - *got, w)) <= 0)
			return (int)n;
	return 1;
}
