#ifndef REC_H
#define REC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "say.h"

/*
 * Record streams, rec(5): how objects and what is known about them move down
 * a pipe.
 *
 * A stream is a pax tar archive; any tar lists it.  A record is a regular
 * file; what is known about it rides as extended attributes "user.mdm.KEY".
 * The last member is ".end", whose body is the number of records before it
 * in decimal.  A stream without it, with a wrong count or with more after it
 * was cut or tampered with: tar itself cannot tell, because an archive cut
 * between two members is still an archive.
 *
 * Bodies are streamed and never held.  What is not known when a record begins
 * (its size, a digest of its bytes) comes later: a member with the attribute
 * "more" is continued by the next member, which has "part" = 1, 2, ... and the
 * name NAME.partN, so that a plain "tar x" leaves pieces that cat joins.  This
 * module joins them again; nobody above sees parts.  The last part may carry
 * "void": the producer found out too late that the object is damaged, and
 * withdraws the record.
 */

#define REC_UNKNOWN (-1LL)   /* a size not known yet */
#define REC_SMALL (1L << 20) /* bodies up to this are held to be one member */
#define REC_PART (8L << 20)  /* bytes of a part whose total is unknown */
#define REC_NAME_MAX 4096    /* bytes of a name */
#define REC_ATTRS 64         /* attributes of a record */
#define REC_ATTR_MAX 65536   /* bytes of one value */

struct rec {
	char *name;     /* owned; any bytes but NUL; never NULL once read */
	long long size; /* bytes of the whole body, or REC_UNKNOWN */
	struct rec_attr {
		char *key;   /* owned; without "user.mdm." */
		char *value; /* owned; len bytes and a NUL */
		size_t len;
	} attr[REC_ATTRS];
	int attrs;
};

void rec_init(struct rec *r);
void rec_clear(struct rec *r); /* free what r holds; r is then as new */
void rec_copy(struct rec *to, const struct rec *from);

/* Copies; a second set of a key replaces.  Die EXIT_DATA beyond the limits. */
void rec_set_name(struct rec *r, const char *name);
void rec_set(struct rec *r, const char *key, const void *value, size_t len);
void rec_set_text(struct rec *r, const char *key, const char *text);
void rec_unset(struct rec *r, const char *key);

/* The value, NUL-terminated, its length in *len unless NULL; NULL if unset. */
const char *rec_get(const struct rec *r, const char *key, size_t *len);

/* Append "PROG/VERSION" or "PROG/VERSION/detail" to the attribute via. */
void rec_via(struct rec *r, const char *detail);

/* A bare tar header checksum at p (512 bytes): is this a record stream? */
bool rec_is_stream(const void *p, size_t n);

/*
 * Reading.  head (copied) is what the caller has already read from fd while
 * it looked what the input is; NULL, 0 otherwise.  fd stays the caller's.
 */
struct recin *recin_open(int fd, const void *head, size_t n, struct why *w);

/*
 * Read any tar instead, before the first recin_next(): no ".end" is asked
 * for, members that are not regular files are passed over, attributes are
 * ignored, holes are read as zeros; and ".end" is an ordinary name.
 */
void recin_any_tar(struct recin *in);

/* Called before a read that would block: flush your outputs there. */
void recin_on_idle(struct recin *in, void (*fn)(void *), void *arg);

/*
 * Go to the next record, skipping what is left of this one.  Returns 1 and
 * *r, which stays the reader's and valid until the next call; 0 after ".end"
 * (and after reading fd to its end, so that the writer never sees SIGPIPE);
 * -1 with *w.  Attributes of later parts appear in *r as the body is read.
 */
int recin_next(struct recin *in, struct rec **r, struct why *w);

/*
 * The next piece of the body, in memory of the reader's, valid until the next
 * call.  Returns 1 with *p and *n > 0; 0 when the record is complete and all
 * its attributes are known; REC_VOID when it ended and was withdrawn: forget
 * it, say nothing (its producer did), and take it out of every count; -1 with
 * *w.
 */
enum { REC_VOID = 2 };
int recin_block(struct recin *in, const void **p, size_t *n, struct why *w);

/*
 * Is everything known about the record that recin_next() gave: its size, all
 * its attributes, and that it will not be withdrawn?  Then it can be passed on
 * REC_WHOLE.  Ask before reading the body.
 */
bool recin_whole(const struct recin *in);

/*
 * The same as recin_block(), copied until buf is full (1) or the body ends:
 * 0..size bytes in *got.
 */
int recin_fill(
    struct recin *in, void *buf, size_t size, size_t *got, struct why *w);

/*
 * Hand on max bytes of the body or a little more to out's open record, moving
 * pages from pipe to pipe where the kernel can.  1 if there may be more; at the
 * end as recin_block().
 */
struct recout;
int recin_copy(
    struct recin *in, struct recout *out, long long max, struct why *w);
void recin_free(struct recin *in);

/*
 * Writing.  fd stays the caller's.  Between recout_begin() and recout_done()
 * or recout_void(), recout_write() takes the body.  size is its length or
 * REC_UNKNOWN; more or fewer bytes than size are a bug and die EXIT_BUG.
 * REC_WHOLE promises that the size is right and that neither attributes nor a
 * withdrawal will follow: the body is then never held, whatever its size.
 * Bodies of up to REC_SMALL bytes without that promise are held until
 * recout_done(), so that late attributes cost nothing and a void leaves no
 * trace.
 */
enum { REC_WHOLE = 1 };
struct recout *recout_open(int fd, struct why *w);
int recout_begin(struct recout *out, const struct rec *r, long long size,
    int flags, struct why *w);
int recout_write(struct recout *out, const void *p, size_t n, struct why *w);

/*
 * Move n bytes of the open record's body from fd, a pipe or a file, to the
 * output without copying them.  Returns how many: fewer than n at fd's end.
 * 0 with errno EINVAL if it cannot be done here (nothing was moved; write
 * them). -1 with *w.
 */
long long recout_move(struct recout *out, int fd, long long n, struct why *w);

/* late: attributes to add (its name is ignored); may be NULL. */
int recout_done(struct recout *out, const struct rec *late, struct why *w);
int recout_void(struct recout *out, struct why *w);

/* Hand everything written so far to fd. */
int recout_flush(struct recout *out, struct why *w);

/* For recin_on_idle(): flush, or die EXIT_IO.  arg is a struct recout. */
void recout_idle(void *arg);

/* Append ".end" and flush.  Without it the stream is not a stream. */
int recout_end(struct recout *out, struct why *w);

/* Records done and not withdrawn. */
unsigned long recout_count(const struct recout *out);
void recout_free(struct recout *out);

#endif
