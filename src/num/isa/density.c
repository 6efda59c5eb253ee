/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/density.c: the kernels of num/density_list.h: one element's term, `name`, and its gradients, `name_back`.
 */
#include "num/isa/scalar.h"
#include "num/kernels.h"

#define LOG_2PI 0x1.d67f1cp+0f

/* One loop over elements.  Forward: IN(k) is operand k, OUT(0) the term.  Backward: IN(0) is dy, IN(k + 1) operand
 * k, OUT(k) the gradient by operand k. */
#define PANEL(name, ...)                                                                                                \
    static void name(size_t n, float *const *out, const float *const *in)                                              \
    {                                                                                                                   \
        _Pragma("omp simd") for (size_t i = 0; i < n; i++) __VA_ARGS__                                                 \
    }
#define IN(k) in[k][i]
#define OUT(k) out[k][i]

/* log N(x; mu, exp(logvar)): -1/2 (log 2 pi + logvar + t^2), t = (x - mu) exp(-logvar / 2), finite wherever the
 * exact t is a float */
PANEL(normal, {
    float x = IN(0), mu = IN(1), logvar = IN(2);
    float t = num_times_exp1(x - mu, -0.5f * logvar);
    OUT(0) = num_fma(-0.5f * t, t, -0.5f * (LOG_2PI + logvar));
})

/* d/dx = -t exp(-logvar / 2), d/dmu = -d/dx, d/dlogvar = 1/2 (t^2 - 1) */
PANEL(normal_back, {
    float dy = IN(0), x = IN(1), mu = IN(2), logvar = IN(3);
    float t = num_times_exp1(x - mu, -0.5f * logvar);
    float g = dy * num_times_exp1(t, -0.5f * logvar);
    OUT(0) = -g;
    OUT(1) = g;
    OUT(2) = 0.5f * dy * num_fma(t, t, -1.0f);
})

/* log N(x; 0, I): -1/2 (log 2 pi + x^2) */
PANEL(standard_normal, {
    float x = IN(0);
    OUT(0) = num_fma(-0.5f * x, x, -0.5f * LOG_2PI);
})

PANEL(standard_normal_back, {
    float dy = IN(0), x = IN(1);
    OUT(0) = -dy * x;
})

/* log Laplace(x; mu, exp(logscale)): -(ln 2 + logscale + t), t = |x - mu| exp(-logscale), finite wherever the exact
 * t is a float */
PANEL(laplace, {
    float x = IN(0), mu = IN(1), logscale = IN(2);
    OUT(0) = -(NUM_LN2 + logscale) - num_times_exp1(num_abs1(x - mu), -logscale);
})

/* d/dx = -sign(x - mu) exp(-logscale), 0 at x = mu; d/dmu = -d/dx; d/dlogscale = t - 1 */
PANEL(laplace_back, {
    float dy = IN(0), x = IN(1), mu = IN(2), logscale = IN(3);
    float g = num_times_exp1(x > mu ? dy : x < mu ? -dy : 0.0f, -logscale);
    OUT(0) = -g;
    OUT(1) = g;
    OUT(2) = dy * (num_times_exp1(num_abs1(x - mu), -logscale) - 1.0f);
})

/* The Bernoulli kernels compute t = exp(-|l|) in a separate loop first, piece by piece: in one loop the chain of
 * dependent operations would be longer than a processor's out-of-order window. */
enum { PIECE = 256 };

static void exp_nabs(size_t n, float *restrict t, const float *restrict l)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        t[i] = num_exp_nabs1(l[i]);
}

#define PANEL_OF_EXP(name, l, ...)                                                                                      \
    static void name(size_t n, float *const *out, const float *const *in)                                              \
    {                                                                                                                   \
        float exp_of[PIECE];                                                                                            \
        for (size_t first = 0; first < n; first += PIECE) {                                                             \
            size_t end = n - first < PIECE ? n : first + PIECE;                                                         \
            exp_nabs(end - first, exp_of, in[l] + first);                                                               \
            _Pragma("omp simd") for (size_t i = first; i < end; i++) __VA_ARGS__                                       \
        }                                                                                                               \
    }
#define EXP exp_of[i - first]

/* log Bernoulli(x; sigmoid(l)): -(max(l, 0) - x l + log1p(exp(-|l|))); max(l, 0) - x l >= 0 for 0 <= x <= 1 */
PANEL_OF_EXP(bernoulli, 1, {
    float x = IN(0), l = IN(1);
    OUT(0) = -(num_fma(-x, l, num_relu1(l)) + num_log1p_unit1(EXP));
})

/* d/dx = l, d/dl = x - sigmoid(l): with q = sigmoid(-|l|) it is x - q for l < 0, else (x - 1) + q, without
 * cancellation */
PANEL_OF_EXP(bernoulli_back, 2, {
    float dy = IN(0), x = IN(1), l = IN(2), t = EXP;
    float q = num_over_one_plus1(t, t);
    float below = x - q, above = (x - 1.0f) + q;
    OUT(0) = dy * l;
    OUT(1) = dy * (l < 0.0f ? below : above);
})

/* KL(N(mu, exp(logvar)) || N(0, 1)): 1/2 mu^2 + 1/2 (exp(logvar) - 1 - logvar), both >= 0 */
PANEL(kl, {
    float mu = IN(0), logvar = IN(1);
    OUT(0) = num_fma(0.5f * mu, mu, num_half_exp_excess1(logvar));
})

/* d/dmu = mu, d/dlogvar = 1/2 (exp(logvar) - 1) */
PANEL(kl_back, {
    float dy = IN(0), mu = IN(1), logvar = IN(2);
    OUT(0) = dy * mu;
    OUT(1) = dy * num_half_expm1(logvar);
})

/* KL(N(mu1, exp(lv1)) || N(mu2, exp(lv2))): 1/2 t^2 + 1/2 (exp(lv1 - lv2) - 1 - (lv1 - lv2)), t = (mu1 - mu2)
 * exp(-lv2 / 2) */
PANEL(kl_normal_normal, {
    float mu1 = IN(0), lv1 = IN(1), mu2 = IN(2), lv2 = IN(3);
    float t = num_times_exp1(mu1 - mu2, -0.5f * lv2);
    OUT(0) = num_fma(0.5f * t, t, num_half_exp_excess1(lv1 - lv2));
})

/* d/dmu1 = t exp(-lv2 / 2) = -d/dmu2, d/dlv1 = 1/2 (exp(lv1 - lv2) - 1), d/dlv2 = -d/dlv1 - 1/2 t^2 */
PANEL(kl_normal_normal_back, {
    float dy = IN(0), mu1 = IN(1), lv1 = IN(2), mu2 = IN(3), lv2 = IN(4);
    float t = num_times_exp1(mu1 - mu2, -0.5f * lv2);
    float g = dy * num_times_exp1(t, -0.5f * lv2);
    float e = num_half_expm1(lv1 - lv2);
    OUT(0) = g;
    OUT(1) = dy * e;
    OUT(2) = -g;
    OUT(3) = -dy * num_fma(0.5f * t, t, e);
})

/* z = mu + eps exp(logvar / 2) */
PANEL(reparameterise, {
    float mu = IN(0), logvar = IN(1), eps = IN(2);
    OUT(0) = mu + num_times_exp1(eps, 0.5f * logvar);
})

/* d/dmu = 1, d/dlogvar = 1/2 eps exp(logvar / 2), d/deps = exp(logvar / 2) */
PANEL(reparameterise_back, {
    float dz = IN(0), logvar = IN(2), eps = IN(3);
    OUT(0) = dz;
    OUT(1) = 0.5f * dz * num_times_exp1(eps, 0.5f * logvar);
    OUT(2) = dz * num_exp1(0.5f * logvar);
})

#define FORWARD(NAME, name, ...) name,
#define BACKWARD(NAME, name, ...) name##_back,
const NumDensityTable VARIANT(num_density_table) = {
    .forward = {NUM_DENSITY_LIST(FORWARD)},
    .backward = {NUM_DENSITY_LIST(BACKWARD)},
};
