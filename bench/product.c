/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench/product.c: times the matrix products of one library that its input names.
 *
 *     product vae-lab|onednn|openblas THREADS
 *
 * Prints the library's name and kernels in one line of JSON.  For each line of its input,
 *     FORM M N K MILLISECONDS CHECK     for example  NN 100 400 784 2 1
 * it prints {"seconds": of one product, "count": of timed products}: the mean over as many products as take MILLISECONDS, after a
 * warm-up.  CHECK 1: the product is also verified; a wrong one gives {"error": …}.
 *
 * One process per library: threads that one library keeps awake must not disturb another's turn, and OpenBLAS chooses its kernels
 * (OPENBLAS_CORETYPE) when it is loaded.  On one thread the clock is the thread's processor time, which other processes disturb
 * little; on several threads it is wall time.
 */
#define _GNU_SOURCE
#include "base/mem.h"
#include "num/isa.h"
#include "num/matmul.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int DnnlSgemm(char ta, char tb, long m, long n, long k, float alpha, const float *a, long lda, const float *b, long ldb,
                      float beta, float *c, long ldc);
typedef void CblasSgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                        int ldb, float beta, float *c, int ldc);
typedef struct DnnlVersion {
    int major, minor, patch;
} DnnlVersion; /* the first members of dnnl_version_t */

enum { LARGEST = 2048 * 1024 }; /* floats of a matrix */

typedef struct Product {
    NumForm form;
    size_t m, n, k;
    float *a, *b, *c;
} Product;

static DnnlSgemm *dnnl_sgemm;
static CblasSgemm *cblas_sgemm;
static int threads;

/* ---- the libraries -------------------------------------------------------------------------------------------------- */

static void fail(const char *what)
{
    printf("{\"error\": \"%s\"}\n", what);
    exit(1);
}

static void *open_one_of(const char *const *names, const char *package)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library != NULL)
            return library;
    }
    fail(package);
    return NULL;
}

/* A function's address; ISO C has no cast from an object pointer. */
static void find(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
}

static void load_onednn(void)
{
    static const char *const names[] = {"libdnnl.so.3", "libdnnl.so.2", "libdnnl.so", NULL};
    void *library = open_one_of(names, "oneDNN is not installed (Debian: libdnnl-dev)");
    const DnnlVersion *(*version)(void);
    find(library, "dnnl_version", &version);
    find(library, "dnnl_sgemm", &dnnl_sgemm);
    const DnnlVersion *v = version();
    printf("{\"library\": \"oneDNN %d.%d.%d\", \"kernels\": \"\"}\n", v->major, v->minor, v->patch);
}

static void load_openblas(void)
{
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", NULL};
    void *library = open_one_of(names, "OpenBLAS is not installed (Debian: libopenblas0-pthread)");
    char *(*core)(void), *(*config)(void);
    char version[32] = "";
    find(library, "openblas_get_corename", &core);
    find(library, "openblas_get_config", &config);
    find(library, "cblas_sgemm", &cblas_sgemm);
    sscanf(config(), "%*s %31s", version);
    printf("{\"library\": \"OpenBLAS %s\", \"kernels\": \"%s\"}\n", version, core());
}

static void load_ours(void)
{
    Error err = ERROR_NONE;
    if (num_isa_choose(NULL, &err) != 0)
        fail(err.what);
    num_threads_set(threads);
    printf("{\"library\": \"vae-lab\", \"kernels\": \"%s\"}\n", num_isa_name());
}

static void multiply(const Product *x)
{
    int ta = x->form == NUM_TN, tb = x->form == NUM_NT;
    long lda = (long)(ta ? x->m : x->k), ldb = (long)(tb ? x->k : x->n), m = (long)x->m, n = (long)x->n, k = (long)x->k;
    if (dnnl_sgemm != NULL)
        dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1.0f, x->a, lda, x->b, ldb, 0.0f, x->c, n);
    else if (cblas_sgemm != NULL)
        cblas_sgemm(101, ta ? 112 : 111, tb ? 112 : 111, (int)m, (int)n, (int)k, 1.0f, x->a, (int)lda, x->b, (int)ldb, 0.0f, x->c,
                    (int)n);
    else
        num_matmul_f32(x->form, x->m, x->n, x->k, x->c, x->a, x->b, NULL, NUM_IDENTITY, 0);
}

/* ---- verification --------------------------------------------------------------------------------------------------- */

static double sign(size_t i) { return (i * 2654435761u >> 16 & 1) != 0 ? 1.0 : -1.0; }

/* Freivalds' test: r C s = (r A)(B s) for signs r and s, here in double: one wrong element exceeds the tolerance by far, the rounding
 * of all elements stays far below it. */
static int is_right(const Product *x)
{
    double *row = calloc(x->k, sizeof *row), *column = calloc(x->k, sizeof *column), expected = 0, found = 0;
    if (row == NULL || column == NULL)
        fail("out of memory");
    for (size_t i = 0; i < x->m; i++)
        for (size_t p = 0; p < x->k; p++)
            row[p] += sign(i) * (double)x->a[x->form == NUM_TN ? p * x->m + i : i * x->k + p];
    for (size_t p = 0; p < x->k; p++)
        for (size_t j = 0; j < x->n; j++)
            column[p] += sign(j + 7) * (double)x->b[x->form == NUM_NT ? j * x->k + p : p * x->n + j];
    for (size_t p = 0; p < x->k; p++)
        expected += row[p] * column[p];
    for (size_t i = 0; i < x->m; i++)
        for (size_t j = 0; j < x->n; j++)
            found += sign(i) * sign(j + 7) * (double)x->c[i * x->n + j];
    free(row);
    free(column);
    return fabs(found - expected) <= 1e-5 * sqrt((double)x->m * (double)x->n * (double)x->k);
}

/* ---- timing --------------------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of `count` products. */
static double take(const Product *x, long count)
{
    double start = now();
    for (long i = 0; i < count; i++)
        multiply(x);
    return now() - start;
}

static void answer(const Product *x, double seconds, int check)
{
    if (check) {
        for (size_t i = 0; i < x->m * x->n; i++)
            x->c[i] = NAN;
        multiply(x);
        if (!is_right(x)) {
            printf("{\"error\": \"wrong product\"}\n");
            return;
        }
    }
    /* the first product brings the operands into the caches and wakes the threads */
    long count = 1;
    double once = (take(x, 1), take(x, 1));
    while (once < 0.1 * seconds)
        once = take(x, count *= 2);
    count = 1 + (long)(seconds / once * (double)count);
    printf("{\"seconds\": %.9e, \"count\": %ld}\n", take(x, count) / (double)count, count);
}

static float *matrix(unsigned seed)
{
    float *x = mem_array(LARGEST, sizeof *x);
    if (x == NULL)
        fail("out of memory");
    for (size_t i = 0; i < LARGEST; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 8388608.0f - 1.0f; /* uniform on (-1, 1) */
    }
    return x;
}

int main(int argc, char **argv)
{
    threads = argc == 3 ? atoi(argv[2]) : 0;
    if (threads < 1) {
        fprintf(stderr, "usage: product vae-lab|onednn|openblas THREADS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(argv[1], "onednn") == 0)
        load_onednn();
    else if (strcmp(argv[1], "openblas") == 0)
        load_openblas();
    else
        load_ours();

    Product x = {.a = matrix(1), .b = matrix(2), .c = matrix(3)};
    char form[3];
    double milliseconds;
    int check;
    while (scanf("%2s %zu %zu %zu %lf %d", form, &x.m, &x.n, &x.k, &milliseconds, &check) == 6) {
        x.form = strcmp(form, "NT") == 0 ? NUM_NT : strcmp(form, "TN") == 0 ? NUM_TN : NUM_NN;
        if (x.m * x.k > LARGEST || x.k * x.n > LARGEST || x.m * x.n > LARGEST)
            fail("a matrix is too large");
        answer(&x, 1e-3 * milliseconds, check);
    }
    return 0;
}
