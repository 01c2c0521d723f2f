/* srm-copy: records to a storage, from it, or from one to another */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "download.h"
#include "grid.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "replicate.h"
#include "secret.h"
#include "upload.h"
#include "word.h"

static const char *to, *range, *bad_file;
static int from, replicate, parallel;
#define allow opt_lists[0]

static const struct poptOption options[] = {
	{ "to", '\0', POPT_ARG_STRING, &to, 0,
	    "store records at URL, write a manifest", "URL" },
	{ "from", '\0', POPT_ARG_NONE, &from, 0,
	    "read a manifest, write its records", NULL },
	{ "replicate", '\0', POPT_ARG_NONE, &replicate, 0,
	    "with --to: read a manifest, store its objects at URL too", NULL },
	{ "allow", '\0', POPT_ARG_STRING, NULL, OPT_LIST,
	    "read this storage (default: $MDM_STORAGE)", "URL" },
	{ "parallel", '\0', POPT_ARG_INT, &parallel, 0,
	    "transfers at once (default: 4; to and from files 1)", "N" },
	{ "range", '\0', POPT_ARG_STRING, &range, 0,
	    "with --from: these bytes only", "FIRST-LAST" },
	{ "bad", '\0', POPT_ARG_STRING, &bad_file, 0,
	    "name the replicas that failed here", "FILE" },
	OPT_COMMON
};

#define PARALLEL_MAX 64
#define TOKEN_COST (1u << 16) /* secure memory of a transfer */

/* Transfers under way and done, in the order of the input. */
static struct crew *crew;
static unsigned slots, first, used;

static void
crew_up(bool far, unsigned threads, void (*work)(struct crew_job *job))
{
	if (parallel == 0)
		parallel = far ? 4 : 1;
	slots = 2 * (unsigned)parallel;
	crew = crew_new(threads * (unsigned)parallel, work);
}

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

static int
copy_to(void)
{
	struct why w = { 0 };
	unsigned begun = 0; /* uploads whose body we are reading */
	struct recin *in;
	struct rec *r;
	int got;

	if ((grid = grid_open(to, true, &w)) == NULL ||
	    (in = recin_open(STDIN_FILENO, NULL, 0, &w)) == NULL)
		die_why(&w);
	/* Each that sends has another that sees to what was sent. */
	crew_up(grid_far(grid), grid_far(grid) ? 2 : 1, upload_work);
	upload_limit((unsigned)parallel);
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

/* Downwards. */
static struct download *downloads;
static struct recout *records;
static unsigned long long range_first;
static long long range_count = -1;

static void
parse_range(void)
{
	unsigned long long last;
	char more;
	int n;

	if (range == NULL)
		return;
	n = sscanf(range, "%llu-%llu%c", &range_first, &last, &more);
	if (strspn(range, "0123456789-") != strlen(range) || n < 1 ||
	    strchr(range, '-') == NULL || (n == 2 && last < range_first) ||
	    range_first > 1ULL << 60)
		die(EXIT_USAGE, "--range: not FIRST-LAST or FIRST-");
	if (n == 2)
		range_count = (long long)(last - range_first + 1);
}

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
	d->first = range_first;
	d->count = range_count;
	crew_give(crew, &d->job);
	used++;
}

static bool
any_far(void)
{
	int i;

	for (i = 0; i < replica_storages(); i++)
		if (grid_far(replica_storage(i)))
			return true;
	return false;
}

static int
copy_from(void)
{
	struct why w = { 0 };
	struct linein *in;
	struct line l;
	int got;

	parse_range();
	crew_up(any_far(), 1, download_work);
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

/* Across. */
static struct replicate *copies;

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
	replicate_line(r, &waiting[waits++]);
	progress_add(1, 0);
	if (waits == BATCH)
		settle();
}

static int
copy_across(void)
{
	struct why w = { 0 };
	struct linein *in;
	struct line l;
	int got;

	if ((grid = grid_open(to, true, &w)) == NULL)
		die_why(&w);
	crew_up(any_far() || grid_far(grid), 1, replicate_work);
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
	return exit_status(lineout_count(lines));
}

int
main(int argc, char **argv)
{
	if (*opt_parse(argc, argv, options,
		"--to URL < records > manifest, or --from < manifest > "
		"records"))
		die(EXIT_USAGE, "takes no operands");
	if (from && (to != NULL || replicate))
		die(EXIT_USAGE, "takes --to or --from, not both");
	if (parallel < 0 || parallel > PARALLEL_MAX)
		die(EXIT_USAGE, "--parallel: not from 1 to %d", PARALLEL_MAX);
	if (range != NULL && !from)
		die(EXIT_USAGE, "--range is for --from");
	if (replicate && to == NULL)
		die(EXIT_USAGE, "--replicate needs --to");
	secret_init((PARALLEL_MAX + 1) * TOKEN_COST);
	if (from || replicate) {
		replica_open(&allow);
		replica_report(bad_file);
	}
	if (from)
		return copy_from();
	if (replicate)
		return copy_across();
	to = grid_default(to);
	return copy_to();
}
