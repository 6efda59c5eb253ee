/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/posterior.h: the true posterior p(z|x) of a trained model with one latent z: draws from it, log p(x) by methods
 * that do not depend on q, and the Gaussian nearest to it.
 *
 * The model's graph needs these names: z, loglik = log p(x|z), logjoint = log p(x|z) + log p(z), and
 * annealed = log p(z) + t log p(x|z) with the scalar "anneal" for t; (k, b, 1), nats.  The request chooses the
 * examples; request->samples is the number of chains (or draws) per example.  Noise comes from the streams "evaluate/…"
 * of request->seed.  Every function returns 0, or -1 with *err (ERR_RUN, ERR_SCRIPT, ERR_MEMORY); its results are then
 * undefined.
 */
#ifndef INFER_POSTERIOR_H
#define INFER_POSTERIOR_H

#include "base/option.h"
#include "infer/infer.h"

/* Hamiltonian Monte Carlo (Neal 2011) with unit masses and one step size per chain.  Defaults, ranges and meanings:
 * hmc.c. */
typedef struct InferHmc {
    size_t leapfrog, warm_up, thin;
    double step_size, accept;
} InferHmc;

/* One row per field.  The first INFER_HMC_TRANSITION rows describe a transition (leapfrog, step_size, accept): training
 * uses no others. */
enum { INFER_HMC_TRANSITION = 3, INFER_HMC_OPTIONS = 5 };
extern const Option infer_hmc_options[INFER_HMC_OPTIONS];

/* Draws z ~ p(z|x).  start: (count, samples, width of z).  [OUT] z (count, samples, draws, width); accepted (count):
 * the mean acceptance probability of an example's chains after the warm-up. */
int infer_hmc(InferModel *m, const InferRequest *request, const InferHmc *hmc, const float *start, size_t draws,
              float *z, double *accepted, Error *err);

/* Annealed importance sampling (Neal 2001; of decoders: Wu et al. 2017, arXiv 1611.04273) over
 * t_i = (i / temperatures)^2, with one transition at each t_i; hmc->warm_up and thin are not used.  A first pass, from
 * the same starts with noise of its own, tunes the step sizes; the second is kept.  In it the even draws of an example
 * have the step sizes of its odd ones, and the odd ones those of the even: a chain's step sizes depend neither on its
 * start nor on its noise, and E[w] below holds for any number of temperatures, however well they are tuned.  (The two
 * halves of an example's draws are not independent of each other: their standard error is that of draws which are
 * nearly so.)  A single draw is not tuned.
 *   forward  from start ~ p(z):    logw = sum (t_i - t_{i-1}) log p(x|z_{i-1}),
 *            E[w] = p(x): log mean w is a lower bound in expectation
 *   reverse  from start ~ p(z|x):  the same temperatures downwards,
 *            E[w] = 1 / p(x): -log mean w is an upper bound, provided that the start is drawn exactly
 *            (bidirectional Monte Carlo: Grosse et al. 2015, arXiv 1511.02543)
 * start: (count, samples, width).  [OUT] logw (count, samples), nats; accepted (count). */
int infer_ais(InferModel *m, const InferRequest *request, const InferHmc *hmc, const float *start, size_t temperatures,
              int reverse, double *logw, double *accepted, Error *err);

/* log p(x) = log of the integral of p(x|z) p(z), for z of one or two dimensions: the trapezoidal rule on a lattice over
 * the region where the integrand is within e^-30 of its peak, wherever it lies; the spacing is halved until the
 * logarithm changes by less than `tolerance` nats (or than twice the rounding of log p(x, z), a float).  For a smooth
 * integrand that vanishes at the ends the rule converges exponentially (Trefethen & Weideman 2014, section 5).  Regions
 * that do not touch are summed one by one.
 * The modes are searched on grids over (-3, 3), (-10, 10) and (-40, 40) in each dimension and from 32 draws of the
 * model's z and q's mean, all followed uphill; every mode within 18 nats of the peak must be resolved by the lattice.  A
 * narrow mode is missed only if none of these points lies on its flanks.
 * [OUT] logp (count); change (count): the last change, an estimate of the error; box (count, d, 2): the lowest and the
 * highest z_j of the regions.  -1 also where an example does not converge. */
int infer_quadrature(InferModel *m, const InferRequest *request, double tolerance, double *logp, double *change,
                     double *box, Error *err);

/* How infer_optimise_local_q maximises. */
typedef struct InferLocalQ {
    const char *objective;     /* node to maximise, one number per example */
    const char *const *feeds;  /* nodes whose values are optimised, each example's own; NULL-ended, at most 4 */
    size_t steps;              /* of Adam; 0: only evaluate */
    double rate;               /* of the first step; it falls linearly to 0 */
    size_t check;              /* draws for the objective's final value */
} InferLocalQ;

/* Maximises the objective with request->samples draws, new noise at each step.  values[i]: (count, width of feeds[i]),
 * the start, and [OUT] the result.  [OUT] value (count): the objective at the result, over `check` new draws. */
int infer_optimise_local_q(InferModel *m, const InferRequest *request, const InferLocalQ *local, float *const *values,
                           double *value, Error *err);

#endif
