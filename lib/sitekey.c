#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "out.h"
#include "secret.h"
#include "sitekey.h"
#include "word.h"

#define MAGIC "mdm-site-key-1 "
#define MAGIC_LEN (sizeof MAGIC - 1)
#define FILE_LEN (MAGIC_LEN + 2 * SITEKEY_BYTES + 1) /* with the newline */

struct sitekey {
	unsigned char key[SITEKEY_BYTES];
};

struct sitekey *
sitekey_read(const char *path, struct why *w)
{
	struct sitekey *k = NULL;
	size_t n;
	char *text;

	if (strncmp(path, "/dev/", 5) != 0 && access(path, F_OK) < 0 &&
	    errno == ENOENT) {
		why_set(w, EXIT_DENIED, "%s: no site key", path);
		return NULL;
	}
	if ((text = secret_read(path, FILE_LEN, &n, w)) == NULL)
		return NULL;
	k = secret_alloc(sizeof *k);
	if (n == FILE_LEN && text[n - 1] == '\n' &&
	    memcmp(text, MAGIC, MAGIC_LEN) == 0) {
		text[n - 1] = '\0';
		if (hex_decode(k->key, sizeof k->key, text + MAGIC_LEN) == 0) {
			secret_free(text, n + 1);
			return k;
		}
	}
	secret_free(text, n + 1);
	sitekey_free(k);
	why_set(w, EXIT_DATA, "%s: not a site key", path);
	return NULL;
}

void
sitekey_free(struct sitekey *k)
{
	secret_free(k, sizeof *k);
}

int
sitekey_new(const char *path, struct why *w)
{
	unsigned char *key = secret_alloc(SITEKEY_BYTES);
	char *text = secret_alloc(FILE_LEN + 1);
	int r;

	secret_random(key, SITEKEY_BYTES);
	memcpy(text, MAGIC, MAGIC_LEN);
	hex_encode(text + MAGIC_LEN, key, SITEKEY_BYTES);
	text[FILE_LEN - 1] = '\n';
	r = out_new_file(path, text, FILE_LEN, 0600, w);
	secret_free(text, FILE_LEN + 1);
	secret_free(key, SITEKEY_BYTES);
	return r;
}

void
sitekey_project(struct sitekey *k, const char *project)
{
	static const char info[] = "mdm project v1";
	unsigned char *key = secret_alloc(SITEKEY_BYTES);

	hkdf(key, SITEKEY_BYTES, k->key, sizeof k->key, project,
	    strlen(project), info, sizeof info - 1);
	memcpy(k->key, key, SITEKEY_BYTES);
	secret_free(key, SITEKEY_BYTES);
}

unsigned char *
sitekey_derive(const struct sitekey *k, const char *purpose)
{
	unsigned char *key = secret_alloc(SITEKEY_BYTES);
	char info[64];
	int n = snprintf(info, sizeof info, "mdm site v1 %s", purpose);

	if (n < 0 || (size_t)n >= sizeof info)
		die(EXIT_BUG, "the name of a derived key is too long");
	hkdf(key, SITEKEY_BYTES, k->key, sizeof k->key, "", 0, info, (size_t)n);
	return key;
}
