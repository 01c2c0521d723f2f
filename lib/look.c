#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dict.h"
#include "look.h"

void
look_begin(
    struct look *l, const char *transfer, const char *sop_class, bool big)
{
	memset(l, 0, sizeof *l);
	snprintf(l->transfer, sizeof l->transfer, "%s", transfer);
	snprintf(l->sop_class, sizeof l->sop_class, "%s", sop_class);
	l->big = big;
	l->samples = 1;
	l->frames = 1;
	l->padding = -1;
	l->pixel_bytes = -1;
}

/* Text without padding, in upper case, behind what is there. */
static void
append(char *out, size_t size, const unsigned char *p, size_t n)
{
	size_t used = strlen(out);

	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\0'))
		n--;
	while (n > 0 && *p == ' ') {
		p++;
		n--;
	}
	for (; n > 0 && used + 1 < size; n--)
		out[used++] = (char)(*p ? toupper(*p) : ' '), p++;
	out[used] = '\0';
}

static void
text(char *out, size_t size, const unsigned char *p, size_t n)
{
	if (*out == '\0')
		append(out, size, p, n);
}

static unsigned
number(const struct look *l, const unsigned char *p, size_t n)
{
	if (n < 2)
		return 0;
	return l->big ? (unsigned)(p[0] << 8 | p[1])
		      : (unsigned)(p[1] << 8 | p[0]);
}

static void
once(const struct look *l, unsigned *to, const unsigned char *p, size_t n)
{
	if (*to == 0)
		*to = number(l, p, n);
}

static double
decimal(const unsigned char *p, size_t n)
{
	char s[32] = "";

	append(s, sizeof s, p, n);
	return strtod(s, NULL);
}

static void
spacing(struct look *l, const unsigned char *p, size_t n)
{
	const unsigned char *second = memchr(p, '\\', n);

	if (l->spacing[0] != 0 || second == NULL)
		return;
	l->spacing[0] = decimal(p, (size_t)(second - p));
	second++;
	l->spacing[1] = decimal(second, n - (size_t)(second - p));
}

/* The parts of an overlay that say whether it lies in the pixels. */
static void
overlay(struct look *l, uint32_t tag, const unsigned char *p, size_t n)
{
	unsigned element = tag & 0xffff;

	if ((TAG_GROUP(tag) & 0xffe1) != 0x6000)
		return;
	if ((element == 0x0100 && number(l, p, n) > 1) ||
	    (element == 0x0102 && number(l, p, n) > 0))
		l->overlay_in_pixels = true;
}

void
look_element(struct look *l, uint32_t tag, const void *value, size_t n)
{
	const unsigned char *p = value;
	char yes[8] = "";

	switch (tag) {
	case 0x00080008:
		text(l->type, sizeof l->type, p, n);
		break;
	case 0x00080016: /* the data set's own word counts */
		l->sop_class[0] = '\0';
		append(l->sop_class, sizeof l->sop_class, p, n);
		break;
	case 0x00080060:
		text(l->modality, sizeof l->modality, p, n);
		break;
	case 0x00080064:
		text(l->conversion, sizeof l->conversion, p, n);
		break;
	case 0x00080070:
		text(l->manufacturer, sizeof l->manufacturer, p, n);
		break;
	case 0x00081090:
		text(l->model, sizeof l->model, p, n);
		break;
	case 0x00180015:
		text(l->body_part, sizeof l->body_part, p, n);
		break;
	case 0x00081030: /* descriptions of study and series; protocol */
	case 0x0008103e:
	case 0x00181030:
		append(l->about, sizeof l->about - 1, p, n);
		strcat(l->about, " ");
		break;
	case 0x00180050:
		l->thickness = decimal(p, n);
		break;
	case 0x00280002:
		l->samples = number(l, p, n);
		break;
	case 0x00280004:
		text(l->photometric, sizeof l->photometric, p, n);
		break;
	case 0x00280006:
		once(l, &l->planar, p, n);
		break;
	case 0x00280008:
		l->frames = (long long)decimal(p, n);
		break;
	case 0x00280010:
		once(l, &l->rows, p, n);
		break;
	case 0x00280011:
		once(l, &l->columns, p, n);
		break;
	case 0x00280030:
		spacing(l, p, n);
		break;
	case 0x00280100:
		once(l, &l->allocated, p, n);
		break;
	case 0x00280101:
		once(l, &l->stored, p, n);
		break;
	case 0x00280102:
		once(l, &l->high, p, n);
		break;
	case 0x00280103:
		l->is_signed = number(l, p, n) != 0;
		break;
	case 0x00280120:
		if (n == 2)
			l->padding = number(l, p, n);
		break;
	case 0x00280301:
		append(yes, sizeof yes, p, n);
		l->burned_in |= strcmp(yes, "NO") != 0 && *yes != '\0';
		break;
	default:
		overlay(l, tag, p, n);
	}
}

size_t
look_frame(const struct look *l)
{
	size_t bits = (size_t)l->rows * l->columns * l->allocated;

	if (l->samples == 0 || l->samples > 4 || bits > (size_t)1 << 40)
		return 0;
	/* Two pixels share their colour. */
	if (strcmp(l->photometric, "YBR_FULL_422") == 0 && l->samples == 3)
		return bits * 2 / 8;
	return bits * l->samples / 8;
}

bool
look_type(const struct look *l, const char *word)
{
	return strstr(l->type, word) != NULL;
}
