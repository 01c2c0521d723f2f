#ifndef ACL_H
#define ACL_H

#include <stdbool.h>
#include <stddef.h>

#include "line.h"
#include "say.h"
#include "who.h"

/*
 * The rights on one key, hydra-api(5): an owner, a group, three sets of
 * permissions, and entries that each give a set to a principal.  Grants add
 * up.  Entries are kept in the order of their principals, one for each, none
 * without permissions, so that equal rights have one form.  Nothing here
 * reads or writes but memory.
 */
enum {
	ACL_P = 1,   /* change owner, group, permissions, entries */
	ACL_D = 2,   /* remove the key */
	ACL_R = 4,   /* nothing */
	ACL_W = 8,   /* nothing */
	ACL_L = 16,  /* list, read the rights */
	ACL_X = 32,  /* nothing */
	ACL_G = 64,  /* get the share */
	ACL_S = 128, /* replace the share */
	ACL_ALL = 255,
	ACL_NEW = ACL_ALL & ~ACL_X, /* the owner's on a new key */
};

#define ACL_TEXT_MAX 12288 /* bytes of acl_list() */
#define ACL_HOLDERS 4      /* principals in held */

struct acl {
	char *owner, *group; /* principals, "" if there is none */
	char *held;          /* a DN a line: who must not confirm; see below */
	unsigned user, grp, other; /* sets: of owner, group and anyone */
	struct acl_entry {
		char *principal;
		unsigned set;
	} * entry;
	unsigned entries;
};

/* No owner, no group, ACL_NEW for the owner.  Dies if memory is out. */
void acl_init(struct acl *a);
void acl_free(struct acl *a);
void acl_copy(struct acl *to, const struct acl *from); /* to: as acl_init() */
bool acl_equal(const struct acl *a, const struct acl *b);

/*
 * All that the client may.  While the rights are held, nobody has g or s:
 * those are then taken out, unless held is false.
 */
unsigned acl_rights(const struct acl *a, const struct who *who, bool held);

/*
 * The changes.  Each is made whole, or not at all: -1 with *w, EXIT_DATA.
 * owner: a DN or subject; group: an FQAN, or "" for none.
 */
int acl_set_owner(struct acl *a, const char *owner, struct why *w);
int acl_set_group(struct acl *a, const char *group, struct why *w);

/* "pdrwl-gs,--------,--------" of owner, group, anyone. */
int acl_set_perms(struct acl *a, const char *perms, struct why *w);

/* [uoga]*(+|-|=)[pdrwlxgs]+, several joined by commas. */
int acl_chmod(struct acl *a, const char *mode, struct why *w);

/*
 * Lines "principal:set", the set after the last colon: eight letters or
 * dashes in the order pdrwlxgs, or some of the letters in any order.  Empty
 * lines and those that begin with # say nothing.  acl_set_list() forgets the
 * entries there were; acl_modify() replaces or adds, and an entry without
 * permissions goes; acl_delete() takes lines of principals alone, of which
 * those that have no entry are no fault.
 */
int acl_set_list(struct acl *a, const char *text, struct why *w);
int acl_modify(struct acl *a, const char *text, struct why *w);
int acl_delete(struct acl *a, const char *text, struct why *w);

/*
 * Held: an admin changed them, and until one who did not confirms what came
 * of it nobody has g or s.  acl_hold() adds dn; alone: it is the only one.
 * -1 if there are ACL_HOLDERS already.
 */
int acl_hold(struct acl *a, const char *dn, bool alone);
bool acl_held_by(const struct acl *a, const char *dn);
void acl_release(struct acl *a);
int acl_set_held(struct acl *a, const char *held, struct why *w);

/* One set, eight characters and a NUL; and back: 0, or -1. */
void acl_set_text(char out[9], unsigned set);
int acl_set_parse(unsigned *set, const char *text, size_t n);

/* The three sets, joined by commas; ACL_PERMS characters with the NUL. */
#define ACL_PERMS 27
void acl_perms(char out[ACL_PERMS], const struct acl *a);

/* The entries, a line each; malloc'd. */
char *acl_list(const struct acl *a);

/* What the original's getacl prints of key id; malloc'd. */
char *acl_show(const struct acl *a, const char *id);

/* A digest of all of it. */
#define ACL_STATE 32
void acl_state(unsigned char out[ACL_STATE], const struct acl *a);

/*
 * The fields owner, group, perms, acl, held and state of a line.  Reading, an
 * absent one leaves that part as it is; state is not read.
 */
void acl_to_line(struct line *l, const struct acl *a);
int acl_from_line(struct acl *a, const struct line *l, struct why *w);

#endif
