#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deid.h"
#include "dict.h"
#include "secret.h"
#include "sitekey.h"
#include "tap.h"

static void
table(void)
{
	size_t i, bad = 0;

	ok(deid_row_count + deid_range_count == 657, "every row of E.1-1");
	for (i = 1; i < deid_row_count; i++)
		bad += deid_rows[i].tag <= deid_rows[i - 1].tag;
	ok(bad == 0, "in ascending order");
	for (i = 0; i < deid_row_count; i++)
		bad += deid_find(deid_rows[i].tag) != &deid_rows[i] ||
		       strlen(deid_rows[i].option) != DEID_OPTIONS;
	ok(bad == 0, "each is found, each has ten options");
	for (i = 0; i < deid_row_count; i++) /* file meta is not in it */
		bad += deid_rows[i].tag >> 16 != 2 &&
		       dict_vr(deid_rows[i].tag) == 0;
	ok(bad == 0, "the dictionary has each");
	for (i = 1, bad = 0; i < dict_count; i++)
		bad += dict_entries[i] <= dict_entries[i - 1];
	ok(bad == 0 && dict_count > 5000, "the dictionary is in order");
}

static void
decisions(void)
{
	struct deid *d = deid_new(NULL, NULL);

	ok(deid_find(0x60023000) == deid_find(0x60003000) &&
		deid_find(0x60003000)->action == DEID_X,
	    "overlays of any group");
	ok(deid_find(0x501e0010)->action == DEID_X, "curves");
	ok(deid_find(0x00291010)->action == DEID_X, "private elements");
	ok(deid_find(0x00280010) == NULL, "Rows is no identity");
	ok(deid_decide(DEID_XZD, IOD_TYPE_UNKNOWN) == DEID_D,
	    "what is valid for every type");
	ok(deid_decide(DEID_XZD, IOD_TYPE_3) == DEID_X, "X for type 3");
	ok(deid_decide(DEID_XZD, IOD_TYPE_2) == DEID_Z, "Z for type 2");
	ok(deid_drops(d, 0x00100030) == false, "a birth date is emptied");
	ok(deid_drops(d, 0x00101040), "an address is removed");
	ok(deid_drops(d, 0x00091001), "private elements are");
	ok(deid_drops(d, 0x00080000), "group lengths are");
	ok(deid_drops(d, 0x0018fffe), "what no dictionary has is");
	ok(!deid_drops(d, 0x00280010), "Rows stays");
	deid_free(d);
}

static void
pseudonyms(struct keeper *keeper)
{
	char a[PSEUDO_MAX], b[PSEUDO_MAX];
	struct pseudo *p = pseudo_new(keeper);

	pseudo_uid(p, a, "1.2.3", 5);
	pseudo_uid(p, b, "1.2.3\0", 6);
	ok(strcmp(a, b) == 0, "a UID with its padding is the same UID");
	ok(strncmp(a, "2.25.", 5) == 0 && strlen(a) <= 44 && a[5] != '0',
	    "of the form for UUIDs");
	pseudo_uid(p, b, "1.2.4", 5);
	ok(strcmp(a, b) != 0, "another has another");
	pseudo_patient(p, a, "X", 1, "1", 1);
	pseudo_patient(p, b, "X1", 2, "", 0);
	ok(strcmp(a, b) != 0, "issuer and id do not run together");
	pseudo_patient(p, b, "Y", 1, "1", 1);
	ok(strcmp(a, b) != 0, "two issuers, two patients");
	pseudo_id(p, a, "study", "1", 1);
	pseudo_id(p, b, "accession", "1", 1);
	ok(strcmp(a, b) != 0 && strlen(a) == 16, "kinds of ids are apart");
	pseudo_free(p);
}

/* A data set in, its parts out. */
static void
applied(struct keeper *keeper)
{
#define UID(g, e, v) g "\0" e "\0UI\4\0" v
	static const char in[] = UID("\10", "\26", "1.2\0") UID("\10", "\30",
	    "1.3\0") "\10\0\140\0CS\2\0CT"
		     "\20\0\20\0PN\4\0DOE^"
		     "\20\0\20\20AS\4\000077Y" UID("\40", "\15", "1.4\0")
			 UID("\40", "\16", "1.5\0");
	struct pseudo *p = pseudo_new(keeper);
	struct deid *d = deid_new(p, NULL);
	struct dcm *set = dcm_new();
	struct deid_names n;
	struct why w = { 0 };
	char v[65];

	ok(dcm_parse(set, in, sizeof in - 1, WALK_EXPLICIT, &w) == 0 &&
		deid_apply(d, set, &n, &w) == 0,
	    "a data set goes through");
	ok(dcm_get(set, 0x00080018, v, sizeof v) > 5 && strcmp(v, n.sop) == 0,
	    "its SOP Instance UID is the name's");
	ok(strcmp(n.sop_class, "1.2") == 0, "its class is what it was");
	ok(dcm_get(set, 0x00100010, v, sizeof v) == 24 &&
		strcmp(v, n.patient) == 0,
	    "its patient has a pseudonym");
	ok(dcm_get(set, 0x00101010, v, sizeof v) == 0, "its age is gone");
	ok(dcm_get(set, 0x00120062, v, sizeof v) == 3, "it says so");
	ok(dcm_parse(set, in, 12, WALK_EXPLICIT, &w) == 0 &&
		deid_apply(d, set, &n, &w) == -1 && w.code == EXIT_DATA &&
		strstr(w.text, "(0020,000d)") != NULL,
	    "without a Study Instance UID it does not");
	dcm_free(set);
	deid_free(d);
	pseudo_free(p);
}

int
main(void)
{
	char path[] = "/tmp/unit-deid.XXXXXX";
	struct why w = { 0 };
	struct keeper *keeper;

	secret_init(1 << 16);
	dcm_init();
	close(mkstemp(path));
	unlink(path);
	if (sitekey_new(path, &w) < 0)
		die_why(&w);
	ok(sitekey_new(path, &w) == -1, "a site key is not written over");
	keeper = keeper_start(path, NULL, &w);
	unlink(path);
	ok(keeper != NULL, "and is read again");
	table();
	decisions();
	pseudonyms(keeper);
	applied(keeper);
	keeper_free(keeper);
	return done_testing();
}
