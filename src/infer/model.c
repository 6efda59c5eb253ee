/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/model.c: a trained model: opened from the database, and evaluated at any named node over data, or over values
 * that replace another node.  Promise: the weights do not change; equal requests give equal bits.
 */
#include "infer/batches.h"

#include "base/mem.h"
#include "graph/exec.h"
#include "num/elementwise.h"
#include "num/sum.h"
#include "store/read.h"

#include <math.h>
#include <string.h>

/* ---- opening ----------------------------------------------------------------------------------------------------- */

InferModel *infer_model_of(const Graph *g, GraphParams *params, Error *err)
{
    InferModel *m = mem_alloc(sizeof *m);
    if (m == NULL) {
        error_memory(err, "a model");
        return NULL;
    }
    m->graph = g;
    m->params = params;
    return m;
}

void infer_model_rng(InferModel *m, const gsl_rng_type *rng)
{
    m->rng = rng;
}

void infer_model_own(InferModel *m, GraphParams *params)
{
    m->own_params = params;
}

void infer_model_free(InferModel *m)
{
    if (m == NULL)
        return;
    graph_params_free(m->own_params);
    graph_free(m->own_graph);
    mem_free(m);
}

const Graph *infer_model_graph(const InferModel *m)
{
    return m->graph;
}

GraphParams *infer_model_params(const InferModel *m)
{
    return m->params;
}

static int no_weights(Store *s, int64_t run, Error *err)
{
    char status[STORE_STATUS];
    if (store_run_status(s, run, status, NULL, 0, err) != 0)
        return -1;
    int finished = strcmp(status, "done") == 0 || strcmp(status, "diverged") == 0;
    error_set(err, ERR_STORE, finished ? "the weights of run %lld were dropped" : "run %lld has no weights",
              (long long)run);
    if (!finished)
        error_found(err, "its status is %s", status);
    return error_hint(err, finished
                               ? "train it again: vae-lab run FILE.lua --fresh; where it was imported: import it again"
                               : "the run did not finish: run its script again to complete it");
}

static void damaged_weights(size_t size, Error *err)
{
    error_set(err, ERR_STORE, "the recorded weights are damaged");
    error_found(err, "%zu bytes", size);
    error_expected(err, "whole float32 numbers, 4 bytes each");
}

static int read_weights(InferModel *m, Store *s, int64_t run, Error *err)
{
    void *bytes;
    size_t size;
    if (store_artifact_get(s, run, "weights", &bytes, &size, err) != 0)
        return -1;
    if (bytes == NULL)
        return no_weights(s, run, err);
    if (size % sizeof(float) == 0)
        m->params = m->own_params = graph_params_of(m->graph, bytes, size / sizeof(float), err);
    else
        damaged_weights(size, err);
    mem_free(bytes);
    return m->params == NULL ? -1 : 0;
}

static int read_rng(InferModel *m, const char *name, Error *err)
{
    m->rng = num_rng_find(name, err);
    if (m->rng == NULL)
        err->kind = ERR_STORE; /* of the database, not of a script */
    return m->rng == NULL ? -1 : 0;
}

InferModel *infer_model_open(Store *s, int64_t run, Error *err)
{
    char *graph = NULL, *rng = NULL;
    InferModel *m = NULL;
    if (store_run_graph(s, run, &graph, err) == 0 && store_run_rng(s, run, &rng, err) == 0 &&
        (m = infer_model_of(NULL, NULL, err)) != NULL) {
        m->graph = m->own_graph = graph_parse(graph, err);
        if (m->graph == NULL || (rng != NULL && read_rng(m, rng, err) != 0) || read_weights(m, s, run, err) != 0) {
            error_in(err, "run %lld", (long long)run);
            infer_model_free(m);
            m = NULL;
        }
    }
    mem_free(graph);
    mem_free(rng);
    return m;
}

void infer_model_use(InferModel *m, const Graph *g)
{
    m->graph = g;
}

size_t infer_model_width(const InferModel *m, const char *name)
{
    GraphNode node = graph_find(m->graph, name);
    return node < 0 ? 0 : graph_shape(m->graph, node).n[NUM_FEATURES];
}

/* ---- any node ---------------------------------------------------------------------------------------------------- */

/* The current chunk's values of a node, draw after draw.  A node without a batch axis, as a shared log variance, is the
 * same for all. */
static void copy_rows(const BatchIterator *b, const float *value, NumShape shape, float *out)
{
    size_t width = shape.n[NUM_FEATURES], draws = shape.n[NUM_SAMPLES], rows = shape.n[NUM_BATCH];
    for (size_t s = 0; s < draws; s++)
        for (size_t i = 0; i < b->rows; i++)
            memcpy(out + ((b->first + i) * draws + s) * width, value + (s * rows + (rows == 1 ? 0 : i)) * width,
                   width * sizeof *out);
}

int infer_model_map(InferModel *m, const InferRequest *request, const char *name, float *out, size_t *draws, Error *err)
{
    const char *outputs[] = {name, NULL};
    const BatchSpec spec = {.outputs = outputs, .samples = request->samples};
    BatchIterator b;
    int status;
    if (batches_start(&b, m, request, &spec, err) != 0)
        return -1;
    while ((status = batches_next(&b, err)) > 0) {
        NumShape shape;
        graph_exec_forward(b.exec);
        const float *value = graph_exec_output(b.exec, name, &shape);
        if (shape.n[NUM_BATCH] != b.rows && shape.n[NUM_BATCH] != 1) {
            status = error_set(err, ERR_RUN, "'%s' does not have one value for each example", name);
            break;
        }
        *draws = shape.n[NUM_SAMPLES];
        copy_rows(&b, value, shape, out);
    }
    batches_end(&b);
    return status;
}

/* Adds the current chunk: sum of each example's mean over samples and features, and sum of its square. */
static void add_moments(const BatchIterator *b, const char *name, double *sum, double *squares)
{
    NumShape shape;
    const float *value = graph_exec_output(b->exec, name, &shape);
    size_t width = shape.n[NUM_FEATURES], samples = shape.n[NUM_SAMPLES], rows = shape.n[NUM_BATCH];
    for (size_t i = 0; i < rows; i++) {
        double x = 0;
        for (size_t s = 0; s < samples; s++)
            x += num_total_f32(width, value + (s * rows + i) * width);
        x /= (double)(samples * width);
        *sum += x;
        *squares += x * x;
    }
}

int infer_model_mean(InferModel *m, const InferRequest *request, const char *const *names, double *mean, double *se,
                     Error *err)
{
    const BatchSpec spec = {.outputs = names, .samples = request->samples};
    BatchIterator b;
    int status;
    if (batches_start(&b, m, request, &spec, err) != 0)
        return -1;
    for (size_t i = 0; names[i] != NULL; i++)
        mean[i] = se[i] = 0;
    while ((status = batches_next(&b, err)) > 0) {
        graph_exec_forward(b.exec);
        for (size_t i = 0; names[i] != NULL; i++)
            add_moments(&b, names[i], &mean[i], &se[i]);
    }
    double n = (double)request->count;
    for (size_t i = 0; status == 0 && names[i] != NULL; i++) {
        mean[i] /= n;
        double variance = (se[i] / n - mean[i] * mean[i]) * n / (n - 1);
        se[i] = sqrt(variance > 0 ? variance / n : 0);
    }
    batches_end(&b);
    return status;
}

/* ---- importance weights ------------------------------------------------------------------------------------------ */

/* Running log mean exp of one example's weights: sums of w and w^2 relative to the largest so far.  exp and log are
 * those of the arithmetic (libm's are not portable); their rounding is far below the estimate's standard error. */
typedef struct ImportanceSum {
    double max, sum, squares;
} ImportanceSum;

static void importance_add(ImportanceSum *w, double logw)
{
    if (logw > w->max) {
        double shrink = num_unary1_f32(NUM_EXP, (float)(w->max - logw));
        w->sum *= shrink;
        w->squares *= shrink * shrink;
        w->max = logw;
    }
    double x = num_unary1_f32(NUM_EXP, (float)(logw - w->max));
    w->sum += x;
    w->squares += x * x;
}

/* Burda et al. 2016, equation 8, with the delta method's standard error of the logarithm. */
static void importance_result(const ImportanceSum *w, size_t k, double *logp, double *se, double *ess)
{
    double n = (double)k, relative = w->squares * n / (w->sum * w->sum) - 1;
    *logp = w->max + (double)num_unary1_f32(NUM_LOG, (float)(w->sum / n));
    *se = sqrt((relative > 0 ? relative : 0) / n);
    *ess = w->sum * w->sum / w->squares;
}

/* One pass: the current chunk's weights, b->samples for each example. */
static int add_weights(BatchIterator *b, const char *name, ImportanceSum *sums, Error *err)
{
    NumShape shape;
    graph_exec_forward(b->exec);
    const float *value = graph_exec_output(b->exec, name, &shape);
    if (shape.n[NUM_SAMPLES] != b->samples || shape.n[NUM_BATCH] != b->rows)
        return error_set(err, ERR_RUN, "'%s' does not have one log weight for each draw and example", name);
    for (size_t s = 0; s < b->samples; s++)
        for (size_t i = 0; i < b->rows; i++)
            importance_add(&sums[i], value[s * b->rows + i]);
    return 0;
}

/* All passes of the current chunk, the first of which batches_next has filled. */
static int sum_weights(BatchIterator *b, const char *name, size_t passes, ImportanceSum *sums, Error *err)
{
    for (size_t i = 0; i < b->rows; i++)
        sums[i] = (ImportanceSum){.max = -HUGE_VAL};
    for (size_t pass = 0; pass < passes; pass++)
        if ((pass > 0 && batches_fill(b, pass, err) != 0) || add_weights(b, name, sums, err) != 0)
            return -1;
    return 0;
}

int infer_model_log_weights(InferModel *m, const InferRequest *request, const char *name, size_t chunk, double *logp,
                            double *se, double *ess, Error *err)
{
    const char *outputs[] = {name, NULL};
    size_t samples = request->samples > 0 ? request->samples : 1,
           per_pass = chunk > 0 && chunk < samples ? chunk : samples;
    size_t passes = (samples + per_pass - 1) / per_pass;
    const BatchSpec spec = {.outputs = outputs, .samples = per_pass};
    BatchIterator b;
    if (batches_start(&b, m, request, &spec, err) != 0)
        return -1;
    ImportanceSum *sums = mem_array(b.chunk, sizeof *sums);
    int status = sums != NULL ? 0 : error_memory(err, "importance weights");
    while (status >= 0 && (status = batches_next(&b, err)) > 0) {
        if ((status = sum_weights(&b, name, passes, sums, err)) != 0)
            break;
        for (size_t i = 0; i < b.rows; i++)
            importance_result(&sums[i], passes * per_pass, &logp[b.first + i], &se[b.first + i], &ess[b.first + i]);
    }
    mem_free(sums);
    batches_end(&b);
    return status;
}
