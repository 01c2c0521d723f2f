#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jwk.h"
#include "line.h"
#include "opt.h"
#include "token.h"

#define KEYS_MAX (1 << 20) /* bytes of a file of keys */
#define SKEW 60            /* s that an issuer's clock may be ahead */

struct issuer {
	char url[512], audience[512], groups[512];
	struct jwks *keys;
};

struct tokens {
	unsigned n;
	struct issuer *issuer;
};

/* ---- issuers(5) ---- */

/* file, seen from the directory of list. */
static char *
beside(const char *list, const char *file)
{
	const char *slash = strrchr(list, '/');
	char *path = NULL;

	if (*file == '/' || slash == NULL)
		return strdup(file);
	if (asprintf(&path, "%.*s/%s", (int)(slash - list), list, file) < 0)
		return NULL;
	return path;
}

static struct jwks *
load_keys(const char *path, struct why *w)
{
	char *text = malloc(KEYS_MAX);
	struct jwks *j = NULL;
	struct why bad;
	ssize_t got = 0;
	size_t n = 0;
	int fd;

	if (text == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	if ((fd = opt_open(path, O_RDONLY, w)) >= 0) {
		while (n < KEYS_MAX &&
		       (got = read(fd, text + n, KEYS_MAX - n)) > 0)
			n += (size_t)got;
		close(fd);
		if (got < 0)
			why_set(w, EXIT_IO, "%s: %s", path, strerror(errno));
		else if ((j = jwks_parse(text, n, &bad)) == NULL)
			why_set(w, bad.code, "%s: %s", path, bad.text);
	}
	free(text);
	return j;
}

static int
add(struct tokens *t, const char *file, const struct line *l, struct why *w)
{
	struct issuer *more, *i;
	char keys[4096], *path;

	more = realloc(t->issuer, (t->n + 1) * sizeof *more);
	if (more == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	t->issuer = more;
	i = &more[t->n];
	memset(i, 0, sizeof *i);
	if (strcmp(l->name, "issuer") != 0)
		return why_set(w, EXIT_DATA, "a line that is not an issuer");
	if (line_text(l, "url", i->url, sizeof i->url, w) < 0 ||
	    line_text(l, "audience", i->audience, sizeof i->audience, w) < 0 ||
	    line_text(l, "keys", keys, sizeof keys, w) < 0)
		return -1;
	if (line_word(l, "groups") != NULL &&
	    line_text(l, "groups", i->groups, sizeof i->groups, w) < 0)
		return -1;
	if (strncmp(i->url, "https://", 8) != 0 || strchr(i->url, '#'))
		return why_set(w, EXIT_DATA, "an issuer is a https URL");
	if (*i->audience == '\0')
		return why_set(w, EXIT_DATA, "an issuer without an audience");
	if ((path = beside(file, keys)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	i->keys = load_keys(path, w);
	free(path);
	if (i->keys == NULL)
		return -1;
	t->n++;
	return 0;
}

struct tokens *
tokens_load(const char *file, struct why *w)
{
	struct tokens *t = calloc(1, sizeof *t);
	int fd = opt_open(file, O_RDONLY, w), got = -1;
	struct linein *in;
	struct why bad;
	struct line l;

	if (t == NULL || fd < 0) {
		free(t);
		return NULL;
	}
	in = linein_open(fd, "issuers", false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &bad)) > 0)
		if ((got = add(t, file, &l, &bad)) < 0)
			break;
	line_free(&l);
	linein_free(in);
	close(fd);
	if (got == 0)
		return t;
	why_set(w, bad.code, "%s: %s", file, bad.text);
	tokens_free(t);
	return NULL;
}

void
tokens_free(struct tokens *t)
{
	if (t == NULL)
		return;
	while (t->n)
		jwks_free(t->issuer[--t->n].keys);
	free(t->issuer);
	free(t);
}

/* ---- tokens ---- */

static int
bad_token(struct why *w, const char *why)
{
	return why_set(w, EXIT_DENIED, "the token %s", why);
}

/* A part of a token as JSON; NULL: it is not. */
static json_t *
part(const char *text, size_t n)
{
	unsigned char *raw = malloc(n + 1);
	json_t *o = NULL;
	long len;

	if (raw != NULL && (len = base64url_decode(raw, text, n)) > 0)
		o = json_loadb((const char *)raw, (size_t)len,
		    JSON_REJECT_DUPLICATES, NULL);
	free(raw);
	if (!json_is_object(o)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static const struct issuer *
issuer_of(const struct tokens *t, const char *url)
{
	unsigned i;

	for (i = 0; url != NULL && i < t->n; i++)
		if (strcmp(t->issuer[i].url, url) == 0)
			return &t->issuer[i];
	return NULL;
}

static bool
for_us(const json_t *audience, const char *us)
{
	const json_t *one;
	size_t i;

	if (json_is_string(audience))
		return strcmp(json_string_value(audience), us) == 0;
	json_array_foreach(audience, i, one)
	{
		if (json_is_string(one) &&
		    strcmp(json_string_value(one), us) == 0)
			return true;
	}
	return false;
}

static int
check_times(const json_t *claims, time_t now, time_t *until, struct why *w)
{
	const json_t *exp = json_object_get(claims, "exp");
	const json_t *nbf = json_object_get(claims, "nbf");
	double end;

	if (!json_is_number(exp))
		return bad_token(w, "has no end");
	end = json_number_value(exp);
	if (!(end > (double)now))
		return bad_token(w, "has expired");
	*until = end < 1e12 ? (time_t)end : (time_t)1e12;
	if (nbf != NULL && !(json_number_value(nbf) <= (double)now + SKEW))
		return bad_token(w, "is not valid yet");
	return 0;
}

/* Is the group one that the issuer may speak of: "/vo,/other"? */
static bool
may_say(const struct issuer *i, const char *group)
{
	const char *p = i->groups, *end;
	size_t n;

	for (; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ',');
		n = (size_t)(end - p);
		if (n && strncmp(group, p, n) == 0 &&
		    (group[n] == '\0' || group[n] == '/'))
			return true;
	}
	return false;
}

static int
take_groups(const struct issuer *i, const json_t *groups, struct who *who,
    struct why *w)
{
	const json_t *one;
	const char *text;
	size_t k;

	json_array_foreach(groups, k, one)
	{
		text = json_string_value(one);
		if (text == NULL || strlen(text) != json_string_length(one) ||
		    who_kind(text) != WHO_FQAN || !may_say(i, text))
			continue;
		if (who_add(who, text, w) < 0)
			return -1;
	}
	return 0;
}

static int
take_claims(const struct issuer *i, const json_t *claims, time_t now,
    struct who *who, time_t *until, struct why *w)
{
	const json_t *subject = json_object_get(claims, "sub");
	const char *text = json_string_value(subject);
	char dn[WHO_MAX + 1];

	if (!for_us(json_object_get(claims, "aud"), i->audience))
		return bad_token(w, "is not for this service");
	if (check_times(claims, now, until, w) < 0)
		return -1;
	if (text == NULL || *text == '\0' ||
	    strlen(text) != json_string_length(subject) ||
	    snprintf(dn, sizeof dn, "%s#%s", i->url, text) >= (int)sizeof dn)
		return bad_token(w, "has no subject, or a strange one");
	if (who_init(who, dn, w) < 0)
		return bad_token(w, "has no subject, or a strange one");
	if (take_groups(i, json_object_get(claims, "wlcg.groups"), who, w) <
		0 ||
	    take_groups(i, json_object_get(claims, "groups"), who, w) < 0) {
		who_free(who);
		return bad_token(w, "has too many groups");
	}
	return 0;
}

static bool
signed_by(const struct issuer *i, const json_t *head, const char *jwt, size_t n,
    const char *sig)
{
	unsigned char *raw = malloc(strlen(sig) + 1);
	const char *alg = text_of(head, "alg");
	long len = -1;
	bool ok;

	if (raw != NULL)
		len = base64url_decode(raw, sig, strlen(sig));
	ok = len > 0 && alg != NULL && json_object_get(head, "crit") == NULL &&
	     jwks_verify(
		 i->keys, alg, text_of(head, "kid"), jwt, n, raw, (size_t)len);
	free(raw);
	return ok;
}

int
tokens_verify(const struct tokens *t, const char *jwt, time_t now,
    struct who *who, time_t *until, struct why *w)
{
	const char *dot = strchr(jwt, '.'), *dot2 = NULL;
	const struct issuer *i = NULL;
	json_t *head = NULL, *claims = NULL;
	int rc = -1;

	if (strlen(jwt) <= TOKEN_MAX && dot != NULL)
		dot2 = strchr(dot + 1, '.');
	if (dot2 != NULL) {
		head = part(jwt, (size_t)(dot - jwt));
		claims = part(dot + 1, (size_t)(dot2 - dot - 1));
	}
	if (head == NULL || claims == NULL)
		bad_token(w, "is not a signed JWT");
	else if ((i = issuer_of(t, text_of(claims, "iss"))) == NULL)
		bad_token(w, "is of an issuer that is not listed here");
	else if (!signed_by(i, head, jwt, (size_t)(dot2 - jwt), dot2 + 1))
		bad_token(w, "is not signed by its issuer");
	else
		rc = take_claims(i, claims, now, who, until, w);
	json_decref(head);
	json_decref(claims);
	return rc;
}
