/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/walk.c: fills a model's plan with the examples of a question, chunk after chunk.
 */
#include "lab/walk.h"

#include <string.h>

/* Rows (samples x examples) that one pass computes: enough for the matrix product, small enough for the cache. */
enum { ROWS_PER_PASS = 2000 };

static int check_ask(const LabModel *m, const LabAsk *ask, Error *err)
{
    if (ask->fed == NULL && ask->data == NULL)
        return error_set(err, ERR_RUN, "a model needs data, or values for a node, to compute from");
    if (ask->fed != NULL && graph_find(m->graph, ask->fed) < 0)
        return error_set(err, ERR_RUN, "the model has no node named '%s' to replace", ask->fed);
    if (ask->data != NULL && ask->first + ask->count > data_count(ask->data, ask->split)) {
        error_set(err, ERR_RUN, "more examples are asked for than there are");
        error_found(err, "%zu to %zu", ask->first + 1, ask->first + ask->count);
        return error_expected(err, "at most %zu", data_count(ask->data, ask->split));
    }
    return 0;
}

int walk_start(Walk *w, LabModel *m, const LabAsk *ask, const WalkSpec *spec, Error *err)
{
    if (check_ask(m, ask, err) != 0)
        return -1;
    *w = (Walk){.model = m, .ask = ask, .spec = *spec, .samples = spec->samples > 0 ? spec->samples : 1,
                .binarise = num_stream(ask->seed, "evaluate/binarise")};
    size_t n = 0;
    for (; spec->fed != NULL && spec->fed[n] != NULL && n < 4; n++)
        w->fed[n] = spec->fed[n];
    w->fed[n] = ask->fed;
    w->chunk = spec->chunk > 0 ? spec->chunk : ROWS_PER_PASS / w->samples > 0 ? ROWS_PER_PASS / w->samples : 1;
    return 0;
}

void walk_end(Walk *w)
{
    graph_plan_free(w->plan);
}

static int walk_plan(Walk *w, Error *err)
{
    if (w->plan != NULL && w->plan_rows == w->rows)
        return 0;
    GraphPlanSpec spec = {.batch = w->rows, .samples = w->samples, .type = GRAPH_FLOAT, .outputs = w->spec.outputs, .fed = w->fed[0] != NULL ? w->fed : NULL,
                          .objective = w->spec.objective, .of_fed = w->spec.objective != NULL && w->spec.fed != NULL};
    graph_plan_free(w->plan);
    w->plan = graph_plan_alloc(w->model->graph, &spec, w->model->params, err);
    w->plan_rows = w->rows;
    return w->plan == NULL ? -1 : 0;
}

static int feed(Walk *w, Error *err)
{
    const LabAsk *ask = w->ask;
    NumShape shape;
    float *value = graph_plan_input(w->plan, ask->fed, &shape);
    if (value == NULL)
        return error_set(err, ERR_RUN, "what is asked for does not depend on '%s'", ask->fed);
    size_t width = shape.n[NUM_FEATURES], draws = shape.n[NUM_SAMPLES], from_draws = ask->fed_draws ? draws : 1;
    for (size_t s = 0; s < draws; s++)
        for (size_t i = 0; i < w->rows; i++) {
            size_t from = (w->first + i) * from_draws + (ask->fed_draws ? s : 0);
            memcpy(value + (s * w->rows + i) * width, ask->fed_values + from * width, width * sizeof *value);
        }
    return 0;
}

int walk_fill(Walk *w, uint64_t draw, Error *err)
{
    const LabAsk *ask = w->ask;
    if (walk_plan(w, err) != 0 || (ask->fed != NULL && feed(w, err) != 0))
        return -1;
    int x_is_fed = ask->fed != NULL && strcmp(ask->fed, "x") == 0;
    float *x = x_is_fed ? NULL : graph_plan_input(w->plan, "x", NULL);
    float *y = graph_plan_input(w->plan, "y", NULL);
    if ((x != NULL || y != NULL) && ask->data == NULL)
        return error_set(err, ERR_RUN, "what is asked for depends on data, and none is given");
    if (x != NULL)
        data_rows(ask->data, ask->split, NULL, ask->first + w->first, w->rows, w->binarise, ask->step, x);
    if (y != NULL)
        data_labels(ask->data, ask->split, NULL, ask->first + w->first, w->rows, y);
    const char *scalar;
    for (size_t i = 0; (scalar = graph_scalar_name(w->model->graph, i)) != NULL; i++)
        graph_plan_scalar(w->plan, scalar, 1.0);
    for (size_t i = 0; i < ask->nscalars; i++)
        graph_plan_scalar(w->plan, ask->scalars[i].name, ask->scalars[i].schedule.value[0]);
    graph_plan_noise(w->plan, ask->seed, "evaluate", (ask->step << 40) + (draw << 24) + w->number);
    return 0;
}

int walk_next(Walk *w)
{
    w->first += w->rows;
    w->number++;
    if (w->first >= w->ask->count)
        return 0;
    w->rows = w->ask->count - w->first < w->chunk ? w->ask->count - w->first : w->chunk;
    return 1;
}

float *walk_latent(const Walk *w, size_t *width, Error *err)
{
    NumShape shape;
    float *z = graph_plan_input(w->plan, "z", &shape);
    if (z != NULL && shape.n[NUM_SAMPLES] == w->samples && shape.n[NUM_BATCH] == w->rows) {
        *width = shape.n[NUM_FEATURES];
        return z;
    }
    error_set(err, ERR_RUN, "the model's z has not one value for each draw and example");
    error_expected(err, "z = q:sample(), drawn as often as the run's samples");
    return NULL;
}
