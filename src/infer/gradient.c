/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/gradient.c: mean and variance of a gradient over fresh noise, of some of the params.
 */
#include "infer/gradient.h"

#include "infer/batches.h"

#include <string.h>

/* The params whose names begin with `of`: neighbours in the flat block, which is in the order of the names. */
typedef struct Part {
    size_t offset, width;
} Part;

static Part part_of(const GraphParams *p, const char *of)
{
    Part part = {0, 0};
    for (size_t i = 0; i < graph_params_arrays(p); i++) {
        if (strncmp(graph_params_name(p, i), of, strlen(of)) != 0)
            continue;
        if (part.width == 0)
            part.offset = graph_params_offset(p, i);
        part.width += num_shape_size(graph_params_shape(p, i));
    }
    return part;
}

size_t infer_gradient_width(const InferModel *m, const char *of)
{
    return part_of(m->params, of).width;
}

/* Gradient number n, from 1, joins mean and sum of squared deviations (Welford 1962).  The exec's is that of minus the mean. */
static void join(size_t n, size_t width, const float *minus, double *mean, double *squares)
{
    double share = 1 / (double)n;
    for (size_t i = 0; i < width; i++) {
        double g = -(double)minus[i], off = g - mean[i];
        mean[i] += share * off;
        squares[i] += off * (g - mean[i]);
    }
}

static void project(const InferGradient *which, size_t width, const float *minus, double *along)
{
    for (size_t j = 0; j < which->directions; j++) {
        double sum = 0;
        for (size_t i = 0; i < width; i++)
            sum -= (double)minus[i] * which->onto[j * width + i];
        along[j] = sum;
    }
}

static void repeat(BatchIterator *w, const InferGradient *which, Part part, double *mean, double *variance, double *along)
{
    const float *gradient = (const float *)graph_exec_gradient(w->exec) + part.offset;
    memset(mean, 0, part.width * sizeof *mean);
    memset(variance, 0, part.width * sizeof *variance);
    for (size_t n = 0; n < which->repeats; n++) {
        graph_exec_noise(w->exec, infer_seed(w->model, w->request), "evaluate/gradient", which->skip + n);
        graph_exec_forward(w->exec);
        graph_exec_backward(w->exec);
        join(n + 1, part.width, gradient, mean, variance);
        project(which, part.width, gradient, along + n * which->directions);
    }
    for (size_t i = 0; i < part.width; i++)
        variance[i] /= (double)(which->repeats - 1);
}

int infer_gradient(InferModel *m, const InferRequest *request, const InferGradient *which, double *mean, double *variance, double *along, Error *err)
{
    Part part = part_of(m->params, which->of);
    if (part.width == 0)
        return error_set(err, ERR_RUN, "the model has no parameter whose name begins with '%s'", which->of);
    if (which->repeats < 2)
        return error_set(err, ERR_RUN, "a variance needs two repeats or more");
    BatchIterator w;
    if (batches_start(&w, m, request, &(BatchSpec){.objective = which->name, .samples = request->samples, .chunk = request->count}, err) != 0)
        return -1;
    batches_next(&w);
    int status = batches_fill(&w, 0, err);
    if (status == 0)
        repeat(&w, which, part, mean, variance, along);
    batches_end(&w);
    return status;
}
