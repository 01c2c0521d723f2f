#ifndef KEYID_H
#define KEYID_H

#include "share.h"

/*
 * What keys are called.  Stores know GUIDs; any other id stands for the GUID
 * whose bytes are the first 16 of SHA-256 of "mdm id v1" and the id.  So no
 * character of an id can mean anything to a store.
 */
#define KEYID_MAX 250

/*
 * The GUID of id: a GUID itself, or 1 to KEYID_MAX of [a-zA-Z0-9_:#/=.+-],
 * though not "-" and ".end", which mean something in lines.  0, or -1: it is
 * neither.
 */
int keyid_guid(char guid[SHARE_ID + 1], const char *id);

#endif
