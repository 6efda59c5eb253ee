/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_lab_shard.c: the parts of a sweep are disjoint, complete, of nearly equal work, and do not depend on the
 * order of the list; runs that others need belong to every part.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "lab/shard.h"
#include "num/stream.h"

#include <stdio.h>
#include <string.h>

enum { RUNS = 500 };

static LabRun runs[RUNS];
static LabEstimate estimate[RUNS];

/* Runs with works from 1 to 1000, or all equal; the first `needed` are of phase 0. */
static void make_runs(size_t n, size_t needed, int equal, uint64_t seed)
{
    NumStream s = num_stream_of((NumSeed){.number = seed}, "test");
    float u[RUNS];
    num_stream_uniform(s, 0, 0, 1, n, u);
    memset(runs, 0, sizeof runs);
    for (size_t i = 0; i < n; i++) {
        snprintf(runs[i].identity, sizeof runs[i].identity, "%064zu", i);
        runs[i].phase = i >= needed;
        estimate[i] = (LabEstimate){.work = equal ? 100 : 1 + 999 * (double)u[i]};
    }
}

static void check_parts(size_t n, size_t needed, size_t count)
{
    Error err = ERROR_NONE;
    size_t part[RUNS];
    double load[RUNS] = {0}, sum = 0, largest = 0, longest = 0;
    assert_int_equal(lab_shard_parts(runs, estimate, n, count, part, &err), 0);
    for (size_t i = 0; i < n; i++) {
        assert_true((part[i] == LAB_EVERY_PART) == (i < needed));
        if (i < needed)
            continue;
        assert_in_range(part[i], 0, count - 1);
        load[part[i]] += estimate[i].work;
        sum += estimate[i].work;
        largest = largest > estimate[i].work ? largest : estimate[i].work;
    }
    for (size_t k = 0; k < count; k++)
        longest = longest > load[k] ? longest : load[k];
    /* the run that reaches the end of the longest part began at most at the mean of all parts */
    assert_true(longest <= sum / (double)count + largest + 1);
    if (n - needed >= 20 * count)
        assert_true(longest <= 1.05 * sum / (double)count); /* many runs a part: nearly equal */
}

static void parts_are_nearly_equal(void **state)
{
    static const size_t counts[] = {1, 2, 3, 7, 24, 100, RUNS};
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            make_runs(RUNS, 3, (int)(seed % 2), seed);
            check_parts(RUNS, 3, counts[c]);
            make_runs(5, 0, 0, seed);
            check_parts(5, 0, counts[c]);
        }
}

/* The same run is in the same part, whatever its place in the list. */
static void parts_do_not_depend_on_the_order(void **state)
{
    Error err = ERROR_NONE;
    size_t part[RUNS], turned[RUNS];
    (void)state;
    for (int equal = 0; equal < 2; equal++) {
        make_runs(RUNS, 0, equal, 3);
        assert_int_equal(lab_shard_parts(runs, estimate, RUNS, 8, part, &err), 0);
        for (size_t i = 0; i < RUNS / 2; i++) {
            LabRun r = runs[i];
            LabEstimate e = estimate[i];
            runs[i] = runs[RUNS - 1 - i], estimate[i] = estimate[RUNS - 1 - i];
            runs[RUNS - 1 - i] = r, estimate[RUNS - 1 - i] = e;
        }
        assert_int_equal(lab_shard_parts(runs, estimate, RUNS, 8, turned, &err), 0);
        for (size_t i = 0; i < RUNS; i++)
            assert_int_equal(turned[i], part[RUNS - 1 - i]);
    }
}

/* Every run is in one part, a needed one in each that is not empty; estimates move with their runs; none is lost. */
static void the_parts_are_the_sweep(void **state)
{
    enum { N = 50, NEEDED = 2, COUNT = 7 };
    Error err = ERROR_NONE;
    size_t seen[N] = {0}, total = 0;
    (void)state;
    for (size_t index = 1; index <= COUNT; index++) {
        size_t chosen, here[N] = {0};
        make_runs(N, NEEDED, 0, 9);
        double work[N];
        for (size_t i = 0; i < N; i++)
            work[i] = estimate[i].work;
        assert_int_equal(lab_shard(runs, estimate, N, &(LabShard){index, COUNT}, &chosen, &err), 0);
        total += chosen - NEEDED;
        for (size_t i = 0; i < N; i++) {
            size_t original;
            assert_int_equal(sscanf(runs[i].identity, "%zu", &original), 1);
            assert_true(estimate[i].work == work[original]);
            here[original]++;
            seen[original] += i < chosen;
            if (i > 0 && i < chosen)
                assert_true(strcmp(runs[i].identity, runs[i - 1].identity) > 0); /* the order of the sweep */
        }
        for (size_t i = 0; i < N; i++)
            assert_int_equal(here[i], 1);
    }
    assert_int_equal(total, N - NEEDED);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(seen[i], i < NEEDED ? COUNT : 1);
    size_t chosen;
    make_runs(3, 2, 0, 1);
    assert_int_equal(lab_shard(runs, estimate, 3, &(LabShard){2, 2}, &chosen, &err), 0);
    assert_int_equal(chosen, 0); /* nothing needs the classifier here */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_nearly_equal),
        cmocka_unit_test(parts_do_not_depend_on_the_order),
        cmocka_unit_test(the_parts_are_the_sweep),
    };
    return cmocka_run_group_tests_name("lab_shard", tests, NULL, NULL);
}
