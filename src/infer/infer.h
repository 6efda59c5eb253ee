/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/infer.h: a trained model at work: a model, a request, any named node over batches of data, and a small fit.
 * (posterior.h: p(z|x) and log p(x); gradient.h: gradients as estimates.)
 */
#ifndef INFER_INFER_H
#define INFER_INFER_H

#include "base/error.h"
#include "data/data.h"
#include "graph/exec.h"
#include "store/store.h"

#include <stdint.h>

/* ---- a model ----------------------------------------------------------------------------------------------------- */

typedef struct InferModel InferModel;

/* Reads the graph and the weights of a finished run; NULL with *err, where it has none too: it did not finish, or
 * `vae-lab gc` dropped them. */
InferModel *infer_model_open(Store *s, int64_t run, Error *err);
void infer_model_free(InferModel *m);
const Graph *infer_model_graph(const InferModel *m);
GraphParams *infer_model_params(const InferModel *m);

/* A model of trained parameters.  It owns neither, unless infer_model_own gives it the parameters. */
InferModel *infer_model_of(const Graph *g, GraphParams *params, Error *err);
void infer_model_rng(InferModel *m, const gsl_rng_type *rng); /* the generator of its noise; philox4x32 until then */
void infer_model_use(InferModel *m, const Graph *g);      /* another graph over the same parameters */
void infer_model_own(InferModel *m, GraphParams *params); /* freed with the model */

/* Width (features) of a named node.  0 when there is no such name. */
size_t infer_model_width(const InferModel *m, const char *name);

/* ---- a request --------------------------------------------------------------------------------------------------- */

/* The value of a scalar leaf of the graph. */
typedef struct InferScalar {
    const char *name;
    double value;
} InferScalar;

/* The examples to compute with, from data, or with values that replace a node ("z": decoding); without both, `count`
 * rows of a node that depends on noise alone (draws of the prior). */
typedef struct InferRequest {
    const Data *data;           /* NULL when the requested nodes do not depend on data */
    DataSplit split;
    size_t first, count;        /* examples, or rows of `feed_values` */
    const char *feed;           /* public name of the node to replace, or NULL */
    const float *feed_values;   /* (count, width of that node), the same for all draws */
    int feed_draws;             /* … or (count, samples, width): a row for each draw */
    size_t samples;             /* draws per example; 0: 1 */
    uint64_t seed;              /* of noise and dynamic binarisation, streams "evaluate/…" */
    uint64_t step;              /* part of the noise's address: another step gives other draws */
    uint64_t repeat;            /* another number: other noise for the same, equally binarised examples; 0: the first */
    const InferScalar *scalars; /* values of scalar leaves; the others are 1 */
    size_t nscalars;
} InferRequest;

/* [OUT] out (count, draws * width of the node): the named node for each example, draw after draw, and *draws:
 * request->samples, or the node's own fixed number, or 1 when it does not depend on draws.  A node without a batch axis
 * (a shared log variance) has the same row for each example.  out must have room for the largest of these numbers of
 * draws. */
int infer_model_map(InferModel *m, const InferRequest *request, const char *name, float *out, size_t *draws,
                    Error *err);

/* [OUT] mean[i] and its standard error se[i] over the examples, of the named nodes (NULL-ended), each averaged over its
 * samples first. */
int infer_model_mean(InferModel *m, const InferRequest *request, const char *const *names, double *mean, double *se,
                     Error *err);

/* Importance-weighted log p(x): for each example log mean_k exp(w) of the named log-weight node over request->samples
 * draws, in passes of at most `chunk` draws (their number is rounded up to whole passes).  [OUT] logp, se (standard
 * error), ess (effective sample size), each (count). */
int infer_model_log_weights(InferModel *m, const InferRequest *request, const char *name, size_t chunk, double *logp,
                            double *se, double *ess, Error *err);

/* ---- a fit ------------------------------------------------------------------------------------------------------- */

/* A small graph trained by Adam on rows in memory, to examine results; it is not a run.  Its inputs are x and y, each
 * (1, b, width). */
typedef struct InferFit {
    const Graph *graph;      /* must outlive the model */
    const char *objective;   /* public name of the node to maximise */
    const float *x, *y;      /* (count, width of the input); NULL where the graph has none */
    size_t count, batch;
    int epochs;
    double rate;
    uint64_t seed;
} InferFit;

/* The trained model, or NULL with *err. */
InferModel *infer_fit(const InferFit *fit, Error *err);

#endif
