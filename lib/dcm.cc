#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdict.h"
#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcostrmb.h"
#include "dcmtk/dcmdata/dctk.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "dcm.h"
#include "dict.h"

struct dcm {
	DcmDataset *set = nullptr;
	E_TransferSyntax syntax = EXS_LittleEndianExplicit;
	std::vector<unsigned char> scratch;
	std::vector<std::vector<DcmObject *>> lists; /* one for each depth */
	std::vector<size_t> at;  /* in each, the one that is shown */
	DcmItem *item = nullptr; /* that holds the one that is shown */
};

namespace
{

int
fail(struct why *w, const OFCondition &c)
{
	return why_set(w, EXIT_DATA, "not parseable: %s", c.text());
}

int
no_memory(struct why *w)
{
	return why_set(w, EXIT_IO, "out of memory");
}

/*
 * DCMTK's dictionary holds nothing but delimiters and which tags are
 * sequences: in implicit VR all else is bytes, and what they mean is for our
 * own dictionary to say.  The real one costs 11 ms and depends on the
 * machine's files.
 */
void
add_entry(DcmDataDictionary &dict, uint32_t tag, DcmEVR vr)
{
	dict.addEntry(new DcmDictEntry(Uint16(tag >> 16), Uint16(tag), vr,
	    vr == EVR_SQ ? "Sequence" : "Item", 1, 1, nullptr, OFFalse,
	    nullptr));
}

void
add_sequence(void *arg, uint32_t tag)
{
	add_entry(*static_cast<DcmDataDictionary *>(arg), tag, EVR_SQ);
}

E_TransferSyntax
syntax_of(enum walk_syntax s)
{
	switch (s) {
	case WALK_IMPLICIT:
		return EXS_LittleEndianImplicit;
	case WALK_BIG:
		return EXS_BigEndianExplicit;
	default:
		return EXS_LittleEndianExplicit;
	}
}

uint32_t
tag_of(const DcmObject *o)
{
	return uint32_t(o->getGTag()) << 16 | o->getETag();
}

unsigned
vr_of(const struct dcm *d, DcmObject *o)
{
	const char *name;

	if (d->syntax == EXS_LittleEndianImplicit && o->ident() != EVR_SQ)
		return 0;
	name = o->getTag().getVRName();
	/* "??": in implicit VR, within UN */
	return name[0] == '?' ? 0 : VR(name[0], name[1]);
}

bool
is_sequence(const DcmObject *o)
{
	return o->ident() == EVR_SQ;
}

/* As many zeros as n bytes hold, at least one. */
OFCondition
put_zeros(DcmElement *e, size_t n, size_t unit)
{
	OFString s("0");

	for (; n >= 2 * unit; n -= unit)
		s += "\\0";
	return e->putString(s.c_str());
}

/* Put n bytes in the place of e's value; of binary numbers, zeros. */
OFCondition
replace(DcmElement *e, const void *p, size_t n)
{
	const Uint8 *bytes = static_cast<const Uint8 *>(p);

	switch (e->ident()) {
	case EVR_OB:
	case EVR_ox:
	case EVR_UN:
	case EVR_UNKNOWN:
	case EVR_UNKNOWN2B:
	case EVR_OW:
	case EVR_OverlayData:
	case EVR_PixelData:
		if (e->getTag().getEVR() == EVR_OW)
			return e->putUint16Array(
			    reinterpret_cast<const Uint16 *>(bytes), n / 2);
		return e->putUint8Array(bytes, OFstatic_cast(Uint32, n));
	case EVR_US:
	case EVR_SS:
		return put_zeros(e, n, 2);
	case EVR_UL:
	case EVR_SL:
	case EVR_FL:
		return put_zeros(e, n, 4);
	case EVR_FD:
	case EVR_SV:
	case EVR_UV:
		return put_zeros(e, n, 8);
	case EVR_OF:
	case EVR_OD:
	case EVR_OL:
	case EVR_OV:
		return e->putString("0");
	case EVR_AT:
		return e->putString("(0000,0000)");
	default:
		return e->putString(reinterpret_cast<const char *>(bytes),
		    OFstatic_cast(Uint32, n));
	}
}

class Visit
{
      public:
	Visit(struct dcm *set, enum dcm_do (*fn)(void *, struct dcm_element *),
	    void *closure)
	    : d(set), rule(fn), arg(closure)
	{
	}

	OFCondition
	item(DcmItem *it, int depth)
	{
		OFCondition c = EC_Normal;
		DcmObject *o = nullptr;

		if (depth > WALK_DEPTH)
			return EC_CorruptedData;
		if (d->lists.size() <= size_t(depth))
			d->lists.resize(depth + 1);
		d->lists[depth].clear();
		while ((o = it->nextInContainer(o)) != nullptr)
			d->lists[depth].push_back(o);
		drop = false;
		for (size_t i = 0;
		     c.good() && !drop && i < d->lists[depth].size(); i++) {
			d->at.resize(depth + 1);
			d->at[depth] = i;
			d->item = it;
			c = element(it,
			    static_cast<DcmElement *>(d->lists[depth][i]),
			    depth, i == 0);
		}
		return c;
	}

      private:
	struct dcm *d;
	enum dcm_do (*rule)(void *, struct dcm_element *);
	void *arg;
	bool drop = false; /* the item at hand */

	OFCondition
	element(DcmItem *it, DcmElement *e, int depth, bool begins)
	{
		struct dcm_element x = {};
		DcmSequenceOfItems *sq;

		x.tag = tag_of(e);
		x.vr = vr_of(d, e);
		x.sequence = is_sequence(e);
		x.size = x.sequence
			     ? static_cast<DcmSequenceOfItems *>(e)->card()
			     : e->getLengthField();
		x.depth = depth;
		x.begins = begins;
		x.own = e;
		switch (rule(arg, &x)) {
		case DCM_KEEP:
			return x.sequence ? into(e, depth) : EC_Normal;
		case DCM_FIRST:
			if (!x.sequence)
				break;
			sq = static_cast<DcmSequenceOfItems *>(e);
			while (sq->card() > 1)
				delete sq->remove(sq->card() - 1);
			return into(e, depth);
		case DCM_EMPTY:
			return e->clear();
		case DCM_REPLACE:
			if (x.sequence)
				break;
			return replace(e, x.with, x.with_size);
		case DCM_UNPACK:
			return unpack(it, e, depth);
		case DCM_DROP:
			drop = depth > 0;
			return EC_Normal;
		case DCM_REMOVE:
			break;
		}
		delete it->remove(e);
		return EC_Normal;
	}

	OFCondition
	into(DcmElement *e, int depth)
	{
		DcmSequenceOfItems *sq = static_cast<DcmSequenceOfItems *>(e);
		OFCondition c = EC_Normal;
		std::vector<DcmItem *> items;
		DcmObject *o = nullptr;

		while ((o = sq->nextInContainer(o)) != nullptr)
			items.push_back(static_cast<DcmItem *>(o));
		for (size_t i = 0; c.good() && i < items.size(); i++) {
			c = item(items[i], depth + 1);
			if (drop)
				delete sq->remove(items[i]);
			drop = false;
		}
		return c;
	}

	/*
	 * A sequence that came as UN is in implicit VR, little endian.  With
	 * a header before it, it is a data set of one element; any
	 * sequence's will do, since nobody knows the private ones.
	 */
	OFCondition
	unpack(DcmItem *it, DcmElement *e, int depth)
	{
		const DcmTag tag(e->getGTag(), e->getETag(), EVR_SQ);
		const Uint32 n = e->getLengthField();
		const unsigned char head[8] = { 0x40, 0, 0x75, 2, Uint8(n),
			Uint8(n >> 8), Uint8(n >> 16), Uint8(n >> 24) };
		DcmInputBufferStream in;
		DcmDataset set;
		DcmSequenceOfItems *as, *sq;
		OFCondition c;

		d->scratch.resize(sizeof head + n + 2);
		memcpy(d->scratch.data(), head, sizeof head);
		c = e->getPartialValue(d->scratch.data() + sizeof head, 0, n);
		delete it->remove(e);
		if (c.bad())
			return c;
		in.setBuffer(d->scratch.data(), sizeof head + n);
		in.setEos();
		set.transferInit();
		c = set.read(in, EXS_LittleEndianImplicit, EGL_noChange,
		    DCM_MaxReadLength);
		set.transferEnd();
		if (c.bad() || in.avail() > 0 || set.card() != 1 ||
		    !is_sequence(set.getElement(0)))
			return EC_Normal;
		as = static_cast<DcmSequenceOfItems *>(set.getElement(0));
		sq = new DcmSequenceOfItems(tag);
		while (as->card() > 0)
			sq->append(as->remove(OFstatic_cast(unsigned long, 0)));
		c = it->insert(sq);
		if (c.bad()) {
			delete sq;
			return c;
		}
		return into(sq, depth);
	}
};

DcmElement *
make(uint32_t tag, const char *vr, const char *text, OFCondition &c)
{
	DcmTag t(OFstatic_cast(Uint16, tag >> 16), OFstatic_cast(Uint16, tag),
	    DcmVR(vr));
	DcmElement *e = nullptr;

	c = DcmItem::newDicomElementWithVR(e, t);
	if (c.good())
		c = e->putString(text);
	if (c.bad()) {
		delete e;
		e = nullptr;
	}
	return e;
}

int
insert(
    DcmItem *it, uint32_t tag, const char *vr, const char *text, struct why *w)
{
	OFCondition c;
	DcmElement *e = make(tag, vr, text, c);

	if (e != nullptr && (c = it->insert(e, OFTrue)).bad())
		delete e;
	return c.good() ? 0 : fail(w, c);
}

} // namespace

void
dcm_init(void)
{
	try {
		OFLog::configure(OFLogger::OFF_LOG_LEVEL);
		/* An empty file: nothing is read that could differ. */
		setenv("DCMDICTPATH", "/dev/null", 1);
		DcmDataDictionary &dict = dcmDataDict.wrlock();
		dict.clear();
		for (uint32_t tag : { 0xfffee000u, 0xfffee00du, 0xfffee0ddu })
			add_entry(dict, tag, EVR_na);
		dict_each(VR('S', 'Q'), add_sequence, &dict);
		dcmDataDict.wrunlock();
		/* Values stay as they are, whatever is wrong with them. */
		dcmEnableAutomaticInputDataCorrection.set(OFFalse);
	} catch (...) {
		die(EXIT_BUG, "DCMTK does not start");
	}
}

struct dcm *
dcm_new(void)
{
	try {
		return new struct dcm;
	} catch (...) {
		die(EXIT_IO, "out of memory");
	}
}

void
dcm_free(struct dcm *d)
{
	try {
		if (d != nullptr)
			delete d->set;
		delete d;
	} catch (...) {
		die(EXIT_BUG, "DCMTK does not end");
	}
}

int
dcm_parse(struct dcm *d, const void *p, size_t n, enum walk_syntax syntax,
    struct why *w)
{
	try {
		DcmInputBufferStream in;
		OFCondition c;

		delete d->set;
		d->set = nullptr;
		d->set = new DcmDataset;
		d->syntax = syntax_of(syntax);
		if (n == 0)
			return 0;
		in.setBuffer(p, offile_off_t(n));
		in.setEos();
		d->set->transferInit();
		c = d->set->read(
		    in, d->syntax, EGL_noChange, DCM_MaxReadLength);
		d->set->transferEnd();
		if (c.bad())
			return fail(w, c);
		if (in.avail() > 0)
			return why_set(w, EXIT_DATA,
			    "not parseable: more after the last element");
		return 0;
	} catch (const std::bad_alloc &) {
		return no_memory(w);
	} catch (...) {
		return why_set(w, EXIT_DATA, "not parseable");
	}
}

const void *
dcm_value(struct dcm *d, const struct dcm_element *x)
{
	try {
		DcmElement *e = static_cast<DcmElement *>(x->own);

		if (x->sequence || x->size == 0)
			return nullptr;
		d->scratch.resize(x->size + 2);
		if (e->getPartialValue(
			 d->scratch.data(), 0, OFstatic_cast(Uint32, x->size))
			.bad())
			return nullptr;
		return d->scratch.data();
	} catch (...) {
		return nullptr;
	}
}

int
dcm_apply(struct dcm *d, enum dcm_do (*rule)(void *, struct dcm_element *),
    void *arg, struct why *w)
{
	try {
		OFCondition c = Visit(d, rule, arg).item(d->set, 0);

		return c.good() ? 0 : fail(w, c);
	} catch (const std::bad_alloc &) {
		return no_memory(w);
	} catch (...) {
		return why_set(w, EXIT_DATA, "not parseable");
	}
}

namespace
{

/* A value without its padding. */
size_t
text_of(DcmElement *e, char *out, size_t size)
{
	size_t n, i = 0;

	if (e == nullptr || is_sequence(e))
		return 0;
	n = e->getLengthField();
	if (n == 0 || n >= size ||
	    e->getPartialValue(out, 0, OFstatic_cast(Uint32, n)).bad())
		n = 0;
	while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\0'))
		n--;
	while (i < n && out[i] == ' ')
		i++;
	memmove(out, out + i, n - i);
	out[n - i] = '\0';
	return n - i;
}

DcmElement *
element_of(DcmItem *it, uint32_t tag)
{
	DcmElement *e = nullptr;

	if (it->findAndGetElement(DcmTagKey(OFstatic_cast(Uint16, tag >> 16),
				      OFstatic_cast(Uint16, tag)),
		  e)
		.bad())
		return nullptr;
	return e;
}

} // namespace

size_t
dcm_get(struct dcm *d, uint32_t tag, char *out, size_t size)
{
	*out = '\0';
	try {
		return text_of(element_of(d->set, tag), out, size);
	} catch (...) {
		*out = '\0';
		return 0;
	}
}

size_t
dcm_peek(struct dcm *d, const struct dcm_element *, const uint32_t *path, int n,
    char *out, size_t size)
{
	*out = '\0';
	try {
		DcmItem *it = d->item;

		for (; n > 1; n--, path++) {
			DcmElement *e = element_of(it, *path);

			if (e == nullptr || !is_sequence(e) ||
			    static_cast<DcmSequenceOfItems *>(e)->card() == 0)
				return 0;
			it = static_cast<DcmSequenceOfItems *>(e)->getItem(0);
		}
		return text_of(element_of(it, *path), out, size);
	} catch (...) {
		*out = '\0';
		return 0;
	}
}

uint32_t
dcm_sibling(struct dcm *d, const struct dcm_element *e, size_t *at)
{
	const std::vector<DcmObject *> &list = d->lists[e->depth];
	const size_t i = d->at[e->depth] + 1 + (*at)++;

	return i < list.size() ? tag_of(list[i]) : 0;
}

int
dcm_put(
    struct dcm *d, uint32_t tag, unsigned vr, const char *text, struct why *w)
{
	try {
		const char name[3] = { char(vr >> 8), char(vr), 0 };

		return insert(d->set, tag, name, text, w);
	} catch (...) {
		return no_memory(w);
	}
}

/* An item with a code, behind the others of sq. */
static int
append_code(DcmSequenceOfItems *sq, const char *value, const char *scheme,
    const char *meaning, struct why *w)
{
	DcmItem *it = new DcmItem;

	if (sq->append(it).bad()) {
		delete it;
		return no_memory(w);
	}
	if (insert(it, 0x00080100, "SH", value, w) < 0 ||
	    insert(it, 0x00080102, "SH", scheme, w) < 0 ||
	    insert(it, 0x00080104, "LO", meaning, w) < 0)
		return -1;
	return 0;
}

int
dcm_put_code(struct dcm *d, uint32_t tag, const char *value, const char *scheme,
    const char *meaning, struct why *w)
{
	try {
		DcmTag t(OFstatic_cast(Uint16, tag >> 16),
		    OFstatic_cast(Uint16, tag), DcmVR(EVR_SQ));
		DcmSequenceOfItems *sq = new DcmSequenceOfItems(t);

		if (d->set->insert(sq, OFTrue).bad()) {
			delete sq;
			return no_memory(w);
		}
		return append_code(sq, value, scheme, meaning, w);
	} catch (...) {
		return no_memory(w);
	}
}

int
dcm_add_code(struct dcm *d, uint32_t tag, const char *value, const char *scheme,
    const char *meaning, struct why *w)
{
	try {
		DcmTagKey key(OFstatic_cast(Uint16, tag >> 16),
		    OFstatic_cast(Uint16, tag));
		DcmSequenceOfItems *sq = nullptr;

		if (d->set->findAndGetSequence(key, sq).bad())
			return dcm_put_code(d, tag, value, scheme, meaning, w);
		return append_code(sq, value, scheme, meaning, w);
	} catch (...) {
		return no_memory(w);
	}
}

int
dcm_put_words(
    struct dcm *d, uint32_t tag, const void *p, size_t n, struct why *w)
{
	try {
		DcmTag t(OFstatic_cast(Uint16, tag >> 16),
		    OFstatic_cast(Uint16, tag), DcmVR(EVR_OW));
		DcmElement *e = new DcmOtherByteOtherWord(t);
		OFCondition c =
		    e->putUint16Array(static_cast<const Uint16 *>(p), n / 2);

		if (c.good())
			c = d->set->insert(e, OFTrue);
		if (c.good())
			return 0;
		delete e;
		return fail(w, c);
	} catch (...) {
		return no_memory(w);
	}
}

void
dcm_remove(struct dcm *d, uint32_t tag)
{
	try {
		const DcmTagKey key(OFstatic_cast(Uint16, tag >> 16),
		    OFstatic_cast(Uint16, tag));

		if (d->set->tagExists(key))
			delete d->set->remove(key);
	} catch (...) {
		die(EXIT_BUG, "DCMTK does not remove an element");
	}
}

size_t
dcm_write(struct dcm *d, unsigned char **buf, size_t *size, size_t used,
    struct why *w)
{
	try {
		const size_t piece = 1 << 16;
		OFCondition c = EC_Normal;

		d->scratch.resize(piece);
		DcmOutputBufferStream out(d->scratch.data(), piece);
		d->set->transferInit();
		do {
			offile_off_t n = 0;
			void *p = nullptr;

			c = d->set->write(out, d->syntax, EET_UndefinedLength,
			    nullptr, EGL_withoutGL, EPD_withoutPadding);
			if (c.bad() && c != EC_StreamNotifyClient)
				break;
			if (c.good())
				out.flush();
			out.flushBuffer(p, n);
			if (*size - used < size_t(n)) {
				size_t want = (used + size_t(n)) * 2;
				void *q = realloc(*buf, want);

				if (q == nullptr)
					throw std::bad_alloc();
				*buf = static_cast<unsigned char *>(q);
				*size = want;
			}
			memcpy(*buf + used, p, size_t(n));
			used += size_t(n);
		} while (c == EC_StreamNotifyClient);
		d->set->transferEnd();
		if (c.good())
			return used;
		fail(w, c);
		return 0;
	} catch (const std::bad_alloc &) {
		no_memory(w);
		return 0;
	} catch (...) {
		why_set(w, EXIT_DATA, "not writable");
		return 0;
	}
}
