/* SRM's operations that begin a request, which a client comes back for. */

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

/* ---- srmPrepareToGet, srmBringOnline ---- */

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
		f[i].surl = srm_copy(c->item[i].surl);
		f[i].path = srm_copy(c->item[i].path ? c->item[i].path : "");
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
	i->file->why = srm_copy(i->why);
}

/* Can it be had, and is it here?  0 or -1. */
static int
get_one(struct srm_call *c, const char *prefix, struct srm_item *i)
{
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
	if (i->code == CODE_SUCCESS && c->op->kind == SRM_GET)
		i->file->turl = turl_of(prefix, i->path);
	return 0;
}

/* Have brought online what can be had and is not.  0 or -1. */
static int
stage(struct srm_call *c)
{
	const struct srm_back *b = c->a->is->back;
	const char **path = calloc(c->items, sizeof *path);
	char(*ticket)[SRM_TICKET] = calloc(c->items, sizeof *ticket);
	struct srm_item *i, *end = c->item + c->items;
	unsigned n = 0;
	int rc = 0;

	if (path == NULL || ticket == NULL)
		die(EXIT_IO, "out of memory");
	for (i = c->item; i < end; i++)
		if (i->code == CODE_SUCCESS && !i->info.online)
			path[n++] = i->path;
	if (n > 0)
		rc = b->stage(b->arg, path, n, c->who, ticket, &c->broken);
	for (i = c->item, n = 0; rc == 0 && i < end; i++)
		if (i->code == CODE_SUCCESS && !i->info.online)
			i->file->ticket = srm_copy(ticket[n++]);
	free(path);
	free(ticket);
	return rc;
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
		} else if (srm_stands(c, q, &c->item[i]) < 0)
			return -1;
	}
	if (srm_requests_add(c->a->requests, q, f, c->items, &c->broken) < 0)
		return -1;
	code = srm_overall(c, &text);
	srm_status(c, "returnStatus", code, text);
	srm_text(c->out, "requestToken", q->token);
	srm_write_request(c, q);
	return 0;
}

int
srm_no_surl(struct srm_call *c)
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
		return srm_no_surl(c);
	if (forget_some(c) < 0)
		return -1;
	lifetime(c, &q);
	f = new_files(c);
	for (i = 0; rc == 0 && i < c->items; i++)
		rc = get_one(c, prefix, &c->item[i]);
	if (rc == 0)
		rc = stage(c);
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
		return srm_no_surl(c);
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
