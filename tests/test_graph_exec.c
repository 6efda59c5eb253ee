/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * test_graph_exec.c: executable graphs: which nodes are computed, memory, several executable graphs of one model,
 * training.
 */
#include "test_graph_models.h"

#include "base/digest.h"
#include "base/mem.h"
#include "num/isa.h"

#include <math.h>

enum { EXAMPLES = 64 };

static const char *const metrics[] = {"reconstruction", "kl", "z", NULL};

static Graph *new_vae(size_t batch, size_t samples)
{
    Error err = ERROR_NONE;
    Graph *g = vae(batch, samples, &err);
    if (g == NULL)
        made(-1, &err);
    return g;
}

static GraphParams *new_params(const Graph *g, GraphType type)
{
    Error err = ERROR_NONE;
    float x[EXAMPLES * VAE_X], mean[VAE_X] = {0};
    patterns(0, EXAMPLES, x);
    for (size_t i = 0; i < EXAMPLES; i++)
        for (size_t j = 0; j < VAE_X; j++)
            mean[j] += x[i * VAE_X + j] / EXAMPLES;
    GraphParams *p = graph_params_alloc(g, type, num_seed(3), mean, VAE_X, &err);
    if (p == NULL)
        made(-1, &err);
    return p;
}

static float *values_of(GraphParams *params, const char *name)
{
    size_t i = 0;
    while (strcmp(graph_params_name(params, i), name) != 0)
        i++;
    return (float *)graph_params_block(params) + graph_params_offset(params, i);
}

static GraphExec *new_exec(const Graph *g, GraphParams *params, GraphExecSpec spec)
{
    Error err = ERROR_NONE;
    GraphExec *p = graph_exec_alloc(g, &spec, params, &err);
    if (p == NULL)
        made(-1, &err);
    return p;
}

static double mean_of(const GraphExec *p, const char *name)
{
    NumShape shape;
    const float *x = graph_exec_output(p, name, &shape);
    double sum = 0;
    for (size_t i = 0; i < num_shape_size(shape); i++)
        sum += (double)x[i];
    return sum / (double)num_shape_size(shape);
}

/* One training step: rows of data, noise, forward, backward, optimiser. */
static double step(GraphExec *p, GraphParams *params, Optimiser *o, uint64_t number)
{
    NumShape shape;
    float *x = graph_exec_input(p, "x", &shape);
    patterns(number * shape.n[NUM_BATCH] % EXAMPLES, shape.n[NUM_BATCH], x);
    graph_exec_noise(p, num_seed(3), "train", number);
    graph_exec_forward(p);
    graph_exec_backward(p);
    optimiser_step(o, graph_params_block(params), graph_exec_gradient(p), 0.01);
    return mean_of(p, "bound");
}

/* [OUT] digest after some training steps.  Every fourth step has a smaller batch, as the last of an epoch. */
static double train(int no_reuse, size_t steps, char *digest)
{
    Error err = ERROR_NONE;
    Graph *g = new_vae(16, 2);
    GraphParams *params = new_params(g, GRAPH_FLOAT);
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.outputs = metrics, .objective = "bound",
                                                       .no_buffer_reuse = no_reuse});
    GraphExec *last = new_exec(g, params, (GraphExecSpec){.batch = 7, .samples = 2, .objective = "bound",
                                                          .no_buffer_reuse = no_reuse});
    OptimiserSpec spec;
    assert_int_equal(optimiser_defaults(&spec, "adam", &err), 0);
    Optimiser *o = optimiser_alloc(&spec, graph_params_count(params), &err);
    double bound = 0;
    for (size_t i = 0; i < steps; i++) {
        if (i % 4 == 3)
            step(last, params, o, i);
        else
            bound = step(p, params, o, i);
    }
    graph_params_digest(params, digest);
    optimiser_free(o);
    graph_exec_free(p);
    free_all(g, params, last);
    return bound;
}

/* The bound of the first step is about -20 ln 2 = -13.9.  The best model knows the four patterns and the flips:
 * -(ln 4 + 20 (-0.1 ln 0.1 - 0.9 ln 0.9)) = -7.9. */
static void test_trains(void **state)
{
    (void)state;
    char digest[DIGEST_TEXT];
    double before = train(0, 1, digest), after = train(0, 600, digest);
    assert_true(before < -12.5 && before > -16);
    assert_true(after > -10.5 && after < -6);
}

static void test_shared_memory_same_bits(void **state)
{
    (void)state;
    char shared[DIGEST_TEXT], separate[DIGEST_TEXT];
    train(0, 25, shared);
    train(1, 25, separate);
    assert_string_equal(shared, separate);

    Graph *g = new_vae(16, 2);
    GraphParams *params = new_params(g, GRAPH_FLOAT);
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.objective = "bound"});
    GraphExec *reference = new_exec(g, params, (GraphExecSpec){.objective = "bound", .no_buffer_reuse = 1});
    assert_true(graph_exec_bytes(p) * 3 < graph_exec_bytes(reference) * 2); /* less than two thirds */
    graph_exec_free(p);
    free_all(g, params, reference);
}

/* A deep chain of functions whose backward reads the argument, the result, or neither.  All buffers have one size,
 * so that any two could share memory; the gradient must equal that without shared memory. */
static void test_shared_memory_deep(void **state)
{
    (void)state;
    static const char *const chain[] = {"tanh", "exp", "neg", "softplus", "square", "sigmoid",
                                        "abs", "log1p", "sqrt", "reciprocal", "tanh"};
    Error err = ERROR_NONE;
    Graph *g = graph_alloc(1, 1, &err);
    GraphNode w = made(graph_param(g, "w", 7, 33, "normal(1)", &err), &err), h = w;
    for (size_t i = 0; i < 2 * sizeof chain / sizeof chain[0]; i++) {
        GraphNode before = h;
        h = made(apply(g, chain[i % (sizeof chain / sizeof chain[0])], h, -1, -1, NULL, NULL, &err), &err);
        if (i % 4 == 3)
            h = made(apply(g, i % 8 == 3 ? "add" : "mul", h, before, -1, NULL, NULL, &err), &err);
    }
    assert_int_equal(graph_name(g, "end", h, &err), 0);
    GraphParams *params = graph_params_alloc(g, GRAPH_FLOAT, num_seed(1), NULL, 0, &err);
    GraphExec *shared = new_exec(g, params, (GraphExecSpec){.objective = "end"});
    GraphExec *separate = new_exec(g, params, (GraphExecSpec){.objective = "end", .no_buffer_reuse = 1});
    graph_exec_forward(shared);
    graph_exec_forward(separate);
    graph_exec_backward(shared);
    graph_exec_backward(separate);
    assert_memory_equal(graph_exec_output(shared, "end", NULL), graph_exec_output(separate, "end", NULL),
                        7 * 33 * sizeof(float));
    assert_memory_equal(graph_exec_gradient(shared), graph_exec_gradient(separate), 7 * 33 * sizeof(float));
    assert_null(graph_exec_first_nonfinite(separate));
    assert_true(*(const float *)graph_exec_gradient(separate) != 0);
    assert_true(graph_exec_bytes(shared) * 3 < graph_exec_bytes(separate) * 2);
    graph_exec_free(shared);
    free_all(g, params, separate);
}

/* The addresses of draws are part of a run's identity: params from "init/NAME", noise from "PREFIX/NAME" with
 * row = sample * batch + example. */
static void test_streams(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = graph_alloc(5, 3, &err);
    made(graph_param(g, "b.W", 4, 6, "normal(1)", &err), &err);
    made(graph_param(g, "a.W", 4, 6, "normal(1)", &err), &err);
    GraphNode n = made(graph_noise(g, "eps", "normal", DIMS(K, B, 2), &err), &err);
    GraphNode u = made(graph_noise(g, "u", "uniform", DIMS(1, B, 7), &err), &err);
    assert_int_equal(graph_name(g, "n", n, &err), 0);
    assert_int_equal(graph_name(g, "u", u, &err), 0);
    GraphParams *params = graph_params_alloc(g, GRAPH_FLOAT, num_seed(42), NULL, 0, &err);
    float expected[35];
    const float *w = graph_params_block(params);
    num_stream_normal(num_stream(42, "init/a.W"), 0, 0, 4, 6, expected);
    assert_memory_equal(w, expected, 24 * sizeof(float));
    num_stream_normal(num_stream(42, "init/b.W"), 0, 0, 4, 6, expected);
    assert_memory_equal(w + 24, expected, 24 * sizeof(float));
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.outputs = (const char *[]){"n", "u", NULL}});
    graph_exec_noise(p, num_seed(9), "train", 1234567890123);
    num_stream_normal(num_stream(9, "train/eps"), 1234567890123, 0, 15, 2, expected);
    assert_memory_equal(graph_exec_output(p, "n", NULL), expected, 30 * sizeof(float));
    num_stream_uniform(num_stream(9, "train/u"), 1234567890123, 0, 5, 7, expected);
    assert_memory_equal(graph_exec_output(p, "u", NULL), expected, 35 * sizeof(float));
    free_all(g, params, p);
}

/* Three steps of a network so wide that products and elementwise functions use several threads (num/parallel.h: from
 * 16384 elements, num/matmul.c: from 120000 multiply-adds). */
enum { WIDE_X = 400, WIDE_H = 450, WIDE_B = 100 };

static Graph *wide_graph(void)
{
    Error err = ERROR_NONE;
    Graph *g = graph_alloc(WIDE_B, 1, &err);
    GraphNode x = made(graph_input(g, "x", DIMS(1, B, WIDE_X), &err), &err);
    GraphNode w = made(graph_param(g, "W", WIDE_X, WIDE_H, "glorot_uniform", &err), &err);
    GraphNode b = made(graph_param(g, "b", 1, WIDE_H, "normal(0.1)", &err), &err);
    GraphNode h = made(apply(g, "dense", x, w, b, "act", "tanh", &err), &err);
    h = made(apply(g, "softplus", h, -1, -1, NULL, NULL, &err), &err);
    GraphNode v = made(graph_param(g, "V", WIDE_H, WIDE_X, "glorot_uniform", &err), &err);
    GraphNode l = made(apply(g, "dense", h, v, -1, NULL, NULL, &err), &err);
    GraphNode bound = made(apply(g, "bernoulli", x, l, -1, NULL, NULL, &err), &err);
    assert_int_equal(graph_name(g, "bound", bound, &err), 0);
    return g;
}

static void train_wide(char *digest)
{
    Error err = ERROR_NONE;
    Graph *g = wide_graph();
    GraphParams *params = graph_params_alloc(g, GRAPH_FLOAT, num_seed(3), NULL, 0, &err);
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.objective = "bound"});
    OptimiserSpec spec;
    assert_int_equal(optimiser_defaults(&spec, "adam", &err), 0);
    Optimiser *o = optimiser_alloc(&spec, graph_params_count(params), &err);
    num_stream_uniform(num_stream(4, "wide"), 0, 0, WIDE_B, WIDE_X, graph_exec_input(p, "x", NULL));
    for (int i = 0; i < 3; i++) {
        graph_exec_forward(p);
        graph_exec_backward(p);
        optimiser_step(o, graph_params_block(params), graph_exec_gradient(p), 0.01);
    }
    graph_params_digest(params, digest);
    optimiser_free(o);
    free_all(g, params, p);
}

static void test_threads_and_isa_same_bits(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    char first[DIGEST_TEXT], wide[DIGEST_TEXT], other[DIGEST_TEXT];
    const char *best = num_isa_name();
    num_threads_set(1);
    train(0, 25, first);
    train_wide(wide);
    for (const char *const *isa = num_isa_available(); *isa != NULL; isa++)
        for (int threads = 1; threads <= 3; threads++) {
            assert_int_equal(num_isa_choose(*isa, &err), 0);
            num_threads_set(threads);
            train(0, 25, other);
            if (strcmp(first, other) != 0)
                fail_msg("%s, %d threads: other bits than %s on one", *isa, threads, best);
            train_wide(other);
            if (strcmp(wide, other) != 0)
                fail_msg("%s, %d threads, wide: other bits than %s on one", *isa, threads, best);
        }
    num_threads_set(1);
    assert_int_equal(num_isa_choose(best, &err), 0);
}

/* The whole model's gradient in double against central differences: h = 1e-5, tolerance 1e-8 (1 + |gradient|). */
static void test_whole_gradient(void **state)
{
    (void)state;
    Graph *g = new_vae(3, 2);
    GraphParams *params = new_params(g, GRAPH_DOUBLE);
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.type = GRAPH_DOUBLE, .objective = "bound"});
    float rows[3 * VAE_X];
    double *x = graph_exec_input(p, "x", NULL), *w = graph_params_block(params);
    patterns(0, 3, rows);
    for (size_t i = 0; i < 3 * VAE_X; i++)
        x[i] = (double)rows[i];
    graph_exec_noise(p, num_seed(1), "t", 0);
    assert_int_equal(graph_exec_scalar(p, "beta", 0.7), 0);
    graph_exec_forward(p);
    graph_exec_backward(p);
    const double *gradient = graph_exec_gradient(p);
    NumShape shape;
    const double *bound = graph_exec_output(p, "bound", &shape);
    size_t size = num_shape_size(shape), alive = 0;
    assert_int_equal(size, 6);
    for (size_t i = 0; i < graph_params_count(params); i++) {
        double at = w[i], sum[2] = {0, 0};
        for (int side = 0; side < 2; side++) {
            w[i] = at + (side == 0 ? 1e-5 : -1e-5);
            graph_exec_forward(p);
            for (size_t j = 0; j < size; j++)
                sum[side] -= bound[j] / (double)size;
        }
        w[i] = at;
        double expected = (sum[0] - sum[1]) / 2e-5;
        assert_true(fabs(gradient[i] - expected) <= 1e-8 * (1 + fabs(expected)));
        alive += gradient[i] != 0;
    }
    assert_true(alive * 2 > graph_params_count(params));
    free_all(g, params, p);
}

/* The params and noise in double are those in float, widened; the forward passes agree to 1e-5. */
static void test_float_and_double(void **state)
{
    (void)state;
    Graph *g = new_vae(9, 3);
    GraphParams *narrow = new_params(g, GRAPH_FLOAT), *wide = new_params(g, GRAPH_DOUBLE);
    const float *a = graph_params_block(narrow);
    const double *b = graph_params_block(wide);
    for (size_t i = 0; i < graph_params_count(narrow); i++)
        assert_true((double)a[i] == b[i]);
    GraphExec *p = new_exec(g, narrow, (GraphExecSpec){.outputs = metrics, .objective = "bound"});
    GraphExec *q = new_exec(g, wide, (GraphExecSpec){.type = GRAPH_DOUBLE, .outputs = metrics, .objective = "bound"});
    float *x = graph_exec_input(p, "x", NULL);
    double *y = graph_exec_input(q, "x", NULL);
    patterns(0, 9, x);
    for (size_t i = 0; i < 9 * VAE_X; i++)
        y[i] = (double)x[i];
    graph_exec_noise(p, num_seed(5), "n", 2);
    graph_exec_noise(q, num_seed(5), "n", 2);
    graph_exec_forward(p);
    graph_exec_forward(q);
    for (const char *const *name = metrics; *name != NULL; name++) {
        NumShape shape;
        const float *u = graph_exec_output(p, *name, &shape);
        const double *v = graph_exec_output(q, *name, NULL);
        for (size_t i = 0; i < num_shape_size(shape); i++)
            assert_true(fabs((double)u[i] - v[i]) <= 1e-5 * (1 + fabs(v[i])));
    }
    graph_exec_backward(p);
    graph_exec_backward(q);
    const float *u = graph_exec_gradient(p);
    const double *v = graph_exec_gradient(q);
    for (size_t i = 0; i < graph_params_count(narrow); i++)
        assert_true(fabs((double)u[i] - v[i]) <= 1e-5 * (1 + fabs(v[i])));
    graph_exec_free(p);
    graph_exec_free(q);
    graph_params_free(narrow);
    graph_params_free(wide);
    graph_free(g);
}

static void test_no_allocation_in_a_step(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = new_vae(16, 2);
    GraphParams *params = new_params(g, GRAPH_FLOAT);
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.outputs = metrics, .objective = "bound"});
    OptimiserSpec spec;
    assert_int_equal(optimiser_defaults(&spec, "adagrad", &err), 0);
    Optimiser *o = optimiser_alloc(&spec, graph_params_count(params), &err);
    long before = mem_count();
    for (uint64_t i = 0; i < 5; i++) {
        graph_exec_scalar(p, "beta", 0.1 * (double)i);
        step(p, params, o, i);
    }
    assert_null(graph_exec_first_nonfinite(p));
    assert_int_equal(mem_count(), before);
    optimiser_free(o);
    free_all(g, params, p);
}

/* With one draw an example's results do not depend on its batch: its noise row is its index. */
static void test_recompile(void **state)
{
    (void)state;
    Graph *g = new_vae(16, 1);
    GraphParams *params = new_params(g, GRAPH_FLOAT);
    GraphExec *large = new_exec(g, params, (GraphExecSpec){.outputs = metrics});
    patterns(0, 16, graph_exec_input(large, "x", NULL));
    graph_exec_noise(large, num_seed(3), "e", 0);
    graph_exec_forward(large);
    const float *expected = graph_exec_output(large, "reconstruction", NULL);
    for (size_t batch = 1; batch <= 16; batch += 5) {
        NumShape shape;
        GraphExec *p = new_exec(g, params, (GraphExecSpec){.batch = batch, .outputs = metrics});
        float *x = graph_exec_input(p, "x", &shape);
        assert_int_equal(shape.n[NUM_BATCH], batch);
        patterns(0, batch, x);
        graph_exec_noise(p, num_seed(3), "e", 0);
        graph_exec_forward(p);
        assert_memory_equal(graph_exec_output(p, "reconstruction", &shape), expected, batch * sizeof(float));
        assert_int_equal(num_shape_size(shape), batch);
        graph_exec_free(p);
    }
    GraphExec *many = new_exec(g, params, (GraphExecSpec){.batch = 2, .samples = 50, .outputs = metrics});
    NumShape shape;
    graph_exec_output(many, "z", &shape);
    assert_int_equal(shape.n[NUM_SAMPLES], 50);
    assert_int_equal(shape.n[NUM_BATCH], 2);
    graph_exec_output(many, "kl", &shape);
    assert_int_equal(shape.n[NUM_SAMPLES], 1);
    graph_exec_free(many);
    free_all(g, params, large);
}

/* All pairs of a minibatch, and draws as features: the symbols b and k get their values at any batch size.  log
 * q(z_i) of the aggregate posterior is checked against the sum over j, in double (tolerance 1e-12). */
static void test_symbols(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = graph_alloc(4, 1, &err);
    GraphNode mu = made(graph_input(g, "x", DIMS(1, B, 3), &err), &err);
    GraphNode draws = made(graph_input(g, "y", DIMS(K, B, 3), &err), &err);
    GraphNode zero = made(graph_constant(g, 0, &err), &err);
    GraphAttr pairs[] = {{"samples", 0, "b"}, {"batch", 1, NULL}};
    GraphAttr flat[] = {{"samples", 1, NULL}, {"batch", 0, "b"}, {"features", 0, "rest"}};
    GraphNode z = made(graph_apply(g, "reshape", &mu, 1, pairs, 2, &err), &err);
    GraphNode logq = made(apply(g, "normal", z, mu, zero, NULL, NULL, &err), &err);
    GraphNode aggregate = made(apply(g, "logmeanexp", logq, -1, -1, "axis", "batch", &err), &err);
    GraphNode swapped = made(apply(g, "transpose", draws, -1, -1, "swap", "samples_batch", &err), &err);
    GraphNode side = made(graph_apply(g, "reshape", &swapped, 1, flat, 3, &err), &err);
    assert_int_equal(graph_name(g, "aggregate", aggregate, &err), 0);
    assert_int_equal(graph_name(g, "side", side, &err), 0);
    for (size_t batch = 1; batch < 8; batch += 2) {
        enum { SAMPLES = 5 };
        GraphExec *p = new_exec(g, NULL, (GraphExecSpec){.batch = batch, .samples = SAMPLES, .type = GRAPH_DOUBLE,
                                                         .outputs = (const char *[]){"aggregate", "side", NULL}});
        NumShape shape;
        double *x = graph_exec_input(p, "x", NULL), *y = graph_exec_input(p, "y", NULL);
        for (size_t i = 0; i < batch * 3; i++)
            x[i] = sin((double)i);
        for (size_t i = 0; i < SAMPLES * batch * 3; i++)
            y[i] = (double)i;
        graph_exec_forward(p);
        const double *found = graph_exec_output(p, "aggregate", &shape);
        assert_int_equal(shape.n[NUM_SAMPLES], batch);
        assert_int_equal(num_shape_size(shape), batch);
        for (size_t i = 0; i < batch; i++) {
            double sum = 0;
            for (size_t j = 0; j < batch; j++) {
                double square = 0;
                for (size_t f = 0; f < 3; f++)
                    square += pow(x[3 * i + f] - x[3 * j + f], 2);
                sum += exp(-0.5 * (square + 3 * log(2 * acos(-1))));
            }
            assert_true(fabs(found[i] - log(sum / (double)batch)) < 1e-12);
        }
        const double *row = graph_exec_output(p, "side", &shape);
        assert_int_equal(shape.n[NUM_BATCH], batch);
        assert_int_equal(shape.n[NUM_FEATURES], SAMPLES * 3);
        for (size_t b = 0; b < batch; b++)
            for (size_t s = 0; s < SAMPLES; s++)
                for (size_t f = 0; f < 3; f++)
                    assert_true(row[(b * SAMPLES + s) * 3 + f] == y[(s * batch + b) * 3 + f]);
        graph_exec_free(p);
    }
    graph_free(g);
}

/* With z as a feed only the decoder is computed. */
static void test_feeds(void **state)
{
    (void)state;
    static const char *const logits[] = {"logits", NULL}, *const z[] = {"z", NULL}, *const zl[] = {"z", "logits", NULL};
    Graph *g = new_vae(16, 1);
    GraphParams *params = new_params(g, GRAPH_FLOAT);
    GraphExec *whole = new_exec(g, params, (GraphExecSpec){.outputs = zl});
    patterns(0, 16, graph_exec_input(whole, "x", NULL));
    graph_exec_noise(whole, num_seed(3), "e", 0);
    graph_exec_forward(whole);
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.batch = 16, .outputs = logits, .feeds = z});
    NumShape shape;
    assert_null(graph_exec_input(p, "x", NULL));
    assert_int_equal(graph_exec_scalar(p, "beta", 1), -1);
    assert_null(graph_exec_output(p, "kl", NULL));
    float *values = graph_exec_input(p, "z", &shape);
    assert_int_equal(shape.n[NUM_FEATURES], VAE_Z);
    memcpy(values, graph_exec_output(whole, "z", NULL), num_shape_size(shape) * sizeof *values);
    graph_exec_noise(p, num_seed(4), "other", 7); /* there is no noise in the decoder */
    graph_exec_forward(p);
    graph_exec_forward(p);
    assert_memory_equal(graph_exec_output(p, "logits", &shape), graph_exec_output(whole, "logits", NULL),
                        16 * VAE_X * sizeof(float));
    assert_true(graph_exec_flops(p) == 16.0 * (VAE_Z * VAE_H + VAE_H * VAE_X));
    assert_true(graph_exec_bytes(p) < graph_exec_bytes(whole));
    graph_exec_free(whole);
    graph_exec_free(p);

    /* training the decoder with z as a feed: no gradient reaches the encoder */
    p = new_exec(g, params, (GraphExecSpec){.objective = "reconstruction", .feeds = z});
    patterns(0, 16, graph_exec_input(p, "x", NULL));
    graph_exec_forward(p);
    graph_exec_backward(p);
    const float *gradient = graph_exec_gradient(p);
    for (size_t i = 0; i < graph_params_arrays(params); i++) {
        size_t n = num_shape_size(graph_params_shape(params, i)), zeros = 0;
        for (size_t j = 0; j < n; j++)
            zeros += gradient[graph_params_offset(params, i) + j] == 0;
        if (strncmp(graph_params_name(params, i), "decoder.1", 9) == 0)
            assert_true(zeros < n);
        if (strncmp(graph_params_name(params, i), "decoder", 7) != 0)
            assert_int_equal(zeros, n);
    }
    free_all(g, params, p);
}

/* Multiply-adds: forward; then dW for every layer and dx for all but the first, whose x is data. */
static void test_flops(void **state)
{
    (void)state;
    Graph *g = new_vae(10, 2);
    GraphParams *params = new_params(g, GRAPH_FLOAT);
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.objective = "bound"});
    double first = 10 * VAE_X * VAE_H, heads = 2 * 10 * VAE_H * VAE_Z, decoder = 20 * (VAE_Z * VAE_H + VAE_H * VAE_X);
    assert_true(graph_exec_flops(p) == 2 * first + 3 * heads + 3 * decoder);
    free_all(g, params, p);
}

static void test_first_nonfinite(void **state)
{
    (void)state;
    Graph *g = new_vae(8, 1);
    GraphParams *params = new_params(g, GRAPH_FLOAT);
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.objective = "bound"});
    float *w = graph_params_block(params), *x = graph_exec_input(p, "x", NULL);
    patterns(0, 8, x);
    graph_exec_noise(p, num_seed(3), "e", 0);
    graph_exec_forward(p);
    graph_exec_backward(p);
    assert_null(graph_exec_first_nonfinite(p));
    x[5] = NAN;
    assert_string_equal(graph_exec_first_nonfinite(p), "x");
    x[5] = 0;
    w[graph_params_offset(params, 4) + 1] = INFINITY;
    assert_string_equal(graph_exec_first_nonfinite(p), graph_params_name(params, 4));
    w[graph_params_offset(params, 4) + 1] = 0;
    float *logvar = values_of(params, "logvar.b");
    logvar[0] = 1e4f; /* exp(5000) */
    assert_string_equal(graph_exec_first_nonfinite(p), "z");
    logvar[0] = 0;
    assert_null(graph_exec_first_nonfinite(p));
    ((float *)graph_exec_gradient(p))[graph_params_offset(params, 3)] = NAN;
    char expected[200];
    snprintf(expected, sizeof expected, "gradient of %s", graph_params_name(params, 3));
    assert_string_equal(graph_exec_first_nonfinite(p), expected);
    free_all(g, params, p);

    Error err = ERROR_NONE; /* a node without a name */
    g = graph_alloc(2, 1, &err);
    GraphNode a = made(graph_constant(g, 0, &err), &err);
    graph_set_location(g, "bad.lua:7");
    GraphNode b = made(apply(g, "log", a, -1, -1, NULL, NULL, &err), &err);
    GraphNode c = made(apply(g, "exp", b, -1, -1, NULL, NULL, &err), &err);
    assert_int_equal(graph_name(g, "c", c, &err), 0);
    p = new_exec(g, NULL, (GraphExecSpec){.outputs = (const char *[]){"c", NULL}});
    assert_string_equal(graph_exec_first_nonfinite(p), "log, node 1, bad.lua:7");
    graph_exec_free(p);
    graph_free(g);
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static double moment(const float *w, size_t n, int power)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += power == 1 ? (double)w[i] : (double)w[i] * (double)w[i];
    return sum / (double)n;
}

/* 30,000 draws: a mean within 5 sd / sqrt(n), a second moment within 5 % (about 6 standard errors).  Bounds are
 * exact. */
static void test_inits(void **state)
{
    (void)state;
    static const struct { const char *init; double mean, second, bound; } kinds[] = {
        {"zeros", 0, 0, 0},
        {"ones", 1, 1, 1},
        {"constant(-2.5)", -2.5, 6.25, 2.5},
        {"normal(0.01)", 0, 1e-4, 0.06},
        {"uniform(0.3)", 0, 0.03, 0.3},
        {"glorot_uniform", 0, 2.0 / 400, 0.12247448713915891},
        {"glorot_normal", 0, 2.0 / 400, 1},
        {"he_normal", 0, 2.0 / 300, 1},
        {"fan_in_uniform", 0, 1.0 / 900, 0.05773502691896258},
        {"fan_in_uniform(3)", 0, 1.0 / 9, 0.57735026918962576},
    };
    Error err = ERROR_NONE;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        Graph *g = graph_alloc(1, 1, &err);
        made(graph_param(g, "W", 300, 100, kinds[k].init, &err), &err);
        GraphParams *p = graph_params_alloc(g, GRAPH_FLOAT, num_seed(11), NULL, 0, &err);
        assert_non_null(p);
        const float *w = graph_params_block(p);
        double sd = sqrt(fmax(0, kinds[k].second - kinds[k].mean * kinds[k].mean));
        assert_true(fabs(moment(w, 30000, 1) - kinds[k].mean) <= 5 * sd / sqrt(30000));
        assert_true(fabs(moment(w, 30000, 2) - kinds[k].second) <= 0.05 * kinds[k].second);
        for (size_t i = 0; i < 30000; i++)
            assert_true(fabs((double)w[i]) <= kinds[k].bound * (1 + 1e-6));
        graph_params_free(p);
        graph_free(g);
    }
}

static void test_params(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = new_vae(4, 1);
    GraphParams *p = new_params(g, GRAPH_FLOAT), *q = new_params(g, GRAPH_FLOAT);
    char a[DIGEST_TEXT], b[DIGEST_TEXT];
    graph_params_digest(p, a);
    graph_params_digest(q, b);
    assert_string_equal(a, b);
    ((float *)graph_params_block(q))[0] += 1;
    graph_params_digest(q, b);
    assert_string_not_equal(a, b);
    size_t offset = 0;
    for (size_t i = 0; i < graph_params_arrays(p); i++) {
        if (i > 0)
            assert_true(strcmp(graph_params_name(p, i - 1), graph_params_name(p, i)) < 0);
        assert_int_equal(graph_params_offset(p, i), offset);
        offset += num_shape_size(graph_params_shape(p, i));
    }
    assert_int_equal(offset, graph_params_count(p));
    graph_params_free(p);
    graph_params_free(q);
    assert_null(graph_params_alloc(g, GRAPH_FLOAT, num_seed(1), NULL, 0, &err));
    assert_non_null(strstr(err.what, "data_logit"));
    assert_non_null(strstr(err.where, "vae.lua:3"));

    float mean[VAE_X] = {0, 1, 0.5f, 0.25f, NAN}; /* logit(0.001), logit(0.999), 0, -ln 3, clipped */
    p = graph_params_alloc(g, GRAPH_FLOAT, num_seed(1), mean, VAE_X, &err);
    const float *w = values_of(p, "decoder.1.b");
    assert_true(fabs((double)w[0] + 6.906754778648554) < 1e-5);
    assert_true(fabs((double)w[1] - 6.906754778648554) < 1e-4); /* 1 - 0.999f has lost ten bits */
    assert_true(fabs((double)w[2]) < 1e-6);
    assert_true(fabs((double)w[3] + 1.0986122886681098) < 1e-6);
    assert_true(w[4] == w[0]);
    graph_params_free(p);
    graph_params_free(NULL);
    graph_free(g);
}

static void test_exec_errors(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = new_vae(4, 1);
    GraphParams *params = new_params(g, GRAPH_FLOAT);
    static const char *const wrong[] = {"reconstructoin", NULL}, *const mu[] = {"q.mu", "z", NULL};
    assert_null(graph_exec_alloc(g, &(GraphExecSpec){.outputs = wrong}, params, &err));
    assert_int_equal(err.kind, ERR_SCRIPT);
    assert_string_equal(err.what, "the model has no value named \"reconstructoin\"");
    assert_string_equal(err.hint, "did you mean \"reconstruction\"?");
    assert_non_null(strstr(err.expected, "q.logvar"));
    assert_null(graph_exec_alloc(g, &(GraphExecSpec){.objective = "bond"}, params, &err));
    assert_string_equal(err.hint, "did you mean \"bound\"?");
    assert_null(graph_exec_alloc(g, &(GraphExecSpec){.objective = "z", .feeds = mu}, params, &err));
    assert_non_null(strstr(err.what, "the objective \"z\" depends on no param"));
    assert_null(graph_exec_alloc(g, &(GraphExecSpec){.type = GRAPH_DOUBLE, .objective = "bound"}, params, &err));
    assert_non_null(strstr(err.what, "the params belong to another graph"));
    graph_params_free(params);
    graph_free(g);

    /* a shape that fits the nominal batch only: the error names the batch and the script location */
    g = graph_alloc(4, 1, &err);
    GraphNode x = made(graph_input(g, "x", DIMS(1, B, 3), &err), &err);
    GraphNode y = made(graph_input(g, "y", DIMS(1, 4, 3), &err), &err);
    graph_set_location(g, "fixed.lua:3");
    GraphNode z = made(apply(g, "add", x, y, -1, NULL, NULL, &err), &err);
    assert_int_equal(graph_name(g, "z", z, &err), 0);
    assert_null(graph_exec_alloc(g, &(GraphExecSpec){.batch = 5, .outputs = (const char *[]){"z", NULL}}, NULL, &err));
    assert_string_equal(err.what, "add: a (1, 5, 3) does not fit b (1, 4, 3)");
    assert_string_equal(err.where, "for batch 5, samples 1, fixed.lua:3");
    graph_free(g);
}

/* Params shared by two layers, an argument used twice, a param as objective: the gradients are summed. */
static void test_sharing(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = graph_alloc(1, 1, &err);
    GraphNode w = made(graph_param(g, "w", 1, 1, "constant(3)", &err), &err);
    GraphNode square = made(apply(g, "mul", w, w, -1, NULL, NULL, &err), &err);
    GraphNode stopped = made(apply(g, "stop_gradient", square, -1, -1, NULL, NULL, &err), &err);
    GraphNode cube = made(apply(g, "mul", stopped, w, -1, NULL, NULL, &err), &err);
    GraphNode sum = made(apply(g, "add", cube, square, -1, NULL, NULL, &err), &err);
    assert_int_equal(graph_name(g, "sum", sum, &err), 0);
    assert_int_equal(graph_name(g, "w", w, &err), 0);
    GraphParams *params = graph_params_alloc(g, GRAPH_FLOAT, num_seed(1), NULL, 0, &err);
    GraphExec *p = new_exec(g, params, (GraphExecSpec){.objective = "sum"});
    graph_exec_forward(p);
    for (int twice = 0; twice < 2; twice++) {
        graph_exec_backward(p);
        assert_true(*(const float *)graph_exec_output(p, "sum", NULL) == 36);
        assert_true(*(const float *)graph_exec_gradient(p) == -(9 + 6)); /* -(w^2 held still + 2 w) */
    }
    graph_exec_free(p);
    p = new_exec(g, params, (GraphExecSpec){.objective = "w"});
    graph_exec_forward(p);
    graph_exec_backward(p);
    assert_true(*(const float *)graph_exec_gradient(p) == -1);
    assert_true(*(const float *)graph_exec_output(p, "w", NULL) == 3);
    graph_exec_free(p);
    p = new_exec(g, params, (GraphExecSpec){.outputs = (const char *[]){"w", "sum", NULL},
                                            .feeds = (const char *[]){"w", NULL}});
    *(float *)graph_exec_input(p, "w", NULL) = 2; /* even a param can be a feed */
    graph_exec_forward(p);
    assert_true(*(const float *)graph_exec_output(p, "sum", NULL) == 12);
    assert_true(*(const float *)graph_params_block(params) == 3);
    assert_null(graph_exec_gradient(p));
    graph_exec_backward(p); /* harmless */
    graph_exec_free(p);
    free_all(g, params, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trains),
        cmocka_unit_test(test_shared_memory_same_bits),
        cmocka_unit_test(test_shared_memory_deep),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_threads_and_isa_same_bits),
        cmocka_unit_test(test_whole_gradient),
        cmocka_unit_test(test_float_and_double),
        cmocka_unit_test(test_no_allocation_in_a_step),
        cmocka_unit_test(test_recompile),
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_feeds),
        cmocka_unit_test(test_flops),
        cmocka_unit_test(test_first_nonfinite),
        cmocka_unit_test(test_inits),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_exec_errors),
        cmocka_unit_test(test_sharing),
    };
    return cmocka_run_group_tests_name("graph_exec", tests, NULL, NULL);
}
