/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa.c: chooses the kernels that this processor runs best, and holds the number of threads.
 *
 * It is compiled without instruction-set flags because it runs before the choice.  To add a variant: name it in the
 * Makefile (ISA_…) and add its condition to runs_on_this_processor().
 */
#include "num/isa.h"
#include "num/isa_table.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#ifndef NUM_ISA_LIST
#error "src/num/*.c is compiled with -DNUM_ISA_LIST='X(best) X(next) …'"
#endif

#define X(isa) #isa,
static const char *const variants[] = {NUM_ISA_LIST};
#undef X

enum { VARIANTS = sizeof variants / sizeof variants[0] };

static int chosen = -1; /* -1: not chosen yet */
static int threads = 1;

static int runs_on_this_processor(const char *name)
{
#if defined(__x86_64__)
    if (strcmp(name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#if defined(__aarch64__)
    if (strcmp(name, "neon") == 0)
        return 1; /* every 64-bit Arm has it */
#endif
    return strcmp(name, "generic") == 0;
}

int num_isa_index(void)
{
    if (chosen < 0)
        for (chosen = 0; chosen < VARIANTS - 1 && !runs_on_this_processor(variants[chosen]);)
            chosen++;
    return chosen;
}

const char *num_isa_name(void)
{
    return variants[num_isa_index()];
}

const char *const *num_isa_available(void)
{
    static const char *names[VARIANTS + 1];
    int count = 0;
    for (int i = 0; i < VARIANTS; i++)
        if (runs_on_this_processor(variants[i]))
            names[count++] = variants[i];
    names[count] = NULL;
    return names;
}

static int refuse(const char *name, const char *setting, Error *err)
{
    const char *const *available = num_isa_available();
    Text list = {0};
    size_t count = 0;
    int known = 0;
    for (; available[count] != NULL; count++)
        text_addf(&list, "%s%s", count == 0 ? "" : ", ", available[count]);
    for (int i = 0; i < VARIANTS; i++)
        known = known || strcmp(name, variants[i]) == 0;
    if (known)
        error_set(err, ERR_USAGE, "this processor lacks the instruction set '%s'", name);
    else
        error_set(err, ERR_USAGE, "unknown instruction set '%s'", name);
    error_where(err, "%s", setting);
    error_found(err, "%s", name);
    error_expected(err, "one of: %s", text_string(&list));
    const char *nearest = known ? NULL : text_nearest(name, available, count);
    if (nearest != NULL)
        error_hint(err, "did you mean '%s'?", nearest);
    else
        error_hint(err, "without this setting '%s' is used; the results are the same to the last bit", available[0]);
    text_free(&list);
    return -1;
}

int num_isa_choose(const char *name, Error *err)
{
    const char *setting = "the choice of instruction set";
    if (name == NULL) {
        name = getenv("VAE_LAB_ISA");
        setting = "the environment variable VAE_LAB_ISA";
    }
    if (name == NULL || name[0] == '\0') {
        chosen = -1;
        num_isa_index();
        return 0;
    }
    for (int i = 0; i < VARIANTS; i++)
        if (strcmp(name, variants[i]) == 0 && runs_on_this_processor(name)) {
            chosen = i;
            return 0;
        }
    return refuse(name, setting, err);
}

void num_threads_set(int count)
{
    threads = count < 1 ? 1 : count;
}

int num_threads(void)
{
    return threads;
}
