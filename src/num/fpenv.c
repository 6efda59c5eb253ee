/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/fpenv.c: sets and checks the floating-point environment.
 *
 * x86-64 has two control registers: MXCSR for all arithmetic of this program, and the control word of the x87, which
 * the C library's conversions between numbers and decimal text obey.  64-bit Arm has FPCR.  Other processors go
 * through <fenv.h>, which knows the rounding; that denormals are kept is then tried.
 */
#include "num/fpenv.h"

#include <fenv.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* One bit, or one field of bits, that may differ from the environment that we set. */
typedef struct FpenvFault {
    uint64_t mask, value; /* the fault: (control & mask) == value */
    const char *name;
} FpenvFault;

/* ---- the control registers --------------------------------------------------------------------------------------- */

#if defined(__x86_64__)

/* MXCSR in the lower half, the x87's control word in the upper one.  The flags of past exceptions (MXCSR, bits 0 to 5)
 * are no part of the environment. */
static const uint64_t wanted = 0x1f80 | (uint64_t)0x037f << 32, compared = 0xffc0 | (uint64_t)0x0f3f << 32;

static uint64_t get_control(void)
{
    uint16_t x87;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return _mm_getcsr() | (uint64_t)x87 << 32;
}

static void set_control(void)
{
    const uint16_t x87 = 0x037f;
    _mm_setcsr(0x1f80);
    __asm__ volatile("fnclex\n\tfldcw %0" : : "m"(x87)); /* fnclex: a pending exception would be raised by fldcw */
}

static const FpenvFault faults[] = {
    {0x8000, 0x8000, "flush to zero"},
    {0x0040, 0x0040, "denormals as zero"},
    {0x6000, 0x2000, "rounding downward"},
    {0x6000, 0x4000, "rounding upward"},
    {0x6000, 0x6000, "rounding toward zero"},
    {(uint64_t)0x0c00 << 32, (uint64_t)0x0400 << 32, "x87 rounding downward"},
    {(uint64_t)0x0c00 << 32, (uint64_t)0x0800 << 32, "x87 rounding upward"},
    {(uint64_t)0x0c00 << 32, (uint64_t)0x0c00 << 32, "x87 rounding toward zero"},
};

#elif defined(__aarch64__)

/* FPCR: FIZ, AH, NEP, trap enables, FZ16, rounding, FZ, DN, AHP.  All 0: round to nearest, denormals kept. */
static const uint64_t wanted = 0, compared = 0x07c89f07;

static uint64_t get_control(void)
{
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
}

static void set_control(void)
{
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
}

static const FpenvFault faults[] = {
    {0x01000000, 0x01000000, "flush to zero"},
    {0x00000001, 0x00000001, "denormals as zero"},
    {0x00c00000, 0x00400000, "rounding upward"},
    {0x00c00000, 0x00800000, "rounding downward"},
    {0x00c00000, 0x00c00000, "rounding toward zero"},
    {0x02000000, 0x02000000, "default NaN"},
};

#else

/* Bit 0: another rounding than to nearest.  Bit 1: the half of the smallest normal number is 0. */
static const uint64_t wanted = 0, compared = 3;

static uint64_t get_control(void)
{
    volatile float smallest = 0x1p-126f, half = smallest * 0.5f;
    return (uint64_t)(fegetround() != FE_TONEAREST) | (uint64_t)(half == 0.0f) << 1;
}

static void set_control(void)
{
    fesetenv(FE_DFL_ENV);
}

static const FpenvFault faults[] = {{1, 1, "another rounding"}, {2, 2, "flush to zero"}};

#endif

/* ---- describing what was found ----------------------------------------------------------------------------------- */

/* [OUT] text: "flush to zero, rounding upward". */
static void describe(char *text, size_t size, uint64_t control)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof faults / sizeof faults[0] && used < size; i++)
        if ((control & faults[i].mask) == faults[i].value)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", faults[i].name);
    if (used == 0)
        snprintf(text, size, "exceptions unmasked or another precision");
}

static int is_wanted(uint64_t control)
{
    return (control & compared) == (wanted & compared);
}

/* ---- setting and checking ---------------------------------------------------------------------------------------- */

static char found[160];             /* at the start of the program; "": the wanted environment */
static _Atomic uint64_t pool_fault; /* the environment of a thread of the pool after its jobs, if it had changed */
static atomic_int pool_changed;

void num_fpenv_start(void)
{
    uint64_t control = get_control();
    set_control();
    if (!is_wanted(control))
        describe(found, sizeof found, control);
}

const char *num_fpenv_found(void)
{
    return found[0] == '\0' ? NULL : found;
}

void num_fpenv_set(void)
{
    if (!is_wanted(get_control()))
        set_control();
}

int num_fpenv_check(Error *err)
{
    char text[160];
    uint64_t control = get_control();
    if (is_wanted(control) && !atomic_load_explicit(&pool_changed, memory_order_relaxed))
        return 0;
    int own = !is_wanted(control);
    describe(text, sizeof text, own ? control : atomic_load(&pool_fault));
    set_control();
    atomic_store(&pool_changed, 0);
    error_set(err, ERR_RUN,
              "the floating-point environment was changed during the computation: its numbers are not used");
    error_found(err, "%s%s", text, own ? "" : ", in a thread of the pool");
    error_expected(err, "round to nearest, denormals kept, exceptions masked");
    return error_hint(err, "a library in this process changes it (LD_PRELOAD, a profiler, -ffast-math): run without it;"
                           " vae-lab doctor lists what is preloaded");
}

void num_fpenv_note_change(void)
{
    uint64_t control = get_control();
    if (is_wanted(control))
        return;
    atomic_store(&pool_fault, control);
    atomic_store(&pool_changed, 1);
}
