#include <string.h>

#include "dates.h"
#include "dict.h"

#define DAY (24 * 60) /* in minutes */

/* Dates whose times are other attributes: groups agree, elements do not. */
static const struct {
	uint16_t group, date, time;
} pairs[] = {
	{ 0x0008, 0x0012, 0x0013 },
	{ 0x0008, 0x0020, 0x0030 },
	{ 0x0008, 0x0021, 0x0031 },
	{ 0x0008, 0x0022, 0x0032 },
	{ 0x0008, 0x0023, 0x0033 },
	{ 0x0008, 0x0024, 0x0034 },
	{ 0x0008, 0x0025, 0x0035 },
	{ 0x0014, 0x0102, 0x0103 },
	{ 0x0014, 0x3076, 0x3077 },
	{ 0x0014, 0x407e, 0x407c },
	{ 0x0018, 0x1012, 0x1014 },
	{ 0x0018, 0x1200, 0x1201 },
	{ 0x0018, 0x700c, 0x700e },
	{ 0x0020, 0x3403, 0x3405 },
	{ 0x0032, 0x0032, 0x0033 },
	{ 0x0032, 0x0034, 0x0035 },
	{ 0x0032, 0x1000, 0x1001 },
	{ 0x0032, 0x1010, 0x1011 },
	{ 0x0032, 0x1040, 0x1041 },
	{ 0x0032, 0x1050, 0x1051 },
	{ 0x0038, 0x001a, 0x001b },
	{ 0x0038, 0x001c, 0x001d },
	{ 0x0038, 0x0020, 0x0021 },
	{ 0x0038, 0x0030, 0x0032 },
	{ 0x0040, 0x0002, 0x0003 },
	{ 0x0040, 0x0004, 0x0005 },
	{ 0x0040, 0x0244, 0x0245 },
	{ 0x0040, 0x0250, 0x0251 },
	{ 0x0040, 0x2004, 0x2005 },
	{ 0x0040, 0xa023, 0xa024 },
	{ 0x0040, 0xa110, 0xa112 },
	{ 0x0040, 0xa121, 0xa122 },
	{ 0x0040, 0xa192, 0xa193 },
	{ 0x0070, 0x0082, 0x0083 },
	{ 0x2100, 0x0040, 0x0050 },
	{ 0x3006, 0x0008, 0x0009 },
	{ 0x3008, 0x0024, 0x0025 },
	{ 0x3008, 0x0162, 0x0164 },
	{ 0x3008, 0x0166, 0x0168 },
	{ 0x3008, 0x0250, 0x0251 },
	{ 0x300a, 0x0006, 0x0007 },
	{ 0x300a, 0x022c, 0x022e },
	{ 0x300e, 0x0004, 0x0005 },
	{ 0x4008, 0x0100, 0x0101 },
	{ 0x4008, 0x0108, 0x0109 },
	{ 0x4008, 0x0112, 0x0113 },
};

uint32_t
dates_time_of(uint32_t date, bool *before)
{
	size_t i;

	for (i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (pairs[i].group == date >> 16 &&
		    pairs[i].date == (date & 0xffff)) {
			*before = pairs[i].time < pairs[i].date;
			return (uint32_t)pairs[i].group << 16 | pairs[i].time;
		}
	return 0;
}

/* n digits, or -1. */
static int
number(const char *p, size_t n)
{
	int v = 0;

	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return -1;
		v = v * 10 + *p - '0';
	}
	return v;
}

static void
put(char *p, size_t n, int v)
{
	for (; n > 0; v /= 10)
		p[--n] = (char)('0' + v % 10);
}

/* Days from 1 January of the year 1 to 1 January of year y. */
static long
days_before_year(int y)
{
	long n = y - 1;

	return 365 * n + n / 4 - n / 100 + n / 400;
}

static int
days_in_month(int y, int m)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31 };

	return m == 2 && days_before_year(y + 1) - days_before_year(y) == 366
		   ? 29
		   : days[m - 1];
}

/* Move a day; false if it is none, or moves out of the years there are. */
static bool
move_day(int *y, int *m, int *d, long days)
{
	long day;

	if (*y < 1 || *m < 1 || *m > 12 || *d < 1 || *d > days_in_month(*y, *m))
		return false;
	day = days_before_year(*y) + *d - 1 + days;
	for (; *m > 1; --*m)
		day += days_in_month(*y, *m - 1);
	if (day < 0 || day >= days_before_year(10000))
		return false;
	*y = (int)(day / 366) + 1; /* not yet later than the right one */
	while (day >= days_before_year(*y + 1))
		++*y;
	day -= days_before_year(*y);
	for (; day >= days_in_month(*y, *m); ++*m)
		day -= days_in_month(*y, *m);
	*d = (int)day + 1;
	return true;
}

/* What comes after seconds: a point and up to six digits. */
static bool
fraction(const char *p, size_t n)
{
	return n >= 2 && n <= 7 && p[0] == '.' && number(p + 1, n - 1) >= 0;
}

/*
 * The minutes since midnight of HH, HHMM or HH:MM and what follows, -1 if it
 * is no time.  *wide becomes 3 if there are colons, else 2.
 */
static int
minutes_of(const char *p, size_t n, size_t *wide)
{
	int h, m = 0, s = 0;

	*wide = n > 2 && p[2] == ':' ? 3 : 2;
	if (n < 2 || (h = number(p, 2)) < 0 || h > 23)
		return -1;
	if (n > 2 && (n < *wide + 2 || (m = number(p + *wide, 2)) < 0))
		return -1;
	if (n > *wide + 2) {
		if (n < 2 * *wide + 2 || (s = number(p + 2 * *wide, 2)) < 0 ||
		    (*wide == 3 && p[5] != ':'))
			return -1;
		p += 2 * *wide + 2;
		n -= 2 * *wide + 2;
		if (n > 0 && !fraction(p, n))
			return -1;
	}
	return m > 59 || s > 60 ? -1 : h * 60 + m;
}

static void
put_minutes(char *o, size_t n, size_t wide, int minutes)
{
	put(o, 2, minutes / 60);
	if (n > 2)
		put(o + wide, 2, minutes % 60);
}

static bool
move_time(const struct dates_shift *s, char *o, size_t n)
{
	size_t wide;
	int t = minutes_of(o, n, &wide);

	if (t < 0)
		return false;
	put_minutes(o, n, wide, (t + s->minutes) % DAY);
	return true;
}

/* YYYYMMDD, or as it was before DICOM, YYYY.MM.DD. */
static bool
move_date(const struct dates_shift *s, char *o, size_t n, const char *time,
    size_t time_n)
{
	size_t dot = n == 10 ? 1 : 0, wide;
	int y, m, d, t = time_n > 0 ? minutes_of(time, time_n, &wide) : 0;

	if ((n != 8 && n != 10) || (dot && (o[4] != '.' || o[7] != '.')))
		return false;
	y = number(o, 4);
	m = number(o + 4 + dot, 2);
	d = number(o + 6 + 2 * dot, 2);
	if (!move_day(&y, &m, &d, s->days + (t + s->minutes >= DAY)))
		return false;
	put(o, 4, y);
	put(o + 4 + dot, 2, m);
	put(o + 6 + 2 * dot, 2, d);
	return true;
}

/* Where the offset from UTC begins, which is &ZZXX; n if there is none. */
static size_t
offset_at(const char *p, size_t n)
{
	if (n > 5 && (p[n - 5] == '+' || p[n - 5] == '-') &&
	    number(p + n - 4, 4) >= 0)
		return n - 5;
	return n;
}

/*
 * YYYY and what of MM, DD and a time follows.  One without its month or day is
 * moved as if it were in the middle.
 */
static bool
move_datetime(const struct dates_shift *s, char *o, size_t n)
{
	int y, m = 7, d = 15, t = 0;
	size_t wide;

	n = offset_at(o, n);
	if (n < 4 || (n < 8 && n % 2 != 0) || (y = number(o, 4)) < 0)
		return false;
	if (n >= 6)
		m = number(o + 4, 2);
	if (n >= 8)
		d = number(o + 6, 2);
	if (n > 8 && ((t = minutes_of(o + 8, n - 8, &wide)) < 0 || wide != 2))
		return false;
	if (!move_day(&y, &m, &d, s->days + (t + s->minutes >= DAY)))
		return false;
	put(o, 4, y);
	if (n >= 6)
		put(o + 4, 2, m);
	if (n >= 8)
		put(o + 6, 2, d);
	if (n > 8)
		put_minutes(o + 8, n - 8, 2, (t + s->minutes) % DAY);
	return true;
}

/* One value of several: its length, without blanks; *next is what follows. */
static size_t
one_value(const char *p, size_t n, size_t *next)
{
	const char *end = n ? memchr(p, '\\', n) : NULL;
	size_t k = end ? (size_t)(end - p) : n;

	*next = end ? k + 1 : n;
	while (k > 0 && (p[k - 1] == ' ' || (p[k - 1] == '\0' && !end)))
		k--;
	return k;
}

bool
dates_move(const struct dates_shift *s, unsigned vr, const char *p, size_t n,
    const char *time, size_t time_n, char *out)
{
	size_t k, next, t, time_next;
	bool moved;

	if (n > 0)
		memcpy(out, p, n);
	for (; n > 0; out += next, n -= next) {
		k = one_value(out, n, &next);
		t = one_value(time, time_n, &time_next);
		if (k == 0)
			moved = true;
		else if (vr == VR('D', 'A'))
			moved = move_date(s, out, k, time, t);
		else if (vr == VR('T', 'M'))
			moved = move_time(s, out, k);
		else
			moved = move_datetime(s, out, k);
		if (!moved)
			return false;
		time = time_n ? time + time_next : time;
		time_n -= time_next;
	}
	return true;
}

void
dates_unmove(const struct dates_shift *s, char *time, size_t n)
{
	struct dates_shift back = { 0, (DAY - s->minutes) % DAY };
	size_t k, next;

	for (; n > 0; time += next, n -= next) {
		k = one_value(time, n, &next);
		move_time(&back, time, k);
	}
}

bool
dates_age(const char *p, size_t n, char out[4])
{
	size_t next, k = one_value(p, n, &next);
	int v = k == 4 ? number(p, 3) : -1;

	if (v < 0 || next != n || memchr("DWMY", p[3], 4) == NULL)
		return false;
	/* Three digits of another unit never are 90 years. */
	memcpy(out, v > 89 && p[3] == 'Y' ? "090Y" : p, 4);
	return true;
}
