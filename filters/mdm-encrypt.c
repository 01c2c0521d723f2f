/* mdm-encrypt: seal each object with a key of its own */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "age.h"
#include "bare.h"
#include "keys.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "payload.h"
#include "progress.h"
#include "rec.h"
#include "sandbox.h"
#include "saved.h"
#include "secret.h"
#include "word.h"

static const char *keys_file, *with_file, *recipients_file;
static int bare, manifests;

static const struct poptOption options[] = {
	{ "keys", '\0', POPT_ARG_STRING, &keys_file, 0,
	    "write the objects' keys to FILE (/dev/fd/N)", "FILE" },
	{ "with", '\0', POPT_ARG_STRING, &with_file, 0,
	    "seal one object with the key in FILE (/dev/fd/N)", "FILE" },
	{ "bare", '\0', POPT_ARG_NONE, &bare, 0,
	    "the input is one object, even if it looks like a stream", NULL },
	{ "manifests", '\0', POPT_ARG_NONE, &manifests, 0,
	    "the objects are saved manifests, and their GUIDs tell so", NULL },
	{ "recipient", 'r', POPT_ARG_STRING, NULL, OPT_LIST + 0,
	    "seal for this age recipient too (may be repeated)", "RECIPIENT" },
	{ "recipients-file", 'R', POPT_ARG_STRING, &recipients_file, 0,
	    "seal for the recipients in FILE too, one a line", "FILE" },
	OPT_COMMON
};

enum { RECIPIENTS = AGE_STANZAS - 1 };

static unsigned char recipient[RECIPIENTS][32];
static int recipients;

/* What belongs to one object, made anew for each. */
static struct secrets {
	unsigned char object[AGE_OBJECT_KEY];
	unsigned char file[AGE_FILE_KEY];
	unsigned char payload[PAYLOAD_KEY];
	unsigned char with[KEYS_MAX];
	char hex[2 * AGE_OBJECT_KEY + 1];
} * secrets;
static char guid[AGE_GUID + 1];
static bool own_key; /* the key is there already: --with */

static struct age_head *head;
static struct payload *payload;
static struct lineout *keys; /* NULL without --keys */
static struct line key_line;

static void
add_recipient(const char *text)
{
	struct why w = { 0 };

	if (recipients == RECIPIENTS)
		die(EXIT_USAGE, "more than %d recipients", RECIPIENTS);
	if (age_recipient(recipient[recipients++], text, &w) < 0)
		die(EXIT_USAGE, "recipient %.80s: %s", text, w.text);
}

static void
read_recipients(const char *file)
{
	struct why w = { 0 };
	int fd = opt_open(file, O_RDONLY, &w);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[BARE_HEAD];

	if (fd < 0)
		die_why(&w);
	if (f == NULL)
		die(EXIT_IO, "out of memory");
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '\0' && line[0] != '#')
			add_recipient(line);
	}
	if (ferror(f))
		die(EXIT_IO, "%s: cannot read it", file);
	fclose(f);
}

/* Keys that are kept in a file are never written over. */
static int
open_keys(const char *file)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL, fd;
	struct why w = { 0 };
	struct stat st;

	if (stat(file, &st) == 0 && !S_ISREG(st.st_mode))
		flags = O_WRONLY; /* a pipe, a terminal */
	if ((fd = opt_open(file, flags, &w)) < 0)
		die_why(&w);
	return fd;
}

/* Keys in a regular file are durable before we say so. */
static void
close_keys(int fd)
{
	struct why w = { 0 };
	struct stat st;

	if (keys == NULL)
		return;
	if (lineout_end(keys, &w) < 0)
		die_why(&w);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fsync(fd) < 0)
		die(EXIT_IO, "%s: %s", keys_file, strerror(errno));
	if (close(fd) < 0)
		die(EXIT_IO, "%s: %s", keys_file, strerror(errno));
	lineout_free(keys);
}

/* The one key of --with. */
static void
read_key(const char *file)
{
	struct why w = { 0 };
	struct keys *in = keys_open(file, &w);
	size_t len;

	if (in == NULL || keys_next(in, guid, secrets->with, &len, &w) < 0)
		die_why(&w);
	if (len != AGE_OBJECT_KEY)
		die(EXIT_DATA, "%s: not a key of %d bytes", file,
		    AGE_OBJECT_KEY);
	memcpy(secrets->object, secrets->with, AGE_OBJECT_KEY);
	if (keys_end(in, &w) < 0)
		die_why(&w);
	keys_free(in);
	own_key = true;
}

/* Fresh keys, and the head that wraps them; *n bytes. */
static const void *
new_head(size_t *n)
{
	unsigned char id[AGE_GUID / 2];
	int i;

	if (!own_key) {
		secret_random(id, sizeof id);
		hex_encode(guid, id, sizeof id);
		if (manifests)
			saved_guid(guid);
		secret_random(secrets->object, AGE_OBJECT_KEY);
	}
	secret_random(secrets->file, AGE_FILE_KEY);
	age_head_begin(head);
	if (keys || own_key)
		age_wrap_mdm(head, guid, secrets->object, secrets->file);
	for (i = 0; i < recipients; i++)
		age_wrap_x25519(head, recipient[i], secrets->file);
	return age_head_end(head, secrets->file, secrets->payload, n);
}

/* Only for an object that is whole: there are no keys without ciphertext. */
static int
put_key(struct why *w)
{
	if (keys == NULL)
		return 0;
	hex_encode(secrets->hex, secrets->object, AGE_OBJECT_KEY);
	line_reset(&key_line);
	line_set_name_word(&key_line, guid);
	line_set_word(&key_line, "key", secrets->hex);
	return lineout_put(keys, &key_line, w);
}

/* Attributes that came with later parts go out as late ones. */
static int
done(struct recout *out, const struct rec *r, int known, struct why *w)
{
	struct rec late;
	int i, ok;

	rec_init(&late);
	for (i = known; i < r->attrs; i++)
		rec_set(
		    &late, r->attr[i].key, r->attr[i].value, r->attr[i].len);
	ok = recout_done(out, &late, w);
	rec_clear(&late);
	return ok;
}

static int
to_record(void *out, const void *p, size_t n, struct why *w)
{
	return recout_write(out, p, n, w);
}

static int
seal_record(
    struct recin *in, const struct rec *r, struct recout *out, struct why *w)
{
	long long size = r->size;
	int known = r->attrs, got;
	struct rec sealed;
	const void *p;
	void *room;
	size_t n;

	p = new_head(&n);
	rec_init(&sealed);
	rec_copy(&sealed, r);
	rec_set_text(&sealed, "guid", guid);
	rec_via(&sealed, NULL);
	if (size != REC_UNKNOWN) {
		if ((size = payload_sealed(size)) < 0)
			return why_set(
			    w, EXIT_DATA, "%.200s: impossible size", r->name);
		size += (long long)n;
	}
	got = recout_begin(
	    out, &sealed, size, recin_whole(in) ? REC_WHOLE : 0, w);
	rec_clear(&sealed);
	if (got < 0 || recout_write(out, p, n, w) < 0)
		return -1;
	payload_begin(payload, PAYLOAD_SEAL, secrets->payload, to_record, out);
	for (size = 0, got = 1; got == 1; size += (long long)n) {
		if (payload_room(payload, &room, &n, w) < 0 ||
		    (got = recin_fill(in, room, n, &n, w)) < 0 ||
		    payload_took(payload, n, w) < 0)
			return -1;
	}
	if (got == REC_VOID) {
		payload_drop(payload);
		return recout_void(out, w);
	}
	if (payload_end(payload, w) < 0 || put_key(w) < 0)
		return -1;
	progress_add(1, (unsigned long long)size);
	return done(out, r, known, w);
}

static void
on_idle(void *out)
{
	if (keys)
		lineout_idle(keys);
	recout_idle(out);
}

static int
seal_stream(const void *start, size_t n, int fd, struct why *w)
{
	struct recout *out = recout_open(fd, w);
	struct recin *in = recin_open(STDIN_FILENO, start, n, w);
	struct rec *r;
	int got, records = 0;

	if (out == NULL || in == NULL)
		return -1;
	recin_on_idle(in, on_idle, out);
	while ((got = recin_next(in, &r, w)) > 0) {
		if (own_key && ++records > 1)
			return why_set(w, EXIT_DATA,
			    "%.200s: --with is for one object", r->name);
		if (seal_record(in, r, out, w) < 0)
			return -1;
	}
	if (got < 0 || recout_end(out, w) < 0)
		return -1;
	recin_free(in);
	recout_free(out);
	return 0;
}

static int
to_file(void *fd, const void *p, size_t n, struct why *w)
{
	return out_write(*(int *)fd, p, n, w);
}

static int
seal_bare(const void *start, size_t n, int fd, struct why *w)
{
	size_t len;
	const void *h = new_head(&len);
	long k = (long)n;
	void *room;

	if (out_write(fd, h, len, w) < 0)
		return -1;
	payload_begin(payload, PAYLOAD_SEAL, secrets->payload, to_file, &fd);
	if (payload_put(payload, start, n, w) < 0)
		return -1;
	while (k > 0) {
		if (payload_room(payload, &room, &len, w) < 0 ||
		    (k = bare_read(STDIN_FILENO, room, len, w)) < 0 ||
		    payload_took(payload, (size_t)k, w) < 0)
			return -1;
		progress_add(0, (unsigned long long)k);
	}
	if (payload_end(payload, w) < 0)
		return -1;
	progress_add(1, n);
	return put_key(w);
}

int
main(int argc, char **argv)
{
	unsigned char start[BARE_HEAD];
	struct why w = { 0 };
	int fd, keys_fd = -1, kind, i;
	size_t n;

	if (*opt_parse(argc, argv, options, "< records > records"))
		die(EXIT_USAGE, "takes no operands");
	secret_init((with_file ? KEYS_SECRET_COST : 0) + 2 * LINE_SECRET_COST +
		    (1 << 16));
	for (i = 0; i < opt_lists[0].n; i++)
		add_recipient(opt_lists[0].v[i]);
	if (recipients_file)
		read_recipients(recipients_file);
	if (keys_file && with_file)
		die(EXIT_USAGE, "either --keys or --with");
	if (keys_file == NULL && with_file == NULL && recipients == 0)
		die(EXIT_USAGE, "needs --keys FILE, or recipients (-r, -R)");
	if (keys_file) {
		keys_fd = open_keys(keys_file);
		keys = lineout_open(keys_fd, "keys", true);
		line_init(&key_line, true);
	}
	secrets = secret_alloc(sizeof *secrets);
	if (with_file)
		read_key(with_file);
	head = age_head_new();
	payload = payload_new();
	fd = out_open(opt_output);
	if (!opt_output)
		sandbox_closed();

	if ((kind = bare_look(STDIN_FILENO, start, &n, &w)) < 0)
		die_why(&w);
	if (bare)
		kind = BARE_OBJECT;
	if ((kind == BARE_STREAM ? seal_stream : seal_bare)(start, n, fd, &w) <
	    0)
		die_why(&w);
	close_keys(keys_fd);
	payload_free(payload);
	age_head_free(head);
	secret_free(secrets, sizeof *secrets);
	progress_end();
	out_commit();
	return EXIT_OK;
}
