#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "age.h"
#include "secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char text[AGE_HEAD_MAX];
static size_t len;

static void
add(const void *p, size_t n)
{
	if (n > sizeof text - len)
		abort();
	memcpy(text + len, p, n);
	len += n;
}

/* Write the stanzas again as the grammar says. */
static void
write_again(const struct age_head *h)
{
	char line[AGE_BASE64(48)];
	int i, k;
	size_t n;

	len = 0;
	add("age-encryption.org/v1\n", 22);
	for (i = 0; i < age_head_stanzas(h); i++) {
		const struct age_stanza *s = age_head_stanza(h, i);

		add("->", 2);
		for (k = 0; k < s->args; k++) {
			add(" ", 1);
			add(s->arg[k].p, s->arg[k].n);
		}
		add("\n", 1);
		for (n = 0; n + 48 <= s->len; n += 48) {
			add(line, age_base64(line, s->body + n, 48));
			add("\n", 1);
		}
		add(line, age_base64(line, s->body + n, s->len - n));
		add("\n", 1);
	}
	add("--- ", 4);
}

/*
 * A head that is taken has one form: written again it is the same bytes.
 * How it is cut into pieces makes no difference.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct age_head *h;
	static unsigned char key[AGE_OBJECT_KEY], *file;
	char guid[AGE_GUID + 1];
	struct why w = { 0 }, w2 = { 0 };
	size_t used = 0, used2 = 0, k, i, cut = size ? data[size - 1] : 0;
	int whole, again = 0;

	if (h == NULL) {
		secret_init(1 << 16);
		h = age_head_new();
		file = secret_alloc(AGE_FILE_KEY);
	}
	age_head_reset(h);
	for (i = 0; again == 0 && i < size; i += k) {
		k = size - i < cut + 1 ? size - i : cut + 1;
		again = age_head_feed(h, data + i, k, &used2, &w2);
		if (again == 0 && used2 != k)
			abort();
		if (again > 0)
			used2 += i;
	}
	age_head_reset(h);
	whole = age_head_feed(h, data, size, &used, &w);
	if (whole != again || (whole > 0 && used != used2) || used > size)
		abort();
	if (whole < 0 && (w.code != EXIT_DATA || w.text[0] == '\0'))
		abort();
	if (whole <= 0)
		return 0;
	write_again(h);
	if (used != age_head_size(h) || len + 43 + 1 + 16 != used ||
	    memcmp(text, data, len) != 0)
		abort();
	if (age_guid(h, guid, &w) == 1)
		age_unwrap(h, key, file, &w);
	age_unwrap_x25519(h, key, file, &w);
	return 0;
}
