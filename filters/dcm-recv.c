/* dcm-recv: objects that are sent to us become record streams */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opt.h"
#include "out.h"
#include "pacs.h"
#include "progress.h"
#include "scp.h"
#include "spool.h"

enum { FROM };

static const char *listen_at, *dir, *address;
static int most = 16, any_aet;
static long long max_size;

static const struct poptOption options[] = {
	{ "listen", '\0', POPT_ARG_STRING, &listen_at, 0,
	    "where (default: 11112); port 0 is any that is free",
	    "[HOST:]PORT" },
	{ "dir", 'd', POPT_ARG_STRING, &dir, 0,
	    "write a stream for each association into DIR, durable before "
	    "success is said",
	    "DIR" },
	{ "from", '\0', POPT_ARG_STRING, NULL, OPT_LIST + FROM,
	    "only those who call themselves so may send; again for more",
	    "TITLE" },
	{ "any-aet", '\0', POPT_ARG_NONE, &any_aet, 0,
	    "answer to any AE title, not only to that of --aet", NULL },
	{ "associations", 'j', POPT_ARG_INT, &most, 0,
	    "at once; more must wait (default: 16)", "N" },
	{ "max-size", '\0', POPT_ARG_LONGLONG, &max_size, 0,
	    "refuse objects larger than this (default: none is)", "BYTES" },
	{ "address", '\0', POPT_ARG_STRING, &address, 0,
	    "write HOST:PORT here once it listens", "FILE" },
	PACS_OPTIONS, OPT_COMMON
};

static struct scp scp;
static struct intake shared; /* all write to standard output */
static struct why broken;    /* the first failure to write */

static int
on_name(void *arg, const struct walk_uids *u, const char *sop, char *name)
{
	(void)arg;
	snprintf(name, REC_NAME_MAX, "%s/%s/%s", u->study, u->series, sop);
	return 0;
}

static void
on_done(void *arg, const char *sop, int status)
{
	(void)sop;
	if (status == 0)
		progress_add(1, 0);
	else if (arg == NULL && shared.why.code != 0)
		scp_stop(&scp); /* nothing more can be written */
	else
		say_warning("an object was refused (%04X)", (unsigned)status);
}

/* A stream of its own for one association. */
struct stream {
	struct intake in;
	struct spool *spool;
};

static void
fill(struct intake *in, void *arg)
{
	intake_init(in);
	if (max_size > 0)
		in->limit = (unsigned long long)max_size;
	in->name = on_name;
	in->done = on_done;
	in->arg = arg;
}

static struct intake *
begin(void *arg, struct why *w)
{
	struct stream *s;

	(void)arg;
	if (dir == NULL)
		return &shared;
	if ((s = malloc(sizeof *s)) == NULL)
		die(EXIT_IO, "out of memory");
	fill(&s->in, s);
	if ((s->spool = spool_begin(dir, w)) == NULL) {
		free(s);
		return NULL;
	}
	s->in.out = s->spool->out;
	s->in.fd = s->spool->fd;
	s->in.sync = true;
	return &s->in;
}

static void
end(void *arg, struct intake *in, bool clean)
{
	struct why w = { 0 };
	struct stream *s = in->arg;

	(void)arg, (void)clean; /* an object that was cut was withdrawn */
	if (s == NULL)
		return;
	if (spool_end(s->spool, in->why.code != 0, &w) < 0) {
		if (in->why.code != 0)
			say_error("%s", in->why.text);
		say_error("%s", w.text);
		broken = w;
	}
	free(s);
}

static bool
allowed(void *arg, const char *calling)
{
	const char **p = opt_lists[FROM].v;

	(void)arg;
	if (p == NULL)
		return true;
	for (; *p; p++)
		if (strcmp(*p, calling) == 0)
			return true;
	return false;
}

static void
on_signal(int signal)
{
	(void)signal;
	scp_stop(&scp);
}

/* Others wait for the file: it appears whole. */
static void
tell(const struct dimse_conf *c)
{
	struct why w = { 0 };
	char text[300], *tmp;
	int fd;

	if (address == NULL)
		return;
	snprintf(text, sizeof text, "%s:%u\n", c->host ? c->host : "localhost",
	    c->port);
	if (asprintf(&tmp, "%s.new", address) < 0)
		die(EXIT_IO, "out of memory");
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || out_write(fd, text, strlen(text), &w) < 0 ||
	    close(fd) < 0 || rename(tmp, address) < 0)
		die(EXIT_IO, "%s: %s", address, strerror(errno));
	free(tmp);
}

static void
start(void)
{
	static struct dimse_conf conf;
	struct sigaction act = { .sa_handler = on_signal };
	struct why w = { 0 };

	pacs_conf(&conf, NULL);
	pacs_listen_at(&conf, listen_at ? listen_at : "11112");
	if (any_aet)
		conf.ours = NULL;
	dimse_init(&conf);
	scp.most = (unsigned)most;
	scp.time = conf.time;
	scp.begin = begin;
	scp.end = end;
	scp.allowed = allowed;
	if (scp_init(&scp, &w) < 0 ||
	    (scp.net = dimse_net_new(&conf, &w)) == NULL ||
	    dimse_listen(scp.net, &conf.port, &w) < 0)
		die_why(&w);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	tell(&conf);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	int made;

	if (*opt_parse(argc, argv, options, "> records"))
		die(EXIT_USAGE, "no operands");
	if (most < 1 || most > 1000)
		die(EXIT_USAGE, "--associations: not from 1 to 1000");
	if (max_size < 0)
		die(EXIT_USAGE, "--max-size: not a size");
	if (dir && opt_output)
		die(EXIT_USAGE, "-o and --dir exclude each other");
	fill(&shared, NULL);
	if (dir && (made = spool_salvage(dir, &w)) < 0)
		die_why(&w);
	else if (dir && made > 0)
		say_note(
		    "%d streams that were left unfinished are whole now", made);
	shared.fd = dir ? -1 : out_open(opt_output);
	if (!dir && (shared.out = recout_open(shared.fd, &w)) == NULL)
		die_why(&w);
	start();
	scp_run(&scp);
	if (shared.why.code != 0)
		die_why(&shared.why);
	if (!dir && recout_end(shared.out, &w) < 0)
		die_why(&w);
	if (!dir)
		out_commit();
	progress_end();
	return broken.code;
}
