/* hydra-serve: a key store for those who are let in, over HTTPS */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "hydra_api.h"
#include "secret.h"
#include "service.h"

static const char *database, *store_key;
static int x, create, threshold;
static double rate, burst;

static const struct poptOption options[] = {
	{ "store", '\0', POPT_ARG_INT, &x, 0,
	    "the store's index in stores(5), for ever", "X" },
	{ "database", '\0', POPT_ARG_STRING, &database, 0,
	    "where it keeps its shares: sqlite:PATH or postgresql://...",
	    "URL" },
	{ "store-key", '\0', POPT_ARG_STRING, &store_key, 0,
	    "the key they are encrypted with (default: PATH.key)", "FILE" },
	{ "create", '\0', POPT_ARG_NONE, &create, 0,
	    "make the database and the key if neither exists", NULL },
	{ "threshold", '\0', POPT_ARG_INT, &threshold, 0,
	    "refuse shares of a smaller k (default: 2)", "K" },
	{ "rate", '\0', POPT_ARG_DOUBLE, &rate, 0,
	    "keys a second that one client may get (default: any number)",
	    "N" },
	{ "burst", '\0', POPT_ARG_DOUBLE, &burst, 0,
	    "of which so many at once (default: 60 seconds' worth)", "N" },
	SERVICE_OPTIONS, OPT_COMMON
};

static struct hydra *hydra;
static struct audit *audit;
static struct bucket *bucket;
static struct policy *policy;

/* The request that the store works on now; it works on one at a time. */
static const struct serve_request *now;

static void
metrics(void *arg, FILE *f)
{
	(void)arg;
	service_metrics(f, "hydra_keys_total", "Keys asked for, by answer.");
}

/* ---- what the store asks of us ---- */

static bool
refusal(const char *answer)
{
	static const char *const bad[] = { "bad", "denied", "missing",
		"removed", "other", "old", "held", "changed", "damaged", "busy",
		"failed" };
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (strcmp(answer, bad[i]) == 0)
			return true;
	return false;
}

static unsigned
allow(void *arg, const struct who *who, const char *op, unsigned n)
{
	static double warned;
	double t = serve_now();
	unsigned may;

	(void)arg;
	if (bucket == NULL || strcmp(op, "get") != 0)
		return n;
	may = bucket_take(bucket, who->dn, n, t);
	if (may < n && t - warned > 1) {
		warned = t;
		say_warning("a client asks for more than %g keys a second; "
			    "the audit says who",
		    rate);
		audit_add(audit, now->peer, who, op, NULL, "burst",
		    "more keys than the rate allows", 1);
	}
	return may;
}

static int
on_record(void *arg, const struct who *who, const char *op,
    const struct hydra_event *event, unsigned n, struct why *w)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < n; i++) {
		audit_add(audit, now->peer, who, op, event[i].id,
		    event[i].answer, NULL, refusal(event[i].answer));
		service_count(op, event[i].answer);
	}
	return audit_flush(audit, w);
}

static const struct hydra_hooks hooks = { NULL, allow, on_record };

/* ---- what the server asks of us ---- */

struct call {
	const struct serve_request *req;
	struct hydra_call *c;
};

static int
begin(void *arg, const struct serve_request *req, struct serve_out *out,
    void **call, struct why *w)
{
	struct hydra_sink sink = { serve_put, out };
	struct call *c = calloc(1, sizeof *c);
	int status = 0;

	(void)arg;
	if (c == NULL)
		die(EXIT_IO, "out of memory");
	now = c->req = req;
	c->c = hydra_call(
	    hydra, req->method, req->target, req->who, sink, &status, w);
	*call = c;
	return status;
}

static int
feed(void *call, const void *p, size_t n, struct why *w)
{
	struct call *c = call;

	now = c->req;
	return hydra_feed(c->c, p, n, w);
}

static int
finish(void *call, struct why *w)
{
	struct call *c = call;

	now = c->req;
	return hydra_finish(c->c, w);
}

static void
drop(void *call)
{
	struct call *c = call;

	hydra_free(c->c);
	free(c);
}

static int
health(void *arg, struct why *w)
{
	(void)arg;
	return hydra_ping(hydra, w);
}

static int
reload(void *arg, struct why *w)
{
	struct policy *new = service_policy((unsigned)threshold, w);

	(void)arg;
	if (new == NULL)
		return -1;
	hydra_set_policy(hydra, policy_of(new));
	policy_free(policy);
	policy = new;
	return 0;
}

static const struct serve_app app = { "hydra", NULL, begin, feed, finish, drop,
	health, reload, metrics, NULL, false };

/* ---- beginning and end ---- */

static void
check_options(void)
{
	service_need(x >= 1 && x <= 255, "--store X: 1 to 255");
	service_need(database != NULL, "--database URL is needed");
	service_need(threshold == 0 || (threshold >= 2 && threshold <= 255),
	    "--threshold K: 2 to 255");
	service_check();
	service_need(rate >= 0 && burst >= 0 && (rate > 0 || burst == 0),
	    "--rate N: above 0; --burst N: only with --rate");
}

int
main(int argc, char **argv)
{
	struct why w;
	int rc;

	if (*opt_parse(argc, argv, options, ""))
		die(EXIT_USAGE, "takes no operands");
	check_options();
	secret_init(HYDRA_SECRET);
	if (rate > 0)
		bucket = bucket_new(rate, burst > 0 ? burst : 60 * rate);
	audit = service_audit();
	if ((policy = service_policy((unsigned)threshold, &w)) == NULL)
		die_why(&w);
	hydra = hydra_open((unsigned)x, database, store_key, create,
	    policy_of(policy), &hooks, &w);
	if (hydra == NULL)
		die_why(&w);
	rc = service_run(":8443", audit, &app, &w);
	hydra_close(hydra);
	policy_free(policy);
	bucket_free(bucket);
	audit_close(audit);
	if (rc < 0)
		die_why(&w);
	return EXIT_OK;
}
