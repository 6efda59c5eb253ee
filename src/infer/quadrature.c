/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/quadrature.c: log p(x) of single examples by integrating over a latent plane, or line.
 */
#include "infer/posterior.h"

#include "infer/batches.h"

#include "base/mem.h"
#include "num/elementwise.h"

#include <math.h>

enum {
    PASS = 1024,          /* points of one forward pass */
    COARSE = 48,          /* intervals in each dimension while the box is sought */
    FINE = 96, FINEST = 6144, FINEST_PLANE = 1536 /* intervals of the first grid that is summed, and of the last */
};

static const double REACH = 10, DEPTH = 30; /* z in (-10, 10); what is below the peak by so many nats is left out */

typedef struct Box {
    double low[2], high[2];
} Box;

typedef struct Field {
    GraphExec *exec;
    float *z;              /* (PASS, 1, d): the exec's */
    const float *logjoint; /* (PASS, 1, 1) */
    size_t d;
} Field;

/* Visits the points of a grid: `n` intervals in each dimension, n + 1 points, with their log joint density. */
typedef struct Grid {
    const Box *box;
    size_t n;
    void (*visit)(void *context, const double *z, double logp);
    void *context;
} Grid;

static void point(const Field *f, const Grid *g, size_t index, double *z)
{
    for (size_t j = 0; j < f->d; j++) {
        size_t at = j == 0 ? index % (g->n + 1) : index / (g->n + 1);
        z[j] = g->box->low[j] + (g->box->high[j] - g->box->low[j]) * ((double)at / (double)g->n);
    }
}

static void walk_grid(const Field *f, const Grid *g)
{
    size_t total = f->d == 1 ? g->n + 1 : (g->n + 1) * (g->n + 1);
    double z[2] = {0};
    for (size_t first = 0; first < total; first += PASS) {
        size_t count = total - first < PASS ? total - first : PASS;
        for (size_t i = 0; i < PASS; i++) { /* the rest of the last pass repeats its first point */
            point(f, g, first + (i < count ? i : 0), z);
            for (size_t j = 0; j < f->d; j++)
                f->z[i * f->d + j] = (float)z[j];
        }
        graph_exec_forward(f->exec);
        for (size_t i = 0; i < count; i++) {
            point(f, g, first + i, z);
            g->visit(g->context, z, (double)f->logjoint[i]);
        }
    }
}

/* ---- the box ------------------------------------------------------------------------------------------------------------- */

typedef struct Search {
    size_t d;
    double peak, cell[2];
    Box found; /* of the points above the peak less DEPTH, one cell wider */
} Search;

static void find_peak(void *context, const double *z, double logp)
{
    Search *s = context;
    (void)z;
    if (logp > s->peak)
        s->peak = logp;
}

static void find_box(void *context, const double *z, double logp)
{
    Search *s = context;
    for (size_t j = 0; j < s->d && logp > s->peak - DEPTH; j++) {
        s->found.low[j] = fmin(s->found.low[j], z[j] - s->cell[j]);
        s->found.high[j] = fmax(s->found.high[j], z[j] + s->cell[j]);
    }
}

/* Shrinks the box around the peak until it stays: what looks high on a coarse grid need not be on a finer one. */
static void shrink(const Field *f, Box *box, double *peak)
{
    for (int round = 0; round < 30; round++) {
        Search s = {.d = f->d, .peak = -HUGE_VAL, .found = {{HUGE_VAL, HUGE_VAL}, {-HUGE_VAL, -HUGE_VAL}}};
        double smaller = 1;
        walk_grid(f, &(Grid){box, COARSE, find_peak, &s});
        for (size_t j = 0; j < f->d; j++)
            s.cell[j] = (box->high[j] - box->low[j]) / COARSE;
        walk_grid(f, &(Grid){box, COARSE, find_box, &s});
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

/* ---- the sum ------------------------------------------------------------------------------------------------------------- */

typedef struct Sum {
    double peak, total;
} Sum;

static void add(void *context, const double *z, double logp)
{
    Sum *s = context;
    (void)z;
    if (logp - s->peak > -80)
        s->total += (double)num_unary1_f32(NUM_EXP, (float)(logp - s->peak));
}

static double trapezoids(const Field *f, const Box *box, size_t n, double peak)
{
    Sum s = {peak, 0};
    double cell = 1;
    walk_grid(f, &(Grid){box, n, add, &s});
    for (size_t j = 0; j < f->d; j++)
        cell *= (box->high[j] - box->low[j]) / (double)n;
    return peak + (double)num_unary1_f32(NUM_LOG, (float)s.total) + log(cell);
}

static void integrate(const Field *f, double tolerance, double *logp, double *change, double *found)
{
    Box box = {{-REACH, -REACH}, {REACH, REACH}};
    double peak;
    shrink(f, &box, &peak);
    for (size_t j = 0; j < f->d; j++) {
        found[2 * j] = box.low[j];
        found[2 * j + 1] = box.high[j];
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

/* ---- all examples -------------------------------------------------------------------------------------------------------- */

int infer_quadrature(InferModel *m, const InferRequest *request, double tolerance, double *logp, double *change, double *box, Error *err)
{
    static const char *const outputs[] = {"logjoint", NULL}, *const feeds[] = {"z", NULL};
    size_t d = infer_model_width(m, "z");
    if (d < 1 || d > 2) {
        error_set(err, ERR_RUN, "quadrature is for one or two latent dimensions");
        error_found(err, "%zu", d);
        return error_hint(err, "importance sampling (lab.eval.nll) has no such limit");
    }
    BatchIterator w;
    if (batches_start(&w, m, request, &(BatchSpec){.outputs = outputs, .feeds = feeds, .samples = PASS, .chunk = 1}, err) != 0)
        return -1;
    int status = 0;
    while (status == 0 && batches_next(&w)) {
        Field f = {.d = d};
        if ((status = batches_fill(&w, 0, err)) != 0 || (f.z = batches_latent(&w, &f.d, err)) == NULL) {
            status = -1;
            break;
        }
        f.exec = w.exec;
        f.logjoint = graph_exec_output(w.exec, "logjoint", NULL);
        integrate(&f, tolerance, &logp[w.first], &change[w.first], &box[w.first * 2 * d]);
    }
    batches_end(&w);
    return status;
}
