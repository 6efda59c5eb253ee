/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/batches.c: fills a model's exec with the examples of a question, chunk after chunk.
 */
#include "infer/batches.h"

#include <string.h>

/* Rows (samples x examples) that one pass computes: enough for the matrix product, small enough for the cache. */
enum { ROWS_PER_PASS = 2000 };

static int check_ask(const InferModel *m, const InferRequest *request, Error *err)
{
    if (request->feed == NULL && request->data == NULL)
        return error_set(err, ERR_RUN, "a model needs data, or values for a node, to compute from");
    if (request->feed != NULL && graph_find(m->graph, request->feed) < 0)
        return error_set(err, ERR_RUN, "the model has no node named '%s' to replace", request->feed);
    if (request->data != NULL && request->first + request->count > data_count(request->data, request->split)) {
        error_set(err, ERR_RUN, "more examples are asked for than there are");
        error_found(err, "%zu to %zu", request->first + 1, request->first + request->count);
        return error_expected(err, "at most %zu", data_count(request->data, request->split));
    }
    return 0;
}

int batches_start(BatchIterator *w, InferModel *m, const InferRequest *request, const BatchSpec *spec, Error *err)
{
    if (check_ask(m, request, err) != 0)
        return -1;
    *w = (BatchIterator){.model = m, .request = request, .spec = *spec, .samples = spec->samples > 0 ? spec->samples : 1,
                .binarise = num_stream_of(infer_seed(m, request), "evaluate/binarise")};
    size_t n = 0;
    for (; spec->feeds != NULL && spec->feeds[n] != NULL && n < 4; n++)
        w->feeds[n] = spec->feeds[n];
    w->feeds[n] = request->feed;
    w->chunk = spec->chunk > 0 ? spec->chunk : ROWS_PER_PASS / w->samples > 0 ? ROWS_PER_PASS / w->samples : 1;
    return 0;
}

void batches_end(BatchIterator *w)
{
    graph_exec_free(w->exec);
}

static int batches_exec(BatchIterator *w, Error *err)
{
    if (w->exec != NULL && w->exec_rows == w->rows)
        return 0;
    GraphExecSpec spec = {.batch = w->rows, .samples = w->samples, .type = GRAPH_FLOAT,
                          .outputs = w->spec.outputs, .feeds = w->feeds[0] != NULL ? w->feeds : NULL,
                          .objective = w->spec.objective, .gradient_wrt = w->spec.objective != NULL && w->spec.feeds != NULL ? GRAPH_FEEDS : GRAPH_PARAMS};
    graph_exec_free(w->exec);
    w->exec = graph_exec_alloc(w->model->graph, &spec, w->model->params, err);
    w->exec_rows = w->rows;
    return w->exec == NULL ? -1 : 0;
}

static int feed(BatchIterator *w, Error *err)
{
    const InferRequest *request = w->request;
    NumShape shape;
    float *value = graph_exec_input(w->exec, request->feed, &shape);
    if (value == NULL)
        return error_set(err, ERR_RUN, "what is asked for does not depend on '%s'", request->feed);
    size_t width = shape.n[NUM_FEATURES], draws = shape.n[NUM_SAMPLES], from_draws = request->feed_draws ? draws : 1;
    for (size_t s = 0; s < draws; s++)
        for (size_t i = 0; i < w->rows; i++) {
            size_t from = (w->first + i) * from_draws + (request->feed_draws ? s : 0);
            memcpy(value + (s * w->rows + i) * width, request->feed_values + from * width, width * sizeof *value);
        }
    return 0;
}

int batches_fill(BatchIterator *w, uint64_t draw, Error *err)
{
    const InferRequest *request = w->request;
    if (batches_exec(w, err) != 0 || (request->feed != NULL && feed(w, err) != 0))
        return -1;
    int x_is_fed = request->feed != NULL && strcmp(request->feed, "x") == 0;
    float *x = x_is_fed ? NULL : graph_exec_input(w->exec, "x", NULL);
    float *y = graph_exec_input(w->exec, "y", NULL);
    if ((x != NULL || y != NULL) && request->data == NULL)
        return error_set(err, ERR_RUN, "what is asked for depends on data, and none is given");
    if (x != NULL)
        data_rows(request->data, request->split, NULL, request->first + w->first, w->rows, w->binarise, request->step, x);
    if (y != NULL)
        data_labels(request->data, request->split, NULL, request->first + w->first, w->rows, y);
    const char *scalar;
    for (size_t i = 0; (scalar = graph_scalar_name(w->model->graph, i)) != NULL; i++)
        graph_exec_scalar(w->exec, scalar, 1.0);
    for (size_t i = 0; i < request->nscalars; i++)
        graph_exec_scalar(w->exec, request->scalars[i].name, request->scalars[i].value);
    graph_exec_noise(w->exec, infer_seed(w->model, request), "evaluate", (request->step << 40) + (draw << 24) + w->number);
    return 0;
}

int batches_next(BatchIterator *w)
{
    w->first += w->rows;
    w->number++;
    if (w->first >= w->request->count)
        return 0;
    w->rows = w->request->count - w->first < w->chunk ? w->request->count - w->first : w->chunk;
    return 1;
}

float *batches_latent(const BatchIterator *w, size_t *width, Error *err)
{
    NumShape shape;
    float *z = graph_exec_input(w->exec, "z", &shape);
    if (z != NULL && shape.n[NUM_SAMPLES] == w->samples && shape.n[NUM_BATCH] == w->rows) {
        *width = shape.n[NUM_FEATURES];
        return z;
    }
    error_set(err, ERR_RUN, "the model's z has not one value for each draw and example");
    error_expected(err, "z = q:sample(), drawn as often as the run's samples");
    return NULL;
}
