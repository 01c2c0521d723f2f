#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "age.h"
#include "rec.h"
#include "secret.h"
#include "unseal.h"

enum { IDENTITIES = 64, IDENTITY_FILE_MAX = 32768 };

struct unseal {
	struct opener opener;
	struct keys *keys; /* NULL: with identities */
	int identities;
	struct secrets {
		unsigned char identity[IDENTITIES][32];
		unsigned char object[AGE_OBJECT_KEY];
		unsigned char file[AGE_FILE_KEY];
		unsigned char payload[PAYLOAD_KEY];
	} * secrets;
	struct age_head *head;
	bool fresh; /* nothing of the next object has come */
	struct payload *payload;
	long long first; /* as in unseal_open() */
	long long want;  /* bytes of payload still wanted; -1: all */
};

static int
read_identities(struct unseal *u, const char *file, struct why *w)
{
	struct why one = { 0 };
	size_t n;
	char *text = secret_read(file, IDENTITY_FILE_MAX, &n, w);
	char *line, *rest = text;
	int ok = 0;

	if (text == NULL)
		return -1;
	while (ok == 0 && (line = strsep(&rest, "\r\n")) != NULL) {
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (u->identities == IDENTITIES)
			ok = why_set(w, EXIT_DATA,
			    "%s: more than %d identities", file, IDENTITIES);
		else if (age_identity(u->secrets->identity[u->identities++],
			     line, &one) < 0)
			ok = why_set(w, one.code, "%s: %s", file, one.text);
	}
	if (ok == 0 && u->identities == 0)
		ok = why_set(w, EXIT_DATA, "%s: no identity in it", file);
	secret_free(text, IDENTITY_FILE_MAX + 2);
	return ok;
}

/*
 * The head is whole: find who may open it and derive the payload's key.
 * guid is what the record says it is, or NULL.
 */
static int
unlock(struct unseal *u, const char *guid, struct why *w)
{
	struct secrets *s = u->secrets;
	char in_head[AGE_GUID + 1];
	int sealed = age_guid(u->head, in_head, w), got = 0, i;

	if (sealed < 0)
		return -1;
	if (sealed && guid && strcmp(guid, in_head) != 0)
		return why_set(w, EXIT_DATA,
		    "another object's ciphertext: its GUID is %s, not %.40s",
		    in_head, guid);
	if (u->keys) {
		if (!sealed)
			return why_set(
			    w, EXIT_DENIED, "not sealed with a key of its own");
		if (keys_find(u->keys, in_head, s->object, w) < 0 ||
		    age_unwrap(u->head, s->object, s->file, w) < 0)
			return -1;
	}
	for (i = 0; got == 0 && i < u->identities; i++)
		got = age_unwrap_x25519(u->head, s->identity[i], s->file, w);
	if (got < 0)
		return -1;
	if (!u->keys && got == 0)
		return why_set(w, EXIT_DENIED, "no identity opens it");
	return age_payload_key(u->head, s->file, s->payload, w);
}

static int
unseal_head(struct opener *o, const char *guid, const char *name, const void *p,
    size_t n, size_t *used, struct why *w)
{
	struct unseal *u = (struct unseal *)o;
	int whole;

	(void)name; /* the head says which object it is */
	if (u->fresh)
		age_head_reset(u->head);
	u->fresh = false;
	whole = age_head_feed(u->head, p, n, used, w);
	if (whole != 0)
		u->fresh = true;
	if (whole > 0 && unlock(u, guid, w) < 0)
		return -1;
	return whole;
}

static long long
unseal_size(struct opener *o, long long size, struct why *w)
{
	struct unseal *u = (struct unseal *)o;

	if (size == REC_UNKNOWN)
		return REC_UNKNOWN;
	size = payload_plain(size - (long long)age_head_size(u->head));
	if (size < 0)
		return why_set(
		    w, EXIT_DATA, "sealed object: cut short or extended");
	return u->first >= 0 && size > u->first ? u->first : size;
}

static void
unseal_begin(struct opener *o, payload_sink *sink, void *arg)
{
	struct unseal *u = (struct unseal *)o;

	u->want = u->first;
	/* one byte more shows that a chunk is not the last */
	if (u->first >= 0)
		u->want = (u->first + PAYLOAD_CHUNK - 1) / PAYLOAD_CHUNK *
			      (PAYLOAD_CHUNK + PAYLOAD_TAG) +
			  1;
	payload_begin(u->payload, PAYLOAD_OPEN, u->secrets->payload, sink, arg);
}

static int
unseal_put(struct opener *o, const void *p, size_t n, struct why *w)
{
	struct unseal *u = (struct unseal *)o;

	if (u->want >= 0) {
		if ((long long)n > u->want)
			n = (size_t)u->want;
		u->want -= (long long)n;
	}
	return payload_put(u->payload, p, n, w);
}

/* The rest of a bare object is read straight to where it is worked on. */
static int
unseal_room(struct opener *o, void **at, size_t *n, struct why *w)
{
	struct unseal *u = (struct unseal *)o;

	*n = 0;
	if (u->want == 0)
		return 0;
	if (payload_room(u->payload, at, n, w) < 0)
		return -1;
	if (u->want >= 0 && (long long)*n > u->want)
		*n = (size_t)u->want;
	return 0;
}

static int
unseal_took(struct opener *o, size_t n, struct why *w)
{
	struct unseal *u = (struct unseal *)o;

	if (u->want > 0)
		u->want -= (long long)n;
	return payload_took(u->payload, n, w);
}

static int
unseal_end(struct opener *o, struct why *w)
{
	struct unseal *u = (struct unseal *)o;

	return u->want == 0 ? payload_cut(u->payload, w)
			    : payload_end(u->payload, w);
}

static void
unseal_drop(struct opener *o)
{
	struct unseal *u = (struct unseal *)o;

	u->fresh = true;
	payload_drop(u->payload);
}

static void
unseal_free(struct opener *o)
{
	struct unseal *u = (struct unseal *)o;

	payload_free(u->payload);
	age_head_free(u->head);
	secret_free(u->secrets, sizeof *u->secrets);
	free(u);
}

static const struct opener_kind kind = { unseal_head, unseal_size, unseal_begin,
	unseal_put, unseal_room, unseal_took, unseal_end, unseal_drop,
	unseal_free };

struct opener *
unseal_open(struct keys *keys, const char *identity_file, long long first,
    struct why *w)
{
	struct unseal *u = calloc(1, sizeof *u);

	if (u == NULL)
		die(EXIT_IO, "out of memory");
	u->opener.kind = &kind;
	u->keys = keys;
	u->first = first;
	u->fresh = true;
	u->secrets = secret_alloc(sizeof *u->secrets);
	u->head = age_head_new();
	u->payload = payload_new();
	if (keys == NULL && read_identities(u, identity_file, w) < 0) {
		unseal_free(&u->opener);
		return NULL;
	}
	return &u->opener;
}
