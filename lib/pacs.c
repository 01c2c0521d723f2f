#include <stdlib.h>
#include <string.h>

#include "opt.h"
#include "pacs.h"

static const char *aet = "MDM", *cert, *key, *ca, *tls_name, *token;
static int tls, timeout = 60, connect_timeout = 10, pdu = 131072;

struct poptOption pacs_options[] = { { "aet", '\0', POPT_ARG_STRING, &aet, 0,
					 "our AE title (default: MDM)",
					 "TITLE" },
	{ "timeout", '\0', POPT_ARG_INT, &timeout, 0,
	    "a peer may be silent for so long (default: 60)", "SECONDS" },
	{ "connect-timeout", '\0', POPT_ARG_INT, &connect_timeout, 0,
	    "a connection may take so long (default: 10)", "SECONDS" },
	{ "pdu", '\0', POPT_ARG_INT, &pdu, 0,
	    "the largest PDU we take (4096..131072, the default)", "BYTES" },
	{ "tls", '\0', POPT_ARG_NONE, &tls, 0,
	    "speak TLS, as dicoms:// says too", NULL },
	{ "cert", '\0', POPT_ARG_STRING, &cert, 0,
	    "our certificate ($MDM_DICOM_CERT)", "FILE" },
	{ "key", '\0', POPT_ARG_STRING, &key, 0, "its key ($MDM_DICOM_KEY)",
	    "FILE" },
	{ "ca", '\0', POPT_ARG_STRING, &ca, 0,
	    "whose certificates we trust ($MDM_DICOM_CA)", "FILE" },
	{ "tls-name", '\0', POPT_ARG_STRING, &tls_name, 0,
	    "the server's certificate is for this, not for HOST; \"\": for "
	    "anyone",
	    "NAME" },
	{ "token", '\0', POPT_ARG_STRING, &token, 0,
	    "a bearer token, for DICOMweb ($MDM_DICOM_TOKEN)", "FILE" },
	POPT_TABLEEND };

bool
pacs_is_ae(const char *text)
{
	const size_t n = strlen(text);
	size_t i;

	if (n == 0 || n > DIMSE_AE_MAX || text[0] == ' ' || text[n - 1] == ' ')
		return false;
	for (i = 0; i < n; i++)
		if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '\\')
			return false;
	return true;
}

static unsigned
port_of(const char *text)
{
	char *end;
	const unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n > 65535)
		die(EXIT_USAGE, "%s: not a port", text);
	return (unsigned)n;
}

/* HOST:PORT, [HOST]:PORT. */
static void
host_port(struct dimse_conf *c, char *text, const char *whole)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL || colon == text)
		die(EXIT_USAGE, "%s: no HOST:PORT", whole);
	*colon = '\0';
	c->port = port_of(colon + 1);
	if (*text == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		text++;
	}
	c->host = text;
}

static void
peer(struct dimse_conf *c, const char *url)
{
	char *text, *at;

	if (strncmp(url, "dicoms://", 9) == 0) {
		tls = 1;
		text = strdup(url + 9);
	} else if (strncmp(url, "dicom://", 8) == 0) {
		text = strdup(url + 8);
	} else {
		die(EXIT_USAGE,
		    "%s: not dicom://AE@HOST:PORT, nor https://HOST/PATH", url);
	}
	if (text == NULL)
		die(EXIT_IO, "out of memory");
	text[strcspn(text, "/")] = '\0';
	if ((at = strchr(text, '@')) == NULL)
		die(EXIT_USAGE, "%s: no AE title", url);
	*at = '\0';
	if (!pacs_is_ae(text))
		die(EXIT_USAGE, "%s: not an AE title", text);
	c->theirs = text;
	host_port(c, at + 1, url);
	if (c->port == 0)
		die(EXIT_USAGE, "%s: not a port", url);
}

static const char *
perhaps(const char *given, const char *variable)
{
	if (given == NULL)
		given = getenv(variable);
	return given && *given ? given : NULL;
}

bool
pacs_web(struct dicomweb_conf *c, const char *url)
{
	const bool safe = strncmp(url, "https://", 8) == 0;

	if (!safe && strncmp(url, "http://", 7) != 0)
		return false;
	if (strpbrk(url, "?#@ ") != NULL || url[safe ? 8 : 7] == '\0')
		die(EXIT_USAGE, "%s: not https://HOST[:PORT]/PATH", url);
	if (timeout < 1 || connect_timeout < 1)
		die(EXIT_USAGE, "--timeout, --connect-timeout: not a time");
	*c = (struct dicomweb_conf){
		.url = url,
		.token = perhaps(token, "MDM_DICOM_TOKEN"),
		.cert = perhaps(cert, "MDM_DICOM_CERT"),
		.key = perhaps(key, "MDM_DICOM_KEY"),
		.ca = perhaps(ca, "MDM_DICOM_CA"),
		.name = tls_name,
		.connect_time = (unsigned)connect_timeout,
		.time = (unsigned)timeout,
	};
	if (c->token && !safe)
		die(EXIT_USAGE, "--token: shown to https:// only");
	return true;
}

void
pacs_listen_at(struct dimse_conf *c, const char *address)
{
	char *text;

	c->theirs = NULL;
	if (strchr(address, ':') == NULL) {
		c->host = NULL;
		c->port = port_of(address);
		return;
	}
	if ((text = strdup(*address == ':' ? address + 1 : address)) == NULL)
		die(EXIT_IO, "out of memory");
	if (*address == ':') {
		c->host = NULL;
		c->port = port_of(text);
		return;
	}
	host_port(c, text, address);
}

void
pacs_conf(struct dimse_conf *c, const char *url)
{
	memset(c, 0, sizeof *c);
	if (url != NULL)
		peer(c, url);
	if (!pacs_is_ae(aet))
		die(EXIT_USAGE, "--aet: not an AE title");
	if (timeout < 1 || connect_timeout < 1)
		die(EXIT_USAGE, "--timeout, --connect-timeout: not a time");
	if (pdu < 4096 || pdu > 131072)
		die(EXIT_USAGE, "--pdu: not from 4096 to 131072");
	c->ours = aet;
	c->time = (unsigned)timeout;
	c->connect_time = (unsigned)connect_timeout;
	c->pdu = (unsigned)pdu;
	c->tls = tls != 0;
	if (c->tls) {
		c->cert = opt_need(cert, "--cert", "MDM_DICOM_CERT");
		c->key = opt_need(key, "--key", "MDM_DICOM_KEY");
		c->ca = opt_need(ca, "--ca", "MDM_DICOM_CA");
		c->name = tls_name;
	}
}

/*
 * What is stored as images may be compressed; what is not may not.  31 of them,
 * so that four classes and the query model fit in an association.
 */
static const char *const syntaxes[] = {
	"1.2.840.10008.1.2.1",                /* explicit VR little endian */
	PACS_IMPLICIT, "1.2.840.10008.1.2.2", /* big endian */
	"1.2.840.10008.1.2.1.98",             /* as fragments */
	"1.2.840.10008.1.2.1.99",             /* deflated */
	"1.2.840.10008.1.2.4.50",             /* JPEG: baseline */
	"1.2.840.10008.1.2.4.51",             /* extended */
	"1.2.840.10008.1.2.4.57",             /* lossless */
	"1.2.840.10008.1.2.4.70",             /* lossless, first order */
	"1.2.840.10008.1.2.4.80",             /* JPEG-LS lossless */
	"1.2.840.10008.1.2.4.81",             /* and near */
	"1.2.840.10008.1.2.4.90",             /* JPEG 2000 lossless */
	"1.2.840.10008.1.2.4.91",             /* and not */
	"1.2.840.10008.1.2.4.201",            /* HTJ2K lossless */
	"1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",
	"1.2.840.10008.1.2.4.100",                            /* MPEG2 */
	"1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102", /* MPEG-4 */
	"1.2.840.10008.1.2.4.103", "1.2.840.10008.1.2.4.104",
	"1.2.840.10008.1.2.4.105", "1.2.840.10008.1.2.4.106",
	"1.2.840.10008.1.2.4.107",                            /* HEVC */
	"1.2.840.10008.1.2.4.108", "1.2.840.10008.1.2.4.110", /* JPEG XL */
	"1.2.840.10008.1.2.4.111", "1.2.840.10008.1.2.4.112",
	"1.2.840.10008.1.2.5", /* RLE */
};

const char *const *
pacs_syntaxes(const char *sop_class, int *n)
{
	/* Structured reports, presentation states, documents, plans. */
	static const char *const flat[] = { "88.", "11.", "104.", "481.3",
		"481.5", "481.8", "66.1", "66.2", "66.3", "66.5" };
	const char *rest = sop_class + strlen("1.2.840.10008.5.1.4.1.1.");
	size_t i;

	*n = sizeof syntaxes / sizeof *syntaxes;
	if (strncmp(sop_class, "1.2.840.10008.5.1.4.1.1.", 24) == 0)
		for (i = 0; i < sizeof flat / sizeof *flat; i++)
			if (strncmp(rest, flat[i], strlen(flat[i])) == 0)
				*n = 5;
	return syntaxes;
}

int
pacs_command(struct dimse *d, bool patient, struct dimsg *m, unsigned *context,
    struct why *w)
{
	unsigned char buf[DIMSG_MAX];
	struct dimse_piece p;
	size_t used = 0;
	int got;

	while ((got = dimse_read(d, patient, &p, w)) == 1) {
		if (!p.command || p.n > sizeof buf - used ||
		    (used > 0 && p.context != *context))
			return why_set(
			    w, EXIT_FEW, "the peer does not keep to DICOM");
		memcpy(buf + used, p.data, p.n);
		used += p.n;
		*context = p.context;
		if (!p.last)
			continue;
		if (dimsg_decode(m, buf, used, w) < 0)
			return -1;
		return 1;
	}
	return got;
}

/* The next fragment of the data set. 1, or -1. */
static int
data(struct dimse *d, struct dimse_piece *p, struct why *w)
{
	const int got = dimse_read(d, false, p, w);

	if (got < 0)
		return -1;
	if (got != 1 || p->command)
		return why_set(w, EXIT_FEW, "the peer does not keep to DICOM");
	return 1;
}

int
pacs_skip(struct dimse *d, struct why *w)
{
	struct dimse_piece p;

	do {
		if (data(d, &p, w) < 0)
			return -1;
	} while (!p.last);
	return 0;
}

int
pacs_answer(struct dimse *d, unsigned context, const struct dimsg *m,
    int status, struct why *w)
{
	unsigned char out[DIMSG_MAX];
	struct dimsg a;

	dimsg_init(&a, m->field | DIMSG_ANSWER, m->id, m->sop_class);
	strcpy(a.instance, m->instance);
	a.status = (unsigned)status;
	return dimse_write(d, context, out, dimsg_encode(&a, out), NULL, 0, w);
}

int
pacs_store(struct dimse *d, unsigned context, const struct dimsg *m,
    struct intake_way *way, struct why *w)
{
	const char *syntax = dimse_syntax(d, context);
	struct dimse_piece p;

	if (syntax == NULL || !m->data)
		return why_set(w, EXIT_FEW, "the peer does not keep to DICOM");
	intake_begin(way, m->sop_class, m->instance, syntax);
	do {
		if (data(d, &p, w) < 0) {
			intake_abort(way);
			return -1;
		}
		intake_data(way, p.data, p.n);
	} while (!p.last);
	return pacs_answer(d, context, m, intake_end(way), w);
}

/* Send a request with an identifier. */
static int
request(struct dimse *d, enum dimsg_field field, const char *class,
    const char *destination, const struct ident *q, struct why *w)
{
	const unsigned context = dimse_find_context(d, class);
	unsigned char out[DIMSG_MAX], *p;
	struct dimsg m;
	size_t n;
	int got;

	if (context == 0)
		return why_set(w, EXIT_FEW, "the server does not offer %s",
		    field == DIMSG_FIND  ? "C-FIND"
		    : field == DIMSG_GET ? "C-GET"
					 : "C-MOVE");
	dimsg_init(&m, field, 1, class);
	m.data = true;
	if (destination)
		strcpy(m.destination, destination);
	p = ident_encode(q, &n);
	got = dimse_write(d, context, out, dimsg_encode(&m, out), p, n, w);
	free(p);
	return got;
}

/* Hold an answer's data set: malloc'd, or NULL with *w. */
static unsigned char *
hold(struct dimse *d, size_t *n, struct why *w)
{
	unsigned char *buf = NULL, *more;
	struct dimse_piece p;

	*n = 0;
	do {
		if (data(d, &p, w) < 0)
			break;
		if (p.n > IDENT_MAX - *n) {
			why_set(w, EXIT_FEW, "an answer is too long");
			break;
		}
		if ((more = realloc(buf, *n + p.n + 1)) == NULL)
			die(EXIT_IO, "out of memory");
		buf = more;
		memcpy(buf + *n, p.data, p.n);
		*n += p.n;
		if (p.last)
			return buf;
	} while (1);
	free(buf);
	return NULL;
}

static bool
pending(unsigned status)
{
	return status == DIMSG_PENDING || status == DIMSG_PENDING_TOO;
}

int
pacs_find(struct dimse *d, const struct ident *q,
    int (*fn)(void *, const void *, size_t, struct why *), void *arg,
    unsigned *status, struct why *w)
{
	unsigned context;
	unsigned char *p;
	struct dimsg m;
	size_t n;
	int got;

	if (request(d, DIMSG_FIND, PACS_FIND, NULL, q, w) < 0)
		return -1;
	for (;;) {
		if ((got = pacs_command(d, false, &m, &context, w)) < 0)
			return -1;
		if (got != 1 || m.field != (DIMSG_FIND | DIMSG_ANSWER))
			return why_set(
			    w, EXIT_FEW, "the peer does not keep to DICOM");
		if (m.data) {
			if ((p = hold(d, &n, w)) == NULL)
				return -1;
			got = pending(m.status) ? fn(arg, p, n, w) : 0;
			free(p);
			if (got < 0)
				return -1;
		}
		*status = m.status;
		if (!pending(m.status))
			return 0;
	}
}

int
pacs_fetch(struct dimse *d, const struct ident *q, const char *destination,
    struct intake_way *way, unsigned *status, struct why *w)
{
	const enum dimsg_field field = destination ? DIMSG_MOVE : DIMSG_GET;
	unsigned context;
	struct dimsg m;
	int got;

	if (request(d, field, destination ? PACS_MOVE : PACS_GET, destination,
		q, w) < 0)
		return -1;
	for (;;) {
		if ((got = pacs_command(d, false, &m, &context, w)) < 0)
			return -1;
		if (got == 1 && m.field == DIMSG_STORE && !destination) {
			if (pacs_store(d, context, &m, way, w) < 0)
				return -1;
			continue;
		}
		if (got != 1 || m.field != (field | DIMSG_ANSWER))
			return why_set(
			    w, EXIT_FEW, "the peer does not keep to DICOM");
		if (m.data && pacs_skip(d, w) < 0)
			return -1;
		*status = m.status;
		if (!pending(m.status))
			return 0;
	}
}
