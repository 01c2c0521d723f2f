#ifndef SRM_IMPL_H
#define SRM_IMPL_H

#include "srm_api.h"
#include "srm_dir.h"
#include "srm_requests.h"
#include "srm_soap.h"

/* What lib/srm_api.c, srm_ops.c, srm_async.c and srm_again.c share; nobody else
 * includes it.
 */
#define SRM_ITEMS 10000 /* SURLs of a request, and entries of a listing */

/* SRM's status codes; srm_code_name() has their names. */
enum srm_code {
	CODE_SUCCESS,
	CODE_FAILURE,
	CODE_PARTIAL,
	CODE_DENIED,
	CODE_INVALID_REQUEST,
	CODE_INVALID_PATH,
	CODE_DUPLICATION,
	CODE_NOT_EMPTY,
	CODE_NO_SPACE,
	CODE_INTERNAL,
	CODE_NOT_SUPPORTED,
	CODE_TOO_MANY,
	CODE_QUEUED,
	CODE_IN_PROGRESS,
	CODE_PINNED,
	CODE_SPACE,
	CODE_RELEASED,
	CODE_ABORTED,
	CODE_EXPIRED,
	CODE_UNAVAILABLE,
	CODES
};
const char *srm_code_name(int code);

/* A SURL that was asked, and how it went. */
struct srm_item {
	const char *surl;
	char *path; /* NULL: it is none of ours */
	int code;
	char why[240];
	long long size;         /* announced, of a put */
	struct srm_info info;   /* of srmLs, if code is CODE_SUCCESS */
	struct srm_names names; /* of a directory that is listed */
	struct srm_file *file;  /* of a request */
};

struct srm_op;

struct srm_api {
	const struct srm_setup *is;
	const struct srm_policy *policy;
	struct srm_dir *dir;
	struct srm_requests *requests;
};

struct srm_call {
	struct srm_api *a;
	const struct who *who;
	void (*put)(void *arg, const void *bytes, size_t n);
	void *arg;

	struct srm_parser *parser;
	const struct srm_soap *ask; /* once it has come */
	const struct srm_op *op;
	struct srm_item *item;
	size_t items;

	struct srm_sum *sum; /* of item[at] */
	size_t at;
	size_t listed; /* names of all items */

	/* What it comes back for, if anything. */
	struct srm_request q;
	struct srm_file *file;
	size_t files;
	bool came;           /* back */
	const char *refusal; /* or why it may not, and the code for that */
	int refused;

	struct srm_writer *out;
	struct why broken; /* code not 0: why we could not */
};

/*
 * An operation.  First the SURLs that it names in leaves of this name are gone
 * through: right is needed for each, and denied items have their code; then
 * prepare is called until it is 0, run once, and last write.  A run that fails
 * (-1 with c->broken) is answered SRM_INTERNAL_ERROR.
 */
struct srm_op {
	const char *name;                   /* SRM's */
	const char *brief;                  /* the audit's */
	const char *surls;                  /* NULL: none */
	enum srm_right right;               /* 0: none is needed */
	int (*prepare)(struct srm_call *c); /* 1: call again; NULL: nothing */
	int (*run)(struct srm_call *c);
	int kind; /* enum srm_kind, for what has one */
};
extern const struct srm_op srm_ops[]; /* ends with a NULL name */

/* ---- srm_api.c ---- */

bool srm_may(const struct srm_call *c, enum srm_right right, const char *path);
bool srm_is_admin(const struct srm_call *c);

/* An item's outcome; text may be NULL.  _errno() also says what that is. */
void srm_item_set(struct srm_item *i, int code, const char *text);
void srm_item_errno(struct srm_item *i, int error);
/* It could not be done, and the audit said that it would. */
void srm_item_failed(struct srm_call *c, const struct srm_item *i);

/* <status> or <returnStatus>. */
void srm_status(
    struct srm_call *c, const char *element, int code, const char *text);

/* returnStatus of all items together: the sum of their codes. */
int srm_overall(const struct srm_call *c, const char **text);
void srm_return_items(struct srm_call *c);

/* <arrayOfFileStatuses>: each item's surl and status. */
void srm_write_items(struct srm_call *c);

bool srm_is_good(int code);
long long srm_argument(
    const struct srm_call *c, const char *name, long long otherwise);
bool srm_flag(const struct srm_call *c, const char *name);

/* What is at path: in the directory, or behind it.  0, or an errno; -1: c is
 * broken. */
int srm_look(struct srm_call *c, const char *path, struct srm_info *info);

/* ---- srm_async.c ---- */

int srm_run_get(struct srm_call *c);
int srm_run_put(struct srm_call *c);
int srm_no_surl(struct srm_call *c); /* answers a request that has none */

/* ---- srm_again.c ---- */

/* How an item's file stands, into the item.  0, or -1: c is broken. */
int srm_stands(
    struct srm_call *c, const struct srm_request *q, struct srm_item *i);

/* <arrayOfFileStatuses> of all items, and the time that remains. */
void srm_write_request(struct srm_call *c, const struct srm_request *q);
char *srm_copy(const char *text); /* dies without memory */

int srm_run_status(struct srm_call *c);
int srm_prepare_put_done(struct srm_call *c);
int srm_run_put_done(struct srm_call *c);
int srm_run_release(struct srm_call *c);
int srm_run_abort_files(struct srm_call *c);
int srm_run_abort(struct srm_call *c);

#endif
