#include <fcntl.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "sigpolicy.h"
#include "voms.h"

#define OID_LIMITED "1.3.6.1.4.1.3536.1.1.1.9"

/* Whether X509_STORE_CTX's CRLs may be missing hangs on the store. */
static int
needs_crl(X509_STORE_CTX *ctx)
{
	return X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(ctx), 0) !=
	       NULL;
}

int
peer_verify_cb(int ok, X509_STORE_CTX *ctx)
{
	if (!ok &&
	    X509_STORE_CTX_get_error(ctx) == X509_V_ERR_UNABLE_TO_GET_CRL &&
	    !needs_crl(ctx)) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	return ok;
}

X509_STORE *
peer_trust(const struct peer_rules *r, struct why *w)
{
	static char yes;
	X509_STORE *s = X509_STORE_new();
	struct stat st;

	if (stat(r->ca_dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		X509_STORE_free(s);
		why_set(w, EXIT_IO, "%s: not a directory of authorities",
		    r->ca_dir);
		return NULL;
	}
	if (s == NULL || X509_STORE_load_path(s, r->ca_dir) != 1) {
		X509_STORE_free(s);
		why_set(w, EXIT_IO, "%s: cannot be used", r->ca_dir);
		return NULL;
	}
	X509_STORE_set_flags(s, X509_V_FLAG_ALLOW_PROXY_CERTS |
				    X509_V_FLAG_CRL_CHECK |
				    X509_V_FLAG_CRL_CHECK_ALL);
	X509_STORE_set_depth(s, 16);
	X509_STORE_set_verify_cb(s, peer_verify_cb);
	X509_STORE_set_ex_data(s, 0, r->crl_needed ? &yes : NULL);
	return s;
}

/*
 * The slash form puts values between slashes as they are.  Of all DNs that
 * would read the same, take none.
 */
static bool
ambiguous(const X509_NAME *name)
{
	int i, n = X509_NAME_entry_count(name), set = -1;
	const X509_NAME_ENTRY *e;
	const ASN1_STRING *s;
	const unsigned char *p, *end, *q;

	for (i = 0; i < n; i++) {
		e = X509_NAME_get_entry(name, i);
		if (X509_NAME_ENTRY_set(e) == set)
			return true; /* two attributes in one component */
		set = X509_NAME_ENTRY_set(e);
		s = X509_NAME_ENTRY_get_data(e);
		p = ASN1_STRING_get0_data(s);
		end = p + ASN1_STRING_length(s);
		for (; p < end; p++) {
			if (*p == '\\' || *p == '\0')
				return true;
			if (*p != '/')
				continue;
			for (q = p + 1; q < end && *q != '/'; q++)
				if (*q == '=')
					return true;
		}
	}
	return n == 0;
}

int
peer_dn(const X509_NAME *name, char dn[WHO_MAX + 1], struct why *w)
{
	dn[0] = '\0';
	if (ambiguous(name))
		return why_set(w, EXIT_DENIED,
		    "a certificate's name is empty, or can be read in two "
		    "ways");
	X509_NAME_oneline(name, dn, WHO_MAX + 1);
	if (strlen(dn) >= WHO_MAX || who_kind(dn) != WHO_DN)
		return why_set(w, EXIT_DENIED,
		    "a certificate's name is too long, or no DN");
	return 0;
}

static bool
is_proxy(X509 *x)
{
	return (X509_get_extension_flags(x) & EXFLAG_PROXY) != 0;
}

void
peer_claims(X509 *leaf, STACK_OF(X509) * chain, char dn[WHO_MAX + 1])
{
	X509 *x = leaf;
	struct why w;
	int i = 0;

	while (x != NULL && is_proxy(x))
		x = i < sk_X509_num(chain) ? sk_X509_value(chain, i++) : NULL;
	dn[0] = '\0';
	if (x != NULL)
		(void)peer_dn(X509_get_subject_name(x), dn, &w);
}

static int
check_proxy(const struct peer_rules *r, X509 *x, struct why *w)
{
	PROXY_CERT_INFO_EXTENSION *info;
	char oid[80] = "";

	info = X509_get_ext_d2i(x, NID_proxyCertInfo, NULL, NULL);
	if (info == NULL || info->proxyPolicy == NULL)
		return why_set(w, EXIT_DENIED, "a proxy without a policy");
	OBJ_obj2txt(oid, sizeof oid, info->proxyPolicy->policyLanguage, 1);
	if (OBJ_obj2nid(info->proxyPolicy->policyLanguage) ==
	    NID_id_ppl_inheritAll)
		oid[0] = '\0';
	PROXY_CERT_INFO_EXTENSION_free(info);
	if (oid[0] == '\0')
		return 0;
	if (strcmp(oid, OID_LIMITED) != 0)
		return why_set(w, EXIT_DENIED,
		    "a proxy that does not hand on all rights (policy %s)",
		    oid);
	if (!r->limited)
		return why_set(
		    w, EXIT_DENIED, "a limited proxy: not accepted here");
	return 0;
}

/* The bytes of ca_dir/HASH.signing_policy: their number, or -1 (errno). */
static long
read_policy(const struct peer_rules *r, unsigned long hash, char *text)
{
	char path[4096];
	size_t n = 0;
	ssize_t got = 0;
	int fd;

	if (snprintf(path, sizeof path, "%s/%08lx.signing_policy", r->ca_dir,
		hash) >= (int)sizeof path)
		return -1;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return -1;
	while (n < SIGPOLICY_MAX &&
	       (got = read(fd, text + n, SIGPOLICY_MAX - n)) > 0)
		n += (size_t)got;
	close(fd);
	return got < 0 || n == SIGPOLICY_MAX ? -1 : (long)n;
}

static int
check_signed(const struct peer_rules *r, X509 *x, struct why *w)
{
	const X509_NAME *issuer = X509_get_issuer_name(x);
	char ca[WHO_MAX + 1], subject[WHO_MAX + 1], text[SIGPOLICY_MAX];
	struct why bad;
	long n;

	if (peer_dn(issuer, ca, w) < 0 ||
	    peer_dn(X509_get_subject_name(x), subject, w) < 0)
		return -1;
	n = read_policy(r, X509_NAME_hash_ex(issuer, NULL, NULL, NULL), text);
	if (n < 0 && access(r->ca_dir, X_OK) == 0 && !r->sigpolicy_needed)
		return 0;
	if (n < 0)
		return why_set(w, EXIT_DENIED,
		    "%.200s: no signing policy here says whom it may sign for",
		    ca);
	switch (sigpolicy_allows(text, (size_t)n, ca, subject, &bad)) {
	case 1:
		return 0;
	case 0:
		return why_set(w, EXIT_DENIED,
		    "%.200s: its signing policy does not cover this name", ca);
	default:
		return why_set(
		    w, EXIT_DENIED, "%.200s: signing policy: %s", ca, bad.text);
	}
}

static void
lower(time_t *until, const ASN1_TIME *end)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(end, &tm) != 1)
		*until = 0;
	else if (timegm(&tm) < *until)
		*until = timegm(&tm);
}

/* OpenSSL has verified the chain; now what it does not look at. */
static int
check_chain(const struct peer_rules *r, STACK_OF(X509) * chain,
    char dn[WHO_MAX + 1], time_t *until, struct why *w)
{
	int i, n = sk_X509_num(chain);
	bool named = false;
	X509 *x;

	for (i = 0; i < n; i++) {
		x = sk_X509_value(chain, i);
		lower(until, X509_get0_notAfter(x));
		if (is_proxy(x) && !named) {
			if (check_proxy(r, x, w) < 0)
				return -1;
			continue;
		}
		if (!named && peer_dn(X509_get_subject_name(x), dn, w) < 0)
			return -1;
		named = true;
		/* The last is the authority that we trust for itself. */
		if (i < n - 1 && check_signed(r, x, w) < 0)
			return -1;
	}
	return named ? 0 : why_set(w, EXIT_DENIED, "only proxies");
}

int
peer_identify(const struct peer_rules *r, X509_STORE *trust, X509 *leaf,
    STACK_OF(X509) * chain, struct who *who, time_t *until,
    char dn[WHO_MAX + 1], struct why *w)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	char name[WHO_MAX + 1];
	int rc = -1;

	*until = (time_t)1 << 40;
	peer_claims(leaf, chain, name);
	if (dn != NULL)
		strcpy(dn, name);
	if (ctx == NULL || X509_STORE_CTX_init(ctx, trust, leaf, chain) != 1) {
		why_set(w, EXIT_IO, "out of memory");
		goto out;
	}
	X509_STORE_CTX_set_default(ctx, "ssl_client");
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx), 2);
	if (X509_verify_cert(ctx) != 1) {
		why_set(w, EXIT_DENIED, "%s",
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)));
		goto out;
	}
	if (check_chain(r, X509_STORE_CTX_get0_chain(ctx), name, until, w) < 0)
		goto out;
	if (who_init(who, name, w) < 0)
		goto out;
	rc = 0;
	if (r->voms_dir != NULL &&
	    voms_read(r->voms_dir, r->ca_dir, leaf, chain, who, until, w) < 0) {
		who_free(who);
		rc = -1;
	}
out:
	X509_STORE_CTX_free(ctx);
	return rc;
}
