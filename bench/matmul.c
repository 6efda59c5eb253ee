/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench/matmul.c: this project's matrix product beside oneDNN's and OpenBLAS', on one thread, in turns.
 *
 *     matmul [--json FILE] [--rounds N] [--accumulate] [--only BATCH IN OUT]
 *
 * For a layer of `in` inputs and `out` outputs on a batch: NN its output, NT its input gradient, TN its weight gradient.
 * Each round times every library once, each over as many products as take about 2 ms; the order rotates.  The libraries are
 * loaded if they are there.  Prints min, median and max in microseconds of the thread's processor time, and the ratio of
 * medians, ours over theirs.
 */
#define _GNU_SOURCE
#include "base/mem.h"
#include "num/isa.h"
#include "num/matmul.h"
#include "num/stream.h"

#include <dlfcn.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int DnnlSgemm(char ta, char tb, long m, long n, long k, float alpha, const float *a, long lda, const float *b, long ldb,
                      float beta, float *c, long ldc);
typedef void CblasSgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                        int ldb, float beta, float *c, int ldc);

enum { OURS, ONEDNN, OPENBLAS, LIBRARIES, ROUNDS_MAX = 101 };
static const char *const library_names[LIBRARIES] = {"vae-lab", "oneDNN", "OpenBLAS"};
static DnnlSgemm *dnnl_sgemm;
static CblasSgemm *cblas_sgemm;
static int accumulate; /* C += A B, beta = 1 for the others */

typedef struct Product {
    NumForm form;
    size_t m, n, k;
    float *a, *b, *c, *scratch;
} Product;

static void load_libraries(void)
{
    void *dnnl = dlopen("libdnnl.so.3", RTLD_NOW | RTLD_LOCAL);
    if (dnnl == NULL)
        dnnl = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
    void *blas = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    void *f = dnnl == NULL ? NULL : dlsym(dnnl, "dnnl_sgemm");
    memcpy(&dnnl_sgemm, &f, sizeof f);
    f = blas == NULL ? NULL : dlsym(blas, "cblas_sgemm");
    memcpy(&cblas_sgemm, &f, sizeof f);
    if (dnnl_sgemm == NULL)
        fprintf(stderr, "bench: oneDNN is not installed (Debian: apt-get install libdnnl2)\n");
    if (cblas_sgemm == NULL)
        fprintf(stderr, "bench: OpenBLAS is not installed (Debian: apt-get install libopenblas0-pthread)\n");
}

static int installed(int library)
{
    return library == OURS || (library == ONEDNN ? dnnl_sgemm != NULL : cblas_sgemm != NULL);
}

static void multiply(int library, const Product *x)
{
    int ta = x->form == NUM_TN, tb = x->form == NUM_NT;
    long lda = (long)(ta ? x->m : x->k), ldb = (long)(tb ? x->k : x->n), m = (long)x->m, n = (long)x->n, k = (long)x->k;
    switch (library) {
    case OURS:
        num_matmul_f32(x->form, x->m, x->n, x->k, x->c, x->a, x->b, NULL, NUM_ACT_NONE, accumulate, x->scratch);
        break;
    case ONEDNN:
        dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1.0f, x->a, lda, x->b, ldb, (float)accumulate, x->c, n);
        break;
    case OPENBLAS:
        cblas_sgemm(101, ta ? 112 : 111, tb ? 112 : 111, (int)m, (int)n, (int)k, 1.0f, x->a, (int)lda, x->b, (int)ldb,
                    (float)accumulate, x->c, (int)n);
        break;
    }
}

/* Of this thread alone: all compute on it, and what else the machine does does not count. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of one product, the mean of `count`. */
static double seconds(int library, const Product *x, int count)
{
    double start = now();
    for (int i = 0; i < count; i++)
        multiply(library, x);
    return (now() - start) / count;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The three must agree up to rounding, or a comparison of times says nothing. */
static int agree(const Product *x, float *first)
{
    size_t size = x->m * x->n;
    memset(x->c, 0, size * sizeof *x->c);
    multiply(OURS, x);
    memcpy(first, x->c, size * sizeof *first);
    for (int library = 1; library < LIBRARIES; library++) {
        if (!installed(library))
            continue;
        memset(x->c, 0, size * sizeof *x->c);
        multiply(library, x);
        for (size_t i = 0; i < size; i++)
            if (!(fabs((double)first[i] - (double)x->c[i]) <= 1e-4 * sqrt((double)x->k)))
                return 0;
    }
    return 1;
}

static void print_json(FILE *json, const char *form, size_t batch, size_t in, size_t out, double time[LIBRARIES][ROUNDS_MAX],
                       int rounds)
{
    static int rows;
    fprintf(json, "%s\n  {\"form\": \"%s\", \"batch\": %zu, \"in\": %zu, \"out\": %zu", rows++ == 0 ? "[" : ",", form, batch,
            in, out);
    for (int l = 0; l < LIBRARIES; l++)
        if (installed(l))
            fprintf(json, ", \"%s\": {\"min_us\": %.3f, \"median_us\": %.3f, \"max_us\": %.3f}", library_names[l],
                    1e6 * time[l][0], 1e6 * time[l][rounds / 2], 1e6 * time[l][rounds - 1]);
    fprintf(json, "}");
}

static int measure(NumForm form, size_t batch, size_t in, size_t out, int rounds, FILE *json)
{
    static const char *const form_names[] = {"NN", "NT", "TN"};
    Product x = {.form = form, .m = batch, .n = out, .k = in};
    if (form == NUM_NT)
        x.n = in, x.k = out;
    if (form == NUM_TN)
        x.m = in, x.k = batch;
    double time[LIBRARIES][ROUNDS_MAX] = {{0}};
    NumStream stream = num_stream(1, "bench");
    x.a = mem_array(x.m * x.k, sizeof(float));
    x.b = mem_array(x.k * x.n, sizeof(float));
    x.c = mem_array(x.m * x.n, sizeof(float));
    x.scratch = mem_array(num_matmul_scratch(form, x.m, x.n, x.k), sizeof(float));
    float *first = mem_array(x.m * x.n, sizeof(float));
    int ok = x.a != NULL && x.b != NULL && x.c != NULL && x.scratch != NULL && first != NULL;
    if (ok) {
        num_stream_normal(stream, 0, 0, x.m, x.k, x.a);
        num_stream_normal(stream, 1, 0, x.k, x.n, x.b);
        ok = agree(&x, first);
    }
    int count[LIBRARIES];
    for (int l = 0; ok && l < LIBRARIES; l++)
        if (installed(l))
            count[l] = 1 + (int)(2e-3 / seconds(l, &x, 3));
    for (int round = 0; ok && round < rounds; round++)
        for (int turn = 0; turn < LIBRARIES; turn++) {
            int l = (turn + round) % LIBRARIES;
            if (installed(l))
                time[l][round] = seconds(l, &x, count[l]);
        }
    if (ok) {
        printf("%s %5zu %4zu-%-4zu", form_names[form], batch, in, out);
        for (int l = 0; l < LIBRARIES; l++)
            if (installed(l)) {
                qsort(time[l], (size_t)rounds, sizeof time[l][0], ascending);
                printf("  %9.2f %9.2f %9.2f", 1e6 * time[l][0], 1e6 * time[l][rounds / 2], 1e6 * time[l][rounds - 1]);
                if (l != OURS)
                    printf("  %5.2f", time[OURS][rounds / 2] / time[l][rounds / 2]);
            }
        printf("\n");
        fflush(stdout);
        if (json != NULL)
            print_json(json, form_names[form], batch, in, out, time, rounds);
    } else {
        fprintf(stderr, "bench: %s %zu %zu-%zu: out of memory, or the libraries disagree\n", form_names[form], batch, in, out);
    }
    mem_free(x.a);
    mem_free(x.b);
    mem_free(x.c);
    mem_free(x.scratch);
    mem_free(first);
    return ok ? 0 : -1;
}

static void print_heading(void)
{
    printf("one product, microseconds (min, median, max), one thread, instruction set %s; ratio: ours over theirs\n%-19s",
           num_isa_name(), "form batch layer");
    for (int l = 0; l < LIBRARIES; l++)
        if (installed(l))
            printf("  %29s%s", library_names[l], l == OURS ? "" : "  ratio");
    printf("\n");
}

int main(int argc, char **argv)
{
    static const size_t batches[] = {1, 7, 20, 100, 128, 1000};
    static const size_t layers[][2] = {{784, 400}, {784, 500}, {400, 784}, {200, 200}, {400, 20}, {500, 2}};
    size_t only[3] = {0, 0, 0};
    int rounds = 9, status = 0;
    FILE *json = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
            json = fopen(argv[++i], "w");
            if (json == NULL) {
                perror(argv[i]);
                return 1;
            }
        } else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            rounds = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--accumulate") == 0) {
            accumulate = 1;
        } else if (strcmp(argv[i], "--only") == 0 && i + 3 < argc) {
            for (int j = 0; j < 3; j++)
                only[j] = strtoul(argv[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: matmul [--json FILE] [--rounds N] [--accumulate] [--only BATCH IN OUT]\n");
            return 2;
        }
    }
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    omp_set_num_threads(1); /* oneDNN's; the environment was read before main() */
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    load_libraries();
    Error err = ERROR_NONE;
    if (num_isa_choose(NULL, &err) != 0) {
        error_print(stderr, "bench", &err);
        return 2;
    }
    print_heading();
    for (size_t l = 0; l < sizeof layers / sizeof layers[0]; l++)
        for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++)
            for (int form = 0; only[0] == 0 && form < 3; form++)
                status |= measure((NumForm)form, batches[b], layers[l][0], layers[l][1], rounds, json);
    for (int form = 0; only[0] != 0 && form < 3; form++)
        status |= measure((NumForm)form, only[0], only[1], only[2], rounds, json);
    if (json != NULL) {
        fprintf(json, "\n]\n");
        status |= fclose(json);
    }
    return status == 0 ? 0 : 1;
}
