/*
 * The first byte says what the rest is: a token, which no fuzzer can sign, or
 * a set of keys.  Base64url has one form.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "jwk.h"
#include "token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key of RFC 8037, whose secret half is public: not used for signing. */
static const char keys[] =
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
    "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static struct tokens *
make(void)
{
	int kfd = memfd_create("keys", 0), fd = memfd_create("issuers", 0);
	struct tokens *t;
	char text[200], path[32];
	struct why w;
	int n;

	n = snprintf(text, sizeof text,
	    "issuer\turl=https://i/\taudience=a\tgroups=/vo\t"
	    "keys=/dev/fd/%d\n.end\t1\n",
	    kfd);
	if (write(kfd, keys, sizeof keys - 1) < 0 ||
	    write(fd, text, (size_t)n) != n || lseek(fd, 0, SEEK_SET) < 0 ||
	    lseek(kfd, 0, SEEK_SET) < 0)
		abort();
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	if ((t = tokens_load(path, &w)) == NULL) {
		fprintf(stderr, "%s\n", w.text);
		abort();
	}
	return t;
}

static void
one_form(const char *text, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char *raw = malloc(n + 1);
	long len = base64url_decode(raw, text, n), i, at = 0;
	unsigned v;

	for (i = 0; i < len; i += 3) {
		v = (unsigned)raw[i] << 16;
		if (i + 1 < len)
			v |= (unsigned)raw[i + 1] << 8;
		if (i + 2 < len)
			v |= raw[i + 2];
		for (int k = 0; k < 4 && at < (long)n; k++, at++)
			if (text[at] != digits[v >> (18 - 6 * k) & 63])
				abort();
	}
	if (len >= 0 && at != (long)n)
		abort();
	free(raw);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tokens *tokens;
	struct why w = { 0 };
	struct jwks *j;
	struct who who;
	time_t until;
	char *text;

	if (tokens == NULL)
		tokens = make();
	if (size == 0)
		return 0;
	if (*data == 'k') {
		j = jwks_parse((const char *)data + 1, size - 1, &w);
		if (j == NULL ? w.code != EXIT_DATA : jwks_count(j) == 0)
			abort();
		jwks_free(j);
		return 0;
	}
	text = strndup((const char *)data + 1, size - 1);
	one_form(text, strlen(text));
	if (tokens_verify(tokens, text, 1000, &who, &until, &w) == 0 ||
	    w.code != EXIT_DENIED)
		abort();
	free(text);
	return 0;
}
