/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/model.c: a trained model at work: any named node over data, or over values that replace another node.
 * Promise: the weights are not changed; the same question has the same answer to the bit.
 */
#include "infer/batches.h"

#include "base/mem.h"
#include "graph/exec.h"
#include "num/elementwise.h"
#include "num/sum.h"

#include <math.h>
#include <string.h>

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

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

typedef struct GraphText {
    char *text, *status, *rng;
} GraphText;

static int take_graph(void *context, int columns, const char *const *names, const StoreValue *values)
{
    GraphText *row = context;
    (void)names;
    if (columns == 3 && values[0].type == STORE_TEXT && values[1].type == STORE_TEXT) {
        row->text = mem_string(values[0].bytes);
        row->status = mem_string(values[1].bytes);
        row->rng = values[2].type == STORE_TEXT ? mem_string(values[2].bytes) : NULL;
    }
    return 0;
}

static int read_weights(InferModel *m, Store *s, int64_t run, Error *err)
{
    void *bytes;
    size_t size;
    if (store_artifact_get(s, run, "weights", &bytes, &size, err) != 0)
        return -1;
    if (bytes == NULL) {
        error_set(err, ERR_STORE, "run %lld has no weights", (long long)run);
        return error_hint(err, "it did not come to its end: run it again");
    }
    m->params = m->own_params = graph_params_of(m->graph, bytes, size / sizeof(float), err);
    mem_free(bytes);
    return m->params == NULL ? -1 : 0;
}

InferModel *infer_model_open(Store *s, int64_t run, Error *err)
{
    StoreValue id = {.type = STORE_INTEGER, .integer = run};
    GraphText row = {NULL, NULL, NULL};
    InferModel *m = NULL;
    if (store_query(s, "select graph, status, plan ->> '$.rng' from run where id = ?1", &id, 1, take_graph, &row, err) != 0)
        goto end;
    if (row.text == NULL || row.status == NULL) {
        error_set(err, ERR_STORE, "there is no run %lld", (long long)run);
        error_where(err, "%s", store_path(s));
        error_hint(err, "vae-lab runs lists them");
        goto end;
    }
    m = infer_model_of(NULL, NULL, err);
    if (m == NULL)
        goto end;
    m->graph = m->own_graph = graph_parse(row.text, err);
    if (m->graph == NULL || (row.rng != NULL && (m->rng = num_rng_find(row.rng, err)) == NULL) || read_weights(m, s, run, err) != 0) {
        error_in(err, "run %lld", (long long)run);
        infer_model_free(m);
        m = NULL;
    }
end:
    mem_free(row.text);
    mem_free(row.status);
    mem_free(row.rng);
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

/* ---- asking ----------------------------------------------------------------------------------------------------------- */

int infer_model_map(InferModel *m, const InferRequest *request, const char *name, float *out, size_t *draws, Error *err)
{
    const char *outputs[2] = {name, NULL};
    BatchIterator w;
    if (batches_start(&w, m, request, &(BatchSpec){.outputs = outputs, .samples = request->samples}, err) != 0)
        return -1;
    int status = 0;
    while (status == 0 && batches_next(&w)) {
        status = batches_fill(&w, 0, err);
        if (status != 0)
            break;
        graph_exec_forward(w.exec);
        NumShape shape;
        const float *value = graph_exec_output(w.exec, name, &shape);
        size_t width = shape.n[NUM_FEATURES], per_example = shape.n[NUM_SAMPLES] * width;
        *draws = shape.n[NUM_SAMPLES];
        size_t rows = shape.n[NUM_BATCH]; /* 1: the same for every example, as a shared log variance */
        if (rows != w.rows && rows != 1) {
            status = error_set(err, ERR_RUN, "'%s' is not a value for each example", name);
            break;
        }
        for (size_t s = 0; s < shape.n[NUM_SAMPLES]; s++)
            for (size_t i = 0; i < w.rows; i++) {
                const float *row = value + (s * rows + (rows == 1 ? 0 : i)) * width;
                memcpy(out + (w.first + i) * per_example + s * width, row, width * sizeof *out);
            }
    }
    batches_end(&w);
    return status;
}

/* Adds an output of the current chunk: for each example its mean over samples and features, and the square of that. */
static void add_moments(const BatchIterator *w, const char *name, double *sum, double *squares)
{
    NumShape shape;
    const float *value = graph_exec_output(w->exec, name, &shape);
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

int infer_model_mean(InferModel *m, const InferRequest *request, const char *const *names, double *mean, double *se, Error *err)
{
    BatchIterator w;
    size_t count = 0;
    int status = batches_start(&w, m, request, &(BatchSpec){.outputs = names, .samples = request->samples}, err);
    if (status != 0)
        return status;
    for (; names[count] != NULL; count++)
        mean[count] = se[count] = 0;
    while (status == 0 && batches_next(&w)) {
        status = batches_fill(&w, 0, err);
        if (status == 0) {
            graph_exec_forward(w.exec);
            for (size_t i = 0; i < count; i++)
                add_moments(&w, names[i], &mean[i], &se[i]);
        }
    }
    double n = (double)request->count;
    for (size_t i = 0; status == 0 && i < count; i++) {
        mean[i] /= n;
        double variance = (se[i] / n - mean[i] * mean[i]) * n / (n - 1);
        se[i] = sqrt(variance > 0 ? variance / n : 0);
    }
    batches_end(&w);
    return status;
}

/* ---- importance weights -------------------------------------------------------------------------------------------------- */

/* Running log mean exp of one example's weights: sums of w and w^2 relative to the largest so far.  exp and log are those of
 * the arithmetic (libm's are not portable); their rounding is far below the estimate's standard error. */
typedef struct Weights {
    double max, sum, squares;
} Weights;

static void weights_add(Weights *w, double logw)
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
static void weights_end(const Weights *w, size_t k, double *logp, double *se, double *ess)
{
    double n = (double)k, relative = w->squares * n / (w->sum * w->sum) - 1;
    *logp = w->max + (double)num_unary1_f32(NUM_LOG, (float)(w->sum / n));
    *se = sqrt((relative > 0 ? relative : 0) / n);
    *ess = w->sum * w->sum / w->squares;
}

int infer_model_log_weights(InferModel *m, const InferRequest *request, const char *name, size_t chunk, double *logp, double *se, double *ess, Error *err)
{
    const char *outputs[2] = {name, NULL};
    size_t samples = request->samples > 0 ? request->samples : 1;
    size_t per_pass = chunk > 0 && chunk < samples ? chunk : samples;
    size_t passes = (samples + per_pass - 1) / per_pass;
    BatchIterator w;
    if (batches_start(&w, m, request, &(BatchSpec){.outputs = outputs, .samples = per_pass}, err) != 0)
        return -1;
    Weights *weights = mem_array(w.chunk, sizeof *weights);
    int status = weights != NULL ? 0 : error_memory(err, "importance weights");
    while (status == 0 && batches_next(&w)) {
        for (size_t i = 0; i < w.rows; i++)
            weights[i] = (Weights){.max = -HUGE_VAL};
        for (size_t pass = 0; status == 0 && pass < passes; pass++) {
            status = batches_fill(&w, pass, err);
            if (status != 0)
                break;
            graph_exec_forward(w.exec);
            NumShape shape;
            const float *value = graph_exec_output(w.exec, name, &shape);
            if (shape.n[NUM_SAMPLES] != per_pass || shape.n[NUM_BATCH] != w.rows) {
                status = error_set(err, ERR_RUN, "'%s' is not a log weight for each draw and example", name);
                break;
            }
            for (size_t s = 0; s < per_pass; s++)
                for (size_t i = 0; i < w.rows; i++)
                    weights_add(&weights[i], value[s * w.rows + i]);
        }
        for (size_t i = 0; status == 0 && i < w.rows; i++)
            weights_end(&weights[i], passes * per_pass, &logp[w.first + i], &se[w.first + i], &ess[w.first + i]);
    }
    mem_free(weights);
    batches_end(&w);
    return status;
}
