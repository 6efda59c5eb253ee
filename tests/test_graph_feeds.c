/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_graph_fed.c: the gradient of fed values: against central differences in double, for one node and for two at once;
 * the params are constants then, and what does not depend on a fed value has no gradient.
 *
 * Differences: h = 1e-6 in double, of a smooth function of size about 10: their error is some 1e-9, the tolerance 1e-7.
 */
#include "test_graph_models.h"

#include <math.h>

static GraphExec *fed_plan(const Graph *g, GraphParams *params, GraphType type, const char *const *fed, const char *objective)
{
    Error err = ERROR_NONE;
    GraphExecSpec spec = {.type = type, .feeds = fed, .objective = objective, .gradient_wrt = GRAPH_FEEDS};
    GraphExec *p = graph_exec_alloc(g, &spec, params, &err);
    if (p == NULL) {
        char text[2048];
        error_text(text, sizeof text, &err);
        fail_msg("%s", text);
    }
    return p;
}

static GraphParams *some_params(const Graph *g, GraphType type)
{
    Error err = ERROR_NONE;
    float mean[VAE_X];
    for (size_t i = 0; i < VAE_X; i++)
        mean[i] = 0.3f;
    GraphParams *params = graph_params_alloc(g, type, num_seed(7), mean, VAE_X, &err);
    assert_non_null(params);
    return params;
}

/* Awkward numbers, the same each time. */
static void fill(double *x, size_t n, double phase)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 0.7 * sin(2.385 * (double)i + phase);
}

static double mean_of(GraphExec *p, const char *name)
{
    NumShape shape;
    graph_exec_forward(p);
    const double *value = graph_exec_output(p, name, &shape);
    double sum = 0;
    for (size_t i = 0; i < num_shape_size(shape); i++)
        sum += value[i];
    return sum / (double)num_shape_size(shape);
}

/* Every element of the fed node's gradient. */
static void check_gradient(GraphExec *p, const char *fed, const char *objective)
{
    NumShape shape, same;
    double *x = graph_exec_input(p, fed, &shape), h = 1e-6;
    graph_exec_forward(p);
    graph_exec_backward(p);
    const double *gradient = graph_exec_feed_gradient(p, fed, &same);
    assert_non_null(gradient);
    assert_memory_equal(&shape, &same, sizeof shape);
    size_t n = num_shape_size(shape);
    double kept[256], largest = 0;
    assert_true(n <= 256);
    memcpy(kept, gradient, n * sizeof *kept); /* the passes that follow may not touch it, and the next backward writes it anew */
    for (size_t i = 0; i < n; i++) {
        double at = x[i];
        x[i] = at + h;
        double up = mean_of(p, objective);
        x[i] = at - h;
        double down = mean_of(p, objective);
        x[i] = at;
        assert_true(fabs(-(up - down) / (2 * h) - kept[i]) < 1e-7);
        largest = fmax(largest, fabs(kept[i]));
    }
    assert_true(largest > 1e-3);
    graph_exec_forward(p);
    graph_exec_backward(p);
    assert_memory_equal(graph_exec_feed_gradient(p, fed, NULL), kept, n * sizeof *kept);
}

static void of_a_latent(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    static const char *const fed[] = {"z", NULL};
    Graph *g = vae(5, 3, &err);
    GraphParams *params = some_params(g, GRAPH_DOUBLE);
    GraphExec *p = fed_plan(g, params, GRAPH_DOUBLE, fed, "reconstruction");
    fill(graph_exec_input(p, "x", NULL), 5 * VAE_X, 1);
    fill(graph_exec_input(p, "z", NULL), 3 * 5 * VAE_Z, 2);
    check_gradient(p, "z", "reconstruction");
    assert_null(graph_exec_gradient(p)); /* the params are constants */
    assert_null(graph_exec_feed_gradient(p, "logits", NULL)); /* it is not fed */
    assert_null(graph_exec_first_nonfinite(p));
    graph_exec_free(p);
    graph_params_free(params);
    graph_free(g);
}

/* As the best Gaussian of an example is found: the moments of q are fed, z is drawn from them. */
static void of_two_nodes(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    static const char *const fed[] = {"q.mu", "q.logvar", NULL};
    Graph *g = vae(4, 2, &err);
    GraphParams *params = some_params(g, GRAPH_DOUBLE);
    GraphExec *p = fed_plan(g, params, GRAPH_DOUBLE, fed, "bound");
    fill(graph_exec_input(p, "x", NULL), 4 * VAE_X, 1);
    fill(graph_exec_input(p, "q.mu", NULL), 4 * VAE_Z, 2);
    fill(graph_exec_input(p, "q.logvar", NULL), 4 * VAE_Z, 3);
    graph_exec_noise(p, num_seed(3), "e", 0);
    check_gradient(p, "q.mu", "bound");
    check_gradient(p, "q.logvar", "bound");
    graph_exec_free(p);
    graph_params_free(params);
    graph_free(g);
}

/* A fed value below another: the gradient of the upper one is complete first, and must outlive the rest of the pass. */
static void one_below_the_other(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    static const char *const fed[] = {"a", "z", NULL};
    Graph *g = graph_alloc(4, 1, &err);
    GraphNode a = made(graph_input(g, "x", DIMS(1, B, 3), &err), &err);
    GraphNode h = made(apply(g, "tanh", a, -1, -1, NULL, NULL, &err), &err);
    GraphNode z = made(apply(g, "exp", h, -1, -1, NULL, NULL, &err), &err);
    GraphNode both = made(apply(g, "mul", z, h, -1, NULL, NULL, &err), &err);
    GraphNode bound = made(apply(g, "square", both, -1, -1, NULL, NULL, &err), &err);
    assert_int_equal(graph_name(g, "a", a, &err) | graph_name(g, "z", z, &err) | graph_name(g, "bound", bound, &err), 0);
    GraphExec *p = fed_plan(g, NULL, GRAPH_DOUBLE, fed, "bound");
    fill(graph_exec_input(p, "a", NULL), 12, 1);
    fill(graph_exec_input(p, "z", NULL), 12, 2);
    check_gradient(p, "a", "bound");
    check_gradient(p, "z", "bound");
    graph_exec_free(p);
    graph_free(g);
}

static void what_does_not_depend(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    static const char *const fed[] = {"z", NULL};
    Graph *g = vae(4, 2, &err);
    GraphParams *params = some_params(g, GRAPH_FLOAT);
    GraphExecSpec spec = {.feeds = fed, .objective = "kl", .gradient_wrt = GRAPH_FEEDS};
    assert_null(graph_exec_alloc(g, &spec, params, &err));
    assert_non_null(strstr(err.what, "depends on no fed value"));
    graph_params_free(params);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_latent),
        cmocka_unit_test(of_two_nodes),
        cmocka_unit_test(one_below_the_other),
        cmocka_unit_test(what_does_not_depend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
