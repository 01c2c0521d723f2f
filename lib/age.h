#ifndef AGE_H
#define AGE_H

#include <stddef.h>

#include "say.h"

/*
 * The head of a sealed object, sealed(5): an age v1 header, which carries the
 * file key wrapped for those who may open it, and the nonce after it.  What
 * follows the head is for payload.h.
 *
 * The grammar is strict: a head has one form only, so that what was read can
 * be written again byte for byte.  Nothing about a head is authentic before
 * age_payload_key() has returned 0.
 *
 * Stanzas known here: "mdm" (an object's own key, the one that is split) and
 * "X25519" (age's native recipients).  Others are passed over, but "scrypt"
 * and the armored form are refused by name.
 */

enum {
	AGE_FILE_KEY = 16, /* bytes */
	AGE_OBJECT_KEY = 32,
	AGE_GUID = 32,        /* characters of a GUID, lower-case hex */
	AGE_HEAD_MAX = 65536, /* bytes of a head */
	AGE_STANZAS = 128,    /* of a head */
	AGE_ARGS = 16         /* of a stanza */
};

struct age_stanza {
	int args;
	struct age_arg {
		const char *p; /* n bytes, no NUL */
		size_t n;
	} arg[AGE_ARGS];
	const unsigned char *body;
	size_t len; /* bytes of body */
};

struct age_head;
struct age_head *age_head_new(void); /* never NULL; dies EXIT_IO */
void age_head_free(struct age_head *h);

/*
 * Reading: age_head_reset(), then feed bytes until 1 is returned: the head is
 * whole and *used of the n bytes belong to it.  0: more is needed, all n were
 * taken.  -1 with *w: EXIT_DATA.  Stanzas live until the next reset.
 */
void age_head_reset(struct age_head *h);
int age_head_feed(
    struct age_head *h, const void *p, size_t n, size_t *used, struct why *w);
size_t age_head_size(const struct age_head *h); /* bytes of the whole head */
int age_head_stanzas(const struct age_head *h);
const struct age_stanza *age_head_stanza(const struct age_head *h, int i);

/* Is argument i of the stanza this text? */
int age_arg_is(const struct age_stanza *s, int i, const char *text);

/*
 * The GUID of the mdm stanza, NUL-terminated.  1; 0 when there is no such
 * stanza; -1 with *w when it is malformed or not the only one.
 */
int age_guid(const struct age_head *h, char guid[AGE_GUID + 1], struct why *w);

/* The same of one stanza: 0 when it is another kind. */
int age_stanza_guid(
    const struct age_stanza *s, char guid[AGE_GUID + 1], struct why *w);

/*
 * Unwrap the file key with the object's key.  0, or -1 with *w, EXIT_DATA:
 * the key does not open it.
 */
int age_unwrap_mdm(const struct age_stanza *s,
    const unsigned char key[AGE_OBJECT_KEY],
    unsigned char file_key[AGE_FILE_KEY], struct why *w);
int age_unwrap(const struct age_head *h,
    const unsigned char key[AGE_OBJECT_KEY],
    unsigned char file_key[AGE_FILE_KEY], struct why *w);

/*
 * Unwrap it with an X25519 identity.  1; 0 when no stanza is for it; -1 with
 * *w when a stanza is malformed.
 */
int age_unwrap_x25519(const struct age_head *h,
    const unsigned char identity[32], unsigned char file_key[AGE_FILE_KEY],
    struct why *w);

/*
 * Check the head's MAC and derive the payload's key.  0, or -1 with *w,
 * EXIT_DATA: the head was altered.
 */
int age_payload_key(const struct age_head *h,
    const unsigned char file_key[AGE_FILE_KEY], unsigned char key[32],
    struct why *w);

/*
 * Writing: age_head_begin(), one or more age_wrap_*() with a fresh file key,
 * age_head_end(), which adds the MAC and a fresh nonce, derives the payload's
 * key, and returns the head's bytes, *n of them, valid until the next begin.
 * With the same arguments in the same order a head always has the same size.
 */
void age_head_begin(struct age_head *h);
void age_wrap_mdm(struct age_head *h, const char *guid,
    const unsigned char key[AGE_OBJECT_KEY],
    const unsigned char file_key[AGE_FILE_KEY]);
void age_wrap_x25519(struct age_head *h, const unsigned char recipient[32],
    const unsigned char file_key[AGE_FILE_KEY]);
const void *age_head_end(struct age_head *h,
    const unsigned char file_key[AGE_FILE_KEY], unsigned char key[32],
    size_t *n);

/*
 * Recipients "age1..." and identities "AGE-SECRET-KEY-1...".  0, or -1 with
 * *w, EXIT_USAGE for a recipient and EXIT_DATA for an identity; the text of an
 * identity is never shown.  age_recipient() refuses points that give no secret.
 */
int age_recipient(unsigned char recipient[32], const char *text, struct why *w);
int age_identity(unsigned char identity[32], const char *text, struct why *w);

/*
 * Base64 as age writes it: no padding, canonical.  age_base64() writes into
 * out (AGE_BASE64(n) bytes) and returns the length.  age_unbase64() returns
 * the number of bytes, or -1; out may be NULL to only check.
 */
#define AGE_BASE64(n) (((size_t)(n)*4 + 2) / 3 + 1)
size_t age_base64(char *out, const void *p, size_t n);
long age_unbase64(void *out, const char *text, size_t n);

/*
 * Stanzas one by one, as age's plugins speak them.  Feed lines without their
 * newline: 1 when the stanza is complete, 0 when more lines are needed, -1
 * with *w.  A stanza lives in its reader until the next one begins.
 */
struct age_lines {
	struct age_stanza stanza;
	unsigned char *body; /* where body bytes go */
	size_t room;         /* bytes left there */
	int open;            /* in the middle of a stanza */
};
int age_line(struct age_lines *l, const char *line, size_t n, struct why *w);

#endif
