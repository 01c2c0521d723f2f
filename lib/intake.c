#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dimsg.h"
#include "intake.h"

/* Who wrote the file, PS3.10: of this suite, made once, random. */
#define IMPLEMENTATION "2.25.219643018274561906338201459736104402817"
#define VERSION_NAME "MDM"

void
intake_init(struct intake *in)
{
	memset(in, 0, sizeof *in);
	pthread_mutex_init(&in->lock, NULL);
	in->limit = ~0ull;
}

void
intake_way_init(struct intake_way *way, struct intake *in)
{
	memset(way, 0, sizeof *way);
	way->in = in;
}

void
intake_way_free(struct intake_way *way)
{
	free(way->buf);
	way->buf = NULL;
}

/* Room for n more bytes; they are few, or held on purpose. */
static void
reserve(struct intake_way *way, size_t n)
{
	size_t size = way->size ? way->size : 1 << 18;
	unsigned char *p;

	if (way->size - way->used >= n)
		return;
	while (size - way->used < n)
		size *= 2;
	if ((p = realloc(way->buf, size)) == NULL)
		die(EXIT_IO, "out of memory");
	way->buf = p;
	way->size = size;
}

static void
put(struct intake_way *way, const void *p, size_t n)
{
	reserve(way, n);
	memcpy(way->buf + way->used, p, n);
	way->used += n;
}

/* An element of the meta information: explicit VR, little endian. */
static void
element(struct intake_way *way, unsigned e, const char vr[3], const void *value,
    size_t n)
{
	const size_t even = n + n % 2;
	const unsigned char head[12] = { 2, 0, (unsigned char)e,
		(unsigned char)(e >> 8), (unsigned char)vr[0],
		(unsigned char)vr[1], vr[0] == 'O' ? 0 : (unsigned char)even, 0,
		(unsigned char)even };
	const char pad = vr[1] == 'H' ? ' ' : '\0';

	put(way, head, vr[0] == 'O' ? 12 : 8);
	put(way, value, n);
	put(way, &pad, n % 2);
}

static void
text(struct intake_way *way, unsigned e, const char vr[3], const char *value)
{
	element(way, e, vr, value, strlen(value));
}

void
intake_begin(struct intake_way *way, const char *sop_class, const char *sop,
    const char *syntax)
{
	static const unsigned char preamble[128];
	unsigned char length[4] = { 0 };
	size_t from;

	way->used = 0;
	way->total = 0;
	way->open = false;
	way->status = *sop_class && *sop ? 0 : DIMSG_NOT_UNDERSTOOD;
	strcpy(way->sop, sop);
	put(way, preamble, sizeof preamble);
	put(way, "DICM", 4);
	element(way, 0x0000, "UL", length, sizeof length);
	from = way->used;
	element(way, 0x0001, "OB", "\0\1", 2);
	text(way, 0x0002, "UI", sop_class);
	text(way, 0x0003, "UI", sop);
	text(way, 0x0010, "UI", syntax);
	text(way, 0x0012, "UI", IMPLEMENTATION);
	text(way, 0x0013, "SH", VERSION_NAME);
	way->buf[from - 4] = (unsigned char)(way->used - from);
	way->buf[from - 3] = (unsigned char)((way->used - from) >> 8);
}

/* The stream itself is broken: that is for everybody. */
static int
broken(struct intake *in, const struct why *w)
{
	if (in->why.code == 0)
		in->why = *w;
	return DIMSG_FULL;
}

/* With the stream locked, begin the record of what is held. 0 or a status. */
static int
begin(struct intake_way *way, long long size, int flags)
{
	struct intake *in = way->in;
	char name[REC_NAME_MAX + 1];
	struct why w = { 0 };
	struct walk_uids u;
	struct rec r;
	int status;

	if (in->why.code != 0)
		return DIMSG_FULL;
	if (walk_uids(&u, way->buf, way->used, &w) < 0)
		return DIMSG_NOT_UNDERSTOOD;
	if (strcmp(u.sop, way->sop) != 0)
		return DIMSG_MISMATCH;
	if ((status = in->name(in->arg, &u, way->sop, name)) != 0)
		return status;
	rec_init(&r);
	rec_set_name(&r, name);
	rec_via(&r, NULL);
	if (recout_begin(in->out, &r, size, flags, &w) < 0 ||
	    recout_write(in->out, way->buf, way->used, &w) < 0)
		status = broken(in, &w);
	rec_clear(&r);
	return status;
}

/* With the stream locked, the record is whole. */
static int
finish(struct intake *in)
{
	struct why w = { 0 };

	if (recout_done(in->out, NULL, &w) < 0 || recout_flush(in->out, &w) < 0)
		return broken(in, &w);
	if (in->sync && fdatasync(in->fd) < 0) {
		why_set(&w, EXIT_IO, "cannot sync: %s", strerror(errno));
		return broken(in, &w);
	}
	return 0;
}

static void
unlock(struct intake_way *way, int status)
{
	struct intake *in = way->in;

	way->open = false;
	way->used = 0;
	in->done(in->arg, way->sop, status);
	pthread_mutex_unlock(&in->lock);
}

/* Withdraw the open record, which has the stream. */
static void
withdraw(struct intake_way *way, int status)
{
	struct why w = { 0 };

	if (recout_void(way->in->out, &w) < 0)
		broken(way->in, &w);
	way->status = status;
	unlock(way, status);
}

static void
stream(struct intake_way *way, const void *p, size_t n)
{
	struct why w = { 0 };

	if (recout_write(way->in->out, p, n, &w) == 0)
		return;
	way->status = broken(way->in, &w);
	unlock(way, way->status);
}

void
intake_data(struct intake_way *way, const void *p, size_t n)
{
	struct intake *in = way->in;

	way->total += n;
	if (way->status == 0 && way->total > in->limit) {
		if (way->open)
			withdraw(way, DIMSG_FULL);
		way->status = DIMSG_FULL;
	}
	if (way->status != 0)
		return;
	if (!way->open && way->used + n <= INTAKE_HOLD) {
		put(way, p, n);
		return;
	}
	if (!way->open) {
		pthread_mutex_lock(&in->lock);
		way->status = begin(way, REC_UNKNOWN, 0);
		if (way->status != 0) {
			unlock(way, way->status);
			return;
		}
		way->open = true;
	}
	stream(way, p, n);
}

int
intake_end(struct intake_way *way)
{
	struct intake *in = way->in;
	int status = way->status;

	if (status == 0) {
		if (!way->open) {
			pthread_mutex_lock(&in->lock);
			status = begin(way, (long long)way->used, REC_WHOLE);
		}
		if (status == 0)
			status = finish(in);
		unlock(way, status);
	}
	if (in->paced)
		in->paced(in->arg, (size_t)way->total);
	return status == INTAKE_AGAIN ? 0 : status;
}

void
intake_abort(struct intake_way *way)
{
	if (way->open)
		withdraw(way, DIMSG_CANCELLED); /* nothing is wrong with it */
}
