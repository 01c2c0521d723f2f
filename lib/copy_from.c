#include <stdlib.h>
#include <unistd.h>

#include "copy.h"
#include "crew.h"
#include "download.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"

unsigned
copy_slots(const struct copy *c, bool far, unsigned *threads)
{
	*threads = c->parallel > 0 ? (unsigned)c->parallel : far ? 4 : 1;
	return 2 * *threads;
}

bool
copy_any_far(void)
{
	int i;

	for (i = 0; i < replica_storages(); i++)
		if (grid_far(replica_storage(i)))
			return true;
	return false;
}

/* Transfers under way and done, in the order of the input. */
static struct crew *crew;
static unsigned slots, first, used;

static struct download *downloads;
static struct recout *records;
static const struct copy *copy;

static void
send(struct download *d)
{
	const void *p;
	struct why w = { 0 };
	struct rec r;
	bool whole;
	size_t n;
	int got = BELT_VOID;

	rec_init(&r);
	download_record(d, &r);
	while (got == BELT_VOID) {
		whole = belt_whole(d->belt);
		if (whole && d->why.code != 0)
			break;
		if (recout_begin(records, &r, (long long)download_bytes(d),
			whole ? REC_WHOLE : 0, &w) < 0) {
			d->why = w;
			belt_quit(d->belt);
			break;
		}
		while ((got = belt_get(d->belt, &p, &n)) == 1) {
			if (recout_write(records, p, n, &w) < 0)
				die_why(&w);
			progress_add(0, n);
		}
		if ((got == 0 ? recout_done(records, NULL, &w)
			      : recout_void(records, &w)) < 0)
			die_why(&w);
	}
	rec_clear(&r);
}

static void
finish_download(void)
{
	struct download *d = &downloads[first];

	send(d);
	crew_wait(crew, &d->job);
	first = (first + 1) % slots;
	used--;
	replica_blame(&d->line, d->bad, d->bads, &d->why);
	if (d->why.code != 0)
		aside(d->name, &d->why);
	else
		progress_add(1, 0);
}

static void
idle_lines(void *arg)
{
	(void)arg;
	while (used > 0)
		finish_download();
	recout_idle(records);
}

static void
fetch(const struct line *l)
{
	struct download *d;
	struct why w = { 0 };

	if (used == slots)
		finish_download();
	d = &downloads[(first + used) % slots];
	if (download_init(d, l, &w) < 0) {
		aside(l->name, &w);
		return;
	}
	d->first = copy->first;
	d->count = copy->count;
	crew_give(crew, &d->job);
	used++;
}

int
copy_from(const struct copy *c)
{
	struct why w = { 0 };
	struct linein *in;
	struct line l;
	unsigned threads;
	int got;

	copy = c;
	slots = copy_slots(c, copy_any_far(), &threads);
	crew = crew_new(threads, download_work);
	if ((downloads = calloc(slots, sizeof *downloads)) == NULL)
		die(EXIT_IO, "out of memory");
	in = linein_open(STDIN_FILENO, "manifest", false);
	if ((records = recout_open(out_open(opt_output), &w)) == NULL)
		die_why(&w);
	linein_on_idle(in, idle_lines, NULL);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0)
		fetch(&l);
	while (used > 0)
		finish_download();
	if (got < 0 || recout_end(records, &w) < 0)
		die_why(&w);
	out_commit();
	replica_reported();
	progress_end();
	return exit_status(recout_count(records));
}
