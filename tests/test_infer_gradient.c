/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_infer_gradient.c: gradient estimators with known mean and variance: d/dmu E z^2, z = mu + s e, by the
 * pathwise estimator 2 z and by the score function z^2 e / s.  For the mean of n draws:
 *   mean 2 mu for both;  n * variance 4 s^2 (pathwise), mu^4 / s^2 + 14 mu^2 + 15 s^2 (score).
 *
 * The seed is fixed.  Statistical tolerances are 5 standard errors; a variance has the relative one sqrt((kurtosis - 1)
 * / repeats), and the kurtosis of a single draw is 3 (pathwise) and 46.8 (score).
 */
#include "lab_help.h"

#include "graph/exec.h"
#include "infer/gradient.h"

#include <math.h>

enum { COUNT = 10, DRAWS = 5, REPEATS = 20000 };
static const double MU = 0.7, S = 1.3, WEIGHT = 0.5;

typedef struct World {
    Data *data;
    Graph *graph;
    GraphParams *params;
    InferModel *model;
    InferRequest request;
    Error err;
} World;

/* mu is the sum of two params, which have the same gradient; the decoder's weight 0.5 halves it. */
static Graph *graph_of(Error *err)
{
    Graph *g = graph_alloc(COUNT, 1, err);
    GraphNode w = graph_param(g, "decoder.w", 1, 1, "constant(0.5)", err),
              mu = graph_param(g, "encoder.mu", 1, 1, "constant(0.5)", err);
    GraphNode shift = graph_param(g, "encoder.shift", 1, 1, "constant(0.2)", err),
              logvar = graph_constant(g, 2 * log(S), err);
    GraphNode eps = graph_noise(g, "eps", "normal", (GraphDims){{GRAPH_SAMPLES, GRAPH_BATCH, 1}}, err);
    GraphNode centre = APPLY("add", mu, shift), z = APPLY("reparameterise", centre, logvar, eps),
              still = APPLY("stop_gradient", z);
    GraphNode score = APPLY("mul", APPLY("square", still), APPLY("normal", still, centre, logvar));
    graph_name(g, "pathwise", APPLY("mul", w, APPLY("square", z)), err);
    assert_int_equal(graph_name(g, "score", APPLY("mul", w, score), err), 0);
    return g;
}

static int start(void **state)
{
    World *w = calloc(1, sizeof *w);
    DataOptions options = {.train = 100, .test = 50};
    w->data = data_open("toy:linear-gaussian", &options, &w->err);
    w->graph = graph_of(&w->err);
    w->params = graph_params_alloc(w->graph, GRAPH_FLOAT, num_seed(1), NULL, 0, &w->err);
    w->model = infer_model_of(w->graph, w->params, &w->err);
    w->request = (InferRequest){.data = w->data, .split = DATA_TEST, .count = COUNT, .samples = DRAWS, .seed = 7};
    assert_non_null(w->model);
    *state = w;
    return 0;
}

static int end(void **state)
{
    World *w = *state;
    infer_model_free(w->model);
    graph_params_free(w->params);
    graph_free(w->graph);
    data_free(w->data);
    free(w);
    return 0;
}

static void known_variance(void **state)
{
    World *w = *state;
    const struct { const char *name; double variance, kurtosis; } known[] = {
        {"pathwise", 4 * S * S, 3}, {"score", MU * MU * MU * MU / (S * S) + 14 * MU * MU + 15 * S * S, 46.84}};
    for (size_t i = 0; i < 2; i++) {
        const double n = COUNT * DRAWS, exact = WEIGHT * WEIGHT * known[i].variance / n;
        InferGradient which = {.name = known[i].name, .of = "encoder", .repeats = REPEATS};
        double mean[2], variance[2];
        if (infer_gradient(w->model, &w->request, &which, mean, variance, NULL, &w->err) != 0)
            fail_msg("%s", w->err.what);
        assert_true(fabs(mean[0] - WEIGHT * 2 * MU) < 5 * sqrt(exact / REPEATS));
        assert_true(fabs(variance[0] / exact - 1) < 5 * sqrt(((known[i].kurtosis - 3) / n + 2) / REPEATS));
        assert_true(mean[0] == mean[1] && variance[0] == variance[1]);
    }
}

/* All the params: d/dw is z^2, of variance 4 mu^2 s^2 + 2 s^4. */
static void chosen_params(void **state)
{
    World *w = *state;
    InferGradient which = {.name = "pathwise", .of = "decoder", .repeats = REPEATS};
    double mean[1], variance[1];
    assert_int_equal(infer_gradient_width(w->model, "encoder"), 2);
    assert_int_equal(infer_gradient_width(w->model, "encoder.s"), 1);
    assert_int_equal(infer_gradient_width(w->model, ""), 3);
    assert_int_equal(infer_gradient_width(w->model, "coder"), 0);
    assert_int_equal(infer_gradient(w->model, &w->request, &which, mean, variance, NULL, &w->err), 0);
    double exact = (4 * MU * MU * S * S + 2 * S * S * S * S) / (COUNT * DRAWS);
    assert_true(fabs(mean[0] - (MU * MU + S * S)) < 5 * sqrt(exact / REPEATS));
    assert_true(fabs(variance[0] / exact - 1) < 0.06);
}

/* The inner products of single gradients agree with their mean and variance; repeats after `skip` are those of a longer
 * call. */
static void directions(void **state)
{
    enum { FEW = 6, SKIP = 4 };
    World *w = *state;
    const double onto[] = {1, 0, 0.5, -2};
    double mean[2], variance[2], along[FEW][2], all[FEW + SKIP][2], sum = 0, squares = 0;
    InferGradient which = {
        .name = "score", .of = "encoder", .repeats = FEW, .skip = SKIP, .onto = onto, .directions = 2};
    assert_int_equal(infer_gradient(w->model, &w->request, &which, mean, variance, along[0], &w->err), 0);
    for (size_t n = 0; n < FEW; n++) {
        assert_true(fabs(along[n][1] - -1.5 * along[n][0]) <
                    1e-12 * fabs(along[n][0])); /* both params have the same gradient */
        sum += along[n][0] / FEW;
    }
    for (size_t n = 0; n < FEW; n++)
        squares += (along[n][0] - sum) * (along[n][0] - sum) / (FEW - 1);
    assert_true(fabs(sum - mean[0]) < 1e-12 * fabs(sum) && fabs(squares - variance[0]) < 1e-12 * squares);
    which.repeats = FEW + SKIP;
    which.skip = 0;
    assert_int_equal(infer_gradient(w->model, &w->request, &which, mean, variance, all[0], &w->err), 0);
    assert_memory_equal(all[SKIP], along, sizeof along);
    assert_memory_not_equal(all[0], along, sizeof all[0]);
}

static void refused(void **state)
{
    World *w = *state;
    double mean[2], variance[2];
    InferGradient which = {.name = "score", .of = "encodr", .repeats = 2};
    assert_int_equal(infer_gradient(w->model, &w->request, &which, mean, variance, NULL, &w->err), -1);
    assert_non_null(strstr(w->err.what, "'encodr'"));
    which.of = "encoder";
    which.repeats = 1;
    assert_int_equal(infer_gradient(w->model, &w->request, &which, mean, variance, NULL, &w->err), -1);
    assert_non_null(strstr(w->err.what, "two repeats"));
    which = (InferGradient){.name = "pathwize", .of = "encoder", .repeats = 2};
    assert_int_equal(infer_gradient(w->model, &w->request, &which, mean, variance, NULL, &w->err), -1);
    assert_non_null(strstr(w->err.hint, "pathwise"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(known_variance, start, end),
        cmocka_unit_test_setup_teardown(chosen_params, start, end),
        cmocka_unit_test_setup_teardown(directions, start, end),
        cmocka_unit_test_setup_teardown(refused, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
