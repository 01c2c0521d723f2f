#ifndef REC_IMPL_H
#define REC_IMPL_H

/* What recin.c and recout.c share with rec.c; nobody else includes this. */

#include "rec.h"

#define PREFIX "user.mdm."
#define END ".end"

/* Attributes that are this module's own; nobody above sees them. */
#define OWN "rec."
#define MORE "rec.more" /* "1": the next member continues this record */
#define PART "rec.part" /* the number of a continuing member, from 1 */
#define VOID "rec.void" /* "1": the record is withdrawn */
#define SIZE "rec.size" /* bytes of all parts, when known at the beginning */

#define BLOCK 512
#define BUF (1 << 18)

/*
 * Pipes of this size, where the user's share of pipe memory allows: with two
 * programs at work, each waits for the other a tenth as often as with 64 KiB.
 */
#define PIPE (1 << 20)

/* Large enough for most headers, and little of a body that is to be moved. */
#define HEADER 4096

/* Below this a body is copied: setting up to move pages costs more. */
#define MOVE (1 << 16)

/* p, or die EXIT_IO. */
void *rec_need(void *p);

/* The name of the member that holds a record, and back (in place). */
void rec_member_name(char out[REC_NAME_MAX + 32], const char *name);
void rec_record_name(char *name);

#endif
