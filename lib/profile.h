#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deid_table.h"
#include "say.h"

/*
 * What is to be done to identity, as the user puts it: the Basic Profile, some
 * of PS3.15's options, and rules of the user's own, from a file in the form
 * that profile(5) describes.  deid.h makes it into decisions.
 */

/* PS3.15's options, in the order of their codes: 113101 + i. */
enum profile_option {
	PROFILE_CLEAN_PIXEL_DATA,
	PROFILE_CLEAN_VISUAL_FEATURES,
	PROFILE_CLEAN_GRAPHICS,
	PROFILE_CLEAN_STRUCTURED_CONTENT,
	PROFILE_CLEAN_DESCRIPTORS,
	PROFILE_RETAIN_FULL_DATES,
	PROFILE_RETAIN_MODIFIED_DATES,
	PROFILE_RETAIN_PATIENT_CHARACTERISTICS,
	PROFILE_RETAIN_DEVICE_IDENTITY,
	PROFILE_RETAIN_UIDS,
	PROFILE_RETAIN_SAFE_PRIVATE,
	PROFILE_RETAIN_INSTITUTION_IDENTITY,
	PROFILE_OPTIONS
};

struct profile_option_info {
	const char *name;    /* "clean-pixel-data" */
	const char *code;    /* "113101", of scheme DCM */
	const char *meaning; /* "Clean Pixel Data Option" */
	int column;          /* of deid_row's option, or -1 */
	bool offered;        /* dcm-anon has it */
};
extern const struct profile_option_info profile_options[PROFILE_OPTIONS];

/* Heads in thin slices, of which a face can be made again. */
enum profile_faces {
	PROFILE_FACES_WARN, /* say so, in object and record */
	PROFILE_FACES_REJECT,
	PROFILE_FACES_COMMAND, /* removed by an outside command, deface.h */
};

#define PROFILE_NAME 16      /* characters of its name, at most */
#define PROFILE_DAYS 1000000 /* that dates are moved by, at most */

struct deid_profile {
	char name[PROFILE_NAME + 1]; /* "basic", or the file's own */
	unsigned options;            /* bits: 1 << enum profile_option */
	int shift_min, shift_max;    /* days that dates are moved by */
	bool shift_time;             /* and by a part of a day */
	unsigned accepted;   /* risks of showing who it is, as in risk.h */
	struct masks *masks; /* mask.h; NULL for none; the profile's */
	enum profile_faces faces;
	bool archive; /* private elements as The Cancer Imaging Archive does */
	struct rules *rules;       /* rules.h; NULL for none; the profile's */
	struct patients *patients; /* patients.h; NULL for none; its own */
};

struct deid_profile *profile_new(void); /* the Basic Profile */
void profile_free(struct deid_profile *p);

/* Choose an option, by its name or its code. 0, or -1 with EXIT_USAGE. */
int profile_choose(struct deid_profile *p, const char *option, struct why *w);
bool profile_has(const struct deid_profile *p, enum profile_option o);

/*
 * Add a ready-made profile, "basic" or "tcia": true if there is one of that
 * name; or what a file says, see profile(5).  Of what is said twice, what is
 * added later holds.  0, or -1 with *w, EXIT_DATA or EXIT_IO.
 */
bool profile_named(struct deid_profile *p, const char *name);
int profile_read(
    struct deid_profile *p, int fd, const char *name, struct why *w);

/* MIN..MAX, in days.  0, or -1 with EXIT_USAGE. */
int profile_shift_days(
    struct deid_profile *p, const char *range, struct why *w);

/* Once all is chosen: is it allowed together?  0, or -1 with EXIT_USAGE. */
int profile_check(const struct deid_profile *p, struct why *w);

#endif
