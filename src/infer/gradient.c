/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/gradient.c: mean and variance of the gradient of some params over repeated noise.
 */
#include "infer/gradient.h"

#include "infer/batches.h"

#include <string.h>

/* The params whose names begin with `of`: neighbours in the flat block, which is in the order of the names. */
typedef struct ParamRange {
    size_t offset, width;
} ParamRange;

static ParamRange param_range(const GraphParams *p, const char *of)
{
    ParamRange range = {0, 0};
    for (size_t i = 0; i < graph_params_arrays(p); i++) {
        if (strncmp(graph_params_name(p, i), of, strlen(of)) != 0)
            continue;
        if (range.width == 0)
            range.offset = graph_params_offset(p, i);
        range.width += num_shape_size(graph_params_shape(p, i));
    }
    return range;
}

size_t infer_gradient_width(const InferModel *m, const char *of)
{
    return param_range(m->params, of).width;
}

/* Adds gradient number n, from 1, to the mean and the sum of squared deviations (Welford 1962).  minus: the exec's
 * gradient is that of minus the mean. */
static void welford(size_t n, size_t width, const float *minus, double *mean, double *squares)
{
    double share = 1 / (double)n;
    for (size_t i = 0; i < width; i++) {
        double g = -(double)minus[i], deviation = g - mean[i];
        mean[i] += share * deviation;
        squares[i] += deviation * (g - mean[i]);
    }
}

/* [OUT] along (directions): inner products of the gradient with each direction */
static void project(const InferGradient *which, size_t width, const float *minus, double *along)
{
    for (size_t j = 0; j < which->directions; j++) {
        double sum = 0;
        for (size_t i = 0; i < width; i++)
            sum -= (double)minus[i] * which->onto[j * width + i];
        along[j] = sum;
    }
}

static void repeat(BatchIterator *b, const InferGradient *which, ParamRange range, double *mean, double *variance,
                   double *along)
{
    const float *gradient = (const float *)graph_exec_gradient(b->exec) + range.offset;
    memset(mean, 0, range.width * sizeof *mean);
    memset(variance, 0, range.width * sizeof *variance);
    for (size_t n = 0; n < which->repeats; n++) {
        graph_exec_noise(b->exec, infer_seed(b->model, b->request), "evaluate/gradient", which->skip + n);
        graph_exec_forward(b->exec);
        graph_exec_backward(b->exec);
        welford(n + 1, range.width, gradient, mean, variance);
        project(which, range.width, gradient, along + n * which->directions);
    }
    for (size_t i = 0; i < range.width; i++)
        variance[i] /= (double)(which->repeats - 1);
}

int infer_gradient(InferModel *m, const InferRequest *request, const InferGradient *which, double *mean,
                   double *variance, double *along, Error *err)
{
    const BatchSpec spec = {.objective = which->name, .samples = request->samples, .chunk = request->count};
    ParamRange range = param_range(m->params, which->of);
    BatchIterator b;
    if (range.width == 0)
        return error_set(err, ERR_RUN, "the model has no parameter whose name begins with '%s'", which->of);
    if (which->repeats < 2)
        return error_set(err, ERR_RUN, "a variance needs two repeats or more");
    if (batches_start(&b, m, request, &spec, err) != 0)
        return -1;
    int status = batches_next(&b, err) > 0 ? 0 : -1;
    if (status == 0)
        repeat(&b, which, range, mean, variance, along);
    batches_end(&b);
    return status;
}
