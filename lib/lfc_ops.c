/* What the operations of lfc-api(5) do that answer line by line. */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfc_impl.h"
#include "pacl.h"
#include "word.h"

/* What a change came to, as catalogue.h says it: "as an operation". */
int
lfc_did(int got, const struct why *w)
{
	if (got > 0)
		return LFC_DONE;
	if (got == 0)
		return LFC_MISSING;
	return w->code == EXIT_NO || w->code == EXIT_DENIED ||
		       w->code == EXIT_DATA
		   ? LFC_REFUSED
		   : LFC_FAILED;
}

int
lfc_refuse(struct why *w, int code, const char *text)
{
	why_set(w, code, "%s", text);
	return LFC_REFUSED;
}

/* Where the LFN of the line, or of its field, really is.  As lfc_did(). */
int
lfc_real(struct lfc_call *c, const struct line *in, const char *key, bool last,
    char lfn[LFC_LFN], struct why *w)
{
	char said[LFC_LFN];

	if ((key ? lfc_lfn_of(said, in, key, w) : lfc_lfn(said, in, w)) < 0)
		return LFC_REFUSED;
	if (catalogue_real(c->h->c, said, last, lfn, LFC_LFN, w) < 0)
		return lfc_did(-1, w);
	return LFC_DONE;
}

/* ---- looking ---- */

void
lfc_number(struct line *out, const char *key, long long n)
{
	line_set_number(out, key, n > 0 ? (unsigned long long)n : 0);
}

void
lfc_octal(struct line *out, unsigned mode)
{
	char text[8];

	snprintf(text, sizeof text, "%04o", mode & 07777);
	line_add_word(out, "mode", text);
}

static void
hex(struct line *out, const char *key, const unsigned char *p, size_t n)
{
	char text[65];

	if (p == NULL)
		return;
	hex_encode(text, p, n);
	line_add_word(out, key, text);
}

int
lfc_describe(struct lfc_call *c, const struct catalogue_entry *e, bool longer,
    struct line *out, struct why *w)
{
	char type[2] = { e->type, '\0' };
	long long links = 1;

	line_add_word(out, "type", type);
	lfc_octal(out, e->mode);
	line_add_word(out, "owner", e->owner);
	line_add_word(out, "group", e->group);
	if (e->acl != NULL)
		line_add_word(out, "acl", e->acl);
	lfc_number(out, "atime", e->atime);
	lfc_number(out, "mtime", e->mtime);
	lfc_number(out, "ctime", e->ctime);
	if (e->comment != NULL)
		line_add_word(out, "comment", e->comment);
	if (e->target != NULL)
		line_add_word(out, "to", e->target);
	if (e->type == 'f') {
		line_add_word(out, "status", e->online ? "online" : "nearline");
		lfc_number(out, "size", e->size);
		lfc_number(out, "gen", e->gen);
		hex(out, "plain", e->plain, 32);
	}
	if (!longer)
		return 0;
	if (e->dir && (links = catalogue_children(c->h->c, e->id, w)) < 0)
		return -1;
	lfc_number(out, "links", links);
	return 0;
}

static int
op_stat(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_entry e;
	char lfn[LFC_LFN];
	int got = lfc_real(c, in, NULL, lfc_flag(in, "follow"), lfn, w);

	if (got != LFC_DONE)
		return got;
	if ((got = catalogue_stat(c->h->c, lfn, &e, w)) <= 0)
		return lfc_did(got, w);
	return lfc_describe(c, &e, lfc_flag(in, "long"), out, w) < 0
		   ? LFC_FAILED
		   : LFC_DONE;
}

int
lfc_whole(void *arg, const struct line *l, struct why *w)
{
	struct line *out = arg;
	int i;

	(void)w;
	line_add_word(out, "record", l->name);
	for (i = 0; i < l->fields; i++)
		line_add_word(out, l->field[i].key, l->field[i].word);
	return 0;
}

static int
op_show(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_entry e;
	char lfn[LFC_LFN];
	int got = lfc_real(c, in, NULL, true, lfn, w);

	if (got != LFC_DONE)
		return got;
	if ((got = catalogue_stat(c->h->c, lfn, &e, w)) <= 0)
		return lfc_did(got, w);
	if (e.type != 'f')
		return lfc_refuse(w, EXIT_NO, "is not a file");
	if (catalogue_entry_may(c->h->c, &e, PACL_R, w) < 0)
		return lfc_did(-1, w);
	if (catalogue_line(c->h->c, &e, NULL, &c->h->line, w) < 0)
		return LFC_FAILED;
	lfc_whole(out, &c->h->line, w);
	return LFC_DONE;
}

static int
op_mark(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue *cat = c->h->c;
	int got;

	if (!c->admin)
		return lfc_refuse(w, EXIT_DENIED, "for admins only");
	if (strlen(in->name) > 64)
		return lfc_refuse(w, EXIT_DATA, "a mark too long");
	if (lfc_flag(in, "set") && catalogue_mark(cat, in->name, w) < 0)
		return LFC_FAILED;
	if ((got = catalogue_has_mark(cat, in->name, w)) < 0)
		return LFC_FAILED;
	line_add_word(out, "there", got ? "1" : "0");
	return LFC_DONE;
}

/* Whoever may not ask of all may ask of a GUID that they may read. */
static int
may_know(struct lfc_call *c, const char *word, struct why *w)
{
	char lfn[LFC_LFN];
	struct catalogue_entry e;
	struct why denied;
	long n = strlen(word) < WORD_MAX(LFC_LFN - 1)
		     ? word_decode(lfn, word, strlen(word))
		     : -1;
	int got = 0;

	if (n >= 0 && n < LFC_LFN) {
		lfn[n] = '\0';
		if ((got = catalogue_stat(c->h->c, lfn, &e, &denied)) > 0 &&
		    catalogue_entry_may(c->h->c, &e, PACL_R, &denied) < 0)
			got = -1;
	}
	if (got < 0 && denied.code != EXIT_DENIED) {
		*w = denied;
		return LFC_FAILED;
	}
	return got > 0 ? LFC_DONE : LFC_MISSING;
}

static int
op_whereis(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	char lfn[LFC_CURSOR];
	unsigned char guid[16];
	int got;

	if (strlen(in->name) == 32 && hex_decode(guid, 16, in->name) == 0) {
		got = catalogue_guid_lfn(c->h->c, guid, lfn, sizeof lfn, w);
		if (got > 0 && !c->admin &&
		    (got = may_know(c, lfn, w)) != LFC_DONE)
			return got;
	} else if (!c->admin) {
		return lfc_refuse(w, EXIT_DENIED, "for admins only");
	} else
		got = catalogue_surl_lfn(c->h->c, in->name, lfn, sizeof lfn, w);
	if (got > 0)
		line_add_word(out, "lfn", lfn);
	return got < 0 ? LFC_FAILED : lfc_did(got, w);
}

static int
op_info(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue *cat = c->h->c;
	long long oldest, serial = catalogue_serial(cat, w);

	(void)in;
	if (serial < 0)
		return LFC_FAILED;
	lfc_number(out, "now", catalogue_now(cat));
	lfc_number(out, "serial", serial);
	if (c->who != NULL)
		line_set(out, "dn", c->who->dn, strlen(c->who->dn));
	line_add_word(out, "creator", lfc_is_creator(c) ? "1" : "0");
	line_add_word(out, "admin", c->admin ? "1" : "0");
	if (!c->admin)
		return LFC_DONE;
	if (catalogue_lease_oldest(cat, &oldest, w) < 0)
		return LFC_FAILED;
	if (oldest != LLONG_MAX)
		lfc_number(out, "oldest", oldest);
	return LFC_DONE;
}

/* ---- names ---- */

#define AGAIN 900 /* s within which a request is asked again, if at all */

/*
 * A request that comes again, because its answer was lost, is answered as done
 * if what is there is what the first left: of this type, made or renamed a
 * short while ago, and unless they only renamed it, by who asks.
 */
static bool
was_done(struct lfc_call *c, const struct line *in, const char *lfn,
    const char *types, const char *target)
{
	struct catalogue_entry e;
	struct why ignored;
	struct line owner;
	bool theirs = true;

	if (!lfc_flag(in, "again") ||
	    catalogue_stat(c->h->c, lfn, &e, &ignored) <= 0 ||
	    strchr(types, e.type) == NULL ||
	    catalogue_now(c->h->c) - e.ctime > AGAIN)
		return false;
	if (target != NULL && strcmp(e.target, target) != 0)
		return false;
	if (c->who != NULL && types[1] == '\0') {
		line_init(&owner, false);
		line_set_name(&owner, c->who->dn, strlen(c->who->dn));
		theirs = strcmp(owner.name, e.owner) == 0;
		line_free(&owner);
	}
	return theirs;
}

static int
op_mkdir(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	unsigned mode = RIGHTS_USUAL;
	char lfn[LFC_LFN];
	int got;

	if (line_word(in, "mode") != NULL) {
		mode = 0777;
		if (lfc_mode(in, true, &mode, w) < 0)
			return LFC_REFUSED;
	}
	if ((got = lfc_real(c, in, NULL, true, lfn, w)) != LFC_DONE)
		return got;
	got = lfc_did(
	    catalogue_mkdir(c->h->c, lfn, mode, lfc_flag(in, "parents"), w), w);
	if (got == LFC_REFUSED && was_done(c, in, lfn, "d", NULL))
		got = LFC_DONE;
	if (got == LFC_DONE)
		line_add_word(out, "made", "1");
	return got;
}

static int
op_rename(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	char from[LFC_LFN], to[LFC_LFN];
	int got;

	if ((got = lfc_real(c, in, NULL, false, from, w)) != LFC_DONE ||
	    (got = lfc_real(c, in, "to", false, to, w)) != LFC_DONE)
		return got;
	got = lfc_did(catalogue_rename(c->h->c, from, to, w), w);
	if (got == LFC_MISSING && was_done(c, in, to, "dfl", NULL))
		got = LFC_DONE;
	if (got == LFC_DONE)
		line_add_word(out, "renamed", "1");
	return got;
}

static int
op_link(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	char lfn[LFC_LFN], to[LFC_LFN];
	int got;

	if (lfc_lfn_of(to, in, "to", w) < 0)
		return LFC_REFUSED;
	if ((got = lfc_real(c, in, NULL, false, lfn, w)) != LFC_DONE)
		return got;
	got = lfc_did(catalogue_link(c->h->c, to, lfn, w), w);
	if (got == LFC_REFUSED &&
	    was_done(c, in, lfn, "l", line_word(in, "to")))
		got = LFC_DONE;
	if (got == LFC_DONE)
		line_add_word(out, "made", "1");
	return got;
}

static int
op_rm(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	bool has_guid = line_word(in, "guid") != NULL;
	unsigned char guid[16];
	char lfn[LFC_LFN];
	int got;

	if (has_guid && line_hex(in, "guid", guid, sizeof guid, w) < 0)
		return LFC_REFUSED;
	if (line_word(in, "lfn") != NULL)
		got = lfc_real(c, in, "lfn", false, lfn, w);
	else
		got = lfc_real(c, in, NULL, false, lfn, w);
	if (got != LFC_DONE)
		return got;
	line_add_word(out, "removed", "1");
	got = lfc_did(catalogue_remove(c->h->c, lfn, has_guid ? guid : NULL,
			  false, 1, lfc_whole, out, w),
	    w);
	if (got == LFC_MISSING && lfc_flag(in, "again"))
		got = LFC_DONE;
	if (got != LFC_DONE)
		line_unset(out, "removed");
	return got;
}

/* ---- files ---- */

static int
op_comment(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	const char *word = line_word(in, "comment");
	char lfn[LFC_LFN];
	int got = lfc_real(c, in, NULL, true, lfn, w);

	if (got != LFC_DONE)
		return got;
	if (word != NULL && strcmp(word, "-") == 0)
		word = NULL;
	got = lfc_did(catalogue_comment(c->h->c, lfn, word, w), w);
	if (got == LFC_DONE)
		line_add_word(out, "changed", "1");
	return got;
}

static int
op_replica(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_copy copy = {
		.status = CATALOGUE_AVAILABLE, .f_type = 'P', .r_type = 'S'
	};
	struct catalogue *cat = c->h->c;
	char lfn[LFC_LFN], there[LFC_CURSOR], word[LFC_CURSOR];
	bool has_guid = line_word(in, "guid") != NULL;
	unsigned char guid[16];
	const char *surl;
	int got = lfc_real(c, in, NULL, true, lfn, w);

	if (got != LFC_DONE)
		return got;
	if (has_guid && line_hex(in, "guid", guid, sizeof guid, w) < 0)
		return LFC_REFUSED;
	if ((copy.surl = line_word(in, "add")) != NULL) {
		got = catalogue_replica_add(
		    cat, lfn, has_guid ? guid : NULL, &copy, w);
		if (got > 0)
			line_add_word(out, "changed", "1");
		return lfc_did(got, w);
	}
	if ((surl = line_word(in, "remove")) == NULL &&
	    (surl = line_word(in, "bad")) == NULL &&
	    (surl = line_word(in, "good")) == NULL)
		return lfc_refuse(
		    w, EXIT_DATA, "none of add=, remove=, bad= and good=");
	if ((got = catalogue_surl_lfn(cat, surl, there, sizeof there, w)) < 0)
		return LFC_FAILED;
	word_encode(word, lfn, strlen(lfn));
	if (got == 0 && line_word(in, "remove") && lfc_flag(in, "again")) {
		line_add_word(out, "changed", "1");
		return LFC_DONE;
	}
	if (got == 0 || strcmp(there, word) != 0)
		return lfc_refuse(w, EXIT_NO, "it has no such replica");
	if (line_word(in, "remove") != NULL)
		got = catalogue_replica_remove(cat, surl, w);
	else
		got = catalogue_replica_status(cat, surl,
		    line_word(in, "bad") ? CATALOGUE_BAD : CATALOGUE_AVAILABLE,
		    w);
	if (got > 0)
		line_add_word(out, "changed", "1");
	return lfc_did(got, w);
}

static const char *const how_word[] = { [CATALOGUE_NEW] = "new",
	[CATALOGUE_SUPERSEDED] = "superseded",
	[CATALOGUE_SAME] = "same" };

struct registering {
	struct lfc_call *c;
	const struct line *first;
};

static void
on_refused(void *arg, const struct line *l, const struct why *w)
{
	struct registering *r = arg;

	lfc_settle(&r->c->h->done[l - r->first], LFC_REFUSED, w);
}

static int
many_register(
    struct lfc_call *c, const struct line *in, unsigned n, struct why *w)
{
	enum catalogue_how how[LFC_BATCH];
	struct registering r = { c, in };
	struct lfc_done *d = c->h->done;
	unsigned i;

	for (i = 0; i < n; i++) {
		how[i] = CATALOGUE_NEW;
		lfc_settle(&d[i], LFC_DONE, NULL);
		/* What a name is below is the client's to know. */
		if (c->who != NULL && line_word(&in[i], "lfn") == NULL) {
			why_set(w, EXIT_DATA, "has no lfn=");
			lfc_settle(&d[i], LFC_REFUSED, w);
			how[i] = CATALOGUE_REFUSED;
		}
	}
	if (catalogue_register_all(
		c->h->c, in, (int)n, how, on_refused, &r, w) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (d[i].refused == NULL)
			line_add_word(&d[i].line, "status", how_word[how[i]]);
	return 0;
}

/* What gen= a line has is believed, so it is not for everyone. */
static int
many_restore(
    struct lfc_call *c, const struct line *in, unsigned n, struct why *w)
{
	unsigned i;
	int r;

	if (c->who != NULL && !c->admin) {
		why_set(w, EXIT_DENIED, "may not restore entries");
		for (i = 0; i < n; i++)
			lfc_settle(&c->h->done[i], LFC_REFUSED, w);
		return 0;
	}
	catalogue_restoring(c->h->c, true);
	r = many_register(c, in, n, w);
	catalogue_restoring(c->h->c, false);
	return r;
}

/* ---- leases ---- */

static int
op_lease(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	const struct lfc_policy *p = c->h->policy;
	unsigned long long ttl, most = p->lease_max > 0
					   ? (unsigned long long)p->lease_max
					   : 30 * 86400;
	unsigned char raw[16];
	struct catalogue *cat = c->h->c;
	int got;

	if (!lfc_is_creator(c))
		return lfc_refuse(w, EXIT_DENIED, "may not take leases");
	if (strlen(in->name) != 32 || hex_decode(raw, 16, in->name) < 0)
		return lfc_refuse(w, EXIT_DATA, "not 32 hexadecimal digits");
	if (lfc_flag(in, "end")) {
		if (catalogue_lease_end(cat, in->name, w) < 0)
			return LFC_FAILED;
		line_add_word(out, "ended", "1");
		return LFC_DONE;
	}
	if (line_number(in, "ttl", &ttl, w) < 0)
		return LFC_REFUSED;
	if (ttl > most)
		ttl = most;
	got = catalogue_lease_keep(
	    cat, in->name, (long long)ttl, lfc_flag(in, "new"), w);
	if (got < 0)
		return LFC_FAILED;
	if (got == 0)
		return lfc_refuse(w, EXIT_RETRY, "this run's lease expired");
	lfc_number(out, "expires", catalogue_now(cat) + (long long)ttl);
	return LFC_DONE;
}

const struct lfc_op lfc_ops[] = {
	{ "stat", false, op_stat, NULL, NULL },
	{ "register", true, NULL, many_register, NULL },
	{ "restore", true, NULL, many_restore, NULL },
	{ "rm", true, op_rm, NULL, NULL },
	{ "mkdir", true, op_mkdir, NULL, NULL },
	{ "rename", true, op_rename, NULL, NULL },
	{ "link", true, op_link, NULL, NULL },
	{ "chmod", true, lfc_op_chmod, NULL, NULL },
	{ "chown", true, lfc_op_chown, NULL, NULL },
	{ "getacl", false, lfc_op_getacl, NULL, NULL },
	{ "setacl", true, lfc_op_setacl, NULL, NULL },
	{ "comment", true, op_comment, NULL, NULL },
	{ "replica", true, op_replica, NULL, NULL },
	{ "lease", true, op_lease, NULL, NULL },
	{ "whereis", false, op_whereis, NULL, NULL },
	{ "show", false, op_show, NULL, NULL },
	{ "mark", true, op_mark, NULL, NULL },
	{ "info", true, op_info, NULL, NULL },
	{ "ls", false, NULL, NULL, lfc_page_ls },
	{ "manifest", false, NULL, NULL, lfc_page_manifest },
	{ "find", false, NULL, NULL, lfc_page_find },
	{ "rmtree", true, NULL, NULL, lfc_page_rmtree },
	{ "replicas", false, NULL, NULL, lfc_page_replicas },
	{ "surls", false, NULL, NULL, lfc_page_surls },
	{ "guids", false, NULL, NULL, lfc_page_guids },
	{ "nearline", true, lfc_op_nearline, NULL, NULL },
	{ "evict", true, lfc_op_evict, NULL, NULL },
	{ "recall", true, lfc_op_recall, NULL, NULL },
	{ "recall-status", false, lfc_op_recall_status, NULL, NULL },
	{ "recall-cancel", true, lfc_op_recall_cancel, NULL, NULL },
	{ "recall-take", true, NULL, NULL, lfc_page_recall_take },
	{ "recall-renew", true, lfc_op_recall_renew, NULL, NULL },
	{ "recall-done", true, lfc_op_recall_done, NULL, NULL },
	{ "recalled", false, NULL, NULL, lfc_page_recalled },
	{ NULL, false, NULL, NULL, NULL },
};
