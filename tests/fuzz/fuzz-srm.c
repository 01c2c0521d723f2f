#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "srm_soap.h"

/*
 * Requests of SRM clients: what is taken in pieces is what is taken whole,
 * nothing is larger than it may be, and what was understood can be said in an
 * answer, which is XML that is taken apart to the same again.
 */

static void
same(const struct srm_soap *a, const struct srm_soap *b)
{
	size_t i;

	if (strcmp(a->op, b->op) != 0 || a->leaves != b->leaves)
		abort();
	for (i = 0; i < a->leaves; i++)
		if (strcmp(a->leaf[i].in, b->leaf[i].in) != 0 ||
		    strcmp(a->leaf[i].name, b->leaf[i].name) != 0 ||
		    strcmp(a->leaf[i].text, b->leaf[i].text) != 0)
			abort();
}

static struct srm_parser *
parse(const void *data, size_t size, size_t piece, const struct srm_soap **s)
{
	struct srm_parser *p = srm_parser_new();
	const char *at = data;
	struct why w;
	size_t n;

	*s = NULL;
	for (; size > 0; at += n, size -= n) {
		n = size < piece ? size : piece;
		if (srm_parser_feed(p, at, n, &w) < 0) {
			if (w.code != EXIT_DATA)
				abort();
			return p;
		}
	}
	*s = srm_parser_end(p, &w);
	if (*s == NULL && w.code != EXIT_DATA)
		abort();
	return p;
}

/*
 * An answer has the form of a request but for its operation's name: what has
 * the texts of a, one after another, has them still when it is read.
 */
static void
round_trip(const struct srm_soap *a)
{
	struct srm_writer *x = srm_writer_new("srmLs");
	const struct srm_soap *b;
	struct srm_parser *p;
	const void *bytes;
	size_t n, i;

	for (i = 0; i < a->leaves; i++)
		srm_text(x, "text", a->leaf[i].text);
	bytes = srm_writer_end(x, &n);
	p = parse(bytes, n, n, &b);
	if (n > SRM_BODY) {
		srm_parser_free(p);
		srm_writer_free(x);
		return;
	}
	if (b == NULL || strcmp(b->op, "srmLsResponse") != 0)
		abort();
	if (a->leaves == 0) {
		if (b->leaves > 1)
			abort();
	} else if (b->leaves != a->leaves)
		abort();
	for (i = 0; i < a->leaves; i++)
		if (srm_sayable(a->leaf[i].text) &&
		    strcmp(a->leaf[i].text, b->leaf[i].text) != 0)
			abort();
	srm_parser_free(p);
	srm_writer_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct srm_soap *whole, *pieces;
	struct srm_parser *a = parse(data, size, size, &whole);
	struct srm_parser *b = parse(data, size, 7, &pieces);

	/* In pieces an error may be seen later, but no request is another. */
	if (whole != NULL && pieces != NULL)
		same(whole, pieces);
	if ((whole == NULL) != (pieces == NULL))
		abort();
	if (whole != NULL) {
		if (whole->leaves > SRM_LEAVES || strlen(whole->op) > 63)
			abort();
		round_trip(whole);
	}
	srm_parser_free(a);
	srm_parser_free(b);
	return 0;
}
