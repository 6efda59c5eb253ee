/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_store_source.c: where a run comes from: texts are kept once, recorded until the run has begun, and read by
 * their paths; data options are filled in.
 */
#include "store_help.h"

#include "base/mem.h"
#include "store/read.h"

static Error err;

/* Queues run "i" with a script and a module. */
static int64_t queue_with(Store *s, const char *script, const char *data_options, StoreClaim *claim)
{
    const StoreSource sources[] = {{"script", "dir/a.lua", script, strlen(script)}, {"module", "dir/sub/b.lua", "return 1", 8}};
    const StoreParam environment[] = {{"isa", script, 0}};
    StoreRunSpec spec = a_run("i", "l", 18446744073709551615u);
    int64_t run;
    spec.sources = sources;
    spec.nsources = 2;
    spec.environment = environment;
    spec.nenvironment = 1;
    spec.data_options = data_options;
    must(store_run_queue(s, &spec, 0, &run, claim, &err));
    return run;
}

/* The text of a path (NULL: the script) of a run, or "nothing". */
static const char *text_of(Store *s, int64_t run, const char *path)
{
    static char text[64];
    char digest[DIGEST_TEXT];
    void *bytes;
    size_t size;
    must(store_run_source(s, run, path, &bytes, &size, digest, &err));
    assert_int_equal(strlen(digest), bytes == NULL ? 0 : 64);
    snprintf(text, sizeof text, "%s", bytes == NULL ? "nothing" : (const char *)bytes);
    mem_free(bytes);
    return text;
}

static void texts_by_their_paths(void **state)
{
    StoreClaim claim;
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_with(s, "first", NULL, &claim);
    assert_string_equal(text_of(s, run, NULL), "first");
    assert_string_equal(text_of(s, run, "dir/a.lua"), "first");
    assert_string_equal(text_of(s, run, "a.lua"), "first");
    assert_string_equal(text_of(s, run, "sub/b.lua"), "return 1");
    assert_string_equal(text_of(s, run, ".lua"), "nothing");
    assert_string_equal(text_of(s, run, ""), "nothing");
    store_close(s);
}

/* The last process that queues a run before it begins is the one whose texts and machine are recorded. */
static void recorded_until_the_run_has_begun(void **state)
{
    StoreClaim claim;
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_with(s, "first", NULL, &claim);
    assert_int_equal(claim, STORE_NEW);
    assert_int_equal(queue_with(s, "second", NULL, &claim), run);
    assert_string_equal(text_of(s, run, NULL), "second");
    assert_string_equal(words(s, "SELECT value FROM environment"), "second");
    assert_true(number(s, "SELECT count(*) FROM source") == 3); /* first, second, the module once */
    must(store_run_start(s, run, &claim, &err));
    must(store_run_finish(s, run, "interrupted", NULL, 1, NULL, NULL, 0, NULL, &err));
    queue_with(s, "third", NULL, &claim);
    assert_int_equal(claim, STORE_RESUMED);
    assert_string_equal(text_of(s, run, NULL), "second");
    assert_string_equal(words(s, "SELECT value FROM environment"), "second");
    store_close(s);
}

static void data_options_are_filled_in(void **state)
{
    StoreClaim claim;
    StoreRecordedRun r;
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_with(s, "first", NULL, &claim);
    must(store_run_start(s, run, &claim, &err));
    record_one(s, run, "test/elbo", 1, -2.5);
    record_one(s, run, "test/elbo", 7, -1.5);
    record_one(s, run, "test/elbo", 0, -9);
    must(store_run_finish(s, run, "done", NULL, 1, "d", NULL, 0, NULL, &err));
    queue_with(s, "second", "{1}", &claim);
    assert_int_equal(claim, STORE_DONE);
    queue_with(s, "third", "{2}", &claim); /* never replaced */
    must(store_recorded_run(s, run, &r, &err));
    assert_string_equal(r.data_options, "{1}");
    assert_string_equal(r.script, "dir/a.lua");
    assert_string_equal(r.isa, "first");
    assert_true(r.seed == 18446744073709551615u && r.last_epoch == 7 && r.test_elbo == -1.5);
    store_recorded_run_free(&r);
    assert_int_equal(store_recorded_run(s, 99, &r, &err), -1);
    store_recorded_run_free(&r);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts_by_their_paths, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(recorded_until_the_run_has_begun, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(data_options_are_filled_in, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
