/* SRM's operations that a client comes back for, by a token. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "srm_impl.h"

#define SHORTEST 60 /* s that a request lasts at least */
#define FORGET 8    /* requests that each new one cleans up after */

/* ---- transfer URLs ---- */

/* The prefix of the first protocol asked for that we have, or NULL. */
static const char *
prefix_for(const struct srm_call *c)
{
	const struct srm_soap *s = c->ask;
	const char *const *t;
	bool asked = false;
	size_t i;

	for (i = 0; i < s->leaves; i++) {
		const struct srm_leaf *l = &s->leaf[i];

		if (strcmp(l->in, "arrayOfTransferProtocols") != 0)
			continue;
		asked = true;
		for (t = c->a->is->turl; *t; t++)
			if (strcspn(*t, ":") == strlen(l->text) &&
			    strncmp(*t, l->text, strlen(l->text)) == 0)
				return *t;
	}
	return asked ? NULL : c->a->is->turl[0];
}

/* Prefix and path; of HTTP a path has escapes. */
static char *
turl_of(const char *prefix, const char *path)
{
	bool escape =
	    strncmp(prefix, "http", 4) == 0 || strncmp(prefix, "dav", 3) == 0;
	size_t n = strlen(prefix);
	char *url = malloc(n + 3 * strlen(path) + 1), *o;

	if (url == NULL)
		die(EXIT_IO, "out of memory");
	memcpy(url, prefix, n);
	for (o = url + n; *path; path++)
		if (escape && (*path <= 0x20 || *path > 0x7e ||
				  strchr("\"#%<>?[\\]^`{|}", *path)))
			o += sprintf(o, "%%%02X", (unsigned char)*path);
		else
			*o++ = *path;
	*o = '\0';
	return url;
}

/* ---- new requests ---- */

static void
lifetime(const struct srm_call *c, struct srm_request *q)
{
	static const char *const names[] = { "desiredTotalRequestTime",
		"desiredPinLifeTime", "desiredPinLifetime", "desiredLifeTime" };
	long long most = c->a->is->lifetime, want = 0, v;
	unsigned i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if ((v = srm_argument(c, names[i], 0)) > want)
			want = v;
	if (want == 0 || want > most)
		want = most;
	if (want < SHORTEST)
		want = SHORTEST;
	q->made = (long long)time(NULL);
	q->until = q->made + want;
}

/* Requests whose time is over; what was never finished is removed. */
static int
forget_some(struct srm_call *c)
{
	struct srm_requests *r = c->a->requests;
	struct srm_request q;
	struct srm_file *f;
	char token[SRM_TOKEN];
	size_t i, n;
	int k, got = 0;

	for (k = 0; k < FORGET && got >= 0; k++) {
		got = srm_requests_ended(
		    r, (long long)time(NULL), token, &c->broken);
		if (got <= 0)
			return got;
		got = srm_requests_get(r, token, &q, &f, &n, &c->broken);
		if (got <= 0)
			return got;
		for (i = 0; q.kind == SRM_PUT && i < n; i++)
			if (f[i].temp[0])
				srm_dir_remove(c->a->dir, f[i].temp);
		srm_files_free(f, n);
		free(q.owner);
		got = srm_requests_forget(r, token, &c->broken);
	}
	return got;
}

/* The remaining time of a request, and how it stands as a whole. */
static void
write_request(struct srm_call *c, const struct srm_request *q)
{
	long long now = (long long)time(NULL);

	if (q->kind == SRM_GET || q->kind == SRM_ONLINE || q->kind == SRM_PUT)
		srm_number(c->out, "remainingTotalRequestTime",
		    q->until > now ? q->until - now : 0);
}

static void
write_file(
    struct srm_call *c, const struct srm_request *q, const struct srm_item *i)
{
	long long now = (long long)time(NULL);
	long long left = q->until > now ? q->until - now : 0;
	bool get = q->kind == SRM_GET, put = q->kind == SRM_PUT;

	srm_open(c->out, "statusArray");
	srm_text(c->out, put ? "SURL" : "sourceSURL", i->surl);
	if (put)
		srm_status(c, "status", i->code, i->why);
	if (i->info.online)
		srm_number(c->out, "fileSize", (long long)i->info.size);
	if (!put)
		srm_status(c, "status", i->code, i->why);
	if (i->code == CODE_QUEUED || i->code == CODE_IN_PROGRESS)
		srm_number(c->out, "estimatedWaitTime", 1);
	if (srm_is_good(i->code)) {
		srm_number(c->out,
		    put ? "remainingPinLifetime" : "remainingPinTime", left);
		if ((get && i->code == CODE_PINNED) ||
		    (put && i->code == CODE_SPACE))
			srm_text(c->out, "transferURL", i->file->turl);
	}
	srm_close(c->out);
}

static void
write_files(struct srm_call *c, const struct srm_request *q)
{
	size_t i;

	srm_open(c->out, "arrayOfFileStatuses");
	for (i = 0; i < c->items; i++)
		write_file(c, q, &c->item[i]);
	srm_close(c->out);
}

/* ---- how a file of a request stands ---- */

static int
staged(struct srm_call *c, const struct srm_file *f, struct srm_item *i)
{
	const struct srm_back *b = c->a->is->back;
	struct why w = { 0, "" };

	if (b == NULL) {
		srm_item_set(i, CODE_UNAVAILABLE, "it is not online any more");
		return 0;
	}
	switch (b->status(b->arg, f->path, f->ticket, &w)) {
	case SRM_STAGE_QUEUED:
		srm_item_set(i, CODE_QUEUED, NULL);
		return 0;
	case SRM_STAGE_RUNNING:
		srm_item_set(i, CODE_IN_PROGRESS, NULL);
		return 0;
	case SRM_STAGE_DONE:
		srm_item_set(i, CODE_UNAVAILABLE, "it is not online any more");
		return 0;
	case SRM_STAGE_FAILED:
		srm_item_set(i, CODE_FAILURE, w.text);
		return 0;
	default:
		c->broken = w;
		return -1;
	}
}

/* Into the item, its file having been read.  0, or -1: c is broken. */
static int
stands(struct srm_call *c, const struct srm_request *q, struct srm_item *i)
{
	struct srm_file *f = i->file;

	switch (f->state) {
	case SRM_FAILED:
		srm_item_set(i, f->code, f->why);
		return 0;
	case SRM_DONE:
		srm_item_set(i, CODE_SUCCESS, NULL);
		return 0;
	case SRM_RELEASED:
		srm_item_set(i, CODE_RELEASED, NULL);
		return 0;
	case SRM_ABORTED:
		srm_item_set(i, CODE_ABORTED, NULL);
		return 0;
	default:
		break;
	}
	if (q->until < (long long)time(NULL)) {
		srm_item_set(i, CODE_EXPIRED, "the request's time is over");
	} else if (q->kind == SRM_PUT) {
		srm_item_set(i, CODE_SPACE, NULL);
	} else if (srm_dir_stat(c->a->dir, f->path, &i->info) == 0 &&
		   i->info.online) {
		srm_item_set(
		    i, q->kind == SRM_GET ? CODE_PINNED : CODE_SUCCESS, NULL);
	} else {
		return staged(c, f, i);
	}
	return 0;
}

/* ---- srmPrepareToGet, srmBringOnline ---- */

static char *
copy(const char *text)
{
	char *t = strdup(text);

	if (t == NULL)
		die(EXIT_IO, "out of memory");
	return t;
}

/* A request's files, in memory, one for each item. */
static struct srm_file *
new_files(struct srm_call *c)
{
	struct srm_file *f = calloc(c->items + 1, sizeof *f);
	size_t i;

	if (f == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < c->items; i++) {
		f[i].n = (long long)i;
		f[i].surl = copy(c->item[i].surl);
		f[i].path = copy(c->item[i].path ? c->item[i].path : "");
		f[i].state = SRM_OPEN;
		c->item[i].file = &f[i];
	}
	return f;
}

/* An item that is refused stays so. */
static void
give_up(struct srm_item *i)
{
	i->file->state = SRM_FAILED;
	i->file->code = i->code;
	i->file->why = copy(i->why);
}

static int
get_one(struct srm_call *c, const char *prefix, struct srm_item *i)
{
	const struct srm_back *b = c->a->is->back;
	char ticket[SRM_TICKET];
	int rc;

	if (i->code != CODE_SUCCESS)
		return 0;
	if (c->op->kind == SRM_GET && prefix == NULL) {
		srm_item_set(i, CODE_NOT_SUPPORTED, "none of these protocols");
		return 0;
	}
	if ((rc = srm_look(c, i->path, &i->info)) < 0)
		return -1;
	if (rc > 0)
		srm_item_errno(i, rc);
	else if (i->info.directory)
		srm_item_set(i, CODE_INVALID_PATH, "a directory");
	else if (!i->info.online) {
		if (b->stage(b->arg, i->path, c->who, ticket, &c->broken) < 0)
			return -1;
		i->file->ticket = copy(ticket);
	}
	if (i->code == CODE_SUCCESS && c->op->kind == SRM_GET)
		i->file->turl = turl_of(prefix, i->path);
	return 0;
}

/* Write the request down and answer it. */
static int
begin(struct srm_call *c, struct srm_request *q, struct srm_file *f)
{
	const char *text;
	int code;
	size_t i;

	for (i = 0; i < c->items; i++) {
		if (!srm_is_good(c->item[i].code)) {
			give_up(&c->item[i]);
			srm_item_failed(c, &c->item[i]);
		} else if (stands(c, q, &c->item[i]) < 0)
			return -1;
	}
	if (srm_requests_add(c->a->requests, q, f, c->items, &c->broken) < 0)
		return -1;
	code = srm_overall(c, &text);
	srm_status(c, "returnStatus", code, text);
	srm_text(c->out, "requestToken", q->token);
	write_files(c, q);
	write_request(c, q);
	return 0;
}

static int
no_surl(struct srm_call *c)
{
	srm_status(c, "returnStatus", CODE_INVALID_REQUEST, "no SURL");
	return 0;
}

int
srm_run_get(struct srm_call *c)
{
	struct srm_request q = { .kind = (enum srm_kind)c->op->kind,
		.owner = c->who->dn };
	const char *prefix = prefix_for(c);
	struct srm_file *f;
	int rc = 0;
	size_t i;

	if (c->items == 0)
		return no_surl(c);
	if (forget_some(c) < 0)
		return -1;
	lifetime(c, &q);
	f = new_files(c);
	for (i = 0; rc == 0 && i < c->items; i++)
		rc = get_one(c, prefix, &c->item[i]);
	if (rc == 0)
		rc = begin(c, &q, f);
	srm_files_free(f, c->items);
	return rc;
}

/* ---- srmPrepareToPut ---- */

/* Is there a directory for it, no such file, and room?  0 or -1. */
static int
may_put(struct srm_call *c, struct srm_item *i, bool over)
{
	unsigned long long room;
	struct srm_info info;
	char dir[SRM_PATH];
	int rc = srm_look(c, i->path, &i->info);

	if (rc < 0)
		return -1;
	if (rc == 0 && (!over || i->info.directory || !i->info.online)) {
		srm_item_errno(i, EEXIST);
		return 0;
	}
	i->info = (struct srm_info){ 0 };
	snprintf(dir, sizeof dir, "%s", i->path);
	*strrchr(dir, '/') = '\0';
	rc = srm_dir_stat(c->a->dir, *dir ? dir : "/", &info);
	if (rc != 0 || !info.directory)
		srm_item_set(
		    i, CODE_INVALID_PATH, "there is no such directory");
	else if (srm_dir_room(c->a->dir, &room) == 0 && i->size > 0 &&
		 (unsigned long long)i->size > room)
		srm_item_errno(i, ENOSPC);
	return 0;
}

static int
put_one(struct srm_call *c, const char *prefix, const struct srm_request *q,
    struct srm_item *i)
{
	struct srm_file *f = i->file;

	if (i->code != CODE_SUCCESS)
		return 0;
	if (prefix == NULL) {
		srm_item_set(i, CODE_NOT_SUPPORTED, "none of these protocols");
		return 0;
	}
	if (may_put(c, i, q->over) < 0)
		return -1;
	if (i->code != CODE_SUCCESS)
		return 0;
	f->size = i->size;
	if (asprintf(&f->temp, "%.*s/" SRM_HIDDEN "%s.%lld",
		(int)(strrchr(i->path, '/') - i->path), i->path, q->token,
		f->n) < 0)
		die(EXIT_IO, "out of memory");
	f->turl = turl_of(prefix, f->temp);
	return 0;
}

int
srm_run_put(struct srm_call *c)
{
	const char *over = srm_soap_get(c->ask, NULL, "overwriteOption");
	struct srm_request q = { .kind = SRM_PUT, .owner = c->who->dn };
	const char *prefix = prefix_for(c);
	struct srm_file *f;
	int rc = 0;
	size_t i;

	if (c->items == 0)
		return no_surl(c);
	if (forget_some(c) < 0)
		return -1;
	lifetime(c, &q);
	q.over = over != NULL && strcmp(over, "NEVER") != 0;
	srm_token(q.token);
	f = new_files(c);
	for (i = 0; rc == 0 && i < c->items; i++)
		rc = put_one(c, prefix, &q, &c->item[i]);
	if (rc == 0)
		rc = begin(c, &q, f);
	srm_files_free(f, c->items);
	return rc;
}

/* ---- coming back ---- */

struct back {
	struct srm_request q;
	struct srm_file *f;
	size_t n;
};

static void
let_go(struct back *b)
{
	free(b->q.owner);
	srm_files_free(b->f, b->n);
}

/*
 * The request of the token: 1; 0: it was answered, since there is none, or
 * it is another's; -1.
 */
static int
come_back(struct srm_call *c, struct back *b)
{
	const char *token = srm_soap_get(c->ask, NULL, "requestToken");
	int got;

	*b = (struct back){ 0 };
	got = srm_requests_get(c->a->requests, token ? token : "", &b->q, &b->f,
	    &b->n, &c->broken);
	if (got < 0)
		return -1;
	if (got == 0 || (c->op->kind && c->op->kind != (int)b->q.kind)) {
		srm_status(c, "returnStatus", CODE_INVALID_REQUEST,
		    "there is no such request token");
	} else if (strcmp(b->q.owner, c->who->dn) != 0 && !srm_is_admin(c)) {
		srm_status(
		    c, "returnStatus", CODE_DENIED, "the request is another's");
	} else {
		return 1;
	}
	let_go(b);
	return 0;
}

/*
 * Each item's file; without any SURL all files are meant.  An item that the
 * request has not is CODE_INVALID_PATH.
 */
static void
match(struct srm_call *c, struct back *b)
{
	size_t i, k;

	if (c->items == 0) {
		c->item = calloc(b->n + 1, sizeof *c->item);
		if (c->item == NULL)
			die(EXIT_IO, "out of memory");
		c->items = b->n;
		for (i = 0; i < b->n; i++) {
			c->item[i].surl = b->f[i].surl;
			c->item[i].path = copy(b->f[i].path);
			c->item[i].file = &b->f[i];
		}
		return;
	}
	for (i = k = 0; i < c->items; i++) {
		struct srm_item *t = &c->item[i];
		size_t tried;

		/* they mostly come in the request's own order */
		for (tried = 0; tried < b->n && t->path; tried++, k++)
			if (strcmp(b->f[k % b->n].path, t->path) == 0)
				break;
		if (t->path == NULL || tried == b->n)
			srm_item_set(t, CODE_INVALID_PATH,
			    "the request has no such SURL");
		else
			t->file = &b->f[k++ % b->n];
	}
}

int
srm_run_status(struct srm_call *c)
{
	struct back b;
	const char *text;
	int got = come_back(c, &b), code;
	size_t i;

	if (got <= 0)
		return got;
	match(c, &b);
	for (i = 0; i < c->items && got > 0; i++)
		if (c->item[i].file != NULL && stands(c, &b.q, &c->item[i]) < 0)
			got = -1;
	if (got > 0) {
		code = srm_overall(c, &text);
		srm_status(c, "returnStatus", code, text);
		write_files(c, &b.q);
		write_request(c, &b.q);
	}
	let_go(&b);
	return got < 0 ? -1 : 0;
}

static int
set_state(struct srm_call *c, const struct back *b, struct srm_file *f,
    enum srm_state state)
{
	f->state = state;
	return srm_requests_set(c->a->requests, b->q.token, f, &c->broken);
}

/* ---- srmPutDone ---- */

/*
 * It was killed between the change of the name and the word that it was made:
 * is what has the name now what we gave it to?
 */
static bool
has_settled(struct srm_call *c, const struct srm_file *f)
{
	unsigned long long inode;

	return f->state == SRM_SETTLING &&
	       srm_dir_inode(c->a->dir, f->temp, &inode) == ENOENT &&
	       srm_dir_inode(c->a->dir, f->path, &inode) == 0 &&
	       inode == f->inode;
}

static int
put_done(struct srm_call *c, const struct back *b, struct srm_item *i)
{
	struct srm_file *f = i->file;
	unsigned long long size = 0;
	int rc;

	if (has_settled(c, f))
		return set_state(c, b, f, SRM_DONE);
	rc = srm_dir_sync(c->a->dir, f->temp, &size, &f->inode);
	if (rc == ENOENT) {
		srm_item_set(i, CODE_INVALID_PATH, "nothing was written");
		return 0;
	}
	if (rc == 0 && f->size > 0 && size != (unsigned long long)f->size) {
		srm_item_set(i, CODE_FAILURE, NULL);
		snprintf(i->why, sizeof i->why, "%llu bytes came, not %lld",
		    size, f->size);
		return 0;
	}
	if (rc == 0 && set_state(c, b, f, SRM_SETTLING) < 0)
		return -1;
	if (rc == 0)
		rc = srm_dir_settle(c->a->dir, f->temp, f->path, b->q.over);
	if (rc == 0)
		return set_state(c, b, f, SRM_DONE);
	srm_item_errno(i, rc);
	return set_state(c, b, f, SRM_OPEN);
}

int
srm_run_put_done(struct srm_call *c)
{
	struct back b;
	int got = come_back(c, &b);
	struct srm_item *i;

	if (got <= 0)
		return got;
	match(c, &b);
	for (i = c->item; i < c->item + c->items && got > 0; i++) {
		if (i->code != CODE_SUCCESS)
			continue;
		if (i->file->state == SRM_OPEN ||
		    i->file->state == SRM_SETTLING) {
			/* without SURLs nobody has looked at them */
			if (!srm_may(c, SRM_WRITE, i->path))
				srm_item_set(
				    i, CODE_DENIED, "permission denied");
			else if (put_done(c, &b, i) < 0)
				got = -1;
		} else if (stands(c, &b.q, i) < 0)
			got = -1;
		srm_item_failed(c, i);
	}
	if (got > 0) {
		srm_return_items(c);
		srm_write_items(c);
	}
	let_go(&b);
	return got < 0 ? -1 : 0;
}

/* ---- srmReleaseFiles ---- */

/* Without a token: wherever this client has pinned them. */
static int
release_everywhere(struct srm_call *c)
{
	struct srm_item *i;

	if (c->items == 0)
		return no_surl(c);
	for (i = c->item; i < c->item + c->items; i++)
		if (i->code == CODE_SUCCESS &&
		    srm_requests_release(
			c->a->requests, c->who->dn, i->path, &c->broken) < 0)
			return -1;
	srm_return_items(c);
	srm_write_items(c);
	return 0;
}

int
srm_run_release(struct srm_call *c)
{
	struct back b;
	struct srm_item *i;
	int got;

	if (srm_soap_get(c->ask, NULL, "requestToken") == NULL)
		return release_everywhere(c);
	if ((got = come_back(c, &b)) <= 0)
		return got;
	match(c, &b);
	for (i = c->item; i < c->item + c->items && got > 0; i++)
		if (i->file != NULL && i->file->state == SRM_OPEN &&
		    b.q.kind != SRM_PUT &&
		    set_state(c, &b, i->file, SRM_RELEASED) < 0)
			got = -1;
	if (got > 0) {
		srm_return_items(c);
		srm_write_items(c);
	}
	let_go(&b);
	return got < 0 ? -1 : 0;
}

/* ---- srmAbortFiles, srmAbortRequest ---- */

static int
abort_one(struct srm_call *c, const struct back *b, struct srm_file *f)
{
	const struct srm_back *back = c->a->is->back;
	int rc;

	if (f->state != SRM_OPEN && f->state != SRM_SETTLING)
		return 0;
	if (has_settled(c, f))
		return set_state(c, b, f, SRM_DONE);
	if (set_state(c, b, f, SRM_ABORTED) < 0)
		return -1;
	if (b->q.kind == SRM_PUT) {
		rc = srm_dir_remove(c->a->dir, f->temp);
		if (rc != 0 && rc != ENOENT)
			say_warning("what an aborted put wrote stays: %s",
			    strerror(rc));
	} else if (back != NULL && back->cancel != NULL && f->ticket[0])
		return back->cancel(back->arg, f->path, f->ticket, &c->broken);
	return 0;
}

static int
abort_all(struct srm_call *c, bool files)
{
	struct back b;
	struct srm_item *i;
	int got = come_back(c, &b);

	if (got <= 0)
		return got;
	match(c, &b);
	for (i = c->item; i < c->item + c->items && got > 0; i++)
		if (i->file != NULL && abort_one(c, &b, i->file) < 0)
			got = -1;
	if (got > 0) {
		srm_return_items(c);
		if (files)
			srm_write_items(c);
	}
	let_go(&b);
	return got < 0 ? -1 : 0;
}

int
srm_run_abort_files(struct srm_call *c)
{
	return abort_all(c, true);
}

int
srm_run_abort(struct srm_call *c)
{
	return abort_all(c, false);
}
