#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "thumb.h"

void
thumb_free(struct thumb *t)
{
	free(t->rgb);
	memset(t, 0, sizeof *t);
}

/* Sample s of pixel i, as stored. */
static double
sample(const struct look *l, const unsigned char *p, size_t i, unsigned s)
{
	size_t at = l->planar && l->samples > 1
			? s * ((size_t)l->rows * l->columns) + i
			: i * l->samples + s;
	unsigned v;

	if (l->allocated == 8)
		return l->is_signed ? (signed char)p[at] : p[at];
	p += 2 * at;
	v = l->big ? (unsigned)(p[0] << 8 | p[1])
		   : (unsigned)(p[1] << 8 | p[0]);
	if (l->stored < 16)
		v &= (1u << l->stored) - 1;
	if (l->is_signed && v >> (l->stored - 1) != 0)
		return (double)v - (double)(1u << l->stored);
	return v;
}

static void
range(const struct look *l, const unsigned char *p, double *lo, double *hi)
{
	size_t n = (size_t)l->rows * l->columns, i;

	*lo = 1e9;
	*hi = -1e9;
	for (i = 0; i < n; i++) {
		double v = sample(l, p, i, 0);

		if (v < *lo)
			*lo = v;
		if (v > *hi)
			*hi = v;
	}
}

static unsigned char
grey(double v, double lo, double hi)
{
	if (v <= lo || hi <= lo)
		return 0;
	return v >= hi ? 255 : (unsigned char)(255 * (v - lo) / (hi - lo));
}

static unsigned char
byte(double v)
{
	return v < 0 ? 0 : v > 255 ? 255 : (unsigned char)v;
}

static void
pixel(const struct look *l, const unsigned char *p, size_t i, double lo,
    double hi, unsigned char rgb[3])
{
	double y, b, r, scale = l->stored > 8 ? 1 << (l->stored - 8) : 1;

	if (l->samples != 3) {
		rgb[0] = grey(sample(l, p, i, 0), lo, hi);
		if (strcmp(l->photometric, "MONOCHROME1") == 0)
			rgb[0] = (unsigned char)(255 - rgb[0]);
		rgb[1] = rgb[2] = rgb[0];
		return;
	}
	y = sample(l, p, i, 0) / scale;
	b = sample(l, p, i, 1) / scale;
	r = sample(l, p, i, 2) / scale;
	if (strncmp(l->photometric, "YBR_FULL", 8) != 0) {
		rgb[0] = byte(y);
		rgb[1] = byte(b);
		rgb[2] = byte(r);
		return;
	}
	rgb[0] = byte(y + 1.402 * (r - 128));
	rgb[1] = byte(y - 0.344136 * (b - 128) - 0.714136 * (r - 128));
	rgb[2] = byte(y + 1.772 * (b - 128));
}

int
thumb_make(struct thumb *t, const struct look *l, const struct thumb_window *w,
    const unsigned char *frame)
{
	unsigned side = l->rows > l->columns ? l->rows : l->columns, x, y;
	double lo, hi;

	memset(t, 0, sizeof *t);
	if (l->rows == 0 || l->columns == 0 ||
	    (l->allocated != 8 && l->allocated != 16) || l->stored == 0 ||
	    l->stored > l->allocated || (l->samples != 1 && l->samples != 3) ||
	    strcmp(l->photometric, "YBR_FULL_422") == 0)
		return -1;
	range(l, frame, &lo, &hi);
	if (w->width > 1) {
		double slope = w->slope != 0 ? w->slope : 1;

		lo = (w->center - w->width / 2 - w->intercept) / slope;
		hi = (w->center + w->width / 2 - w->intercept) / slope;
	}
	if (side < THUMB_SIDE)
		side = THUMB_SIDE;
	t->width = (unsigned)((size_t)l->columns * THUMB_SIDE / side);
	t->height = (unsigned)((size_t)l->rows * THUMB_SIDE / side);
	t->width += t->width == 0;
	t->height += t->height == 0;
	if ((t->rgb = malloc((size_t)3 * t->width * t->height)) == NULL)
		die(EXIT_IO, "out of memory");
	for (y = 0; y < t->height; y++)
		for (x = 0; x < t->width; x++)
			pixel(l, frame,
			    (size_t)y * l->rows / t->height * l->columns +
				(size_t)x * l->columns / t->width,
			    lo, hi, t->rgb + ((size_t)y * t->width + x) * 3);
	return 0;
}

unsigned char *
thumb_png(const struct thumb *t, int n, size_t *size)
{
	png_image im = { .version = PNG_IMAGE_VERSION,
		.format = PNG_FORMAT_RGB };
	unsigned char *all, *out;
	png_alloc_size_t bytes = 0;
	unsigned at = 0, y;
	int i;

	for (i = 0; i < n; i++) {
		im.width += t[i].width;
		if (t[i].height > im.height)
			im.height = t[i].height;
	}
	if ((all = calloc((size_t)im.width * im.height, 3)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; at += t[i++].width)
		for (y = 0; y < t[i].height; y++)
			memcpy(all + ((size_t)y * im.width + at) * 3,
			    t[i].rgb + (size_t)y * t[i].width * 3,
			    (size_t)3 * t[i].width);
	if (!png_image_write_to_memory(&im, NULL, &bytes, 0, all, 0, NULL))
		die(EXIT_BUG, "a PNG cannot be made");
	if ((out = malloc(bytes)) == NULL)
		die(EXIT_IO, "out of memory");
	if (!png_image_write_to_memory(&im, out, &bytes, 0, all, 0, NULL))
		die(EXIT_BUG, "a PNG cannot be made");
	free(all);
	*size = bytes;
	return out;
}
