/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_lab_estep.c: Monte Carlo EM: training with draws from the posterior.  The same bits for every number of
 * threads and instruction set, and after an interruption; the identity of such a run covers its settings.
 * (tests/test_infer_posterior.c tests that the draws have the distribution p(z|x).)
 * Slow: starts first.
 */
#include "lab_help.h"

#include "lab/estep.h"
#include "num/isa.h"

#include <math.h>

/* SHA-256 of the parameters that setup_em()'s run ends with, on every machine.  It changes only with the arithmetic
 * version. */
#define GOLDEN "2570c5057ea19844aa9468f788b1f0b959e23dffc5ea37d405ccdd96ebfeff28"

#define LAST_DIGEST "select digest from run order by id desc limit 1"

static const char *const bound[] = {"logjoint", NULL};
static LabMonteCarloEM em;

/* The fixture's decoder without its encoder: z is drawn from p(z|x), and training maximises log p(x, z). */
static int setup_em(void **state)
{
    setup(state);
    Fixture *f = *state;
    em = (LabMonteCarloEM){.transitions = 2, .updates = 3, .hmc = {.leapfrog = 4, .step_size = 0.1, .accept = 0.9}};
    f->run.spec.monte_carlo_em = &em;
    f->run.spec.objective = bound[0];
    f->run.spec.metrics = bound;
    return 0;
}

static void it_learns_and_records_no_test_metrics(void **state)
{
    Fixture *f = *state;
    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.executed, 1);
    double first = atof(value(f, "select value from curves where metric = 'train/logjoint' and step = 1"));
    double last = atof(value(f, "select value from curves where metric = 'train/logjoint' and step = 4"));
    assert_true(first < last && last < 0 && first > -600);
    assert_string_equal(value(f, "select count(*) from curves where metric like 'test/%'"), "0");
}

static void threads_and_instruction_sets_agree(void **state)
{
    Fixture *f = *state;
    const char *const *isa = num_isa_available();
    const char *best = isa[0];
    f->options.fresh = 1;
    for (f->options.threads = 1; f->options.threads <= 2; f->options.threads++)
        sweep(f, &f->run, 1);
    for (; *isa != NULL; isa++) {
        assert_int_equal(num_isa_choose(*isa, &f->err), 0);
        sweep(f, &f->run, 1);
    }
    num_isa_choose(best, &f->err);
    assert_string_equal(value(f, "select count(distinct digest) from run where digest is not null"), "1");
    assert_string_equal(value(f, LAST_DIGEST), GOLDEN);
}

/* The chains continue from their states, with their step sizes. */
static void an_interrupted_run_resumes_in_mid_epoch(void **state)
{
    interrupt_and_resume(*state, INSTRUMENTED ? 20 : 60);
}

/* Each draw of an example has its own chain. */
static void each_draw_has_a_chain(void **state)
{
    Fixture *f = *state;
    const char *const target[] = {"logjoint", NULL}, *const z[] = {"z", NULL};
    const uint32_t example[3] = {4, 0, 2};
    GraphParams *weights = graph_params_alloc(f->graph, GRAPH_FLOAT, num_seed(1), (float[784]){0}, 784, &f->err);
    GraphExecSpec spec = {.batch = 3,
                          .samples = 2,
                          .type = GRAPH_FLOAT,
                          .outputs = target,
                          .feeds = z,
                          .objective = target[0],
                          .gradient_wrt = GRAPH_FEEDS};
    GraphExec *exec = graph_exec_alloc(f->graph, &spec, weights, &f->err);
    assert_non_null(exec);
    EStep *e = estep_alloc(&f->run.spec, exec, 5, &f->err);
    assert_non_null(e);
    size_t count;
    float *chains = estep_state(e, &count), before[5 * 2 * (LATENT + 1)];
    assert_int_equal(count, 5 * 2 * (LATENT + 1));
    memcpy(before, chains, sizeof before);
    data_rows(f->data, DATA_TRAIN, example, 0, 3, num_stream(1, "binarise"), 1, graph_exec_input(exec, "x", NULL));
    estep_draw(e, exec, example, 3, 7);
    const float *drawn = graph_exec_input(exec, "z", NULL);
    for (size_t i = 0; i < 5; i++)
        for (size_t s = 0; s < 2; s++) {
            size_t chain = i * 2 + s;
            int moved = memcmp(chains + chain * LATENT, before + chain * LATENT, LATENT * sizeof *chains) != 0;
            int tuned = chains[5 * 2 * LATENT + chain] != before[5 * 2 * LATENT + chain];
            assert_int_equal(moved, i != 1 && i != 3); /* with this seed every proposal is accepted */
            assert_int_equal(tuned, i != 1 && i != 3);
        }
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < 3; i++)
            assert_memory_equal(drawn + (s * 3 + i) * LATENT, chains + (example[i] * 2 + s) * LATENT,
                                LATENT * sizeof *drawn);
    assert_memory_not_equal(drawn, drawn + 3 * LATENT, LATENT * sizeof *drawn);
    estep_free(e);
    graph_exec_free(exec);
    graph_params_free(weights);
}

static void identity_covers_the_settings(void **state)
{
    Fixture *f = *state;
    char base[DIGEST_TEXT];
    assert_int_equal(lab_run_identify(&f->run, &f->err), 0);
    strcpy(base, f->run.identity);
    assert_non_null(strstr(
        f->run.plan, "\"posterior\":{\"accept\":0.9,\"leapfrog\":4,\"step\":0.1,\"transitions\":2,\"updates\":3}"));
#define CHANGED(change, undo)                                       \
    do {                                                            \
        change;                                                     \
        assert_int_equal(lab_run_identify(&f->run, &f->err), 0);    \
        assert_string_not_equal(f->run.identity, base);             \
        undo;                                                       \
    } while (0)
    CHANGED(em.transitions = 1, em.transitions = 2);
    CHANGED(em.hmc.leapfrog = 5, em.hmc.leapfrog = 4);
    CHANGED(em.updates = 1, em.updates = 3);
    CHANGED(em.hmc.step_size = 0.2, em.hmc.step_size = 0.1);
    CHANGED(em.hmc.accept = 0.8, em.hmc.accept = 0.9);
    CHANGED(f->run.spec.monte_carlo_em = NULL, f->run.spec.monte_carlo_em = &em);
    f->run.spec.monte_carlo_em = NULL;
    assert_int_equal(lab_run_identify(&f->run, &f->err), 0);
    assert_null(strstr(f->run.plan, "posterior"));
}

#define REFUSED(change, undo, word)                              \
    do {                                                         \
        change;                                                  \
        assert_int_equal(lab_run_identify(&f->run, &f->err), -1); \
        assert_non_null(strstr(f->err.what, word));              \
        undo;                                                    \
    } while (0)

static void bad_settings_are_refused_before_training(void **state)
{
    Fixture *f = *state;
    REFUSED(em.hmc.leapfrog = 0, em.hmc.leapfrog = 4, "leapfrog of Monte Carlo EM");
    REFUSED(em.updates = 0, em.updates = 3, "updates of");
    REFUSED(em.transitions = 0, em.transitions = 2, "transitions of");
    REFUSED(em.hmc.step_size = 0, em.hmc.step_size = 0.1, "step_size of");
    REFUSED(em.hmc.accept = 1, em.hmc.accept = 0.9, "accept of");
    REFUSED(em.hmc.accept = NAN, em.hmc.accept = 0.9, "accept of");
    REFUSED(f->run.spec.samples = 2, f->run.spec.samples = 1, "for each draw and example");
    Graph *whole = f->graph, *bare = graph_alloc(64, 1, &f->err);
    GraphNode x = graph_input(bare, "x", (GraphDims){{1, GRAPH_BATCH, 784}}, &f->err);
    graph_name(bare, "z", x, &f->err);
    graph_name(bare, "bound", x, &f->err);
    f->run.spec.objective = "bound";
    f->run.spec.metrics = (const char *const[]){NULL};
    REFUSED(f->run.spec.graph = bare, f->run.spec.graph = whole, "no 'logjoint'");
    graph_free(bare);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_em, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_learns_and_records_no_test_metrics),
        TEST(threads_and_instruction_sets_agree),
        TEST(an_interrupted_run_resumes_in_mid_epoch),
        TEST(each_draw_has_a_chain),
        TEST(identity_covers_the_settings),
        TEST(bad_settings_are_refused_before_training),
    };
    return cmocka_run_group_tests_name("lab estep", tests, NULL, NULL);
}
