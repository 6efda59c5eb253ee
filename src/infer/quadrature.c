/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/quadrature.c: log p(x) of single examples by integrating over a latent line or plane.
 *
 * The trapezoidal rule on a lattice, summed over the region where the integrand is within e^-DEPTH of its peak.  A
 * region is filled from the modes in it (modes.c), tile by tile, so that it may lie anywhere and have any shape; regions
 * that do not touch have lattices of their own, each as fine as its narrowest mode needs.
 *
 * GSL has adaptive rules of one dimension (gsl_integration_qag).  One inside the other gave the same log p(x) to 1.5e-5
 * nats, but evaluates one point at a time: 84,000 to 135,000 points and 1.4 to 2.5 s per example (z in the plane, a
 * decoder of 200 units and 784 pixels, one thread).  This file takes 0.2 s with a decoder of 500 units, the search for the
 * modes included: passes of 512 points, 5,000 to 25,000 of them in the last lattice.
 */
#include "infer/posterior.h"

#include "infer/modes.h"

#include "base/mem.h"
#include "num/elementwise.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    TILE = 256,        /* lattice points of a tile: 16 x 16, or 256 in a row */
    MOST_TILES = 16384, /* of a region: four million points */
    MOST_MODES = 160,  /* those of modes_find, and those that the lattice finds */
    MOST_REGIONS = 32,
    STARTS = 33,       /* draws of q(z|x) that the search starts from, and its mean */
    HALVINGS = 21,     /* of the widest spacing, 1/2 */
    ROUNDS = 20        /* starts of an example anew, with what the last round has found */
};

static const double DEPTH = 30;      /* a region ends where the integrand is below e^-DEPTH of its peak */
static const double SEPARATE = 25;   /* a mode further below the peak gets no region of its own */
static const double NEGLIGIBLE = 18; /* a mode further below the peak need not be resolved */
static const double ORIGIN = 0.38;   /* of a lattice, in its spacing: lattices of two spacings have no point in common */

typedef struct Mode {
    JointPoint at;
    int climbed;    /* a maximum, or near one: the lattice must resolve it */
    double spacing; /* of a lattice that resolves it; 0: not yet known */
} Mode;

typedef struct Region {
    Mode *from;              /* the mode that it is filled from */
    double spacing, sum;     /* sum: of e^(log p - peak) over its points, times their cell */
    double change;           /* of log sum, from twice the spacing */
    double low[2], high[2];  /* of the points within DEPTH of the peak */
    long (*tile)[2];         /* of MOST_TILES; the first `filled` are summed, the others, to `count`, are not yet */
    size_t count, filled;
} Region;

typedef struct Quadrature {
    JointDensity f;
    double tolerance, peak;
    Mode mode[MOST_MODES];
    size_t modes;
    Region region[MOST_REGIONS];
    size_t regions;
    long (*tiles)[2];        /* (MOST_REGIONS, MOST_TILES): all regions' */
    JointPoint *grid;        /* (MODES_GRID), of the search */
} Quadrature;

/* What a step of the work says about the example. */
enum { FAILED = -1, AGAIN, DONE };

/* ---- tiles ------------------------------------------------------------------------------------------------------- */

static long side(const Quadrature *q, size_t j)
{
    return q->f.d == 1 ? (j == 0 ? TILE : 1) : 16;
}

/* [OUT] tile: that of the lattice point nearest to z */
static void tile_of(const Quadrature *q, const double *z, double spacing, long *tile)
{
    for (size_t j = 0; j < 2; j++)
        tile[j] = j < q->f.d ? (long)floor(floor(z[j] / spacing - ORIGIN + 0.5) / (double)side(q, j)) : 0;
}

static int has_tile(const Region *r, const long *tile)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->tile[i][0] == tile[0] && r->tile[i][1] == tile[1])
            return 1;
    return 0;
}

static int contains(const Quadrature *q, const Region *r, const double *z)
{
    long tile[2];
    tile_of(q, z, r->spacing, tile);
    return has_tile(r, tile);
}

static void add_tile(Region *r, long first, long second)
{
    const long tile[2] = {first, second};
    if (r->count < MOST_TILES && !has_tile(r, tile)) {
        r->tile[r->count][0] = first;
        r->tile[r->count++][1] = second;
    }
}

/* Adds the neighbours on the sides where the integrand is not yet negligible. */
static void add_neighbours(const Quadrature *q, Region *r, const long *tile, const JointPoint *p)
{
    long width = side(q, 0), height = side(q, 1), open[4] = {0};
    for (long i = 0; i < TILE; i++) {
        long column = i % width, row = i / width;
        if (p[i].logp <= q->peak - DEPTH)
            continue;
        open[0] |= column == 0;
        open[1] |= column == width - 1;
        open[2] |= q->f.d == 2 && row == 0;
        open[3] |= q->f.d == 2 && row == height - 1;
    }
    for (long i = 0; i < 4; i++)
        if (open[i])
            add_tile(r, tile[0] + (i == 1) - (i == 0), tile[1] + (i == 3) - (i == 2));
}

/* ---- one region -------------------------------------------------------------------------------------------------- */

/* [OUT] p (TILE): the tile's points */
static void place(const Quadrature *q, const Region *r, const long *tile, JointPoint *p)
{
    for (long i = 0; i < TILE; i++)
        for (size_t j = 0; j < 2; j++) {
            long step = j == 0 ? i % side(q, 0) : i / side(q, 0);
            p[i].z[j] = j < q->f.d ? ((double)(tile[j] * side(q, j) + step) + ORIGIN) * r->spacing : 0;
        }
}

/* The region before `end` in whose tiles a point lies, or NULL. */
static Region *owner(Quadrature *q, const Region *end, const double *z)
{
    for (Region *r = q->region; r < end; r++)
        if (contains(q, r, z))
            return r;
    return NULL;
}

/* Adds a tile's points.  Those in the tiles of an earlier region are that region's, and are struck out.  AGAIN: a point
 * is higher than every mode that was known. */
static int add_points(Quadrature *q, Region *r, JointPoint *p)
{
    for (size_t i = 0; i < TILE; i++) {
        double above = p[i].logp - q->peak;
        if (above > 1 && q->modes < MOST_MODES) {
            q->mode[q->modes++] = (Mode){.at = p[i], .climbed = 1};
            return AGAIN;
        }
        if (above <= -DEPTH)
            continue;
        if (owner(q, r, p[i].z) != NULL) {
            p[i].logp = -INFINITY;
            continue;
        }
        r->sum += (double)num_unary1_f32(NUM_EXP, (float)fmin(above, 80));
        for (size_t j = 0; j < q->f.d; j++) {
            r->low[j] = fmin(r->low[j], p[i].z[j] - r->spacing);
            r->high[j] = fmax(r->high[j], p[i].z[j] + r->spacing);
        }
    }
    return DONE;
}

/* Sums the region of a mode at the region's spacing. */
static int fill(Quadrature *q, Region *r)
{
    enum { TOGETHER = JOINT_PASS / TILE };
    JointPoint p[JOINT_PASS];
    long first[2];
    *r = (Region){.from = r->from, .spacing = r->spacing, .tile = r->tile, .low = {HUGE_VAL, HUGE_VAL},
                  .high = {-HUGE_VAL, -HUGE_VAL}};
    tile_of(q, r->from->at.z, r->spacing, first);
    add_tile(r, first[0], first[1]);
    while (r->filled < r->count) {
        size_t n = r->count - r->filled < TOGETHER ? r->count - r->filled : TOGETHER;
        for (size_t t = 0; t < n; t++)
            place(q, r, r->tile[r->filled + t], p + t * TILE);
        joint_evaluate(&q->f, p, n * TILE);
        for (size_t t = 0; t < n; t++) {
            if (add_points(q, r, p + t * TILE) == AGAIN)
                return AGAIN;
            add_neighbours(q, r, r->tile[r->filled + t], p + t * TILE);
        }
        r->filled += n;
    }
    for (size_t j = 0; j < q->f.d; j++)
        r->sum *= r->spacing;
    return r->count < MOST_TILES ? DONE : FAILED;
}

/* Whether the lattice resolves all modes in the region's tiles. */
static int resolves(const Quadrature *q, const Region *r)
{
    for (const Mode *m = q->mode; m < q->mode + q->modes; m++)
        if (m->climbed && m->at.logp > q->peak - NEGLIGIBLE && m->spacing < r->spacing && contains(q, r, m->at.z))
            return 0;
    return 1;
}

/* Halves the spacing until the logarithm of the sum stays.  Below the rounding of log p(x, z), a float, it cannot. */
static int integrate_region(Quadrature *q, Region *r)
{
    double before = 0, enough = fmax(q->tolerance, 2 * (double)FLT_EPSILON * fabs(q->peak));
    for (int halving = 0; halving <= HALVINGS; halving++) {
        int status = fill(q, r);
        if (status != DONE)
            return status;
        int counts = resolves(q, r); /* else this sum may have missed a mode, which a finer lattice sees or leaves out */
        r->change = counts && before > 0 && r->sum > 0 ? fabs(log(r->sum / before)) : HUGE_VAL;
        if (r->change < enough)
            return DONE;
        before = counts ? r->sum : 0;
        r->spacing /= 2;
    }
    return FAILED;
}

/* ---- one example ------------------------------------------------------------------------------------------------- */

/* How far the density falls from a mode to the points `cell` away along a diagonal, on the mean of both sides, which
 * cancels the slope of a point that is no maximum; nats, of the steeper diagonal.  p: those points */
static double fall(const Quadrature *q, const JointPoint *mode, const JointPoint *p)
{
    double most = 0;
    for (size_t i = 0; i < 2 * q->f.d; i += 2)
        most = fmax(most, mode->logp - (p[i].logp + p[i + 1].logp) / 2);
    return most;
}

/* The spacing of a lattice that resolves a mode, at most 1/2: the density falls by at most a nat along the diagonal of a
 * cell, so that the trapezoidal rule is right to 1e-8.  It is computed from the curvature at the smallest distance where
 * the fall exceeds rounding: a low, narrow mode on a wide one never falls by a nat. */
static double resolving(const Quadrature *q, const JointPoint *mode)
{
    JointPoint p[4 * HALVINGS];
    size_t corners = 2 * q->f.d;
    double seen = fmax(0.05, 32 * (double)FLT_EPSILON * fabs(mode->logp));
    for (size_t i = 0; i < corners * HALVINGS; i++) {
        double cell = ldexp(i % 2 == 0 ? 0.5 : -0.5, -(int)(i / corners));
        p[i].z[0] = mode->z[0] + cell;
        p[i].z[1] = q->f.d == 1 ? 0 : mode->z[1] + (i % 4 < 2 ? cell : -cell);
    }
    joint_evaluate(&q->f, p, corners * HALVINGS);
    for (int level = HALVINGS - 1; level >= 0; level--) {
        double by = fall(q, mode, p + (size_t)level * corners);
        if (by > seen)
            return fmin(0.5, ldexp(0.5, -level - (int)ceil(log2(by) / 2)));
    }
    return 0.5;
}

/* A point next to an earlier mode has that one's spacing. */
static void measure_mode(const Quadrature *q, Mode *m)
{
    for (const Mode *other = q->mode; other < m && m->spacing == 0; other++)
        if (hypot(m->at.z[0] - other->at.z[0], m->at.z[1] - other->at.z[1]) < 0.5 * other->spacing)
            m->spacing = other->spacing;
    if (m->spacing == 0)
        m->spacing = resolving(q, &m->at);
}

/* The peak, and the spacings of the modes that regions must resolve. */
static void measure_modes(Quadrature *q)
{
    q->peak = -HUGE_VAL;
    for (size_t i = 0; i < q->modes; i++)
        q->peak = fmax(q->peak, q->mode[i].at.logp);
    for (Mode *m = q->mode; m < q->mode + q->modes; m++)
        if (m->climbed && m->at.logp > q->peak - NEGLIGIBLE)
            measure_mode(q, m);
}

/* An earlier region with a much coarser lattice whose tiles reach a mode's flanks, or NULL.  Its lattice may have missed
 * them. */
static Region *too_coarse_beside(Quadrature *q, const Mode *m)
{
    enum { FLANK = 8 }; /* standard deviations: e^-32 */
    for (int step = 0; step < 9 * FLANK; step++) {
        double far = (1 + step / 9) * m->spacing;
        double z[2] = {m->at.z[0] + far * (step % 3 - 1), m->at.z[1] + (q->f.d == 2 ? far * (step / 3 % 3 - 1) : 0)};
        Region *r = owner(q, q->region + q->regions, z);
        if (r != NULL && r->spacing > 4 * m->spacing)
            return r;
    }
    return NULL;
}

/* The highest mode outside of all regions that deserves one, or NULL. */
static Mode *next_mode(Quadrature *q)
{
    Mode *best = NULL;
    for (Mode *m = q->mode; m < q->mode + q->modes; m++)
        if (m->at.logp > q->peak - SEPARATE && (best == NULL || m->at.logp > best->at.logp) &&
            owner(q, q->region + q->regions, m->at.z) == NULL)
            best = m;
    return best;
}

static int integrate_regions(Quadrature *q)
{
    measure_modes(q);
    q->regions = 0;
    for (Mode *m; (m = next_mode(q)) != NULL;) {
        if (q->regions == MOST_REGIONS)
            return FAILED;
        Region *r = &q->region[q->regions];
        measure_mode(q, m);
        Region *coarse = too_coarse_beside(q, m);
        if (coarse != NULL) {
            coarse->from->spacing = coarse->spacing / 2;
            return AGAIN;
        }
        *r = (Region){.from = m, .spacing = m->spacing, .tile = q->tiles + q->regions * MOST_TILES};
        int status = integrate_region(q, r);
        if (status != DONE)
            return status;
        q->regions++;
    }
    return q->regions > 0 ? DONE : FAILED;
}

/* starts (nstarts, d) */
static int integrate(Quadrature *q, const float *starts, size_t nstarts)
{
    JointPoint start[STARTS] = {0}, found[2 * MODES_ASCENT];
    int status = AGAIN;
    for (size_t i = 0; i < nstarts; i++)
        for (size_t j = 0; j < q->f.d; j++)
            start[i].z[j] = (double)starts[i * q->f.d + j];
    q->modes = modes_find(&q->f, start, nstarts, q->grid, found);
    for (size_t i = 0; i < q->modes; i++)
        q->mode[i] = (Mode){.at = found[i], .climbed = i < q->modes / 2};
    for (int round = 0; round < ROUNDS && status == AGAIN; round++)
        status = integrate_regions(q);
    return status == DONE ? DONE : FAILED;
}

/* [OUT] logp, change, box (d, 2) of the example */
static void collect(const Quadrature *q, double *logp, double *change, double *box)
{
    double sum = 0, moved = 0;
    for (size_t i = 0; i < q->regions; i++) {
        const Region *r = &q->region[i];
        sum += r->sum;
        moved += r->sum * r->change;
        for (size_t j = 0; j < q->f.d; j++) {
            box[2 * j] = i == 0 ? r->low[j] : fmin(box[2 * j], r->low[j]);
            box[2 * j + 1] = i == 0 ? r->high[j] : fmax(box[2 * j + 1], r->high[j]);
        }
    }
    *logp = q->peak + (sum > 0 ? log(sum) : -HUGE_VAL);
    *change = moved / sum;
}

static int not_converged(const Quadrature *q, size_t example, Error *err)
{
    const Region *r = &q->region[q->regions < MOST_REGIONS ? q->regions : 0];
    error_set(err, ERR_RUN, "quadrature of log p(x) has not converged");
    if (q->modes == 0)
        error_found(err, "example %zu: log p(x, z) is finite nowhere on the grids", example);
    else
        error_found(err, "example %zu: region %zu, %zu tiles of %d points at a spacing of %.3g; peak %.6g", example,
                    q->regions + 1, r->count, (int)TILE, r->spacing, q->peak);
    error_expected(err, "a change below %g nats from one spacing to half of it", q->tolerance);
    return error_hint(err, "raise the tolerance; importance sampling (lab.eval.nll) has no such limit");
}

/* ---- all examples ------------------------------------------------------------------------------------------------ */

/* [OUT] starts (count, STARTS, d): the draws of the model's own z, from q(z|x) where it has one, and q's mean; *n: their
 * number per example.  [BUFFER] values (count, STARTS, d) */
static int find_starts(InferModel *m, const InferRequest *request, size_t d, float *starts, float *values, size_t *n,
                       Error *err)
{
    InferRequest draws = *request;
    size_t has_mean = infer_model_width(m, "q.mu") == d, most, one;
    draws.samples = STARTS - 1;
    if (infer_model_map(m, &draws, "z", values, &most, err) != 0)
        return -1;
    *n = most + has_mean;
    for (size_t i = 0; i < request->count; i++)
        memcpy(starts + i * *n * d, values + i * most * d, most * d * sizeof *starts);
    if (!has_mean)
        return 0;
    draws.samples = 1;
    if (infer_model_map(m, &draws, "q.mu", values, &one, err) != 0)
        return -1;
    for (size_t i = 0; i < request->count; i++)
        memcpy(starts + (i * *n + most) * d, values + i * one * d, d * sizeof *starts);
    return 0;
}

/* Attaches the density to the iterators' current example. */
static int attach(JointDensity *f, const BatchIterator *points, const BatchIterator *ascent, Error *err)
{
    f->exec = points->exec;
    f->ascent = ascent->exec;
    f->z = batches_latent(points, &f->d, err);
    f->ascent_z = batches_latent(ascent, &f->d, err);
    f->logjoint = graph_exec_output(f->exec, "logjoint", NULL);
    f->ascent_logjoint = graph_exec_output(f->ascent, "logjoint", NULL);
    return f->z == NULL || f->ascent_z == NULL ? -1 : 0;
}

/* [BUFFER] starts (count, nstarts, d) */
static int integrate_all(Quadrature *q, InferModel *m, const InferRequest *request, const float *starts, size_t nstarts,
                         double *logp, double *change, double *box, Error *err)
{
    static const char *const outputs[] = {"logjoint", NULL}, *const feeds[] = {"z", NULL};
    const BatchSpec spec = {.outputs = outputs, .feeds = feeds, .samples = JOINT_PASS, .chunk = 1},
                    uphill = {.outputs = outputs, .feeds = feeds, .objective = "logjoint", .samples = MODES_ASCENT,
                              .chunk = 1};
    BatchIterator points, ascent;
    int status;
    if (batches_start(&points, m, request, &spec, err) != 0)
        return -1;
    if (batches_start(&ascent, m, request, &uphill, err) != 0) {
        batches_end(&points);
        return -1;
    }
    while ((status = batches_next(&points, err)) > 0 && (status = batches_next(&ascent, err)) > 0 &&
           (status = attach(&q->f, &points, &ascent, err)) == 0) {
        size_t i = points.first, d = q->f.d;
        if (integrate(q, starts + i * nstarts * d, nstarts) != DONE) {
            status = not_converged(q, request->first + i + 1, err);
            break;
        }
        collect(q, &logp[i], &change[i], &box[i * 2 * d]);
    }
    batches_end(&points);
    batches_end(&ascent);
    return status;
}

int infer_quadrature(InferModel *m, const InferRequest *request, double tolerance, double *logp, double *change,
                     double *box, Error *err)
{
    size_t d = infer_model_width(m, "z"), nstarts;
    if (d < 1 || d > 2) {
        error_set(err, ERR_RUN, "quadrature needs a z of one or two dimensions");
        error_found(err, "%zu dimensions", d);
        return error_hint(err, "importance sampling (lab.eval.nll) has no such limit");
    }
    size_t room = request->count * STARTS * d;
    Quadrature *q = mem_array(1, sizeof *q);
    float *starts = mem_array(2 * room, sizeof *starts);
    int status = q == NULL || starts == NULL ? error_memory(err, "quadrature") : 0;
    if (status == 0) {
        q->tolerance = tolerance;
        q->tiles = mem_array((size_t)MOST_REGIONS * MOST_TILES, sizeof *q->tiles);
        q->grid = mem_array(MODES_GRID, sizeof *q->grid);
        status = q->tiles == NULL || q->grid == NULL ? error_memory(err, "quadrature") : 0;
    }
    if (status == 0)
        status = find_starts(m, request, d, starts, starts + room, &nstarts, err);
    if (status == 0)
        status = integrate_all(q, m, request, starts, nstarts, logp, change, box, err);
    if (q != NULL) {
        mem_free(q->tiles);
        mem_free(q->grid);
    }
    mem_free(q);
    mem_free(starts);
    return status;
}
