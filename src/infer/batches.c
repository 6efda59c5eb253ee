/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/batches.c: fills a model's executable graph with the examples of a request, chunk by chunk.
 */
#include "infer/batches.h"

#include <string.h>

/* Rows (samples x examples) of one pass: enough for the matrix product, few enough for the cache. */
enum { ROWS_PER_PASS = 2000 };

static int check_request(const InferModel *m, const InferRequest *request, Error *err)
{
    if (request->feed != NULL && graph_find(m->graph, request->feed) < 0)
        return error_set(err, ERR_RUN, "the model has no node named '%s' to replace", request->feed);
    if (request->data != NULL && request->first + request->count > data_count(request->data, request->split)) {
        error_set(err, ERR_RUN, "the request has more examples than the split");
        error_found(err, "examples %zu to %zu", request->first + 1, request->first + request->count);
        return error_expected(err, "at most %zu", data_count(request->data, request->split));
    }
    return 0;
}

int batches_start(BatchIterator *b, InferModel *m, const InferRequest *request, const BatchSpec *spec, Error *err)
{
    if (check_request(m, request, err) != 0)
        return -1;
    *b = (BatchIterator){.model = m, .request = request, .spec = *spec,
                         .samples = spec->samples > 0 ? spec->samples : 1,
                         .binarise = num_stream_of((NumSeed){request->seed, m->rng}, "evaluate/binarise")};
    size_t n = 0;
    for (; spec->feeds != NULL && spec->feeds[n] != NULL && n < 4; n++)
        b->feeds[n] = spec->feeds[n];
    b->feeds[n] = request->feed;
    b->chunk = spec->chunk > 0 ? spec->chunk : ROWS_PER_PASS / b->samples > 0 ? ROWS_PER_PASS / b->samples : 1;
    return 0;
}

void batches_end(BatchIterator *b)
{
    graph_exec_free(b->exec);
}

static int make_exec(BatchIterator *b, Error *err)
{
    if (b->exec != NULL && b->exec_rows == b->rows)
        return 0;
    const BatchSpec *s = &b->spec;
    GraphExecSpec spec = {.batch = b->rows, .samples = b->samples, .type = GRAPH_FLOAT, .outputs = s->outputs,
                          .feeds = b->feeds[0] != NULL ? b->feeds : NULL, .objective = s->objective,
                          .gradient_wrt = s->objective != NULL && s->feeds != NULL ? GRAPH_FEEDS : GRAPH_PARAMS};
    graph_exec_free(b->exec);
    b->exec = graph_exec_alloc(b->model->graph, &spec, b->model->params, err);
    b->exec_rows = b->rows;
    return b->exec == NULL ? -1 : 0;
}

/* Copies the request's values: of each example, the same for all draws or a row per draw. */
static int fill_feed(BatchIterator *b, Error *err)
{
    const InferRequest *request = b->request;
    NumShape shape;
    float *value = graph_exec_input(b->exec, request->feed, &shape);
    if (value == NULL)
        return error_set(err, ERR_RUN, "the requested nodes do not depend on '%s'", request->feed);
    size_t width = shape.n[NUM_FEATURES], draws = shape.n[NUM_SAMPLES], from_draws = request->feed_draws ? draws : 1;
    for (size_t s = 0; s < draws; s++)
        for (size_t i = 0; i < b->rows; i++) {
            size_t from = (b->first + i) * from_draws + (request->feed_draws ? s : 0);
            memcpy(value + (s * b->rows + i) * width, request->feed_values + from * width, width * sizeof *value);
        }
    return 0;
}

static int fill_data(BatchIterator *b, Error *err)
{
    const InferRequest *request = b->request;
    int x_is_fed = request->feed != NULL && strcmp(request->feed, "x") == 0;
    float *x = x_is_fed ? NULL : graph_exec_input(b->exec, "x", NULL);
    float *y = graph_exec_input(b->exec, "y", NULL);
    if ((x != NULL || y != NULL) && request->data == NULL)
        return error_set(err, ERR_RUN, "the requested nodes depend on data, and the request has none");
    if (x != NULL)
        data_rows(request->data, request->split, NULL, request->first + b->first, b->rows, b->binarise, request->step,
                  x);
    if (y != NULL)
        data_labels(request->data, request->split, NULL, request->first + b->first, b->rows, y);
    return 0;
}

int batches_fill(BatchIterator *b, uint64_t draw, Error *err)
{
    const InferRequest *request = b->request;
    if ((request->feed != NULL && fill_feed(b, err) != 0) || fill_data(b, err) != 0)
        return -1;
    const char *scalar;
    for (size_t i = 0; (scalar = graph_scalar_name(b->model->graph, i)) != NULL; i++)
        graph_exec_scalar(b->exec, scalar, 1.0);
    for (size_t i = 0; i < request->nscalars; i++)
        graph_exec_scalar(b->exec, request->scalars[i].name, request->scalars[i].value);
    graph_exec_noise(b->exec, infer_seed(b->model, request), "evaluate",
                     (request->step << 40) + (draw << 24) + b->number);
    return 0;
}

int batches_next(BatchIterator *b, Error *err)
{
    b->first += b->rows;
    b->number++;
    if (b->first >= b->request->count)
        return 0;
    b->rows = b->request->count - b->first < b->chunk ? b->request->count - b->first : b->chunk;
    return make_exec(b, err) != 0 || batches_fill(b, 0, err) != 0 ? -1 : 1;
}

float *batches_latent(const BatchIterator *b, size_t *width, Error *err)
{
    NumShape shape;
    float *z = graph_exec_input(b->exec, "z", &shape);
    if (z != NULL && shape.n[NUM_SAMPLES] == b->samples && shape.n[NUM_BATCH] == b->rows) {
        *width = shape.n[NUM_FEATURES];
        return z;
    }
    error_set(err, ERR_RUN, "the model's z does not have one value for each draw and example");
    error_expected(err, "z = q:sample(), with as many draws as the run has samples");
    return NULL;
}
