#include <string.h>

#include "download.h"
#include "hash.h"
#include "word.h"

unsigned long long
download_bytes(const struct download *d)
{
	unsigned long long left = d->size > d->first ? d->size - d->first : 0;

	return d->count >= 0 && left > (unsigned long long)d->count
		   ? (unsigned long long)d->count
		   : left;
}

static bool
is_part(const struct download *d)
{
	return d->first > 0 || download_bytes(d) < d->size;
}

/* All of it onto the belt: 0; -1; 1: nobody wants it any more. */
static int
read_all(
    struct download *d, struct grid_get *get, struct sums *sums, struct why *w)
{
	unsigned long long want = download_bytes(d);
	size_t n;
	long got;
	void *p;

	for (;;) {
		if (!belt_room(d->belt, &p, &n))
			return 1;
		if ((got = grid_get_read(get, p, n, w)) < 0)
			return -1;
		if (got == 0)
			break;
		if (sums->size + (size_t)got > want)
			return why_set(
			    w, EXIT_DATA, "the storage has it damaged");
		sums_add(sums, p, (size_t)got);
		belt_added(d->belt, (size_t)got);
	}
	return sums->size == want
		   ? 0
		   : why_set(w, EXIT_RETRY, "the storage cuts it short");
}

/* One replica: as read_all(), and compared with what the line says. */
static int
from(void *arg, const struct replica *r, struct why *w)
{
	struct download *d = arg;
	struct grid *grid = replica_storage(r->storage);
	struct sums sums = { 0 };
	unsigned char md[32];
	struct sums_text t;
	struct grid_get *get;
	unsigned long long size;
	int got;

	get = grid_get_open(grid, r->path, d->first,
	    is_part(d) ? (long long)download_bytes(d) : -1, &size, w);
	if (get == NULL)
		return -1;
	if (size != d->size) {
		grid_get_close(get);
		return why_set(w, EXIT_DATA, "%.200s has it in another size",
		    grid_url(grid));
	}
	sums_begin(&sums);
	got = read_all(d, get, &sums, w);
	grid_get_close(get);
	sums_end(&sums, &t);
	sums_free(&sums);
	if (got == 0 && !is_part(d) &&
	    (hex_decode(md, sizeof md, t.sha256) < 0 ||
		memcmp(md, d->sha256, sizeof md) != 0))
		got = why_set(w, EXIT_DATA, "the storage has it damaged");
	if (got < 0)
		belt_void(d->belt);
	return got;
}

int
download_init(struct download *d, const struct line *l, struct why *w)
{
	if (line_name(l, d->name, sizeof d->name, w) < 0 ||
	    line_number(l, "size", &d->size, w) < 0 ||
	    line_hex(l, "sha256", d->sha256, sizeof d->sha256, w) < 0)
		return -1;
	line_copy(&d->line, l);
	if (d->belt == NULL)
		d->belt = belt_new();
	belt_reset(d->belt);
	return 0;
}

void
download_record(const struct download *d, struct rec *r)
{
	static char text[LINE_MAX_BYTES];
	int i;

	rec_set_name(r, d->name);
	for (i = 0; i < d->line.fields; i++) {
		const char *word = d->line.field[i].word;
		long n = word_decode(text, word, strlen(word));

		if (n >= 0)
			rec_set(r, d->line.field[i].key, text, (size_t)n);
	}
	rec_via(r, NULL);
}

void
download_work(struct crew_job *job)
{
	struct download *d = (struct download *)job;
	struct why w = { 0 };

	if (replica_try(&d->line, from, d, d->bad, &d->bads, &w) >= 0)
		w.code = 0;
	d->why = w;
	/* Whole, or empty if it did not come. */
	belt_end(d->belt, true);
}
