#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "charset.h"
#include "dimsg.h"
#include "query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a peer sends as a command, and we send on, means the same. */
static void
command(const uint8_t *p, size_t n)
{
	unsigned char out[DIMSG_MAX], again[DIMSG_MAX];
	struct dimsg a, b;
	struct why w;
	size_t k;

	if (n > DIMSG_MAX || dimsg_decode(&a, p, n, &w) < 0)
		return;
	k = dimsg_encode(&a, out);
	if (dimsg_decode(&b, out, k, &w) < 0 || dimsg_encode(&b, again) != k ||
	    memcmp(out, again, k) != 0)
		abort();
}

/* An answer becomes a line, whatever is in it. */
static void
answer(const uint8_t *p, size_t n)
{
	static const struct query_name name = { "1.2", "1.2.3", "" };
	struct query_name got;
	struct line l;
	struct why w;

	if (n > IDENT_MAX)
		return;
	line_init(&l, false);
	if (query_line(&l, &name, p, n, &w) == 0 &&
	    (query_name(&got, &l, &w) != 2 ||
		memcmp(&got, &name, sizeof got) != 0))
		abort();
	line_free(&l);
}

struct seen {
	const struct ident *q;
	int n;
};

/* Values come back without padding. */
static void
compare(void *arg, uint32_t tag, const char *value, size_t n)
{
	struct seen *s = arg;
	const char *is = ident_get(s->q, tag);

	if (tag == 0x00080005 && is == NULL)
		return; /* said because of the others */
	if (is == NULL || n > strlen(is))
		abort();
	(void)value;
	s->n++;
}

/* A query of KEY=VALUE lines survives being sent. */
static void
query(const uint8_t *p, size_t n)
{
	char *text = malloc(n + 1), *line, *save = NULL;
	struct query q;
	struct why w;
	int l;

	if (text == NULL)
		abort();
	memcpy(text, p, n);
	text[n] = '\0';
	query_init(&q, QUERY_IMAGE);
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		query_add(&q, line, &w);
	for (l = 0; l < QUERY_LEVELS; l++) {
		struct seen s = { &q.key[l], 0 };
		size_t k;
		unsigned char *b = ident_encode(&q.key[l], &k);

		if (ident_each(b, k, compare, &s, &w) < 0)
			abort();
		free(b);
	}
	query_free(&q);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;

	if (!ready++)
		charset_init();
	if (size == 0)
		return 0;
	if (data[0] == 'c')
		command(data + 1, size - 1);
	else if (data[0] == 'a')
		answer(data + 1, size - 1);
	else
		query(data + 1, size - 1);
	return 0;
}
