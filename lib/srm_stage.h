#ifndef SRM_STAGE_H
#define SRM_STAGE_H

#include "srm_back.h"

/*
 * A back-end in files and a command: dir has the names of what can be brought
 * into the storage element's directory root, each a file as long as what it
 * stands for (sparse, if it is only a name); the command brings one, run as
 *
 *	COMMAND PATH FILE
 *
 * by the shell, PATH as in the SURL and FILE where it must appear, whole, by
 * a rename; what XRootD calls a synchronous stagecmd.  Status 0 and a file
 * that is there is success; else the last line on its standard error goes to
 * those who asked.
 *
 * What is asked is in the database at url (srm_requests.h has its schema), and
 * worked off by a thread, `most' commands at a time; a command that the
 * service's end cut is run again.
 */
struct srm_stage_rules {
	const char *url, *root, *dir, *command;
	unsigned most;
};

struct srm_stage;

/* The rules are kept.  NULL with *w. */
struct srm_stage *srm_stage_open(
    const struct srm_stage_rules *rules, struct why *w);
/* Its commands end.  NULL is nothing. */
void srm_stage_close(struct srm_stage *s);
const struct srm_back *srm_stage_back(struct srm_stage *s);

#endif
