#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "grid_impl.h"

/*
 * URLs of storages across the network, in their one form.  A URL has no user
 * (but sftp's), no query, no fragment and no escapes, so that what is compared
 * is what will be asked for.
 */
static const struct {
	const char *given, *scheme, *port;
} schemes[] = {
	{ "https", "https", "443" },
	{ "davs", "https", "443" },
	{ "root", "root", "1094" },
	{ "xroot", "root", "1094" },
	{ "gsiftp", "gsiftp", "2811" },
	{ "srm", "srm", "8446" },
	{ "sftp", "sftp", "22" },
};

static const char harmless[] = "abcdefghijklmnopqrstuvwxyz"
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~+=,:@-";

/* HOST[:PORT], lower case, without the usual port; its length, or 0. */
static size_t
authority(const char *p, size_t n, const char *port, bool user, char *out)
{
	static const char host[] = "abcdefghijklmnopqrstuvwxyz"
				   "0123456789.-";
	const char *at = user ? memchr(p, '@', n) : NULL, *colon, *end = p + n;
	size_t i, used = 0;

	if (at != NULL) {
		for (; p <= at; p++) {
			if (p < at && !isalnum((unsigned char)*p) &&
			    strchr("._-", *p) == NULL)
				return 0;
			out[used++] = *p;
		}
	}
	if (p < end && *p == '[') {
		if ((colon = memchr(p, ']', (size_t)(end - p))) == NULL)
			return 0;
		for (i = 1; p + i < colon; i++)
			if (!isxdigit((unsigned char)p[i]) && p[i] != ':')
				return 0;
		colon++;
	} else {
		if ((colon = memchr(p, ':', (size_t)(end - p))) == NULL)
			colon = end;
		for (i = 0; p + i < colon; i++)
			if (strchr(host, tolower((unsigned char)p[i])) == NULL)
				return 0;
		if (i == 0 || *p == '-')
			return 0;
	}
	for (; p < colon; p++)
		out[used++] = (char)tolower((unsigned char)*p);
	if (colon == end)
		return used;
	n = (size_t)(end - colon) - 1;
	if (*colon != ':' || n == 0 || n > 5)
		return 0;
	for (i = 1; i <= n; i++)
		if (!isdigit((unsigned char)colon[i]))
			return 0;
	if (n == strlen(port) && strncmp(colon + 1, port, n) == 0)
		return used;
	memcpy(out + used, colon, n + 1);
	return used + n + 1;
}

/* Components without empty ones, "." or ".."; its length, or -1. */
static long
components(const char *p, char *out)
{
	size_t used = 0, n;

	for (;;) {
		while (*p == '/')
			p++;
		if (*p == '\0')
			return (long)used;
		n = strspn(p, harmless);
		if (n == 0 || (p[n] != '\0' && p[n] != '/') ||
		    strspn(p, ".") == n)
			return -1;
		out[used++] = '/';
		memcpy(out + used, p, n);
		used += n;
		p += n;
	}
}

bool
grid_url_one(const char *url, char one[GRID_SURL])
{
	static const char query[] = "?SFN=";
	size_t i, n = strcspn(url, ":"), used;
	const char *p = url + n, *door;
	char copy[GRID_SURL];
	long got;

	if (strlen(url) >= GRID_SURL - 16 || strncmp(p, "://", 3) != 0)
		return false;
	p += 3;
	for (i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (strlen(schemes[i].given) == n &&
		    strncmp(schemes[i].given, url, n) == 0)
			break;
	if (i == sizeof schemes / sizeof *schemes)
		return false;
	used = (size_t)sprintf(one, "%s://", schemes[i].scheme);
	n = strcspn(p, "/");
	got = (long)authority(p, n, schemes[i].port,
	    strcmp(schemes[i].scheme, "sftp") == 0, one + used);
	if (got == 0)
		return false;
	used += (size_t)got;
	p += n;
	/* srm://HOST/srm/managerv2?SFN=/PATH: where the door is comes first. */
	if (strcmp(schemes[i].scheme, "srm") == 0 &&
	    (door = strstr(p, query)) != NULL) {
		memcpy(copy, p, (size_t)(door - p));
		copy[door - p] = '\0';
		if ((got = components(copy, one + used)) <= 0)
			return false;
		used += (size_t)got;
		used += (size_t)sprintf(one + used, "%s", query);
		p = door + sizeof query - 1;
	}
	if (strcmp(schemes[i].scheme, "root") == 0)
		one[used++] = '/';
	if ((got = components(p, one + used)) <= 0)
		return false;
	one[used + (size_t)got] = '\0';
	return true;
}

const char *
grid_url_below(const struct grid *g, const char *surl)
{
	size_t n = strlen(g->url), rest, all = strlen(surl);
	char one[GRID_SURL];

	if (!grid_url_one(surl, one) || strncmp(one, g->url, n) != 0 ||
	    one[n] != '/')
		return NULL;
	/* The rest is in its one form as it was given, or it is not ours. */
	rest = strlen(one + n + 1);
	return rest > 0 && rest < all &&
		       strcmp(surl + all - rest, one + n + 1) == 0 &&
		       surl[all - rest - 1] == '/'
		   ? surl + all - rest
		   : NULL;
}

void
grid_locality(char word[24], const char *text, size_t n, size_t size)
{
	size_t i = 0;

	if (n < size) /* else it was cut */
		while (i < n && i < 23 &&
		       (text[i] == '_' || (text[i] >= 'A' && text[i] <= 'Z'))) {
			word[i] = text[i];
			i++;
		}
	word[i] = '\0';
}
