/* The operations of lfc-api(5) that are about rights. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfc_impl.h"
#include "pacl.h"
#include "word.h"

int
lfc_mode(const struct line *in, bool dir, unsigned *mode, struct why *w)
{
	char text[64];

	if (line_word(in, "mode") == NULL)
		return 0;
	if (line_text(in, "mode", text, sizeof text, w) < 0)
		return -1;
	return pacl_chmod(mode, dir, text, w);
}

/* The entry, its rights as a list; as lfc_did(). */
static int
rights(struct lfc_call *c, const struct line *in, char lfn[LFC_LFN],
    struct catalogue_entry *e, struct pacl *a, struct why *w)
{
	int got = lfc_real(c, in, NULL, true, lfn, w);
	char *text;
	long n;

	if (got != LFC_DONE)
		return got;
	if ((got = catalogue_stat(c->h->c, lfn, e, w)) <= 0)
		return lfc_did(got, w);
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

int
lfc_op_getacl(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_entry e;
	char lfn[LFC_LFN], *text;
	struct pacl a;
	int got;

	pacl_init(&a);
	if ((got = rights(c, in, lfn, &e, &a, w)) == LFC_DONE) {
		lfc_octal(out, e.mode);
		line_add_word(out, "owner", e.owner);
		line_add_word(out, "group", e.group);
		text = pacl_text(&a);
		line_set(out, "acl", text, strlen(text));
		free(text);
	}
	pacl_free(&a);
	return got;
}

int
lfc_op_chmod(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_entry e;
	unsigned mode;
	char lfn[LFC_LFN];
	int got = lfc_real(c, in, NULL, true, lfn, w);

	if (got != LFC_DONE)
		return got;
	if ((got = catalogue_stat(c->h->c, lfn, &e, w)) <= 0)
		return lfc_did(got, w);
	mode = e.mode;
	if (line_word(in, "mode") == NULL)
		return lfc_refuse(w, EXIT_DATA, "no mode=");
	if (lfc_mode(in, e.dir, &mode, w) < 0)
		return LFC_REFUSED;
	got = lfc_did(catalogue_chmod(c->h->c, lfn, mode, w), w);
	if (got == LFC_DONE)
		lfc_octal(out, mode);
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

int
lfc_op_chown(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	char lfn[LFC_LFN];
	int got;

	if (!principal_ok(in, "owner", w) || !principal_ok(in, "group", w))
		return LFC_REFUSED;
	if ((got = lfc_real(c, in, NULL, true, lfn, w)) != LFC_DONE)
		return got;
	got = lfc_did(catalogue_chown(c->h->c, lfn, line_word(in, "owner"),
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

int
lfc_op_setacl(
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
		got = lfc_did(catalogue_setacl(c->h->c, lfn, mode, word, w), w);
		free(word);
	}
	if (got == LFC_DONE) {
		lfc_octal(out, mode);
		text = pacl_text(&a);
		line_set(out, "acl", text, strlen(text));
		free(text);
	}
	pacl_free(&a);
	return got;
}
