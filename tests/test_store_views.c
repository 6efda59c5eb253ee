/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_store_views.c: the views against GSL and against plain arithmetic; their query plans, which decide
 * their speed.
 */
#include "store_help.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>

static Error err;

static int64_t done_run(Store *s, const char *label, uint64_t seed, double elbo)
{
    char identity[64];
    snprintf(identity, sizeof identity, "%s %d", label, (int)seed);
    int64_t run = queue_run(s, identity, label, seed);
    StoreMetric m[] = {{"test/elbo", 1, elbo - 50, NULL}, {"test/elbo", 2, elbo, NULL}};
    must(store_run_record(s, run, m, 2, NULL, &err));
    must(store_run_finish(s, run, "done", NULL, 1, "d", NULL, 0, NULL, &err));
    return run;
}

/* The view's quantiles of Student's t against GSL's, for 1 to 60 degrees of freedom.  Up to 30 the view has 15
 * digits; above, its series is off by less than 2e-6. */
static void t_quantiles(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    double x[61];
    for (int n = 1; n <= 61; n++) {
        x[n - 1] = -100.0 + 3.0 * sin(n);
        done_run(s, "a", (uint64_t)n, x[n - 1]);
        assert_true(number(s, "SELECT seeds FROM summary WHERE metric = 'test/elbo' AND label = 'a'") == n);
        double mean = gsl_stats_mean(x, 1, (size_t)n);
        assert_true(fabs(number(s, "SELECT mean FROM summary") - mean) < 1e-12 * 100 * n);
        if (n == 1) {
            assert_true(isnan(number(s, "SELECT sd FROM summary")));
            assert_true(isnan(number(s, "SELECT ci_low FROM summary")));
            continue;
        }
        double sd = gsl_stats_sd_m(x, 1, (size_t)n, mean), q = gsl_cdf_tdist_Pinv(0.975, n - 1.0);
        assert_true(fabs(number(s, "SELECT sd FROM summary") / sd - 1) < 1e-12);
        double half = number(s, "SELECT (ci_high - ci_low) / 2 FROM summary");
        assert_true(fabs(half / (q * sd / sqrt(n)) - 1) < (n <= 31 ? 1e-11 : 2e-6));
        assert_true(fabs(number(s, "SELECT (ci_high + ci_low) / 2 FROM summary") - mean) < 1e-10);
    }
    store_close(s);
}

static void summary_keeps_configurations_apart(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    for (uint64_t seed = 1; seed <= 3; seed++)
        done_run(s, "a", seed, -100.0 - (double)seed);
    /* the same label on other data, and on another graph */
    StoreRunSpec spec = a_run("other data", "a", 1);
    StoreClaim claim;
    int64_t run;
    spec.data_digest = "d2";
    must(store_run_queue(s, &spec, 0, &run, &claim, &err));
    record_one(s, run, "test/elbo", 1, -1);
    must(store_run_finish(s, run, "done", NULL, 1, "d", NULL, 0, NULL, &err));
    spec = a_run("other graph", "a", 1);
    spec.graph = "y = input";
    must(store_run_queue(s, &spec, 0, &run, &claim, &err));
    record_one(s, run, "test/elbo", 1, -2);
    must(store_run_finish(s, run, "done", NULL, 1, "d", NULL, 0, NULL, &err));
    assert_true(number(s, "SELECT count(*) FROM summary") == 3);
    assert_true(number(s, "SELECT mean FROM summary WHERE seeds = 3") == -102);

    /* runs that are not done or superseded, and values that are not finite, do not count */
    run = queue_run(s, "diverged", "a", 4);
    record_one(s, run, "test/elbo", 1, 1e9);
    must(store_run_finish(s, run, "diverged", NULL, 1, "d", NULL, 0, NULL, &err));
    run = done_run(s, "a", 5, -102);
    record_one(s, run, "test/elbo", 3, NAN);
    assert_true(number(s, "SELECT mean FROM summary WHERE seeds = 3") == -102);
    assert_true(number(s, "SELECT missing FROM summary WHERE seeds = 3") == 1);
    spec = a_run("a 1", "a", 1);
    must(store_run_queue(s, &spec, 1, &run, &claim, &err));
    assert_true(number(s, "SELECT max(seeds) FROM summary") == 2);
    store_close(s);
}

/* A query plan that reads all metrics, or all of a run, is slow on a database of a thousand runs; the plan shows it
 * on an empty one. */
static int no_scan(void *context, int columns, const char *const *names, const StoreValue *values)
{
    const char *detail = values[3].bytes;
    (void)columns, (void)names;
    if (strstr(detail, "SEARCH m USING PRIMARY KEY (run=?)") != NULL ||
        strstr(detail, "SEARCH metric USING PRIMARY KEY (run=?)") != NULL)
        *(int *)context = 1;
    if (strcmp(detail, "SCAN metric") == 0 || strcmp(detail, "SCAN m") == 0)
        *(int *)context = 1;
    return 0;
}

static void views_look_up_and_do_not_scan(void **state)
{
    (void)state;
    static const char *const query[] = {"SELECT * FROM runs", "SELECT * FROM summary", "SELECT * FROM details WHERE id = 1",
                                        "SELECT * FROM last_values WHERE run = 1",
                                        "SELECT * FROM curves WHERE run = 1 AND metric = 'test/elbo'",
                                        "SELECT * FROM ellipses WHERE run = 1"};
    Store *s = open_or_fail(database, STORE_WRITE);
    for (size_t i = 0; i < sizeof query / sizeof query[0]; i++) {
        char explain[200];
        int scans = 0;
        snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", query[i]);
        must(store_query(s, explain, NULL, 0, no_scan, &scans, &err));
        if (scans)
            fail_msg("%s scans the metrics", query[i]);
    }
    int scans = 0;
    must(store_query(s, "EXPLAIN QUERY PLAN SELECT sum(m.value) FROM metric m", NULL, 0, no_scan, &scans, &err));
    assert_true(scans); /* a scan is recognised */
    store_close(s);
}

/* Ten metrics an epoch, recorded epoch by epoch, as a run does: bytes a row of the table's pages. */
static void metric_rows_are_small(void **state)
{
    (void)state;
    static const char *const name[] = {"train/elbo",   "train/reconstruction", "train/kl",
                                       "test/elbo",    "test/reconstruction",  "test/kl",
                                       "test/nll",     "gradient/norm",        "time/epoch",
                                       "latent/spread"};
    Store *s = open_or_fail(database, STORE_WRITE);
    sqlite3_exec(s->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL); /* of this connection; the test measures the layout */
    for (int r = 0; r < 3; r++) {
        char identity[20];
        snprintf(identity, sizeof identity, "%d", r);
        int64_t run = queue_run(s, identity, "a", 1);
        for (int64_t step = 1; step <= 400; step++) {
            StoreMetric m[10];
            for (int i = 0; i < 10; i++)
                m[i] = (StoreMetric){name[i], step, -100.0 / (double)(step + i) - 1.0 / 3, NULL};
            must(store_run_record(s, run, m, 10, NULL, &err));
        }
    }
    double bytes = 0;
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(s->db, "SELECT sum(pgsize) FROM dbstat WHERE name = 'metric'", -1, &q, NULL) != SQLITE_OK) {
        store_close(s);
        skip(); /* this SQLite has no dbstat */
    }
    if (sqlite3_step(q) == SQLITE_ROW)
        bytes = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    assert_true(bytes / number(s, "SELECT count(*) FROM metric") <= 25);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(t_quantiles, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(summary_keeps_configurations_apart, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(views_look_up_and_do_not_scan, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(metric_rows_are_small, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
