/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/verdict.c: intervals on a scale, verdicts on bands.
 */
#include "stats/verdict.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

const char *const stats_scales[] = {"linear", "log", "logit", NULL};
const char *const stats_verdicts[] = {"holds", "refuted", "undecided", NULL};

static const double POWER = 0.8;
static const double LEAST = 1e-12; /* on the logit scale what is nearer to 0 or 1 counts as this near: an overlap of 1e-35
                                      and one of 1e-160 are both none */
enum { MOST_SEEDS = 10000 };

StatsScale stats_scale(const char *name)
{
    for (int i = 0; name != NULL && stats_scales[i] != NULL; i++)
        if (strcmp(name, stats_scales[i]) == 0)
            return (StatsScale)i;
    return STATS_LINEAR;
}

/* ---- scales ------------------------------------------------------------------------------------------------------ */

static double to_scale(StatsScale scale, double x)
{
    switch (scale) {
    case STATS_LOG:
        return x > 0 ? log(x) : -INFINITY;
    case STATS_LOGIT:
        x = fmin(fmax(x, LEAST), 1 - LEAST);
        return log(x) - log1p(-x);
    default:
        return x;
    }
}

static double from_scale(StatsScale scale, double y)
{
    switch (scale) {
    case STATS_LOG:
        return exp(y);
    case STATS_LOGIT:
        return y < 0 ? exp(y) / (1 + exp(y)) : 1 / (1 + exp(-y));
    default:
        return y;
    }
}

/* d scale / d x: the delta method for a standard error. */
static double slope(StatsScale scale, double x)
{
    return scale == STATS_LOG ? 1 / x : scale == STATS_LOGIT ? 1 / (x * (1 - x)) : 1;
}

/* Whether all values have a finite place on the scale. */
static int fits(const StatsSample *s, StatsScale scale)
{
    for (size_t i = 0; i < s->n; i++)
        if (!isfinite(to_scale(scale, s->value[i])))
            return 0;
    return 1;
}

static int is_share(const StatsSample *s)
{
    return s->scale == STATS_LOGIT && s->trials != NULL;
}

static StatsScale usable_scale(const StatsSample *s)
{
    return s->other != NULL ? STATS_LINEAR : is_share(s) || fits(s, s->scale) ? s->scale : STATS_LINEAR;
}

static double on_scale(const StatsSample *s, StatsScale scale, size_t i)
{
    if (is_share(s)) /* finite where none or all of the trials count */
        return to_scale(scale, (s->value[i] * s->trials[i] + 0.5) / (s->trials[i] + 1));
    return to_scale(scale, s->value[i]);
}

/* ---- the estimate on the scale ----------------------------------------------------------------------------------- */

typedef struct Estimate {
    StatsScale scale;
    double mean, sd;      /* on the scale */
    double between, df;   /* sd² / n, with Welch's second sample added; its degrees of freedom */
    double shared, df_all; /* the variance that all values share; degrees of freedom of both together */
    double hits, trials;  /* of shares: over all seeds; trials 0: none */
    int events;           /* each seed is one trial: the counts say all, and Student's t nothing */
} Estimate;

static double square(double x) { return x * x; }

/* Welch (1947) and Satterthwaite (1946): the degrees of freedom of a sum of variances, of which `fixed` is known. */
static double degrees(double a, double df_a, double b, double df_b, double fixed)
{
    double known = (a > 0 ? square(a) / df_a : 0) + (b > 0 ? square(b) / df_b : 0);
    return known > 0 ? square(a + b + fixed) / known : df_a;
}

static Estimate estimate(const StatsSample *s)
{
    Estimate e = {.scale = usable_scale(s)};
    double n = (double)s->n, sum = 0, squares = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += on_scale(s, e.scale, i);
    e.mean = sum / n;
    for (size_t i = 0; i < s->n; i++) {
        squares += square(on_scale(s, e.scale, i) - e.mean);
        if (is_share(s)) {
            e.hits += s->value[i] * s->trials[i];
            e.trials += s->trials[i];
        }
    }
    e.sd = s->n > 1 ? sqrt(squares / (n - 1)) : (double)NAN;
    if (is_share(s) && e.trials == n) {
        e.events = 1;
        e.mean = to_scale(e.scale, (e.hits + 0.5) / (n + 1));
        e.sd = 0;
    }
    e.between = square(e.sd) / n;
    double second = 0, second_df = 1;
    if (s->other != NULL) {
        double mean = s->others > 0 ? gsl_stats_mean(s->other, 1, s->others) : (double)NAN;
        e.mean -= mean;
        second = s->others > 1 ? gsl_stats_variance_m(s->other, 1, s->others, mean) / (double)s->others : (double)NAN;
        second_df = (double)s->others - 1;
    }
    e.shared = s->shared_se > 0 ? square(s->shared_se * slope(e.scale, from_scale(e.scale, e.mean))) : 0;
    e.df = degrees(e.between, n - 1, second, second_df, 0);
    e.df_all = degrees(e.between, n - 1, second, second_df, e.shared);
    e.between += second;
    return e;
}

static double standard_error(const Estimate *e)
{
    return sqrt(e->between + e->shared);
}

/* Half of the interval at this level.  A further error gives more degrees of freedom; it must not make the interval
 * shorter. */
static double half_width(const Estimate *e, double level)
{
    double p = 0.5 * (1 + level);
    return fmax(gsl_cdf_tdist_Pinv(p, e->df) * sqrt(e->between), gsl_cdf_tdist_Pinv(p, e->df_all) * standard_error(e));
}

/* Values that are all equal, without any other error. */
static int is_exact(const Estimate *e)
{
    return standard_error(e) == 0 && e->trials == 0;
}

/* ---- the interval ------------------------------------------------------------------------------------------------ */

/* Clopper and Pearson's interval of a share. */
static void clopper_pearson(double hits, double trials, double level, double *low, double *high)
{
    double outside = (1 - level) / 2;
    *low = hits <= 0 ? 0 : gsl_cdf_beta_Pinv(outside, hits, trials - hits + 1);
    *high = hits >= trials ? 1 : gsl_cdf_beta_Qinv(outside, hits + 1, trials - hits);
}

/* The range of the quantity: an interval on the linear scale may reach beyond it. */
static void cut(const StatsSample *s, StatsInterval *r)
{
    if (s->other == NULL && s->scale != STATS_LINEAR)
        r->low = fmax(r->low, 0);
    if (s->other == NULL && s->scale == STATS_LOGIT)
        r->high = fmin(r->high, 1);
}

static double linear_sd(const StatsSample *s)
{
    return s->n > 1 ? gsl_stats_sd(s->value, 1, s->n) : (double)NAN;
}

StatsInterval stats_sample_interval(const StatsSample *s, double level)
{
    StatsInterval r = {.mean = NAN, .sd = NAN, .low = NAN, .high = NAN, .n = s->n};
    if (s->n == 0)
        return r;
    Estimate e = estimate(s);
    /* the share itself, not its logit's half a count */
    r.mean = e.events || (e.trials > 0 && s->n == 1) ? e.hits / e.trials : from_scale(e.scale, e.mean);
    r.sd = linear_sd(s);
    double half = s->n < 2 || !(level > 0 && level < 1) ? (double)NAN : half_width(&e, level);
    if (!isfinite(half) || !isfinite(e.mean))
        return r;
    r.low = from_scale(e.scale, e.mean - half);
    r.high = from_scale(e.scale, e.mean + half);
    cut(s, &r);
    if (e.trials > 0) {
        double low, high;
        clopper_pearson(e.hits, e.trials, level, &low, &high);
        r.low = e.events ? low : fmin(r.low, low);
        r.high = e.events ? high : fmax(r.high, high);
    }
    return r;
}

/* ---- the verdict ------------------------------------------------------------------------------------------------- */

/* P(T > distance / se); without an error 0, 1/2 or 1. */
static double tail(double distance, double se, double df)
{
    double t = se > 0 ? distance / se : distance == 0 ? 0 : copysign(INFINITY, distance);
    return gsl_cdf_tdist_Q(t, df);
}

/* The one-sided p-value of the hypothesis that the estimate is `distance` too large, as half_width has it. */
static double student_p(const Estimate *e, double distance)
{
    return fmax(tail(distance, sqrt(e->between), e->df), tail(distance, standard_error(e), e->df_all));
}

/* An edge at the end of the quantity's range, or beyond it, is infinitely far. */
static double edge_on_scale(StatsScale scale, double edge)
{
    if (scale == STATS_LOGIT && (edge <= 0 || edge >= 1))
        return edge <= 0 ? -INFINITY : INFINITY;
    return to_scale(scale, edge);
}

/* One-sided p-values of the hypotheses that the quantity is at most, at least `edge`. */
static double p_at_most(const Estimate *e, double edge)
{
    double y = edge_on_scale(e->scale, edge), p = student_p(e, e->mean - y);
    if (e->trials > 0 && edge >= 0 && edge < 1) /* P(hits or more | edge) */
        p = fmax(p, e->hits <= 0 ? 1 : gsl_cdf_beta_P(edge, e->hits, e->trials - e->hits + 1));
    return isinf(y) ? (y > 0 ? 1 : 0) : p;
}

static double p_at_least(const Estimate *e, double edge)
{
    double y = edge_on_scale(e->scale, edge), p = student_p(e, y - e->mean);
    if (e->trials > 0 && edge > 0 && edge <= 1) /* P(hits or fewer | edge) */
        p = fmax(p, e->hits >= e->trials ? 1 : gsl_cdf_beta_Q(edge, e->hits + 1, e->trials - e->hits));
    return isinf(y) ? (y < 0 ? 1 : 0) : p;
}

/* About how many seeds make the interval shorter than the distance from the mean to the edge, with probability POWER. */
static size_t seeds_needed(const Estimate *e, size_t n, double distance, double level)
{
    double share = (e->hits + 0.5) / (e->trials + 1); /* its logit has the variance 1 / (trials · share · (1 - share)) */
    double counting = e->trials > 0 ? 1 / (e->trials * share * (1 - share)) : 0;
    double between = fmax(e->between, counting);
    for (size_t more = n + 1; more <= MOST_SEEDS && distance > 0; more += more < 100 ? 1 : more / 50) {
        const Estimate then = {.between = between * (double)n / (double)more, .shared = e->shared,
                               .df = e->df + (double)(more - n), .df_all = e->df_all + (double)(more - n)};
        if (half_width(&then, level) + gsl_cdf_tdist_Pinv(POWER, then.df) * standard_error(&then) <= distance)
            return more;
    }
    return 0;
}

/* The distance on the scale from the mean to the nearest edge. */
static double distance_to_edge(const Estimate *e, double low, double high)
{
    double distance = INFINITY, edge[2] = {low, high};
    for (int i = 0; i < 2; i++) {
        double y = edge_on_scale(e->scale, edge[i]);
        if (isfinite(y))
            distance = fmin(distance, fabs(e->mean - y));
    }
    return isfinite(distance) ? distance : 0;
}

static int is_inside(double x, double low, double high)
{
    return !(x < low) && !(x > high);
}

StatsVerdict stats_verdict(const StatsSample *s, double low, double high, double level)
{
    StatsVerdict v = {.kind = STATS_UNDECIDED, .p = NAN};
    if (s->n < 2)
        return v;
    Estimate e = estimate(s);
    if (is_exact(&e)) {
        double value = from_scale(e.scale, e.mean); /* exact: values that are equal are not rounded by a scale */
        if (s->other == NULL)
            value = s->value[0];
        v.kind = is_inside(value, low, high) ? STATS_HOLDS : STATS_REFUTED;
        return v;
    }
    if (!isfinite(e.mean) || !isfinite(standard_error(&e)))
        return v;
    double holds = 0, refuted = 1;
    if (!isnan(low)) {
        holds = fmax(holds, p_at_most(&e, low));
        refuted = fmin(refuted, p_at_least(&e, low));
    }
    if (!isnan(high)) {
        holds = fmax(holds, p_at_least(&e, high));
        refuted = fmin(refuted, p_at_most(&e, high));
    }
    v.p = fmin(1, 2 * fmin(holds, refuted));
    if (v.p <= 1 - level)
        v.kind = holds < refuted ? STATS_HOLDS : STATS_REFUTED;
    else
        v.seeds = seeds_needed(&e, s->n, distance_to_edge(&e, low, high), level);
    return v;
}

/* ---- all verdicts together --------------------------------------------------------------------------------------- */

void stats_holm(int *kept, const double *p, size_t n, double alpha, size_t *order)
{
    memset(kept, 0, n * sizeof *kept);
    gsl_sort_index(order, p, 1, n);
    /* the smallest p at alpha / n, the next at alpha / (n - 1), … until the first that is above */
    for (size_t i = 0; i < n && p[order[i]] <= alpha / (double)(n - i); i++)
        kept[order[i]] = 1;
}
