#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/xmlwriter.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "srm_soap.h"

#define ENVELOPE "http://schemas.xmlsoap.org/soap/envelope/"
#define SRM "http://srm.lbl.gov/StorageResourceManager"

/* ---- requests ---- */

struct srm_parser {
	xmlParserCtxtPtr xml;
	struct srm_soap is;
	size_t bytes;
	struct why wrong; /* code 0: nothing is */

	int depth;                    /* of the element that is open */
	char name[SRM_DEPTH + 1][64]; /* those that it is in */
	bool parent[SRM_DEPTH + 1];   /* has others in it */
	bool body;                    /* inside the envelope's Body */
	bool done;                    /* it has ended */
	char text[SRM_TEXT + 1];      /* of the open element */
	size_t len;
};

static void
wrong(struct srm_parser *p, const char *text)
{
	if (p->wrong.code == 0)
		why_set(&p->wrong, EXIT_DATA, "%s", text);
	xmlStopParser(p->xml);
}

static bool
is(const xmlChar *a, const char *b)
{
	return a != NULL && strcmp((const char *)a, b) == 0;
}

/* The envelope, its body, the operation: each where it belongs. */
static void
outer(struct srm_parser *p, const xmlChar *name, const xmlChar *uri)
{
	switch (p->depth) {
	case 1:
		/* Clients write UTF-8; decoders of all else are not needed. */
		if (p->xml->input->buf != NULL &&
		    p->xml->input->buf->encoder != NULL)
			wrong(p, "not UTF-8");
		else if (!is(name, "Envelope") || !is(uri, ENVELOPE))
			wrong(p, "not a SOAP envelope");
		break;
	case 2:
		p->body = is(name, "Body") && is(uri, ENVELOPE);
		break;
	case 3:
		if (!p->body)
			break;
		if (p->is.op[0] != '\0')
			wrong(p, "more than one operation");
		else if (!is(uri, SRM))
			wrong(p, "not an operation of SRM version 2.2");
		else
			strcpy(p->is.op, (const char *)name);
		break;
	}
}

static void
on_start(void *arg, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri, int spaces, const xmlChar **space, int attributes,
    int defaulted, const xmlChar **attribute)
{
	struct srm_parser *p = arg;

	(void)prefix, (void)spaces, (void)space, (void)attributes;
	(void)defaulted, (void)attribute;
	if (p->wrong.code)
		return;
	if (p->depth == SRM_DEPTH) {
		wrong(p, "elements are nested too deeply");
		return;
	}
	if (strlen((const char *)name) >= sizeof p->name[0]) {
		wrong(p, "an element's name is too long");
		return;
	}
	p->parent[p->depth++] = true;
	p->parent[p->depth] = false;
	strcpy(p->name[p->depth], (const char *)name);
	p->len = 0;
	outer(p, name, uri);
}

static char *
blank_off(char *text, size_t n)
{
	static const char blank[] = " \t\r\n";

	while (n > 0 && strchr(blank, text[n - 1]))
		n--;
	text[n] = '\0';
	return text + strspn(text, blank);
}

/* One allocation for the three texts of a leaf; in is its beginning. */
static void
add_leaf(struct srm_parser *p)
{
	struct srm_soap *s = &p->is;
	const char *in = p->name[p->depth - 1], *name = p->name[p->depth];
	const char *text = blank_off(p->text, p->len);
	size_t a = strlen(in) + 1, b = strlen(name) + 1, c = strlen(text) + 1;
	struct srm_leaf *more = s->leaf;
	char *all;

	if (s->leaves == SRM_LEAVES) {
		wrong(p, "too many elements");
		return;
	}
	if (s->leaves == s->room) {
		s->room = s->room ? 2 * s->room : 32;
		more = realloc(s->leaf, s->room * sizeof *more);
	}
	if (more == NULL || (all = malloc(a + b + c)) == NULL)
		die(EXIT_IO, "out of memory");
	s->leaf = more;
	memcpy(all, in, a);
	memcpy(all + a, name, b);
	memcpy(all + a + b, text, c);
	s->leaf[s->leaves++] = (struct srm_leaf){ all, all + a, all + a + b };
}

static void
on_end(
    void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct srm_parser *p = arg;

	(void)name, (void)prefix, (void)uri;
	if (p->wrong.code)
		return;
	if (p->body && p->depth > 3 && !p->parent[p->depth])
		add_leaf(p);
	p->len = 0;
	if (p->depth == 2)
		p->body = false;
	if (--p->depth == 0)
		p->done = true;
}

static void
on_text(void *arg, const xmlChar *text, int n)
{
	struct srm_parser *p = arg;

	if (p->wrong.code || !p->body)
		return;
	if ((size_t)n > SRM_TEXT - p->len) {
		wrong(p, "a text is too long");
		return;
	}
	memcpy(p->text + p->len, text, (size_t)n);
	p->len += (size_t)n;
}

static void
on_doctype(
    void *arg, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
	(void)name, (void)id, (void)system;
	wrong(arg, "a document type");
}

static xmlEntityPtr
no_entity(void *arg, const xmlChar *name)
{
	(void)name;
	wrong(arg, "an entity");
	return NULL;
}

/* What it says may repeat what the client wrote. */
static void
on_error(void *arg, xmlErrorPtr error)
{
	(void)arg, (void)error;
}

struct srm_parser *
srm_parser_new(void)
{
	struct srm_parser *p = calloc(1, sizeof *p);
	xmlSAXHandler h = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.cdataBlock = on_text,
		.internalSubset = on_doctype,
		.externalSubset = on_doctype,
		.getEntity = no_entity,
		.serror = on_error,
	};

	xmlInitParser();
	if (p == NULL ||
	    (p->xml = xmlCreatePushParserCtxt(&h, p, NULL, 0, NULL)) == NULL)
		die(EXIT_IO, "out of memory");
	xmlCtxtUseOptions(p->xml, XML_PARSE_NONET);
	return p;
}

void
srm_parser_free(struct srm_parser *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->is.leaves; i++)
		free((char *)(uintptr_t)p->is.leaf[i].in);
	free(p->is.leaf);
	if (p->xml->myDoc != NULL)
		xmlFreeDoc(p->xml->myDoc);
	xmlFreeParserCtxt(p->xml);
	free(p);
}

static int
parse(
    struct srm_parser *p, const void *bytes, size_t n, int last, struct why *w)
{
	int rc;

	if (p->wrong.code == 0) {
		rc = xmlParseChunk(p->xml, bytes, (int)n, last);
		if (p->wrong.code == 0 && (rc != 0 || !p->xml->wellFormed))
			why_set(&p->wrong, EXIT_DATA, "not well-formed XML");
	}
	if (p->wrong.code == 0)
		return 0;
	*w = p->wrong;
	return -1;
}

int
srm_parser_feed(
    struct srm_parser *p, const void *bytes, size_t n, struct why *w)
{
	if (n > SRM_BODY - p->bytes)
		return why_set(w, EXIT_DATA, "the request is too long");
	p->bytes += n;
	return parse(p, bytes, n, 0, w);
}

const struct srm_soap *
srm_parser_end(struct srm_parser *p, struct why *w)
{
	if (parse(p, NULL, 0, 1, w) < 0)
		return NULL;
	if (p->done && p->is.op[0] != '\0')
		return &p->is;
	why_set(w, EXIT_DATA, "no operation in the envelope");
	return NULL;
}

const char *
srm_soap_get(const struct srm_soap *s, const char *in, const char *name)
{
	size_t i;

	for (i = 0; i < s->leaves; i++)
		if (strcmp(s->leaf[i].name, name) == 0 &&
		    (in == NULL || strcmp(s->leaf[i].in, in) == 0))
			return s->leaf[i].text;
	return NULL;
}

/* ---- answers ---- */

struct srm_writer {
	xmlBufferPtr buf;
	xmlTextWriterPtr out;
};

static const xmlChar *
x(const char *text)
{
	return (const xmlChar *)text;
}

/* Everything goes to memory: nothing but its lack can fail. */
static void
must(int rc)
{
	if (rc < 0)
		die(EXIT_IO, "out of memory");
}

struct srm_writer *
srm_writer_new(const char *op)
{
	struct srm_writer *s = calloc(1, sizeof *s);
	char name[80];

	if (s == NULL || (s->buf = xmlBufferCreate()) == NULL ||
	    (s->out = xmlNewTextWriterMemory(s->buf, 0)) == NULL)
		die(EXIT_IO, "out of memory");
	must(xmlTextWriterStartDocument(s->out, NULL, "UTF-8", NULL));
	must(xmlTextWriterStartElement(s->out, x("SOAP-ENV:Envelope")));
	must(xmlTextWriterWriteAttribute(
	    s->out, x("xmlns:SOAP-ENV"), x(ENVELOPE)));
	must(xmlTextWriterWriteAttribute(s->out, x("xmlns:srm"), x(SRM)));
	must(xmlTextWriterStartElement(s->out, x("SOAP-ENV:Body")));
	snprintf(name, sizeof name, "srm:%.64sResponse", op);
	srm_open(s, name);
	srm_open(s, name + 4);
	return s;
}

void
srm_open(struct srm_writer *s, const char *name)
{
	must(xmlTextWriterStartElement(s->out, x(name)));
}

void
srm_close(struct srm_writer *s)
{
	must(xmlTextWriterEndElement(s->out));
}

int
srm_sayable(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	for (; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return 0;
	/* U+FFFE and U+FFFF are UTF-8 too, but no characters of XML */
	return xmlCheckUTF8(x(text)) && strstr(text, "\xef\xbf\xbe") == NULL &&
	       strstr(text, "\xef\xbf\xbf") == NULL;
}

void
srm_text(struct srm_writer *s, const char *name, const char *text)
{
	char *copy = NULL, *p;

	if (!srm_sayable(text)) {
		if ((copy = strdup(text)) == NULL)
			die(EXIT_IO, "out of memory");
		for (p = copy; *p; p++)
			if (*p < 0x20 || *p > 0x7e)
				*p = '?';
	}
	must(xmlTextWriterWriteElement(s->out, x(name), x(copy ? copy : text)));
	free(copy);
}

void
srm_number(struct srm_writer *s, const char *name, long long value)
{
	must(xmlTextWriterWriteFormatElement(s->out, x(name), "%lld", value));
}

const void *
srm_writer_end(struct srm_writer *s, size_t *n)
{
	must(xmlTextWriterEndDocument(s->out));
	must(xmlTextWriterFlush(s->out));
	*n = (size_t)xmlBufferLength(s->buf);
	return xmlBufferContent(s->buf);
}

void
srm_writer_free(struct srm_writer *s)
{
	xmlFreeTextWriter(s->out);
	xmlBufferFree(s->buf);
	free(s);
}
