/* lfc-serve: a file catalogue for those who are let in, over HTTPS */

#include <stdlib.h>
#include <string.h>

#include "lfc_api.h"
#include "secret.h"
#include "service.h"

static const char *database;
static int create, lease_max = 30;

static const struct poptOption options[] = {
	{ "database", '\0', POPT_ARG_STRING, &database, 0,
	    "where it keeps its entries: sqlite:PATH or postgresql://...",
	    "URL" },
	{ "create", '\0', POPT_ARG_NONE, &create, 0,
	    "make the database if it does not exist", NULL },
	{ "lease-max", '\0', POPT_ARG_INT, &lease_max, 0,
	    "how long a run may hold a lease (default: 30)", "DAYS" },
	SERVICE_OPTIONS, OPT_COMMON
};

#define SECRET (1 << 16) /* bytes, for tokens */

static struct lfc_api *catalogue;
static struct audit *audit;
static struct policy *policy;
static struct lfc_policy lists;

/* The request that the catalogue works on now; it works on one at a time. */
static const struct serve_request *now;

/* ---- what the catalogue asks of us ---- */

static int
on_record(void *arg, const struct who *who, const char *op,
    const struct lfc_event *event, unsigned n, struct why *w)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < n; i++) {
		audit_add(audit, now->peer, who, op, event[i].name,
		    event[i].answer, NULL,
		    strcmp(event[i].answer, "done") != 0);
		service_count(op, event[i].answer);
	}
	return audit_flush(audit, w);
}

static const struct lfc_hooks hooks = { NULL, on_record };

/* ---- what the server asks of us ---- */

struct call {
	const struct serve_request *req;
	struct lfc_call *c;
};

static int
begin(void *arg, const struct serve_request *req, struct serve_out *out,
    void **call, struct why *w)
{
	struct call *c = calloc(1, sizeof *c);
	int status = 0;

	(void)arg;
	if (c == NULL)
		die(EXIT_IO, "out of memory");
	now = c->req = req;
	c->c = lfc_call(catalogue, req->method, req->target, req->who,
	    serve_put, out, &status, w);
	*call = c;
	return status;
}

static int
feed(void *call, const void *p, size_t n, struct why *w)
{
	struct call *c = call;

	now = c->req;
	return lfc_feed(c->c, p, n, w);
}

static int
finish(void *call, struct why *w)
{
	struct call *c = call;

	now = c->req;
	return lfc_finish(c->c, w);
}

static void
drop(void *call)
{
	struct call *c = call;

	lfc_free(c->c);
	free(c);
}

static int
health(void *arg, struct why *w)
{
	(void)arg;
	return lfc_api_ping(catalogue, w);
}

static void
use(struct policy *new)
{
	const struct hydra_policy *p = policy_of(new);

	policy_free(policy);
	policy = new;
	lists = (struct lfc_policy){ p->creator, p->creators, p->admin,
		p->admins, 86400LL * lease_max };
}

static int
reload(void *arg, struct why *w)
{
	struct policy *new = service_policy(0, w);

	(void)arg;
	if (new == NULL)
		return -1;
	use(new);
	return 0;
}

static void
metrics(void *arg, FILE *f)
{
	(void)arg;
	service_metrics(f, "lfc_lines_total", "Lines asked, by answer.");
}

static const struct serve_app app = { "lfc", NULL, begin, feed, finish, drop,
	health, reload, metrics, NULL, false };

int
main(int argc, char **argv)
{
	struct policy *first;
	struct why w;
	int rc;

	if (*opt_parse(argc, argv, options, ""))
		die(EXIT_USAGE, "takes no operands");
	service_need(database != NULL, "--database URL is needed");
	service_need(
	    lease_max > 0 && lease_max <= 3650, "--lease-max DAYS: 1 to 3650");
	service_check();
	secret_init(SECRET);
	audit = service_audit();
	if ((first = service_policy(0, &w)) == NULL)
		die_why(&w);
	use(first);
	catalogue = lfc_api_open(database, create, &lists, &hooks, &w);
	if (catalogue == NULL)
		die_why(&w);
	rc = service_run(":8444", audit, &app, &w);
	lfc_api_close(catalogue);
	policy_free(policy);
	audit_close(audit);
	if (rc < 0)
		die_why(&w);
	return EXIT_OK;
}
