#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "copy.h"
#include "crew.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "replicate.h"
#include "upload.h"

/* Transfers under way and done, in the order of the input. */
static struct crew *crew;
static unsigned slots, first, used;

/*
 * Upwards.  Lines wait until their objects are durable: one sync for many,
 * since each costs as much as writing a hundred objects.
 */
#define BATCH 1000                 /* objects to a sync */
#define BATCH_BYTES (256ULL << 20) /* and bytes */
#define IDLE_MS 250                /* of idle input before a sync is worth it */

static struct grid *grid;
static struct upload *uploads;
static struct lineout *lines;
static struct line waiting[BATCH];
static unsigned waits;
static unsigned long long wait_bytes;

static void
settle(void)
{
	struct why w = { 0 };
	unsigned i;

	if (waits > 0 && grid_sync(grid, &w) < 0)
		die_why(&w);
	for (i = 0; i < waits; i++)
		if (lineout_put(lines, &waiting[i], &w) < 0)
			die_why(&w);
	waits = 0;
	wait_bytes = 0;
	if (lineout_flush(lines, &w) < 0)
		die_why(&w);
}

/* No transfer leaves behind what nobody will want. */
static _Noreturn void
give_up(const struct why *w)
{
	unsigned i;

	upload_stop();
	for (i = 0; i < used; i++)
		belt_end(uploads[(first + i) % slots].belt, false);
	for (i = 0; i < used; i++)
		crew_wait(crew, &uploads[(first + i) % slots].job);
	die_why(w);
}

/* The oldest upload has ended, or will before this returns. */
static void
finish_upload(void)
{
	struct upload *u = &uploads[first];

	crew_wait(crew, &u->job);
	first = (first + 1) % slots;
	used--;
	if (u->came == UPLOAD_VOID)
		return;
	if (u->came == UPLOAD_FAILED && u->why.code != EXIT_DATA)
		give_up(&u->why);
	if (u->came == UPLOAD_FAILED ||
	    upload_line(u, &waiting[waits], &u->why) < 0) {
		aside(u->rec.name, &u->why);
		return;
	}
	progress_add(1, 0);
	waits++;
	wait_bytes += u->bytes;
	if (waits == BATCH || wait_bytes >= BATCH_BYTES)
		settle();
}

static void
idle_input(void *arg)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	const unsigned *begun = arg;

	if (waits + used == *begun || poll(&p, 1, IDLE_MS) != 0)
		return;
	while (used > *begun)
		finish_upload();
	settle();
}

/* Dies if the input is damaged. */
static void
store(struct recin *in, struct rec *r)
{
	const char *guid = rec_get(r, "guid", NULL);
	struct why w = { 0 };
	struct upload *u;
	const void *p;
	size_t n;
	int got;

	if (used == slots)
		finish_upload();
	u = &uploads[(first + used) % slots];
	if (guid == NULL)
		why_set(&w, EXIT_DATA, "has no guid: it was not encrypted");
	if (guid == NULL || grid_object(guid, u->path, &w) < 0) {
		aside(r->name, &w);
		return;
	}
	if (u->belt == NULL)
		u->belt = belt_new();
	belt_reset(u->belt);
	u->grid = grid;
	u->size = r->size;
	crew_give(crew, &u->job);
	used++;
	while ((got = recin_block(in, &p, &n, &w)) == 1) {
		progress_add(0, n);
		if (!belt_put(u->belt, p, n))
			break; /* failed: the reader passes over the rest */
	}
	rec_copy(&u->rec, r);
	belt_end(u->belt, got == 0);
	if (got < 0)
		give_up(&w);
}

int
copy_to(const struct copy *c)
{
	struct why w = { 0 };
	unsigned threads, begun = 0; /* uploads whose body we are reading */
	struct recin *in;
	struct rec *r;
	int got;

	if ((grid = grid_open(c->to, true, &w)) == NULL ||
	    (in = recin_open(STDIN_FILENO, NULL, 0, &w)) == NULL)
		die_why(&w);
	/* Each that sends has another that sees to what was sent. */
	slots = copy_slots(c, grid_far(grid), &threads);
	upload_limit(threads);
	crew = crew_new(grid_far(grid) ? 2 * threads : threads, upload_work);
	if ((uploads = calloc(slots, sizeof *uploads)) == NULL)
		die(EXIT_IO, "out of memory");
	lines = lineout_open(out_open(opt_output), "manifest", false);
	recin_on_idle(in, idle_input, &begun);
	while ((got = recin_next(in, &r, &w)) > 0) {
		begun = 1;
		store(in, r);
		begun = 0;
	}
	if (got < 0)
		die_why(&w);
	while (used > 0)
		finish_upload();
	settle();
	if (lineout_end(lines, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(lineout_count(lines));
}

/* Across. */
static struct replicate *copies;
static unsigned long between, streamed;

static void
finish_copy(void)
{
	struct replicate *r = &copies[first];

	crew_wait(crew, &r->job);
	first = (first + 1) % slots;
	used--;
	replica_blame(&r->line, r->bad, r->bads, &r->why);
	if (r->why.code != 0) {
		aside(r->line.name, &r->why);
		return;
	}
	*(r->between ? &between : &streamed) += 1;
	replicate_line(r, &waiting[waits++]);
	progress_add(1, 0);
	if (waits == BATCH)
		settle();
}

int
copy_across(const struct copy *c)
{
	struct why w = { 0 };
	struct linein *in;
	struct line l;
	unsigned threads;
	int got;

	if ((grid = grid_open(c->to, true, &w)) == NULL)
		die_why(&w);
	slots = copy_slots(c, copy_any_far() || grid_far(grid), &threads);
	crew = crew_new(threads, replicate_work);
	if ((copies = calloc(slots, sizeof *copies)) == NULL)
		die(EXIT_IO, "out of memory");
	in = linein_open(STDIN_FILENO, "manifest", false);
	lines = lineout_open(out_open(opt_output), "manifest", false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		struct replicate *r;

		if (used == slots)
			finish_copy();
		r = &copies[(first + used++) % slots];
		line_copy(&r->line, &l);
		r->to = grid;
		crew_give(crew, &r->job);
	}
	while (used > 0)
		finish_copy();
	if (got < 0)
		die_why(&w);
	settle();
	if (lineout_end(lines, &w) < 0)
		die_why(&w);
	out_commit();
	replica_reported();
	progress_end();
	if (opt_verbose)
		say_note("%lu copied between the storages, %lu through us",
		    between, streamed);
	return exit_status(lineout_count(lines));
}
