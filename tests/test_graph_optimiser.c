/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * test_graph_optimiser.c: each optimiser against its formula in double, clipping and decay, the canonical text, and
 * exact resume.
 */
#include "test_graph_models.h"

#include <math.h>

enum { N = 103, STEPS = 12 };

static void gradient(size_t step, float *g)
{
    num_stream_normal(num_stream(2, "gradient"), step, 0, 1, N, g);
}

static OptimiserSpec defaults(const char *name)
{
    OptimiserSpec spec;
    Error err = ERROR_NONE;
    if (optimiser_defaults(&spec, name, &err) != 0)
        made(-1, &err);
    return spec;
}

/* The formulas of the papers, in double. */
static void reference_step(const OptimiserSpec *s, double t, double rate, double clip, double *w, double g, double *m,
                           double *v)
{
    g *= clip;
    if (s->kind == OPTIMISER_ADAMW)
        *w -= rate * s->weight_decay * *w;
    else
        g += s->weight_decay * *w;
    switch (s->kind) {
    case OPTIMISER_SGD:
        *m = s->momentum * *m + g;
        *w -= rate * *m;
        break;
    case OPTIMISER_ADAGRAD:
        *v += g * g;
        *w -= rate * g / (sqrt(*v) + s->epsilon);
        break;
    case OPTIMISER_RMSPROP:
        *v = s->beta2 * *v + (1 - s->beta2) * g * g;
        *w -= rate * g / (sqrt(*v) + s->epsilon);
        break;
    case OPTIMISER_ADAM:
    case OPTIMISER_ADAMW:
        *m = s->beta1 * *m + (1 - s->beta1) * g;
        *v = s->beta2 * *v + (1 - s->beta2) * g * g;
        *w -= rate * (*m / (1 - pow(s->beta1, t))) / (sqrt(*v / (1 - pow(s->beta2, t))) + s->epsilon);
        break;
    }
}

/* Twelve steps.  Tolerance 2e-6 for weights of about 1: about 10 roundings a step. */
static void follow(const OptimiserSpec *spec)
{
    Error err = ERROR_NONE;
    Optimiser *o = optimiser_alloc(spec, N, &err);
    assert_non_null(o);
    float w[N], g[N];
    double rw[N], m[N] = {0}, v[N] = {0};
    num_stream_normal(num_stream(2, "w"), 0, 0, 1, N, w);
    for (size_t i = 0; i < N; i++)
        rw[i] = (double)w[i];
    for (size_t t = 1; t <= STEPS; t++) {
        gradient(t, g);
        double sum = 0;
        for (size_t i = 0; i < N; i++)
            sum += (double)g[i] * (double)g[i];
        double norm = sqrt(sum), clip = spec->clip_norm > 0 && norm > spec->clip_norm ? spec->clip_norm / norm : 1;
        double rate = 0.01 / (double)t;
        for (size_t i = 0; i < N; i++)
            reference_step(spec, (double)t, rate, clip, &rw[i], (double)g[i], &m[i], &v[i]);
        assert_true(fabs(optimiser_step(o, w, g, rate) - norm) < 1e-5);
        for (size_t i = 0; i < N; i++)
            if (!(fabs((double)w[i] - rw[i]) <= 2e-6 * (1 + fabs(rw[i]))))
                fail_msg("%s, step %zu: w[%zu] is %.9g, should be %.9g", optimiser_name(spec->kind), t, i,
                         (double)w[i], rw[i]);
    }
    assert_int_equal(optimiser_steps(o), STEPS);
    optimiser_free(o);
}

static const char *const names[] = {"sgd", "adagrad", "rmsprop", "adam", "adamw"};
enum { NAMES = sizeof names / sizeof names[0] };

static void test_formulas(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAMES; i++) {
        OptimiserSpec spec = defaults(names[i]);
        assert_string_equal(optimiser_name(spec.kind), names[i]);
        follow(&spec);
        spec.weight_decay = 0.3;
        follow(&spec);
        spec.clip_norm = 2.385; /* norms here are about 10 */
        follow(&spec);
        spec.clip_norm = 1e6;
        follow(&spec);
        spec.momentum = 0.9;
        follow(&spec);
    }
}

/* Five steps, the state copied as by a checkpoint, five more steps in a new optimiser: the same bits as ten steps at
 * once. */
static void test_resume(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    for (size_t k = 0; k < NAMES; k++) {
        OptimiserSpec spec = defaults(names[k]);
        spec.weight_decay = 0.01;
        spec.clip_norm = 8;
        if (spec.kind == OPTIMISER_SGD)
            spec.momentum = 0.9;
        float once[N] = {0}, twice[N] = {0}, g[N];
        Optimiser *whole = optimiser_alloc(&spec, N, &err), *before = optimiser_alloc(&spec, N, &err);
        Optimiser *after = optimiser_alloc(&spec, N, &err);
        for (size_t t = 1; t <= 10; t++) {
            gradient(t, g);
            optimiser_step(whole, once, g, 0.01);
            if (t == 6) {
                assert_int_equal(optimiser_state_count(before), optimiser_state_count(after));
                memcpy(optimiser_state(after), optimiser_state(before), optimiser_state_count(before) * sizeof(float));
                optimiser_set_steps(after, optimiser_steps(before));
            }
            gradient(t, g);
            optimiser_step(t <= 5 ? before : after, twice, g, 0.01);
        }
        assert_memory_equal(once, twice, sizeof once);
        optimiser_free(whole);
        optimiser_free(before);
        optimiser_free(after);
    }
    optimiser_free(NULL);
}

/* Adam after a billion steps: the bias corrections are 1, and nothing is NaN. */
static void test_late_steps(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    OptimiserSpec spec = defaults("adam");
    Optimiser *o = optimiser_alloc(&spec, 1, &err);
    optimiser_set_steps(o, 1000000000);
    float w = 1, g = 1;
    optimiser_step(o, &w, &g, 0.001);
    assert_true(fabs((double)w - (1 - 0.001 * 0.1 / sqrt(0.001))) < 1e-6);
    optimiser_free(o);
}

static void test_text(void **state)
{
    (void)state;
    static const char *const texts[NAMES] = {
        "sgd(momentum=0, weight_decay=0, clip_norm=0)",
        "adagrad(epsilon=1e-10, weight_decay=0, clip_norm=0)",
        "rmsprop(beta2=0.99, epsilon=1e-08, weight_decay=0, clip_norm=0)",
        "adam(beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0, clip_norm=0)",
        "adamw(beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0.01, clip_norm=0)",
    };
    for (size_t i = 0; i < NAMES; i++) {
        OptimiserSpec spec = defaults(names[i]);
        Text text = {0};
        optimiser_text(&spec, &text);
        assert_string_equal(text_string(&text), texts[i]);
        text_free(&text);
    }
}

static void test_errors(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    OptimiserSpec spec;
    assert_int_equal(optimiser_defaults(&spec, "adan", &err), -1);
    assert_int_equal(err.kind, ERR_SCRIPT);
    assert_string_equal(err.hint, "did you mean \"adam\"?");
    static const struct { const char *name, *field; size_t offset; double value; } bad[] = {
        {"sgd", "momentum", offsetof(OptimiserSpec, momentum), 1},
        {"adam", "beta1", offsetof(OptimiserSpec, beta1), -0.1},
        {"adam", "beta2", offsetof(OptimiserSpec, beta2), 1},
        {"rmsprop", "epsilon", offsetof(OptimiserSpec, epsilon), 0},
        {"adagrad", "weight_decay", offsetof(OptimiserSpec, weight_decay), -1},
        {"adamw", "clip_norm", offsetof(OptimiserSpec, clip_norm), NAN},
        {"adam", "clip_norm", offsetof(OptimiserSpec, clip_norm), INFINITY},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spec = defaults(bad[i].name);
        memcpy((char *)&spec + bad[i].offset, &bad[i].value, sizeof(double));
        assert_int_equal(optimiser_check(&spec, &err), -1);
        assert_non_null(strstr(err.what, bad[i].field));
        assert_non_null(strstr(err.what, bad[i].name));
        assert_true(err.expected[0] != '\0');
        assert_null(optimiser_alloc(&spec, 3, &err));
    }
}

/* A gradient that is not finite changes nothing, clipped or not. */
static void test_nonfinite_gradient(void **state)
{
    (void)state;
    const double clip[] = {0, 1};
    const float bad[] = {INFINITY, NAN};
    for (int c = 0; c < 2; c++)
        for (int b = 0; b < 2; b++) {
            Error err = ERROR_NONE;
            OptimiserSpec spec;
            assert_int_equal(optimiser_defaults(&spec, "adam", &err), 0);
            spec.clip_norm = clip[c];
            spec.weight_decay = 0.1;
            Optimiser *o = optimiser_alloc(&spec, 3, &err);
            float w[3] = {1, 2, 3}, g[3] = {4, bad[b], 6};
            assert_false(isfinite(optimiser_step(o, w, g, 0.1)));
            assert_true(w[0] == 1 && w[1] == 2 && w[2] == 3 && g[0] == 4 && g[2] == 6);
            assert_int_equal(optimiser_steps(o), 0);
            optimiser_free(o);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonfinite_gradient),
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_late_steps),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests_name("graph_optimiser", tests, NULL, NULL);
}
