#ifndef ATREST_H
#define ATREST_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * What a key store keeps on its disk: AES-256-GCM under a key in a file of its
 * own, so that a stolen database, or a backup of it, says nothing.  The file
 * is 64 hex digits and a newline, 0600, made once and never written over.
 */
#define ATREST_EXTRA 28 /* bytes that sealing adds: nonce and tag */

struct atrest;

/*
 * Read the key file, making it (durably) if create is true and it is missing.
 * One handle serves one thread at a time.  NULL with *w.
 */
struct atrest *atrest_open(const char *path, bool create, struct why *w);
void atrest_close(struct atrest *a);

/* A digest that tells whether two key files hold the same key. */
void atrest_id(const struct atrest *a, unsigned char out[16]);

/* Seal n bytes into out, n + ATREST_EXTRA bytes, bound to the aad. */
void atrest_seal(struct atrest *a, unsigned char *out, const void *p, size_t n,
    const void *aad, size_t aad_len);

/* Open n bytes (ATREST_EXTRA at least) into out.  -1: not authentic. */
int atrest_unseal(struct atrest *a, unsigned char *out, const unsigned char *p,
    size_t n, const void *aad, size_t aad_len);

/*
 * The same file gives two keys more: one that authenticates rows (the MAC of
 * n bytes), and one that signs, Ed25519.
 */
#define ATREST_MAC 16
void atrest_mac(
    struct atrest *a, unsigned char out[ATREST_MAC], const void *p, size_t n);
void atrest_sign(
    struct atrest *a, unsigned char out[64], const void *p, size_t n);
void atrest_public(const struct atrest *a, unsigned char out[32]);

#endif
