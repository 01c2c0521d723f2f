#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dccodec.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpls/djdecode.h"

#include <cstdio>
#include <new>

#include "dcmpix.h"

namespace
{

int
cannot(struct why *w)
{
	return why_set(w, EXIT_DATA, "(7fe0,0010): a frame cannot be decoded");
}

/* The dictionary has no VRs: each is said. */
bool
put(DcmItem &set, const DcmTagKey &key, unsigned v)
{
	return set
	    .putAndInsertUint16(DcmTag(key, EVR_US), OFstatic_cast(Uint16, v))
	    .good();
}

/* What a decoder asks of the data set about a frame. */
bool
describe(DcmItem &set, const struct look *l)
{
	DcmElement *e =
	    new DcmCodeString(DcmTag(DCM_PhotometricInterpretation, EVR_CS));

	if (e->putString(l->photometric).bad() || set.insert(e).bad()) {
		delete e;
		return false;
	}
	return put(set, DCM_SamplesPerPixel, l->samples) &&
	       put(set, DCM_PlanarConfiguration, 0) &&
	       put(set, DCM_Rows, l->rows) &&
	       put(set, DCM_Columns, l->columns) &&
	       put(set, DCM_BitsAllocated, l->allocated) &&
	       put(set, DCM_BitsStored, l->stored) &&
	       put(set, DCM_HighBit, l->high) &&
	       put(set, DCM_PixelRepresentation, l->is_signed);
}

/* The sequence of fragments that a decoder expects, with one. */
bool
add_item(DcmPixelSequence &seq, const void *p, size_t n)
{
	DcmPixelItem *item = new DcmPixelItem(DcmTag(DCM_Item, EVR_OB));

	if ((n > 0 && item->putUint8Array(static_cast<const Uint8 *>(p),
			      OFstatic_cast(unsigned long, n))
			  .bad()) ||
	    seq.insert(item).bad()) {
		delete item;
		return false;
	}
	return true;
}

} // namespace

void
dcmpix_init(void)
{
	try {
		DcmRLEDecoderRegistration::registerCodecs();
		DJDecoderRegistration::registerCodecs(
		    EDC_photometricInterpretation, EUC_default,
		    EPC_colorByPixel);
		DJLSDecoderRegistration::registerCodecs(
		    EJLSUC_default, EJLSPC_colorByPixel);
	} catch (...) {
		die(EXIT_BUG, "DCMTK does not start");
	}
}

int
dcmpix_decode(const struct look *l, const void *p, size_t n, void *out,
    size_t size, char photometric[17], struct why *w)
{
	try {
		const DcmXfer syntax(l->transfer);
		DcmPixelSequence seq(DcmTag(DCM_PixelData, EVR_OB));
		Uint32 start = 0;
		OFString model;
		DcmDataset set;

		if (n > 0xfffffff0u || size > 0xfffffff0u ||
		    !describe(set, l) || !add_item(seq, nullptr, 0) ||
		    !add_item(seq, p, n) ||
		    DcmCodecList::decodeFrame(syntax, nullptr, &seq, &set, 0,
			start, out, OFstatic_cast(Uint32, size), model)
			.bad())
			return cannot(w);
		snprintf(photometric, 17, "%s", model.c_str());
		return 0;
	} catch (const std::bad_alloc &) {
		return why_set(w, EXIT_IO, "out of memory");
	} catch (...) {
		return cannot(w);
	}
}
