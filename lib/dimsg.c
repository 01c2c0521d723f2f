#include <string.h>

#include "dimsg.h"
#include "walk.h"

enum {
	GROUP_LENGTH = 0x0000,
	SOP_CLASS = 0x0002,
	FIELD = 0x0100,
	ID = 0x0110,
	ANSWERED = 0x0120,
	DESTINATION = 0x0600,
	PRIORITY = 0x0700,
	DATA = 0x0800,
	STATUS = 0x0900,
	INSTANCE = 0x1000,
	REMAINING = 0x1020,
	COMPLETED = 0x1021,
	FAILED = 0x1022,
	WARNED = 0x1023,
	NO_DATA = 0x0101, /* any other value of DATA: there is some */
};

void
dimsg_init(
    struct dimsg *m, enum dimsg_field field, unsigned id, const char *class)
{
	memset(m, 0, sizeof *m);
	m->field = (unsigned)field;
	m->id = id;
	strncpy(m->sop_class, class, sizeof m->sop_class - 1);
	m->remaining = m->completed = m->failed = m->warned = -1;
}

static unsigned char *
put(unsigned char *p, unsigned element, const void *value, size_t n)
{
	const unsigned char head[8] = { 0, 0, (unsigned char)element,
		(unsigned char)(element >> 8), (unsigned char)n,
		(unsigned char)(n >> 8) };

	memcpy(p, head, sizeof head);
	memcpy(p + sizeof head, value, n);
	return p + sizeof head + n;
}

static unsigned char *
put_number(unsigned char *p, unsigned element, unsigned v)
{
	const unsigned char le[2] = { (unsigned char)v,
		(unsigned char)(v >> 8) };

	return put(p, element, le, sizeof le);
}

static unsigned char *
put_text(unsigned char *p, unsigned element, const char *text, char pad)
{
	char even[66];
	size_t n = strlen(text);

	if (n == 0)
		return p;
	memcpy(even, text, n);
	if (n % 2 != 0)
		even[n++] = pad;
	return put(p, element, even, n);
}

static unsigned char *
put_count(unsigned char *p, unsigned element, int v)
{
	return v < 0 ? p : put_number(p, element, (unsigned)v);
}

size_t
dimsg_encode(const struct dimsg *m, unsigned char out[DIMSG_MAX])
{
	const bool answer = (m->field & DIMSG_ANSWER) != 0;
	unsigned char *p = out + 12, le[4] = { 0 };
	size_t n;

	p = put_text(p, SOP_CLASS, m->sop_class, '\0');
	p = put_number(p, FIELD, m->field);
	p = put_number(
	    p, answer || m->field == DIMSG_CANCEL ? ANSWERED : ID, m->id);
	p = put_text(p, DESTINATION, m->destination, ' ');
	if (!answer && m->field != DIMSG_ECHO && m->field != DIMSG_CANCEL)
		p = put_number(p, PRIORITY, 0);
	p = put_number(p, DATA, m->data ? 0 : NO_DATA);
	if (answer)
		p = put_number(p, STATUS, m->status);
	p = put_text(p, INSTANCE, m->instance, '\0');
	p = put_count(p, REMAINING, m->remaining);
	p = put_count(p, COMPLETED, m->completed);
	p = put_count(p, FAILED, m->failed);
	p = put_count(p, WARNED, m->warned);
	n = (size_t)(p - out - 12);
	le[0] = (unsigned char)n;
	le[1] = (unsigned char)(n >> 8);
	put(out, GROUP_LENGTH, le, sizeof le);
	return n + 12;
}

/* Text without padding; false if it does not fit. */
static bool
get_text(char *out, size_t size, const unsigned char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == '\0' || p[n - 1] == ' '))
		n--;
	while (n > 0 && *p == ' ')
		p++, n--;
	if (n >= size || memchr(p, '\0', n) != NULL)
		return false;
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

/* A UID is digits and dots: it becomes part of a name. */
static bool
get_uid(char out[65], const unsigned char *p, size_t n)
{
	return get_text(out, 65, p, n) &&
	       out[strspn(out, "0123456789.")] == '\0';
}

/* Note one element; false if it is not what it must be. */
static bool
element(struct dimsg *m, unsigned e, const unsigned char *p, size_t n)
{
	const unsigned v = n == 2 ? (unsigned)(p[0] | p[1] << 8) : 0;

	switch (e) {
	case SOP_CLASS:
		return get_uid(m->sop_class, p, n);
	case INSTANCE:
		return get_uid(m->instance, p, n);
	case DESTINATION:
		return get_text(m->destination, sizeof m->destination, p, n);
	case FIELD:
		m->field = v;
		return n == 2;
	case ID:
	case ANSWERED:
		m->id = v;
		return n == 2;
	case DATA:
		m->data = v != NO_DATA;
		return n == 2;
	case STATUS:
		m->status = v;
		return n == 2;
	case REMAINING:
		m->remaining = (int)v;
		return n == 2;
	case COMPLETED:
		m->completed = (int)v;
		return n == 2;
	case FAILED:
		m->failed = (int)v;
		return n == 2;
	case WARNED:
		m->warned = (int)v;
		return n == 2;
	}
	return true;
}

int
dimsg_decode(struct dimsg *m, const void *p, size_t n, struct why *w)
{
	struct walk k;
	int got;

	dimsg_init(m, 0, 0, "");
	walk_begin(&k, WALK_IMPLICIT, 0);
	while ((got = walk_next(&k, p, n, true, w)) == WALK_ELEMENT)
		if (k.tag >> 16 != 0 || k.size == WALK_UNDEFINED ||
		    !element(m, k.tag & 0xffff,
			(const unsigned char *)p + k.value, k.size))
			break;
	if (got != WALK_END || m->field == 0)
		return why_set(w, EXIT_DATA, "the peer sent no command");
	return 0;
}

int
dimsg_why(unsigned status, struct why *w)
{
	switch (status) {
	case DIMSG_FULL:
	case DIMSG_NO_MATCHES:
	case DIMSG_NO_SENDING:
		return why_set(w, EXIT_RETRY,
		    "the server is out of resources (%04X)", status);
	case DIMSG_NO_DESTINATION:
		return why_set(w, EXIT_DENIED,
		    "the server does not know our AE title as a destination "
		    "(%04X)",
		    status);
	case 0x0124:
		return why_set(w, EXIT_DENIED,
		    "the server does not allow it (%04X)", status);
	case DIMSG_MISMATCH:
		return why_set(w, EXIT_FEW,
		    "the server does not understand the request (%04X)",
		    status);
	case DIMSG_CANCELLED:
		return why_set(
		    w, EXIT_RETRY, "the server stopped early (%04X)", status);
	case DIMSG_SUCCESS:
		return why_set(w, EXIT_NO, "the server did not send it");
	}
	if (status >> 12 == 0xb)
		return why_set(
		    w, EXIT_NO, "the server could not send it (%04X)", status);
	return why_set(w, EXIT_FEW, "the server failed (%04X)", status);
}
