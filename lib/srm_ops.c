/* SRM's operations on names: what is answered at once. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "opt.h"
#include "srm_impl.h"

static int
run_ping(struct srm_call *c)
{
	srm_text(c->out, "versionInfo", "v2.2");
	srm_open(c->out, "otherInfo");
	srm_open(c->out, "extraInfoArray");
	srm_text(c->out, "key", "backend_type");
	srm_text(c->out, "value", "mdm");
	srm_close(c->out);
	srm_open(c->out, "extraInfoArray");
	srm_text(c->out, "key", "backend_version");
	srm_text(c->out, "value", opt_version);
	srm_close(c->out);
	srm_close(c->out);
	return 0;
}

static int
run_protocols(struct srm_call *c)
{
	const char *const *t;
	char scheme[32];

	srm_status(c, "returnStatus", CODE_SUCCESS, NULL);
	srm_open(c->out, "protocolInfo");
	for (t = c->a->is->turl; *t; t++) {
		size_t n = strcspn(*t, ":");

		if (n >= sizeof scheme)
			continue;
		memcpy(scheme, *t, n);
		scheme[n] = '\0';
		srm_open(c->out, "protocolArray");
		srm_text(c->out, "transferProtocol", scheme);
		srm_close(c->out);
	}
	srm_close(c->out);
	return 0;
}

/* ---- srmLs ---- */

static bool
wants_sum(const struct srm_call *c, const struct srm_item *i)
{
	return i->code == CODE_SUCCESS && i->info.online &&
	       i->info.adler32[0] == '\0' && srm_flag(c, "fullDetailedList");
}

/* What XML cannot say, no SURL can name. */
static void
keep_sayable(struct srm_names *names)
{
	size_t i, n = 0;

	for (i = 0; i < names->n; i++)
		if (srm_sayable(names->v[i].name))
			names->v[n++] = names->v[i];
		else
			free(names->v[i].name);
	names->n = n;
}

/* Of all names, those from offset on, and so many as are asked for. */
static void
keep_page(struct srm_call *c, struct srm_item *item)
{
	struct srm_names *l = &item->names;
	size_t offset = (size_t)srm_argument(c, "offset", 0), i, n = 0;
	long long count = srm_argument(c, "count", 0);

	for (i = 0; i < l->n; i++)
		if (i >= offset && (count == 0 || n < (size_t)count))
			l->v[n++] = l->v[i];
		else
			free(l->v[i].name);
	l->n = n;
	c->listed += n;
	if (c->listed <= SRM_ITEMS)
		return;
	srm_names_free(l);
	srm_item_set(
	    item, CODE_TOO_MANY, "list it in parts, by offset and count");
}

/* A directory's names, of both sides. */
static void
list(struct srm_call *c, struct srm_item *item)
{
	const struct srm_back *b = c->a->is->back;
	int rc = srm_dir_list(c->a->dir, item->path, &item->names);

	if (b != NULL && (rc == 0 || rc == ENOENT))
		rc = b->list(b->arg, item->path, &item->names, &c->broken);
	if (rc > 0)
		srm_item_errno(item, rc);
	keep_sayable(&item->names);
	srm_names_sort(&item->names);
	keep_page(c, item);
}

/* What is asked of is looked at, and summed in pieces, others in between. */
static int
prepare_ls(struct srm_call *c)
{
	struct srm_item *i;
	int got;

	if (c->at >= c->items)
		return 0;
	i = &c->item[c->at];
	if (c->sum == NULL && i->code == CODE_SUCCESS) {
		got = srm_look(c, i->path, &i->info);
		if (got < 0)
			return 0;
		if (got > 0)
			srm_item_errno(i, got);
		else if (i->info.directory &&
			 srm_argument(c, "numOfLevels", 1) == 1)
			list(c, i);
		if (wants_sum(c, i))
			c->sum = srm_sum_begin(c->a->dir, i->path);
	}
	if (c->sum != NULL) {
		if ((got = srm_sum_step(c->sum, i->info.adler32)) > 0)
			return 1;
		/* without a sum it is still listed */
		srm_sum_free(c->sum);
		c->sum = NULL;
	}
	return ++c->at < c->items;
}

static void
write_time(struct srm_call *c, const char *name, long long when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[40];

	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		srm_text(c->out, name, text);
}

static const char *
locality(const struct srm_info *info)
{
	if (info->directory)
		return "NONE";
	if (info->online)
		return info->nearline ? "ONLINE_AND_NEARLINE" : "ONLINE";
	return info->nearline ? "NEARLINE" : "UNAVAILABLE";
}

/* What this client may do is shown as the owner's mode. */
static const char *
mode(struct srm_call *c, const char *path, bool directory)
{
	bool w = srm_may(c, SRM_WRITE, path);

	if (directory)
		return w ? "RWX" : "RX";
	return w ? "RW" : "R";
}

/* The inside of a TMetaDataPathDetail, as far as it is about one name. */
static void
write_detail(struct srm_call *c, const char *path, const struct srm_info *info)
{
	srm_text(c->out, "path", path);
	srm_status(c, "status", CODE_SUCCESS, NULL);
	srm_number(c->out, "size", (long long)info->size);
	if (!srm_flag(c, "fullDetailedList")) {
		srm_text(
		    c->out, "type", info->directory ? "DIRECTORY" : "FILE");
		return;
	}
	write_time(c, "createdAtTime", info->mtime);
	write_time(c, "lastModificationTime", info->mtime);
	srm_text(c->out, "fileStorageType", "PERMANENT");
	srm_open(c->out, "retentionPolicyInfo");
	srm_text(c->out, "retentionPolicy",
	    info->nearline ? "CUSTODIAL" : "REPLICA");
	srm_text(
	    c->out, "accessLatency", info->nearline ? "NEARLINE" : "ONLINE");
	srm_close(c->out);
	srm_text(c->out, "fileLocality", locality(info));
	srm_text(c->out, "type", info->directory ? "DIRECTORY" : "FILE");
	srm_number(c->out, "lifetimeAssigned", -1);
	srm_number(c->out, "lifetimeLeft", -1);
	srm_open(c->out, "ownerPermission");
	srm_text(c->out, "userID", "-");
	srm_text(c->out, "mode", mode(c, path, info->directory));
	srm_close(c->out);
	srm_open(c->out, "groupPermission");
	srm_text(c->out, "groupID", "-");
	srm_text(c->out, "mode", "NONE");
	srm_close(c->out);
	srm_text(c->out, "otherPermission", "NONE");
	if (info->adler32[0]) {
		srm_text(c->out, "checkSumType", "ADLER32");
		srm_text(c->out, "checkSumValue", info->adler32);
	}
}

static void
write_below(struct srm_call *c, const struct srm_item *item)
{
	char path[SRM_PATH + 300];
	size_t i;

	srm_open(c->out, "arrayOfSubPaths");
	for (i = 0; i < item->names.n; i++) {
		snprintf(path, sizeof path, "%s/%s",
		    item->path[1] ? item->path : "", item->names.v[i].name);
		srm_open(c->out, "pathDetailArray");
		write_detail(c, path, &item->names.v[i].info);
		srm_close(c->out);
	}
	srm_close(c->out);
}

static int
run_ls(struct srm_call *c)
{
	long long levels = srm_argument(c, "numOfLevels", 1);
	struct srm_item *i;

	if (c->items == 0 || levels > 1 || srm_flag(c, "allLevelRecursive")) {
		srm_status(c, "returnStatus",
		    c->items ? CODE_NOT_SUPPORTED : CODE_INVALID_REQUEST,
		    c->items ? "one level at a time" : "no SURL");
		return 0;
	}
	srm_return_items(c);
	srm_open(c->out, "details");
	for (i = c->item; i < c->item + c->items; i++) {
		srm_open(c->out, "pathDetailArray");
		if (i->code == CODE_SUCCESS) {
			write_detail(c, i->path, &i->info);
			if (i->info.directory && levels > 0)
				write_below(c, i);
		} else {
			srm_text(c->out, "path", i->path ? i->path : i->surl);
			srm_status(c, "status", i->code, i->why);
			srm_item_failed(c, i);
		}
		srm_close(c->out);
	}
	srm_close(c->out);
	return 0;
}

/* Listings are answered at once: there is none to come back for. */
static int
run_no_token(struct srm_call *c)
{
	srm_status(c, "returnStatus", CODE_INVALID_REQUEST,
	    "there is no such request token");
	return 0;
}

static int
run_check(struct srm_call *c)
{
	struct srm_item *i;

	srm_return_items(c);
	srm_open(c->out, "arrayOfPermissions");
	for (i = c->item; i < c->item + c->items; i++) {
		srm_open(c->out, "surlPermissionArray");
		srm_text(c->out, "surl", i->surl);
		srm_status(c, "status", i->code, i->why);
		if (i->path != NULL)
			srm_text(c->out, "permission",
			    !srm_may(c, SRM_READ, i->path)
				? (srm_may(c, SRM_WRITE, i->path) ? "W"
								  : "NONE")
				: mode(c, i->path, false));
		srm_close(c->out);
	}
	srm_close(c->out);
	return 0;
}

/* ---- changes ---- */

/* What is only behind the directory is not ours to change. */
static bool
only_behind(struct srm_call *c, struct srm_item *i)
{
	struct srm_info info;

	if (srm_look(c, i->path, &info) != 0 || info.online || info.directory)
		return false;
	srm_item_set(i, CODE_NOT_SUPPORTED,
	    "it is nearline, and belongs to what is behind this service");
	return true;
}

static void
outcome(struct srm_call *c, struct srm_item *i, int error)
{
	if (error)
		srm_item_errno(i, error);
	srm_item_failed(c, i);
}

/* One at a time, others in between: each waits for the disk. */
static int
prepare_rm(struct srm_call *c)
{
	struct srm_item *i = &c->item[c->at];

	if (c->at >= c->items)
		return 0;
	if (i->code == CODE_SUCCESS && !only_behind(c, i))
		outcome(c, i, srm_dir_remove(c->a->dir, i->path));
	return ++c->at < c->items;
}

static int
run_rm(struct srm_call *c)
{
	srm_return_items(c);
	srm_write_items(c);
	return 0;
}

/* Of operations on one SURL: its own code is the request's. */
static int
return_one(struct srm_call *c, struct srm_item *i)
{
	if (c->broken.code)
		return -1;
	srm_status(c, "returnStatus", i->code, i->why);
	return 0;
}

static int
needs(struct srm_call *c, size_t n)
{
	if (c->items == n)
		return 1;
	srm_status(
	    c, "returnStatus", CODE_INVALID_REQUEST, "not so many SURLs");
	return 0;
}

static int
run_mkdir(struct srm_call *c)
{
	if (!needs(c, 1))
		return 0;
	if (c->item->code == CODE_SUCCESS)
		outcome(c, c->item, srm_dir_mkdir(c->a->dir, c->item->path));
	return return_one(c, c->item);
}

static int
run_rmdir(struct srm_call *c)
{
	if (!needs(c, 1))
		return 0;
	if (c->item->code == CODE_SUCCESS)
		outcome(c, c->item, srm_dir_rmdir(c->a->dir, c->item->path));
	return return_one(c, c->item);
}

static int
run_mv(struct srm_call *c)
{
	struct srm_item *to = c->item + 1;

	if (!needs(c, 2))
		return 0;
	if (c->item->code == CODE_SUCCESS && to->code != CODE_SUCCESS)
		srm_item_set(c->item, to->code, to->why);
	if (c->item->code == CODE_SUCCESS && !only_behind(c, c->item))
		outcome(c, c->item,
		    srm_dir_move(c->a->dir, c->item->path, to->path));
	return return_one(c, c->item);
}

const struct srm_op srm_ops[] = {
	{ "srmPing", "ping", NULL, 0, NULL, run_ping, 0 },
	{ "srmGetTransferProtocols", "protocols", NULL, 0, NULL, run_protocols,
	    0 },
	{ "srmLs", "ls", "urlArray", SRM_READ, prepare_ls, run_ls, 0 },
	{ "srmStatusOfLsRequest", "status", NULL, 0, NULL, run_no_token, 0 },
	{ "srmCheckPermission", "check", "urlArray", 0, NULL, run_check, 0 },
	{ "srmRm", "rm", "urlArray", SRM_WRITE, prepare_rm, run_rm, 0 },
	{ "srmMkdir", "mkdir", "SURL", SRM_WRITE, NULL, run_mkdir, 0 },
	{ "srmRmdir", "rmdir", "SURL", SRM_WRITE, NULL, run_rmdir, 0 },
	{ "srmMv", "mv", "fromSURL toSURL", SRM_WRITE, NULL, run_mv, 0 },
	{ "srmPrepareToGet", "get", "sourceSURL", SRM_READ, NULL, srm_run_get,
	    SRM_GET },
	{ "srmBringOnline", "online", "sourceSURL", SRM_READ, NULL, srm_run_get,
	    SRM_ONLINE },
	{ "srmPrepareToPut", "put", "targetSURL", SRM_WRITE, NULL, srm_run_put,
	    SRM_PUT },
	{ "srmStatusOfGetRequest", "status", "urlArray", 0, NULL,
	    srm_run_status, SRM_GET },
	{ "srmStatusOfBringOnlineRequest", "status", "urlArray", 0, NULL,
	    srm_run_status, SRM_ONLINE },
	{ "srmStatusOfPutRequest", "status", "urlArray", 0, NULL,
	    srm_run_status, SRM_PUT },
	{ "srmPutDone", "putdone", "urlArray", SRM_WRITE, srm_prepare_put_done,
	    srm_run_put_done, SRM_PUT },
	{ "srmReleaseFiles", "release", "urlArray", 0, NULL, srm_run_release,
	    0 },
	{ "srmAbortFiles", "abort", "urlArray", 0, NULL, srm_run_abort_files,
	    0 },
	{ "srmAbortRequest", "abort", NULL, 0, NULL, srm_run_abort, 0 },
	{ 0 },
};
