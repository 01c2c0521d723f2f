#include <stdlib.h>
#include <string.h>
#include <voms/voms_apic.h>

#include "voms.h"

void
voms_init(void)
{
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	setenv("SSL_CERT_DIR", "/dev/null", 1);
}

/* "20260101120000Z" as seconds since 1970, or -1. */
static time_t
parse_time(const char *text)
{
	ASN1_TIME *t = ASN1_TIME_new();
	struct tm tm;
	time_t result = -1;

	if (t != NULL && text != NULL && ASN1_TIME_set_string(t, text) == 1 &&
	    ASN1_TIME_to_tm(t, &tm) == 1)
		result = timegm(&tm);
	ASN1_TIME_free(t);
	return result;
}

static int
take(const struct voms *v, struct who *who, time_t *until, struct why *w)
{
	time_t end = parse_time(v->date2);
	char **f;

	if (end < 0)
		return why_set(
		    w, EXIT_DENIED, "VOMS attributes without an end");
	for (f = v->fqan; f != NULL && *f != NULL; f++)
		if (who_add(who, *f, w) < 0) {
			w->code = EXIT_DENIED;
			return -1;
		}
	if (end < *until)
		*until = end;
	return 0;
}

/* libvomsapi's messages name our directories at length; these do not. */
static int
refused(int error, struct why *w)
{
	const char *text;

	switch (error) {
	case VERR_TIME:
		text = "expired or not yet valid";
		break;
	case VERR_IDCHECK:
		text = "of somebody else";
		break;
	case VERR_SIGN:
	case VERR_SERVER:
	case VERR_DIR:
		text = "not signed by a VOMS server that is listed here";
		break;
	case VERR_VERIFY:
		text = "not verifiable: expired, or of a VOMS server that is "
		       "not listed or not trusted here";
		break;
	default:
		text = "malformed or not verifiable";
	}
	return why_set(w, EXIT_DENIED, "VOMS attributes %s (%d)", text, error);
}

int
voms_read(const char *voms_dir, const char *ca_dir, X509 *leaf,
    STACK_OF(X509) * chain, struct who *who, time_t *until, struct why *w)
{
	struct vomsdata *vd;
	int error = 0, n = 0;

	vd = VOMS_Init((char *)(uintptr_t)voms_dir, (char *)(uintptr_t)ca_dir);
	if (vd == NULL)
		return why_set(
		    w, EXIT_IO, "%s: libvomsapi does not start", voms_dir);
	if (!VOMS_Retrieve(leaf, chain, RECURSE_CHAIN, vd, &error)) {
		VOMS_Destroy(vd);
		return error == VERR_NOEXT ? 0 : refused(error, w);
	}
	for (; vd->data != NULL && vd->data[n] != NULL; n++)
		if (take(vd->data[n], who, until, w) < 0) {
			n = -1;
			break;
		}
	VOMS_Destroy(vd);
	return n;
}
