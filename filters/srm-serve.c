/* srm-serve: a storage element's SRM v2.2 endpoint, for those who are let in */

#include <stdlib.h>
#include <string.h>

#include "secret.h"
#include "service.h"
#include "srm_api.h"
#include "srm_stage.h"

static const char *root, *database, *rules_file, *nearline, *stage;
static int create, lifetime = 86400, stages = 4;

enum { TURL = 3 };

static const struct poptOption options[] = {
	{ "root", '\0', POPT_ARG_STRING, &root, 0,
	    "the directory that the transfer server serves", "DIR" },
	{ "turl", '\0', POPT_ARG_STRING, NULL, OPT_LIST + TURL,
	    "how the transfer server is reached; again for more",
	    "root://HOST:PORT/" },
	{ "database", '\0', POPT_ARG_STRING, &database, 0,
	    "where it keeps requests: sqlite:PATH or postgresql://...", "URL" },
	{ "create", '\0', POPT_ARG_NONE, &create, 0,
	    "make the database if it does not exist", NULL },
	{ "rules", '\0', POPT_ARG_STRING, &rules_file, 0,
	    "lines `read PATH WHO' and `write PATH WHO', read again on SIGHUP",
	    "FILE" },
	{ "lifetime", '\0', POPT_ARG_INT, &lifetime, 0,
	    "of a request, at most (default: 86400)", "SECONDS" },
	{ "nearline", '\0', POPT_ARG_STRING, &nearline, 0,
	    "names of what can be brought online", "DIR" },
	{ "stage", '\0', POPT_ARG_STRING, &stage, 0,
	    "run COMMAND PATH FILE to bring one online", "COMMAND" },
	{ "stages", '\0', POPT_ARG_INT, &stages, 0,
	    "commands at a time (default: 4)", "N" },
	SERVICE_OPTIONS, OPT_COMMON
};

#define SECRET (1 << 16) /* bytes, for tokens */

static struct srm_api *srm;
static struct audit *audit;
static struct policy *policy;
static struct srm_rules *rules;
static struct srm_policy lists;

/* The request that is worked on now; it is one at a time. */
static const struct serve_request *now;

/* ---- what SRM asks of us ---- */

static void
on_record(void *arg, const struct who *who, const char *op, const char *id,
    const char *answer, bool bad)
{
	(void)arg;
	audit_add(audit, now->peer, who, op, id, answer, NULL, bad);
	service_count(op, answer);
}

static int
on_flush(void *arg, struct why *w)
{
	(void)arg;
	return audit_flush(audit, w);
}

/* ---- what the server asks of us ---- */

struct call {
	const struct serve_request *req;
	struct srm_call *c;
};

static int
begin(void *arg, const struct serve_request *req, struct serve_out *out,
    void **call, struct why *w)
{
	struct call *c;

	(void)arg;
	if (strcmp(req->method, "POST") != 0) {
		why_set(w, EXIT_USAGE, "SRM version 2.2: use POST");
		return 405;
	}
	if ((c = calloc(1, sizeof *c)) == NULL)
		die(EXIT_IO, "out of memory");
	c->req = req;
	c->c = srm_call(srm, req->who, serve_put, out);
	*call = c;
	return 0;
}

static int
feed(void *call, const void *p, size_t n, struct why *w)
{
	struct call *c = call;

	now = c->req;
	return srm_feed(c->c, p, n, w);
}

static int
finish(void *call, struct why *w)
{
	struct call *c = call;

	now = c->req;
	return srm_finish(c->c, w);
}

static void
drop(void *call)
{
	struct call *c = call;

	srm_free(c->c);
	free(c);
}

static int
health(void *arg, struct why *w)
{
	(void)arg;
	return srm_api_ping(srm, w);
}

/* Both or neither are new. */
static int
reload(void *arg, struct why *w)
{
	struct srm_rules *r = srm_rules_load(rules_file, w);
	struct policy *p = r ? service_policy(0, w) : NULL;
	const struct hydra_policy *is;

	(void)arg;
	if (p == NULL) {
		srm_rules_free(r);
		return -1;
	}
	policy_free(policy);
	srm_rules_free(rules);
	policy = p;
	rules = r;
	is = policy_of(p);
	lists = (struct srm_policy){ r, is->creator, is->creators, is->admin,
		is->admins };
	return 0;
}

static void
metrics(void *arg, FILE *f)
{
	(void)arg;
	service_metrics(f, "srm_surls_total", "SURLs asked, by answer.");
}

static const struct serve_app app = { "srm", NULL, begin, feed, finish, drop,
	health, reload, metrics, "text/xml; charset=utf-8", true };

/* ---- beginning and end ---- */

static void
check(void)
{
	int i;

	service_need(root != NULL, "--root DIR is needed");
	service_need(database != NULL, "--database URL is needed");
	service_need(opt_lists[TURL].n > 0, "--turl PREFIX is needed");
	for (i = 0; i < opt_lists[TURL].n; i++)
		service_need(strstr(opt_lists[TURL].v[i], "://") != NULL,
		    "--turl: SCHEME://HOST:PORT");
	service_need(lifetime >= 60, "--lifetime SECONDS: 60 and above");
	service_need((nearline == NULL) == (stage == NULL),
	    "--nearline DIR and --stage COMMAND go together");
	service_need(stages > 0 && stages <= 64, "--stages N: 1 to 64");
	service_check();
}

/* Until told to stop, then let go of everything.  0, or -1 with *w. */
static int
serve(struct why *w)
{
	struct srm_setup setup = { .root = root,
		.url = database,
		.create = create,
		.turl = opt_lists[TURL].v,
		.lifetime = lifetime,
		.record = on_record,
		.flush = on_flush };
	struct srm_stage_rules how = { database, root, nearline, stage,
		(unsigned)stages };
	struct srm_stage *stager = NULL;
	int rc = -1;

	if ((srm = srm_api_open(&setup, w)) == NULL)
		return -1;
	srm_api_policy(srm, &lists);
	if (stage != NULL && (stager = srm_stage_open(&how, w)) != NULL)
		setup.back = srm_stage_back(stager);
	if (stage == NULL || stager != NULL)
		rc = service_run(":8446", audit, &app, w);
	srm_stage_close(stager);
	srm_api_close(srm);
	return rc;
}

int
main(int argc, char **argv)
{
	struct why w;
	int rc;

	if (*opt_parse(argc, argv, options, ""))
		die(EXIT_USAGE, "takes no operands");
	check();
	secret_init(SECRET);
	audit = service_audit();
	if (reload(NULL, &w) < 0)
		die_why(&w);
	rc = serve(&w);
	policy_free(policy);
	srm_rules_free(rules);
	audit_close(audit);
	if (rc < 0)
		die_why(&w);
	return EXIT_OK;
}
