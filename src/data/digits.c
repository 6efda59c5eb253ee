/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/digits.c: draws a digit as a pen would: strokes through control points, a hand's deformations, ink by distance.
 *
 * The way of an image: choose a way of writing the class (digits_glyphs.inc) -> jitter its control points -> deform the
 * whole (proportion, taper, bend, wave, slant, turn) -> Catmull-Rom curves as short segments -> fit into the 20x20 box
 * and centre by mass, as MNIST does -> ink where the distance to a segment is below the pen's radius, with a soft edge.
 * All factors are drawn from the stream ("data/digits"; part, image, column), column after column.
 */
#include "data/digits.h"

#include "num/stream.h"

#include <math.h>

/* ---- ways of writing --------------------------------------------------------------------------------------------- */

/* A control point, in hundredths of the box, y downward.  kind: ' ' smooth, 'c' a corner, '.' the stroke ends here. */
typedef struct Dot {
    int8_t x, y;
    char kind;
} Dot;

enum { MAX_DOTS = 20, PIECES = 5, MAX_SEGMENTS = MAX_DOTS * PIECES };

typedef struct Glyph {
    int digit, weight; /* weight: percent of its class */
    Dot dot[MAX_DOTS]; /* the last has kind 0 */
} Glyph;

static const Glyph glyphs[] = {
#include "data/digits_glyphs.inc"
};

enum { GLYPHS = sizeof glyphs / sizeof glyphs[0] };

/* ---- random factors ---------------------------------------------------------------------------------------------- */

typedef struct Hand {
    gsl_rng *rng;
} Hand;

static uint32_t draw(Hand *h)
{
    return (uint32_t)gsl_rng_get(h->rng);
}

/* Uniform in [low, high), on a grid of 2^24 values. */
static float between(Hand *h, float low, float high)
{
    return low + (high - low) * ((float)(draw(h) >> 8) * 0x1p-24f);
}

/* Bell-shaped: the sum of a word's four bytes, centred; its standard deviation is `sd`, its bounds are 3.45 sd. */
static float around(Hand *h, float mean, float sd)
{
    uint32_t w = draw(h);
    int sum = (int)((w & 255) + (w >> 8 & 255) + (w >> 16 & 255) + (w >> 24)) - 510;
    return mean + sd * ((float)sum * (1.0f / 147.8f));
}

/* ---- the shape --------------------------------------------------------------------------------------------------- */

typedef struct Point {
    float x, y;
} Point;

/* The deformation of one image; all lengths in half boxes. */
typedef struct Style {
    float width, middle, taper, bend, sag, wave, slant, cosine, sine;
} Style;

/* Scale of the random deformations of each class: with more, a ring looks like a polygon and a bar like an s. */
static const float freedom[DIGITS_CLASSES] = {0.6f, 0.35f, 1.0f, 1.0f, 0.9f, 1.0f, 0.8f, 0.9f, 0.9f, 0.9f};

static Style choose_style(Hand *h, int digit)
{
    Style s;
    s.width = around(h, 1.04f, 0.19f);
    s.middle = around(h, 0.0f, 0.13f);
    s.taper = around(h, 0.0f, 0.18f);
    s.bend = around(h, 0.0f, 0.11f * freedom[digit]);
    s.sag = around(h, 0.0f, 0.09f);
    s.wave = around(h, 0.0f, 0.11f * freedom[digit]);
    s.slant = around(h, 0.20f, 0.27f);
    float t = around(h, 0.0f, 0.06f); /* tan of half the angle, so that cos and sin need no libm */
    s.cosine = (1.0f - t * t) / (1.0f + t * t);
    s.sine = 2.0f * t / (1.0f + t * t);
    return s;
}

static Point deform(const Style *s, float u, float v)
{
    float y = v + s->middle * (1.0f - v * v) + s->sag * (u * u - 0.3f);
    float x = u * s->width * (1.0f + s->taper * v) + s->bend * (v * v - 0.5f) + s->wave * 2.6f * v * (1.0f - v * v);
    x -= s->slant * y;
    return (Point){s->cosine * x - s->sine * y, s->sine * x + s->cosine * y};
}

static const Glyph *choose_glyph(Hand *h, int digit)
{
    int percent = (int)(((uint64_t)draw(h) * 100) >> 32);
    const Glyph *last = NULL;
    for (int i = 0; i < GLYPHS; i++) {
        if (glyphs[i].digit != digit)
            continue;
        last = &glyphs[i];
        percent -= last->weight;
        if (percent < 0)
            break;
    }
    return last;
}

typedef struct Segment {
    Point a, b;
    float ink; /* factor of the pen's width */
} Segment;

static Point spline(Point p0, Point p1, Point p2, Point p3, float t)
{
    /* Catmull and Rom: through p1 and p2, tangents (p2 - p0)/2 and (p3 - p1)/2 */
    float a = t * (t * (2.0f - t) - 1.0f), b = t * t * (3.0f * t - 5.0f) + 2.0f;
    float c = t * (t * (4.0f - 3.0f * t) + 1.0f), d = t * t * (t - 1.0f);
    return (Point){0.5f * (a * p0.x + b * p1.x + c * p2.x + d * p3.x),
                   0.5f * (a * p0.y + b * p1.y + c * p2.y + d * p3.y)};
}

/* Control points to segments; returns their number. */
static int trace(Segment *segment, const Point *p, const float *ink, const Dot *dot)
{
    int count = 0;
    for (int i = 0; dot[i].kind != 0 && dot[i + 1].kind != 0; i++) {
        if (dot[i].kind == '.')
            continue;
        /* at a corner or an end the missing neighbour is the reflection of the other */
        int starts = i == 0 || dot[i].kind == 'c' || dot[i - 1].kind == '.';
        int ends = dot[i + 1].kind != ' ';
        Point before = starts ? (Point){2.0f * p[i].x - p[i + 1].x, 2.0f * p[i].y - p[i + 1].y} : p[i - 1];
        Point after = ends ? (Point){2.0f * p[i + 1].x - p[i].x, 2.0f * p[i + 1].y - p[i].y} : p[i + 2];
        Point a = p[i];
        for (int k = 1; k <= PIECES; k++) {
            float t = (float)k / PIECES;
            Point b = spline(before, p[i], p[i + 1], after, t);
            segment[count++] = (Segment){a, b, ink[i] + (ink[i + 1] - ink[i]) * t};
            a = b;
        }
    }
    return count;
}

static int write_digit(Hand *h, int digit, Segment *segment)
{
    const Glyph *g = choose_glyph(h, digit);
    Style style = choose_style(h, digit);
    float shake = freedom[digit] * between(h, 0.03f, 0.10f), pressure = between(h, 0.02f, 0.12f);
    Point p[MAX_DOTS];
    float ink[MAX_DOTS];
    for (int i = 0; g->dot[i].kind != 0; i++) {
        const Dot *d = &g->dot[i];
        int end = i == 0 || d->kind == '.' || d[-1].kind == '.';
        float jitter = end ? 1.6f * shake : shake;
        float u = around(h, ((float)d->x - 50.0f) * 0.02f, jitter);
        float v = around(h, ((float)d->y - 50.0f) * 0.02f, jitter);
        p[i] = deform(&style, u, v);
        ink[i] = around(h, end ? 0.94f : 1.0f, pressure);
    }
    return trace(segment, p, ink, g->dot);
}

/* ---- onto the page ----------------------------------------------------------------------------------------------- */

/* fminf and fmaxf are function calls because of NaN. */
static float lesser(float a, float b)
{
    return a < b ? a : b;
}

static float greater(float a, float b)
{
    return a > b ? a : b;
}

/* Scales the longer side to `size` pixels and puts the centre of mass at `centre`. */
static void place(Segment *segment, int count, float size, Point centre)
{
    Point low = segment[0].a, high = segment[0].a, sum = {0.0f, 0.0f};
    float mass = 0.0f;
    for (int i = 0; i < count; i++) {
        Point a = segment[i].a, b = segment[i].b;
        float dx = b.x - a.x, dy = b.y - a.y, length = sqrtf(dx * dx + dy * dy);
        low.x = lesser(low.x, lesser(a.x, b.x)), high.x = greater(high.x, greater(a.x, b.x));
        low.y = lesser(low.y, lesser(a.y, b.y)), high.y = greater(high.y, greater(a.y, b.y));
        sum.x += length * (a.x + b.x), sum.y += length * (a.y + b.y), mass += 2.0f * length;
    }
    float scale = size / greater(high.x - low.x, high.y - low.y);
    float shift_x = centre.x - scale * (sum.x / mass), shift_y = centre.y - scale * (sum.y / mass);
    for (int i = 0; i < count; i++) {
        Segment *s = &segment[i];
        s->a = (Point){s->a.x * scale + shift_x, s->a.y * scale + shift_y};
        s->b = (Point){s->b.x * scale + shift_x, s->b.y * scale + shift_y};
    }
}

/* Pixels whose centres may lie within `reach` of [low, high]. */
static void range(float low, float high, float reach, int *from, int *to)
{
    float first = low - reach, last = high + reach;
    *from = first > 0.0f ? (int)first : 0;
    *to = last < (float)DIGITS_SIDE ? (int)last + 1 : DIGITS_SIDE;
    if (last < 0.0f)
        *to = 0;
}

/* Eight pixels of a row at once; a row of the page has room for those beyond its end. */
enum { EIGHT = 8, PAGE_ROW = DIGITS_SIDE + EIGHT };

/* near2[pixel] = the least (distance / width factor)^2 to a segment.  Pixels outside of the range are farther than
 * `reach`, so the range may be extended to a multiple of eight. */
static void measure(float (*near2)[PAGE_ROW], const Segment *s, float reach)
{
    int x0, x1, y0, y1;
    float grown = reach * s->ink, inverse = 1.0f / (s->ink * s->ink);
    range(lesser(s->a.x, s->b.x), greater(s->a.x, s->b.x), grown, &x0, &x1);
    range(lesser(s->a.y, s->b.y), greater(s->a.y, s->b.y), grown, &y0, &y1);
    float dx = s->b.x - s->a.x, dy = s->b.y - s->a.y, length2 = dx * dx + dy * dy;
    float along = length2 > 1e-12f ? 1.0f / length2 : 0.0f;
    for (int x = x0; x < x1; x += EIGHT) {
        float px[EIGHT];
        for (int k = 0; k < EIGHT; k++)
            px[k] = (float)(x + k) + 0.5f - s->a.x;
        for (int y = y0; y < y1; y++) {
            float py = (float)y + 0.5f - s->a.y, *near = &near2[y][x];
            float foot[EIGHT]; /* a separate loop: gcc makes masks of both bounds in one, a fifth slower */
#pragma omp simd
            for (int k = 0; k < EIGHT; k++) {
                float t = (px[k] * dx + py * dy) * along;
                foot[k] = t > 0.0f ? t : 0.0f;
            }
#pragma omp simd
            for (int k = 0; k < EIGHT; k++) {
                float t = foot[k] < 1.0f ? foot[k] : 1.0f; /* the foot of the perpendicular, kept on the segment */
                float ex = px[k] - t * dx, ey = py - t * dy;
                float d2 = (ex * ex + ey * ey) * inverse;
                near[k] = d2 < near[k] ? d2 : near[k];
            }
        }
    }
}

/* Ink from distance: full inside radius - edge/2, none beyond radius + edge/2, smooth between. */
static void ink_page(uint8_t *pixel, float (*near2)[PAGE_ROW], float radius, float edge)
{
    float reach = radius + 0.5f * edge, per_edge = 1.0f / edge;
    for (int y = 0; y < DIGITS_SIDE; y++, pixel += DIGITS_SIDE) {
#pragma omp simd
        for (int x = 0; x < DIGITS_SIDE; x++) {
            float s = (reach - sqrtf(near2[y][x])) * per_edge;
            s = s > 0.0f ? s : 0.0f;
            s = s < 1.0f ? s : 1.0f;
            pixel[x] = (uint8_t)(255.0f * (s * s * (3.0f - 2.0f * s)) + 0.5f);
        }
    }
}

static void draw_image(Hand *h, int digit, uint8_t *pixel)
{
    Segment segment[MAX_SEGMENTS];
    float near2[DIGITS_SIDE][PAGE_ROW];
    int count = write_digit(h, digit, segment);
    float radius = around(h, 1.28f, 0.27f), edge = between(h, 1.2f, 1.9f);
    radius = radius < 0.7f ? 0.7f : radius;
    float size = around(h, 19.6f, 0.6f) - 2.0f * radius;
    Point centre = {around(h, 14.0f, 0.35f), around(h, 14.0f, 0.35f)};
    place(segment, count, size, centre);
    for (int y = 0; y < DIGITS_SIDE; y++)
        for (int x = 0; x < PAGE_ROW; x++)
            near2[y][x] = 1e9f;
    for (int i = 0; i < count; i++)
        measure(near2, &segment[i], radius + 0.5f * edge);
    ink_page(pixel, near2, radius, edge);
}

void digits_draw(DigitsPart part, size_t first, size_t count, const uint8_t *label, uint8_t *pixel)
{
    NumStream stream = num_stream(0, "data/digits");
    NumRng rng;
    for (size_t i = 0; i < count; i++) {
        Hand hand = {num_stream_rng(&rng, stream, (uint64_t)part, (uint32_t)(first + i))};
        draw_image(&hand, label[i], pixel + i * DIGITS_PIXELS);
    }
}

void digits_labels(DigitsPart part, uint8_t *label, uint32_t *order)
{
    size_t n = part == DIGITS_PART_TRAIN ? DIGITS_TRAIN : DIGITS_TEST;
    num_stream_permutation(num_stream(0, "data/digits/order"), (uint64_t)part, n, order);
    for (size_t i = 0; i < n; i++)
        label[i] = (uint8_t)(order[i] % DIGITS_CLASSES);
}
