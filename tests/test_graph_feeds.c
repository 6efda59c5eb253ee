/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * test_graph_feeds.c: the gradient of feeds: against central differences in double, for one node and for two
 * at once; the params are constants then, and nodes that depend on no feed have no gradient.
 *
 * Central differences with h = 1e-6 in double have an error of about 1e-9 here; the tolerance is 1e-7.
 */
#include "test_graph_models.h"

#include <math.h>

static GraphExec *new_exec(const Graph *g, GraphParams *params, GraphType type, const char *const *feeds,
                           const char *objective)
{
    Error err = ERROR_NONE;
    GraphExecSpec spec = {.type = type, .feeds = feeds, .objective = objective, .gradient_wrt = GRAPH_FEEDS};
    GraphExec *exec = graph_exec_alloc(g, &spec, params, &err);
    if (exec == NULL) {
        char text[2048];
        error_text(text, sizeof text, &err);
        fail_msg("%s", text);
    }
    return exec;
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

/* Reproducible values without round numbers. */
static void fill(double *x, size_t n, double phase)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 0.7 * sin(2.385 * (double)i + phase);
}

static double mean_of(GraphExec *exec, const char *name)
{
    NumShape shape;
    graph_exec_forward(exec);
    const double *value = graph_exec_output(exec, name, &shape);
    double sum = 0;
    for (size_t i = 0; i < num_shape_size(shape); i++)
        sum += value[i];
    return sum / (double)num_shape_size(shape);
}

/* Every element of the gradient of `feed`. */
static void check_gradient(GraphExec *exec, const char *feed, const char *objective)
{
    NumShape shape, same;
    double *x = graph_exec_input(exec, feed, &shape), h = 1e-6;
    graph_exec_forward(exec);
    graph_exec_backward(exec);
    const double *gradient = graph_exec_feed_gradient(exec, feed, &same);
    assert_non_null(gradient);
    assert_memory_equal(&shape, &same, sizeof shape);
    size_t n = num_shape_size(shape);
    double kept[256], largest = 0;
    assert_true(n <= 256);
    memcpy(kept, gradient, n * sizeof *kept); /* later forward passes must not change it */
    for (size_t i = 0; i < n; i++) {
        double at = x[i];
        x[i] = at + h;
        double up = mean_of(exec, objective);
        x[i] = at - h;
        double down = mean_of(exec, objective);
        x[i] = at;
        assert_true(fabs(-(up - down) / (2 * h) - kept[i]) < 1e-7);
        largest = fmax(largest, fabs(kept[i]));
    }
    assert_true(largest > 1e-3);
    graph_exec_forward(exec);
    graph_exec_backward(exec);
    assert_memory_equal(graph_exec_feed_gradient(exec, feed, NULL), kept, n * sizeof *kept);
}

static void of_a_latent(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    static const char *const feeds[] = {"z", NULL};
    Graph *g = vae(5, 3, &err);
    GraphParams *params = some_params(g, GRAPH_DOUBLE);
    GraphExec *exec = new_exec(g, params, GRAPH_DOUBLE, feeds, "reconstruction");
    fill(graph_exec_input(exec, "x", NULL), 5 * VAE_X, 1);
    fill(graph_exec_input(exec, "z", NULL), 3 * 5 * VAE_Z, 2);
    check_gradient(exec, "z", "reconstruction");
    assert_null(graph_exec_gradient(exec)); /* the params are constants */
    assert_null(graph_exec_feed_gradient(exec, "logits", NULL)); /* not a feed */
    assert_null(graph_exec_first_nonfinite(exec));
    free_all(g, params, exec);
}

/* As the local optimisation of q: the feeds are the moments of q, and z is drawn from them. */
static void of_two_nodes(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    static const char *const feeds[] = {"q.mu", "q.logvar", NULL};
    Graph *g = vae(4, 2, &err);
    GraphParams *params = some_params(g, GRAPH_DOUBLE);
    GraphExec *exec = new_exec(g, params, GRAPH_DOUBLE, feeds, "bound");
    fill(graph_exec_input(exec, "x", NULL), 4 * VAE_X, 1);
    fill(graph_exec_input(exec, "q.mu", NULL), 4 * VAE_Z, 2);
    fill(graph_exec_input(exec, "q.logvar", NULL), 4 * VAE_Z, 3);
    graph_exec_noise(exec, num_seed(3), "e", 0);
    check_gradient(exec, "q.mu", "bound");
    check_gradient(exec, "q.logvar", "bound");
    free_all(g, params, exec);
}

/* One feed is computed from another: the gradient of the later one is complete first, and must be kept to the
 * end of the pass. */
static void one_below_the_other(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    static const char *const feeds[] = {"a", "z", NULL};
    Graph *g = graph_alloc(4, 1, &err);
    GraphNode a = made(graph_input(g, "x", DIMS(1, B, 3), &err), &err);
    GraphNode h = made(apply(g, "tanh", a, -1, -1, NULL, NULL, &err), &err);
    GraphNode z = made(apply(g, "exp", h, -1, -1, NULL, NULL, &err), &err);
    GraphNode both = made(apply(g, "mul", z, h, -1, NULL, NULL, &err), &err);
    GraphNode bound = made(apply(g, "square", both, -1, -1, NULL, NULL, &err), &err);
    assert_int_equal(graph_name(g, "a", a, &err) | graph_name(g, "z", z, &err) | graph_name(g, "bound", bound, &err),
                     0);
    GraphExec *exec = new_exec(g, NULL, GRAPH_DOUBLE, feeds, "bound");
    fill(graph_exec_input(exec, "a", NULL), 12, 1);
    fill(graph_exec_input(exec, "z", NULL), 12, 2);
    check_gradient(exec, "a", "bound");
    check_gradient(exec, "z", "bound");
    graph_exec_free(exec);
    graph_free(g);
}

static void what_does_not_depend(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    static const char *const feeds[] = {"z", NULL};
    Graph *g = vae(4, 2, &err);
    GraphParams *params = some_params(g, GRAPH_FLOAT);
    GraphExecSpec spec = {.feeds = feeds, .objective = "kl", .gradient_wrt = GRAPH_FEEDS};
    assert_null(graph_exec_alloc(g, &spec, params, &err));
    assert_non_null(strstr(err.what, "depends on no feed"));
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
