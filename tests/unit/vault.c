#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"
#include "tap.h"
#include "vault.h"

/*
 * Two stores are told the same, in the same transactions: one in SQLite, which
 * looks at its tables each time, and one in argv's database (SQLite too, if
 * there is none), which is told beforehand what most of a batch is about.  All
 * answers, and all they keep, must be the same.
 */
#define KEYS 24
#define BATCHES 150

static struct vault *plain, *ahead;
static struct why w;
static char guid[KEYS][SHARE_ID + 1];
static struct share *share;
static unsigned char commits[3 * SHARE_TAG];
static unsigned long long seed = 88172645463325252ULL;

static unsigned
some(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % n;
}

/* One of two shares of a key and epoch. */
static void
make_share(const char *id, unsigned long long e, unsigned which)
{
	memset(share, 0, sizeof *share);
	memcpy(share->guid, id, SHARE_ID + 1);
	share->x = 1;
	share->k = 2;
	share->n = 3;
	share->e = e;
	share->len = 32;
	memset(share->y, (int)('a' + which), 32);
	memset(commits, (int)('0' + which), sizeof commits);
	share->commit = commits;
}

enum { PUT, UNDO, REMOVE, SET_ACL, STAGE, SWITCH, DROP, FIND };
struct op {
	int what;
	const char *id;
	unsigned long long e;
	unsigned which;
};

/* What a store keeps of a key, in words. */
static void
tell(struct vault *v, const char *id, bool rights, char *out, size_t size)
{
	struct share *s = secret_alloc(sizeof *s);
	struct vault_row r;
	long long when;
	uint64_t e[8];
	int got, n, i;
	size_t len;

	vault_row_init(&r);
	got = vault_find(v, id, rights, &r, &w);
	len = (size_t)snprintf(out, size, "%d", got);
	if (got > 0 && vault_unseal(v, &r, s) == 0) {
		len += (size_t)snprintf(out + len, size - len,
		    " e=%llu %c %s %d", (unsigned long long)r.e, s->y[0],
		    r.acl.owner, r.authentic);
		share_drop(s);
	}
	n = vault_epochs(v, id, e, 8, &w);
	for (i = 0; i < n; i++) {
		got = vault_find_epoch(v, id, e[i], &r, &w);
		if (got > 0 && vault_unseal(v, &r, s) == 0) {
			len += (size_t)snprintf(out + len, size - len,
			    " (%llu %c)", (unsigned long long)e[i], s->y[0]);
			share_drop(s);
		}
	}
	snprintf(out + len, size - len, " removed=%d",
	    vault_removed(v, id, &when, &w));
	vault_row_free(&r);
	secret_free(s, sizeof *s);
}

/* Do it, as hydra_ops.c would: what is asked first is asked first. */
static void
act(struct vault *v, const struct op *o, char *out, size_t size)
{
	static const char *const owner[] = { "/CN=a", "/CN=b" };
	unsigned char putter[16];
	enum vault_put put = VAULT_NEW;
	struct vault_row r;
	struct acl a;
	uint64_t e;
	int got = 0;

	acl_init(&a);
	vault_row_init(&r);
	acl_set_owner(&a, owner[o->which], &w);
	memset(putter, (int)o->which, sizeof putter);
	make_share(o->id, o->e, o->which);
	switch (o->what) {
	case PUT:
		got = vault_put(v, share, &a, putter, &put, &w);
		break;
	case UNDO:
		if (vault_epochs(v, o->id, &e, 1, &w) == 0)
			got = vault_undo(v, o->id, putter, &w);
		break;
	case REMOVE:
		got = vault_remove(v, o->id, &w);
		if (got > 0)
			got += vault_bury(v, o->id, 7, &w);
		break;
	case SET_ACL:
		got = vault_set_acl(v, o->id, &a, &w);
		break;
	case STAGE:
		if (vault_find(v, o->id, false, &r, &w) > 0 && r.e != o->e)
			got = vault_stage(v, share, &put, &w);
		break;
	case SWITCH:
		if (vault_find(v, o->id, false, &r, &w) > 0 && r.e != o->e &&
		    (got = vault_find_epoch(v, o->id, o->e, &r, &w)) > 0)
			got = vault_switch(v, o->id, o->e, &w);
		break;
	case DROP:
		got = vault_drop(v, o->id, o->e, &w);
		break;
	case FIND:
		tell(v, o->id, o->which != 0, out, size);
		vault_row_free(&r);
		acl_free(&a);
		return;
	}
	snprintf(out, size, "%d %d", got, put);
	vault_row_free(&r);
	acl_free(&a);
}

static bool
same(const struct op *o, char *what)
{
	char a[256], b[256];

	act(plain, o, a, sizeof a);
	act(ahead, o, b, sizeof b);
	if (strcmp(a, b) == 0)
		return true;
	sprintf(what, "# op %d of %.4s: %s, not %s", o->what, o->id, b, a);
	return false;
}

/* Some operations in one transaction, kept or given up.  Did both agree? */
static bool
batch(char *what)
{
	static const int often[] = { PUT, PUT, UNDO, SET_ACL, SET_ACL, STAGE,
		STAGE, STAGE, SWITCH, SWITCH, DROP, FIND, FIND };
	char named[KEYS][SHARE_ID + 1];
	unsigned n = 1 + some(40), i, names = 0;
	bool keep = some(4) != 0;
	struct op o;

	for (i = 0; i < KEYS; i++)
		if (some(8) != 0)
			memcpy(named[names++], guid[(i * 7) % KEYS],
			    sizeof named[0]);
	if (vault_begin(plain, &w) < 0 || vault_begin(ahead, &w) < 0 ||
	    (some(8) != 0 &&
		vault_expect(ahead, (const char(*)[33])named, names, &w) < 0))
		return false;
	for (i = 0; i < n; i++) {
		o.what = some(200) == 0 ? REMOVE : often[some(13)];
		o.id = guid[some(KEYS)];
		o.e = 1 + some(4);
		o.which = some(2);
		if (!same(&o, what))
			return false;
	}
	if (keep)
		return vault_commit(plain, &w) == 0 &&
		       vault_commit(ahead, &w) == 0;
	vault_rollback(plain);
	vault_rollback(ahead);
	return true;
}

/* A listing, in words. */
struct listing {
	struct vault *v;
	char text[KEYS * 96], after[SHARE_ID + 1];
	size_t len;
};

static int
list_one(void *arg, const struct vault_row *r, struct why *why)
{
	struct listing *l = arg;
	uint64_t e[8];
	int n = vault_epochs(l->v, r->guid, e, 8, why), i;

	l->len += (size_t)snprintf(l->text + l->len, sizeof l->text - l->len,
	    "%.4s e=%d %s:", r->guid, (int)r->e, r->acl.owner);
	for (i = 0; i < n; i++)
		l->len += (size_t)snprintf(l->text + l->len,
		    sizeof l->text - l->len, " %d", (int)e[i]);
	l->len +=
	    (size_t)snprintf(l->text + l->len, sizeof l->text - l->len, "\n");
	memcpy(l->after, r->guid, sizeof l->after);
	return 0;
}

static void
list(struct listing *l, struct vault *v)
{
	int got;

	memset(l, 0, sizeof *l);
	l->v = v;
	do
		got = vault_list(v, l->after, 5, true, list_one, l, &w);
	while (got == 5);
}

/* The same, found one by one. */
static void
find_all(struct listing *l, struct vault *v)
{
	struct vault_row r;
	unsigned i;

	memset(l, 0, sizeof *l);
	l->v = v;
	vault_row_init(&r);
	for (i = 0; i < KEYS; i++)
		if (vault_find(v, guid[i], true, &r, &w) > 0)
			list_one(l, &r, &w);
	vault_row_free(&r);
}

static struct vault *
open_one(const char *url, const char *key)
{
	struct vault *v = vault_open(1, url, key, true, &w);

	if (v == NULL) {
		printf("Bail out! %s\n", w.text);
		exit(1);
	}
	return v;
}

int
main(int argc, char **argv)
{
	static struct listing a, b;
	char dir[] = "/tmp/unit-vault.XXXXXX", what[600] = "";
	struct op look = { .what = FIND, .which = 1 };
	bool agree = true;
	unsigned i;

	secret_init(1 << 16);
	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 1;
	share = secret_alloc(sizeof *share);
	for (i = 0; i < KEYS; i++)
		sprintf(guid[i], "%02x%030u", i * 11, i);
	plain = open_one("sqlite:plain", "plain.key");
	ahead = open_one(argc > 1 ? argv[1] : "sqlite:ahead", "ahead.key");

	for (i = 0; agree && i < BATCHES; i++)
		agree = batch(what);
	ok(agree, "what is known beforehand is what would be found");
	if (!agree)
		printf("# batch %u: %s\n", i, *what ? what : w.text);
	for (i = 0; agree && i < KEYS; i++) {
		look.id = guid[i];
		agree = same(&look, what);
	}
	ok(agree, "and so is what is kept");
	find_all(&a, plain);
	list(&b, ahead);
	ok(a.len > 0 && strchr(a.text, ':') != NULL &&
		strcmp(a.text, b.text) == 0,
	    "and listed");
	if (strcmp(a.text, b.text) != 0)
		printf("# %s# not\n# %s", b.text, a.text);

	/* What is known is forgotten with its transaction. */
	vault_begin(ahead, &w);
	vault_expect(ahead, (const char(*)[33])guid, KEYS, &w);
	look.what = REMOVE;
	look.id = guid[0];
	act(ahead, &look, what, sizeof what);
	vault_rollback(ahead);
	look.what = FIND;
	ok(same(&look, what), "what was rolled back was not done");

	vault_close(plain);
	vault_close(ahead);
	secret_free(share, sizeof *share);
	if (chdir("/") == 0) {
		char command[64];

		snprintf(command, sizeof command, "rm -rf %s", dir);
		if (system(command) != 0)
			return 1;
	}
	return done_testing();
}
