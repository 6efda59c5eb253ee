/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/quadrature.c: log p(x) of single examples by integrating over a latent line or plane.
 *
 * GSL has adaptive rules of one dimension (gsl_integration_qag).  One inside the other gave the same log p(x) to 1.5e-5
 * nats, but evaluates one point at a time: 84,000 to 135,000 points and 1.4 to 2.5 s per example (z in the plane, a
 * decoder of 200 units and 784 pixels, one thread).  This file takes 0.34 s in passes of 1024 points.
 */
#include "infer/posterior.h"

#include "infer/batches.h"

#include "base/mem.h"
#include "num/elementwise.h"

#include <math.h>

enum {
    PASS = 1024,        /* points of one forward pass */
    /* intervals per dimension */
    COARSE = 48,        /* in the search for the box */
    FINE = 96,          /* of the first grid that is summed */
    FINEST = 6144,      /* of the last, on a line */
    FINEST_PLANE = 1536 /* … and on a plane */
};

static const double REACH = 10; /* z in (-10, 10) */
static const double DEPTH = 30; /* points more than DEPTH nats below the peak are outside of the box */

typedef struct Box {
    double low[2], high[2];
} Box;

/* The log joint density of one example as a function of z. */
typedef struct JointDensity {
    GraphExec *exec;
    float *z;              /* (PASS, 1, d): the exec's */
    const float *logjoint; /* (PASS, 1, 1) */
    size_t d;
} JointDensity;

/* A grid of `n` intervals (n + 1 points) per dimension; `visit` is called for each point with its log joint density. */
typedef struct GridVisit {
    const Box *box;
    size_t n;
    void (*visit)(void *context, const double *z, double logp);
    void *context;
} GridVisit;

static void grid_point(const JointDensity *f, const GridVisit *g, size_t index, double *z)
{
    for (size_t j = 0; j < f->d; j++) {
        size_t step = j == 0 ? index % (g->n + 1) : index / (g->n + 1);
        z[j] = g->box->low[j] + (g->box->high[j] - g->box->low[j]) * ((double)step / (double)g->n);
    }
}

static void visit_grid(const JointDensity *f, const GridVisit *g)
{
    size_t total = f->d == 1 ? g->n + 1 : (g->n + 1) * (g->n + 1);
    double z[2] = {0};
    for (size_t first = 0; first < total; first += PASS) {
        size_t count = total - first < PASS ? total - first : PASS;
        for (size_t i = 0; i < PASS; i++) { /* the rest of the last pass repeats its first point */
            grid_point(f, g, first + (i < count ? i : 0), z);
            for (size_t j = 0; j < f->d; j++)
                f->z[i * f->d + j] = (float)z[j];
        }
        graph_exec_forward(f->exec);
        for (size_t i = 0; i < count; i++) {
            grid_point(f, g, first + i, z);
            g->visit(g->context, z, (double)f->logjoint[i]);
        }
    }
}

/* ---- the box ----------------------------------------------------------------------------------------------------- */

typedef struct BoxSearch {
    size_t d;
    double peak, cell[2];
    Box found; /* of the points within DEPTH of the peak, one cell wider */
} BoxSearch;

static void find_peak(void *context, const double *z, double logp)
{
    BoxSearch *s = context;
    (void)z;
    if (logp > s->peak)
        s->peak = logp;
}

static void find_box(void *context, const double *z, double logp)
{
    BoxSearch *s = context;
    for (size_t j = 0; j < s->d && logp > s->peak - DEPTH; j++) {
        s->found.low[j] = fmin(s->found.low[j], z[j] - s->cell[j]);
        s->found.high[j] = fmax(s->found.high[j], z[j] + s->cell[j]);
    }
}

/* Shrinks the box around the peak until its size stays: a finer grid may find a higher peak, and so a smaller box. */
static void shrink(const JointDensity *f, Box *box, double *peak)
{
    for (int round = 0; round < 30; round++) {
        BoxSearch s = {.d = f->d, .peak = -HUGE_VAL, .found = {{HUGE_VAL, HUGE_VAL}, {-HUGE_VAL, -HUGE_VAL}}};
        double smaller = 1;
        visit_grid(f, &(GridVisit){box, COARSE, find_peak, &s});
        for (size_t j = 0; j < f->d; j++)
            s.cell[j] = (box->high[j] - box->low[j]) / COARSE;
        visit_grid(f, &(GridVisit){box, COARSE, find_box, &s});
        for (size_t j = 0; j < f->d; j++) {
            double low = fmax(s.found.low[j], box->low[j]), high = fmin(s.found.high[j], box->high[j]);
            smaller = fmin(smaller, (high - low) / (box->high[j] - box->low[j]));
            box->low[j] = low;
            box->high[j] = high;
        }
        *peak = s.peak;
        if (smaller > 0.8)
            return;
    }
}

/* ---- the sum ----------------------------------------------------------------------------------------------------- */

typedef struct ExpSum {
    double peak, total; /* total of e^(logp - peak) */
} ExpSum;

static void add(void *context, const double *z, double logp)
{
    ExpSum *s = context;
    (void)z;
    if (logp - s->peak > -80)
        s->total += (double)num_unary1_f32(NUM_EXP, (float)(logp - s->peak));
}

static double trapezoids(const JointDensity *f, const Box *box, size_t n, double peak)
{
    ExpSum s = {peak, 0};
    double cell = 1;
    visit_grid(f, &(GridVisit){box, n, add, &s});
    for (size_t j = 0; j < f->d; j++)
        cell *= (box->high[j] - box->low[j]) / (double)n;
    return peak + (double)num_unary1_f32(NUM_LOG, (float)s.total) + log(cell);
}

static void integrate(const JointDensity *f, double tolerance, double *logp, double *change, double *limits)
{
    Box box = {{-REACH, -REACH}, {REACH, REACH}};
    double peak;
    shrink(f, &box, &peak);
    for (size_t j = 0; j < f->d; j++) {
        limits[2 * j] = box.low[j];
        limits[2 * j + 1] = box.high[j];
    }
    double before = trapezoids(f, &box, FINE, peak);
    for (size_t n = 2 * FINE; n <= (f->d == 1 ? FINEST : FINEST_PLANE); n *= 2) {
        *logp = trapezoids(f, &box, n, peak);
        *change = fabs(*logp - before);
        if (*change < tolerance)
            return;
        before = *logp;
    }
}

/* ---- all examples ------------------------------------------------------------------------------------------------ */

int infer_quadrature(InferModel *m, const InferRequest *request, double tolerance, double *logp, double *change,
                     double *box, Error *err)
{
    static const char *const outputs[] = {"logjoint", NULL}, *const feeds[] = {"z", NULL};
    size_t d = infer_model_width(m, "z");
    if (d < 1 || d > 2) {
        error_set(err, ERR_RUN, "quadrature needs a z of one or two dimensions");
        error_found(err, "%zu dimensions", d);
        return error_hint(err, "importance sampling (lab.eval.nll) has no such limit");
    }
    const BatchSpec spec = {.outputs = outputs, .feeds = feeds, .samples = PASS, .chunk = 1};
    BatchIterator b;
    int status;
    if (batches_start(&b, m, request, &spec, err) != 0)
        return -1;
    while ((status = batches_next(&b, err)) > 0) {
        JointDensity f = {
            .exec = b.exec, .z = batches_latent(&b, &d, err), .logjoint = graph_exec_output(b.exec, "logjoint", NULL)};
        if (f.z == NULL) {
            status = -1;
            break;
        }
        f.d = d;
        integrate(&f, tolerance, &logp[b.first], &change[b.first], &box[b.first * 2 * d]);
    }
    batches_end(&b);
    return status;
}
