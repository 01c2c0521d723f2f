#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burnin.h"
#include "dcmpix.h"
#include "deface.h"
#include "dict.h"
#include "frames.h"
#include "graphics.h"
#include "hide.h"
#include "mask.h"
#include "pixels.h"
#include "risk.h"

#define METHOD_CODE 0x00120064
#define PHOTOMETRIC 0x00280004
#define PLANAR 0x00280006
#define BURNED_IN 0x00280301
#define FEATURES 0x00280302 /* Recognizable Visual Features */
#define LOSSY 0x00282110
#define EXTENDED_OFFSETS 0x7fe00001
#define EXTENDED_LENGTHS 0x7fe00002

struct pixels {
	const struct deid_profile *profile;
	struct deface *deface; /* or NULL */

	/* The object at hand. */
	struct look look;
	enum risk_syntax kind;
	const struct mask *mask;
	bool coded; /* in fragments */
	bool deflated;
	bool head; /* it may show a face */
	bool decodes;
	bool reads; /* it is searched for burned-in text */
	struct burnin *burnin;
	struct hide hide;
	struct graphics graphics;
	unsigned long long pos; /* bytes of the value so far */

	/* When it is decoded. */
	struct look out; /* of what goes out */
	struct frames frames;
	unsigned char *frame;
	size_t frame_size, frame_room;
	long long count;

	/* When its face is removed. */
	bool defaces;
	enum { ASLEEP, FED, EMPTY, DEFACED } state;
	const unsigned char *todo; /* cleaned, and for the command */
	size_t todo_len;
	unsigned long long left; /* bytes of a native value */
	unsigned char pad[2];    /* its last, which is no sample */
};

struct pixels *
pixels_new(const struct deid_profile *p, struct deface *d)
{
	struct pixels *x = calloc(1, sizeof *x);

	if (x == NULL)
		die(EXIT_IO, "out of memory");
	x->profile = p;
	x->deface = d;
	x->burnin = burnin_new();
	dcmpix_init();
	return x;
}

void
pixels_free(struct pixels *x)
{
	if (x == NULL)
		return;
	graphics_begin(&x->graphics);
	burnin_free(x->burnin);
	frames_free(&x->frames);
	free(x->frame);
	free(x);
}

void
pixels_begin(struct pixels *x, const struct walk_meta *m)
{
	look_begin(&x->look, m->transfer, m->sop_class, m->syntax == WALK_BIG);
	x->kind = risk_syntax(m->transfer);
	x->deflated = m->deflated;
	graphics_begin(&x->graphics);
	x->mask = NULL;
	x->coded = x->head = x->decodes = x->reads = x->defaces = false;
	if (x->deface != NULL)
		deface_stop(x->deface);
	x->state = ASLEEP;
	x->todo_len = 0;
	x->pos = 0;
	x->count = 0;
}

void
pixels_element(struct pixels *x, uint32_t tag, const void *value, size_t n)
{
	look_element(&x->look, tag, value, n);
	if (!x->look.big && profile_has(x->profile, PROFILE_CLEAN_GRAPHICS))
		graphics_element(&x->graphics, tag, value, n);
}

static int
rejected(unsigned set, struct why *w)
{
	char names[160] = "";
	int i;

	for (i = 0; i < RISKS; i++)
		if (set & RISK_BIT(i)) {
			strcat(names, *names ? ", " : "");
			strcat(names, risk_name((enum risk)i));
		}
	return why_set(w, EXIT_NO,
	    "may show who it is (%s): not accepted, and no mask for it", names);
}

/* What its frames are when they are decoded; and room for one. */
static int
prepare_frames(struct pixels *x, struct why *w)
{
	struct look *o = &x->out;

	*o = x->look;
	o->planar = 0;
	o->big = false;
	/* DCMTK's decoder for JPEG gives RGB; the others change nothing. */
	if (x->kind == RISK_JPEG && o->photometric[0] == 'Y')
		strcpy(o->photometric, "RGB");
	x->frame_size = look_frame(o);
	if (o->frames < 1 || x->frame_size == 0 ||
	    (unsigned long long)o->frames > 0xfffffffeu / x->frame_size)
		return why_set(w, EXIT_NO,
		    "(7fe0,0010): larger than 4 GiB when it is decoded");
	if (x->frame_size > x->frame_room) {
		free(x->frame);
		x->frame_room = 0;
		if ((x->frame = malloc(x->frame_size + 1)) == NULL)
			return why_set(w, EXIT_IO, "out of memory");
		x->frame_room = x->frame_size;
	}
	frames_begin(&x->frames, &x->look, x->kind);
	return 0;
}

static bool
decodable(const struct pixels *x)
{
	return x->kind == RISK_RLE || x->kind == RISK_JPEG ||
	       x->kind == RISK_JPEGLS;
}

/* What is coded has to be decoded to be masked, or to lose a face. */
static int
prepare_decoding(struct pixels *x, const char *what, struct why *w)
{
	if (!decodable(x))
		return why_set(w, EXIT_NO,
		    "(7fe0,0010): of a syntax that cannot be decoded to be %s",
		    what);
	if (prepare_frames(x, w) < 0)
		return -1;
	hide_begin(&x->hide, &x->out, RISK_NATIVE, false, true);
	x->decodes = true;
	return 0;
}

/* A mask is for it: can it be applied, and does that take decoding? */
static int
prepare_mask(struct pixels *x, struct why *w)
{
	if (!x->coded)
		return mask_check(&x->look, w);
	if (prepare_decoding(x, "masked", w) < 0)
		return -1;
	return mask_check(&x->out, w);
}

/* Its face is to be removed: can the command be given its frames? */
static int
prepare_defacing(struct pixels *x, const struct walk *k, struct why *w)
{
	const unsigned long long most = 0xfffffffe; /* of a value */

	if (x->coded && !x->decodes && prepare_decoding(x, "defaced", w) < 0)
		return -1;
	if (!x->coded)
		x->out = x->look;
	if (deface_check(&x->out, w) < 0)
		return -1;
	x->frame_size = look_frame(&x->out);
	if (x->deflated ||
	    (unsigned long long)x->out.frames > most / x->frame_size ||
	    (!x->coded && k->size != pixels_size(x)))
		return why_set(w, EXIT_NO,
		    "(7fe0,0010): a face, in a value that is deflated or not "
		    "of the length it says");
	x->left = k->size;
	x->defaces = true;
	return 0;
}

/* To be searched for text: 1; 0: not; -1: it should be, and cannot. */
static int
prepare_reading(struct pixels *x)
{
	struct why w;

	if (!burnin_wanted(&x->look))
		return 0;
	if (!burnin_for(&x->look) ||
	    (x->coded && (!decodable(x) || prepare_frames(x, &w) < 0)))
		return -1;
	burnin_begin(x->burnin, x->coded ? &x->out : &x->look);
	return 1;
}

/* What cannot be looked at may show anything. */
static int
unread(struct why *w)
{
	return why_set(w, EXIT_NO,
	    "text: a radiograph that cannot be searched for drawn text");
}

/* A head in thin slices, of which a face can be made again. */
static bool
shows_face(const struct look *l)
{
	static const char *const parts[] = { "HEAD", "BRAIN", "SKULL", "FACE",
		"FACIAL", "SINUS", "NEURO", "CRANI", "ORBIT", "EYE", "JAW",
		"MANDIB", "TEMPORAL", "CEREB" };
	size_t i;

	if (strcmp(l->modality, "CT") != 0 && strcmp(l->modality, "MR") != 0 &&
	    strcmp(l->modality, "PT") != 0)
		return false;
	if (l->thickness > 3.5 || !l->has_pixels || look_type(l, "LOCALIZER"))
		return false;
	for (i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strstr(l->body_part, parts[i]) ||
		    strstr(l->about, parts[i]))
			return true;
	return false;
}

int
pixels_judge(struct pixels *x, const struct walk *k, struct why *w)
{
	const struct deid_profile *p = x->profile;
	struct look *l = &x->look;
	unsigned risks;

	l->has_pixels = k != NULL;
	x->coded = k != NULL && k->size == WALK_UNDEFINED;
	if (k != NULL && !x->coded) {
		l->pixel_bytes = k->size;
		x->kind = RISK_NATIVE;
	}
	risks = risk_of(l);
	if (x->coded && (x->kind == RISK_UNKNOWN || x->kind == RISK_NATIVE))
		risks |= RISK_BIT(RISK_OPAQUE);
	if (k != NULL)
		x->mask = mask_find(p->masks, l);
	risks &= ~p->accepted;
	if (x->mask != NULL)
		risks &= ~risk_maskable;
	if (risks != 0)
		return rejected(risks, w);
	x->head = shows_face(l);
	if (x->head && p->faces == PROFILE_FACES_REJECT)
		return why_set(
		    w, EXIT_NO, "may show a face (thin slices of a head)");
	if (k == NULL)
		return 0;
	if (x->mask != NULL && prepare_mask(x, w) < 0)
		return -1;
	if (x->head && p->faces == PROFILE_FACES_COMMAND &&
	    prepare_defacing(x, k, w) < 0)
		return -1;
	if (x->mask == NULL && !(p->accepted & RISK_BIT(RISK_TEXT))) {
		int got = prepare_reading(x);

		if (got < 0)
			return unread(w);
		x->reads = got > 0;
	}
	if (!x->decodes)
		hide_begin(&x->hide, l, x->kind, x->coded,
		    profile_has(p, PROFILE_CLEAN_PIXEL_DATA));
	return 0;
}

static int
put_decoded(struct pixels *x, struct dcm *set, struct why *w)
{
	const char *t = x->look.transfer;

	if (strcmp(x->look.photometric, x->out.photometric) != 0 &&
	    dcm_put(set, PHOTOMETRIC, VR('C', 'S'), x->out.photometric, w) < 0)
		return -1;
	dcm_remove(set, EXTENDED_OFFSETS);
	dcm_remove(set, EXTENDED_LENGTHS);
	if (x->look.samples > 1 &&
	    dcm_put(set, PLANAR, VR('U', 'S'), "0", w) < 0)
		return -1;
	/* What its syntax said, the object now has to say. */
	if (strcmp(t, "1.2.840.10008.1.2.4.50") == 0 ||
	    strcmp(t, "1.2.840.10008.1.2.4.51") == 0 ||
	    strcmp(t, "1.2.840.10008.1.2.4.81") == 0)
		return dcm_put(set, LOSSY, VR('C', 'S'), "01", w);
	return 0;
}

/* It may show a face, or does not any more. */
static int
put_face(struct pixels *x, struct dcm *set, struct rec *r, struct why *w)
{
	rec_set_text(r, "faces", x->defaces ? "removed" : "yes");
	if (dcm_put(set, FEATURES, VR('C', 'S'), x->defaces ? "NO" : "YES", w) <
	    0)
		return -1;
	return x->defaces ? dcm_add_code(set, METHOD_CODE, "113102", "DCM",
				"Clean Recognizable Visual Features Option", w)
			  : 0;
}

int
pixels_put(struct pixels *x, struct dcm *set, struct rec *r, struct why *w)
{
	if (x->head && put_face(x, set, r, w) < 0)
		return -1;
	if (x->decodes)
		rec_set_text(r, "pixels", "decoded");
	if (x->decodes && put_decoded(x, set, w) < 0)
		return -1;
	if (x->mask == NULL)
		return 0;
	rec_set_text(r, "mask", mask_name(x->mask));
	if (graphics_put(&x->graphics, x->mask, &x->look, set, w) < 0)
		return -1;
	if (dcm_put(set, BURNED_IN, VR('C', 'S'), "NO", w) < 0)
		return -1;
	return dcm_add_code(
	    set, METHOD_CODE, "113101", "DCM", "Clean Pixel Data Option", w);
}

/*
 * Search the next n bytes of the value for burned-in text.  A frame that
 * cannot be decoded is nobody's to read.
 */
static int
read_text(struct pixels *x, const unsigned char *p, size_t n, struct why *w)
{
	char photometric[17];
	bool found = false;
	struct why ignored;
	size_t used;
	int r;

	if (!x->coded)
		found = burnin_bytes(x->burnin, p, n);
	for (; x->coded && n > 0 && !found && x->reads; p += used, n -= used) {
		r = frames_feed(&x->frames, p, n, &used, &ignored);
		if (x->frames.done)
			x->reads = false;
		if (r < 0 ||
		    (r == 1 && (!frames_as_said(&x->frames) ||
				   dcmpix_decode(&x->look, x->frames.buf,
				       x->frames.used, x->frame, x->frame_size,
				       photometric, &ignored) < 0)))
			return unread(w);
		if (r == 1)
			found =
			    burnin_bytes(x->burnin, x->frame, x->frame_size);
	}
	return found ? rejected(RISK_BIT(RISK_TEXT), w) : 0;
}

int
pixels_pass(struct pixels *x, void *p, size_t n, struct why *w)
{
	bool look = !(x->profile->accepted & RISK_BIT(RISK_HIDDEN)) &&
		    (!x->coded || x->kind <= RISK_JPEG2000);

	if (look && hide_bytes(&x->hide, p, n, w) < 0)
		return -1;
	if (x->reads && read_text(x, p, n, w) < 0)
		return -1;
	if (x->mask != NULL && !x->coded)
		mask_blacken(x->mask, &x->look, x->pos, p, n);
	x->pos += n;
	return 0;
}

int
pixels_end(struct pixels *x, struct why *w)
{
	if ((x->profile->accepted & RISK_BIT(RISK_HIDDEN)) ||
	    (x->coded && x->kind > RISK_JPEG2000))
		return 0;
	return hide_end(&x->hide, w);
}

bool
pixels_decodes(const struct pixels *x)
{
	return x->decodes;
}

bool
pixels_defaces(const struct pixels *x)
{
	return x->defaces;
}

bool
pixels_frames(const struct pixels *x)
{
	return x->decodes || x->defaces;
}

unsigned long long
pixels_size(const struct pixels *x)
{
	unsigned long long n =
	    x->frame_size * (unsigned long long)x->out.frames;

	return n + n % 2;
}

/* Decode the frame in x->frames, and blacken it. */
static int
one_frame(struct pixels *x, struct why *w)
{
	char photometric[17];

	if (x->count == x->out.frames)
		return why_set(
		    w, EXIT_DATA, "(7fe0,0010): more frames than it says");
	if (!frames_as_said(&x->frames))
		return why_set(w, EXIT_DATA,
		    "(7fe0,0010): a frame is not what the object says");
	if (dcmpix_decode(&x->look, x->frames.buf, x->frames.used, x->frame,
		x->frame_size, photometric, w) < 0)
		return -1;
	if (strcmp(photometric, x->out.photometric) != 0)
		return why_set(w, EXIT_DATA,
		    "(7fe0,0010): a frame is not of the colours it says");
	if (hide_bytes(&x->hide, x->frame, x->frame_size, w) < 0)
		return -1;
	if (x->mask != NULL)
		mask_blacken(x->mask, &x->out, x->pos, x->frame, x->frame_size);
	x->pos += x->frame_size;
	x->count++;
	return 0;
}

static int
decode(struct pixels *x, const void *p, size_t n, size_t *used,
    const void **frame, size_t *size, struct why *w)
{
	int r = frames_feed(&x->frames, p, n, used, w);

	if (r < 0 || (r == 1 && one_frame(x, w) < 0))
		return -1;
	*frame = x->frame;
	*size = x->frame_size;
	if (x->frames.done && x->count < x->out.frames)
		return why_set(
		    w, EXIT_DATA, "(7fe0,0010): fewer frames than it says");
	if (r == 1 && x->frames.done && x->pos % 2 != 0 && !x->defaces)
		x->frame[(*size)++] = 0; /* the value's length is even */
	return r;
}

/* The next samples for the command, cleaned of all but the face. */
static int
prepare_piece(struct pixels *x, void *p, size_t n, size_t *used, struct why *w)
{
	unsigned long long all = x->frame_size *
				 (unsigned long long)x->out.frames,
			   at = x->pos;
	const void *frame;
	size_t size;
	int r;

	if (x->coded) {
		if ((r = decode(x, p, n, used, &frame, &size, w)) < 0)
			return -1;
		x->todo = frame;
		x->todo_len = r == 1 ? size : 0;
		x->state = x->frames.done ? EMPTY : FED;
		return 0;
	}
	*used = n < x->left ? n : (size_t)x->left;
	x->left -= *used;
	if (pixels_pass(x, p, *used, w) < 0 ||
	    (x->left == 0 && pixels_end(x, w) < 0))
		return -1;
	x->todo = p;
	x->todo_len = *used;
	if (at + *used > all) /* what pads it goes nowhere */
		x->todo_len = at < all ? (size_t)(all - at) : 0;
	x->state = x->left == 0 ? EMPTY : FED;
	return 0;
}

/* As pixels_decode(). */
static int
deface(struct pixels *x, void *p, size_t n, size_t *used, const void **out,
    size_t *size, struct why *w)
{
	unsigned long long all =
	    x->frame_size * (unsigned long long)x->out.frames;
	size_t taken;
	int r;

	*used = 0;
	if (x->state == ASLEEP && deface_begin(x->deface, &x->out, all, w) < 0)
		return -1;
	if (x->state == ASLEEP)
		x->state = FED;
	if (x->todo_len == 0 && x->state == FED && n > 0 &&
	    prepare_piece(x, p, n, used, w) < 0)
		return -1;
	if (x->todo_len > 0) {
		r = deface_put(
		    x->deface, x->todo, x->todo_len, &taken, out, size, w);
		x->todo += taken;
		x->todo_len -= taken;
		return r;
	}
	if (x->state != EMPTY)
		return 0;
	if ((r = deface_end(x->deface, out, size, w)) != 0)
		return r;
	x->state = DEFACED;
	*out = x->pad;
	*size = all % 2;
	return *size > 0;
}

int
pixels_decode(struct pixels *x, void *p, size_t n, size_t *used,
    const void **frame, size_t *size, struct why *w)
{
	return x->defaces ? deface(x, p, n, used, frame, size, w)
			  : decode(x, p, n, used, frame, size, w);
}

bool
pixels_hungry(const struct pixels *x)
{
	return !x->defaces ||
	       (x->todo_len == 0 && (x->state == ASLEEP || x->state == FED));
}

bool
pixels_done(const struct pixels *x)
{
	return x->defaces ? x->state == DEFACED : x->frames.done;
}
