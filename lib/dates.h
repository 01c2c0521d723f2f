#ifndef DATES_H
#define DATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Moving dates and times: all of a patient's by as much, so that the time
 * between any two of them stays what it was.
 *
 * A value keeps its form: as many digits, the same fraction of a second, the
 * same offset from UTC.  A date and its time are two attributes; when the move
 * takes the time past midnight, the date is carried one day further.
 */
struct dates_shift {
	int days;
	int minutes; /* 0 to 1439, further than the days */
};

/*
 * Move n bytes of DA, TM or DT (vr), one value or several, padding or not, to
 * out, n bytes too.  For DA, time is what its time was, time_n bytes, or none.
 * False if that is no date or time, or moves out of the years 1 to 9999.
 */
bool dates_move(const struct dates_shift *s, unsigned vr, const char *p,
    size_t n, const char *time, size_t time_n, char *out);

/*
 * The attribute that has the time of a date, or 0.  *before tells that it
 * comes before the date, and so has been moved when the date's turn comes.
 */
uint32_t dates_time_of(uint32_t date, bool *before);

/* What the time was before it was moved, in place: for such a date. */
void dates_unmove(const struct dates_shift *s, char *time, size_t n);

/*
 * An age of n bytes, to out (4 bytes): above 89 years it becomes 090Y.  False
 * if it is no age.
 */
bool dates_age(const char *p, size_t n, char out[4]);

#endif
