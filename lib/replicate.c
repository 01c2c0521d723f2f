#include <stdlib.h>
#include <string.h>

#include "replicate.h"

#define BLOCK (1u << 20)

/* What the line promises, and where it goes. */
struct copy {
	struct replicate *r;
	char path[GRID_PATH], sha256[65], adler32[9];
	unsigned long long size;
};

/* The bytes of get to put, which it ends. */
static int
pump(const struct copy *c, struct grid_get *get, struct grid_put *put,
    struct why *w)
{
	struct sums sums = { 0 };
	struct sums_text t;
	char *buf = malloc(BLOCK);
	long n;

	if (buf == NULL)
		die(EXIT_IO, "out of memory");
	sums_begin(&sums);
	while ((n = grid_get_read(get, buf, BLOCK, w)) > 0) {
		sums_add(&sums, buf, (size_t)n);
		if (sums.size > c->size) {
			n = why_set(w, EXIT_DATA, "the storage has it damaged");
			break;
		}
		if ((n = grid_put_write(put, buf, (size_t)n, w)) < 0)
			break;
	}
	free(buf);
	sums_end(&sums, &t);
	if (n == 0 &&
	    (sums.size != c->size || strcmp(t.sha256, c->sha256) != 0))
		n = why_set(w, EXIT_DATA, "the storage has it damaged");
	sums_free(&sums);
	if (n == 0)
		return grid_put_done(put, &t, c->size, c->r->surl, w);
	grid_put_void(put);
	return -1;
}

static int
from(void *arg, const struct replica *r, struct why *w)
{
	struct copy *c = arg;
	struct grid *source = replica_storage(r->storage);
	unsigned long long size;
	struct grid_get *get;
	struct grid_put *put;
	int got;

	got = grid_fetch(
	    c->r->to, r->surl, c->path, c->adler32, c->size, c->r->surl, w);
	c->r->between = got > 0;
	if (got != 0)
		return got;
	get = grid_get_open(source, r->path, 0, -1, &size, w);
	if (get == NULL)
		return -1;
	if (size != c->size)
		got = why_set(w, EXIT_DATA, "%.200s has it in another size",
		    grid_url(source));
	else if ((put = grid_put_begin(
		      c->r->to, c->path, (long long)size, w)) == NULL)
		got = -1;
	else
		got = pump(c, get, put, w);
	grid_get_close(get);
	return got;
}

void
replicate_work(struct crew_job *job)
{
	struct replicate *r = (struct replicate *)job;
	struct copy c = { .r = r };
	unsigned char raw[32];
	struct why w = { 0 };
	char guid[GRID_GUID];

	r->bads = 0;
	if (line_text(&r->line, "guid", guid, sizeof guid, &w) >= 0 &&
	    grid_object(guid, c.path, &w) == 0 &&
	    line_number(&r->line, "size", &c.size, &w) == 0 &&
	    line_hex(&r->line, "adler32", raw, 4, &w) == 0 &&
	    line_hex(&r->line, "sha256", raw, 32, &w) == 0) {
		strcpy(c.adler32, line_word(&r->line, "adler32"));
		strcpy(c.sha256, line_word(&r->line, "sha256"));
		if (replica_try(&r->line, from, &c, r->bad, &r->bads, &w) >= 0)
			w.code = 0;
	}
	r->why = w;
}

void
replicate_line(const struct replicate *r, struct line *l)
{
	int i;

	line_copy(l, &r->line);
	for (i = l->fields; i-- > 0;)
		if (strncmp(l->field[i].key, "surl.", 5) == 0)
			line_unset(l, l->field[i].key);
	line_unset(l, "surl");
	line_set(l, "surl", r->surl, strlen(r->surl));
}
