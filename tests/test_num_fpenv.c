/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_fpenv.c: the floating-point environment of num/fpenv.h: it is set and a change is found, in the calling
 * thread, in threads of the pool, and after a fork; decimal text of numbers does not depend on it.
 */
#include "base/text.h"
#include "num/fpenv.h"
#include "num/isa.h"
#include "num/parallel.h"

#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <cmocka.h>

/* ---- ways to change it ------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
static void flush_to_zero(void) { _mm_setcsr(0x9f80); }
static void denormals_as_zero(void) { _mm_setcsr(0x1fc0); }
static void sse_upward(void) { _mm_setcsr(0x5f80); }
static void x87_upward(void)
{
    const uint16_t control = 0x0b7f;
    __asm__ volatile("fldcw %0" : : "m"(control));
}
#elif defined(__aarch64__)
static void flush_to_zero(void) { __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)1 << 24)); }
#endif
static void upward(void) { fesetround(FE_UPWARD); }
static void downward(void) { fesetround(FE_DOWNWARD); }
static void toward_zero(void) { fesetround(FE_TOWARDZERO); }

static const struct { const char *name; void (*change)(void); } changes[] = {
#if defined(__x86_64__)
    {"flush to zero", flush_to_zero}, {"denormals as zero", denormals_as_zero}, {"x87 rounding upward", x87_upward},
    {"rounding upward", sse_upward},
#elif defined(__aarch64__)
    {"flush to zero", flush_to_zero},
#endif
    {"rounding upward", upward}, {"rounding downward", downward}, {"rounding toward zero", toward_zero},
};
enum { CHANGES = sizeof changes / sizeof changes[0] };

/* Whether arithmetic rounds to nearest and keeps denormals. */
static int is_right(void)
{
    volatile float smallest = 0x1p-126f, denormal = 0x1p-140f;
    volatile double one = 1, little = 0x1p-60, minus = -1;
    return smallest * 0.5f == 0x1p-127f && denormal * 2.0f == 0x1p-139f && one + little == 1 && minus - little == -1 &&
           minus + little == -1 && fegetround() == FE_TONEAREST;
}

/* ---- this thread ------------------------------------------------------------------------------------------------- */

static void a_change_is_set_right(void **state)
{
    (void)state;
    for (int i = 0; i < CHANGES; i++) {
        Error err = ERROR_NONE;
        changes[i].change();
        num_fpenv_set();
        assert_true(is_right());
        assert_int_equal(num_fpenv_check(&err), 0);
    }
}

static void a_change_is_found_once(void **state)
{
    (void)state;
    for (int i = 0; i < CHANGES; i++) {
        Error err = ERROR_NONE;
        changes[i].change();
        assert_int_equal(num_fpenv_check(&err), -1);
        assert_int_equal(err.kind, ERR_RUN);
        assert_non_null(strstr(err.found, changes[i].name));
        assert_true(is_right());
        assert_int_equal(num_fpenv_check(&err), 0);
    }
}

static void the_start_remembers_what_it_found(void **state)
{
    (void)state;
    assert_null(num_fpenv_found());
    upward();
    num_fpenv_start();
    assert_true(is_right());
    assert_non_null(strstr(num_fpenv_found(), "rounding upward"));
}

static void past_exceptions_are_no_change(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    volatile double zero = 0, one = 1, quotient = one / zero;
    assert_true(quotient > 0);
    feraiseexcept(FE_INEXACT | FE_UNDERFLOW);
    assert_int_equal(num_fpenv_check(&err), 0);
}

/* ---- the pool ---------------------------------------------------------------------------------------------------- */

static _Thread_local int is_caller;
static atomic_int wrong, elsewhere;
static void (*change_in_pool)(void);

/* Waits until a thread of the pool has run a job too. */
static void job(const void *task, size_t index)
{
    (void)task;
    (void)index;
    if (!is_right())
        atomic_fetch_add(&wrong, 1);
    if (!is_caller) {
        atomic_store(&elsewhere, 1);
        if (change_in_pool != NULL)
            change_in_pool();
    }
    for (int i = 0; is_caller && i < 1000000 && !atomic_load(&elsewhere); i++)
        sched_yield();
}

static void run_jobs(void (*change)(void))
{
    change_in_pool = change;
    atomic_store(&elsewhere, 0);
    num_parallel_jobs(2, job, NULL);
    assert_true(atomic_load(&elsewhere));
}

static void pool_threads_set_it(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    is_caller = 1;
    num_threads_set(4);
    upward(); /* the pool's threads inherit it */
    change_in_pool = NULL;
    num_parallel_jobs(4, job, NULL);
    num_fpenv_set();
    atomic_store(&wrong, 0);
    run_jobs(NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(num_fpenv_check(&err), 0);
}

static void a_change_in_the_pool_is_found(void **state)
{
    (void)state;
    is_caller = 1;
    num_threads_set(2);
    for (int i = 0; i < CHANGES; i++) {
        Error err = ERROR_NONE;
        atomic_store(&wrong, 0);
        run_jobs(changes[i].change);
        assert_int_equal(num_fpenv_check(&err), -1);
        assert_non_null(strstr(err.found, changes[i].name));
        assert_non_null(strstr(err.found, "pool"));
        run_jobs(NULL); /* the next loop computes in the right one */
        assert_int_equal(atomic_load(&wrong), 0);
        assert_int_equal(num_fpenv_check(&err), 0);
    }
}

/* ---- after a fork ------------------------------------------------------------------------------------------------ */

static void a_child_sets_it(void **state)
{
    (void)state;
    for (int i = 0; i < CHANGES; i++) {
        int status;
        changes[i].change();
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            Error err = ERROR_NONE;
            int found = num_fpenv_check(&err) == -1; /* inherited */
            _exit(found && is_right() ? 0 : 1);
        }
        num_fpenv_set();
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* ---- decimal text ------------------------------------------------------------------------------------------------ */

static void text_does_not_depend_on_it(void **state)
{
    (void)state;
    static const double numbers[] = {0.1, 0.9, 1e-38, 1e-310, 5e-324, 0.30000000000000004, 1.7976931348623157e308, -2.5};
    for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
        Text right = {0};
        text_add_number(&right, numbers[n]);
        assert_true(strlen(text_string(&right)) > 0 && strtod(text_string(&right), NULL) == numbers[n]);
        for (int i = 0; i < CHANGES; i++) {
            Text t = {0};
            changes[i].change();
            text_add_number(&t, numbers[n]);
            double read = text_read_number(text_string(&right), NULL);
            num_fpenv_set();
            assert_memory_equal(&read, &numbers[n], sizeof read);
            assert_string_equal(text_string(&t), text_string(&right));
            text_free(&t);
        }
        text_free(&right);
    }
}

int main(void)
{
    alarm(120);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_set_right),
        cmocka_unit_test(a_change_is_found_once),
        cmocka_unit_test(the_start_remembers_what_it_found),
        cmocka_unit_test(past_exceptions_are_no_change),
        cmocka_unit_test(pool_threads_set_it),
        cmocka_unit_test(a_change_in_the_pool_is_found),
        cmocka_unit_test(a_child_sets_it),
        cmocka_unit_test(text_does_not_depend_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
