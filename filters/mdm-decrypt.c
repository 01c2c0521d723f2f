/* mdm-decrypt: open sealed objects; nothing unauthenticated is written */

#include <stdbool.h>
#include <unistd.h>

#include "bare.h"
#include "keys.h"
#include "legacy.h"
#include "opener.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "sandbox.h"
#include "secret.h"
#include "unseal.h"

static const char *keys_file, *identity_file;
static long long head_bytes = -1;
static int legacy;

static const struct poptOption options[] = {
	{ "keys", '\0', POPT_ARG_STRING, &keys_file, 0,
	    "read the objects' keys from FILE (/dev/fd/N)", "FILE" },
	{ "identity", 'i', POPT_ARG_STRING, &identity_file, 0,
	    "open with the age identities in FILE instead", "FILE" },
	{ "legacy", '\0', POPT_ARG_NONE, &legacy, 0,
	    "objects that gLite's EDS encrypted, see eds(5)", NULL },
	{ "head", '\0', POPT_ARG_LONGLONG, &head_bytes, 0,
	    "write the first N bytes only, and decrypt no more", "N" },
	OPT_COMMON
};

static const char cut_short[] = "cut short in its header";
static struct keys *keys; /* NULL without --keys */

/* What comes out of the object that is being opened. */
static struct opening {
	struct opener *opener;
	struct recout *out; /* NULL for a bare object, which goes to fd */
	int fd;
	long long left; /* bytes still to be written; -1: all */
	unsigned long long written;
} opening;

static int
sink(void *arg, const void *p, size_t n, struct why *w)
{
	struct opening *o = arg;

	if (o->left >= 0) {
		if ((long long)n > o->left)
			n = (size_t)o->left;
		o->left -= (long long)n;
	}
	o->written += n;
	return o->out ? recout_write(o->out, p, n, w)
		      : out_write(o->fd, p, n, w);
}

static void
begin(struct opening *o)
{
	o->left = head_bytes;
	o->written = 0;
	o->opener->kind->begin(o->opener, sink, o);
}

/* The next piece of a record's body; the stream's own failure ends it all. */
static int
piece(struct recin *in, const void **p, size_t *n)
{
	struct why w = { 0 };
	int got = recin_block(in, p, n, &w);

	if (got < 0)
		die_why(&w);
	return got;
}

/* Begin the opened record: its size follows from what it was. */
static int
begin_record(struct opening *o, const struct rec *r, struct why *w)
{
	long long size;
	struct rec opened;
	int ok;

	w->code = 0;
	size = o->opener->kind->size(o->opener, r->size, w);
	if (w->code != 0)
		return -1;
	rec_init(&opened);
	rec_copy(&opened, r);
	rec_via(&opened, head_bytes >= 0 ? "head" : NULL);
	ok = recout_begin(o->out, &opened, size, 0, w);
	rec_clear(&opened);
	if (ok < 0)
		die_why(w);
	begin(o);
	return 0;
}

/*
 * 0; REC_VOID when its producer withdrew it; -1 with *w when this record is
 * to be set aside.  *begun says whether there is something to withdraw.
 */
static int
open_record(struct opening *o, struct recin *in, const struct rec *r,
    bool *begun, struct why *w)
{
	const struct opener_kind *kind = o->opener->kind;
	const char *guid = rec_get(r, "guid", NULL);
	const unsigned char *p;
	const void *bytes;
	size_t n, used;
	int got, whole = 0;

	while (!whole) {
		if ((got = piece(in, &bytes, &n)) != 1)
			return got ? got
				   : why_set(w, EXIT_DATA, "%s", cut_short);
		whole =
		    kind->head(o->opener, guid, r->name, bytes, n, &used, w);
		if (whole < 0)
			return -1;
	}
	if (begin_record(o, r, w) < 0)
		return -1;
	*begun = true;
	for (p = bytes, p += used, n -= used;
	     kind->put(o->opener, p, n, w) == 0; p = bytes) {
		if ((got = piece(in, &bytes, &n)) == 1)
			continue;
		return got ? got : kind->end(o->opener, w);
	}
	return -1;
}

/* Returns 1 when the record was served. */
static int
serve(struct opening *o, struct recin *in, const struct rec *r)
{
	struct why w = { 0 }, out = { 0 };
	int known = r->attrs, got, i;
	bool begun = false;
	struct rec late;
	const void *p;
	size_t n;

	got = open_record(o, in, r, &begun, &w);
	if (got < 0 && w.code != EXIT_DATA && w.code != EXIT_DENIED)
		die_why(&w);
	if (got == 0) {
		rec_init(&late);
		for (i = known; i < r->attrs; i++)
			rec_set(&late, r->attr[i].key, r->attr[i].value,
			    r->attr[i].len);
		if (recout_done(o->out, &late, &out) < 0)
			die_why(&out);
		rec_clear(&late);
		progress_add(1, o->written);
		return 1;
	}
	o->opener->kind->drop(o->opener);
	if (begun && recout_void(o->out, &out) < 0)
		die_why(&out);
	/* what its producer withdraws is its producer's to complain of */
	while (got != REC_VOID && (i = piece(in, &p, &n)) != 0)
		got = i == REC_VOID ? REC_VOID : got;
	if (got < 0)
		aside(r->name, &w);
	return 0;
}

static int
open_stream(struct opening *o, const void *start, size_t n)
{
	struct why w = { 0 };
	struct recin *in = recin_open(STDIN_FILENO, start, n, &w);
	unsigned long served = 0;
	struct rec *r;
	int got;

	o->out = recout_open(o->fd, &w);
	if (in == NULL || o->out == NULL)
		die_why(&w);
	recin_on_idle(in, recout_idle, o->out);
	if (keys)
		keys_on_idle(keys, recout_idle, o->out);
	while ((got = recin_next(in, &r, &w)) > 0)
		served += (unsigned)serve(o, in, r);
	if (got < 0 || (keys && keys_end(keys, &w) < 0) ||
	    recout_end(o->out, &w) < 0)
		die_why(&w);
	recin_free(in);
	recout_free(o->out);
	return exit_status(served);
}

/* The rest of a bare object: buf is for openers that have no room of theirs. */
static int
open_bare_rest(
    struct opening *o, unsigned char *buf, size_t size, struct why *w)
{
	const struct opener_kind *kind = o->opener->kind;
	void *at = buf;
	size_t room = size;
	long k = 1;

	while (k > 0) {
		if (kind->room && kind->room(o->opener, &at, &room, w) < 0)
			return -1;
		if (room == 0)
			break;
		if ((k = bare_read(STDIN_FILENO, at, room, w)) < 0)
			return -1;
		if ((kind->took ? kind->took(o->opener, (size_t)k, w)
				: kind->put(o->opener, at, (size_t)k, w)) < 0)
			return -1;
		progress_add(0, (unsigned long long)k);
	}
	return kind->end(o->opener, w);
}

static int
open_bare(struct opening *o, const unsigned char *start, size_t n)
{
	static unsigned char buf[PAYLOAD_CHUNK];
	const struct opener_kind *kind = o->opener->kind;
	const unsigned char *p = start;
	struct why w = { 0 };
	size_t used = 0;
	int whole;
	long k;

	while (
	    (whole = kind->head(o->opener, NULL, NULL, p, n, &used, &w)) == 0) {
		if ((k = bare_read(STDIN_FILENO, buf, sizeof buf, &w)) < 0)
			die_why(&w);
		if (k == 0)
			break;
		p = buf;
		n = (size_t)k;
	}
	if (whole < 0)
		die_why(&w);
	if (whole == 0)
		die(EXIT_DATA, "%s", cut_short);
	begin(o);
	if (kind->put(o->opener, p + used, n - used, &w) < 0 ||
	    open_bare_rest(o, buf, sizeof buf, &w) < 0)
		die_why(&w);
	/* on success read to the end, so that no writer meets a closed pipe */
	while ((k = bare_read(STDIN_FILENO, buf, sizeof buf, &w)) > 0)
		;
	if (k < 0 || (keys && keys_end(keys, &w) < 0))
		die_why(&w);
	progress_add(1, 0);
	return EXIT_OK;
}

int
main(int argc, char **argv)
{
	unsigned char start[BARE_HEAD];
	struct opening *o = &opening;
	struct why w = { 0 };
	int kind, status;
	size_t n;

	if (*opt_parse(argc, argv, options, "< records > records"))
		die(EXIT_USAGE, "takes no operands");
	if ((keys_file != NULL) == (identity_file != NULL))
		die(EXIT_USAGE, "needs either --keys FILE or -i FILE");
	if (legacy && identity_file != NULL)
		die(EXIT_USAGE, "--legacy goes with --keys");
	if (head_bytes < -1 || head_bytes > 1LL << 60)
		die(EXIT_USAGE, "--head: not a number of bytes");
	secret_init(KEYS_SECRET_COST + UNSEAL_SECRET_COST + LEGACY_SECRET_COST);
	if (keys_file && (keys = keys_open(keys_file, &w)) == NULL)
		die_why(&w);
	o->opener = legacy ? legacy_open(keys, head_bytes, &w)
			   : unseal_open(keys, identity_file, head_bytes, &w);
	if (o->opener == NULL)
		die_why(&w);
	o->fd = out_open(opt_output);
	if (!opt_output)
		sandbox_closed();

	if ((kind = bare_look(STDIN_FILENO, start, &n, &w)) < 0)
		die_why(&w);
	status = kind == BARE_STREAM ? open_stream(o, start, n)
				     : open_bare(o, start, n);
	o->opener->kind->free(o->opener);
	keys_free(keys);
	progress_end();
	out_commit();
	return status;
}
