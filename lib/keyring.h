#ifndef KEYRING_H
#define KEYRING_H

#include <stdbool.h>
#include <stddef.h>

#include "share.h"
#include "store.h"
#include "stores.h"

/*
 * All key stores together, as a reader of keys uses them: ask as many as the
 * threshold says, turn to the others for what is missing or wrong, and name
 * on standard error who gave a wrong share or did not answer.
 * One slow store delays nothing that the others can answer (keyring_ask.c).
 *
 * To have one key by its GUID (age-plugin-mdm does):
 *
 *	secret_init(KEYRING_SECRET);
 *	kr = keyring_open(NULL, &w);
 *	key = secret_alloc(SHARE_MAX);
 *	if (keyring_get(kr, guid, key, &len, &w) < 0) ...
 */
#define KEYRING_SECRET (4u << 20) /* bytes of secure heap it may take */

struct keyring;

/*
 * Load stores(5) (file, or NULL as in stores_load()) and open what opens.  A
 * store that does not is warned of and does without; NULL with *w only when
 * there is no list of stores.
 */
struct keyring *keyring_open(const char *file, struct why *w);
void keyring_free(struct keyring *kr);

/*
 * One key, joined and tested, into key (SHARE_MAX bytes, secure).  0, or -1
 * with *w: EXIT_DENIED no such key, or not for us; EXIT_FEW or EXIT_RETRY too
 * few stores answered; EXIT_DATA wrong shares.
 */
int keyring_get(struct keyring *kr, const char *guid, unsigned char *key,
    size_t *len, struct why *w);

/* In batches, as hydra-get does: at most keyring_batch() GUIDs a time. */
unsigned keyring_batch(const struct keyring *kr);
void keyring_collect(struct keyring *kr, const char *const *guid, unsigned n);

/*
 * Of the i-th GUID of the last keyring_collect(): its good shares, at least
 * k of them, valid until the next one.  Their number, or 0 with *w as above
 * and *error the word for error= of share(5).
 */
unsigned keyring_shares(struct keyring *kr, unsigned i,
    const struct share *out[SHARE_N], const char **error, struct why *w);

const struct stores *keyring_stores(const struct keyring *kr);

#endif
