/* SRM's operations by the token of a request: how it stands, and its end. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "srm_impl.h"

char *
srm_copy(const char *text)
{
	char *t = strdup(text);

	if (t == NULL)
		die(EXIT_IO, "out of memory");
	return t;
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

int
srm_stands(struct srm_call *c, const struct srm_request *q, struct srm_item *i)
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

/* ---- a request, as its client is told ---- */

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

void
srm_write_request(struct srm_call *c, const struct srm_request *q)
{
	long long now = (long long)time(NULL);
	size_t i;

	srm_open(c->out, "arrayOfFileStatuses");
	for (i = 0; i < c->items; i++)
		write_file(c, q, &c->item[i]);
	srm_close(c->out);
	srm_number(c->out, "remainingTotalRequestTime",
	    q->until > now ? q->until - now : 0);
}

/* ---- coming back ---- */

/*
 * The request of the token: 1; 0: there is none, or it is another's, and
 * refuse() is the answer; -1.
 */
static int
come_back(struct srm_call *c)
{
	const char *token = srm_soap_get(c->ask, NULL, "requestToken");
	int got = srm_requests_get(c->a->requests, token ? token : "", &c->q,
	    &c->file, &c->files, &c->broken);

	c->came = got > 0;
	if (got < 0)
		return -1;
	if (got == 0 || (c->op->kind && c->op->kind != (int)c->q.kind)) {
		c->refused = CODE_INVALID_REQUEST;
		c->refusal = "there is no such request token";
	} else if (strcmp(c->q.owner, c->who->dn) != 0 && !srm_is_admin(c)) {
		c->refused = CODE_DENIED;
		c->refusal = "the request is another's";
	}
	return c->refusal == NULL;
}

static int
refuse(struct srm_call *c)
{
	srm_status(c, "returnStatus", c->refused, c->refusal);
	return 0;
}

/* Without any SURL all files are meant. */
static void
all_files(struct srm_call *c)
{
	size_t i;

	if ((c->item = calloc(c->files + 1, sizeof *c->item)) == NULL)
		die(EXIT_IO, "out of memory");
	c->items = c->files;
	for (i = 0; i < c->files; i++) {
		c->item[i].surl = c->file[i].surl;
		c->item[i].path = srm_copy(c->file[i].path);
		c->item[i].file = &c->file[i];
	}
}

/* Each item's file; one that the request has not is CODE_INVALID_PATH. */
static void
match(struct srm_call *c)
{
	size_t i, k, tried;

	if (c->items == 0) {
		all_files(c);
		return;
	}
	for (i = k = 0; i < c->items; i++) {
		struct srm_item *t = &c->item[i];

		/* they mostly come in the request's own order */
		for (tried = 0; tried < c->files && t->path; tried++, k++)
			if (strcmp(c->file[k % c->files].path, t->path) == 0)
				break;
		if (t->path == NULL || tried == c->files)
			srm_item_set(t, CODE_INVALID_PATH,
			    "the request has no such SURL");
		else
			t->file = &c->file[k++ % c->files];
	}
}

int
srm_run_status(struct srm_call *c)
{
	const char *text;
	int got = come_back(c), code;
	size_t i;

	if (got <= 0)
		return got < 0 ? -1 : refuse(c);
	match(c);
	for (i = 0; i < c->items; i++)
		if (c->item[i].file != NULL &&
		    srm_stands(c, &c->q, &c->item[i]) < 0)
			return -1;
	code = srm_overall(c, &text);
	srm_status(c, "returnStatus", code, text);
	srm_write_request(c, &c->q);
	return 0;
}

static int
set_state(struct srm_call *c, struct srm_file *f, enum srm_state state)
{
	f->state = state;
	return srm_requests_set(c->a->requests, c->q.token, f, &c->broken);
}

static int
return_all(struct srm_call *c)
{
	srm_return_items(c);
	srm_write_items(c);
	return 0;
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
put_done(struct srm_call *c, struct srm_item *i)
{
	struct srm_file *f = i->file;
	unsigned long long size = 0;
	int rc;

	if (has_settled(c, f))
		return set_state(c, f, SRM_DONE);
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
	if (rc == 0 && set_state(c, f, SRM_SETTLING) < 0)
		return -1;
	if (rc == 0)
		rc = srm_dir_settle(c->a->dir, f->temp, f->path, c->q.over);
	if (rc == 0)
		return set_state(c, f, SRM_DONE);
	srm_item_errno(i, rc);
	return set_state(c, f, SRM_OPEN);
}

/* One at a time, others in between: each waits for the disk. */
int
srm_prepare_put_done(struct srm_call *c)
{
	struct srm_item *i;
	enum srm_state state;

	if (!c->came) {
		if (come_back(c) <= 0)
			return 0;
		match(c);
	}
	if (c->at >= c->items)
		return 0;
	i = &c->item[c->at];
	if (i->code == CODE_SUCCESS) {
		state = i->file->state;
		if (state != SRM_OPEN && state != SRM_SETTLING)
			srm_stands(c, &c->q, i);
		else if (!srm_may(c, SRM_WRITE, i->path))
			/* without SURLs nobody has looked at them */
			srm_item_set(i, CODE_DENIED, "permission denied");
		else
			put_done(c, i);
		srm_item_failed(c, i);
	}
	return c->broken.code == 0 && ++c->at < c->items;
}

int
srm_run_put_done(struct srm_call *c)
{
	return c->refusal ? refuse(c) : return_all(c);
}

/* ---- srmReleaseFiles ---- */

/* Without a token: wherever this client has pinned them. */
static int
release_everywhere(struct srm_call *c)
{
	struct srm_item *i;

	for (i = c->item; i < c->item + c->items; i++)
		if (i->code == CODE_SUCCESS &&
		    srm_requests_release(
			c->a->requests, c->who->dn, i->path, &c->broken) < 0)
			return -1;
	return 0;
}

static int
release_some(struct srm_call *c)
{
	struct srm_item *i;

	for (i = c->item; i < c->item + c->items; i++)
		if (i->file != NULL && i->file->state == SRM_OPEN &&
		    c->q.kind != SRM_PUT &&
		    set_state(c, i->file, SRM_RELEASED) < 0)
			return -1;
	return 0;
}

/* Run fn, and keep all of what it wrote down or nothing. */
static int
as_one(struct srm_call *c, int (*fn)(struct srm_call *c))
{
	struct srm_requests *r = c->a->requests;

	if (srm_requests_begin(r, &c->broken) < 0)
		return -1;
	if (fn(c) == 0)
		return srm_requests_commit(r, &c->broken);
	srm_requests_rollback(r);
	return -1;
}

int
srm_run_release(struct srm_call *c)
{
	bool token = srm_soap_get(c->ask, NULL, "requestToken") != NULL;
	int got;

	if (!token && c->items == 0)
		return srm_no_surl(c);
	if (token) {
		if ((got = come_back(c)) <= 0)
			return got < 0 ? -1 : refuse(c);
		match(c);
	}
	if (as_one(c, token ? release_some : release_everywhere) < 0)
		return -1;
	return return_all(c);
}

/* ---- srmAbortFiles, srmAbortRequest ---- */

static int
mark_aborted(struct srm_call *c)
{
	struct srm_item *i;
	struct srm_file *f;

	for (i = c->item; i < c->item + c->items; i++) {
		f = i->file;
		if (f == NULL ||
		    (f->state != SRM_OPEN && f->state != SRM_SETTLING))
			continue;
		if (set_state(
			c, f, has_settled(c, f) ? SRM_DONE : SRM_ABORTED) < 0)
			return -1;
	}
	return 0;
}

/* What aborted files leave: what was written, or is asked of the back-end. */
static int
clean_up(struct srm_call *c, const struct srm_file *f)
{
	const struct srm_back *b = c->a->is->back;
	int rc;

	if (f->state != SRM_ABORTED)
		return 0;
	if (c->q.kind == SRM_PUT) {
		rc = srm_dir_remove(c->a->dir, f->temp);
		if (rc != 0 && rc != ENOENT)
			say_warning("what an aborted put wrote stays: %s",
			    strerror(rc));
	} else if (b != NULL && b->cancel != NULL && f->ticket[0])
		return b->cancel(b->arg, f->path, f->ticket, &c->broken);
	return 0;
}

static int
abort_all(struct srm_call *c)
{
	int got = come_back(c);
	size_t i;

	if (got <= 0)
		return got < 0 ? -1 : refuse(c);
	match(c);
	if (as_one(c, mark_aborted) < 0)
		return -1;
	for (i = 0; i < c->items; i++)
		if (c->item[i].file != NULL && clean_up(c, c->item[i].file) < 0)
			return -1;
	srm_return_items(c);
	return 0;
}

int
srm_run_abort_files(struct srm_call *c)
{
	if (abort_all(c) < 0)
		return -1;
	if (c->refusal == NULL)
		srm_write_items(c);
	return 0;
}

int
srm_run_abort(struct srm_call *c)
{
	return abort_all(c);
}
