/* srm-copy: records to a storage, or from it */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "grid.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "word.h"

static const char *to;
static int from;
#define allow opt_lists[0]

static const struct poptOption options[] = {
	{ "to", '\0', POPT_ARG_STRING, &to, 0,
	    "store records at URL, write a manifest", "URL" },
	{ "from", '\0', POPT_ARG_NONE, &from, 0,
	    "read a manifest, write its records", NULL },
	{ "allow", '\0', POPT_ARG_STRING, NULL, OPT_LIST,
	    "with --from: read this storage (default: $MDM_STORAGE)", "URL" },
	OPT_COMMON
};

/*
 * Upwards.  Lines wait until their objects are durable: one sync for many,
 * since each costs as much as writing a hundred objects.
 */
#define BATCH 1000                 /* objects to a sync */
#define BATCH_BYTES (256ULL << 20) /* and bytes */
#define IDLE_MS 250                /* of idle input before a sync is worth it */

static struct grid *grid;
static struct lineout *lines;
static struct line waiting[BATCH];
static int waits;
static unsigned long long wait_bytes;

static void
settle(void)
{
	struct why w = { 0 };
	int i;

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

static void
idle(void *arg)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	(void)arg;
	if (waits > 0 && poll(&p, 1, IDLE_MS) == 0)
		settle();
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

static int
make_line(struct line *l, const struct rec *r, const struct sums *sums,
    const struct sums_text *t, const char *surl, struct why *w)
{
	size_t bytes = strlen(r->name) + strlen(surl) + 200;
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
	line_set_number(l, "size", sums->size);
	line_set_word(l, "sha256", t->sha256);
	line_set_word(l, "adler32", t->adler32);
	line_set(l, "surl", surl, strlen(surl));
	for (i = 0; i < r->attrs; i++)
		if (!not_a_field(r->attr[i].key))
			line_set(l, r->attr[i].key, r->attr[i].value,
			    r->attr[i].len);
	return 0;
}

/* The record's body to the storage: 0, 1 if it is set aside, or REC_VOID. */
static int
upload(struct recin *in, struct rec *r, struct grid_put **put,
    struct sums *sums, struct why *w)
{
	char path[GRID_PATH];
	const char *guid = rec_get(r, "guid", NULL);
	const void *p;
	size_t n;
	int got;

	if (guid == NULL) {
		why_set(w, EXIT_DATA, "has no guid: it was not encrypted");
		return 1;
	}
	if (grid_object(guid, path, w) < 0 ||
	    (*put = grid_put_begin(grid, path, r->size, w)) == NULL) {
		if (w->code != EXIT_DATA)
			die_why(w);
		return 1;
	}
	sums_begin(sums);
	while ((got = recin_block(in, &p, &n, w)) == 1) {
		sums_add(sums, p, n);
		if (grid_put_write(*put, p, n, w) < 0)
			got = -1;
		if (got < 0)
			break;
		progress_add(0, n);
	}
	if (got != 0)
		grid_put_void(*put);
	if (got < 0)
		die_why(w);
	return got;
}

static void
store(struct recin *in, struct rec *r)
{
	static struct sums sums;
	struct why w = { 0 };
	struct sums_text t;
	char surl[GRID_SURL];
	struct grid_put *put;
	int got = upload(in, r, &put, &sums, &w);

	if (got == REC_VOID)
		return;
	if (got == 0) {
		sums_end(&sums, &t);
		got = grid_put_done(put, &t, sums.size, surl, &w);
		if (got < 0 && w.code != EXIT_DATA)
			die_why(&w);
	}
	if (got != 0 ||
	    make_line(&waiting[waits], r, &sums, &t, surl, &w) < 0) {
		aside(r->name, &w);
		return;
	}
	progress_add(1, 0);
	waits++;
	wait_bytes += sums.size;
	if (waits == BATCH || wait_bytes >= BATCH_BYTES)
		settle();
}

static int
copy_to(void)
{
	struct why w = { 0 };
	struct recin *in;
	struct rec *r;
	int got;

	if ((grid = grid_open(to, true, &w)) == NULL ||
	    (in = recin_open(STDIN_FILENO, NULL, 0, &w)) == NULL)
		die_why(&w);
	lines = lineout_open(out_open(opt_output), "manifest", false);
	recin_on_idle(in, idle, NULL);
	while ((got = recin_next(in, &r, &w)) > 0)
		store(in, r);
	if (got < 0)
		die_why(&w);
	settle();
	if (lineout_end(lines, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(lineout_count(lines));
}

/* Downwards: only from storages that were named, whatever a line says. */
static struct grid **allowed;
static int alloweds;

static void
open_allowed(void)
{
	struct why w = { 0 };
	int i, n = allow.n ? allow.n : 1;

	if ((allowed = calloc((size_t)n, sizeof(struct grid *))) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++) {
		const char *url = allow.n ? allow.v[i] : grid_default(NULL);

		if ((allowed[i] = grid_open(url, false, &w)) == NULL)
			die_why(&w);
	}
	alloweds = n;
}

/* What a line promises. */
struct want {
	unsigned long long size;
	unsigned char sha256[32];
};

/* Open a replica that has the right size: a descriptor, or -1. */
static struct grid_get *
open_replica(const struct line *l, const char *key, const struct want *want,
    struct why *w)
{
	unsigned long long size;
	const char *path = NULL;
	char surl[GRID_SURL];
	struct grid_get *get;
	int i;

	if (line_text(l, key, surl, sizeof surl, w) < 0)
		return NULL;
	for (i = 0; i < alloweds; i++) {
		if ((path = grid_path(allowed[i], surl)) != NULL)
			break;
	}
	if (path == NULL) {
		why_set(w, EXIT_DENIED,
		    "its surl is on no storage that --allow names");
		return NULL;
	}
	get = grid_get_open(allowed[i], path, 0, -1, &size, w);
	if (get != NULL && size != want->size) {
		grid_get_close(get);
		get = NULL;
		why_set(w, EXIT_DATA, "%s has it in another size",
		    grid_url(allowed[i]));
	}
	return get;
}

static void
set_attrs(struct rec *r, const struct line *l, struct why *w)
{
	static char text[LINE_MAX_BYTES];
	int i;

	for (i = 0; i < l->fields; i++) {
		const char *word = l->field[i].word;
		long n = word_decode(text, word, strlen(word));

		if (n >= 0)
			rec_set(r, l->field[i].key, text, (size_t)n);
	}
	rec_via(r, NULL);
	(void)w;
}

/*
 * Stream a replica.  0; 1 with *w if it is not what the line promised: what
 * was sent is withdrawn.  Dies if the output fails.
 */
static int
send(struct recout *out, const struct rec *r, struct grid_get *get,
    const struct want *want, struct why *w)
{
	static unsigned char buf[1 << 18];
	static struct sums sums;
	unsigned char md[32];
	struct sums_text t;
	long n;
	int bad = 0;

	if (recout_begin(out, r, (long long)want->size, 0, w) < 0)
		return 1;
	sums_begin(&sums);
	while ((n = grid_get_read(get, buf, sizeof buf, w)) != 0) {
		if (n < 0 || sums.size + (size_t)n > want->size)
			break;
		sums_add(&sums, buf, (size_t)n);
		if (recout_write(out, buf, (size_t)n, w) < 0)
			die_why(w);
		progress_add(0, (unsigned long long)n);
	}
	if (n < 0) {
		bad = 1;
	} else {
		sums_end(&sums, &t);
		if (n > 0 || sums.size != want->size ||
		    hex_decode(md, sizeof md, t.sha256) < 0 ||
		    memcmp(md, want->sha256, sizeof md) != 0) {
			why_set(w, EXIT_DATA, "the storage has it damaged");
			bad = 1;
		}
	}
	if ((bad ? recout_void(out, w) : recout_done(out, NULL, w)) < 0)
		die_why(w);
	return bad;
}

/* Name the replica that failed: storages that lie should be known. */
static void
blame(struct why *w, const struct line *l, const char *key)
{
	struct why was = *w;

	why_set(w, was.code, "%s (%.200s)", was.text, line_word(l, key));
}

static void
fetch(struct recout *out, const struct line *l)
{
	char name[REC_NAME_MAX + 1], key[24] = "surl";
	struct why w = { 0 };
	struct want want;
	struct rec r;
	struct grid_get *get;
	int i = 1, bad = 1;

	if (line_name(l, name, sizeof name, &w) < 0) {
		aside(l->name, &w);
		return;
	}
	if (line_number(l, "size", &want.size, &w) < 0 ||
	    line_hex(l, "sha256", want.sha256, sizeof want.sha256, &w) < 0) {
		aside(name, &w);
		return;
	}
	if (line_word(l, key) == NULL)
		why_set(&w, EXIT_FEW, "has no replica: it is not online");
	rec_init(&r);
	rec_set_name(&r, name);
	set_attrs(&r, l, &w);
	while (bad && line_word(l, key) != NULL) {
		if ((get = open_replica(l, key, &want, &w)) != NULL) {
			bad = send(out, &r, get, &want, &w);
			grid_get_close(get);
		}
		if (bad) {
			blame(&w, l, key);
			snprintf(key, sizeof key, "surl.%d", ++i);
			if (line_word(l, key) != NULL)
				say_warning("%s: %s; trying the next replica",
				    l->name, w.text);
		}
	}
	rec_clear(&r);
	if (bad)
		aside(name, &w);
	else
		progress_add(1, 0);
}

static int
copy_from(void)
{
	struct why w = { 0 };
	struct recout *out;
	struct linein *in;
	struct line l;
	int got;

	open_allowed();
	in = linein_open(STDIN_FILENO, "manifest", false);
	if ((out = recout_open(out_open(opt_output), &w)) == NULL)
		die_why(&w);
	linein_on_idle(in, recout_idle, out);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0)
		fetch(out, &l);
	if (got < 0 || recout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(recout_count(out));
}

int
main(int argc, char **argv)
{
	if (*opt_parse(argc, argv, options,
		"--to URL < records > manifest, or --from < manifest > "
		"records"))
		die(EXIT_USAGE, "takes no operands");
	if (from && to != NULL)
		die(EXIT_USAGE, "takes --to or --from, not both");
	if (from)
		return copy_from();
	to = grid_default(to);
	return copy_to();
}
