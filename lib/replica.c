#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replica.h"
#include "retry.h"

static struct storage {
	struct grid *grid;
	atomic_long silent; /* until then we expect no answer */
} * storage;
static int storages;

void
replica_open(const struct opt_list *allow)
{
	struct why w = { 0 };
	int i;

	allow = grid_defaults(allow);
	storages = allow->n;
	if ((storage = calloc((size_t)storages, sizeof *storage)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < storages; i++) {
		storage[i].grid = grid_open(allow->v[i], false, &w);
		if (storage[i].grid == NULL)
			die_why(&w);
	}
}

int
replica_storages(void)
{
	return storages;
}

struct grid *
replica_storage(int i)
{
	return storage[i].grid;
}

static long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec;
}

/* Less is better. */
static int
rank(const struct replica *r)
{
	if (r->path == NULL)
		return 2 * storages;
	return r->storage + (atomic_load(&storage[r->storage].silent) > now()
				    ? storages
				    : 0);
}

static int
list(const struct line *l, struct replica *r)
{
	struct replica one;
	struct why ignored;
	int i, n = 0, at;

	strcpy(one.key, "surl");
	while (n < REPLICAS && line_word(l, one.key) != NULL) {
		one.path = NULL;
		if (line_text(l, one.key, one.surl, sizeof one.surl, &ignored) <
		    0)
			one.surl[0] = '\0';
		for (i = 0; i < storages && one.path == NULL; i++) {
			one.path = grid_path(storage[i].grid, one.surl);
			one.storage = i;
		}
		for (at = n; at > 0 && rank(&r[at - 1]) > rank(&one); at--) {
			r[at] = r[at - 1];
			if (r[at].path != NULL)
				r[at].path =
				    r[at].surl + (r[at].path - r[at - 1].surl);
		}
		r[at] = one;
		if (one.path != NULL)
			r[at].path = r[at].surl + (one.path - one.surl);
		n++;
		snprintf(one.key, sizeof one.key, "surl.%d", n + 1);
	}
	return n;
}

/* Remember that this storage does not answer, or that it does. */
static void
answers(const struct replica *r, bool does)
{
	atomic_store(&storage[r->storage].silent,
	    does ? 0 : now() + 2 * (long)retry_limit());
}

static void
remember(struct replica_bad *bad, int *bads, const struct replica *r,
    const struct why *w)
{
	int i;

	for (i = 0; i < *bads; i++)
		if (strcmp(bad[i].key, r->key) == 0)
			break;
	if (i == REPLICAS)
		return;
	*bads += i == *bads;
	strcpy(bad[i].key, r->key);
	bad[i].why = *w;
}

/* Is there any that may answer?  Others have waited for the rest already. */
static bool
hopeful(const struct replica *r, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (r[i].path != NULL && rank(&r[i]) < storages)
			return true;
	return false;
}

int
replica_try(const struct line *l, replica_use *use, void *arg,
    struct replica_bad *bad, int *bads, struct why *w)
{
	struct replica *r = calloc(REPLICAS, sizeof *r);
	struct retry wait = { 0 };
	int i, n, got = -1;
	bool again, hope;

	if (r == NULL)
		die(EXIT_IO, "out of memory");
	*bads = 0;
	n = list(l, r);
	hope = hopeful(r, n);
	do {
		n = list(l, r);
		again = false;
		why_set(w, EXIT_FEW, "has no replica: it is not online");
		for (i = 0; i < n && got < 0; i++) {
			if (r[i].path == NULL)
				why_set(w, EXIT_DENIED,
				    "its surl is on no storage that --allow "
				    "names");
			else {
				got = use(arg, &r[i], w);
				answers(
				    &r[i], got >= 0 || w->code != EXIT_RETRY);
			}
			if (got >= 0)
				break;
			again = again || w->code == EXIT_RETRY;
			remember(bad, bads, &r[i], w);
		}
		if (again)
			w->code = EXIT_RETRY;
	} while (got < 0 && again && hope && retry_wait(&wait, w));
	free(r);
	return got;
}

static struct lineout *report;

void
replica_report(const char *file)
{
	struct why w = { 0 };
	int fd;

	if (file == NULL)
		return;
	if ((fd = opt_open(file, O_WRONLY | O_CREAT | O_TRUNC, &w)) < 0)
		die_why(&w);
	report = lineout_open(fd, "manifest", false);
}

void
replica_reported(void)
{
	struct why w = { 0 };

	if (report != NULL && lineout_end(report, &w) < 0)
		die_why(&w);
}

static const char *
error_word(int code)
{
	return code == EXIT_FEW      ? "missing"
	       : code == EXIT_DATA   ? "damaged"
	       : code == EXIT_DENIED ? "denied"
	       : code == EXIT_RETRY  ? "silent"
				     : "broken";
}

void
replica_blame(const struct line *l, const struct replica_bad *bad, int bads,
    struct why *w)
{
	static struct line line;
	struct why io = { 0 }, was = *w;
	int i;

	for (i = 0; i < bads; i++) {
		const char *surl = line_word(l, bad[i].key);

		if (w->code == 0)
			say_warning("%s: %s (%.200s); another replica has it",
			    l->name, bad[i].why.text, surl);
		if (report == NULL)
			continue;
		if (line.buf == NULL)
			line_init(&line, false);
		line_copy(&line, l);
		for (int k = line.fields; k-- > 0;)
			if (strncmp(line.field[k].key, "surl", 4) == 0)
				line_unset(&line, line.field[k].key);
		line_set_word(&line, "surl", surl);
		line_set_word(&line, "error", error_word(bad[i].why.code));
		if (lineout_put(report, &line, &io) < 0)
			die_why(&io);
	}
	/* Storages that lie should be known. */
	if (w->code != 0 && bads > 0)
		why_set(w, was.code, "%s (%.200s)", was.text,
		    line_word(l, bad[bads - 1].key));
}
