/* What the operations of lfc-api(5) do that answer line by line. */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfc_impl.h"
#include "pacl.h"
#include "word.h"

/* What a change came to, as catalogue.h says it: "as an operation". */
static int
did(int got, const struct why *w)
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

static int
refuse(struct why *w, int code, const char *text)
{
	why_set(w, code, "%s", text);
	return LFC_REFUSED;
}

/* Where the LFN of the line, or of its field, really is.  As did(). */
static int
real(struct lfc_call *c, const struct line *in, const char *key, bool last,
    char lfn[LFC_LFN], struct why *w)
{
	char said[LFC_LFN];

	if ((key ? lfc_lfn_of(said, in, key, w) : lfc_lfn(said, in, w)) < 0)
		return LFC_REFUSED;
	if (catalogue_real(c->h->c, said, last, lfn, LFC_LFN, w) < 0)
		return did(-1, w);
	return LFC_DONE;
}

/* ---- looking ---- */

static void
number(struct line *out, const char *key, long long n)
{
	line_set_number(out, key, n > 0 ? (unsigned long long)n : 0);
}

static void
octal(struct line *out, unsigned mode)
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
	octal(out, e->mode);
	line_add_word(out, "owner", e->owner);
	line_add_word(out, "group", e->group);
	if (e->acl != NULL)
		line_add_word(out, "acl", e->acl);
	number(out, "atime", e->atime);
	number(out, "mtime", e->mtime);
	number(out, "ctime", e->ctime);
	if (e->comment != NULL)
		line_add_word(out, "comment", e->comment);
	if (e->target != NULL)
		line_add_word(out, "to", e->target);
	if (e->type == 'f') {
		line_add_word(out, "status", e->online ? "online" : "nearline");
		number(out, "size", e->size);
		number(out, "gen", e->gen);
		hex(out, "plain", e->plain, 32);
	}
	if (!longer)
		return 0;
	if (e->dir && (links = catalogue_children(c->h->c, e->id, w)) < 0)
		return -1;
	number(out, "links", links);
	return 0;
}

static int
op_stat(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_entry e;
	char lfn[LFC_LFN];
	int got = real(c, in, NULL, lfc_flag(in, "follow"), lfn, w);

	if (got != LFC_DONE)
		return got;
	if ((got = catalogue_stat(c->h->c, lfn, &e, w)) <= 0)
		return did(got, w);
	return lfc_describe(c, &e, lfc_flag(in, "long"), out, w) < 0
		   ? LFC_FAILED
		   : LFC_DONE;
}

/* A manifest line's fields, as the answer to its name. */
static int
whole(void *arg, const struct line *l, struct why *w)
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
	int got = real(c, in, NULL, true, lfn, w);

	if (got != LFC_DONE)
		return got;
	if ((got = catalogue_stat(c->h->c, lfn, &e, w)) <= 0)
		return did(got, w);
	if (e.type != 'f')
		return refuse(w, EXIT_NO, "is not a file");
	if (catalogue_entry_may(c->h->c, &e, PACL_R, w) < 0)
		return did(-1, w);
	if (catalogue_line(c->h->c, &e, NULL, &c->h->line, w) < 0)
		return LFC_FAILED;
	whole(out, &c->h->line, w);
	return LFC_DONE;
}

static int
op_mark(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue *cat = c->h->c;
	int got;

	if (!c->admin)
		return refuse(w, EXIT_DENIED, "for admins only");
	if (strlen(in->name) > 64)
		return refuse(w, EXIT_DATA, "a mark too long");
	if (lfc_flag(in, "set") && catalogue_mark(cat, in->name, w) < 0)
		return LFC_FAILED;
	if ((got = catalogue_has_mark(cat, in->name, w)) < 0)
		return LFC_FAILED;
	line_add_word(out, "there", got ? "1" : "0");
	return LFC_DONE;
}

static int
op_whereis(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	char lfn[LFC_CURSOR];
	unsigned char guid[16];
	int got;

	if (!c->admin)
		return refuse(w, EXIT_DENIED, "for admins only");
	if (strlen(in->name) == 32 && hex_decode(guid, 16, in->name) == 0)
		got = catalogue_guid_lfn(c->h->c, guid, lfn, sizeof lfn, w);
	else
		got = catalogue_surl_lfn(c->h->c, in->name, lfn, sizeof lfn, w);
	if (got > 0)
		line_add_word(out, "lfn", lfn);
	return got < 0 ? LFC_FAILED : did(got, w);
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
	number(out, "now", catalogue_now(cat));
	number(out, "serial", serial);
	if (c->who != NULL)
		line_set(out, "dn", c->who->dn, strlen(c->who->dn));
	line_add_word(out, "creator", lfc_is_creator(c) ? "1" : "0");
	line_add_word(out, "admin", c->admin ? "1" : "0");
	if (!c->admin)
		return LFC_DONE;
	if (catalogue_lease_oldest(cat, &oldest, w) < 0)
		return LFC_FAILED;
	if (oldest != LLONG_MAX)
		number(out, "oldest", oldest);
	return LFC_DONE;
}

/* ---- names ---- */

static int
mode_of(const struct line *in, bool dir, unsigned *mode, struct why *w)
{
	char text[64];

	if (line_word(in, "mode") == NULL)
		return 0;
	if (line_text(in, "mode", text, sizeof text, w) < 0)
		return -1;
	return pacl_chmod(mode, dir, text, w);
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
		if (mode_of(in, true, &mode, w) < 0)
			return LFC_REFUSED;
	}
	if ((got = real(c, in, NULL, true, lfn, w)) != LFC_DONE)
		return got;
	got = did(
	    catalogue_mkdir(c->h->c, lfn, mode, lfc_flag(in, "parents"), w), w);
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

	if ((got = real(c, in, NULL, false, from, w)) != LFC_DONE ||
	    (got = real(c, in, "to", false, to, w)) != LFC_DONE)
		return got;
	got = did(catalogue_rename(c->h->c, from, to, w), w);
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
	if ((got = real(c, in, NULL, false, lfn, w)) != LFC_DONE)
		return got;
	got = did(catalogue_link(c->h->c, to, lfn, w), w);
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
		got = real(c, in, "lfn", false, lfn, w);
	else
		got = real(c, in, NULL, false, lfn, w);
	if (got != LFC_DONE)
		return got;
	line_add_word(out, "removed", "1");
	got = did(catalogue_remove(c->h->c, lfn, has_guid ? guid : NULL, false,
		      1, whole, out, w),
	    w);
	if (got != LFC_DONE)
		line_unset(out, "removed");
	return got;
}

/* ---- rights ---- */

/* The entry, its rights as a list; as did(). */
static int
rights(struct lfc_call *c, const struct line *in, char lfn[LFC_LFN],
    struct catalogue_entry *e, struct pacl *a, struct why *w)
{
	int got = real(c, in, NULL, true, lfn, w);
	char *text;
	long n;

	if (got != LFC_DONE)
		return got;
	if ((got = catalogue_stat(c->h->c, lfn, e, w)) <= 0)
		return did(got, w);
	if (e->acl == NULL)
		return pacl_load(a, e->mode, NULL, w) < 0 ? LFC_FAILED
							  : LFC_DONE;
	if ((text = malloc(strlen(e->acl) + 1)) == NULL)
		die(EXIT_IO, "out of memory");
	n = word_decode(text, e->acl, strlen(e->acl));
	text[n < 0 ? 0 : n] = '\0';
	got = pacl_load(a, e->mode, text, w);
	free(text);
	return got < 0 ? LFC_REFUSED : LFC_DONE;
}

static int
op_getacl(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_entry e;
	char lfn[LFC_LFN], *text;
	struct pacl a;
	int got;

	pacl_init(&a);
	if ((got = rights(c, in, lfn, &e, &a, w)) == LFC_DONE) {
		octal(out, e.mode);
		line_add_word(out, "owner", e.owner);
		line_add_word(out, "group", e.group);
		text = pacl_text(&a);
		line_set(out, "acl", text, strlen(text));
		free(text);
	}
	pacl_free(&a);
	return got;
}

static int
op_chmod(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_entry e;
	unsigned mode;
	char lfn[LFC_LFN];
	int got = real(c, in, NULL, true, lfn, w);

	if (got != LFC_DONE)
		return got;
	if ((got = catalogue_stat(c->h->c, lfn, &e, w)) <= 0)
		return did(got, w);
	mode = e.mode;
	if (line_word(in, "mode") == NULL)
		return refuse(w, EXIT_DATA, "no mode=");
	if (mode_of(in, e.dir, &mode, w) < 0)
		return LFC_REFUSED;
	got = did(catalogue_chmod(c->h->c, lfn, mode, w), w);
	if (got == LFC_DONE)
		octal(out, mode);
	return got;
}

static bool
principal_ok(const struct line *in, const char *key, struct why *w)
{
	char text[WHO_MAX + 1];

	if (line_word(in, key) == NULL)
		return true;
	if (line_text(in, key, text, sizeof text, w) < 0)
		return false;
	if (who_kind(text) == WHO_NONE) {
		why_set(w, EXIT_DATA, "%s= is no DN, FQAN or subject", key);
		return false;
	}
	return true;
}

static int
op_chown(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	char lfn[LFC_LFN];
	int got;

	if (!principal_ok(in, "owner", w) || !principal_ok(in, "group", w))
		return LFC_REFUSED;
	if ((got = real(c, in, NULL, true, lfn, w)) != LFC_DONE)
		return got;
	got = did(catalogue_chown(c->h->c, lfn, line_word(in, "owner"),
		      line_word(in, "group"), w),
	    w);
	if (got == LFC_DONE)
		line_add_word(out, "changed", "1");
	return got;
}

/* One kind of change, if the line asks for it.  0 or -1. */
static int
amend(struct pacl *a, const struct line *in, const char *key, bool dir,
    int (*fn)(struct pacl *, const char *, bool, struct why *), struct why *w)
{
	char text[PACL_TEXT_MAX + 2];

	if (line_word(in, key) == NULL)
		return 0;
	if (line_text(in, key, text, sizeof text, w) < 0)
		return -1;
	return fn(a, text, dir, w);
}

static int
take_away(struct pacl *a, const char *text, bool dir, struct why *w)
{
	(void)dir;
	return pacl_delete(a, text, w);
}

static int
drop(struct pacl *a, const char *text, bool dir, struct why *w)
{
	bool defaults = strcmp(text, "defaults") == 0;

	(void)dir;
	if (!defaults && strcmp(text, "named") != 0)
		return why_set(w, EXIT_DATA, "drop= is not named or defaults");
	pacl_drop(a, defaults);
	return 0;
}

static int
op_setacl(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	char lfn[LFC_LFN], *text, *stored, *word = NULL;
	struct catalogue_entry e;
	struct pacl a;
	unsigned mode;
	int got;

	pacl_init(&a);
	got = rights(c, in, lfn, &e, &a, w);
	if (got == LFC_DONE &&
	    (amend(&a, in, "acl", e.dir, pacl_set, w) < 0 ||
		amend(&a, in, "drop", e.dir, drop, w) < 0 ||
		amend(&a, in, "modify", e.dir, pacl_modify, w) < 0 ||
		amend(&a, in, "delete", e.dir, take_away, w) < 0))
		got = LFC_REFUSED;
	if (got == LFC_DONE) {
		mode = e.mode;
		if ((stored = pacl_store(&a, &mode)) != NULL) {
			if ((word = malloc(WORD_MAX(strlen(stored)))) == NULL)
				die(EXIT_IO, "out of memory");
			word_encode(word, stored, strlen(stored));
		}
		free(stored);
		got = did(catalogue_setacl(c->h->c, lfn, mode, word, w), w);
		free(word);
	}
	if (got == LFC_DONE) {
		octal(out, mode);
		text = pacl_text(&a);
		line_set(out, "acl", text, strlen(text));
		free(text);
	}
	pacl_free(&a);
	return got;
}

/* ---- files ---- */

static int
op_comment(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	const char *word = line_word(in, "comment");
	char lfn[LFC_LFN];
	int got = real(c, in, NULL, true, lfn, w);

	if (got != LFC_DONE)
		return got;
	if (word != NULL && strcmp(word, "-") == 0)
		word = NULL;
	got = did(catalogue_comment(c->h->c, lfn, word, w), w);
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
	int got = real(c, in, NULL, true, lfn, w);

	if (got != LFC_DONE)
		return got;
	if (has_guid && line_hex(in, "guid", guid, sizeof guid, w) < 0)
		return LFC_REFUSED;
	if ((copy.surl = line_word(in, "add")) != NULL) {
		got = catalogue_replica_add(
		    cat, lfn, has_guid ? guid : NULL, &copy, w);
		if (got > 0)
			line_add_word(out, "changed", "1");
		return did(got, w);
	}
	if ((surl = line_word(in, "remove")) == NULL &&
	    (surl = line_word(in, "bad")) == NULL &&
	    (surl = line_word(in, "good")) == NULL)
		return refuse(
		    w, EXIT_DATA, "none of add=, remove=, bad= and good=");
	if ((got = catalogue_surl_lfn(cat, surl, there, sizeof there, w)) < 0)
		return LFC_FAILED;
	word_encode(word, lfn, strlen(lfn));
	if (got == 0 || strcmp(there, word) != 0)
		return refuse(w, EXIT_NO, "it has no such replica");
	if (line_word(in, "remove") != NULL)
		got = catalogue_replica_remove(cat, surl, w);
	else
		got = catalogue_replica_status(cat, surl,
		    line_word(in, "bad") ? CATALOGUE_BAD : CATALOGUE_AVAILABLE,
		    w);
	if (got > 0)
		line_add_word(out, "changed", "1");
	return did(got, w);
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
		return refuse(w, EXIT_DENIED, "may not take leases");
	if (strlen(in->name) != 32 || hex_decode(raw, 16, in->name) < 0)
		return refuse(w, EXIT_DATA, "not 32 hexadecimal digits");
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
		return refuse(w, EXIT_RETRY, "this run's lease expired");
	number(out, "expires", catalogue_now(cat) + (long long)ttl);
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
	{ "chmod", true, op_chmod, NULL, NULL },
	{ "chown", true, op_chown, NULL, NULL },
	{ "getacl", false, op_getacl, NULL, NULL },
	{ "setacl", true, op_setacl, NULL, NULL },
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
