#include <string.h>

#include "deid_table.h"
#include "iod.h"
#include "iod_table.h"
#include "tap.h"

#define SOP "1.2.840.10008.5.1.4.1.1."

static void
tables(void)
{
	size_t i, n = 0, bad = 0;

	for (i = 0; i < deid_row_count; i++)
		if (deid_rows[i].action >= DEID_XD &&
		    deid_rows[i].action <= DEID_ZD)
			bad += n >= iod_row_count ||
			       iod_rows[n++].tag != deid_rows[i].tag;
	ok(bad == 0 && n == iod_row_count, "every open choice, in order");
	for (i = 1; i < iod_class_count; i++)
		bad += strcmp(iod_classes[i - 1].uid, iod_classes[i].uid) >= 0;
	for (i = 1; i < iod_row_count; i++)
		bad += strlen(iod_rows[i].types) != strlen(iod_rows[0].types);
	for (i = 0; i < iod_class_count; i++)
		bad += iod_type(iod_classes[i].kind, 0, iod_rows[0].tag) !=
		       IOD_TYPE_3;
	for (i = 1; i < iod_nested_count; i++)
		bad += iod_nested[i - 1].sequence > iod_nested[i].sequence ||
		       (iod_nested[i - 1].sequence == iod_nested[i].sequence &&
			   iod_nested[i - 1].tag >= iod_nested[i].tag);
	ok(bad == 0, "classes, types and paths are in order");
}

int
main(void)
{
	char ct = iod_kind(SOP "2"), dx = iod_kind(SOP "1.1");

	tables();
	ok(iod_kind(SOP "2.1") != ct, "an enhanced CT is not a CT");
	ok(iod_kind("1.2.3") == 0 && iod_kind("") == 0, "others are no kind");
	ok(iod_type(ct, 0, 0x00080023) == IOD_TYPE_2, "Content Date in CT");
	ok(iod_type(ct, 0, 0x00181000) == IOD_TYPE_3, "serial number in CT");
	ok(iod_type(iod_kind(SOP "2.1"), 0, 0x00181000) == IOD_TYPE_1,
	    "in enhanced CT");
	ok(iod_type(iod_kind(SOP "481.3"), 0, 0x00081070) == IOD_TYPE_2,
	    "Operators' Name in an RT Structure Set");
	ok(iod_type(dx, 0x00101002, 0x00100020) == IOD_TYPE_1, "in an item");
	ok(iod_type(dx, 0x00081199, 0x00080080) == IOD_TYPE_UNKNOWN,
	    "in an item of a sequence without types");
	ok(iod_type(0, 0, 0x00080023) == IOD_TYPE_UNKNOWN, "of no kind");
	ok(iod_type(ct, 0, 0x00280010) == IOD_TYPE_UNKNOWN,
	    "Rows is not asked for");
	return done_testing();
}
