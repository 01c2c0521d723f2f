#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "retry.h"
#include "upload.h"

#define SMALL (256 << 10) /* bytes of an object */

static atomic_bool stopped;
static sem_t sending;

void
upload_limit(unsigned n)
{
	sem_init(&sending, 0, n);
}

void
upload_stop(void)
{
	stopped = true;
}

/* The body once, from its beginning. */
static int
once(struct upload *u)
{
	struct sums sums = { 0 };
	struct grid_put *put;
	const void *p;
	size_t n;
	int got;

	/* What is small comes in one piece, and can be sent as one. */
	if (u->size >= 0 && u->size <= SMALL)
		belt_whole(u->belt);
	while (sem_wait(&sending) < 0)
		;
	put = grid_put_begin(u->grid, u->path, u->size, &u->why);
	if (put == NULL) {
		sem_post(&sending);
		return -1;
	}
	sums_begin(&sums);
	while ((got = belt_get(u->belt, &p, &n)) == 1) {
		sums_add(&sums, p, n);
		if (grid_put_write(put, p, n, &u->why) < 0) {
			got = -1;
			break;
		}
	}
	if (got == 0)
		got = grid_put_sent(put, &u->why);
	sem_post(&sending);
	u->bytes = sums.size;
	sums_end(&sums, &u->sums);
	sums_free(&sums);
	if (got != 0) {
		grid_put_void(put);
		u->came = UPLOAD_VOID;
		return got;
	}
	u->came = UPLOAD_DONE;
	return grid_put_done(put, &u->sums, u->bytes, u->surl, &u->why);
}

void
upload_work(struct crew_job *job)
{
	struct upload *u = (struct upload *)job;
	struct retry r = { 0 };

	/* What is too long for the belt cannot be sent again. */
	while (once(u) < 0) {
		if (!stopped && retry_wait(&r, &u->why) && !stopped &&
		    belt_rewind(u->belt))
			continue;
		u->came = UPLOAD_FAILED;
		belt_quit(u->belt);
		break;
	}
}

/* Attributes that a line has no field for, or has of our own. */
static bool
not_a_field(const char *key)
{
	static const char *const no[] = { "via", "lfn", "status", "size",
		"sha256", "adler32", NULL };
	int i;

	for (i = 0; no[i] != NULL; i++)
		if (strcmp(key, no[i]) == 0)
			return true;
	if (strncmp(key, "surl", 4) == 0)
		return true;
	if (*key < 'a' || *key > 'z')
		return true;
	return key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.-")] != 0;
}

int
upload_line(const struct upload *u, struct line *l, struct why *w)
{
	const struct rec *r = &u->rec;
	size_t bytes = strlen(r->name) + strlen(u->surl) + 200;
	int i, fields = 5;

	for (i = 0; i < r->attrs; i++)
		if (!not_a_field(r->attr[i].key)) {
			bytes += strlen(r->attr[i].key) + r->attr[i].len;
			fields++;
		}
	if (bytes > LINE_MAX_BYTES / 3 || fields > LINE_MAX_FIELDS)
		return why_set(
		    w, EXIT_DATA, "its attributes do not fit into a line");
	line_reset(l);
	line_set_name(l, r->name, strlen(r->name));
	line_set_number(l, "size", u->bytes);
	line_set_word(l, "sha256", u->sums.sha256);
	line_set_word(l, "adler32", u->sums.adler32);
	line_set(l, "surl", u->surl, strlen(u->surl));
	for (i = 0; i < r->attrs; i++)
		if (!not_a_field(r->attr[i].key))
			line_set(l, r->attr[i].key, r->attr[i].value,
			    r->attr[i].len);
	return 0;
}
