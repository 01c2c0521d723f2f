#ifndef PACL_H
#define PACL_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"
#include "who.h"

/*
 * The rights of a catalogue entry: a POSIX mode and, beside it, an access
 * control list in the text form of POSIX 1003.1e,
 *
 *	user::rwx			the owner
 *	user:/C=UN/O=x/CN=Robot: a:r--	a DN or subject: parsed from the right
 *	group::r-x			the entry's group
 *	group:/mdm/neuro/Role=a:r--	an FQAN
 *	mask::r-x			the most that all but owner and other
 *have other::--- default:...			of a directory: what is made in
 *it gets
 *
 * one entry a line.  As in a file system, the mode holds user::, other:: and,
 * if the list names anybody, the mask in the group's bits; what is stored
 * beside the mode is only the rest: named entries, group:: if there is a mask,
 * and defaults, in one canonical order.  Entries that share a list share one
 * row, whatever their modes.
 *
 * The catalogue keeps the word (word.h) of what pacl_store() returns, or NULL,
 * and decides where it walks a path or changes an entry: catalogue_may.h.
 *
 * Decisions are those of 1003.1e: the owner has user::, whatever else is said;
 * one who is named as a user has that entry, within the mask; else any entry
 * for one of the client's groups that grants all that is wanted does, within
 * the mask; one with such an entry that does not is refused; all others have
 * other::.  Principals are equal only byte for byte (who.h).
 */
#define PACL_TEXT_MAX 16384 /* bytes of a list as text */
#define PACL_ENTRIES 512

enum { PACL_X = 1, PACL_W = 2, PACL_R = 4 };
#define PACL_STICKY 01000 /* of a directory: only owners remove */

/* In the order of the canonical text; defaults come after all others. */
enum pacl_tag {
	PACL_USER_OBJ, /* "user::" */
	PACL_USER,
	PACL_GROUP_OBJ,
	PACL_GROUP,
	PACL_MASK,
	PACL_OTHER,
};

struct pacl {
	struct pacl_entry {
		bool preset; /* "default:" */
		enum pacl_tag tag;
		unsigned perms; /* of PACL_R, PACL_W, PACL_X */
		char *who;      /* of PACL_USER and PACL_GROUP; else NULL */
	} * entry;              /* in order; each (preset, tag, who) once */
	unsigned entries;
};

void pacl_init(struct pacl *a);
void pacl_free(struct pacl *a);

/*
 * The whole list of an entry from its mode and what is stored beside it (text,
 * not a word; NULL: nothing): 0, or -1 with *w (EXIT_DATA).  Afterwards *a has
 * user::, group:: and other::, and mask:: if anybody is named.
 */
int pacl_load(struct pacl *a, unsigned mode, const char *stored, struct why *w);

/*
 * The other way.  *mode keeps its bits above 0777.  Returns what is to be
 * stored, for free(), or NULL when the mode says all.
 */
char *pacl_store(const struct pacl *a, unsigned *mode);

/* All of it as text, for free(). */
char *pacl_text(const struct pacl *a);

/*
 * Changes.  Each takes lines as above, `#' lines and empty ones being nothing,
 * and changes nothing if one is wrong: -1 with *w (EXIT_DATA).  A list that
 * names somebody gets a mask that leaves all of its entries their effect,
 * unless the lines give one.  pacl_set() replaces everything; user::, group::
 * and other:: must be given.  pacl_modify() adds or replaces, pacl_delete()
 * takes away named entries and defaults; there the permissions may be left out
 * ("user:DN:").  pacl_defaults() without lines removes the defaults.  dir:
 * defaults are allowed.
 */
int pacl_set(struct pacl *a, const char *text, bool dir, struct why *w);
int pacl_modify(struct pacl *a, const char *text, bool dir, struct why *w);
int pacl_delete(struct pacl *a, const char *text, struct why *w);
void pacl_drop(struct pacl *a, bool defaults); /* all named, or all defaults */

/*
 * chmod(1): an octal number or [ugoa]*[-+=][rwxXt]*, separated by commas.  0,
 * or -1 with *w (EXIT_DATA).  With a mask, the group's bits are the mask.
 */
int pacl_chmod(unsigned *mode, bool dir, const char *text, struct why *w);

/*
 * What is made in directory `parent` with the mode that was asked for: 0777
 * and less.  Returns what is to be stored beside *mode, for free(), or NULL.
 */
char *pacl_inherit(const struct pacl *parent, bool dir, unsigned *mode);

/* Has the client all of want? */
bool pacl_may(const struct pacl *a, const char *owner, const char *group,
    const struct who *who, unsigned want);

#endif
