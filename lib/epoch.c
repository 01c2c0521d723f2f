#include <stdlib.h>
#include <string.h>

#include "epoch.h"
#include "word.h"

/* The results, with error= of hydra-api(5) and what they are to us. */
static const struct {
	const char *error, *text;
	int code;
} known[] = {
	[EPOCH_DONE] = { "-", "has done it", 0 },
	[EPOCH_SAME] = { "-", "had done it", 0 },
	[EPOCH_MISSING] = { "missing", "does not have it any more",
	    EXIT_RETRY },
	[EPOCH_REMOVED] = { "removed", "has removed it, for ever", EXIT_NO },
	[EPOCH_OTHER] = { "other",
	    "has another share of that epoch: somebody else shares it anew",
	    EXIT_RETRY },
	[EPOCH_OLD] = { "old",
	    "has a later epoch: somebody else shares it anew", EXIT_RETRY },
	[EPOCH_DENIED] = { "denied", "does not let us", EXIT_DENIED },
	[EPOCH_DAMAGED] = { "damaged", "its row is damaged", EXIT_DATA },
	[EPOCH_BAD] = { "bad",
	    "does not take it: is the threshold less than its own?",
	    EXIT_DATA },
};
#define KNOWN (sizeof known / sizeof *known)

const char *
epoch_text(enum epoch_result r)
{
	return known[r].text;
}

int
epoch_code(enum epoch_result r)
{
	return known[r].code;
}

/* Any of the requests. */
struct asking {
	const struct share *const *share;
	const struct acl *const *right;
	const char *run;
	const uint64_t *e;
	enum epoch_result *result;
};

static void
fields(void *arg, unsigned i, struct line *l)
{
	const struct asking *a = arg;

	if (a->share != NULL)
		share_to_line(l, a->share[i]);
	if (a->right != NULL)
		acl_to_line(l, a->right[i]);
	if (a->run != NULL)
		line_add_word(l, "run", a->run);
	if (a->e != NULL)
		line_set_number(l, "e", a->e[i]);
}

static int
strange(const char *error, struct why *w)
{
	return why_set(w, EXIT_DATA, "answers error=%s", error);
}

static int
answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	static const char *const did[] = { "put", "stage", "switch", "drop" };
	const struct asking *a = arg;
	const char *word = NULL;
	unsigned j;

	if (error == NULL) {
		for (j = 0; j < 4 && word == NULL; j++)
			word = line_word(l, did[j]);
		if (word == NULL)
			return why_set(
			    w, EXIT_DATA, "an answer that says nothing");
		/* If that answer was lost, it was us. */
		a->result[i] = strcmp(word, "same") == 0 && !again ? EPOCH_SAME
								   : EPOCH_DONE;
		return 0;
	}
	if (strcmp(error, "held") == 0)
		error = "denied";
	for (j = EPOCH_MISSING; j < KNOWN; j++)
		if (strcmp(error, known[j].error) == 0) {
			a->result[i] = (enum epoch_result)j;
			return 0;
		}
	return strange(error, w);
}

static int
answer_undo(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	(void)arg;
	(void)i;
	(void)l;
	(void)again;
	return error ? strange(error, w) : 0;
}

static int
ask_names(struct store *s, const char *op, const char *const *guid, unsigned n,
    struct asking *a, struct why *w)
{
	struct store_call c = { .op = op,
		.name = guid,
		.n = n,
		.fields = fields,
		.answer = answer,
		.arg = a };

	return n == 0 ? 0 : store_call(s, &c, w);
}

static int
ask_shares(struct store *s, const char *op, unsigned n, struct asking *a,
    struct why *w)
{
	const char **guid = calloc(n + 1, sizeof *guid);
	unsigned i;
	int r;

	if (guid == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++)
		guid[i] = a->share[i]->guid;
	r = ask_names(s, op, guid, n, a, w);
	free(guid);
	return r;
}

int
epoch_stage(struct store *s, const struct share *const *share, unsigned n,
    enum epoch_result *result, struct why *w)
{
	struct asking a = { .share = share, .result = result };

	return ask_shares(s, "stage", n, &a, w);
}

int
epoch_put(struct store *s, const struct share *const *share,
    const struct acl *const *right, unsigned n, const unsigned char run[16],
    enum epoch_result *result, struct why *w)
{
	char hex[33];
	struct asking a = {
		.share = share, .right = right, .run = hex, .result = result
	};

	hex_encode(hex, run, 16);
	return ask_shares(s, "put", n, &a, w);
}

int
epoch_undo(struct store *s, const char *const *guid, unsigned n,
    const unsigned char run[16], struct why *w)
{
	char hex[33];
	struct asking a = { .run = hex };
	struct store_call c = { .op = "undo",
		.name = guid,
		.n = n,
		.fields = fields,
		.answer = answer_undo,
		.arg = &a };

	hex_encode(hex, run, 16);
	return n == 0 ? 0 : store_call(s, &c, w);
}

int
epoch_switch(struct store *s, const char *const *guid, const uint64_t *e,
    unsigned n, enum epoch_result *result, struct why *w)
{
	struct asking a = { .e = e, .result = result };

	return ask_names(s, "switch", guid, n, &a, w);
}

int
epoch_drop(struct store *s, const char *const *guid, const uint64_t *e,
    unsigned n, enum epoch_result *result, struct why *w)
{
	struct asking a = { .e = e, .result = result };

	return ask_names(s, "drop", guid, n, &a, w);
}
