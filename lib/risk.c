#include <stdlib.h>
#include <string.h>

#include "risk.h"

static const char *const names[RISKS] = {
	[RISK_BURNED_IN] = "burned-in",
	[RISK_US] = "us",
	[RISK_SC] = "sc",
	[RISK_XC] = "xc",
	[RISK_ES] = "es",
	[RISK_XA] = "xa",
	[RISK_SCREEN] = "screen",
	[RISK_LABEL] = "label",
	[RISK_OVERVIEW] = "overview",
	[RISK_TEXT] = "text",
	[RISK_DOCUMENT] = "document",
	[RISK_VIDEO] = "video",
	[RISK_OPAQUE] = "opaque",
	[RISK_HIDDEN] = "hidden",
};

const unsigned risk_maskable = RISK_BIT(RISK_BURNED_IN) | RISK_BIT(RISK_US) |
			       RISK_BIT(RISK_SC) | RISK_BIT(RISK_XC) |
			       RISK_BIT(RISK_ES) | RISK_BIT(RISK_XA) |
			       RISK_BIT(RISK_SCREEN) | RISK_BIT(RISK_LABEL) |
			       RISK_BIT(RISK_OVERVIEW) | RISK_BIT(RISK_TEXT);

/* Under 1.2.840.10008.5.1.4.1.1. ; a dot at the end: and all below it. */
static const struct {
	const char *class;
	enum risk risk;
} classes[] = {
	{ "3", RISK_US },
	{ "3.1", RISK_US },
	{ "6", RISK_US },
	{ "6.", RISK_US },
	{ "7", RISK_SC },
	{ "7.", RISK_SC },
	{ "12.1", RISK_XA },
	{ "12.1.", RISK_XA },
	{ "12.3", RISK_XA },
	{ "13.1.1", RISK_XA },
	{ "77.1.1", RISK_ES },
	{ "77.1.1.", RISK_ES },
	{ "77.1.4", RISK_XC },
	{ "77.1.4.", RISK_XC },
	{ "104.", RISK_DOCUMENT },
};

static const struct {
	const char *modality;
	enum risk risk;
} modalities[] = {
	{ "US", RISK_US },
	{ "IVUS", RISK_US },
	{ "BDUS", RISK_US },
	{ "XC", RISK_XC },
	{ "GM", RISK_XC },
	{ "ES", RISK_ES },
	{ "DOC", RISK_DOCUMENT },
	{ "XA", RISK_XA },
	{ "SC", RISK_SC },
};

/* Classes whose frames are a video's, whatever their syntax. */
static const char *const video_classes[] = { "77.1.1.1", "77.1.2.1",
	"77.1.4.1" };

/* Image types of what workstations draw. */
static const char *const screens[] = { "SCREEN", "CAPTURE", "SNAPSHOT",
	"DOSE_INFO", "DOSE INFO" };

/* Conversion types: from paper, film, video, a workstation. */
static const char *const captured[] = { "DV", "DF", "SD", "WSD", "DRW" };

const char *
risk_name(enum risk r)
{
	return names[r];
}

int
risk_accept(unsigned *set, const char *list, struct why *w)
{
	const char *end;
	int i;

	for (;; list = end + 1) {
		end = strchrnul(list, ',');
		for (i = 0; i < RISKS; i++)
			if (strlen(names[i]) == (size_t)(end - list) &&
			    memcmp(names[i], list, (size_t)(end - list)) == 0)
				break;
		if (i == RISKS)
			return why_set(w, EXIT_USAGE,
			    "%.*s: no risk of that name", (int)(end - list),
			    list);
		*set |= RISK_BIT(i);
		if (*end == '\0')
			return 0;
	}
}

static bool
among(const char *s, const char *const *list, size_t n)
{
	while (n-- > 0)
		if (strcmp(s, list[n]) == 0)
			return true;
	return false;
}
#define AMONG(s, list) among(s, list, sizeof(list) / sizeof *(list))

static unsigned
by_class(const char *uid)
{
	static const char root[] = "1.2.840.10008.5.1.4.1.1.";
	unsigned set = 0;
	size_t i;

	if (strncmp(uid, root, sizeof root - 1) != 0)
		return 0;
	uid += sizeof root - 1;
	for (i = 0; i < sizeof classes / sizeof *classes; i++) {
		const char *c = classes[i].class;
		size_t n = strlen(c);

		if (c[n - 1] == '.' ? strncmp(uid, c, n) == 0
				    : strcmp(uid, c) == 0)
			set |= RISK_BIT(classes[i].risk);
	}
	if (AMONG(uid, video_classes))
		set |= RISK_BIT(RISK_VIDEO);
	return set;
}

enum risk_syntax
risk_syntax(const char *t)
{
	static const char root[] = "1.2.840.10008.1.2";
	long n;
	char *end;

	if (strncmp(t, root, sizeof root - 1) != 0)
		return RISK_UNKNOWN;
	t += sizeof root - 1;
	if (*t == '\0' || strcmp(t, ".1") == 0 || strcmp(t, ".2") == 0 ||
	    strcmp(t, ".1.99") == 0)
		return RISK_NATIVE;
	if (strcmp(t, ".5") == 0)
		return RISK_RLE;
	if (strncmp(t, ".4.", 3) != 0)
		return RISK_UNKNOWN;
	n = strtol(t + 3, &end, 10);
	if (*end != '\0' && n < 100)
		return RISK_UNKNOWN;
	if (n >= 100 && n <= 108) /* .1 after it: fragmentable */
		return RISK_MPEG;
	if (*end != '\0')
		return RISK_UNKNOWN;
	if (n >= 50 && n <= 70)
		return RISK_JPEG;
	if (n == 80 || n == 81)
		return RISK_JPEGLS;
	if ((n >= 90 && n <= 93) || (n >= 201 && n <= 203))
		return RISK_JPEG2000;
	return RISK_UNKNOWN;
}

unsigned
risk_of(const struct look *l)
{
	unsigned set = by_class(l->sop_class);
	size_t i;

	for (i = 0; i < sizeof modalities / sizeof *modalities; i++)
		if (strcmp(l->modality, modalities[i].modality) == 0)
			set |= RISK_BIT(modalities[i].risk);
	if (!l->has_pixels) /* documents have none, and show most */
		return set & RISK_BIT(RISK_DOCUMENT);
	if (l->burned_in)
		set |= RISK_BIT(RISK_BURNED_IN);
	if (AMONG(l->conversion, captured))
		set |= RISK_BIT(RISK_SC);
	for (i = 0; i < sizeof screens / sizeof *screens; i++)
		if (look_type(l, screens[i]))
			set |= RISK_BIT(RISK_SCREEN);
	if (look_type(l, "\\LABEL"))
		set |= RISK_BIT(RISK_LABEL);
	if (look_type(l, "\\OVERVIEW"))
		set |= RISK_BIT(RISK_OVERVIEW);
	if (risk_syntax(l->transfer) == RISK_MPEG)
		set |= RISK_BIT(RISK_VIDEO);
	return set;
}
