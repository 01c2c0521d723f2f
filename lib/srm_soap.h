#ifndef SRM_SOAP_H
#define SRM_SOAP_H

#include <stddef.h>

#include "say.h"

/*
 * SOAP as SRM v2.2 uses it.  The only file that knows of XML.
 *
 * A request comes from whoever may connect.  It is parsed as it comes and never
 * held as text: a document type, and with it every entity but XML's own five,
 * ends it; so does what is nested too deeply, too long or too many.  Nothing
 * is fetched, whatever it names.
 */
#define SRM_DEPTH 16      /* elements in each other */
#define SRM_TEXT 8192     /* bytes of an element's text */
#define SRM_LEAVES 65536  /* elements that have text */
#define SRM_BODY 16777216 /* bytes of a request */

/* An element without others in it. */
struct srm_leaf {
	const char *in;   /* the name of the element around it */
	const char *name; /* its own, without a prefix */
	const char *text; /* what is in it, without blanks around it */
};

/*
 * What was asked: an operation ("srmLs") and its arguments, in their order.
 * That is enough, since no two arguments of one operation have one name in one
 * element.
 */
struct srm_soap {
	char op[64];
	struct srm_leaf *leaf;
	size_t leaves, room;
};

struct srm_parser;

struct srm_parser *srm_parser_new(void);
void srm_parser_free(struct srm_parser *p); /* NULL is nothing */

/* The next n bytes.  0, or -1 with *w: EXIT_DATA. */
int srm_parser_feed(
    struct srm_parser *p, const void *bytes, size_t n, struct why *w);

/*
 * All has come: the request, valid until srm_parser_free(), or NULL with *w:
 * EXIT_DATA.
 */
const struct srm_soap *srm_parser_end(struct srm_parser *p, struct why *w);

/* The text of the first such argument, or NULL.  in may be NULL: in any. */
const char *srm_soap_get(
    const struct srm_soap *s, const char *in, const char *name);

/*
 * An answer: elements in each other, within the envelope that op's answer has.
 * What XML cannot say in a text (control bytes, bytes that are no UTF-8) is
 * written as '?'.  Dies EXIT_IO without memory.
 */
struct srm_writer;

struct srm_writer *srm_writer_new(const char *op);
void srm_open(struct srm_writer *x, const char *name);
void srm_close(struct srm_writer *x);
void srm_text(struct srm_writer *x, const char *name, const char *text);
void srm_number(struct srm_writer *x, const char *name, long long value);

/* The whole, *n bytes, valid until srm_writer_free(). */
const void *srm_writer_end(struct srm_writer *x, size_t *n);
void srm_writer_free(struct srm_writer *x);

/* Can XML say this text? */
int srm_sayable(const char *text);

#endif
