#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "opt.h"
#include "out.h"
#include "secret.h"
#include "sign.h"
#include "word.h"

enum { SEED = 32, PUBLIC = 32, SIG = 64, KEY_FILE_MAX = 4096 };

static const char secret_kind[] = "ed25519-secret", public_kind[] = "ed25519";

struct sign_key {
	char name[SIGN_NAME_MAX + 1];
	EVP_PKEY *key;
};

struct signers {
	struct signer {
		char name[SIGN_NAME_MAX + 1];
		EVP_PKEY *key;
	} * v;
	size_t n;
};

static const char *const covered[] = { "guid", "size", "sha256", "plain", "gen",
	"profile", NULL };
enum { NEEDED = 3 }; /* the first of covered */

const char *
sign_key_file(const char *option)
{
	static char home[4200];
	const char *set = opt_or_env(option, "MDM_SIGN_KEY");

	if (set != NULL)
		return set;
	snprintf(home, sizeof home, "%s/sign.key", opt_home());
	return home;
}

/* The statement in malloc'd memory.  Its length, or -1 with *w. */
static long
statement(char **text, const struct line *l, struct why *w)
{
	static const char first[] = "mdm manifest line v1\n";
	size_t n = sizeof first + strlen(l->name) + 8;
	const char *word;
	char *p;
	int i;

	for (i = 0; covered[i]; i++) {
		word = line_word(l, covered[i]);
		if (word == NULL && i < NEEDED)
			return why_set(w, EXIT_DATA, "no %s", covered[i]);
		n += strlen(covered[i]) + 2 + (word ? strlen(word) : 0);
	}
	if ((*text = p = malloc(n)) == NULL)
		die(EXIT_IO, "out of memory");
	p = stpcpy(p, first);
	p += sprintf(p, "name=%s\n", l->name);
	for (i = 0; covered[i]; i++)
		if ((word = line_word(l, covered[i])) != NULL)
			p += sprintf(p, "%s=%s\n", covered[i], word);
	return p - *text;
}

static bool
good_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._@-"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return n > 0 && n <= SIGN_NAME_MAX && name[n] == '\0';
}

/*
 * One line "NAME KIND HEX" (cut up): name and 32 bytes.  1; 0 for an empty
 * line or a comment; -1 when it is neither.
 */
static int
key_line(char *line, const char *kind, const char **name, unsigned char *bytes)
{
	static const char blank[] = " \t\r";
	char *rest = line;
	const char *k, *hex;

	if (line[strspn(line, blank)] == '\0' || line[0] == '#')
		return 0;
	*name = strtok_r(line, blank, &rest);
	k = strtok_r(NULL, blank, &rest);
	hex = strtok_r(NULL, blank, &rest);
	if (hex == NULL || strtok_r(NULL, blank, &rest) != NULL ||
	    !good_name(*name) || strcmp(k, kind) != 0 ||
	    hex_decode(bytes, 32, hex) < 0)
		return -1;
	return 1;
}

struct sign_key *
sign_key_open(const char *file, struct why *w)
{
	size_t n;
	char *text = secret_read(file, KEY_FILE_MAX, &n, w), *rest = text;
	unsigned char *seed;
	struct sign_key *k;
	const char *name;
	char *line;
	int got = 0;

	if (text == NULL)
		return NULL;
	seed = secret_alloc(SEED);
	k = calloc(1, sizeof *k);
	while (got == 0 && (line = strsep(&rest, "\n")) != NULL)
		got = key_line(line, secret_kind, &name, seed);
	if (k == NULL)
		die(EXIT_IO, "out of memory");
	if (got > 0) {
		strcpy(k->name, name);
		k->key = EVP_PKEY_new_raw_private_key(
		    EVP_PKEY_ED25519, NULL, seed, SEED);
	}
	secret_free(seed, SEED);
	secret_free(text, KEY_FILE_MAX + 2);
	if (k->key)
		return k;
	free(k);
	why_set(w, EXIT_DATA, "%s: not a signing key", file);
	return NULL;
}

void
sign_key_free(struct sign_key *k)
{
	if (k)
		EVP_PKEY_free(k->key);
	free(k);
}

/* Write FILE and FILE.pub: the second can be made again from the first. */
static int
write_key(const char *file, const char *name, const char *hex,
    const char *public, struct why *w)
{
	size_t size = SIGN_NAME_MAX + 2 * SEED + 256;
	char *text = secret_alloc(size), *pub;
	int n, r;

	n = snprintf(text, size,
	    "# A signing key: keep it secret.  Its line for signers files is\n"
	    "# %s %s %s\n%s %s %s\n",
	    name, public_kind, public, name, secret_kind, hex);
	r = out_new_file(file, text, (size_t)n, 0600, w);
	secret_free(text, size);
	if (r < 0)
		return -1;
	if (asprintf(&pub, "%s.pub", file) < 0 ||
	    (n = asprintf(&text, "%s %s %s\n", name, public_kind, public)) < 0)
		die(EXIT_IO, "out of memory");
	r = out_new_file(pub, text, (size_t)n, 0644, w);
	free(pub);
	free(text);
	return r;
}

int
sign_key_new(const char *file, const char *name, struct why *w)
{
	unsigned char *seed, public[PUBLIC], md[32];
	char text[2 * PUBLIC + 1], own[sizeof "key-" + 16], *hex;
	size_t len = PUBLIC;
	EVP_PKEY *k;
	int r;

	if (name && !good_name(name))
		return why_set(w, EXIT_USAGE,
		    "a signer's name is 1 to %d of A-Z a-z 0-9 . _ @ -",
		    SIGN_NAME_MAX);
	seed = secret_alloc(SEED);
	hex = secret_alloc(2 * SEED + 1);
	secret_random(seed, SEED);
	k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SEED);
	if (k == NULL || EVP_PKEY_get_raw_public_key(k, public, &len) <= 0)
		die(EXIT_BUG, "cannot derive a public key");
	EVP_PKEY_free(k);
	if (name == NULL) {
		sha256(md, public, PUBLIC);
		memcpy(own, "key-", 4);
		hex_encode(own + 4, md, 8);
		name = own;
	}
	hex_encode(hex, seed, SEED);
	hex_encode(text, public, PUBLIC);
	r = write_key(file, name, hex, text, w);
	secret_free(hex, 2 * SEED + 1);
	secret_free(seed, SEED);
	return r;
}

int
sign_line(const struct sign_key *k, struct line *l, struct why *w)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char sig[SIG];
	char hex[2 * SIG + 1], *text;
	size_t len = SIG;
	long n = statement(&text, l, w);

	if (n < 0) {
		EVP_MD_CTX_free(c);
		return -1;
	}
	if (c == NULL || EVP_DigestSignInit(c, NULL, NULL, NULL, k->key) <= 0 ||
	    EVP_DigestSign(c, sig, &len, (unsigned char *)text, (size_t)n) <= 0)
		die(EXIT_BUG, "cannot sign");
	EVP_MD_CTX_free(c);
	free(text);
	hex_encode(hex, sig, SIG);
	line_set_word(l, "by", k->name);
	line_set_word(l, "sig", hex);
	return 0;
}

static void
add_signer(struct signers *s, const char *name, const unsigned char *public)
{
	struct signer *v = realloc(s->v, (s->n + 1) * sizeof *v);

	if (v == NULL)
		die(EXIT_IO, "out of memory");
	s->v = v;
	v += s->n++;
	strcpy(v->name, name);
	v->key =
	    EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, PUBLIC);
	if (v->key == NULL)
		die(EXIT_BUG, "cannot take a public key");
}

struct signers *
signers_open(const char *file, struct why *w)
{
	int fd = opt_open(file, O_RDONLY, w);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	struct signers *s = calloc(1, sizeof *s);
	unsigned char public[PUBLIC];
	unsigned long number = 0;
	const char *name;
	char *line = NULL;
	size_t size = 0;
	int got = 0;

	if (s == NULL || (fd >= 0 && f == NULL))
		die(EXIT_IO, "out of memory");
	while (f && got >= 0 && getline(&line, &size, f) > 0) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		if ((got = key_line(line, public_kind, &name, public)) > 0)
			add_signer(s, name, public);
	}
	free(line);
	if (f == NULL)
		got = -1;
	else if (got < 0)
		why_set(w, EXIT_DATA, "%s: line %lu is not NAME %s HEX", file,
		    number, public_kind);
	else if (ferror(f))
		got = why_set(w, EXIT_IO, "%s: cannot read it", file);
	if (f)
		fclose(f);
	if (got >= 0)
		return s;
	signers_free(s);
	return NULL;
}

void
signers_free(struct signers *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++)
		EVP_PKEY_free(s->v[i].key);
	free(s->v);
	free(s);
}

static bool
verify(EVP_PKEY *key, const unsigned char *sig, const char *text, size_t n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok;

	if (c == NULL || EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) <= 0)
		die(EXIT_BUG, "cannot verify a signature");
	ok = EVP_DigestVerify(c, sig, SIG, (const unsigned char *)text, n) == 1;
	EVP_MD_CTX_free(c);
	return ok;
}

int
signers_check(const struct signers *s, const struct line *l, struct why *w)
{
	const char *by = line_word(l, "by");
	unsigned char sig[SIG];
	bool known = false, ok = false;
	char *text;
	size_t i;
	long n;

	if (by == NULL || line_word(l, "sig") == NULL)
		return why_set(w, EXIT_DATA, "not signed");
	if (line_hex(l, "sig", sig, SIG, w) < 0)
		return -1;
	if ((n = statement(&text, l, w)) < 0)
		return -1;
	for (i = 0; i < s->n && !ok; i++)
		if (strcmp(s->v[i].name, by) == 0) {
			known = true;
			ok = verify(s->v[i].key, sig, text, (size_t)n);
		}
	free(text);
	if (!known)
		return why_set(w, EXIT_DATA,
		    "signed by %.64s, who is not among the signers", by);
	if (!ok)
		return why_set(w, EXIT_DATA,
		    "not what %.64s signed: the catalogue altered or forged it",
		    by);
	return 0;
}
