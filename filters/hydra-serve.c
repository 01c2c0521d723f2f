/* hydra-serve: a key store for those who are let in, over HTTPS */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "bucket.h"
#include "hydra_api.h"
#include "opt.h"
#include "out.h"
#include "policy.h"
#include "secret.h"
#include "serve.h"

static const char *database, *store_key, *policy_file;
static const char *audit_file, *audit_syslog, *status_address;
static const char *cert = "/etc/grid-security/hostcert.pem";
static const char *key = "/etc/grid-security/hostkey.pem";
static const char *ca_dir, *voms_dir, *issuers;
static int x, create, threshold, limited, need_crl, no_policies;
static int max_body = 64, max_memory = 512, max_connections = 1000;
static int idle = 300, patience = 15, drain = 30;
static double rate, burst;

enum { LISTEN, CREATOR, ADMIN };

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
	{ "listen", '\0', POPT_ARG_STRING, NULL, OPT_LIST + LISTEN,
	    "serve here (default: :8443); again for more", "HOST:PORT" },
	{ "status", '\0', POPT_ARG_STRING, &status_address, 0,
	    "serve /healthz and /metrics here, on the loopback", "HOST:PORT" },
	{ "creator", '\0', POPT_ARG_STRING, NULL, OPT_LIST + CREATOR,
	    "may create keys: a DN, an FQAN, or * for everyone; again for "
	    "more",
	    "WHO" },
	{ "admin", '\0', POPT_ARG_STRING, NULL, OPT_LIST + ADMIN,
	    "may remove and re-own keys; again for more", "WHO" },
	{ "policy", '\0', POPT_ARG_STRING, &policy_file, 0,
	    "lines `creator WHO' and `admin WHO', read again on SIGHUP",
	    "FILE" },
	{ "cert", '\0', POPT_ARG_STRING, &cert, 0,
	    "the host's certificate, with its chain", "FILE" },
	{ "key", '\0', POPT_ARG_STRING, &key, 0, "its key", "FILE" },
	{ "ca-dir", '\0', POPT_ARG_STRING, &ca_dir, 0,
	    "authorities, CRLs and signing policies (default: "
	    "$X509_CERT_DIR, /etc/grid-security/certificates)",
	    "DIR" },
	{ "voms-dir", '\0', POPT_ARG_STRING, &voms_dir, 0,
	    "VOMS servers (default: $X509_VOMS_DIR, "
	    "/etc/grid-security/vomsdir)",
	    "DIR" },
	{ "limited-proxies", '\0', POPT_ARG_NONE, &limited, 0,
	    "take limited proxies", NULL },
	{ "need-crl", '\0', POPT_ARG_NONE, &need_crl, 0,
	    "trust no authority without a CRL", NULL },
	{ "no-signing-policy", '\0', POPT_ARG_NONE, &no_policies, 0,
	    "trust authorities that have no signing policy for any name",
	    NULL },
	{ "issuers", '\0', POPT_ARG_STRING, &issuers, 0,
	    "take bearer tokens of the issuers listed", "FILE" },
	{ "audit", '\0', POPT_ARG_STRING, &audit_file, 0,
	    "write the audit to this file", "FILE" },
	{ "syslog", '\0', POPT_ARG_STRING, &audit_syslog, 0,
	    "send it to this socket, as /dev/log", "PATH" },
	{ "rate", '\0', POPT_ARG_DOUBLE, &rate, 0,
	    "keys a second that one client may get (default: any number)",
	    "N" },
	{ "burst", '\0', POPT_ARG_DOUBLE, &burst, 0,
	    "of which so many at once (default: 60 seconds' worth)", "N" },
	{ "max-body", '\0', POPT_ARG_INT, &max_body, 0,
	    "of a request (default: 64)", "MIB" },
	{ "max-memory", '\0', POPT_ARG_INT, &max_memory, 0,
	    "of all requests (default: 512)", "MIB" },
	{ "max-connections", '\0', POPT_ARG_INT, &max_connections, 0,
	    "at a time (default: 1000)", "N" },
	{ "patience", '\0', POPT_ARG_INT, &patience, 0,
	    "for a client that is to send or to take something (default: 15)",
	    "SECONDS" },
	{ "idle", '\0', POPT_ARG_INT, &idle, 0,
	    "for a connection between requests (default: 300)", "SECONDS" },
	{ "drain", '\0', POPT_ARG_INT, &drain, 0,
	    "to finish requests after SIGTERM (default: 30)", "SECONDS" },
	OPT_COMMON
};

static struct hydra *hydra;
static struct audit *audit;
static struct bucket *bucket;
static struct policy *policy;

/* The request that the store works on now; it works on one at a time. */
static const struct serve_request *now;

/* ---- metrics: keys by what was asked and answered ---- */

static struct tally {
	char op[16], answer[16];
	unsigned long long n;
} tallies[128];

static void
tally(const char *op, const char *answer)
{
	struct tally *t;

	for (t = tallies; t < tallies + 128; t++) {
		if (t->n && (strcmp(t->op, op) || strcmp(t->answer, answer)))
			continue;
		if (t->n++ == 0) {
			snprintf(t->op, sizeof t->op, "%s", op);
			snprintf(t->answer, sizeof t->answer, "%s", answer);
		}
		return;
	}
}

static void
metrics(void *arg, FILE *f)
{
	const struct tally *t;

	(void)arg;
	fputs("# HELP hydra_keys_total Keys asked for, by answer.\n"
	      "# TYPE hydra_keys_total counter\n",
	    f);
	for (t = tallies; t < tallies + 128 && t->n; t++)
		fprintf(f, "hydra_keys_total{op=\"%s\",answer=\"%s\"} %llu\n",
		    t->op, t->answer, t->n);
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
		tally(op, event[i].answer);
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

static struct policy *
load_policy(struct why *w)
{
	return policy_load(policy_file, opt_lists[CREATOR].v,
	    opt_lists[ADMIN].v, (unsigned)threshold, w);
}

static int
reload(void *arg, struct why *w)
{
	struct policy *new = load_policy(w);

	(void)arg;
	if (new == NULL)
		return -1;
	hydra_set_policy(hydra, policy_of(new));
	policy_free(policy);
	policy = new;
	return 0;
}

static const struct serve_app app = { "hydra", NULL, begin, feed, finish, drop,
	health, reload, metrics };

/* ---- beginning and end ---- */

static void
need(bool ok, const char *what)
{
	if (!ok)
		die(EXIT_USAGE, "%s", what);
}

static void
check_options(void)
{
	need(x >= 1 && x <= 255, "--store X: 1 to 255");
	need(database != NULL, "--database URL is needed");
	need(threshold == 0 || (threshold >= 2 && threshold <= 255),
	    "--threshold K: 2 to 255");
	need(audit_file != NULL || audit_syslog != NULL,
	    "--audit FILE or --syslog PATH is needed");
	need(max_body > 0 && max_memory >= max_body && max_connections > 0 &&
		 max_connections <= 100000,
	    "limits: above 0, and no request larger than all together");
	need(patience > 0 && idle > 0 && drain >= 0, "times: above 0");
	need(rate >= 0 && burst >= 0 && (rate > 0 || burst == 0),
	    "--rate N: above 0; --burst N: only with --rate");
}

static struct serve_rules
rules(void)
{
	static const char *const listen_default[] = { ":8443", NULL };
	struct serve_rules r = serve_defaults;

	r.listen = opt_lists[LISTEN].n ? opt_lists[LISTEN].v : listen_default;
	r.listens = opt_lists[LISTEN].n ? (unsigned)opt_lists[LISTEN].n : 1;
	r.status = status_address;
	r.cert = cert;
	r.key = key;
	r.peer.ca_dir = opt_or_env(ca_dir, "X509_CERT_DIR");
	if (r.peer.ca_dir == NULL)
		r.peer.ca_dir = "/etc/grid-security/certificates";
	r.peer.voms_dir = opt_or_env(voms_dir, "X509_VOMS_DIR");
	if (r.peer.voms_dir == NULL)
		r.peer.voms_dir = "/etc/grid-security/vomsdir";
	r.peer.limited = limited;
	r.peer.crl_needed = need_crl;
	r.peer.sigpolicy_needed = !no_policies;
	r.issuers = issuers;
	r.max_body = (size_t)max_body << 20;
	r.max_memory = (size_t)max_memory << 20;
	r.max_connections = (unsigned)max_connections;
	r.patience = patience;
	r.idle = idle;
	r.drain = drain;
	r.audit = audit;
	return r;
}

/* Where it listens, written when it does: a script can wait for the file. */
static void
tell(const struct serve *s)
{
	char *text = NULL;
	struct why w;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		die(EXIT_IO, "out of memory");
	serve_addresses(s, f);
	fclose(f);
	if (out_write(out_open(opt_output), text, n, &w) < 0)
		die_why(&w);
	out_commit();
	free(text);
}

int
main(int argc, char **argv)
{
	struct serve_rules r;
	struct serve *s;
	struct why w;
	int rc;

	if (*opt_parse(argc, argv, options, ""))
		die(EXIT_USAGE, "takes no operands");
	check_options();
	secret_init(HYDRA_SECRET);
	if (rate > 0)
		bucket = bucket_new(rate, burst > 0 ? burst : 60 * rate);
	if ((audit = audit_open(audit_file, audit_syslog, "hydra-serve", &w)) ==
		NULL ||
	    (policy = load_policy(&w)) == NULL)
		die_why(&w);
	hydra = hydra_open((unsigned)x, database, store_key, create,
	    policy_of(policy), &hooks, &w);
	if (hydra == NULL)
		die_why(&w);
	r = rules();
	if ((s = serve_open(&r, &app, &w)) == NULL)
		die_why(&w);
	tell(s);
	rc = serve_run(s, &w);
	serve_close(s);
	hydra_close(hydra);
	policy_free(policy);
	bucket_free(bucket);
	audit_close(audit);
	if (rc < 0)
		die_why(&w);
	return EXIT_OK;
}
