#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cred.h"
#include "secret.h"

#define TOKEN_MAX 16384

/* Two file names; false if they do not fit. */
static bool
files(struct cred *c, const char *cert, const char *key)
{
	return snprintf(c->cert, sizeof c->cert, "%s", cert) <
		   (int)sizeof c->cert &&
	       snprintf(c->key, sizeof c->key, "%s", key) < (int)sizeof c->key;
}

/* Where they are; whether they can be read is seen later. */
static bool
look(struct cred *c)
{
	const char *cert = getenv("X509_USER_PROXY"), *key = cert;
	const char *home = getenv("HOME");
	char usual[64], a[4096], b[4096];

	if (cert == NULL && (cert = getenv("X509_USER_CERT")) != NULL &&
	    (key = getenv("X509_USER_KEY")) == NULL)
		key = cert;
	if (cert != NULL)
		return files(c, cert, key);
	snprintf(usual, sizeof usual, "/tmp/x509up_u%ld", (long)getuid());
	if (access(usual, F_OK) == 0)
		return files(c, usual, usual);
	if (home == NULL ||
	    snprintf(a, sizeof a, "%s/.globus/usercert.pem", home) >=
		(int)sizeof a ||
	    access(a, F_OK) < 0)
		return false;
	snprintf(b, sizeof b, "%s/.globus/userkey.pem", home);
	return files(c, a, b);
}

int
cred_certificate(struct cred *c, struct why *w)
{
	int fd;

	memset(c, 0, sizeof *c);
	if (!look(c))
		return 0;
	if ((fd = secret_open(c->key, w)) < 0)
		return why_set(w, EXIT_DENIED, "our proxy or key: %.300s",
		    w->text[0] ? w->text : c->key);
	close(fd);
	return 1;
}

/* The token's file that WLCG's rules name, or NULL. */
static const char *
token_file(enum cred_where where, char *path, size_t size)
{
	const char *file = getenv("BEARER_TOKEN_FILE");
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (file != NULL && *file != '\0')
		return file;
	if (where == CRED_NAMED)
		return NULL;
	if (run != NULL && *run != '\0') {
		snprintf(path, size, "%s/bt_u%ld", run, (long)getuid());
		if (access(path, F_OK) == 0)
			return path;
	}
	snprintf(path, size, "/tmp/bt_u%ld", (long)getuid());
	return access(path, F_OK) == 0 ? path : NULL;
}

char *
cred_token(enum cred_where where, size_t *size, struct why *w)
{
	const char *env = getenv("BEARER_TOKEN"), *file;
	char path[4200], *token;
	size_t n;

	w->code = 0;
	*size = TOKEN_MAX + 2;
	if (env != NULL && (n = strlen(env)) > 0) {
		if (n > TOKEN_MAX) {
			why_set(w, EXIT_DENIED, "BEARER_TOKEN is too long");
			return NULL;
		}
		token = secret_alloc(*size);
		memcpy(token, env, n + 1);
	} else if ((file = token_file(where, path, sizeof path)) == NULL)
		return NULL;
	else if ((token = secret_read(file, TOKEN_MAX, &n, w)) == NULL)
		return NULL;
	while (n > 0 && strchr(" \t\r\n", token[n - 1]) != NULL)
		token[--n] = '\0';
	if (n > 0 && strcspn(token, " \t\r\n") == n)
		return token;
	secret_free(token, *size);
	why_set(w, EXIT_DENIED, "the bearer token is not one word");
	return NULL;
}

bool
cred_expired(const char *pem)
{
	FILE *f = fopen(pem, "re");
	bool expired = false;
	X509 *x;

	if (f == NULL)
		return false;
	while (!expired && (x = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
		expired = X509_cmp_current_time(X509_get0_notAfter(x)) < 0;
		X509_free(x);
	}
	fclose(f);
	return expired;
}

const char *
cred_ca_dir(void)
{
	const char *dir = getenv("X509_CERT_DIR");

	return dir && *dir ? dir : "/etc/grid-security/certificates";
}
