/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench/shares.c: how a training step divides its time: the calls of lab/train.c in their order, each timed.
 *
 *     shares DATABASE RUN BATCH SAMPLES THREADS ROUNDS MILLISECONDS
 *
 * Trains the graph of a recorded run of bench/model.lua again, in memory, on MNIST (VAE_LAB_DATA).  Prints JSON: for each round the
 * seconds of each part of one step, and the seconds of the work that is done once per epoch: the order of the examples, the commit of the
 * metrics, a commit with a checkpoint.  The commits go to a separate run in DATABASE.
 */
#include "base/mem.h"
#include "data/data.h"
#include "graph/optimiser.h"
#include "graph/exec.h"
#include "lab/checkpoint.h"
#include "lab/report.h"
#include "num/isa.h"
#include "num/sum.h"
#include "store/store.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS, NOISE, FORWARD, BACKWARD, OPTIMISER, TOTALS, REPORT, PARTS };
static const char *const part_names[PARTS] = {"data", "noise", "forward", "backward", "optimiser", "totals", "report"};

/* The metrics that bench/model.lua records at every epoch. */
static const char *const metrics[] = {"elbo", "reconstruction", "kl", "bound", NULL};
enum { METRICS = 4 };

typedef struct Bench {
    Error err;
    Store *store;
    Graph *graph;
    Data *data;
    GraphParams *params;
    GraphExec *exec;
    Optimiser *optimiser;
    LabReporter reporter;
    uint32_t *order;
    size_t n, batch, next; /* examples, rows of a minibatch, number of the next minibatch */
    NumStream binarise, shuffle;
    double part[PARTS], total;
} Bench;

static void fail(const Bench *b)
{
    error_print(stderr, "shares", &b->err);
    exit(1);
}

/* ---- set-up -------------------------------------------------------------------------------------------------------- */

static int parse(void *context, int columns, const char *const *names, const StoreValue *values)
{
    Bench *b = context;
    (void)columns, (void)names;
    b->graph = graph_parse(values[0].bytes, &b->err);
    return b->graph == NULL ? -1 : 0;
}

static void make(Bench *b, const char *database, long run, size_t samples)
{
    StoreValue id = {.type = STORE_INTEGER, .integer = run};
    b->store = store_open(database, STORE_WRITE, &b->err);
    if (b->store == NULL || store_query(b->store, "select graph from run where id = ?1", &id, 1, parse, b, &b->err) != 0 ||
        b->graph == NULL)
        fail(b);
    DataOptions options = {.binarise = DATA_DYNAMIC};
    b->data = data_open("mnist", &options, &b->err);
    if (b->data == NULL)
        fail(b);
    b->n = data_count(b->data, DATA_TRAIN);
    float *mean = mem_array(data_features(b->data), sizeof *mean);
    b->order = mem_array(b->n, sizeof *b->order);
    if (mean == NULL || b->order == NULL)
        exit(1);
    data_mean(b->data, mean);
    b->params = graph_params_alloc(b->graph, GRAPH_FLOAT, num_seed(1), mean, data_features(b->data), &b->err);
    if (b->params == NULL)
        fail(b);
    const char *outputs[METRICS + 1];
    memcpy(outputs, metrics, sizeof outputs); /* they include `bound`, the objective */
    GraphExecSpec spec = {.batch = b->batch, .samples = samples, .type = GRAPH_FLOAT, .outputs = outputs, .objective = "bound"};
    OptimiserSpec adam;
    b->exec = graph_exec_alloc(b->graph, &spec, b->params, &b->err);
    if (b->exec == NULL || optimiser_defaults(&adam, "adam", &b->err) != 0)
        fail(b);
    b->optimiser = optimiser_alloc(&adam, graph_params_count(b->params), &b->err);
    if (b->optimiser == NULL)
        fail(b);
    b->binarise = num_stream(1, "binarise");
    b->shuffle = num_stream(1, "order");
    num_stream_permutation(b->shuffle, 1, b->n, b->order);
    b->reporter = (LabReporter){.fd = open("/dev/null", O_WRONLY)};
    mem_free(mean);
}

/* ---- one step, as in lab/train.c --------------------------------------------------------------------------------------- */

static double output_mean(const GraphExec *exec, const char *name)
{
    NumShape shape;
    const float *value = graph_exec_output(exec, name, &shape);
    size_t n = num_shape_size(shape);
    return num_total_f32(n, value) / (double)n;
}

static double lap(double *since)
{
    double now = lab_clock(), took = now - *since;
    *since = now;
    return took;
}

static void step(Bench *b)
{
    size_t first = b->next % (b->n / b->batch) * b->batch;
    double t = lab_clock(), since = t;
    data_rows(b->data, DATA_TRAIN, b->order, first, b->batch, b->binarise, 1, graph_exec_input(b->exec, "x", NULL));
    b->part[ROWS] += lap(&t);
    graph_exec_noise(b->exec, num_seed(1), "noise", b->next++);
    b->part[NOISE] += lap(&t);
    graph_exec_forward(b->exec);
    b->part[FORWARD] += lap(&t);
    double bound = output_mean(b->exec, "bound");
    b->part[TOTALS] += lap(&t);
    graph_exec_backward(b->exec);
    b->part[BACKWARD] += lap(&t);
    float *gradient = graph_exec_gradient(b->exec);
    b->total += sqrt(num_sum_squares_f32(graph_params_count(b->params), gradient));
    b->part[TOTALS] += lap(&t);
    optimiser_step(b->optimiser, graph_params_block(b->params), gradient, 1e-3);
    b->part[OPTIMISER] += lap(&t);
    for (size_t i = 0; i < METRICS; i++)
        b->total += output_mean(b->exec, metrics[i]) * (double)b->batch;
    b->part[TOTALS] += lap(&t);
    b->reporter.last.fraction = (double)b->next + lab_clock() - since + bound;
    lab_report(&b->reporter, 0);
    b->part[REPORT] += lap(&t);
}

static void print_round(Bench *b, double seconds, int last)
{
    size_t steps = 0;
    memset(b->part, 0, sizeof b->part);
    for (double start = lab_clock(); steps < 3 || lab_clock() - start < seconds; steps++)
        step(b);
    printf("  {\"steps\": %zu", steps);
    for (int i = 0; i < PARTS; i++)
        printf(", \"%s\": %.9f", part_names[i], b->part[i] / (double)steps);
    printf("}%s\n", last ? "" : ",");
}

/* ---- once per epoch -------------------------------------------------------------------------------------------------------- */

static int64_t claim(Bench *b)
{
    const StoreParam columns[] = {{.name = "epochs", .number = 1}, {.name = "data", .text = "none"}};
    StoreRunSpec spec = {.experiment = "commits", .identity = "commits", .label = "", .graph = "", .plan = "{}",
                         .data_digest = "none", .columns = columns, .ncolumns = 2};
    StoreClaim claimed;
    int64_t run;
    if (store_run_queue(b->store, &spec, 1, &run, &claimed, &b->err) != 0 || store_run_start(b->store, run, &claimed, &b->err) != 0)
        fail(b);
    return run;
}

/* Seconds of the commit of an epoch, with a checkpoint or without. */
static double commit(Bench *b, int64_t run, int64_t epoch, int with_checkpoint)
{
    static const char *const names[] = {"train/elbo", "test/elbo", "train/reconstruction", "test/reconstruction", "train/kl", "test/kl",
                                        "train/bound", "test/bound", "gradient/norm", "time/epoch"};
    enum { COUNT = sizeof names / sizeof names[0] };
    StoreMetric metric[COUNT];
    double totals[METRICS + 1] = {0};
    LabState state = {.epoch = (uint64_t)epoch, .ntotals = METRICS + 1, .totals = totals, .nparams = graph_params_count(b->params),
                      .params = graph_params_block(b->params), .nstate = optimiser_state_count(b->optimiser),
                      .state = optimiser_state(b->optimiser)};
    unsigned char *bytes = mem_alloc(lab_checkpoint_size(&state));
    if (bytes == NULL)
        exit(1);
    for (size_t i = 0; i < COUNT; i++)
        metric[i] = (StoreMetric){.name = names[i], .step = epoch, .value = 0.1 * (double)epoch};
    double start = lab_clock();
    if (with_checkpoint)
        lab_checkpoint_write(&state, bytes);
    StoreCheckpoint checkpoint = {.step = (uint64_t)epoch, .bytes = bytes, .size = lab_checkpoint_size(&state)};
    if (store_run_record(b->store, run, metric, COUNT, with_checkpoint ? &checkpoint : NULL, &b->err) != 0)
        fail(b);
    double took = lab_clock() - start;
    mem_free(bytes);
    return took;
}

static double permutation(Bench *b, uint64_t epoch)
{
    double start = lab_clock();
    num_stream_permutation(b->shuffle, epoch, b->n, b->order);
    return lab_clock() - start;
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: shares DATABASE RUN BATCH SAMPLES THREADS ROUNDS MILLISECONDS\n");
        return 2;
    }
    Bench b = {.err = ERROR_NONE, .batch = strtoul(argv[3], NULL, 10)};
    int rounds = atoi(argv[6]);
    double seconds = 1e-3 * atof(argv[7]);
    if (num_isa_choose(NULL, &b.err) != 0)
        fail(&b);
    num_threads_set(atoi(argv[5]));
    make(&b, argv[1], atol(argv[2]), strtoul(argv[4], NULL, 10));
    for (int i = 0; i < 5; i++)
        step(&b);
    printf("{\"multiply_adds\": %.0f, \"bytes\": %zu, \"parameters\": %zu, \"rounds\": [\n", graph_exec_flops(b.exec),
           graph_exec_bytes(b.exec), graph_params_count(b.params));
    for (int i = 0; i < rounds; i++)
        print_round(&b, seconds, i == rounds - 1);
    printf("], \"epochs\": [\n");
    int64_t run = claim(&b);
    for (int i = 0; i < rounds; i++)
        printf("  {\"shuffle\": %.9f, \"commit\": %.9f, \"checkpoint\": %.9f}%s\n", permutation(&b, 2 + (uint64_t)i),
               commit(&b, run, 2 * i + 1, 0), commit(&b, run, 2 * i + 2, 1), i == rounds - 1 ? "" : ",");
    printf("], \"total\": %g}\n", b.total);
    return 0; /* the process ends: nothing is freed */
}
