/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/verdict.h: what a few seeds say about a quantity: an interval on the quantity's own scale, the verdict on a band,
 * and the number of seeds that would decide.
 *
 * No function fails or allocates.  A number that cannot be computed is NaN.
 */
#ifndef STATS_VERDICT_H
#define STATS_VERDICT_H

#include "stats/stats.h"

/* The scale on which values are averaged and Student's t is used: log for positive quantities, logit for quantities
 * between 0 and 1, so that no interval leaves their range. */
typedef enum StatsScale { STATS_LINEAR, STATS_LOG, STATS_LOGIT } StatsScale;
extern const char *const stats_scales[]; /* "linear", "log", "logit", NULL */

/* The scale of that name; STATS_LINEAR for NULL and for an unknown name. */
StatsScale stats_scale(const char *name);

typedef struct StatsSample {
    const double *value;  /* (n): one number a seed */
    size_t n;
    const double *trials; /* (n), for shares: the trials that each was counted in; 1 each: an event that a seed shows or does
                             not show; NULL: no shares, or not known */
    const double *other;  /* (others): the numbers of another program, one a seed; the quantity is then the difference of
                             the means, by Welch's t (linear scale); NULL: none */
    size_t others;
    StatsScale scale;     /* log: where a value is 0 or below the linear scale is used, and the interval is cut at 0.  logit:
                             what is nearer to 0 or 1 than 1e-12 counts as 1e-12; a share with known trials counts as
                             (k + 1/2) / (n + 1) (Haldane 1956, Anscombe 1956) */
    double shared_se;     /* a standard error that all values share, as they have one test set; 0: none */
} StatsSample;

/* The mean over the seeds, computed on the sample's scale and brought back, and its interval at `level` (0.95).  sd is on
 * the linear scale.  For shares the interval also covers that of Clopper and Pearson (1934) for all trials together, which
 * is exact where all seeds count 0, or all count every trial; where each seed is one trial it is that interval alone.  n = 1:
 * no interval. */
StatsInterval stats_sample_interval(const StatsSample *sample, double level);

typedef enum StatsVerdictKind { STATS_HOLDS, STATS_REFUTED, STATS_UNDECIDED } StatsVerdictKind;
extern const char *const stats_verdicts[]; /* "holds", "refuted", "undecided", NULL */

typedef struct StatsVerdict {
    StatsVerdictKind kind;
    double p;     /* two-sided p-value of what was decided, or is nearer to being decided; NaN: no statistical error */
    size_t seeds; /* of an undecided sample: about how many seeds decide with a probability of 0.8, if mean and standard
                     deviation stay as they are; 0: more than 10,000, or not known */
} StatsVerdict;

/* Whether the quantity lies in low … high (NaN: open on that side): holds where the interval of that level lies in it,
 * refuted where it lies outside, else undecided.  One number cannot decide.  Values that are all equal have no statistical
 * error and decide. */
StatsVerdict stats_verdict(const StatsSample *sample, double low, double high, double level);

/* Holm (1979): [OUT] kept[i], whether hypothesis i is still decided when the probability of any false decision among all n
 * is to be at most alpha.  p: no NaN.  order (n): scratch. */
void stats_holm(int *kept, const double *p, size_t n, double alpha, size_t *order);

#endif
