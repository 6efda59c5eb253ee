/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_lab_plan.c: recorded training plans are read back: text, spec and text again are the same for every plan of
 * the reference database and of the experiments; a damaged or hostile text is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/mem.h"
#include "bind/script.h"
#include "lab/plan.h"
#include "store/store.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

static const char plan[] =
    "{\"batch\":20,\"epochs\":13,\"metrics\":[\"elbo\",\"kl\"],\"objective\":\"bound\",\"optimiser\":\"sgd(momentum=0.5, "
    "weight_decay=0, clip_norm=1e-08)\",\"posterior\":{\"accept\":0.9,\"leapfrog\":10,\"step\":0.1,\"transitions\":1,"
    "\"updates\":5},\"rate\":\"0.001 0.000719685673*3 0.1\",\"rng\":\"mt19937\",\"samples\":5,\"scalars\":{\"alpha\":\"0\","
    "\"beta\":\"-1*2 1\"},\"seeds\":{\"binarise\":4,\"order\":9223372036854775807},\"test_every\":10}";

/* Reads a text and expects it back. */
static void read_back(const char *text)
{
    Error err = ERROR_NONE;
    LabSpec spec = {0};
    Text again = {0};
    LabPlan *p = lab_plan_read(text, &spec, &err);
    if (p == NULL)
        fail_msg("%s: %s: found %s, expected %s", text, err.what, err.found, err.expected);
    lab_plan_text(&again, &spec);
    assert_string_equal(text_string(&again), text);
    text_free(&again);
    lab_plan_free(p);
}

static void every_field_is_read(void **state)
{
    Error err = ERROR_NONE;
    LabSpec s = {0};
    (void)state;
    read_back(plan);
    LabPlan *p = lab_plan_read(plan, &s, &err);
    assert_non_null(p);
    assert_true(s.batch == 20 && s.epochs == 13 && s.samples == 5 && s.test_every == 10 && s.nscalars == 2);
    assert_string_equal(s.metrics[1], "kl");
    assert_null(s.metrics[2]);
    assert_string_equal(s.objective, "bound");
    assert_true(s.optimiser.kind == OPTIMISER_SGD && s.optimiser.momentum == 0.5 && s.optimiser.clip_norm == 1e-8);
    assert_true(s.rate.n == 5 && s.rate.value[3] == 0.000719685673 && s.rate.value[4] == 0.1);
    assert_string_equal(s.seed.rng->name, "mt19937");
    assert_true(s.scalars[1].schedule.n == 3 && s.scalars[1].schedule.value[1] == -1);
    assert_true(s.monte_carlo_em->hmc.step_size == 0.1 && s.monte_carlo_em->updates == 5);
    s.seed.number = 7; /* a run's seed is not in its plan */
    assert_true(lab_seed(&s, LAB_BINARISE).number == 4 && lab_seed(&s, LAB_ORDER).number == INT64_MAX);
    assert_true(lab_seed(&s, LAB_INIT).number == 7 && lab_seed(&s, LAB_NOISE).number == 7);
    assert_string_equal(lab_seed(&s, LAB_ORDER).rng->name, "mt19937");
    lab_plan_free(p);
}

/* ---- recorded plans ---------------------------------------------------------------------------------------------- */

static int read_row(void *count, int columns, const char *const *names, const StoreValue *v)
{
    (void)columns, (void)names;
    ++*(int *)count;
    read_back(v[0].bytes);
    return 0;
}

static void plans_of_the_reference_database(void **state)
{
    Error err = ERROR_NONE;
    int count = 0;
    (void)state;
    Store *s = store_open("results/reference.db", STORE_READ, &err);
    if (s == NULL) { /* tests/e2e/proof.sh tests that it opens */
        print_message("%s\n", err.what);
        skip();
    }
    assert_int_equal(store_query(s, "SELECT DISTINCT plan FROM run", NULL, 0, read_row, &count, &err), 0);
    assert_true(count > 50);
    store_close(s);
}

static void plans_of_the_experiments(void **state)
{
    Error err = ERROR_NONE;
    glob_t files;
    (void)state;
    assert_int_equal(glob("experiments/*.lua", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 18);
    for (size_t f = 0; f < files.gl_pathc; f++) {
        LabRun *runs;
        size_t count = 0, duplicates;
        const BindSettings settings = {.nset = 0};
        BindScript *script = bind_script_load(files.gl_pathv[f], &settings, &err);
        if (script == NULL || bind_script_runs(script, &runs, &count, &duplicates, &err) != 0)
            fail_msg("%s: %s %s %s", files.gl_pathv[f], err.what, err.where, err.found);
        for (size_t i = 0; i < count; i++)
            read_back(runs[i].plan);
        bind_script_free(script);
    }
    globfree(&files);
}

/* ---- other texts ------------------------------------------------------------------------------------------------- */

static void refuse(const char *text)
{
    Error err = ERROR_NONE;
    LabSpec spec = {.epochs = 77};
    LabPlan *p = lab_plan_read(text, &spec, &err);
    if (p != NULL)
        fail_msg("accepted: %s", text);
    assert_int_equal(err.kind, ERR_STORE);
    assert_int_equal(spec.epochs, 77);
}

/* The plan with one part replaced. */
static void refuse_changed(const char *from, const char *to)
{
    char text[1024];
    const char *at = strstr(plan, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - plan), plan, to, at + strlen(from));
    refuse(text);
}

static void other_texts_are_refused(void **state)
{
    static const char *const change[][2] = {
        {"\"batch\":20", "\"batch\":-20"}, {"\"batch\":20", "\"batch\":20.0"}, {"\"batch\":20", "\"batch\":\"20\""},
        {"\"batch\":20", "\"batch\": 20"}, {"\"batch\":20", "\"batch\":99999999999999999999"},
        {"\"batch\":20,", ""}, {"\"batch\":20,", "\"batch\":20,\"batch\":20,"}, {"\"batch\":20,", "\"batch\":20,\"b\":1,"},
        {"\"epochs\":13", "\"epochs\":4294967309"}, {"[\"elbo\",\"kl\"]", "[\"elbo\",1]"}, {"[\"elbo\",\"kl\"]", "{}"},
        {"[\"elbo\",\"kl\"]", "[\"elbo\",[]]"}, {"sgd(", "sgd"}, {"sgd(", "adam("}, {"sgd(", "nothing("},
        {"momentum=0.5, ", ""}, {"momentum=0.5", "momentum=0.50"}, {"momentum=0.5", "momentum=0x1p-1"},
        {"clip_norm=1e-08)", "clip_norm=1e-08"}, {"clip_norm=1e-08)", "clip_norm=1e-08) "},
        {"\"posterior\":{", "\"posterior\":[{"}, {"\"accept\":0.9", "\"accept\":\"0.9\""}, {"\"leapfrog\":10", "\"leapfrog\":1e1"},
        {"0.001 0.000719685673*3 0.1", ""}, {"0.001 0.000719685673*3 0.1", "0.1*2"}, {"0.001 0.000719685673*3 0.1", "0.1 0.1"},
        {"0.001 0.000719685673*3 0.1", "0.1*9999999999 1"}, {"0.001 0.000719685673*3 0.1", "0.1*0 1"},
        {"0.001 0.000719685673*3 0.1", "0.1*-1 1"}, {"0.001 0.000719685673*3 0.1", "0.1*18446744073709551615 0.2*3 1"},
        {"0.001 0.000719685673*3 0.1", "0.1  1"}, {"0.001 0.000719685673*3 0.1", "0.1 1 "}, {"mt19937", "no_generator"},
        {"mt19937", "philox4x32"}, {"\"alpha\":\"0\"", "\"alpha\":0"}, {"\"alpha\":\"0\"", "\"beta\":\"0\""},
        {"\"alpha\":\"0\"", "\"gamma\":\"0\""}, {"\"test_every\":10}", "\"test_every\":10} "}, {"\"test_every\":10}", ""},
        {"bound", "bo\\u0000und"}, {"\"binarise\":4", "\"binarise\":-4"}, {"\"binarise\":4", "\"binarise\":\"4\""},
        {"\"binarise\":4", "\"binarize\":4"}, {"\"binarise\":4,", "\"binarise\":4,\"test\":1,"},
        {"\"seeds\":{\"binarise\":4,\"order\":9223372036854775807}", "\"seeds\":{}"},
    };
    static const char *const text[] = {"", "{}", "[]", "null", "1", "\"plan\"", "{\"batch\":"};
    (void)state;
    for (size_t i = 0; i < sizeof change / sizeof change[0]; i++)
        refuse_changed(change[i][0], change[i][1]);
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++)
        refuse(text[i]);
}

/* Every beginning, every byte left out, every byte changed: no crash, and nothing but the plan itself is accepted as
 * it. */
static void damaged_texts_do_no_harm(void **state)
{
    static const char bytes[] = "\"{}[]:,*09.-e \\a\n\x80";
    size_t length = strlen(plan);
    char text[sizeof plan];
    (void)state;
    for (size_t i = 0; i < length; i++)
        for (const char *c = bytes; c == bytes || c[-1] != '\0'; c++) {
            Error err = ERROR_NONE;
            LabSpec spec = {0};
            Text again = {0};
            memcpy(text, plan, sizeof plan);
            text[i] = *c; /* the terminator too */
            LabPlan *p = lab_plan_read(text, &spec, &err);
            if (p == NULL)
                continue;
            lab_plan_text(&again, &spec);
            assert_string_equal(text_string(&again), text);
            text_free(&again);
            lab_plan_free(p);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),       cmocka_unit_test(plans_of_the_reference_database),
        cmocka_unit_test(plans_of_the_experiments),  cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(damaged_texts_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
