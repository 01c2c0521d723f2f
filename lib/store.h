#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "receipt.h"
#include "share.h"

/*
 * One key store: it holds share x of every key, and x is its own for ever.
 * "sqlite:PATH" keeps them in a database whose shares are sealed under the
 * file PATH.key (atrest.h); "https://HOST:PORT/" is a hydra-serve, asked as
 * hydra-api(5) says.  Another kind is another struct store_kind.
 *
 * Every call is one batch: it blocks, is made durable as a whole, and returns
 * 0, or -1 with *w and nothing changed.  EXIT_RETRY means locked.  A handle
 * serves one thread at a time; different stores may be used by different
 * threads at once.  Needs secret_init(), with this much for each store that
 * is across the network; one does with less.
 *
 * Across the network "nothing changed" is as good as it gets: what was put is
 * taken back unless the connection is gone.  EXIT_FEW is a store that does not
 * answer, EXIT_DENIED one that does not let us in, or that we do not trust,
 * and EXIT_RETRY one that is busy.
 */
#define STORE_SECRET (256u << 10)
struct store;

/*
 * x, pin: its index and pin in stores(5); pin may be NULL.  create: make it if
 * neither its database nor its key file exists; without, a missing one is
 * EXIT_IO, so that a store that was lost is not replaced by an empty one.  A
 * store across the network is not asked yet.  Stores are opened by one thread.
 * NULL with *w.
 */
struct store *store_open(
    unsigned x, const char *url, const char *pin, bool create, struct why *w);
void store_close(struct store *s);

/*
 * From any thread: what is under way at a store across the network fails soon,
 * and so does all that comes after it.  One in files is not so slow.
 */
void store_cancel(struct store *s);

/* "store 2 (sqlite:/path)", for messages. */
const char *store_name(const struct store *s);
unsigned store_x(const struct store *s);

/* Is it across the network: worth a thread even for one key? */
bool store_far(const struct store *s);

/*
 * Put n shares, all with this store's x.  The same share again is success;
 * another one under a GUID that is taken changes nothing.  owner and group
 * (NULL: none) are kept with new rows.
 */
enum store_put {
	STORE_NEW,       /* inserted now */
	STORE_SAME,      /* was there */
	STORE_OTHER,     /* refused: another share is there */
	STORE_REMOVED,   /* refused: the key was removed, for ever */
	STORE_FORBIDDEN, /* refused: we may not create keys */
	STORE_WRONG,     /* refused: not what its commitment says */
};
int store_put(struct store *s, const struct share *const *share, unsigned n,
    const char *owner, const char *group, enum store_put *result,
    struct why *w);

/*
 * Take back what the last store_put() of this handle has put, of these n
 * GUIDs: only rows that it inserted and that nobody has since put again.
 */
int store_undo(
    struct store *s, const char *const *guid, unsigned n, struct why *w);

/*
 * Get n shares into out[i * stride] (in memory from secret.h).  For
 * STORE_FOUND, commit is then allocated; give each to share_drop().
 */
enum store_found {
	STORE_FOUND,
	STORE_MISSING,
	STORE_DENIED,
	STORE_DAMAGED, /* there, but not what was put */
};
int store_get(struct store *s, const char *const *guid, unsigned n,
    struct share *out, enum store_found *found, unsigned stride, struct why *w);

/*
 * The same of epoch e[i], current or not: while a key is shared anew, stores
 * keep the share of another epoch beside the current one (epoch.h).
 */
int store_get_epoch(struct store *s, const char *const *guid, const uint64_t *e,
    unsigned n, struct share *out, enum store_found *found, unsigned stride,
    struct why *w);

/* Remove n GUIDs, for good; one that is not there is gone. */
enum store_gone {
	STORE_GONE,
	STORE_KEPT, /* we may not remove it */

	/* Of store_shred() only. */
	STORE_NEVER,    /* not there, and the store keeps no word of it */
	STORE_UNPROVEN, /* said to be gone; the receipt is not the store's */
};
int store_remove(struct store *s, const char *const *guid, unsigned n,
    enum store_gone *gone, struct why *w);

/*
 * The same, with evidence: for STORE_GONE the store's receipt (receipt.h),
 * which was checked against the key that the store shows over its pinned
 * connection.
 */
struct store_receipt {
	unsigned char id[RECEIPT_ID], public[RECEIPT_PUBLIC];
	unsigned char sig[RECEIPT_SIG];
	long long removed; /* seconds since 1970 */
};
int store_shred(struct store *s, const char *const *guid, unsigned n,
    enum store_gone *gone, struct store_receipt *receipt, struct why *w);

/*
 * List without reading shares: the first max items after GUID after ("" to
 * begin), ascending.  *got < max: that was the end.
 */
struct store_item {
	char guid[SHARE_ID + 1];
	unsigned k, n;
	uint64_t e;
	long long created; /* seconds since 1970 */
};
int store_list(struct store *s, const char *after, struct store_item *item,
    unsigned max, unsigned *got, struct why *w);

/*
 * Any other request of hydra-api(5) that is about names: op is "stat",
 * "setacl"...  answer[i] is to line[i].  Local stores need HYDRA_SECRET
 * (hydra_api.h) for it.
 */
int store_ask(struct store *s, const char *op, const struct line *line,
    unsigned n, struct line *answer, struct why *w);

/*
 * The same for lines that are secret, and never all in memory: n names, the
 * i-th with what fields() adds to its line (may be NULL), and answered by
 * answer(), whose -1 ends it.  error is the answer's error=, or NULL; again:
 * the line was sent before, and that answer was lost.
 */
struct store_call {
	const char *op;
	const char *const *name;
	unsigned n;
	void (*fields)(void *arg, unsigned i, struct line *l);
	int (*answer)(void *arg, unsigned i, const struct line *l,
	    const char *error, bool again, struct why *w);
	void *arg;
};
int store_call(struct store *s, const struct store_call *c, struct why *w);

/*
 * What a store across the network says of itself: the lines of hydra-api(5)'s
 * GET /v1/store, each to take(); begin() first, and again when it has to be
 * asked again.  One in files says nothing.
 */
struct store_about {
	void (*begin)(void *arg);
	int (*take)(void *arg, const struct line *l, struct why *w);
	void *arg;
};
int store_about(
    struct store *s, const struct store_about *about, struct why *w);

/* What a kind of store provides; for store_*.c. */
struct store_kind {
	const char *scheme;
	bool far;
	/* url is kept by the caller for as long as the handle. */
	struct store *(*open)(unsigned x, const char *url, const char *pin,
	    bool create, struct why *w);
	void (*close)(struct store *s);
	void (*cancel)(struct store *s); /* NULL: it is never slow */
	int (*put)(struct store *s, const struct share *const *share,
	    unsigned n, const char *owner, const char *group,
	    enum store_put *result, struct why *w);
	int (*undo)(struct store *s, const char *const *guid, unsigned n,
	    struct why *w);
	/* e: NULL is the current ones. */
	int (*get)(struct store *s, const char *const *guid, const uint64_t *e,
	    unsigned n, struct share *out, enum store_found *found,
	    unsigned stride, struct why *w);
	/* receipt may be NULL. */
	int (*remove)(struct store *s, const char *const *guid, unsigned n,
	    enum store_gone *gone, struct store_receipt *receipt,
	    struct why *w);
	int (*list)(struct store *s, const char *after, struct store_item *item,
	    unsigned max, unsigned *got, struct why *w);
	int (*call)(struct store *s, const struct store_call *c, struct why *w);
	/* NULL: it says nothing. */
	int (*about)(
	    struct store *s, const struct store_about *about, struct why *w);
};
struct store { /* each kind's handle begins with it */
	const struct store_kind *kind;
	unsigned x;
	char *url, *name;
};
extern const struct store_kind store_sqlite, store_https;

#endif
