#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "peer.h"
#include "secret.h"
#include "tls.h"

static int
reason(const char *file, struct why *w)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return why_set(
	    w, EXIT_IO, "%s: %s", file, text ? text : "cannot be used");
}

/* A service has nobody to ask. */
static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static int
use_key(SSL_CTX *ctx, const char *file, struct why *w)
{
	EVP_PKEY *key;
	BIO *bio;
	int fd, rc = 0;

	if ((fd = secret_open(file, w)) < 0)
		return -1;
	bio = BIO_new_fd(fd, BIO_CLOSE);
	key =
	    bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	if (key == NULL || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		rc = reason(file, w);
	EVP_PKEY_free(key);
	return rc;
}

SSL_CTX *
tls_server(const char *cert, const char *key, X509_STORE *trust, bool needed,
    struct why *w)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int mode = SSL_VERIFY_PEER;

	if (ctx == NULL) {
		reason("TLS", w);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
				     SSL_OP_NO_COMPRESSION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	if (needed)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, peer_verify_cb);
	SSL_CTX_set1_cert_store(ctx, trust);
	SSL_CTX_set_verify_depth(ctx, 16);
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
	    X509_V_FLAG_ALLOW_PROXY_CERTS | X509_V_FLAG_CRL_CHECK |
		X509_V_FLAG_CRL_CHECK_ALL);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		reason(cert, w);
	else if (use_key(ctx, key, w) == 0) {
		if (SSL_CTX_check_private_key(ctx) == 1)
			return ctx;
		reason(key, w);
	}
	SSL_CTX_free(ctx);
	return NULL;
}
