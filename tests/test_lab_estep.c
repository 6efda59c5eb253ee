/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_lab_estep.c: Monte Carlo EM: training with draws of the posterior.  The same bits for every number of threads and
 * instruction set, and after an interruption; a run's identity says how z was drawn, and no other run's does.  That the draws are
 * those of p(z|x) is tests/test_lab_posterior.c's matter.
 */
#include "lab_help.h"

#include "num/isa.h"

#include <math.h>

/* SHA-256 of the parameters that setup_em()'s run ends with, on every machine.  It changes only with the arithmetic version. */
#define GOLDEN "2570c5057ea19844aa9468f788b1f0b959e23dffc5ea37d405ccdd96ebfeff28"

#define LAST_DIGEST "select digest from run order by id desc limit 1"

static const char *const bound[] = {"logjoint", NULL};
static LabMonteCarloEM moves;

/* The fixture's decoder without its encoder: z is drawn from p(z|x), and log p(x, z) climbed. */
static int setup_em(void **state)
{
    setup(state);
    Fixture *f = *state;
    moves = (LabMonteCarloEM){.transitions = 2, .leapfrog = 4, .updates = 3, .step = 0.1, .accept = 0.9};
    f->run.posterior = &moves;
    f->run.objective = bound[0];
    f->run.metrics = bound;
    return 0;
}

static void it_learns_and_tests_nothing(void **state)
{
    Fixture *f = *state;
    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.executed, 1);
    double first = atof(request(f, "select value from curves where metric = 'train/logjoint' and step = 1"));
    double last = atof(request(f, "select value from curves where metric = 'train/logjoint' and step = 4"));
    assert_true(first < last && last < 0 && first > -600);
    assert_string_equal(request(f, "select count(*) from curves where metric like 'test/%'"), "0");
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
    assert_string_equal(request(f, "select count(distinct digest) from run where digest is not null"), "1");
    assert_string_equal(request(f, LAST_DIGEST), GOLDEN);
}

/* The chains go on from where they were, with the step sizes that they had. */
static void an_interrupted_run_resumes_in_mid_epoch(void **state)
{
    interrupt_and_resume(*state, 60);
}

/* Several draws of an example are several chains. */
static void draws_have_chains_of_their_own(void **state)
{
    Fixture *f = *state;
    const char *const target[] = {"logjoint", NULL}, *const z[] = {"z", NULL};
    const uint32_t example[3] = {4, 0, 2};
    GraphParams *weights = graph_params_alloc(f->graph, GRAPH_FLOAT, num_seed(1), (float[784]){0}, 784, &f->err);
    GraphExecSpec spec = {.batch = 3, .samples = 2, .type = GRAPH_FLOAT, .outputs = target, .feeds = z, .objective = target[0], .gradient_wrt = GRAPH_FEEDS};
    GraphExec *plan = graph_exec_alloc(f->graph, &spec, weights, &f->err);
    assert_non_null(plan);
    EStep *e = estep_alloc(&f->run, plan, 5, &f->err);
    assert_non_null(e);
    size_t count;
    float *chains = estep_state(e, &count), before[5 * 2 * (LATENT + 1)];
    assert_int_equal(count, 5 * 2 * (LATENT + 1));
    memcpy(before, chains, sizeof before);
    data_rows(f->data, DATA_TRAIN, example, 0, 3, num_stream(1, "binarise"), 1, graph_exec_input(plan, "x", NULL));
    estep_draw(e, plan, example, 3, 7);
    const float *drawn = graph_exec_input(plan, "z", NULL);
    for (size_t i = 0; i < 5; i++)
        for (size_t s = 0; s < 2; s++) {
            size_t chain = i * 2 + s;
            int moved = memcmp(chains + chain * LATENT, before + chain * LATENT, LATENT * sizeof *chains) != 0;
            int tuned = chains[5 * 2 * LATENT + chain] != before[5 * 2 * LATENT + chain];
            assert_int_equal(moved, i != 1 && i != 3); /* this seed has no refusal */
            assert_int_equal(tuned, i != 1 && i != 3);
        }
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < 3; i++)
            assert_memory_equal(drawn + (s * 3 + i) * LATENT, chains + (example[i] * 2 + s) * LATENT, LATENT * sizeof *drawn);
    assert_memory_not_equal(drawn, drawn + 3 * LATENT, LATENT * sizeof *drawn);
    estep_free(e);
    graph_exec_free(plan);
    graph_params_free(weights);
}

static void identity_says_how_z_is_drawn(void **state)
{
    Fixture *f = *state;
    char base[DIGEST_TEXT];
    assert_int_equal(lab_run_identify(&f->run, &f->err), 0);
    strcpy(base, f->run.identity);
    assert_non_null(strstr(f->run.plan, "\"posterior\":{\"accept\":0.9,\"leapfrog\":4,\"step\":0.1,\"transitions\":2,\"updates\":3}"));
#define CHANGED(change, undo)                                       \
    do {                                                            \
        change;                                                     \
        assert_int_equal(lab_run_identify(&f->run, &f->err), 0);    \
        assert_string_not_equal(f->run.identity, base);             \
        undo;                                                       \
    } while (0)
    CHANGED(moves.transitions = 1, moves.transitions = 2);
    CHANGED(moves.leapfrog = 5, moves.leapfrog = 4);
    CHANGED(moves.updates = 1, moves.updates = 3);
    CHANGED(moves.step = 0.2, moves.step = 0.1);
    CHANGED(moves.accept = 0.8, moves.accept = 0.9);
    CHANGED(f->run.posterior = NULL, f->run.posterior = &moves);
    f->run.posterior = NULL;
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

static void what_cannot_work_is_said_before_training(void **state)
{
    Fixture *f = *state;
    REFUSED(moves.leapfrog = 0, moves.leapfrog = 4, "count out of range");
    REFUSED(moves.updates = 0, moves.updates = 3, "count out of range");
    REFUSED(moves.transitions = 0, moves.transitions = 2, "count out of range");
    REFUSED(moves.step = 0, moves.step = 0.1, "step size");
    REFUSED(moves.accept = 1, moves.accept = 0.9, "acceptance");
    REFUSED(moves.accept = NAN, moves.accept = 0.9, "acceptance");
    REFUSED(f->run.samples = 2, f->run.samples = 1, "for each draw and example");
    Graph *whole = f->graph, *bare = graph_alloc(64, 1, &f->err);
    GraphNode x = graph_input(bare, "x", (GraphDims){{1, GRAPH_BATCH, 784}}, &f->err);
    graph_name(bare, "z", x, &f->err);
    graph_name(bare, "bound", x, &f->err);
    f->run.objective = "bound";
    f->run.metrics = (const char *const[]){NULL};
    REFUSED(f->run.graph = bare, f->run.graph = whole, "no 'logjoint'");
    graph_free(bare);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_em, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_learns_and_tests_nothing),
        TEST(threads_and_instruction_sets_agree),
        TEST(an_interrupted_run_resumes_in_mid_epoch),
        TEST(draws_have_chains_of_their_own),
        TEST(identity_says_how_z_is_drawn),
        TEST(what_cannot_work_is_said_before_training),
    };
    return cmocka_run_group_tests_name("lab estep", tests, NULL, NULL);
}
