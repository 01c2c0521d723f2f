#include <stdlib.h>
#include <string.h>

#include "cred.h"
#include "out.h"
#include "service.h"

static const char *policy_file, *audit_file, *audit_syslog, *status_address;
static const char *cert = "/etc/grid-security/hostcert.pem";
static const char *key = "/etc/grid-security/hostkey.pem";
static const char *ca_dir, *voms_dir, *issuers;
static int limited, need_crl, no_policies;
static int max_body = 64, max_memory = 512, max_connections = 1000;
static int idle = 300, patience = 15, drain = 30;

enum { LISTEN, CREATOR, ADMIN };

struct poptOption service_options[] = {
	{ "listen", '\0', POPT_ARG_STRING, NULL, OPT_LIST + LISTEN,
	    "serve here (default: every address); again for more",
	    "HOST:PORT" },
	{ "status", '\0', POPT_ARG_STRING, &status_address, 0,
	    "serve /healthz and /metrics here, on the loopback", "HOST:PORT" },
	{ "creator", '\0', POPT_ARG_STRING, NULL, OPT_LIST + CREATOR,
	    "may create: a DN, an FQAN, or * for everyone; again for more",
	    "WHO" },
	{ "admin", '\0', POPT_ARG_STRING, NULL, OPT_LIST + ADMIN,
	    "an admin; again for more", "WHO" },
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
	POPT_TABLEEND
};

void
service_need(bool ok, const char *what)
{
	if (!ok)
		die(EXIT_USAGE, "%s", what);
}

void
service_check(void)
{
	service_need(audit_file != NULL || audit_syslog != NULL,
	    "--audit FILE or --syslog PATH is needed");
	service_need(max_body > 0 && max_memory >= max_body &&
			 max_connections > 0 && max_connections <= 100000,
	    "limits: above 0, and no request larger than all together");
	service_need(patience > 0 && idle > 0 && drain >= 0, "times: above 0");
}

struct audit *
service_audit(void)
{
	struct why w;
	struct audit *a = audit_open(audit_file, audit_syslog, prog, &w);

	if (a == NULL)
		die_why(&w);
	return a;
}

struct policy *
service_policy(unsigned threshold, struct why *w)
{
	return policy_load(policy_file, opt_lists[CREATOR].v,
	    opt_lists[ADMIN].v, threshold, w);
}

static struct serve_rules
rules(const char *const *port, struct audit *audit)
{
	struct serve_rules r = serve_defaults;

	r.listen = opt_lists[LISTEN].n ? opt_lists[LISTEN].v : port;
	r.listens = opt_lists[LISTEN].n ? (unsigned)opt_lists[LISTEN].n : 1;
	r.status = status_address;
	r.cert = cert;
	r.key = key;
	r.peer.ca_dir = ca_dir && *ca_dir ? ca_dir : cred_ca_dir();
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
service_run(const char *port, struct audit *audit, const struct serve_app *app,
    struct why *w)
{
	struct serve_rules r = rules(&port, audit);
	struct serve *s = serve_open(&r, app, w);
	int rc;

	if (s == NULL)
		return -1;
	tell(s);
	rc = serve_run(s, w);
	serve_close(s);
	return rc;
}

static struct tally {
	char op[16], answer[16];
	unsigned long long n;
} tallies[256];
#define TALLIES (sizeof tallies / sizeof *tallies)

void
service_count(const char *op, const char *answer)
{
	struct tally *t;

	for (t = tallies; t < tallies + TALLIES; t++) {
		if (t->n && (strcmp(t->op, op) || strcmp(t->answer, answer)))
			continue;
		if (t->n++ == 0) {
			snprintf(t->op, sizeof t->op, "%s", op);
			snprintf(t->answer, sizeof t->answer, "%s", answer);
		}
		return;
	}
}

void
service_metrics(FILE *f, const char *name, const char *help)
{
	const struct tally *t;

	fprintf(f, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
	for (t = tallies; t < tallies + TALLIES && t->n; t++)
		fprintf(f, "%s{op=\"%s\",answer=\"%s\"} %llu\n", name, t->op,
		    t->answer, t->n);
}
