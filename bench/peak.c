/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench/peak.c: the rate of a loop of nothing but fused multiply-adds in registers, on one thread.
 *
 * Prints {"avx512": 86.2, "avx2": 43.5, …}, Gflop/s (2 for each fused operation), of the instruction sets of this processor: what no
 * product can exceed.  The best of several series in the thread's processor time.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>

enum { CHAINS = 12, STEPS = 200000, SERIES = 15 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static volatile float sink;

/* STEPS steps of CHAINS independent chains of vectors with so many lanes. */
#define LOOP(NAME, TARGET, VECTOR, LANES, SET, FMA)                     \
    static TARGET double NAME(void)                                    \
    {                                                                  \
        VECTOR x[CHAINS], scale = SET(0.999f), shift = SET(0.001f);    \
        for (int c = 0; c < CHAINS; c++)                               \
            x[c] = SET((float)c);                                      \
        double start = now();                                          \
        for (long s = 0; s < STEPS; s++)                               \
            _Pragma("GCC unroll 16") for (int c = 0; c < CHAINS; c++)  \
                x[c] = FMA(x[c], scale, shift);                        \
        double took = now() - start;                                   \
        for (int c = 0; c < CHAINS; c++)                               \
            sink = x[c][0];                                            \
        return 2e-9 * LANES * CHAINS * (double)STEPS / took;           \
    }

#if defined(__x86_64__)
#include <immintrin.h>
LOOP(avx512, __attribute__((target("avx512f"))), __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps)
LOOP(avx2, __attribute__((target("avx2,fma"))), __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps)
#elif defined(__aarch64__)
#include <arm_neon.h>
static float32x4_t neon_fma(float32x4_t a, float32x4_t b, float32x4_t c) { return vfmaq_f32(c, a, b); }
LOOP(neon, , float32x4_t, 4, vdupq_n_f32, neon_fma)
#endif

static void print(const char *name, double (*loop)(void), const char *before)
{
    double best = 0;
    for (int s = 0; s < SERIES; s++) {
        double rate = loop();
        best = rate > best ? rate : best;
    }
    printf("%s\"%s\": %.1f", before, name, best);
}

int main(void)
{
    printf("{");
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        print("avx512", avx512, "");
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        print("avx2", avx2, __builtin_cpu_supports("avx512f") ? ", " : "");
#elif defined(__aarch64__)
    print("neon", neon, "");
#endif
    printf("}\n");
    return 0;
}
