/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/aggregate.c: log q(z) over all examples, and the terms of the KL computed with it.
 *
 * N posteriors, S draws and d dimensions cost N S (d + 1) exponentials, which is nearly all of the time.
 */
#include "stats/aggregate.h"

#include "base/mem.h"
#include "num/log_sum.h"
#include "num/parallel.h"
#include "stats/gaussians.h"

#include <math.h>

/* A block of Gaussians gives a block of terms. */
_Static_assert((int)GAUSSIANS_BLOCK == (int)NUM_LOG_SUM_BLOCK, "blocks of the same size");

/* Draws of one job: a block of posteriors that is in the cache is used for all of them. */
enum { GROUP = 32 };

/* Steps of the stream. */
enum { STEP_CHOICE, STEP_NOISE, STEP_ORDER };

static const double HALF_LOG_2PI = 0.91893853320467274178;

/* ---- q(z) -------------------------------------------------------------------------------------------------------- */

typedef struct AggregateJob {
    const Gaussians *q;
    const double *log_inverse; /* log 1/sigma, stored as q->inverse */
    const double *z;           /* (draws, d) */
    size_t draws;
    double *log_q, *log_q_each;
    NumLogSum *sums; /* (draws, d + 1): of each dimension, then of the joint density */
} AggregateJob;

/* Adds the terms of one block: log q(z_j|x_i) + log(2 pi)/2 for each j, and their sum over j for the joint density. */
static void add_posteriors(const AggregateJob *a, size_t block, size_t draw)
{
    size_t d = a->q->d;
    const double *z = a->z + draw * d;
    NumLogSum *sums = a->sums + draw * (d + 1);
    double joint[GAUSSIANS_BLOCK] = {0.0};
    for (size_t j = 0; j < d; j++) {
        size_t at = (block * d + j) * GAUSSIANS_BLOCK;
        const double *mu = a->q->mu + at, *inverse = a->q->inverse + at, *log_inverse = a->log_inverse + at;
        double term[GAUSSIANS_BLOCK];
        num_log_sum_normal(term, joint, z[j], mu, inverse, log_inverse);
        num_log_sum_add(&sums[j], GAUSSIANS_BLOCK, term);
    }
    num_log_sum_add(&sums[d], GAUSSIANS_BLOCK, joint);
}

static void group(const void *task, size_t index)
{
    const AggregateJob *a = task;
    size_t d = a->q->d, first = index * GROUP, end = first + GROUP < a->draws ? first + GROUP : a->draws;
    double log_n = log((double)a->q->n);
    for (size_t i = first * (d + 1); i < end * (d + 1); i++)
        a->sums[i] = num_log_sum_none();
    for (size_t block = 0; block < a->q->blocks; block++)
        for (size_t s = first; s < end; s++)
            add_posteriors(a, block, s);
    for (size_t s = first; s < end; s++) {
        const NumLogSum *sums = a->sums + s * (d + 1);
        for (size_t j = 0; j < d; j++)
            a->log_q_each[s * d + j] = num_log_sum(sums[j]) - log_n - HALF_LOG_2PI;
        a->log_q[s] = num_log_sum(sums[d]) - log_n - (double)d * HALF_LOG_2PI;
    }
}

int stats_aggregate(double *log_q, double *log_q_each, const double *z, size_t draws, const double *mu,
                    const double *sigma, size_t n, size_t d, Error *err)
{
    Gaussians c;
    if (gaussians_make(&c, mu, sigma, n, d, err) != 0)
        return -1;
    size_t slots = c.blocks * GAUSSIANS_BLOCK * d;
    double *log_inverse = mem_array(slots, sizeof *log_inverse);
    NumLogSum *sums = mem_array(draws, (d + 1) * sizeof *sums);
    int status = log_inverse == NULL || sums == NULL ? error_memory(err, "the aggregated posterior") : 0;
    if (status == 0) {
        for (size_t i = 0; i < slots; i++)
            log_inverse[i] = log(c.inverse[i]);
        AggregateJob a = {&c, log_inverse, z, draws, log_q, log_q_each, sums};
        num_parallel((draws + GROUP - 1) / GROUP, draws * n * (d + 1), group, &a);
    }
    mem_free(log_inverse);
    mem_free(sums);
    gaussians_free(&c);
    return status;
}

/* ---- the draws --------------------------------------------------------------------------------------------------- */

/* log N(z; mu, diag sigma^2) of one dimension, of a row. */
static double log_normal1(double z, double mu, double sigma)
{
    double t = (z - mu) / sigma;
    return -HALF_LOG_2PI - log(sigma) - 0.5 * t * t;
}

static double log_normal(const double *z, const double *mu, const double *sigma, size_t d)
{
    double sum = 0.0;
    for (size_t j = 0; j < d; j++)
        sum += log_normal1(z[j], mu[j], sigma[j]);
    return sum;
}

typedef struct PosteriorDraws {
    const double *mu, *sigma; /* (n, d) */
    size_t n, d, count;
    double *z;                  /* (count, d) */
    size_t *from;               /* (count): the posterior of each */
    double *log_q, *log_q_each; /* (count), (count, d) */
    float *noise;               /* (d): scratch */
} PosteriorDraws;

static void draw(PosteriorDraws *w, NumStream s)
{
    for (size_t k = 0; k < w->count; k++) {
        float u;
        num_stream_uniform(s, STEP_CHOICE, (uint32_t)k, 1, 1, &u);
        size_t i = (size_t)(((double)k + (double)u) * (double)w->n / (double)w->count);
        w->from[k] = i < w->n ? i : w->n - 1;
        num_stream_normal(s, STEP_NOISE, (uint32_t)k, 1, w->d, w->noise);
        for (size_t j = 0; j < w->d; j++) {
            size_t at = w->from[k] * w->d + j;
            w->z[k * w->d + j] = w->mu[at] + w->sigma[at] * (double)w->noise[j];
        }
    }
}

/* ---- the terms --------------------------------------------------------------------------------------------------- */

enum { KL, MUTUAL_INFORMATION, TOTAL_CORRELATION, DIMENSION_KL, MARGINAL_KL, TERMS };

/* [OUT] term (TERMS, count): the integrand of each term at each draw. */
static void integrands(double *term, const PosteriorDraws *w)
{
    for (size_t k = 0; k < w->count; k++) {
        const double *z = w->z + k * w->d;
        double own = log_normal(z, w->mu + w->from[k] * w->d, w->sigma + w->from[k] * w->d, w->d);
        double joint = w->log_q[k], product = 0.0, prior = 0.0;
        for (size_t j = 0; j < w->d; j++) {
            product += w->log_q_each[k * w->d + j];
            prior += log_normal1(z[j], 0.0, 1.0);
        }
        term[KL * w->count + k] = own - prior;
        term[MUTUAL_INFORMATION * w->count + k] = own - joint;
        term[TOTAL_CORRELATION * w->count + k] = joint - product;
        term[DIMENSION_KL * w->count + k] = product - prior;
        term[MARGINAL_KL * w->count + k] = joint - prior;
    }
}

/* Kingma & Welling, appendix B. */
static double closed_kl(const double *mu, const double *sigma, size_t n, size_t d)
{
    double sum = 0.0;
    for (size_t i = 0; i < n * d; i++)
        sum += 0.5 * (mu[i] * mu[i] + sigma[i] * sigma[i] - 1.0) - log(sigma[i]);
    return sum / (double)n;
}

/* The total correlation of one draw where q(z) and q_j(z_j) are weighted sums over the posteriors of one minibatch:
 * the draw's own weighs exp(log_own), each other one exp(log_other).  terms (d + 1, batch): scratch. */
static double batch_correlation(const PosteriorDraws *w, const uint32_t *members, size_t batch, size_t self,
                                double log_own, double log_other, double *terms)
{
    const double *z = w->z + members[self] * w->d;
    double *joint = terms + w->d * batch, product = 0.0;
    for (size_t i = 0; i < batch; i++) {
        const double *mu = w->mu + w->from[members[i]] * w->d, *sigma = w->sigma + w->from[members[i]] * w->d;
        double weight = i == self ? log_own : log_other;
        joint[i] = weight;
        for (size_t j = 0; j < w->d; j++) {
            double log_density = log_normal1(z[j], mu[j], sigma[j]);
            terms[j * batch + i] = weight + log_density;
            joint[i] += log_density;
        }
    }
    for (size_t j = 0; j < w->d; j++) {
        NumLogSum sum = num_log_sum_none();
        num_log_sum_add(&sum, batch, terms + j * batch);
        product += num_log_sum(sum);
    }
    NumLogSum sum = num_log_sum_none();
    num_log_sum_add(&sum, batch, joint);
    return num_log_sum(sum) - product;
}

/* Its mean over all whole minibatches of the draws in a random order. */
static double minibatch_correlation(const PosteriorDraws *w, const uint32_t *order, size_t batch, double log_own,
                                    double log_other, double *terms)
{
    size_t batches = batch < 2 ? 0 : w->count / batch;
    double sum = 0.0;
    for (size_t b = 0; b < batches; b++)
        for (size_t i = 0; i < batch; i++)
            sum += batch_correlation(w, order + b * batch, batch, i, log_own, log_other, terms);
    return batches == 0 ? NAN : sum / (double)(batches * batch);
}

static void fill(StatsElboDecomposition *r, const PosteriorDraws *w, double *term, const uint32_t *order, size_t batch,
                 double *terms)
{
    StatsInterval *interval[TERMS] = {&r->kl, &r->mutual_information, &r->total_correlation, &r->dimension_kl,
                                      &r->marginal_kl};
    integrands(term, w);
    for (int t = 0; t < TERMS; t++)
        *interval[t] = stats_interval(term + (size_t)t * w->count, w->count, 0.95);
    double rest = r->kl.mean - r->mutual_information.mean;
    double residual =
        fmax(fabs(rest - r->total_correlation.mean - r->dimension_kl.mean), fabs(rest - r->marginal_kl.mean));
    r->residual = residual / fmax(1.0, r->kl.mean);
    r->kl_closed = closed_kl(w->mu, w->sigma, w->n, w->d);
    r->log_n = log((double)w->n);
    double log_batch = log((double)batch);
    r->weighted = minibatch_correlation(w, order, batch, -r->log_n - log_batch, -r->log_n - log_batch, terms);
    double log_others = log1p(-1.0 / (double)w->n) - log((double)batch - 1.0);
    r->stratified = minibatch_correlation(w, order, batch, -r->log_n, log_others, terms);
}

int stats_elbo_decomposition(StatsElboDecomposition *result, const double *mu, const double *sigma, size_t n, size_t d,
                             size_t draws, size_t batch, NumStream s, Error *err)
{
    if (n == 0 || d == 0 || draws == 0 || draws > UINT32_MAX) {
        error_set(err, ERR_RUN, "the KL's terms cannot be estimated");
        error_found(err, "%zu draws from %zu posteriors in %zu dimensions", draws, n, d);
        return error_expected(err, "at least one of each, and at most %lu draws", (unsigned long)UINT32_MAX);
    }
    batch = batch < draws ? batch : draws;
    PosteriorDraws w = {.mu = mu, .sigma = sigma, .n = n, .d = d, .count = draws};
    w.z = mem_array(draws, d * sizeof *w.z);
    w.from = mem_array(draws, sizeof *w.from);
    w.log_q = mem_array(draws, sizeof *w.log_q);
    w.log_q_each = mem_array(draws, d * sizeof *w.log_q_each);
    w.noise = mem_array(d, sizeof *w.noise);
    double *term = mem_array(TERMS, draws * sizeof *term), *terms = mem_array(batch, (d + 1) * sizeof *terms);
    uint32_t *order = mem_array(draws, sizeof *order);
    int status = 0;
    if (w.z == NULL || w.from == NULL || w.log_q == NULL || w.log_q_each == NULL || w.noise == NULL || term == NULL
        || terms == NULL || order == NULL)
        status = error_memory(err, "the draws");
    if (status == 0) {
        num_stream_permutation(s, STEP_ORDER, draws, order);
        draw(&w, s);
        status = stats_aggregate(w.log_q, w.log_q_each, w.z, draws, mu, sigma, n, d, err);
    }
    if (status == 0)
        fill(result, &w, term, order, batch, terms);
    void *blocks[] = {w.z, w.from, w.log_q, w.log_q_each, w.noise, term, terms, order};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        mem_free(blocks[i]);
    return status;
}
