/* lib/rec: parts, late attributes, withdrawals, names */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "rec.h"
#include "tap.h"

static struct why w;
static unsigned char block[1 << 20];

static int
new_file(void)
{
	return memfd_create("rec", MFD_CLOEXEC);
}

/* A record of n bytes, declared or not, that ends as asked. */
static void
write_one(struct recout *out, const char *name, long long n, long long size,
    const char *late, bool withdraw)
{
	struct rec r, more;

	rec_init(&r);
	rec_init(&more);
	rec_set_name(&r, name);
	rec_set_text(&r, "early", "1");
	if (recout_begin(out, &r, size, 0, &w) < 0)
		die_why(&w);
	while (n > 0) {
		size_t k =
		    n < (long long)sizeof block ? (size_t)n : sizeof block;

		if (recout_write(out, block, k, &w) < 0)
			die_why(&w);
		n -= (long long)k;
	}
	if (late)
		rec_set_text(&more, "late", late);
	if ((withdraw ? recout_void(out, &w) : recout_done(out, &more, &w)) < 0)
		die_why(&w);
	rec_clear(&r);
	rec_clear(&more);
}

struct seen {
	long long size;      /* of the body, as read */
	long long announced; /* before it was read */
	int end;             /* 0 or REC_VOID */
	bool early, late_at_first, late;
};

static int
read_one(struct recin *in, struct seen *s, char *name)
{
	struct rec *r;
	const void *p;
	size_t n;
	int got = recin_next(in, &r, &w);

	memset(s, 0, sizeof *s);
	if (got <= 0)
		return got;
	strcpy(name, r->name);
	s->announced = r->size;
	s->late_at_first = rec_get(r, "late", NULL) != NULL;
	while ((s->end = recin_block(in, &p, &n, &w)) == 1) {
		if (strncmp(name, "void", 4) != 0 &&
		    memcmp(p, block + s->size % (1 << 20),
			n < (1 << 20) - (size_t)(s->size % (1 << 20))
			    ? n
			    : (1 << 20) - (size_t)(s->size % (1 << 20))) != 0)
			return -2;
		s->size += (long long)n;
	}
	s->early = rec_get(r, "early", NULL) != NULL;
	s->late = rec_get(r, "late", NULL) != NULL;
	return 1;
}

static void
parts(void)
{
	int fd = new_file();
	struct recout *out = recout_open(fd, &w);
	struct recin *in;
	struct seen s;
	char name[REC_NAME_MAX + 1];

	write_one(out, "small", 1000, 1000, "x", false);
	write_one(out, "void small", 1000, 1000, NULL, true);
	write_one(out, "known", 3 << 20, 3 << 20, "x", false);
	write_one(out, "void known", 1 << 20, 3 << 20, NULL, true);
	write_one(out, "unknown", 30 << 20, REC_UNKNOWN, "x", false);
	write_one(out, "void unknown", 30 << 20, REC_UNKNOWN, NULL, true);
	write_one(out, "unknown, empty", 0, REC_UNKNOWN, "x", false);
	ok(recout_count(out) == 4, "withdrawn records are not counted");
	ok(recout_end(out, &w) == 0, "the stream ends");
	recout_free(out);

	lseek(fd, 0, SEEK_SET);
	in = recin_open(fd, NULL, 0, &w);
	ok(read_one(in, &s, name) == 1 && strcmp(name, "small") == 0 &&
		s.size == 1000 && s.announced == 1000 && s.early &&
		s.late_at_first,
	    "a small record has all its attributes at first");
	ok(read_one(in, &s, name) == 1 && strcmp(name, "known") == 0 &&
		s.end == 0 && s.size == 3 << 20 && s.announced == 3 << 20 &&
		s.early && !s.late_at_first && s.late,
	    "a withdrawn small one leaves no trace; a large one has late ones");
	ok(read_one(in, &s, name) == 1 && strcmp(name, "void known") == 0 &&
		s.end == REC_VOID,
	    "a large record is withdrawn");
	ok(read_one(in, &s, name) == 1 && strcmp(name, "unknown") == 0 &&
		s.end == 0 && s.size == 30 << 20 &&
		s.announced == REC_UNKNOWN && s.early && s.late,
	    "a record of unknown size comes whole");
	ok(read_one(in, &s, name) == 1 && s.end == REC_VOID,
	    "a record of unknown size is withdrawn");
	ok(read_one(in, &s, name) == 1 && s.size == 0 && s.announced == 0 &&
		s.late,
	    "an empty record of unknown size is small after all");
	ok(read_one(in, &s, name) == 0, "the end, with the right count");
	recin_free(in);

	lseek(fd, 0, SEEK_SET);
	in = recin_open(fd, NULL, 0, &w);
	struct rec *r;
	int got, n = 0;

	while ((got = recin_next(in, &r, &w)) > 0)
		n++;
	ok(got == 0 && n == 6, "records may be passed over unread");
	recin_free(in);
	close(fd);
}

/* A stream of records of many sizes, some in parts, to fd; the last is void. */
static const long long sizes[] = { 0, 1, 511, 65536, 70000, 300000, 262144,
	1 << 20, (1 << 20) + 1, 3 << 20 };
enum { SIZES = sizeof sizes / sizeof *sizes };

static void
many(int fd)
{
	struct recout *out = recout_open(fd, &w);
	char name[24];
	int i;

	for (i = 0; i < 2 * SIZES; i++) {
		snprintf(name, sizeof name, "%d", i);
		write_one(out, name, sizes[i / 2],
		    i % 2 ? REC_UNKNOWN : sizes[i / 2], "x", false);
	}
	write_one(out, "void", 2 << 20, 3 << 20, NULL, true);
	recout_end(out, &w);
	recout_free(out);
}

/* Copy a stream by recin_copy(), or into memory by recin_fill(). */
static int
hand_on(int from, int to, bool fill)
{
	static unsigned char mem[4 << 20];
	struct recin *in = recin_open(from, NULL, 0, &w);
	struct recout *out = recout_open(to, &w);
	struct rec *r, late;
	size_t n, k = 1;
	int got = in == NULL ? -1 : 0, end, first;

	rec_init(&late);
	while (in != NULL && (got = recin_next(in, &r, &w)) > 0) {
		bool whole = recin_whole(in);

		first = r->attrs;
		if (recout_begin(out, r, r->size, whole ? REC_WHOLE : 0, &w) <
		    0)
			die_why(&w);
		do {
			k = k * 7 % 99991 + 1;
			if (!fill) {
				end = recin_copy(in, out, 1 << 18, &w);
				continue;
			}
			end = recin_fill(in, mem, k * 40, &n, &w);
			if (end >= 0 && recout_write(out, mem, n, &w) < 0)
				die_why(&w);
		} while (end == 1);
		rec_clear(&late);
		for (; end == 0 && first < r->attrs; first++)
			rec_set(&late, r->attr[first].key, r->attr[first].value,
			    r->attr[first].len);
		if (end < 0)
			got = -1;
		else if ((end == REC_VOID ? recout_void(out, &w)
					  : recout_done(out, &late, &w)) < 0)
			die_why(&w);
		if (end < 0)
			break;
	}
	rec_clear(&late);
	if (got == 0 && recout_end(out, &w) < 0)
		die_why(&w);
	recin_free(in);
	recout_free(out);
	return got;
}

/* Through pipes, where pages move, and through files, where they cannot. */
static void
handing_on(bool fill, bool pipes)
{
	int file = new_file(), got_fd = new_file(), a[2], b[2], i, right = 0;
	struct recin *in;
	struct seen s;
	char name[REC_NAME_MAX + 1];

	many(file);
	lseek(file, 0, SEEK_SET);
	if (pipes) {
		if (pipe(a) < 0 || pipe(b) < 0)
			abort();
		if (fork() == 0) {
			many(a[1]);
			_exit(0);
		}
		if (fork() == 0) {
			close(a[1]);
			close(b[0]);
			_exit(hand_on(a[0], b[1], fill) != 0);
		}
		close(a[0]);
		close(a[1]);
		close(b[1]);
	} else {
		ok(hand_on(file, got_fd, fill) == 0, "from file to file");
		lseek(got_fd, 0, SEEK_SET);
	}
	in = recin_open(pipes ? b[0] : got_fd, NULL, 0, &w);
	for (i = 0; i < 2 * SIZES; i++) {
		right += read_one(in, &s, name) == 1 && atoi(name) == i &&
			 s.size == sizes[i / 2] && s.end == 0 && s.early &&
			 s.late;
	}
	if (read_one(in, &s, name) == 1 && s.end == REC_VOID)
		right++;
	ok(right == 2 * SIZES + 1 && read_one(in, &s, name) == 0,
	    "every record, part and attribute is handed on");
	recin_free(in);
	close(file);
	close(got_fd);
	if (pipes)
		close(b[0]);
}

/* A cut is found wherever it is, also where libarchive does not look. */
static void
cuts(bool fill)
{
	int file = new_file(), cut, out, refused = 0, count = 0;
	struct rec r;
	struct recout *to = recout_open(file, &w);
	off_t size, n;

	rec_init(&r);
	rec_set_name(&r, "x");
	recout_begin(to, &r, 400000, REC_WHOLE, &w);
	recout_write(to, block, 400000, &w);
	recout_done(to, NULL, &w);
	recout_end(to, &w);
	recout_free(to);
	rec_clear(&r);
	size = lseek(file, 0, SEEK_END);
	for (n = 0; n < size; n += 2503) {
		cut = new_file();
		out = new_file();
		lseek(file, 0, SEEK_SET);
		if (sendfile(cut, file, NULL, (size_t)n) != n ||
		    lseek(cut, 0, SEEK_SET) != 0)
			abort();
		w.code = 0;
		refused += hand_on(cut, out, fill) < 0 && w.code == EXIT_DATA;
		count++;
		close(cut);
		close(out);
	}
	ok(refused == count, "every cut is refused");
	close(file);
}

static void
names(void)
{
	static const char *const name[] = { ".end", "%2Eend", "%252Eend",
		"%25252Eend", "a b", "\xff\xfe", "d/\xc3\xa9", "new\nline", "-",
		"%" };
	const int count = sizeof name / sizeof *name;
	int fd = new_file(), i, right = 0;
	struct recout *out = recout_open(fd, &w);
	struct recin *in;
	struct seen s;
	char back[REC_NAME_MAX + 1];

	for (i = 0; i < count; i++)
		write_one(out, name[i], 5, 5, NULL, false);
	recout_end(out, &w);
	recout_free(out);
	lseek(fd, 0, SEEK_SET);
	in = recin_open(fd, NULL, 0, &w);
	for (i = 0; i < count; i++)
		right +=
		    read_one(in, &s, back) == 1 && strcmp(back, name[i]) == 0;
	ok(right == count && read_one(in, &s, back) == 0,
	    "every name comes back");
	recin_free(in);
	close(fd);
}

static void
attributes(void)
{
	struct rec r, c;
	size_t n;

	rec_init(&r);
	rec_init(&c);
	rec_set_name(&r, "x");
	rec_set(&r, "k", "a\0b", 3);
	rec_set(&r, "k", "c\0d", 3);
	rec_set_text(&r, "via", "one/1");
	rec_via(&r, "detail");
	rec_copy(&c, &r);
	ok(c.attrs == 2 && memcmp(rec_get(&c, "k", &n), "c\0d", 4) == 0 &&
		n == 3,
	    "a second set replaces, and a copy has it");
	ok(strncmp(rec_get(&c, "via", NULL), "one/1 ?/", 8) == 0, "via grows");
	rec_unset(&c, "k");
	ok(rec_get(&c, "k", NULL) == NULL && c.attrs == 1, "unset");
	rec_clear(&r);
	rec_clear(&c);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof block; i++)
		block[i] = (unsigned char)(i * 7 + (i >> 9));
	parts();
	handing_on(false, false);
	handing_on(true, false);
	handing_on(false, true);
	handing_on(true, true);
	cuts(false);
	cuts(true);
	names();
	attributes();
	return done_testing();
}
