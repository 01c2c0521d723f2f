#ifndef PSEUDO_H
#define PSEUDO_H

#include <stddef.h>
#include <stdint.h>

#include "keeper.h"

/*
 * Pseudonyms: what stands in place of a UID, a patient or an identifier.
 *
 * Each is HMAC-SHA-256 of the old value under a key derived from the site key,
 * so the same old value has the same pseudonym in every run and every file,
 * and nobody without the key can go from a guess to a pseudonym (a plain
 * hash of a hospital's ids is undone by trying them all).  There is no table,
 * so nothing to lose or leak.
 */
struct pseudo; /* opaque */

/* keeper stays the caller's and must outlive it. */
struct pseudo *pseudo_new(struct keeper *keeper);
void pseudo_free(struct pseudo *p);

/* Enough for any of them, with NUL. */
#define PSEUDO_MAX 65

/*
 * A UID in place of n bytes of UID (padding and blanks do not count): "2.25."
 * and the decimal of a version 8 UUID.
 */
void pseudo_uid(
    struct pseudo *p, char out[PSEUDO_MAX], const void *uid, size_t n);

/* This UID's will be asked for: one question to the keeper serves many. */
void pseudo_want_uid(struct pseudo *p, const void *uid, size_t n);

/*
 * A Patient ID, 24 characters, for issuer and id together: two hospitals' "1"
 * are two patients.
 */
void pseudo_patient(struct pseudo *p, char out[PSEUDO_MAX], const void *issuer,
    size_t issuer_len, const void *id, size_t n);

/*
 * A number for a purpose, which is the patient's: for issuer and id together,
 * evenly from 0 to 2^64 - 1.
 */
uint64_t pseudo_number(struct pseudo *p, const char *purpose,
    const void *issuer, size_t issuer_len, const void *id, size_t n);

/* An identifier of a kind ("study", "accession"), at most 16 characters. */
void pseudo_id(struct pseudo *p, char out[PSEUDO_MAX], const char *kind,
    const void *id, size_t n);

#endif
