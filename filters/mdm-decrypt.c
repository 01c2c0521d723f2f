/* mdm-decrypt: open sealed objects; nothing unauthenticated is written */

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "age.h"
#include "bare.h"
#include "keys.h"
#include "opt.h"
#include "out.h"
#include "payload.h"
#include "progress.h"
#include "rec.h"
#include "sandbox.h"
#include "secret.h"

static const char *keys_file, *identity_file;
static long long head_bytes = -1;

static const struct poptOption options[] = {
	{ "keys", '\0', POPT_ARG_STRING, &keys_file, 0,
	    "read the objects' keys from FILE (/dev/fd/N)", "FILE" },
	{ "identity", 'i', POPT_ARG_STRING, &identity_file, 0,
	    "open with the age identities in FILE instead", "FILE" },
	{ "head", '\0', POPT_ARG_LONGLONG, &head_bytes, 0,
	    "write the first N bytes only, and decrypt no more", "N" },
	OPT_COMMON
};

enum { IDENTITIES = 64, IDENTITY_FILE_MAX = 32768 };

static struct secrets {
	unsigned char identity[IDENTITIES][32];
	unsigned char object[AGE_OBJECT_KEY];
	unsigned char file[AGE_FILE_KEY];
	unsigned char payload[PAYLOAD_KEY];
} * secrets;
static int identities;
static struct keys *keys; /* NULL without --keys */
static struct age_head *head;

/* The object that is being opened. */
static struct opening {
	struct payload *payload;
	struct recout *out; /* NULL for a bare object, which goes to fd */
	int fd;
	long long want; /* payload bytes still wanted; -1: all */
	long long left; /* bytes still to be written; -1: all */
	unsigned long long written;
} opening;

static void
read_identities(const char *file)
{
	struct why w = { 0 };
	size_t n;
	char *text = secret_read(file, IDENTITY_FILE_MAX, &n, &w);
	char *line, *rest = text;

	if (text == NULL)
		die_why(&w);
	while ((line = strsep(&rest, "\r\n")) != NULL) {
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (identities == IDENTITIES)
			die(EXIT_DATA, "%s: more than %d identities", file,
			    IDENTITIES);
		if (age_identity(secrets->identity[identities++], line, &w) < 0)
			die(w.code, "%s: %s", file, w.text);
	}
	if (identities == 0)
		die(EXIT_DATA, "%s: no identity in it", file);
	secret_free(text, IDENTITY_FILE_MAX + 2);
}

/*
 * The head is whole: find who may open it and derive the payload's key.
 * guid is what the record says it is, or NULL.
 */
static int
unlock(const char *guid, struct why *w)
{
	char in_head[AGE_GUID + 1];
	int sealed = age_guid(head, in_head, w), got = 0, i;

	if (sealed < 0)
		return -1;
	if (sealed && guid && strcmp(guid, in_head) != 0)
		return why_set(w, EXIT_DATA,
		    "another object's ciphertext: its GUID is %s, not %.40s",
		    in_head, guid);
	if (keys) {
		if (!sealed)
			return why_set(
			    w, EXIT_DENIED, "not sealed with a key of its own");
		if (keys_find(keys, in_head, secrets->object, w) < 0 ||
		    age_unwrap(head, secrets->object, secrets->file, w) < 0)
			return -1;
	}
	for (i = 0; got == 0 && i < identities; i++)
		got = age_unwrap_x25519(
		    head, secrets->identity[i], secrets->file, w);
	if (got < 0)
		return -1;
	if (!keys && got == 0)
		return why_set(w, EXIT_DENIED, "no identity opens it");
	return age_payload_key(head, secrets->file, secrets->payload, w);
}

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
	o->left = o->want = head_bytes;
	o->written = 0;
	/* one byte more shows that a chunk is not the last */
	if (head_bytes >= 0)
		o->want = (head_bytes + PAYLOAD_CHUNK - 1) / PAYLOAD_CHUNK *
			      (PAYLOAD_CHUNK + PAYLOAD_TAG) +
			  1;
	payload_begin(o->payload, PAYLOAD_OPEN, secrets->payload, sink, o);
}

static int
feed(struct opening *o, const void *p, size_t n, struct why *w)
{
	if (o->want >= 0) {
		if ((long long)n > o->want)
			n = (size_t)o->want;
		o->want -= (long long)n;
	}
	return payload_put(o->payload, p, n, w);
}

static int
end(struct opening *o, struct why *w)
{
	return o->want == 0 ? payload_cut(o->payload, w)
			    : payload_end(o->payload, w);
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

static int
cut_short(struct why *w)
{
	return why_set(w, EXIT_DATA, "sealed object: cut short in its header");
}

/* Begin the opened record: its size follows from the sealed one's. */
static int
begin_record(struct opening *o, const struct rec *r, struct why *w)
{
	long long size = r->size;
	struct rec opened;
	int ok;

	if (size != REC_UNKNOWN) {
		size = payload_plain(size - (long long)age_head_size(head));
		if (size < 0)
			return why_set(w, EXIT_DATA,
			    "sealed object: cut short or extended");
		if (head_bytes >= 0 && size > head_bytes)
			size = head_bytes;
	}
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
	const unsigned char *p;
	const void *bytes;
	size_t n, used;
	int got, whole = 0;

	age_head_reset(head);
	while (!whole) {
		if ((got = piece(in, &bytes, &n)) != 1)
			return got ? got : cut_short(w);
		if ((whole = age_head_feed(head, bytes, n, &used, w)) < 0)
			return -1;
	}
	if (unlock(rec_get(r, "guid", NULL), w) < 0 ||
	    begin_record(o, r, w) < 0)
		return -1;
	*begun = true;
	for (p = bytes, p += used, n -= used; feed(o, p, n, w) == 0;
	     p = bytes) {
		if ((got = piece(in, &bytes, &n)) == 1)
			continue;
		return got ? got : end(o, w);
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
	payload_drop(o->payload);
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

/* The rest of the input, straight to where it is worked on. */
static int
open_bare_payload(struct opening *o, struct why *w)
{
	size_t room;
	void *at;
	long k = 1;

	while (k > 0 && o->want != 0) {
		if (payload_room(o->payload, &at, &room, w) < 0)
			return -1;
		if (o->want >= 0 && (long long)room > o->want)
			room = (size_t)o->want;
		if ((k = bare_read(STDIN_FILENO, at, room, w)) < 0)
			return -1;
		if (o->want > 0)
			o->want -= k;
		if (payload_took(o->payload, (size_t)k, w) < 0)
			return -1;
		progress_add(0, (unsigned long long)k);
	}
	return end(o, w);
}

static int
open_bare(struct opening *o, const unsigned char *start, size_t n)
{
	static unsigned char buf[PAYLOAD_CHUNK];
	const unsigned char *p = start;
	struct why w = { 0 };
	size_t used = 0;
	int whole;
	long k;

	age_head_reset(head);
	while ((whole = age_head_feed(head, p, n, &used, &w)) == 0) {
		if ((k = bare_read(STDIN_FILENO, buf, sizeof buf, &w)) < 0)
			die_why(&w);
		if (k == 0)
			break;
		p = buf;
		n = (size_t)k;
	}
	if (whole < 0 || (whole == 0 && cut_short(&w) < 0) ||
	    unlock(NULL, &w) < 0)
		die_why(&w);
	begin(o);
	if (feed(o, p + used, n - used, &w) < 0 || open_bare_payload(o, &w) < 0)
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
	if (head_bytes < -1 || head_bytes > 1LL << 60)
		die(EXIT_USAGE, "--head: not a number of bytes");
	secret_init(KEYS_SECRET_COST);
	secrets = secret_alloc(sizeof *secrets);
	if (identity_file)
		read_identities(identity_file);
	else if ((keys = keys_open(keys_file, &w)) == NULL)
		die_why(&w);
	head = age_head_new();
	o->payload = payload_new();
	o->fd = out_open(opt_output);
	if (!opt_output)
		sandbox_closed();

	if ((kind = bare_look(STDIN_FILENO, start, &n, &w)) < 0)
		die_why(&w);
	status = kind == BARE_STREAM ? open_stream(o, start, n)
				     : open_bare(o, start, n);
	payload_free(o->payload);
	age_head_free(head);
	keys_free(keys);
	secret_free(secrets, sizeof *secrets);
	progress_end();
	out_commit();
	return status;
}
