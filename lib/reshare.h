#ifndef RESHARE_H
#define RESHARE_H

#include "share.h"

/*
 * Other shares of a key, from enough of its shares.  The keys that come by
 * stand nowhere but on the way from the one to the other, in memory of
 * secret.h.
 *
 * old: count shares of one GUID, which are judged as share_join() does, the
 * verdicts given back.  out: m shares to make; each one's x is set.  0, or -1
 * with *w as share_join(), and then nothing is in out.
 */

/*
 * Share it anew: another polynomial, k of n, of epoch e.  With the old shares
 * the new ones are of no use.  commit: n * SHARE_TAG bytes, which the shares
 * in out then point to.
 */
int reshare(const struct share *const *old, unsigned count, unsigned threshold,
    unsigned k, unsigned n, uint64_t e, unsigned char *commit,
    struct share *const *out, unsigned m, enum share_verdict *verdict,
    struct why *w);

/*
 * Share x = out->x of the same sharing, once more: the key itself is not
 * computed.  It is what the others' commitments say, or EXIT_DATA.  commit as
 * above, of the n of the old shares (room for SHARE_N).
 */
int reshare_lost(const struct share *const *old, unsigned count,
    unsigned threshold, unsigned char *commit, struct share *out,
    enum share_verdict *verdict, struct why *w);

#endif
