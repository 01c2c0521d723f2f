/* dcm-get: objects of a DICOM server become a record stream, none missing */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fetch.h"
#include "lookup.h"
#include "opt.h"
#include "out.h"
#include "pacs.h"
#include "progress.h"
#include "scp.h"

static const char *pacs, *move, *rate, *between, *have, *missing;
static int jobs = 3, batch = 20, cap;
static long long max_size;

static const struct poptOption options[] = {
	{ "pacs", '\0', POPT_ARG_STRING, &pacs, 0,
	    "the server, dicom://AE@HOST:PORT, or dicoms:// ($MDM_PACS)",
	    "URL" },
	{ "move", '\0', POPT_ARG_STRING, &move, 0,
	    "by C-MOVE, to a storage SCP of our own here, instead of C-GET",
	    "[HOST:]PORT" },
	{ "jobs", 'j', POPT_ARG_INT, &jobs, 0,
	    "associations at once (default: 3)", "N" },
	{ "batch", '\0', POPT_ARG_INT, &batch, 0,
	    "objects in one request (default: 20)", "N" },
	{ "rate", '\0', POPT_ARG_STRING, &rate, 0,
	    "at most so many bytes a second; k and M are 1000 and 1000000",
	    "N" },
	{ "between", '\0', POPT_ARG_STRING, &between, 0,
	    "ask for nothing outside these hours, local time", "HH:MM-HH:MM" },
	{ "have", '\0', POPT_ARG_STRING, &have, 0,
	    "do not fetch what these lines name", "FILE" },
	{ "missing", '\0', POPT_ARG_STRING, &missing, 0,
	    "write lines of what did not come, and why, here", "FILE" },
	{ "max-size", '\0', POPT_ARG_LONGLONG, &max_size, 0,
	    "refuse objects larger than this (default: none is)", "BYTES" },
	{ "cap", '\0', POPT_ARG_INT, &cap, 0,
	    "the server gives so many answers at most", "N" },
	PACS_OPTIONS, OPT_COMMON
};

/* How each line of the input fared. */
struct account {
	unsigned long announced, missing;
	struct why why; /* of the first that is missing */
};

static struct account *account;
static unsigned long lines, size;
static struct dimse_conf conf, here;
static struct dimse_net *net;
static struct fetch_conf fetching;
static struct fetch *fetch;
static struct intake in;
static struct idset *had;
static unsigned long at, had_count; /* the line being asked about */
static struct lineout *lost;
static struct query each, uids; /* with the class of each object, or without */
static char known[65], classes[LOOKUP_CLASSES * 65]; /* of that study */
static bool is_down;
static struct why down;

static void
announce(const struct query_name *name, const char *sop_class)
{
	unsigned char id[16];

	account[at].announced++;
	idset_name(id, name->sop);
	if (idset_has(had, id, NULL))
		had_count++;
	else
		fetch_add(fetch, name, sop_class, at);
}

static int
found(void *arg, const struct query_name *name, const char *sop_class,
    const void *p, size_t n, struct why *w)
{
	(void)arg, (void)p, (void)n;
	if (*classes)
		sop_class = classes;
	if (*sop_class == '\0')
		return why_set(w, EXIT_FEW,
		    "the server does not say what class an object is");
	announce(name, sop_class);
	return 0;
}

/* Ask what is below a name.  0 or -1 with *w. */
static int
look(struct lookup *find, const struct query_name *name, struct why *w)
{
	static const char *const implicit[] = { PACS_IMPLICIT };
	static const struct dimse_context context = { PACS_FIND, implicit, 1,
		false };
	const unsigned long before = find->unsplit, answers = find->answers;

	if (is_down) {
		*w = down;
		return -1;
	}
	if (!fetch_open_now(&fetching))
		return why_set(w, EXIT_RETRY, "the time of --between is over");
	if (find->d == NULL &&
	    (find->d = dimse_open(net, &context, 1, w)) == NULL) {
		is_down = true;
		down = *w;
		return -1;
	}
	if (strcmp(known, name->study) != 0) {
		strcpy(known, name->study);
		if (lookup_classes(find->d, known, classes, w) <= 0)
			*classes = '\0';
	}
	find->q = *classes ? &uids : &each;
	if (lookup_run(find, name, w) < 0) {
		dimse_abort(find->d);
		find->d = NULL;
		return -1;
	}
	if (find->unsplit != before)
		return why_set(w, EXIT_NO,
		    "the server cut the list of its objects: some may be "
		    "missing");
	if (find->answers == answers)
		return why_set(
		    w, EXIT_NO, "the server has nothing of that name");
	return 0;
}

static void
next_account(void)
{
	if (++at >= size) {
		size = size ? 2 * size : 256;
		account = realloc(account, size * sizeof *account);
		if (account == NULL)
			die(EXIT_IO, "out of memory");
	}
	memset(account + at, 0, sizeof *account);
	lines = at;
}

static void
set_aside(unsigned long line, const struct why *w)
{
	char what[32];

	snprintf(what, sizeof what, "line:%lu", line);
	aside(what, w);
}

/* Read what is wanted, and announce it as it becomes known. */
static void
read_lines(struct lookup *find)
{
	struct linein *list = linein_open(STDIN_FILENO, "names", false);
	struct query_name name;
	struct why w = { 0 };
	char sop_class[65];
	struct line l;
	int got;

	line_init(&l, false);
	while ((got = linein_next(list, &l, &w)) == 1) {
		next_account();
		if (query_name(&name, &l, &w) < 0) {
			set_aside(at, &w);
			continue;
		}
		if (*name.sop && line_word(&l, "class") &&
		    line_text(&l, "class", sop_class, sizeof sop_class, &w) >
			0 &&
		    ident_is_uid(sop_class, strlen(sop_class)))
			announce(&name, sop_class);
		else if (look(find, &name, &w) < 0)
			set_aside(at, &w);
	}
	if (got < 0)
		die_why(&w);
	line_free(&l);
	linein_free(list);
}

static void
read_had(void)
{
	struct why w = { 0 };
	struct query_name name;
	unsigned char id[16];
	struct linein *list;
	struct line l;
	int got, fd;

	had = idset_new();
	if (have == NULL)
		return;
	if ((fd = opt_open(have, O_RDONLY, &w)) < 0)
		die_why(&w);
	list = linein_open(fd, have, false);
	line_init(&l, false);
	while ((got = linein_next(list, &l, &w)) == 1) {
		if (query_name(&name, &l, &w) != 3)
			die(EXIT_DATA, "%s: line %lu: not STUDY/SERIES/SOP",
			    have, linein_count(list));
		idset_name(id, name.sop);
		idset_add(had, id, 0);
	}
	if (got < 0)
		die_why(&w);
	line_free(&l);
	linein_free(list);
}

static void
on_missing(void *arg, const char *name, const char *sop_class,
    unsigned long line, const struct why *why)
{
	static struct line l;
	struct why w;

	(void)arg;
	if (account[line].missing++ == 0)
		account[line].why = *why;
	if (lost == NULL)
		return;
	if (l.buf == NULL)
		line_init(&l, false);
	line_reset(&l);
	line_set_name(&l, name, strlen(name));
	if (ident_is_uid(sop_class, strlen(sop_class)))
		line_set_word(&l, "class", sop_class);
	line_set(&l, "why", why->text, strlen(why->text));
	if (lineout_put(lost, &l, &w) < 0)
		die_why(&w);
}

/* What is missing: to the file by name, to standard error by line. */
static void
report(void)
{
	struct why w;
	unsigned long i;

	fetch_missing(fetch, on_missing, NULL);
	if (lost && lineout_end(lost, &w) < 0)
		die_why(&w);
	for (i = 1; i <= lines; i++)
		if (account[i].missing > 0) {
			why_set(&w, account[i].why.code,
			    "%lu of %lu objects missing: %s",
			    account[i].missing, account[i].announced,
			    account[i].why.text);
			set_aside(i, &w);
		}
	if (fetch_unasked(fetch) > 0)
		say_warning("%lu objects that nobody asked for were refused",
		    fetch_unasked(fetch));
	if (opt_verbose || aside_count() > 0)
		say_note("%lu announced, %lu received, %lu already here, %lu "
			 "missing",
		    fetch_announced(fetch) + had_count, fetch_received(fetch),
		    had_count, fetch_announced(fetch) - fetch_received(fetch));
}

/* The storage SCP that C-MOVE sends to. */
static struct intake *
begin(void *arg, struct why *w)
{
	(void)arg, (void)w;
	return &in;
}

static void
end(void *arg, struct intake *i, bool clean)
{
	(void)arg, (void)i, (void)clean;
}

static void *
receive(void *arg)
{
	scp_run(arg);
	return NULL;
}

static struct scp scp = { .begin = begin, .end = end };
static pthread_t receiver;

static void
start_receiver(void)
{
	struct why w = { 0 };

	here = conf;
	here.host = NULL;
	pacs_listen_at(&here, move);
	scp.most = 2 * (unsigned)jobs;
	scp.time = conf.time;
	if ((scp.net = dimse_net_new(&here, &w)) == NULL ||
	    dimse_listen(scp.net, &here.port, &w) < 0 || scp_init(&scp, &w) < 0)
		die_why(&w);
	if (pthread_create(&receiver, NULL, receive, &scp) != 0)
		die(EXIT_IO, "no threads");
	fetching.destination = conf.ours;
}

static void
stop_receiver(void)
{
	if (move == NULL)
		return;
	scp_stop(&scp);
	pthread_join(receiver, NULL);
}

static void
settings(void)
{
	struct why w = { 0 };

	if (jobs < 1 || jobs > 64)
		die(EXIT_USAGE, "--jobs: not from 1 to 64");
	if (batch < 1 || batch > 900)
		die(EXIT_USAGE, "--batch: not from 1 to 900");
	if (cap < 0 || max_size < 0)
		die(EXIT_USAGE, "--cap, --max-size: not a number");
	if ((rate && fetch_rate(&fetching, rate, &w) < 0) ||
	    (between && fetch_between(&fetching, between, &w) < 0))
		die_why(&w);
	pacs_conf(&conf, opt_need(pacs, "--pacs", "MDM_PACS"));
	dimse_init(&conf);
	if ((net = dimse_net_new(&conf, &w)) == NULL)
		die_why(&w);
	fetching.net = net;
	fetching.in = &in;
	fetching.jobs = (unsigned)jobs;
	fetching.batch = (unsigned)batch;
}

static void
open_missing(void)
{
	struct why w = { 0 };
	int fd;

	if (missing == NULL)
		return;
	fd = opt_open(missing, O_WRONLY | O_CREAT | O_TRUNC, &w);
	if (fd < 0)
		die_why(&w);
	lost = lineout_open(fd, missing, false);
}

int
main(int argc, char **argv)
{
	struct lookup find = { 0 };
	struct why w = { 0 };

	if (*opt_parse(argc, argv, options, "< lines > records"))
		die(EXIT_USAGE, "no operands: names come on standard input");
	settings();
	read_had();
	open_missing();
	query_init(&each, QUERY_IMAGE);
	query_init(&uids, QUERY_IMAGE);
	if (query_add(&each, "study", &w) < 0 ||
	    query_add(&each, "series", &w) < 0 ||
	    query_add(&each, "class", &w) < 0 ||
	    query_add(&each, "sop", &w) < 0 ||
	    query_add(&uids, "study", &w) < 0 ||
	    query_add(&uids, "series", &w) < 0 ||
	    query_add(&uids, "sop", &w) < 0)
		die_why(&w);
	intake_init(&in);
	in.fd = out_open(opt_output);
	if (max_size > 0)
		in.limit = (unsigned long long)max_size;
	if ((in.out = recout_open(in.fd, &w)) == NULL)
		die_why(&w);
	if (move)
		start_receiver();
	fetch = fetch_new(&fetching);
	find.cap = (unsigned)cap;
	find.answer = found;
	lookup_begin(&find);
	read_lines(&find);
	dimse_end(find.d);
	if (fetch_finish(fetch, &w) < 0)
		die_why(&w);
	stop_receiver();
	report();
	if (recout_end(in.out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(fetch_received(fetch) + had_count);
}
