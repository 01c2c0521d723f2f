/* srm-copy: records to a storage, from it, or from one to another */

#include <stdio.h>
#include <string.h>

#include "copy.h"
#include "grid.h"
#include "opt.h"
#include "replica.h"
#include "secret.h"

static const char *to, *range, *bad_file;
static int from, replicate, parallel;
#define allow opt_lists[0]

static const struct poptOption options[] = {
	{ "to", '\0', POPT_ARG_STRING, &to, 0,
	    "store records at URL, write a manifest", "URL" },
	{ "from", '\0', POPT_ARG_NONE, &from, 0,
	    "read a manifest, write its records", NULL },
	{ "replicate", '\0', POPT_ARG_NONE, &replicate, 0,
	    "with --to: read a manifest, store its objects at URL too", NULL },
	{ "allow", '\0', POPT_ARG_STRING, NULL, OPT_LIST,
	    "read this storage (default: $MDM_STORAGE)", "URL" },
	{ "parallel", '\0', POPT_ARG_INT, &parallel, 0,
	    "transfers at once (default: 4; to and from files 1)", "N" },
	{ "range", '\0', POPT_ARG_STRING, &range, 0,
	    "with --from: these bytes only", "FIRST-LAST" },
	{ "bad", '\0', POPT_ARG_STRING, &bad_file, 0,
	    "name the replicas that failed here", "FILE" },
	OPT_COMMON
};

#define PARALLEL_MAX 64
#define TOKEN_COST (1u << 16) /* secure memory of a transfer */

static void
parse_range(struct copy *c)
{
	unsigned long long last;
	char more;
	int n;

	if (range == NULL)
		return;
	n = sscanf(range, "%llu-%llu%c", &c->first, &last, &more);
	if (strspn(range, "0123456789-") != strlen(range) || n < 1 ||
	    strchr(range, '-') == NULL || (n == 2 && last < c->first) ||
	    c->first > 1ULL << 60)
		die(EXIT_USAGE, "--range: not FIRST-LAST or FIRST-");
	if (n == 2)
		c->count = (long long)(last - c->first + 1);
}

int
main(int argc, char **argv)
{
	struct copy c = { .count = -1 };

	if (*opt_parse(argc, argv, options,
		"--to URL < records > manifest, or --from < manifest > "
		"records"))
		die(EXIT_USAGE, "takes no operands");
	if (from && (to != NULL || replicate))
		die(EXIT_USAGE, "takes --to or --from, not both");
	if (parallel < 0 || parallel > PARALLEL_MAX)
		die(EXIT_USAGE, "--parallel: not from 1 to %d", PARALLEL_MAX);
	if (range != NULL && !from)
		die(EXIT_USAGE, "--range is for --from");
	if (replicate && to == NULL)
		die(EXIT_USAGE, "--replicate needs --to");
	secret_init((PARALLEL_MAX + 1) * TOKEN_COST);
	if (from || replicate) {
		replica_open(&allow);
		replica_report(bad_file);
	}
	parse_range(&c);
	c.parallel = parallel;
	c.to = from || replicate ? to : grid_default(to);
	return from ? copy_from(&c) : replicate ? copy_across(&c) : copy_to(&c);
}
