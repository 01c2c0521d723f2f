/* dcm-sheet: contact sheets, for people to look for what should not be seen */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "age.h"
#include "dcmpix.h"
#include "frames.h"
#include "opt.h"
#include "out.h"
#include "parts.h"
#include "progress.h"
#include "rec.h"
#include "risk.h"
#include "sandbox.h"
#include "thumb.h"

#define HEAD_MAX ((size_t)64 << 20)
#define FRAME_MAX ((size_t)256 << 20)
#define TRIED 16 /* candidates for the frame in the middle */

static const char *dir = ".";

static const struct poptOption options[] = {
	{ "directory", 'C', POPT_ARG_STRING, &dir, 0,
	    "write STUDY.html and STUDY/SERIES.png in DIR", "DIR" },
	OPT_COMMON
};

/* A series as its frames pass: the first, the last, and some between. */
static struct series {
	char study[65], uid[65];
	char modality[17];
	unsigned long long objects, frames, unseen;
	unsigned long long stride; /* of the candidates, a power of two */
	struct thumb first, last, tried[TRIED];
	unsigned long long tried_at[TRIED];
	int tries;
	bool written;
} * series;
static size_t series_count;

static struct series *
series_of(const struct parts *p)
{
	char study[65], uid[65];
	size_t i;

	parts_text(p, 0x0020000d, study, sizeof study);
	parts_text(p, 0x0020000e, uid, sizeof uid);
	if (*study == '\0' || *uid == '\0' ||
	    study[strspn(study, "0123456789.")] != '\0' ||
	    uid[strspn(uid, "0123456789.")] != '\0')
		return NULL;
	for (i = series_count; i > 0; i--)
		if (strcmp(series[i - 1].uid, uid) == 0 &&
		    strcmp(series[i - 1].study, study) == 0)
			return &series[i - 1];
	if ((series_count & (series_count - 1)) == 0) {
		series = realloc(series,
		    (series_count ? 2 * series_count : 1) * sizeof *series);
		if (series == NULL)
			die(EXIT_IO, "out of memory");
	}
	memset(&series[series_count], 0, sizeof *series);
	strcpy(series[series_count].study, study);
	strcpy(series[series_count].uid, uid);
	parts_text(p, 0x00080060, series[series_count].modality, 17);
	series[series_count].stride = 1;
	return &series[series_count++];
}

static struct thumb
copy(const struct thumb *t)
{
	struct thumb c = *t;
	size_t n = (size_t)3 * t->width * t->height;

	if ((c.rgb = malloc(n)) == NULL)
		die(EXIT_IO, "out of memory");
	memcpy(c.rgb, t->rgb, n);
	return c;
}

/* Every second candidate goes when there are too many. */
static void
thin(struct series *s)
{
	int i, k = 0;

	s->stride *= 2;
	for (i = 0; i < s->tries; i++) {
		if (s->tried_at[i] % s->stride != 0) {
			thumb_free(&s->tried[i]);
			continue;
		}
		s->tried_at[k] = s->tried_at[i];
		s->tried[k++] = s->tried[i];
	}
	s->tries = k;
}

/* t is taken over. */
static void
keep(struct series *s, struct thumb *t, unsigned long long at, bool middle)
{
	if (s->first.rgb == NULL)
		s->first = copy(t);
	if (middle || at % s->stride == 0) {
		if (s->tries == TRIED)
			thin(s);
		if (s->tries < TRIED) {
			s->tried_at[s->tries] = at;
			s->tried[s->tries++] = copy(t);
		}
	}
	thumb_free(&s->last);
	s->last = *t;
}

/* One object as its pixels pass. */
struct viewing {
	struct series *series;
	struct look look;
	struct thumb_window window;
	struct frames frames;
	unsigned long long pos, number; /* bytes of native pixels; frame */
	unsigned char *frame;
	size_t frame_size;
};

static bool
wanted(const struct viewing *v, unsigned long long i)
{
	unsigned long long n = (unsigned long long)v->look.frames;

	return i == 0 || i == n / 2 || i + 1 == n;
}

static void
show(struct viewing *v, const struct look *l, unsigned long long i)
{
	struct thumb t;

	if (thumb_make(&t, l, &v->window, v->frame) < 0)
		v->series->unseen++;
	else
		keep(v->series, &t, v->series->frames + i,
		    v->look.frames > 1 && i > 0);
}

static void
native(struct viewing *v, const unsigned char *p, size_t n)
{
	while (n > 0 && v->number < (unsigned long long)v->look.frames) {
		size_t at = (size_t)(v->pos % v->frame_size);
		size_t k = v->frame_size - at < n ? v->frame_size - at : n;

		if (wanted(v, v->number))
			memcpy(v->frame + at, p, k);
		if (at + k == v->frame_size) {
			if (wanted(v, v->number))
				show(v, &v->look, v->number);
			v->number++;
		}
		v->pos += k;
		p += k;
		n -= k;
	}
}

static void
decode(struct viewing *v)
{
	struct look l = v->look;
	struct why w = { 0 };

	if (wanted(v, v->number)) {
		if (dcmpix_decode(&v->look, v->frames.buf, v->frames.used,
			v->frame, v->frame_size, l.photometric, &w) < 0) {
			v->series->unseen++;
		} else {
			l.planar = 0;
			l.big = false;
			show(v, &l, v->number);
		}
	}
	v->number++;
}

static void
coded(struct viewing *v, const unsigned char *p, size_t n, bool *bad)
{
	struct why w = { 0 };
	size_t used;
	int got;

	while (n > 0 && !*bad) {
		got = frames_feed(&v->frames, p, n, &used, &w);
		if (got < 0)
			*bad = true;
		if (got == 1)
			decode(v);
		p += used;
		n -= used;
		if (got == 0 && used == 0)
			break;
	}
}

static double
number_of(const struct parts *p, uint32_t tag)
{
	char text[65];

	parts_text(p, tag, text, sizeof text);
	return strtod(text, NULL);
}

static void
begin(struct viewing *v, const struct parts *p)
{
	size_t i;

	look_begin(&v->look, p->meta.transfer, p->meta.sop_class,
	    p->meta.syntax == WALK_BIG);
	for (i = 0; i < p->elements; i++)
		look_element(&v->look, p->element[i].tag,
		    p->head + p->element[i].value,
		    p->element[i].end - p->element[i].value);
	if (v->look.frames < 1)
		v->look.frames = 1;
	v->window = (struct thumb_window){ number_of(p, 0x00281053),
		number_of(p, 0x00281052), number_of(p, 0x00281050),
		number_of(p, 0x00281051) };
	v->pos = v->number = 0;
	v->frame_size = look_frame(&v->look);
}

/* 0, REC_VOID, or -1 with *w. */
static int
view(struct parts *p, struct viewing *v, struct why *w)
{
	enum risk_syntax kind = risk_syntax(p->meta.transfer);
	bool bad = !p->pixels, open = false;
	enum parts_kind what;
	const void *bytes;
	size_t n;
	int got;

	if ((v->series = p->walked ? series_of(p) : NULL) != NULL) {
		begin(v, p);
		v->series->objects++;
		open = v->frame_size > 0 && v->frame_size <= FRAME_MAX;
	}
	if (open && (v->frame = realloc(v->frame, v->frame_size)) == NULL)
		die(EXIT_IO, "out of memory");
	if (open && kind != RISK_NATIVE)
		frames_begin(&v->frames, &v->look, kind);
	while ((got = parts_next(p, &bytes, &n, &what, w)) == 1)
		if (open && what == PARTS_PIXELS && kind == RISK_NATIVE)
			native(v, bytes, n);
		else if (open && what == PARTS_PIXELS)
			coded(v, bytes, n, &bad);
	if (got < 0)
		return -1;
	if (v->series == NULL)
		return why_set(w, EXIT_DATA, "%s",
		    p->walked ? "no Study or Series Instance UID"
			      : p->why.text);
	if (open && kind != RISK_NATIVE && p->pixels && !bad &&
	    v->frames.done && v->number < (unsigned long long)v->look.frames)
		decode(v);
	if (p->pixels && v->number == 0)
		v->series->unseen++;
	v->series->frames += p->pixels ? (unsigned long long)v->look.frames : 0;
	return got;
}

static int
record_fill(void *arg, void *buf, size_t size, size_t *got, struct why *w)
{
	return recin_fill(arg, buf, size, got, w);
}

/* First, middle, last, each once. */
static int
chosen(const struct series *s, struct thumb out[3])
{
	unsigned long long best = ~0ULL, off;
	int i, n = 0, mid = -1;

	for (i = 0; i < s->tries; i++) {
		off = s->tried_at[i] > s->frames / 2
			  ? s->tried_at[i] - s->frames / 2
			  : s->frames / 2 - s->tried_at[i];
		if (off < best && s->tried_at[i] != 0 &&
		    s->tried_at[i] + 1 != s->frames) {
			best = off;
			mid = i;
		}
	}
	if (s->first.rgb != NULL)
		out[n++] = s->first;
	if (mid >= 0)
		out[n++] = s->tried[mid];
	if (s->frames > 1 && s->last.rgb != NULL)
		out[n++] = s->last;
	return n;
}

static FILE *
create(const char *path)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		die(EXIT_IO, "%s: cannot be written", path);
	return f;
}

static void
finish(FILE *f, const char *path)
{
	if (ferror(f) | fclose(f))
		die(EXIT_IO, "%s: cannot be written", path);
}

static void
one_series(FILE *html, struct series *s)
{
	struct thumb three[3];
	unsigned char *png;
	char path[4200], *text;
	int n = chosen(s, three);
	size_t size;
	FILE *f;

	s->written = true;
	fprintf(html,
	    "<h2>%s</h2>\n<p>%.16s, objects: %llu, frames: %llu, "
	    "<b>not shown: %llu</b></p>\n",
	    s->uid,
	    s->modality[strspn(
		s->modality, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ")] == '\0'
		? s->modality
		: "?",
	    s->objects, s->frames, s->unseen);
	if (n == 0)
		return;
	png = thumb_png(three, n, &size);
	snprintf(path, sizeof path, "%s/%s/%s.png", dir, s->study, s->uid);
	f = create(path);
	fwrite(png, 1, size, f);
	finish(f, path);
	if ((text = malloc(AGE_BASE64(size))) == NULL)
		die(EXIT_IO, "out of memory");
	age_base64(text, png, size);
	fprintf(html,
	    "<img alt=\"first, middle, last\" "
	    "src=\"data:image/png;base64,%s\">\n",
	    text);
	free(text);
	free(png);
}

static void
one_study(const char *study)
{
	char path[4200];
	FILE *f;
	size_t i;

	snprintf(path, sizeof path, "%s/%s", dir, study);
	mkdir(path, 0777);
	snprintf(path, sizeof path, "%s/%s.html", dir, study);
	f = create(path);
	fprintf(f,
	    "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>%s</title>\n"
	    "<h1>%s</h1>\n",
	    study, study);
	for (i = 0; i < series_count; i++)
		if (strcmp(series[i].study, study) == 0)
			one_series(f, &series[i]);
	finish(f, path);
}

int
main(int argc, char **argv)
{
	struct viewing v = { 0 };
	struct parts p = { 0 };
	unsigned long served = 0;
	struct why w = { 0 };
	struct recin *in;
	struct rec *r;
	size_t i;
	int got;

	if (*opt_parse(argc, argv, options, "< records"))
		die(EXIT_USAGE, "takes no operands");
	if (mkdir(dir, 0777) < 0 && access(dir, W_OK) < 0)
		die(EXIT_IO, "%s: cannot be written", dir);
	dcmpix_init();
	if ((in = recin_open(STDIN_FILENO, NULL, 0, &w)) == NULL)
		die_why(&w);
	sandbox_below(dir);
	while ((got = recin_next(in, &r, &w)) > 0) {
		got = parts_open(&p, record_fill, in, HEAD_MAX, &w);
		if (got == 0)
			got = view(&p, &v, &w);
		if (got < 0 && w.code != EXIT_DATA)
			die_why(&w);
		if (got < 0)
			aside(r->name, &w);
		else
			served++;
		progress_add(1, (unsigned long long)r->size);
	}
	if (got < 0)
		die_why(&w);
	for (i = 0; i < series_count; i++)
		if (!series[i].written)
			one_study(series[i].study);
	progress_end();
	return exit_status(served);
}
