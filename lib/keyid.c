#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "keyid.h"
#include "word.h"

int
keyid_guid(char guid[SHARE_ID + 1], const char *id)
{
	char text[KEYID_MAX + 16];
	unsigned char md[32];
	size_t n;

	if (share_id_ok(id)) {
		memcpy(guid, id, SHARE_ID + 1);
		return 0;
	}
	n = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_:#/=.+-"
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	if (n == 0 || n > KEYID_MAX || id[n] != '\0' || strcmp(id, "-") == 0 ||
	    strcmp(id, ".end") == 0)
		return -1;
	n = (size_t)snprintf(text, sizeof text, "mdm id v1%s", id);
	sha256(md, text, n);
	hex_encode(guid, md, SHARE_ID / 2);
	return 0;
}
