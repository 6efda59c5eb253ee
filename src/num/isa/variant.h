/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/variant.h: what every file of this folder includes: names that carry the variant, its vectors, and the fused
 * multiply-add, which rounds once on every variant.  The files are compiled once for each instruction set.
 *
 * Everything here is static inline or a macro: of an external function the linker might keep the AVX-512 code for
 * all variants.  Each file of this folder exports one table, `const NumXTable VARIANT(num_x_table)`.
 */
#ifndef NUM_ISA_VARIANT_H
#define NUM_ISA_VARIANT_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef NUM_VARIANT
#error "files in src/num/isa are compiled with -DNUM_VARIANT=<name>, once for each instruction set"
#endif

#define NUM_PASTE_(a, b) a##_##b
#define NUM_PASTE(a, b) NUM_PASTE_(a, b)
#define VARIANT(name) NUM_PASTE(name, NUM_VARIANT)

/* Floats in this variant's widest register. */
#if defined(__AVX512F__)
enum { NUM_LANES = 16 };
#elif defined(__AVX2__)
enum { NUM_LANES = 8 };
#else
enum { NUM_LANES = 4 };
#endif

/* A vector as wide as a register, and the same at any address. */
typedef float NumVec __attribute__((vector_size(sizeof(float) * NUM_LANES)));
typedef float NumVecAny __attribute__((vector_size(sizeof(float) * NUM_LANES), aligned(4), may_alias));

#if defined(__FMA__) || defined(__FP_FAST_FMAF) || defined(__aarch64__)
#define NUM_HAS_FMA 1
#else
#define NUM_HAS_FMA 0
#endif

/* fmaf without an fma instruction.  It has no branches, so that a loop over it vectorises with SSE2.  The product p
 * of two floats is exact in double.  The sum s = p + c is not; TwoSum gives its exact error e (nothing overflows or
 * underflows: |p| lies between 2^-298 and 2^256).  s is rounded to odd: its last bit is set when the sum is inexact.
 * The second rounding, to float, then gives the rounding of the exact value (Boldo & Melquiond 2008: 53 >= 24 + 2),
 * also for denormal results, which have fewer bits.  For an infinity or a NaN, e is NaN and s stays as it is. */
static inline float num_fma_emulated(float a, float b, float c)
{
    double p = (double)a * (double)b, d = (double)c;
    double s = p + d;
    double t = s - p;
    double e = (p - (s - t)) + (d - t);
    uint64_t bits, error;
    memcpy(&bits, &s, sizeof bits);
    memcpy(&error, &e, sizeof error);
    uint64_t size = error << 1 >> 1;
    uint64_t inexact = (size | (0 - size)) >> 63 & ~(error >> 62 & error >> 61); /* e is neither 0 nor NaN: |e| < 2^513 */
    uint64_t fix = inexact & ~bits & 1;                                          /* 1 when the last bit must be set */
    uint64_t inward = fix & (bits ^ error) >> 63;                                /* the exact value is nearer to 0 */
    bits += fix - (inward << 1);
    memcpy(&s, &bits, sizeof s);
    return (float)s;
}

/* fmaf: a * b + c with one rounding. */
static inline float num_fma(float a, float b, float c)
{
#if NUM_HAS_FMA
    return __builtin_fmaf(a, b, c);
#else
    return num_fma_emulated(a, b, c);
#endif
}

/* ---- vector operations, for kernels that are written by hand ---- */

/* A mask of the first `count` lanes, 1 to NUM_LANES.  The other lanes read as 0, and their memory is not touched, so
 * a row may end at the end of a page. */
#if defined(__AVX512F__)

typedef __mmask16 NumPart;
static inline NumPart num_part(size_t count) { return (NumPart)((1u << count) - 1); }
static inline NumVec num_load_part(const float *x, NumPart part) { return _mm512_maskz_loadu_ps(part, x); }
static inline void num_store_part(float *y, NumPart part, NumVec x) { _mm512_mask_storeu_ps(y, part, x); }
static inline NumVec num_set(float x) { return _mm512_set1_ps(x); }
static inline NumVec num_fma_vec(NumVec a, NumVec b, NumVec c) { return _mm512_fmadd_ps(a, b, c); }

#elif defined(__AVX2__)

typedef __m256i NumPart;
static inline NumPart num_part(size_t count)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - count));
}
static inline NumVec num_load_part(const float *x, NumPart part) { return _mm256_maskload_ps(x, part); }
static inline void num_store_part(float *y, NumPart part, NumVec x) { _mm256_maskstore_ps(y, part, x); }
static inline NumVec num_set(float x) { return _mm256_set1_ps(x); }
static inline NumVec num_fma_vec(NumVec a, NumVec b, NumVec c) { return _mm256_fmadd_ps(a, b, c); }

#else

typedef size_t NumPart;
static inline NumPart num_part(size_t count) { return count; }
static inline NumVec num_load_part(const float *x, NumPart part)
{
    NumVec v = {0};
    memcpy(&v, x, part * sizeof *x);
    return v;
}
static inline void num_store_part(float *y, NumPart part, NumVec x) { memcpy(y, &x, part * sizeof *y); }
static inline NumVec num_set(float x) { return (NumVec){x, x, x, x}; }
static inline NumVec num_fma_vec(NumVec a, NumVec b, NumVec c)
{
#if defined(__aarch64__)
    return (NumVec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    for (int l = 0; l < NUM_LANES; l++)
        c[l] = num_fma(a[l], b[l], c[l]);
    return c;
#endif
}

#endif

static inline NumVec num_load(const float *x) { return *(const NumVecAny *)(const void *)x; }
static inline void num_store(float *y, NumVec x) { *(NumVecAny *)(void *)y = x; }

#endif
