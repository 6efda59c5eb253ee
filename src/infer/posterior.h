/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/posterior.h: the true posterior p(z|x) of a trained model with one latent z: draws from it, log p(x) by ways that do not
 * lean on q, and the Gaussian nearest to it.
 *
 * The model needs the names that evaluations have: z, loglik = log p(x|z), logjoint = log p(x|z) + log p(z) and
 * annealed = log p(z) + t log p(x|z) with the scalar "anneal" for t; (k, b, 1), nats.  An request says which examples;
 * request->samples is the number of chains (or draws) of each.  Noise comes from the streams "evaluate/…" of request->seed.
 * All return 0, or -1 with *err (ERR_RUN, ERR_MEMORY), what they fill undefined then.
 */
#ifndef INFER_POSTERIOR_H
#define INFER_POSTERIOR_H

#include "infer/infer.h"

/* How Markov chains move: Hamiltonian Monte Carlo (Neal 2011) with unit masses and a step size for each chain. */
typedef struct InferHmc {
    size_t leapfrog;   /* steps of a transition; Kingma & Welling's appendix E has 10 */
    size_t burn;       /* transitions in which the step size is tuned; no draw is kept of them */
    size_t thin;       /* transitions from one kept draw to the next */
    double step;       /* the first step size */
    double accept;     /* the acceptance that it is tuned to: 0.9 in appendix E */
} InferHmc;

/* Draws z ~ p(z|x).  start: (count, samples, width of z).  [OUT] z (count, samples, draws, width); accepted (count): the mean
 * acceptance probability of an example's chains after the burn-in. */
int infer_hmc(InferModel *m, const InferRequest *request, const InferHmc *moves, const float *start, size_t draws, float *z, double *accepted, Error *err);

/* Annealed importance sampling (Neal 2001; of decoders: Wu et al. 2017, arXiv 1611.04273) over t_i = (i / temperatures)^2, one
 * transition at each; moves->burn is not used: a first pass with its own noise tunes the step sizes, the second is kept.
 *   forward  from start ~ p(z):    logw = sum (t_i - t_{i-1}) log p(x|z_{i-1}),  E[w] = p(x): log mean w is a lower bound in expectation
 *   reverse  from start ~ p(z|x):  the same walk back,                          E[w] = 1 / p(x): -log mean w is an upper bound
 *            (bidirectional Monte Carlo: Grosse et al. 2015, arXiv 1511.02543), exact draws provided
 * start: (count, samples, width).  [OUT] logw (count, samples), nats; accepted (count). */
int infer_ais(InferModel *m, const InferRequest *request, const InferHmc *moves, const float *start, size_t temperatures, int reverse, double *logw,
            double *accepted, Error *err);

/* log p(x) = log of the integral of p(x|z) p(z), for z of one or two dimensions: the trapezoidal rule on a box outside of which the
 * integrand is below e^-30 of its peak, its grid halved until the logarithm changes by less than `tolerance` nats.  For a smooth
 * integrand that vanishes at the ends the rule converges exponentially (Trefethen & Weideman 2014, section 5).  z is sought in
 * (-10, 10) in each dimension.  [OUT] logp (count), change (count): the last change, its error's size; box (count, d, 2): the lowest and
 * the highest z_j of the box. */
int infer_quadrature(InferModel *m, const InferRequest *request, double tolerance, double *logp, double *change, double *box, Error *err);

/* Climbs the node `objective`, one number for each example, over the values of the nodes in `fed` (NULL-ended), each example's own:
 * `steps` of Adam (0: none) with request->samples draws, noise anew at each step, the rate falling linearly to 0.  values[i]: (count, width of
 * fed[i]), where it starts, and [OUT] where it ends.  [OUT] value (count): the objective there, over `check` new draws. */
int infer_optimise_local_q(InferModel *m, const InferRequest *request, const char *objective, const char *const *feeds,
                           float *const *values, size_t steps, double rate,
               size_t check, double *value, Error *err);

#endif
