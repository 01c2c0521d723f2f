#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srm_impl.h"
#include "word.h"

enum { OK = 200, BAD = 400, LATER = 503 };

static const char *const names[CODES] = {
	[CODE_SUCCESS] = "SRM_SUCCESS",
	[CODE_FAILURE] = "SRM_FAILURE",
	[CODE_PARTIAL] = "SRM_PARTIAL_SUCCESS",
	[CODE_DENIED] = "SRM_AUTHORIZATION_FAILURE",
	[CODE_INVALID_REQUEST] = "SRM_INVALID_REQUEST",
	[CODE_INVALID_PATH] = "SRM_INVALID_PATH",
	[CODE_DUPLICATION] = "SRM_DUPLICATION_ERROR",
	[CODE_NOT_EMPTY] = "SRM_NON_EMPTY_DIRECTORY",
	[CODE_NO_SPACE] = "SRM_NO_FREE_SPACE",
	[CODE_INTERNAL] = "SRM_INTERNAL_ERROR",
	[CODE_NOT_SUPPORTED] = "SRM_NOT_SUPPORTED",
	[CODE_TOO_MANY] = "SRM_TOO_MANY_RESULTS",
	[CODE_QUEUED] = "SRM_REQUEST_QUEUED",
	[CODE_IN_PROGRESS] = "SRM_REQUEST_INPROGRESS",
	[CODE_PINNED] = "SRM_FILE_PINNED",
	[CODE_SPACE] = "SRM_SPACE_AVAILABLE",
	[CODE_RELEASED] = "SRM_RELEASED",
	[CODE_ABORTED] = "SRM_ABORTED",
	[CODE_EXPIRED] = "SRM_FILE_LIFETIME_EXPIRED",
	[CODE_UNAVAILABLE] = "SRM_FILE_UNAVAILABLE",
};

const char *
srm_code_name(int code)
{
	return code >= 0 && code < CODES ? names[code] : names[CODE_INTERNAL];
}

/* ---- the whole ---- */

static const struct srm_policy nobody;

struct srm_api *
srm_api_open(const struct srm_setup *setup, struct why *w)
{
	struct srm_api *a = calloc(1, sizeof *a);

	if (a == NULL)
		die(EXIT_IO, "out of memory");
	a->is = setup;
	a->policy = &nobody;
	if ((a->dir = srm_dir_open(setup->root, w)) != NULL &&
	    (a->requests = srm_requests_open(setup->url, setup->create, w)) !=
		NULL)
		return a;
	srm_api_close(a);
	return NULL;
}

void
srm_api_close(struct srm_api *a)
{
	if (a == NULL)
		return;
	srm_dir_close(a->dir);
	srm_requests_close(a->requests);
	free(a);
}

void
srm_api_policy(struct srm_api *a, const struct srm_policy *policy)
{
	a->policy = policy;
}

int
srm_api_ping(struct srm_api *a, struct why *w)
{
	return srm_requests_ping(a->requests, w);
}

/* ---- who may ---- */

static bool
listed(const struct who *who, const char *const *v, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (strcmp(v[i], "*") == 0)
			return true;
	return who_among(who, v, n);
}

bool
srm_is_admin(const struct srm_call *c)
{
	const struct srm_policy *p = c->a->policy;

	return who_among(c->who, p->admin, p->admins);
}

bool
srm_may(const struct srm_call *c, enum srm_right right, const char *path)
{
	const struct srm_policy *p = c->a->policy;

	return srm_is_admin(c) ||
	       (right == SRM_WRITE &&
		   listed(c->who, p->creator, p->creators)) ||
	       (p->rules != NULL &&
		   srm_rules_allow(p->rules, c->who, right, path));
}

/* ---- SURLs ---- */

/*
 * The path of a SURL: "srm://HOST/srm/managerv2?SFN=PATH", "srm://HOST/PATH",
 * or a path.  Host and port are whatever the client knows us by.  NULL: it is
 * no path of ours.
 */
static char *
path_of(const char *surl)
{
	const char *p = surl, *sfn, *end;
	char *path, *o;

	if (strncmp(p, "srm://", 6) == 0) {
		sfn = strstr(p, "?SFN=");
		p = sfn ? sfn + 5 : strchr(p + 6, '/');
	}
	if (p == NULL || *p != '/' || strlen(p) >= SRM_PATH - 80 ||
	    !srm_sayable(p))
		return NULL;
	if ((o = path = malloc(strlen(p) + 2)) == NULL)
		die(EXIT_IO, "out of memory");
	for (; *p; p = end) {
		p += strspn(p, "/");
		end = p + strcspn(p, "/");
		if (p == end)
			break;
		if ((end - p == 1 && p[0] == '.') ||
		    (end - p == 2 && p[0] == '.' && p[1] == '.') ||
		    strncmp(p, SRM_HIDDEN, strlen(SRM_HIDDEN)) == 0) {
			free(path);
			return NULL;
		}
		*o++ = '/';
		memcpy(o, p, (size_t)(end - p));
		o += end - p;
	}
	if (o == path)
		*o++ = '/';
	*o = '\0';
	return path;
}

/* Is name one of the words of list? */
static bool
is_word(const char *list, const char *name)
{
	size_t n = strlen(name);
	const char *p = list;

	for (; (p = strstr(p, name)) != NULL; p += n)
		if ((p == list || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

static struct srm_item *
add_item(struct srm_call *c, size_t *room, const char *surl)
{
	struct srm_item *i = c->item;

	if (c->items == *room) {
		*room = *room ? 2 * *room : 16;
		i = reallocarray(c->item, *room, sizeof *i);
	}
	if (i == NULL)
		die(EXIT_IO, "out of memory");
	c->item = i;
	i += c->items++;
	memset(i, 0, sizeof *i);
	i->surl = surl;
	if ((i->path = path_of(surl)) == NULL)
		srm_item_set(i, CODE_INVALID_PATH, "not a path");
	return i;
}

/* The SURLs of the request, with the size that follows one. */
static int
collect(struct srm_call *c, struct why *w)
{
	const struct srm_soap *s = c->ask;
	size_t i, room = 0;

	for (i = 0; c->op->surls != NULL && i < s->leaves; i++) {
		const struct srm_leaf *l = &s->leaf[i];

		if (is_word(c->op->surls, l->name)) {
			if (c->items == SRM_ITEMS)
				return why_set(w, EXIT_DATA,
				    "more than %d SURLs in a request",
				    SRM_ITEMS);
			add_item(c, &room, l->text);
		} else if (c->items > 0 &&
			   strcmp(l->name, "expectedFileSize") == 0)
			c->item[c->items - 1].size = atoll(l->text);
	}
	return 0;
}

static void
record(
    struct srm_call *c, const struct srm_item *i, const char *answer, bool bad)
{
	char word[WORD_MAX(SRM_PATH)];

	if (c->a->is->record == NULL)
		return;
	if (i != NULL && i->path != NULL)
		word_encode(word, i->path, strlen(i->path));
	c->a->is->record(c->a->is->arg, c->who, c->op->brief,
	    i != NULL && i->path != NULL ? word : NULL, answer, bad);
}

/* May they?  All of that is on record before anything is done. */
static int
authorise(struct srm_call *c, struct why *w)
{
	struct srm_item *i;

	for (i = c->item; i < c->item + c->items; i++) {
		if (i->path == NULL)
			continue;
		if (c->op->right == 0 || srm_may(c, c->op->right, i->path)) {
			record(c, i, "allowed", false);
			continue;
		}
		srm_item_set(i, CODE_DENIED, "permission denied");
		record(c, i, "denied", true);
	}
	if (c->items == 0)
		record(c, NULL, "allowed", false);
	return c->a->is->flush ? c->a->is->flush(c->a->is->arg, w) : 0;
}

/* ---- outcomes ---- */

void
srm_item_set(struct srm_item *i, int code, const char *text)
{
	i->code = code;
	snprintf(i->why, sizeof i->why, "%s", text ? text : "");
}

void
srm_item_errno(struct srm_item *i, int error)
{
	int code = CODE_INTERNAL;

	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case EXDEV:
	case ENAMETOOLONG:
	case EINVAL:
	case EBUSY:
		code = CODE_INVALID_PATH;
		break;
	case EEXIST:
		code = CODE_DUPLICATION;
		break;
	case ENOTEMPTY:
		code = CODE_NOT_EMPTY;
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		code = CODE_DENIED;
		break;
	case ENOSPC:
	case EDQUOT:
		code = CODE_NO_SPACE;
		break;
	}
	srm_item_set(i, code, strerror(error));
}

void
srm_item_failed(struct srm_call *c, const struct srm_item *i)
{
	if (i->path != NULL && i->code != CODE_DENIED && !srm_is_good(i->code))
		record(c, i, "failed", true);
}

bool
srm_is_good(int code)
{
	return code == CODE_SUCCESS || code == CODE_PINNED ||
	       code == CODE_SPACE || code == CODE_RELEASED;
}

int
srm_overall(const struct srm_call *c, const char **text)
{
	size_t i, good = 0, waiting = 0, queued = 0;

	*text = NULL;
	for (i = 0; i < c->items; i++) {
		int code = c->item[i].code;

		good += srm_is_good(code);
		queued += code == CODE_QUEUED;
		waiting += code == CODE_QUEUED || code == CODE_IN_PROGRESS;
		if (*text == NULL && !srm_is_good(code) && c->item[i].why[0])
			*text = c->item[i].why;
	}
	if (c->items == 1 && c->item->code == CODE_TOO_MANY)
		return CODE_TOO_MANY;
	if (waiting > 0) {
		*text = NULL;
		return queued == waiting ? CODE_QUEUED : CODE_IN_PROGRESS;
	}
	if (good == c->items)
		return CODE_SUCCESS;
	return good > 0 ? CODE_PARTIAL : CODE_FAILURE;
}

void
srm_status(struct srm_call *c, const char *element, int code, const char *text)
{
	srm_open(c->out, element);
	srm_text(c->out, "statusCode", srm_code_name(code));
	if (text != NULL && *text)
		srm_text(c->out, "explanation", text);
	srm_close(c->out);
}

void
srm_return_items(struct srm_call *c)
{
	const char *text;
	int code = srm_overall(c, &text);

	srm_status(c, "returnStatus", code, text);
}

void
srm_write_items(struct srm_call *c)
{
	struct srm_item *i;

	srm_open(c->out, "arrayOfFileStatuses");
	for (i = c->item; i < c->item + c->items; i++) {
		srm_open(c->out, "statusArray");
		srm_text(c->out, "surl", i->surl);
		srm_status(c, "status", i->code, i->why);
		srm_close(c->out);
	}
	srm_close(c->out);
}

/* ---- arguments ---- */

long long
srm_argument(const struct srm_call *c, const char *name, long long otherwise)
{
	const char *text = srm_soap_get(c->ask, NULL, name);
	char *end;
	long long v;

	if (text == NULL || *text == '\0')
		return otherwise;
	errno = 0;
	v = strtoll(text, &end, 10);
	return errno || *end || v < 0 ? otherwise : v;
}

bool
srm_flag(const struct srm_call *c, const char *name)
{
	const char *text = srm_soap_get(c->ask, NULL, name);

	return text != NULL &&
	       (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

int
srm_look(struct srm_call *c, const char *path, struct srm_info *info)
{
	const struct srm_back *b = c->a->is->back;
	struct srm_info near;
	int got = 0, rc = srm_dir_stat(c->a->dir, path, info);

	if (b != NULL && (rc == 0 || rc == ENOENT))
		got = b->stat(b->arg, path, &near, &c->broken);
	if (got < 0)
		return -1;
	if (got == 0)
		return rc;
	if (rc == 0)
		info->nearline = near.nearline && !info->directory;
	else
		*info = near;
	return 0;
}

/* ---- a call ---- */

struct srm_call *
srm_call(struct srm_api *a, const struct who *who,
    void (*put)(void *arg, const void *bytes, size_t n), void *arg)
{
	struct srm_call *c = calloc(1, sizeof *c);

	if (c == NULL)
		die(EXIT_IO, "out of memory");
	c->a = a;
	c->who = who;
	c->put = put;
	c->arg = arg;
	c->parser = srm_parser_new();
	return c;
}

void
srm_free(struct srm_call *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->items; i++) {
		free(c->item[i].path);
		srm_names_free(&c->item[i].names);
	}
	free(c->item);
	if (c->came)
		free(c->q.owner);
	srm_files_free(c->file, c->files);
	srm_sum_free(c->sum);
	if (c->out != NULL)
		srm_writer_free(c->out);
	srm_parser_free(c->parser);
	free(c);
}

int
srm_feed(struct srm_call *c, const void *bytes, size_t n, struct why *w)
{
	return srm_parser_feed(c->parser, bytes, n, w) < 0 ? BAD : 0;
}

static const struct srm_op unknown = { "", "unknown", NULL, 0, NULL, NULL, 0 };

/* All has come: which operation, of which SURLs, and may they? */
static int
begin(struct srm_call *c, struct why *w)
{
	const struct srm_op *op;

	if ((c->ask = srm_parser_end(c->parser, w)) == NULL)
		return BAD;
	for (op = srm_ops; op->name; op++)
		if (strcmp(op->name, c->ask->op) == 0)
			break;
	c->op = op->name ? op : &unknown;
	if (collect(c, w) < 0)
		return BAD;
	return authorise(c, w) < 0 ? LATER : 0;
}

static void
answer(struct srm_call *c)
{
	const void *bytes;
	size_t n;

	bytes = srm_writer_end(c->out, &n);
	c->put(c->arg, bytes, n);
}

int
srm_finish(struct srm_call *c, struct why *w)
{
	int status;

	if (c->op == NULL && (status = begin(c, w)) != 0)
		return status;
	if (c->op->prepare != NULL && c->op->prepare(c) > 0)
		return 0;
	c->out = srm_writer_new(c->ask->op);
	if (c->op->run == NULL)
		srm_status(c, "returnStatus", CODE_NOT_SUPPORTED,
		    "not an operation of this service");
	else if (c->broken.code || c->op->run(c) < 0) {
		say_error("%s: %s", c->op->name, c->broken.text);
		srm_writer_free(c->out);
		c->out = srm_writer_new(c->ask->op);
		srm_status(c, "returnStatus", CODE_INTERNAL,
		    "the service could not; try again");
	}
	/* What failed after it was allowed; nothing is undone for that. */
	if (c->a->is->flush != NULL && c->a->is->flush(c->a->is->arg, w) < 0)
		say_error("%s", w->text);
	answer(c);
	return OK;
}
