#ifndef ADMINS_H
#define ADMINS_H

#include "say.h"
#include "store.h"
#include "stores.h"

/* Who is an admin, hydra-api(5), and at how many stores. */
struct admins;

struct admins *admins_new(void);
void admins_free(struct admins *a);

/* Ask a store for its admins.  0, or -1 with *w. */
int admins_ask(struct admins *a, struct store *s, struct why *w);

/* Warn of each that is one at `threshold` stores, or the operator of so many.
 */
void admins_warn(const struct admins *a, const struct stores *stores);

#endif
