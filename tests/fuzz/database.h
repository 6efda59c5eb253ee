/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/database.h: a small results.db in a scratch folder: a VAE of two seeds, with curves, weights, evaluations, a
 * sweep, a figure and verdicts.
 */
#ifndef TESTS_FUZZ_DATABASE_H
#define TESTS_FUZZ_DATABASE_H

#include "fuzz/fuzz.h"

#include "base/digest.h"
#include "store/inside.h"

#include <math.h>

enum { FUZZ_RUNS = 2, FUZZ_WEIGHTS = 10 };

/* x -> z = x W + b, and its mean: 2 * 4 + 2 weights. */
static const char fuzz_graph[] = "vae-lab graph 1\nbatch 2\nsamples 1\n%0 = input x (1, b, 2)\n%1 = param e.W (2, 4) "
                                 "glorot_uniform\n%2 = dense(%0, %1; act=tanh)\n%3 = param p.b (1, 2) zeros\n%4 = "
                                 "slice(%2; first=1, count=2)\n%5 = add(%4, %3)\n%6 = mean(%5; axis=features)\nname "
                                 "bound %6\nname elbo %6\nname z %5\n";
static const char fuzz_plan[] = "{\"batch\":2,\"epochs\":3,\"metrics\":[\"elbo\"],\"objective\":\"bound\",\"optimiser\":"
                                "\"sgd(momentum=0, weight_decay=0, clip_norm=0)\",\"rate\":\"0.001\",\"samples\":1,"
                                "\"scalars\":{},\"test_every\":1}";

static inline int64_t fuzz_record_run(Store *s, uint64_t seed)
{
    static const StoreParam params[] = {{"beta", NULL, 0.5}, {"latent", NULL, 2}, {"act", "tanh", 0}};
    static const StoreParam columns[] = {{"epochs", NULL, 3}, {"data", "digits dynamic", 0}};
    static const StoreParam environment[] = {{"isa", "avx2", 0}, {"threads", NULL, 4}};
    static const StoreParam options[] = {{"samples", NULL, 5}};
    static const float weights[FUZZ_WEIGHTS] = {1, 2, 3};
    char identity[DIGEST_TEXT];
    Digest d;
    Error err = ERROR_NONE;
    digest_start(&d);
    digest_bytes(&d, &seed, sizeof seed);
    digest_end(&d, identity);
    StoreRunSpec spec = {.experiment = "fuzz", .question = "does it hold?", .script = "fuzz.lua", .identity = identity,
                         .label = "beta=0.5", .seed = seed, .graph = fuzz_graph, .plan = fuzz_plan,
                         .data_digest = "d1", .columns = columns, .ncolumns = 2, .params = params, .nparams = 3,
                         .environment = environment, .nenvironment = 2};
    StoreClaim claim;
    int64_t run;
    fuzz_must(store_run_queue(s, &spec, 0, &run, &claim, &err), &err);
    fuzz_must(store_run_start(s, run, &claim, &err), &err);
    for (int64_t epoch = 1; epoch <= 3; epoch++) {
        StoreMetric m[] = {{"train/elbo", epoch, -100 + (double)epoch, NULL}, {"test/elbo", epoch, -101 + (double)epoch, NULL},
                           {"test/kl", epoch, epoch == 2 ? HUGE_VAL : 7, NULL}};
        StoreCheckpoint c = {.step = (uint64_t)epoch, .bytes = "state", .size = 5};
        fuzz_must(store_run_record(s, run, m, 3, &c, &err), &err);
    }
    fuzz_must(store_run_finish(s, run, "done", NULL, 1, identity, weights, sizeof weights, "{\"type\":\"float32\"}", &err),
              &err);
    StoreMetric nll = {"test/nll", 0, 99, NULL};
    StoreEvaluation evaluation = {.name = "nll", .options = options, .noptions = 1};
    StoreResults results = {.metrics = &nll, .nmetrics = 1};
    fuzz_must(store_evaluation_put(s, run, &evaluation, &results, &err), &err);
    return run;
}

/* SQLite without locks and statistics, which cost a tenth of the time: a target has one thread.  Without effect where
 * another target of the process has used SQLite. */
static inline void fuzz_quick_sqlite(void)
{
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* Makes the database fuzz_folder/results.db and closes it.  [OUT] path: at least 300 bytes. */
static inline void fuzz_make_database(char *path)
{
    Error err = ERROR_NONE;
    int64_t run[FUZZ_RUNS], sweep;
    fuzz_quick_sqlite();
    fuzz_make_folder();
    snprintf(path, 300, "%s/results.db", fuzz_folder);
    Store *s = store_open(path, STORE_WRITE, &err);
    fuzz_must(s == NULL, &err);
    for (int i = 0; i < FUZZ_RUNS; i++)
        run[i] = fuzz_record_run(s, (uint64_t)i + 1);
    StoreVerdict verdict = {.claim = "it holds", .quantity = "test/kl", .metric = "test/kl", .configuration = "beta=0.5",
                            .low = 1, .high = 9, .value = 7, .ci_low = 6, .ci_high = 8, .seeds = 2, .verdict = "holds", .level = 0.95, .p = 0.01,
                            .population_low = NAN, .population_high = NAN};
    fuzz_must(store_sweep_put(s, "fuzz", "{}", NULL, run, FUZZ_RUNS, &sweep, &err), &err);
    fuzz_must(store_verdicts_put(s, sweep, &verdict, 1, &err), &err);
    fuzz_must(store_figure_put(s, "fuzz", sweep, "curves", "pdf", "curves.pdf", "abc", &err), &err);
    store_close(s);
}

/* [OUT] *size: the bytes of a file, to be freed with free(). */
static inline uint8_t *fuzz_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    FUZZ_CHECK(bytes != NULL && fread(bytes, 1, *size, file) == *size);
    fclose(file);
    return bytes;
}

#endif
