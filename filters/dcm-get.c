/* dcm-get: objects of a DICOM server become a record stream, none missing */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "opt.h"
#include "out.h"
#include "pacs.h"
#include "progress.h"
#include "scp.h"
#include "wanted.h"

static const char *pacs, *move, *rate, *between, *have, *missing;
static int jobs = 3, batch = 20, cap;
static long long max_size;

static const struct poptOption options[] = {
	{ "pacs", '\0', POPT_ARG_STRING, &pacs, 0,
	    "the server, dicom://AE@HOST:PORT, dicoms://, or DICOMweb's "
	    "https://HOST/PATH ($MDM_PACS)",
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

static struct dimse_conf conf, here;
static struct dicomweb_conf web;
static bool by_web;
static struct fetch_conf fetching;
static struct wanted wanted;
static struct intake in;

static int
in_time(struct wanted *x, struct why *w)
{
	(void)x;
	if (!fetch_open_now(&fetching))
		return why_set(w, EXIT_RETRY, "the time of --between is over");
	return 0;
}

static int
ready(struct wanted *x, struct why *w)
{
	static const char *const implicit[] = { PACS_IMPLICIT };
	static const struct dimse_context context = { PACS_FIND, implicit, 1,
		false };

	if (by_web && x->find.web == NULL)
		x->find.web = dicomweb_open(&web);
	if (!by_web && x->find.d == NULL)
		x->find.d = dimse_open(fetching.haul.net, &context, 1, w);
	return by_web || x->find.d ? 0 : -1;
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
	fetching.haul.destination = conf.ours;
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
open_server(const char *url)
{
	struct why w = { 0 };

	if ((by_web = pacs_web(&web, url))) {
		if (move)
			die(EXIT_USAGE, "--move: not by DICOMweb");
		if (dicomweb_init(&web, &w) < 0)
			die_why(&w);
		fetching.haul.web = &web;
		return;
	}
	pacs_conf(&conf, url);
	dimse_init(&conf);
	if ((fetching.haul.net = dimse_net_new(&conf, &w)) == NULL)
		die_why(&w);
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
	open_server(opt_need(pacs, "--pacs", "MDM_PACS"));
	fetching.in = &in;
	fetching.jobs = (unsigned)jobs;
	fetching.batch = (unsigned)batch;
}

/* Lines of what is missing go here; NULL: nowhere. */
static struct lineout *
open_missing(void)
{
	struct why w = { 0 };
	int fd;

	if (missing == NULL)
		return NULL;
	fd = opt_open(missing, O_WRONLY | O_CREAT | O_TRUNC, &w);
	if (fd < 0)
		die_why(&w);
	return lineout_open(fd, missing, false);
}

static void
read_had(void)
{
	struct why w = { 0 };
	int fd;

	if (have == NULL)
		return;
	if ((fd = opt_open(have, O_RDONLY, &w)) < 0)
		die_why(&w);
	wanted_had(&wanted, fd, have);
}

static void
open_stream(void)
{
	struct why w = { 0 };

	intake_init(&in);
	in.fd = out_open(opt_output);
	if (max_size > 0)
		in.limit = (unsigned long long)max_size;
	if ((in.out = recout_open(in.fd, &w)) == NULL)
		die_why(&w);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	struct lineout *lost;

	if (*opt_parse(argc, argv, options, "< lines > records"))
		die(EXIT_USAGE, "no operands: names come on standard input");
	settings();
	wanted_init(&wanted);
	wanted.find.cap = (unsigned)cap;
	wanted.find.classes = !by_web;
	wanted.ready = ready;
	wanted.may = in_time;
	read_had();
	lost = open_missing();
	open_stream();
	if (move)
		start_receiver();
	wanted.fetch = fetch_new(&fetching);
	wanted_read(&wanted, STDIN_FILENO);
	dimse_end(wanted.find.d);
	dicomweb_close(wanted.find.web);
	if (fetch_finish(wanted.fetch, &w) < 0)
		die_why(&w);
	stop_receiver();
	wanted_report(&wanted, lost);
	if (recout_end(in.out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(fetch_received(wanted.fetch) + wanted.had_count);
}
