/* hydra-refresh: share keys anew, or give a store its shares back */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "refresh.h"
#include "secret.h"

static const char *stores_file, *from_file, *to_file;
static int rebuild, create;
static long long epoch;

static const struct poptOption options[] = {
	{ "stores", '\0', POPT_ARG_STRING, &stores_file, 0,
	    "the list of key stores (default: $MDM_STORES)", "FILE" },
	{ "from", '\0', POPT_ARG_STRING, &from_file, 0,
	    "the list of those that have the keys (default: as above)",
	    "FILE" },
	{ "to", '\0', POPT_ARG_STRING, &to_file, 0,
	    "the list of those that are to have them (default: as above)",
	    "FILE" },
	{ "rebuild", '\0', POPT_ARG_INT, &rebuild, 0,
	    "only give this store the shares that it had", "X" },
	{ "epoch", '\0', POPT_ARG_LONGLONG, &epoch, 0,
	    "leave keys that are whole and have this epoch, or a later one",
	    "E" },
	{ "create", '\0', POPT_ARG_NONE, &create, 0,
	    "make the new stores that do not exist yet", NULL },
	OPT_COMMON
};

static struct stores *from, *to;
static struct refresh *refresh;
static struct lineout *out;
static unsigned long served;

/* The batch: GUIDs, each once. */
static char (*guid)[SHARE_ID + 1];
static const char **name;
static unsigned count;

static struct stores *
load(const char *file)
{
	struct stores *s;
	struct why w;

	s = stores_load(file ? file : stores_file, false, &w);
	if (s == NULL)
		die_why(&w);
	return s;
}

static void
check_options(void)
{
	if (rebuild < 0 || rebuild > SHARE_N)
		die(EXIT_USAGE, "--rebuild: not in 1..%d", SHARE_N);
	if (rebuild != 0 && (from_file != NULL || to_file != NULL))
		die(EXIT_USAGE, "--rebuild: is about one list, --stores");
	if (rebuild != 0 && epoch != 0)
		die(EXIT_USAGE, "--rebuild: makes no epoch");
	if (epoch < 0)
		die(EXIT_USAGE, "--epoch: not 1 or more");
}

static void
open_all(void)
{
	struct refresh_how how = { .rebuild = (unsigned)rebuild,
		.epoch = (uint64_t)epoch,
		.create = create };
	struct why w;
	unsigned i, n;

	to = load(to_file);
	from = from_file == NULL && to_file == NULL ? to : load(from_file);
	secret_init(refresh_secret(from, to));
	if ((refresh = refresh_open(from, to, &how, &w)) == NULL)
		die_why(&w);
	n = refresh_batch(refresh);
	guid = calloc(n, sizeof *guid);
	name = calloc(n, sizeof *name);
	if (guid == NULL || name == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++)
		name[i] = guid[i];
}

/* Each line is there when its key is durable at all stores. */
static void
serve(void)
{
	static struct line ack;
	struct why w;
	unsigned i;

	if (count > 0 && refresh_keys(refresh, name, count, &w) < 0)
		die_why(&w);
	for (i = 0; i < count; i++) {
		if (refresh_ack(refresh, i, &ack, &w) < 0) {
			aside(guid[i], &w);
			continue;
		}
		served++;
		if (lineout_put(out, &ack, &w) < 0)
			die_why(&w);
	}
	progress_add(count, 0);
	count = 0;
	if (lineout_flush(out, &w) < 0)
		die_why(&w);
}

static void
idle(void *arg)
{
	(void)arg;
	serve();
}

/* A key may be named by several lines: those of hydra-check(1), say. */
static void
add(const char *id)
{
	struct why w;
	unsigned i;

	if (!share_id_ok(id)) {
		why_set(
		    &w, EXIT_DATA, "not a GUID of 32 lower-case hex digits");
		aside(id, &w);
		return;
	}
	for (i = count; i > 0; i--)
		if (strcmp(guid[i - 1], id) == 0)
			return;
	memcpy(guid[count++], id, SHARE_ID + 1);
	if (count == refresh_batch(refresh))
		serve();
}

int
main(int argc, char **argv)
{
	struct linein *in;
	struct line l;
	struct why w;
	int got;

	if (*opt_parse(argc, argv, options, "< lines > acks"))
		die(EXIT_USAGE, "takes no operands");
	check_options();
	open_all();
	in = linein_open(STDIN_FILENO, "lines", false);
	out = lineout_open(out_open(opt_output), "acknowledgements", false);
	linein_on_idle(in, idle, NULL);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0)
		add(line_id(&l));
	if (got < 0)
		die_why(&w);
	serve();
	line_free(&l);
	linein_free(in);
	refresh_free(refresh);
	if (from != to)
		stores_free(from);
	stores_free(to);
	free(guid);
	free(name);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(served);
}
