#ifndef AUDIT_H
#define AUDIT_H

#include "say.h"
#include "who.h"

/*
 * Audit: what was asked, by whom, and what was answered, one line each, to a
 * file and to syslog (RFC 5424).  audit(5) has the form.  What cannot be
 * written down is not done: the caller refuses when audit_flush() fails.
 */
struct audit;

/*
 * file: appended to, made 0600 if missing; may be /dev/fd/N; NULL: none.
 * syslog: a datagram socket's path ("/dev/log"); NULL: none.  service goes
 * into every line.  NULL with *w.
 */
struct audit *audit_open(
    const char *file, const char *syslog, const char *service, struct why *w);
void audit_close(struct audit *a);

/* Open the file again, under its name: it was rotated.  0, or -1 with *w. */
int audit_reopen(struct audit *a, struct why *w);

/*
 * A line, kept until audit_flush().  who may be NULL (not known yet); peer is
 * the client's address, op what it asked for, id of what (NULL: of nothing),
 * answer the outcome, text the reason in words (NULL: none).  bad marks a
 * refusal or failure, for syslog's severity.
 */
void audit_add(struct audit *a, const char *peer, const struct who *who,
    const char *op, const char *id, const char *answer, const char *text,
    int bad);

/*
 * Write what was added.  0, or -1 with *w (EXIT_IO): it is not on record, or
 * not all of it.  Either way nothing is kept.
 */
int audit_flush(struct audit *a, struct why *w);

#endif
