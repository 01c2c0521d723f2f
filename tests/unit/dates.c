#include <string.h>

#include "dates.h"
#include "dict.h"
#include "tap.h"

#define DA VR('D', 'A')
#define TM VR('T', 'M')
#define DT VR('D', 'T')

static const struct dates_shift none = { 0, 0 };

/* Is value moved to want (NULL: not at all)? */
static int
moves(int days, int minutes, unsigned vr, const char *value, const char *time,
    const char *want)
{
	const struct dates_shift s = { days, minutes };
	char out[64] = "";
	size_t n = strlen(value);
	bool moved =
	    dates_move(&s, vr, value, n, time, time ? strlen(time) : 0, out);

	return moved == (want != NULL) &&
	       (want == NULL || memcmp(out, want, n) == 0);
}

static void
days(void)
{
	ok(moves(-1, 0, DA, "20040301", NULL, "20040229"), "into a leap day");
	ok(moves(-1, 0, DA, "19000301", NULL, "19000228"), "1900 has none");
	ok(moves(366, 0, DA, "20000101", NULL, "20010101"), "over a leap year");
	ok(moves(1, 0, DA, "20201231 ", NULL, "20210101 "), "padding stays");
	ok(moves(-3650, 0, DA, "1997.07.16", NULL, "1987.07.19"), "old form");
	ok(moves(
	       1, 0, DA, "20200101\\\\20201231", NULL, "20200102\\\\20210101"),
	    "several, one of them empty");
	ok(moves(0, 0, DA, "20230230", NULL, NULL), "no such day");
	ok(moves(0, 0, DA, "2023123", NULL, NULL), "a digit too few");
	ok(moves(0, 0, DA, "DOE^JOHN", NULL, NULL), "a name");
	ok(moves(0, 0, DA, "20230101\0DOE", NULL, "20230101"), "as is");
	ok(moves(-800000, 0, DA, "20230101", NULL, NULL), "before year 1");
	ok(moves(1, 0, DA, "99991231", NULL, NULL), "after year 9999");
}

/* Every day of 800 years, there and back, and one after the other. */
static void
all_days(void)
{
	const struct dates_shift one = { 1, 0 }, far = { -123456, 0 },
				 back = { 123456, 0 };
	char a[9] = "16000101", b[9] = "", c[9] = "";
	long n = 0, bad = 0;

	for (; memcmp(a, "24000101", 8) != 0 && bad == 0; n++) {
		bad += !dates_move(&far, DA, a, 8, NULL, 0, b) ||
		       !dates_move(&back, DA, b, 8, NULL, 0, c) ||
		       memcmp(a, c, 8) != 0;
		bad += !dates_move(&one, DA, a, 8, NULL, 0, b) ||
		       memcmp(b, a, 8) <= 0;
		memcpy(a, b, 8);
	}
	ok(bad == 0 && n == 2 * 146097, "every day of 800 years");
}

static void
times(void)
{
	bool before;
	char t[] = "013000.5";

	ok(moves(0, 90, TM, "2310", NULL, "0040"), "past midnight");
	ok(moves(0, 90, TM, "231059.123456", NULL, "004059.123456"),
	    "seconds stay");
	ok(moves(0, 60, TM, "22", NULL, "23"), "hours alone");
	ok(moves(0, 90, TM, "23:10:59", NULL, "00:40:59"), "colons");
	ok(moves(5, 0, TM, "101112.", NULL, NULL), "a point and nothing");
	ok(moves(5, 0, TM, "1011DOE", NULL, NULL), "text after a time");
	ok(moves(5, 0, TM, "2460", NULL, NULL), "no such hour");
	ok(moves(0, 90, DA, "20201231", "2310", "20210101"), "with its date");
	ok(moves(0, 90, DA, "20201231", "2210", "20201231"), "but not before");
	ok(moves(0, 90, DA, "20201231\\20201231", "2210\\2310",
	       "20201231\\20210101"),
	    "each date with its own time");
	ok(dates_time_of(0x00080020, &before) == 0x00080030 && !before,
	    "Study Date has its time after it");
	ok(dates_time_of(0x0014407e, &before) == 0x0014407c && before,
	    "Calibration Date before it");
	ok(dates_time_of(0x00280010, &before) == 0, "Rows has none");
	dates_unmove(&(struct dates_shift){ 9, 90 }, t, 8);
	ok(strcmp(t, "000000.5") == 0, "back");
}

static void
datetimes(void)
{
	ok(moves(0, 90, DT, "20201231231059.123456+0100", NULL,
	       "20210101004059.123456+0100"),
	    "a point in time, offset and all");
	ok(moves(-1, 0, DT, "20210101-0500", NULL, "20201231-0500"),
	    "a day with an offset");
	ok(moves(-365, 0, DT, "2021", NULL, "2020"), "a year");
	ok(moves(-31, 0, DT, "202101", NULL, "202012"), "a month");
	ok(moves(0, 0, DT, "20210101DOE", NULL, NULL), "text");
	ok(moves(0, 0, DT, "20210101101112+01", NULL, NULL), "half an offset");
	ok(moves(0, 0, DT, "2021010110:11", NULL, NULL), "colons");
}

static void
ages(void)
{
	char a[4];

	ok(dates_age("089Y", 4, a) && memcmp(a, "089Y", 4) == 0, "89 years");
	ok(dates_age("090Y", 4, a) && memcmp(a, "090Y", 4) == 0, "90 years");
	ok(dates_age("107Y", 4, a) && memcmp(a, "090Y", 4) == 0, "107 years");
	ok(dates_age("950M", 4, a) && memcmp(a, "950M", 4) == 0, "months");
	ok(!dates_age("107J", 4, a) && !dates_age("10Y", 3, a) &&
		!dates_age("0107Y", 5, a) && !dates_age("", 0, a),
	    "what is no age");
}

int
main(void)
{
	char out[8];

	ok(dates_move(&none, DA, "", 0, NULL, 0, out), "nothing to move");
	days();
	all_days();
	times();
	datetimes();
	ages();
	return done_testing();
}
