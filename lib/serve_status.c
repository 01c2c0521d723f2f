#include <stdlib.h>
#include <string.h>

#include "serve_impl.h"

/* The other port: /healthz, and /metrics in Prometheus' text form. */

const double serve_latency[LATENCIES] = { 0.001, 0.0025, 0.005, 0.01, 0.025,
	0.05, 0.1, 0.5, 2.5, 0 };

static void
answers(const struct serve *s, FILE *f)
{
	const char *p = s->app->name;
	unsigned i;

	fprintf(f,
	    "# HELP %s_answers_total Requests answered, by status.\n"
	    "# TYPE %s_answers_total counter\n",
	    p, p);
	for (i = 0; i < 600; i++)
		if (s->n.answers[i])
			fprintf(f, "%s_answers_total{status=\"%u\"} %llu\n", p,
			    i, s->n.answers[i]);
}

static void
latency(const struct serve *s, FILE *f)
{
	const char *p = s->app->name;
	unsigned long long sum = 0;
	unsigned i;

	fprintf(f,
	    "# HELP %s_request_seconds From request to answer.\n"
	    "# TYPE %s_request_seconds histogram\n",
	    p, p);
	for (i = 0; i < LATENCIES - 1; i++)
		fprintf(f, "%s_request_seconds_bucket{le=\"%g\"} %llu\n", p,
		    serve_latency[i], sum += s->n.latency[i]);
	fprintf(f,
	    "%s_request_seconds_bucket{le=\"+Inf\"} %llu\n"
	    "%s_request_seconds_sum %.6f\n%s_request_seconds_count %llu\n",
	    p, s->n.requests, p, s->n.seconds, p, s->n.requests);
}

static void
one(const struct serve *s, FILE *f, const char *name, const char *type,
    const char *help, unsigned long long n)
{
	const char *p = s->app->name;

	fprintf(f, "# HELP %s_%s %s\n# TYPE %s_%s %s\n%s_%s %llu\n", p, name,
	    help, p, name, type, p, name, n);
}

static void
write_metrics(const struct serve *s, FILE *f)
{
	answers(s, f);
	latency(s, f);
	one(s, f, "connections", "gauge", "Open connections.", s->count);
	one(s, f, "connections_total", "counter", "Connections taken.",
	    s->n.conns);
	one(s, f, "connections_cut_total", "counter",
	    "Connections closed for being slow, idle or too many.", s->n.cut);
	one(s, f, "handshakes_refused_total", "counter",
	    "Certificates that were not accepted.", s->n.hello_refused);
	one(s, f, "identities_refused_total", "counter",
	    "Requests without an acceptable identity.", s->n.refused);
	one(s, f, "received_bytes_total", "counter", "Bytes of requests.",
	    s->n.in);
	one(s, f, "sent_bytes_total", "counter", "Bytes of answers.", s->n.out);
	if (s->app->metrics != NULL)
		s->app->metrics(s->app->arg, f);
}

static void
answer(struct evhttp_request *req, int status, const char *text, size_t n)
{
	struct evbuffer *b = evbuffer_new();

	if (b == NULL || evbuffer_add(b, text, n) < 0)
		die(EXIT_IO, "out of memory");
	evhttp_add_header(evhttp_request_get_output_headers(req),
	    "Content-Type", "text/plain; version=0.0.4");
	evhttp_send_reply(req, status, status == 200 ? "OK" : "Bad", b);
	evbuffer_free(b);
}

static void
on_health(struct evhttp_request *req, void *arg)
{
	struct serve *s = arg;
	struct why w = { 0, "ok" };
	int bad = 0;

	if (s->draining)
		bad = why_set(&w, EXIT_RETRY, "stopping");
	else if (s->app->health != NULL)
		bad = s->app->health(s->app->arg, &w);
	strncat(w.text, "\n", sizeof w.text - strlen(w.text) - 1);
	answer(req, bad ? 503 : 200, w.text, strlen(w.text));
}

static void
on_metrics(struct evhttp_request *req, void *arg)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		die(EXIT_IO, "out of memory");
	write_metrics(arg, f);
	fclose(f);
	answer(req, 200, text, n);
	free(text);
}

int
status_open(struct serve *s, struct why *w)
{
	if ((s->status = evhttp_new(s->base)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	evhttp_set_allowed_methods(s->status, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(s->status, 8192);
	evhttp_set_max_body_size(s->status, 1);
	evhttp_set_timeout(s->status, 10);
	evhttp_set_cb(s->status, "/healthz", on_health, s);
	evhttp_set_cb(s->status, "/metrics", on_metrics, s);
	return 0;
}
