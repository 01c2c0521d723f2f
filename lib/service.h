#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>

#include "audit.h"
#include "opt.h"
#include "policy.h"
#include "serve.h"

/*
 * What the services' programs have in common: the options of serve.h and of
 * the audit, whom the operator lists, and their lives.  A program's table has
 * SERVICE_OPTIONS before OPT_COMMON; opt_lists[0] to [2] are then taken.
 */
extern struct poptOption service_options[];
#define SERVICE_OPTIONS                                                        \
	{                                                                      \
		NULL, '\0', POPT_ARG_INCLUDE_TABLE, service_options, 0,        \
		    "Options of all services:", NULL                           \
	}

/* Die EXIT_USAGE with what, unless ok. */
void service_need(bool ok, const char *what);

/* Are the common options sensible?  Dies EXIT_USAGE if not. */
void service_check(void);

/* Open the audit, named as the program in its lines; dies. */
struct audit *service_audit(void);

/* Read --policy, --creator and --admin; NULL with *w. */
struct policy *service_policy(unsigned threshold, struct why *w);

/*
 * Serve on port (":8443") unless --listen says otherwise; when we do, the
 * addresses go to --output.  Until told to stop: 0, or -1 with *w.
 */
int service_run(const char *port, struct audit *audit,
    const struct serve_app *app, struct why *w);

/*
 * Counters for serve_app's metrics: what was asked and what was answered, both
 * from a small set of static words.
 */
void service_count(const char *op, const char *answer);
void service_metrics(FILE *f, const char *name, const char *help);

#endif
