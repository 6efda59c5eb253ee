/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_store.c: a run's life in results.db: queued, started, recorded, resumed, ended, superseded; artifacts,
 * evaluations, readers; memory that runs out.
 */
#include "store_help.h"

#include "base/mem.h"
#include "store/read.h"

static Error err;

static int setup(void **state)
{
    return make_folder(state);
}

/* ---- a run's life ----------------------------------------------------------------------------------------------- */

static void a_run_from_queue_to_done(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    StoreRunSpec spec = a_run("id1", "beta=0.5", 7);
    StoreClaim claim;
    int64_t run, again;
    must(store_run_find(s, "id1", &run, &claim, &err));
    assert_int_equal(run, 0);
    assert_int_equal(claim, STORE_NEW);
    must(store_run_queue(s, &spec, 0, &run, &claim, &err));
    assert_int_equal(claim, STORE_NEW);
    assert_string_equal(words(s, "SELECT status FROM runs"), "queued");
    assert_string_equal(words(s, "SELECT question FROM experiment"), "does it work?");
    assert_true(number(s, "SELECT beta FROM runs") == 0.5);
    assert_true(number(s, "SELECT latent FROM runs") == 2);
    assert_string_equal(words(s, "SELECT typeof(latent) FROM runs"), "integer");
    assert_string_equal(words(s, "SELECT value FROM param WHERE name = 'act'"), "tanh");
    assert_string_equal(words(s, "SELECT value FROM environment WHERE name = 'isa'"), "avx2");
    must(store_run_start(s, run, &claim, &err));
    assert_int_equal(claim, STORE_NEW);
    assert_string_equal(words(s, "SELECT status FROM runs"), "running");
    assert_true(number(s, "SELECT process FROM run") == getpid());

    StoreMetric m[] = {{"train/elbo", 1, -200.25, NULL}, {"train/elbo", 2, -150.5, NULL}, {"test/elbo", 2, -151, NULL}, {"test/nll", 0, -140.125, NULL}};
    StoreCheckpoint c = {.step = 2, .bytes = "state", .size = 5};
    must(store_run_record(s, run, m, 4, &c, &err));
    assert_true(number(s, "SELECT epochs FROM runs") == 2);
    assert_true(number(s, "SELECT elbo FROM runs") == -151);
    assert_true(number(s, "SELECT nll FROM runs") == -140.125);
    assert_true(isnan(number(s, "SELECT kl FROM runs")));
    assert_true(number(s, "SELECT count(*) FROM curves") == 3); /* step 0 is about the whole run */

    uint64_t step;
    void *bytes;
    size_t size;
    must(store_run_checkpoint(s, run, &step, &bytes, &size, &err));
    assert_int_equal(step, 2);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "state", 5);
    mem_free(bytes);

    float w[] = {1, 2.5f, -3};
    must(store_run_finish(s, run, "done", NULL, 1.5, "abc", w, sizeof w, "{}", &err));
    assert_string_equal(words(s, "SELECT status FROM runs"), "done");
    assert_true(number(s, "SELECT seconds FROM runs") == 1.5);
    must(store_run_checkpoint(s, run, &step, &bytes, &size, &err));
    assert_null(bytes);
    must(store_artifact_get(s, run, "weights", &bytes, &size, &err));
    assert_int_equal(size, sizeof w);
    assert_memory_equal(bytes, w, sizeof w);
    mem_free(bytes);

    must(store_run_queue(s, &spec, 0, &again, &claim, &err));
    assert_int_equal(claim, STORE_DONE);
    assert_int_equal(again, run);
    must(store_run_start(s, run, &claim, &err));
    assert_int_equal(claim, STORE_DONE);
    store_close(s);
}

/* The columns of a run that the store does not use itself are given by name. */
static void columns_by_name(void **state)
{
    (void)state;
    static const StoreParam wrong[] = {{"epochs", NULL, 10}, {"data", "x", 0}, {"nonsense", "x", 0}};
    Store *s = open_or_fail(database, STORE_WRITE);
    StoreRunSpec spec = a_run("id", "a", 1);
    StoreClaim claim;
    int64_t run;
    must(store_run_queue(s, &spec, 0, &run, &claim, &err));
    assert_string_equal(words(s, "SELECT typeof(epochs) || ' ' || epochs || ' ' || data FROM run"), "integer 10 digits dynamic");
    spec = a_run("id2", "b", 1);
    spec.columns = wrong;
    spec.ncolumns = 3;
    assert_int_equal(store_run_queue(s, &spec, 0, &run, &claim, &err), -1);
    assert_non_null(strstr(err.found, "nonsense"));
    spec.ncolumns = 1; /* data is missing */
    assert_int_equal(store_run_queue(s, &spec, 0, &run, &claim, &err), -1);
    assert_true(number(s, "SELECT count(*) FROM run") == 1);
    store_close(s);
}

/* A value that SQLite does not take fails the call; it was recorded as NULL once. */
static void a_column_that_cannot_be_bound_is_an_error(void **state)
{
    (void)state;
    char long_text[4000];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    const StoreParam columns[] = {{"epochs", NULL, 10}, {"data", "x", 0}, {"imported", long_text, 0}};
    Store *s = open_or_fail(database, STORE_WRITE);
    StoreRunSpec spec = a_run("id", "a", 1);
    spec.columns = columns;
    spec.ncolumns = 3;
    StoreClaim claim;
    int64_t run;
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 3000);
    assert_int_equal(store_run_queue(s, &spec, 0, &run, &claim, &err), -1);
    assert_non_null(strstr(err.what, "too large"));
    assert_non_null(strstr(err.where, "column imported"));
    assert_true(number(s, "SELECT count(*) FROM run") == 0);
    store_close(s);
}

static void interrupted_is_resumed_and_keeps_its_checkpoint(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    const char *ends[] = {"interrupted", "failed"};
    for (int i = 0; i < 2; i++) {
        StoreClaim claim;
        int64_t run = queue_run(s, ends[i], "a", 1);
        must(store_run_start(s, run, &claim, &err));
        StoreCheckpoint c = {.step = 1, .bytes = "s", .size = 1};
        must(store_run_record(s, run, NULL, 0, &c, &err));
        must(store_run_finish(s, run, ends[i], "why", 1, NULL, NULL, 0, NULL, &err));
        int64_t found;
        must(store_run_find(s, ends[i], &found, &claim, &err));
        assert_int_equal(found, run);
        assert_int_equal(claim, STORE_RESUMED);
        must(store_run_start(s, run, &claim, &err));
        assert_int_equal(claim, STORE_RESUMED);
        uint64_t step;
        void *bytes;
        size_t size;
        must(store_run_checkpoint(s, run, &step, &bytes, &size, &err));
        assert_non_null(bytes);
        mem_free(bytes);
    }
    int64_t run = queue_run(s, "diverged", "a", 1);
    must(store_run_finish(s, run, "diverged", "nan at epoch 3", 1, NULL, NULL, 0, NULL, &err));
    StoreClaim claim;
    must(store_run_find(s, "diverged", &run, &claim, &err));
    assert_int_equal(claim, STORE_DONE);
    assert_int_equal(store_run_finish(s, run, "finished", NULL, 1, NULL, NULL, 0, NULL, &err), -1); /* not a status */
    assert_int_equal(store_run_finish(s, 999, "done", NULL, 1, NULL, NULL, 0, NULL, &err), -1);
    assert_non_null(strstr(err.what, "no run 999"));
    assert_int_equal(store_run_start(s, 999, &claim, &err), -1);
    store_close(s);
}

static void fresh_supersedes(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    StoreRunSpec spec = a_run("id", "a", UINT64_MAX);
    StoreClaim claim;
    int64_t first, second, found;
    must(store_run_queue(s, &spec, 0, &first, &claim, &err));
    assert_string_equal(words(s, "SELECT seed FROM runs"), "18446744073709551615");
    record_one(s, first, "test/elbo", 1, -100);
    must(store_run_finish(s, first, "done", NULL, 1, "x", NULL, 0, NULL, &err));
    must(store_run_queue(s, &spec, 1, &second, &claim, &err));
    assert_int_equal(claim, STORE_NEW);
    assert_int_not_equal(first, second);
    assert_true(number(s, "SELECT count(*) FROM run") == 2);
    assert_true(number(s, "SELECT count(*) FROM runs") == 1);
    assert_true(number(s, "SELECT count(*) FROM curves") == 0);
    assert_true(number(s, "SELECT superseded_by FROM run ORDER BY id LIMIT 1") == (double)second);
    must(store_run_find(s, "id", &found, &claim, &err));
    assert_int_equal(found, second);
    store_close(s);
}

/* ---- metrics ---------------------------------------------------------------------------------------------------- */

/* Two experiments that need the same run: one row of run, and in the views one row per experiment, with its label
 * and settings. */
static void a_run_of_two_experiments(void **state)
{
    (void)state;
    static const StoreParam named_otherwise[] = {{"weight", NULL, 0.5}};
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "beta=0.5", 1), same, newer;
    record_one(s, run, "test/elbo", 1, -100);
    must(store_run_finish(s, run, "done", NULL, 1, "d", NULL, 0, NULL, &err));
    StoreRunSpec spec = a_run("id", "weight=0.5", 1);
    StoreClaim claim;
    spec.experiment = "other";
    spec.params = named_otherwise;
    spec.nparams = 1;
    must(store_run_queue(s, &spec, 0, &same, &claim, &err));
    assert_true(claim == STORE_DONE && same == run);
    assert_true(number(s, "SELECT count(*) FROM run") == 1);
    assert_string_equal(words(s, "SELECT group_concat(experiment || ' ' || label || ' ' || coalesce(beta, '-') || ' ' || elbo, ';') FROM "
                                 "(SELECT * FROM runs ORDER BY experiment)"), "other weight=0.5 - -100.0;test beta=0.5 0.5 -100.0");
    assert_true(number(s, "SELECT mean FROM summary WHERE experiment = 'other' AND label = 'weight=0.5'") == -100);
    assert_true(number(s, "SELECT max(seeds) FROM summary") == 1);
    assert_true(number(s, "SELECT count(*) FROM curves WHERE experiment = 'other'") == 1);
    assert_true(number(s, "SELECT count(*) FROM param WHERE name = 'weight'") == 0); /* these are the settings of the first experiment */

    spec.label = "w=0.5"; /* the latest label of this experiment; that of the other is unchanged */
    must(store_run_queue(s, &spec, 0, &same, &claim, &err));
    assert_string_equal(words(s, "SELECT group_concat(label, ';') FROM (SELECT label FROM runs ORDER BY label)"), "beta=0.5;w=0.5");
    must(store_run_queue(s, &spec, 1, &newer, &claim, &err)); /* --fresh: both experiments have the new run */
    assert_true(claim == STORE_NEW && newer != run);
    assert_string_equal(words(s, "SELECT group_concat(label || ' ' || id, ';') FROM (SELECT label, id FROM runs ORDER BY label)"),
                        "beta=0.5 2;w=0.5 2");
    assert_true(number(s, "SELECT beta FROM runs WHERE experiment = 'test'") == 0.5);
    assert_string_equal(words(s, "SELECT group_concat(id || ' ' || label || ' ' || coalesce(also_in, '-') || ' ' || "
                                 "coalesce(superseded_by, '-'), ';') FROM details"),
                        "1 beta=0.5 other/w=0.5 2;2 w=0.5 test/beta=0.5 -");
    store_close(s);
}

static void equal_to_the_bit_or_refused(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    double value = -123.456789;
    record_one(s, run, "train/elbo", 1, value);
    record_one(s, run, "train/elbo", 1, value);
    record_one(s, run, "zero", 1, -0.0); /* SQLite keeps no sign of zero */
    record_one(s, run, "zero", 1, -0.0);
    StoreMetric both[] = {{"train/kl", 1, 5, NULL}, {"train/elbo", 1, nextafter(value, 0), NULL}};
    assert_int_equal(store_run_record(s, run, both, 2, NULL, &err), -1);
    assert_int_equal(err.kind, ERR_STORE);
    assert_non_null(strstr(err.what, "not reproducible"));
    assert_non_null(strstr(err.what, "train/elbo at epoch 1"));
    assert_string_not_equal(err.found, err.expected);
    assert_true(number(s, "SELECT count(*) FROM metric JOIN metric_name ON id = metric WHERE name = 'train/kl'") ==
                0); /* nothing of that call is recorded */
    assert_true(number(s, "SELECT value FROM metric JOIN metric_name ON id = metric WHERE name = 'train/elbo'") == value);
    record_one(s, run, "time/epoch", 1, 2.5); /* the machine's time is no result: the later value replaces it */
    record_one(s, run, "time/epoch", 1, 3.5);
    assert_true(number(s, "SELECT value FROM metric JOIN metric_name ON id = metric WHERE name = 'time/epoch'") == 3.5);
    StoreMetric orphan = {"a", 1, 1, NULL};
    assert_int_equal(store_run_record(s, 999, &orphan, 1, NULL, &err), -1);
    store_close(s);
}

static void not_finite_is_null_with_its_kind(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    record_one(s, run, "test/elbo", 1, NAN);
    record_one(s, run, "test/kl", 1, INFINITY);
    record_one(s, run, "test/nll", 1, -INFINITY);
    record_one(s, run, "test/elbo", 1, NAN); /* again: equal */
    record_one(s, run, "test/nll", 1, -INFINITY);
    StoreMetric m = {"test/nll", 1, INFINITY, NULL};
    assert_int_equal(store_run_record(s, run, &m, 1, NULL, &err), -1);
    assert_string_equal(err.expected, "-inf");
    assert_true(number(s, "SELECT count(*) FROM metric WHERE value IS NULL") == 3);
    assert_string_equal(words(s, "SELECT group_concat(kind) FROM (SELECT kind FROM last_values ORDER BY metric)"),
                        "nan,inf,-inf");
    assert_true(number(s, "SELECT count(*) FROM runs WHERE elbo < 1000") == 0);
    store_close(s);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

static void put_posteriors(Store *s, int64_t run, StorePosteriors p)
{
    must(store_evaluation_put(s, run, &(StoreEvaluation){"codes", NULL, 0}, &(StoreResults){.posteriors = &p}, &err));
}

static void artifacts_and_posteriors(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    void *bytes;
    size_t size;
    must(store_artifact_put(s, run, "originals", "uint8", NULL, "abc", 3, &err));
    must(store_artifact_put(s, run, "originals", "uint8", "{}", "defgh", 5, &err));
    must(store_artifact_put(s, run, "empty", "uint8", NULL, NULL, 0, &err));
    must(store_artifact_get(s, run, "originals", &bytes, &size, &err));
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "defgh", 5);
    mem_free(bytes);
    must(store_artifact_get(s, run, "empty", &bytes, &size, &err));
    assert_non_null(bytes);
    assert_int_equal(size, 0);
    mem_free(bytes);
    must(store_artifact_get(s, run, "nothing", &bytes, &size, &err));
    assert_null(bytes);
    assert_int_equal(store_artifact_put(s, 999, "a", "b", NULL, "c", 1, &err), -1);

    int64_t example[] = {3, 8};
    int label[] = {7, -1};
    float mu[] = {1, 2, 3, 4}, sigma[] = {0.5f, 0.25f, 0.125f, 2};
    put_posteriors(s, run, (StorePosteriors){2, 2, example, label, mu, sigma});
    put_posteriors(s, run, (StorePosteriors){2, 2, example, label, mu, sigma}); /* replaces */
    assert_true(number(s, "SELECT count(*) FROM posterior") == 2);
    assert_true(isnan(number(s, "SELECT label FROM posterior WHERE example = 8")));
    assert_true(number(s, "SELECT mu2 FROM posterior WHERE example = 8") == 4);
    assert_string_equal(words(s, "SELECT hex(mu) FROM posterior WHERE example = 3"), "0000803F00000040");
    assert_true(number(s, "SELECT major FROM ellipses WHERE example = 3") == 0.5);
    assert_true(number(s, "SELECT minor FROM ellipses WHERE example = 3") == 0.25);
    assert_true(number(s, "SELECT angle FROM ellipses WHERE example = 3") == 0);
    assert_true(number(s, "SELECT angle FROM ellipses WHERE example = 8") == 90);
    assert_true(number(s, "SELECT major FROM ellipses WHERE example = 8") == 2);
    float bad[] = {NAN, 1, 2, INFINITY, 1, 1};
    put_posteriors(s, run, (StorePosteriors){2, 3, example, NULL, bad, bad}); /* three dimensions: no ellipses */
    assert_true(number(s, "SELECT count(*) FROM ellipses") == 0);
    assert_true(isnan(number(s, "SELECT mu1 FROM posterior WHERE example = 3")));
    put_posteriors(s, run, (StorePosteriors){2, 1, example, NULL, mu, sigma}); /* one dimension */
    assert_true(isnan(number(s, "SELECT mu2 FROM posterior WHERE example = 3")));
    store_close(s);
}

static int is_recorded(Store *s, int64_t run, const char *name, const StoreParam *options, size_t n)
{
    int recorded = -1;
    must(store_evaluation_find(s, run, &(StoreEvaluation){name, options, n}, &recorded, &err));
    return recorded;
}

/* An evaluation counts as recorded only with exactly its options; another call replaces them. */
static void evaluations_with_their_options(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    const StoreParam o[] = {{"draws", "[1,5]", 0}, {"rate", NULL, 0.02}, {"samples", NULL, 500}, {"limit", NULL, INFINITY}};
    const StoreParam fewer[] = {{"draws", "[1,50]", 0}};
    assert_int_equal(is_recorded(s, run, "nll", o, 4), 0);
    must(store_evaluation_put(s, run, &(StoreEvaluation){"nll", o, 4}, NULL, &err));
    assert_int_equal(is_recorded(s, run, "nll", o, 4), 1);
    assert_int_equal(is_recorded(s, run, "nll", o, 3), 0);
    assert_int_equal(is_recorded(s, run, "elbo", o, 4), 0);
    assert_int_equal(is_recorded(s, run, "nll", fewer, 1), 0);
    assert_string_equal(words(s, "SELECT group_concat(typeof(value)) FROM evaluation_option"), "text,text,real,integer");
    must(store_evaluation_put(s, run, &(StoreEvaluation){"nll", fewer, 1}, NULL, &err));
    assert_int_equal(is_recorded(s, run, "nll", fewer, 1), 1);
    assert_true(number(s, "SELECT count(*) FROM evaluation_option") == 1);
    must(store_evaluation_put(s, run, &(StoreEvaluation){"pixels", NULL, 0}, NULL, &err));
    assert_int_equal(is_recorded(s, run, "pixels", NULL, 0), 1);
    assert_int_equal(is_recorded(s, run, "pixels", fewer, 1), 0);
    assert_int_equal(store_evaluation_put(s, 999, &(StoreEvaluation){"nll", NULL, 0}, NULL, &err), -1);
    store_close(s);
}

/* A failed evaluation does not count as recorded, and the run's problem names it; a success clears it.  What an
 * evaluation measured is recorded as a whole or not at all. */
static void a_failed_evaluation_is_tried_again(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1), example = 1;
    const StoreEvaluation nll = {"nll", (const StoreParam[]){{"samples", NULL, 500}}, 1};
    const StoreMetric metric = {"test/nll", 0, 90, NULL};
    const StoreArtifact artifact = {"codes", "float32", NULL, "abcd", 4}, no_kind = {"more", NULL, NULL, "", 0};
    const float mu[2] = {1, 2};
    const StorePosteriors posteriors = {1, 2, &example, NULL, mu, mu};
    StoreResults results = {&metric, 1, (const StoreArtifact[]){artifact, no_kind}, 2, &posteriors, 0};
    must(store_run_finish(s, run, "done", NULL, 1, "x", NULL, 0, NULL, &err));
    assert_int_equal(store_evaluation_put(s, run, &nll, &results, &err), -1); /* an artifact without a kind */
    assert_int_equal(is_recorded(s, run, "nll", nll.options, 1), 0);
    assert_true(number(s, "SELECT (SELECT count(*) FROM metric) + (SELECT count(*) FROM artifact) + "
                          "(SELECT count(*) FROM posterior)") == 0);
    must(store_evaluation_fail(s, run, &nll, "weights are zero\n  found 0", &err));
    assert_int_equal(is_recorded(s, run, "nll", nll.options, 1), 0);
    assert_string_equal(words(s, "SELECT problem FROM runs"), "evaluation nll failed: weights are zero");
    assert_string_equal(words(s, "SELECT message FROM evaluation"), "weights are zero\n  found 0");
    assert_string_equal(words(s, "SELECT status FROM runs"), "done");
    record_one(s, run, "test/kl", 1, 3);
    assert_true(number(s, "SELECT failed_evaluations FROM summary WHERE metric = 'test/kl'") == 1);
    int64_t draws = -1;
    must(store_nll_draws(s, run, &draws, &err));
    assert_int_equal(draws, 0);
    results.nartifacts = 1;
    must(store_evaluation_put(s, run, &nll, &results, &err));
    assert_int_equal(is_recorded(s, run, "nll", nll.options, 1), 1);
    assert_string_equal(words(s, "SELECT problem FROM runs"), "(no text)");
    assert_true(number(s, "SELECT failed_evaluations FROM summary WHERE metric = 'test/kl'") == 0);
    assert_true(number(s, "SELECT nll FROM runs") == 90);
    store_close(s);
}

static void sweeps_and_figures(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t runs[2] = {queue_run(s, "id2", "b", 1), queue_run(s, "id1", "a", 1)}, sweep, last;
    must(store_sweep_put(s, "test", "{}", NULL, runs, 2, &sweep, &err));
    must(store_sweep_put(s, "test", "{}", NULL, runs, 1, &last, &err));
    assert_true(last > sweep);
    assert_true(number(s, "SELECT run FROM sweep_run WHERE sweep = 1 AND position = 2") == (double)runs[1]);
    assert_string_equal(words(s, "SELECT question FROM experiment"), "does it work?"); /* the sweep does not overwrite it */
    must(store_figure_put(s, "test", sweep, "curves", "pdf", "a/curves.pdf", "d1", &err));
    must(store_figure_put(s, "test", 0, "curves", "pdf", "a/curves.pdf", "d2", &err));
    assert_true(number(s, "SELECT count(*) FROM figure") == 1);
    assert_string_equal(words(s, "SELECT digest FROM figure"), "d2");
    int64_t nothing = 999;
    assert_int_equal(store_sweep_put(s, "test", "{}", NULL, &nothing, 1, &sweep, &err), -1); /* no such run */
    assert_true(number(s, "SELECT count(*) FROM sweep") == 2);
    store_close(s);
}

static int join_row(void *context, int columns, const char *const *names, const StoreValue *v)
{
    char *text = context;
    for (int i = 0; i < columns; i++)
        snprintf(text + strlen(text), 500 - strlen(text), v[i].type == STORE_TEXT ? "%s=%s " : v[i].type == STORE_NULL ? "%s " : "%s=%.0s%g ",
                 names[i], v[i].type == STORE_TEXT ? (const char *)v[i].bytes : "", v[i].real);
    return 0;
}

static void readers_of_a_run(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1), other = queue_run(s, "id2", "b", 2), epoch, sweep;
    char status[STORE_STATUS], message[40], rows[500] = "", *graph;
    must(store_run_status(s, run, status, message, sizeof message, &err));
    assert_string_equal(status, "queued");
    assert_string_equal(message, "");
    must(store_run_last_epoch(s, run, &epoch, &err));
    assert_int_equal(epoch, 0);
    record_one(s, run, "time/epoch", 3, 0.5);
    record_one(s, run, "test/elbo", 3, -90.5);
    record_one(s, run, "test/kl", 0, NAN);
    must(store_run_last_epoch(s, run, &epoch, &err));
    assert_int_equal(epoch, 3);
    must(store_run_finish(s, run, "done", "why", 1, NULL, NULL, 0, NULL, &err));
    must(store_run_status(s, run, status, message, 3, &err));
    assert_string_equal(status, "done");
    assert_string_equal(message, "wh");
    must(store_run_graph(s, run, &graph, &err));
    assert_string_equal(graph, "x = input");
    mem_free(graph);
    must(store_run_rng(s, run, &graph, &err));
    assert_null(graph); /* the plan names no generator */
    assert_int_equal(sqlite3_exec(s->db, "UPDATE run SET plan = '{\"rng\": \"mt19937\"}'", NULL, NULL, NULL), SQLITE_OK);
    for (int n = 1; n <= 3; n++) { /* out of memory is an error, not the default generator */
        mem_fail_after(n);
        assert_int_equal(store_run_rng(s, run, &graph, &err), -1);
        mem_fail_after(0);
    }
    must(store_run_rng(s, run, &graph, &err));
    assert_string_equal(graph, "mt19937");
    mem_free(graph);
    assert_int_equal(store_run_graph(s, 99, &graph, &err), -1);
    assert_non_null(strstr(err.what, "no run 99"));
    assert_int_equal(store_run_status(s, 99, status, NULL, 0, &err), -1);

    must(store_run_settings(s, run, "test", join_row, rows, &err));
    assert_string_equal(rows, "name=act value=tanh name=beta value=0.5 name=latent value=2 ");
    rows[0] = '\0';
    must(store_run_last_values(s, run, "test", join_row, rows, &err));
    assert_string_equal(rows, "name=test/elbo value=-90.5 name=test/kl value name=time/epoch value=0.5 ");
    must(store_sweep_put(s, "test", "{}", NULL, (int64_t[]){other, run}, 2, &sweep, &err));
    rows[0] = '\0';
    must(store_sweep_results(s, sweep, join_row, rows, &err));
    assert_string_equal(rows, "id=1 label=a seed=1 status=done elbo=-90.5 reconstruction kl nll "
                              "id=2 label=b seed=2 status=queued elbo reconstruction kl nll ");
    rows[0] = '\0';
    must(store_sweep_runs(s, sweep, "test", join_row, rows, &err)); /* finished ones alone */
    assert_non_null(strstr(rows, "id=1 experiment=test label=a "));
    assert_null(strstr(rows, "id=2"));

    must(store_run_dequeue(s, run, "interrupted", "stopped", &err)); /* not queued: left as it is */
    must(store_run_dequeue(s, other, "interrupted", "stopped", &err));
    assert_string_equal(words(s, "SELECT group_concat(status || coalesce(message, '')) FROM run"), "donewhy,interruptedstopped");
    store_close(s);
}

static void find_sweep(Store *s, int64_t number, const char *const *set, size_t n, int64_t id, int64_t runs,
                       int64_t done)
{
    StoreSweep sweep = {-1, -1, -1};
    must(store_sweep_find(s, "test", number, set, n, &sweep, &err));
    assert_int_equal(sweep.id, id);
    assert_int_equal(sweep.runs, runs);
    assert_int_equal(sweep.done, done);
}

static void readers_of_sweeps_and_names(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t runs[2] = {queue_run(s, "id", "beta=1", 1), queue_run(s, "id2", "beta=2", 1)}, sweep;
    char nearest[STORE_NAME];
    StoreContents contents;
    StoreBand band;
    must(store_run_finish(s, runs[0], "done", NULL, 1, NULL, NULL, 0, NULL, &err));
    must(store_sweep_put(s, "test", "{\"data\":\"mnist\",\"k\":\"a=b \\\"c\\\"\"}", NULL, runs, 2, &sweep, &err));
    must(store_sweep_put(s, "test", "{}", NULL, runs, 1, &sweep, &err));
    find_sweep(s, 0, NULL, 0, 2, 1, 1); /* the latest */
    find_sweep(s, 1, NULL, 0, 1, 2, 1);
    find_sweep(s, 3, NULL, 0, 0, 0, 0);
    find_sweep(s, 0, (const char *const[]){"data=mnist"}, 1, 1, 2, 1);
    find_sweep(s, 0, (const char *const[]){"k=a=b \"c\"", "data=mnist"}, 2, 1, 2, 1);
    find_sweep(s, 0, (const char *const[]){"data=mnist", "k=a"}, 2, 0, 0, 0);
    find_sweep(s, 2, (const char *const[]){"data=mnist"}, 1, 0, 0, 0);

    must(store_nearest_name(s, "nothing", 0, nearest, &err));
    assert_string_equal(nearest, "");
    must(store_nearest_name(s, "tesst", 0, nearest, &err));
    assert_string_equal(nearest, "test");
    must(store_nearest_name(s, "beta=3", 0, nearest, &err)); /* no labels */
    assert_string_equal(nearest, "");
    must(store_nearest_name(s, "beta=2", 1, nearest, &err)); /* the name itself, not one that is as near */
    assert_string_equal(nearest, "beta=2");

    must(store_contents(s, &contents, &err));
    assert_int_equal(contents.runs, 2);
    assert_int_equal(contents.done, 1);
    assert_int_equal(contents.wal, strcmp(words(s, "PRAGMA journal_mode"), "wal") == 0);
    must(store_expected(s, "test", "c", "test/elbo", &band, &err));
    assert_int_equal(band.claims, 0);
    assert_true(isnan(band.low) && isnan(band.high));
    store_close(s);
}

/* ---- queries ---------------------------------------------------------------------------------------------------- */

static int count_rows(void *context, int columns, const char *const *names, const StoreValue *values)
{
    (void)columns, (void)names, (void)values;
    return ++*(int *)context == 3;
}

static void verdicts_on_claims(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t sweep, runs[1] = {queue_run(s, "id", "a", 1)};
    StoreVerdict v[2] = {
        {.claim = "it is so", .quantity = "test/kl", .source = "table 1", .low = 1, .high = NAN, .value = 2, .ci_low = 1.5,
         .ci_high = 2.5, .seeds = 3, .verdict = "holds", .level = 0.95, .p = 0.01, .seeds_needed = 7, .population_low = 1,
         .population_high = NAN, .scale = "log", .reason = "why", .post_hoc = "what"},
        {.claim = "and so", .quantity = "test/nll", .low = NAN, .high = 3, .value = NAN, .ci_low = NAN, .ci_high = NAN,
         .verdict = "open", .level = NAN, .p = NAN, .population_low = NAN, .population_high = NAN, .note = "no run"},
    };
    must(store_sweep_put(s, "test", "{}", NULL, runs, 1, &sweep, &err));
    must(store_verdicts_put(s, sweep, v, 2, &err));
    assert_true(number(s, "SELECT sum(position * (low = 1) * (high IS NULL) * (value = 2) * (ci_low = 1.5) * (ci_high = 2.5) * "
                          "(seeds = 3) * (source = 'table 1') * (verdict = 'holds') * (level = 0.95) * (p = 0.01) * (seeds_needed = 7) * "
                          "(population_low = 1) * (population_high IS NULL) * (scale = 'log') * (reason = 'why') * "
                          "(post_hoc = 'what')) FROM claims") == 1);
    assert_true(number(s, "SELECT sum(position) FROM claims WHERE low IS NULL AND high = 3 AND value IS NULL AND source IS NULL AND "
                          "note = 'no run' AND p IS NULL AND seeds_needed IS NULL") == 2);
    must(store_verdicts_put(s, sweep, v, 1, &err)); /* judged again: the earlier verdicts are replaced */
    assert_true(number(s, "SELECT count(*) FROM claims") == 1);
    v[0].verdict = "PERHAPS";
    assert_int_equal(store_verdicts_put(s, sweep, v, 1, &err), -1);
    assert_true(number(s, "SELECT count(*) FROM claims WHERE verdict = 'holds'") == 1); /* the earlier verdict is kept */
    v[0].verdict = "refuted";
    must(store_sweep_put(s, "test", "{}", NULL, runs, 1, &sweep, &err));
    must(store_verdicts_put(s, sweep, v, 1, &err));
    assert_true(number(s, "SELECT count(*) * (min(verdict) = 'refuted') FROM claims") == 1); /* of the latest sweep alone */
    assert_true(number(s, "SELECT count(*) FROM verdicts") == 2); /* every sweep's */
    store_close(s);
}

static void queries_only_read(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    queue_run(s, "id", "a", 1);
    static const char *const writing[] = {"DELETE FROM run",
                                          "INSERT INTO param VALUES (1, 'a', 1)",
                                          "DROP VIEW runs",
                                          "ATTACH 'x' AS y",
                                          "PRAGMA user_version = 9",
                                          "PRAGMA query_only = 0",
                                          "BEGIN",
                                          "VACUUM",
                                          "CREATE TABLE t (a)",
                                          "CREATE TEMP TABLE t (a)",
                                          "SAVEPOINT a",
                                          "REINDEX",
                                          "PRAGMA wal_checkpoint",
                                          "WITH a AS (SELECT 1) UPDATE run SET label = 'x'"};
    int rows = 0;
    for (int mode = 0; mode < 2; mode++) {
        for (size_t i = 0; i < sizeof writing / sizeof writing[0]; i++) {
            assert_int_equal(store_query(s, writing[i], NULL, 0, count_rows, &rows, &err), -1);
            if (strstr(err.what, "only queries") == NULL)
                fail_msg("%s: %s", writing[i], err.what);
        }
        store_close(s);
        s = open_or_fail(database, STORE_READ);
    }
    assert_true(number(s, "SELECT count(*) FROM run") == 1);
    assert_true(number(s, "SELECT sum(value) FROM json_each('[1, 2.5]')") == 3.5);
    assert_true(number(s, "SELECT count(*) FROM pragma_table_info('runs') WHERE name = 'elbo'") == 1);
    assert_true(number(s, "PRAGMA user_version -- reading") == store_schema_version);
    assert_int_equal(store_query(s, "SELECT 1; SELECT 2", NULL, 0, count_rows, &rows, &err), -1);
    assert_int_equal(store_query(s, " -- nothing", NULL, 0, count_rows, &rows, &err), -1);
    assert_int_equal(store_query(s, "SELECT elbow FROM runs", NULL, 0, count_rows, &rows, &err), -1);
    assert_non_null(strstr(err.what, "no such column: elbow"));
    must(store_query(s, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", NULL, 0, count_rows,
                     &rows, &err));
    assert_int_equal(rows, 3); /* the callback stopped it */
    StoreValue args[] = {{.type = STORE_TEXT, .bytes = "a", .size = 1},
                         {.type = STORE_INTEGER, .integer = 1},
                         {.type = STORE_REAL, .real = 2.5}};
    double value = 0;
    must(store_query(s, "SELECT ?3 FROM runs WHERE label = ?1 AND id = ?2", args, 3, take_value_of, &value, &err));
    assert_true(value == 2.5);
    store_close(s);
}

/* ---- no memory -------------------------------------------------------------------------------------------------- */

/* Calls each function that allocates, and stops at the first failure. */
static int everything(Store **s)
{
    uint64_t step;
    void *bytes = NULL;
    size_t size;
    double value;
    int64_t example = 1;
    float mu[2] = {1, 2};
    *s = store_open(database, STORE_WRITE, &err);
    if (*s == NULL || store_query(*s, "SELECT count(*) FROM runs", NULL, 0, take_value_of, &value, &err) != 0)
        return -1;
    if (store_run_checkpoint(*s, 1, &step, &bytes, &size, &err) != 0)
        return -1;
    mem_free(bytes);
    if (store_artifact_get(*s, 1, "a", &bytes, &size, &err) != 0)
        return -1;
    mem_free(bytes);
    const StorePosteriors p = {1, 2, &example, NULL, mu, mu};
    return store_evaluation_put(*s, 1, &(StoreEvaluation){"codes", NULL, 0}, &(StoreResults){.posteriors = &p}, &err);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    StoreCheckpoint c = {.step = 1, .bytes = "s", .size = 1};
    must(store_run_record(s, run, NULL, 0, &c, &err));
    must(store_artifact_put(s, run, "a", "b", NULL, "c", 1, &err));
    store_close(s);
    int failures = 0, status = -1;
    for (long n = 1; n < 100 && status != 0; n++) {
        mem_fail_after(n);
        status = everything(&s);
        mem_fail_after(0);
        store_close(s);
        failures += status != 0;
        if (status != 0)
            assert_int_equal(err.kind, ERR_MEMORY);
    }
    assert_int_equal(status, 0);
    assert_in_range(failures, 7, 50);
    s = open_or_fail(database, STORE_WRITE);
    must(store_check(s, &err));
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_from_queue_to_done, setup, remove_folder),
        cmocka_unit_test_setup_teardown(columns_by_name, setup, remove_folder),
        cmocka_unit_test_setup_teardown(a_column_that_cannot_be_bound_is_an_error, setup, remove_folder),
        cmocka_unit_test_setup_teardown(interrupted_is_resumed_and_keeps_its_checkpoint, setup, remove_folder),
        cmocka_unit_test_setup_teardown(fresh_supersedes, setup, remove_folder),
        cmocka_unit_test_setup_teardown(a_run_of_two_experiments, setup, remove_folder),
        cmocka_unit_test_setup_teardown(equal_to_the_bit_or_refused, setup, remove_folder),
        cmocka_unit_test_setup_teardown(not_finite_is_null_with_its_kind, setup, remove_folder),
        cmocka_unit_test_setup_teardown(artifacts_and_posteriors, setup, remove_folder),
        cmocka_unit_test_setup_teardown(evaluations_with_their_options, setup, remove_folder),
        cmocka_unit_test_setup_teardown(a_failed_evaluation_is_tried_again, setup, remove_folder),
        cmocka_unit_test_setup_teardown(readers_of_a_run, setup, remove_folder),
        cmocka_unit_test_setup_teardown(readers_of_sweeps_and_names, setup, remove_folder),
        cmocka_unit_test_setup_teardown(sweeps_and_figures, setup, remove_folder),
        cmocka_unit_test_setup_teardown(verdicts_on_claims, setup, remove_folder),
        cmocka_unit_test_setup_teardown(queries_only_read, setup, remove_folder),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
