/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/matmul.c: the matrix product on one thread.
 *
 * A register tile of TILE_ROWS x TILE_VECTORS vectors of c stays in registers while p runs over a block of k; between
 * blocks it waits in memory, which costs no bit.  a is read one element at a time and broadcast, b in whole vectors, both
 * where they lie; a transposed b, and for narrow tiles any b, is copied first, a panel at a time, into a buffer that stays
 * in the first two caches.
 * Every element of c is its own chain, so tiles of any shape give the same bits.
 */
#include "num/isa/matmul.h"

#include "num/isa/scalar.h"
#include "num/isa/variant.h"

/* The tile fills the registers: accumulators, the vectors of b, and one broadcast element of a.
 * A narrow tile takes little from each row of b, so that a panel of b touches many lines and pages: it pays to copy the
 * panel first (AVX2, 784 to 500 units: 10 % faster), where AVX-512 loses 2 % by it. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 12, TILE_VECTORS = 2, COPIES = 0 };
#elif defined(__AVX2__)
enum { TILE_ROWS = 6, TILE_VECTORS = 2, COPIES = 1 };
#elif NUM_HAS_FMA
enum { TILE_ROWS = 8, TILE_VECTORS = 2, COPIES = 1 };
#else
enum { TILE_ROWS = 4, TILE_VECTORS = 4, COPIES = 0 };
#endif

enum {
    TILE_COLUMNS = TILE_VECTORS * NUM_LANES,
    BLOCK_K = 400,   /* a panel of b, BLOCK_K x TILE_COLUMNS, stays in the first two caches; 200 to 800 are alike */
    BLOCK_ROWS = 192 /* so many rows of a, with all of k, stay in the second cache for all panels */
};

/* The loop that follows is unrolled entirely when it is compiled: only then do arrays of vectors become registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t parts(size_t n, size_t largest) { return (n + largest - 1) / largest; }

/* The end of part `i` of `count` nearly equal parts of n. */
static size_t part_end(size_t n, size_t count, size_t i) { return n / count * (i + 1) + smaller(n % count, i + 1); }

/* ---- one register tile ---------------------------------------------------------------------------------------------- */

/* What a tile computes over k steps: [add] to += [first: 0, else from] + a b. */
typedef struct Step {
    size_t k;
    const float *a;
    size_t a_row, a_column;
    const float *b;
    size_t b_row;
    const float *from; /* the chains so far */
    size_t from_row;
    float *to;
    size_t to_row;
    int first, add;
} Step;

#if NUM_HAS_FMA

/* A tile of `rows` rows and `vectors` vectors, of which the last is partial unless `whole`.
 * Rows of a go in threes: one pointer, the row stride, twice the row stride fit an address, and few pointers step. */
static inline __attribute__((always_inline)) void tile(const int rows, const int vectors, const int whole, const Step *x,
                                                       NumPart part)
{
    const int last = whole ? vectors : vectors - 1;
    NumVec sum[TILE_ROWS][TILE_VECTORS];
    const float *three[(TILE_ROWS + 2) / 3], *from = x->from;
    UNROLL for (int r = 0; r < rows; r++, from += x->from_row)
        UNROLL for (int v = 0; v < vectors; v++) {
            const float *at = from + v * NUM_LANES;
            sum[r][v] = x->first ? num_set(0.0f) : v < last ? num_load(at) : num_load_part(at, part);
        }
    const size_t a_row = x->a_row, a_column = x->a_column, b_row = x->b_row;
    const float *b = x->b;
    UNROLL for (int r = 0; r < rows; r += 3)
        three[r / 3] = x->a + (size_t)r * a_row;
    for (size_t p = x->k; p > 0; p--) {
        NumVec right[TILE_VECTORS];
        UNROLL for (int v = 0; v < vectors; v++)
            right[v] = v < last ? num_load(b + v * NUM_LANES) : num_load_part(b + v * NUM_LANES, part);
        UNROLL for (int r = 0; r < rows; r++) {
            NumVec left = num_set(three[r / 3][(size_t)(r % 3) * a_row]);
            UNROLL for (int v = 0; v < vectors; v++)
                sum[r][v] = num_fma_vec(left, right[v], sum[r][v]);
        }
        UNROLL for (int r = 0; r < rows; r += 3)
            three[r / 3] += a_column;
        b += b_row;
    }
    float *to = x->to;
    UNROLL for (int r = 0; r < rows; r++, to += x->to_row)
        UNROLL for (int v = 0; v < vectors; v++) {
            float *at = to + v * NUM_LANES;
            if (x->add)
                sum[r][v] = (v < last ? num_load(at) : num_load_part(at, part)) + sum[r][v];
            if (v < last)
                num_store(at, sum[r][v]);
            else
                num_store_part(at, part, sum[r][v]);
        }
}

typedef void Tile(const Step *x, NumPart part);

/* One function for each number of rows and vectors, so that all of the tile's loops are unrolled when it is compiled. */
#define DEFINE_TILE(rows, vectors, whole)                                            \
    static void tile_##rows##_##vectors##_##whole(const Step *x, NumPart part)       \
    {                                                                                \
        tile(rows, vectors, whole, x, part);                                         \
    }
#define NAME_TILE(rows, vectors, whole) tile_##rows##_##vectors##_##whole,

#define SIX_ROWS(X, v, w) X(1, v, w) X(2, v, w) X(3, v, w) X(4, v, w) X(5, v, w) X(6, v, w)
#define EIGHT_ROWS(X, v, w) SIX_ROWS(X, v, w) X(7, v, w) X(8, v, w)
#if defined(__AVX512F__)
#define EACH_ROWS(X, v, w) EIGHT_ROWS(X, v, w) X(9, v, w) X(10, v, w) X(11, v, w) X(12, v, w)
#elif defined(__AVX2__)
#define EACH_ROWS SIX_ROWS
#else
#define EACH_ROWS EIGHT_ROWS
#endif

EACH_ROWS(DEFINE_TILE, 1, 0)
EACH_ROWS(DEFINE_TILE, 2, 0)
EACH_ROWS(DEFINE_TILE, 2, 1)

static Tile *const tiles[3][TILE_ROWS] = {
    {EACH_ROWS(NAME_TILE, 1, 0)},
    {EACH_ROWS(NAME_TILE, 2, 0)},
    {EACH_ROWS(NAME_TILE, 2, 1)},
};

static void run_tile(size_t rows, size_t columns, const Step *x)
{
    size_t vectors = parts(columns, NUM_LANES);
    tiles[columns == TILE_COLUMNS ? 2 : vectors - 1][rows - 1](x, num_part(columns - (vectors - 1) * NUM_LANES));
}

#else

/* sum[j] = fma(left, right[j], sum[j]) over a row of the tile; all are floats, held as doubles.
 * The product is exact, the sum s is rounded to double and then to 24 bits (Veltkamp's splitting).  Rounding twice is wrong
 * only in the middle between two floats, and 24 bits are wrong only for denormal and for huge results: when no element of
 * the row is in doubt, which is nearly always, this takes two thirds of the time of num_fma(). */
static inline void emulated_row(double *sum, double left, const double *right)
{
    const uint64_t middle = 0x10000000, low = 0x1fffffff;
    const uint64_t normal = (uint64_t)(1023 - 126) << 52, huge = (uint64_t)(1023 + 127) << 52;
    double next[TILE_COLUMNS];
    uint64_t doubt = 0; /* its top bit */
    for (size_t j = 0; j < TILE_COLUMNS; j++) {
        double s = left * right[j] + sum[j], t = s * 0x20000001p0;
        uint64_t bits;
        memcpy(&bits, &s, sizeof bits);
        next[j] = t - (t - s);
        doubt |= ((bits & low) ^ middle) - 1;             /* the low bits of a middle */
        doubt |= (((bits << 1) - 1) >> 1) - normal;       /* 0 < |s| < 2^-126; 0 itself is exact */
        doubt |= huge - (bits << 1 >> 1);                 /* |s| > 2^127, infinite, NaN */
    }
    if (doubt >> 63)
        for (size_t j = 0; j < TILE_COLUMNS; j++)
            sum[j] = (double)num_fma((float)left, (float)right[j], (float)sum[j]);
    else
        memcpy(sum, next, sizeof next);
}

static void run_tile(size_t rows, size_t columns, const Step *x)
{
    double sum[TILE_ROWS][TILE_COLUMNS] = {{0}}, right[TILE_COLUMNS] = {0};
    for (size_t r = 0; r < rows && !x->first; r++)
        for (size_t j = 0; j < columns; j++)
            sum[r][j] = (double)x->from[r * x->from_row + j];
    for (size_t p = 0; p < x->k; p++) {
        for (size_t j = 0; j < columns; j++)
            right[j] = (double)x->b[p * x->b_row + j];
        for (size_t r = 0; r < rows; r++)
            emulated_row(sum[r], (double)x->a[r * x->a_row + p * x->a_column], right);
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < columns; j++) {
            float *to = x->to + r * x->to_row + j;
            *to = x->add ? *to + (float)sum[r][j] : (float)sum[r][j];
        }
}

#endif

/* ---- transposition -------------------------------------------------------------------------------------------------- */

#if defined(__AVX2__)

enum { SQUARE = 8 };

/* y = the transpose of an 8 x 8 square of x: pairs of half rows, then two rounds of shuffles in the halves. */
static inline void transpose_square(float *y, size_t y_row, const float *x, size_t x_row)
{
    __m256 r[8], t[8];
    UNROLL for (size_t i = 0; i < 4; i++) {
        r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + i * x_row)), _mm_loadu_ps(x + (i + 4) * x_row), 1);
        r[i + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + i * x_row + 4)),
                                        _mm_loadu_ps(x + (i + 4) * x_row + 4), 1);
    }
    UNROLL for (size_t h = 0; h < 8; h += 4) {
        t[h] = _mm256_unpacklo_ps(r[h], r[h + 1]);
        t[h + 1] = _mm256_unpackhi_ps(r[h], r[h + 1]);
        t[h + 2] = _mm256_unpacklo_ps(r[h + 2], r[h + 3]);
        t[h + 3] = _mm256_unpackhi_ps(r[h + 2], r[h + 3]);
        _mm256_storeu_ps(y + h * y_row, _mm256_shuffle_ps(t[h], t[h + 2], 0x44));
        _mm256_storeu_ps(y + (h + 1) * y_row, _mm256_shuffle_ps(t[h], t[h + 2], 0xee));
        _mm256_storeu_ps(y + (h + 2) * y_row, _mm256_shuffle_ps(t[h + 1], t[h + 3], 0x44));
        _mm256_storeu_ps(y + (h + 3) * y_row, _mm256_shuffle_ps(t[h + 1], t[h + 3], 0xee));
    }
}

#else

enum { SQUARE = 4 };

static inline void transpose_square(float *y, size_t y_row, const float *x, size_t x_row)
{
    for (size_t i = 0; i < SQUARE; i++)
        for (size_t j = 0; j < SQUARE; j++)
            y[i * y_row + j] = x[j * x_row + i];
}

#endif

/* y (columns, rows) = the transpose of x (rows, columns).  A row of y is written at once: rows are few, one panel. */
static void transpose(size_t rows, size_t columns, float *y, size_t y_row, const float *x, size_t x_row)
{
    size_t whole = rows - rows % SQUARE, j = 0;
    for (; j + SQUARE <= columns; j += SQUARE)
        for (size_t i = 0; i < whole; i += SQUARE)
            transpose_square(y + j * y_row + i, y_row, x + i * x_row + j, x_row);
    for (; j < columns; j++)
        for (size_t i = 0; i < whole; i++)
            y[j * y_row + i] = x[i * x_row + j];
    for (size_t i = whole; i < rows; i++)
        for (j = 0; j < columns; j++)
            y[j * y_row + i] = x[i * x_row + j];
}

/* y (rows, columns) = x, each with its own stride. */
static void copy(size_t rows, size_t columns, float *y, size_t y_row, const float *x, size_t x_row)
{
    for (size_t i = 0; i < rows; i++)
        if (columns == TILE_COLUMNS) /* a length that the compiler knows */
            memcpy(y + i * y_row, x + i * x_row, TILE_COLUMNS * sizeof *y);
        else
            memcpy(y + i * y_row, x + i * x_row, columns * sizeof *y);
}

/* ---- after the chains ----------------------------------------------------------------------------------------------- */

/* x (n) = act(x), as num_map_f32 has it */
static void activate(NumAct act, size_t n, float *x)
{
    switch (act) {
    case NUM_ACT_NONE:
        break;
    case NUM_ACT_TANH:
        for (size_t j = 0; j < n; j++)
            x[j] = num_tanh1(x[j]);
        break;
    case NUM_ACT_SIGMOID:
        for (size_t j = 0; j < n; j++)
            x[j] = num_sigmoid1(x[j]);
        break;
    case NUM_ACT_RELU:
        for (size_t j = 0; j < n; j++)
            x[j] = x[j] < 0.0f ? 0.0f : x[j]; /* as NUM_RELU: a NaN stays one */
        break;
    case NUM_ACT_SOFTPLUS:
        for (size_t j = 0; j < n; j++)
            x[j] = num_softplus1(x[j]);
        break;
    }
}

/* c (n) = act(x + bias), or c += it.  x, the chains, is scratch from here on; without accumulate x may be c. */
static void finish(size_t n, float *c, float *x, const float *bias, NumAct act, int accumulate)
{
    if (bias != NULL)
        for (size_t j = 0; j < n; j++)
            x[j] = x[j] + bias[j];
    activate(act, n, x);
    if (accumulate)
        for (size_t j = 0; j < n; j++)
            c[j] = c[j] + x[j];
    else if (c != x)
        memcpy(c, x, n * sizeof *c);
}

/* ---- the product ---------------------------------------------------------------------------------------------------- */

/* The chains of `rows` rows from i and `columns` columns from j: written to c, or added to it. */
static void panel(const NumProduct *x, size_t i, size_t rows, size_t j, size_t columns, float *c, size_t c_row, int add)
{
    float right[BLOCK_K * TILE_COLUMNS], chains[BLOCK_ROWS * TILE_COLUMNS];
    size_t blocks = x->k == 0 ? 1 : parts(x->k, BLOCK_K), tall = parts(rows, TILE_ROWS);
    for (size_t block = 0, p = 0; block < blocks; block++) {
        size_t end = part_end(x->k, blocks, block);
        int last = block == blocks - 1, aside = add && !last;
        Step step = {.k = end - p, .a_row = x->a_row, .a_column = x->a_column, .first = block == 0, .add = add && last};
        const float *b = x->b_transposed ? x->b + j * x->b_row + p : x->b + p * x->b_row + j;
        int copies = x->b_transposed || (COPIES && tall >= 4);
        step.b = copies ? right : b;
        step.b_row = copies ? TILE_COLUMNS : x->b_row;
        if (x->b_transposed)
            transpose(columns, end - p, right, TILE_COLUMNS, b, x->b_row);
        else if (copies)
            copy(end - p, columns, right, TILE_COLUMNS, b, x->b_row);
        step.from_row = add ? TILE_COLUMNS : c_row;
        step.to_row = aside ? TILE_COLUMNS : c_row;
        for (size_t t = 0, r = 0; t < tall; t++) {
            size_t next = part_end(rows, tall, t);
            step.a = x->a + (i + r) * x->a_row + p * x->a_column;
            step.from = add ? chains + r * TILE_COLUMNS : c + r * c_row;
            step.to = aside ? chains + r * TILE_COLUMNS : c + r * c_row;
            run_tile(next - r, columns, &step);
            r = next;
        }
        p = end;
    }
}

/* A panel that is finished before it goes to c, which holds what is added to it, or lies the other way. */
static void panel_aside(const NumProduct *x, size_t i, size_t rows, size_t j, size_t columns)
{
    float chains[BLOCK_ROWS * TILE_COLUMNS], turned[TILE_COLUMNS * BLOCK_ROWS];
    panel(x, i, rows, j, columns, chains, TILE_COLUMNS, 0);
    if (!x->c_transposed) {
        for (size_t r = 0; r < rows; r++)
            finish(columns, x->c + (i + r) * x->c_row + j, chains + r * TILE_COLUMNS, x->bias == NULL ? NULL : x->bias + j,
                   x->act, x->accumulate);
        return;
    }
    transpose(rows, columns, turned, BLOCK_ROWS, chains, TILE_COLUMNS);
    for (size_t s = 0; s < columns; s++)
        finish(rows, x->c + (j + s) * x->c_row + i, turned + s * BLOCK_ROWS, x->bias == NULL ? NULL : x->bias + i, x->act,
               x->accumulate);
}

static void product(const NumProduct *x, size_t i0, size_t i1, size_t j0, size_t j1)
{
    size_t blocks = parts(i1 - i0, BLOCK_ROWS);
    int finishes = x->bias != NULL || x->act != NUM_ACT_NONE;
    int aside = x->c_transposed || (x->accumulate && finishes);
    for (size_t block = 0, i = i0; block < blocks; block++) {
        size_t next = i0 + part_end(i1 - i0, blocks, block), rows = next - i;
        for (size_t j = j0; j < j1; j += TILE_COLUMNS) {
            size_t columns = smaller(TILE_COLUMNS, j1 - j);
            if (aside)
                panel_aside(x, i, rows, j, columns);
            else
                panel(x, i, rows, j, columns, x->c + i * x->c_row + j, x->c_row, x->accumulate);
        }
        for (; i < next; i++)
            if (finishes && !aside) {
                float *c = x->c + i * x->c_row + j0;
                finish(j1 - j0, c, c, x->bias == NULL ? NULL : x->bias + j0, x->act, 0);
            }
    }
}

/* ---- the gradient through an activation, from its output -------------------------------------------------------------- */

static void act_back(NumAct act, size_t n, float *dx, const float *dy, const float *y)
{
    switch (act) {
    case NUM_ACT_NONE:
        if (dx != dy)
            memmove(dx, dy, n * sizeof *dx);
        break;
    case NUM_ACT_TANH: /* tanh' = 1 - y^2 */
        for (size_t i = 0; i < n; i++)
            dx[i] = dy[i] * num_fma(-y[i], y[i], 1.0f);
        break;
    case NUM_ACT_SIGMOID: /* sigmoid' = y (1 - y) */
        for (size_t i = 0; i < n; i++)
            dx[i] = dy[i] * (y[i] * (1.0f - y[i]));
        break;
    case NUM_ACT_RELU: /* relu'(0) = 0 */
        for (size_t i = 0; i < n; i++)
            dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
        break;
    case NUM_ACT_SOFTPLUS: /* softplus'(x) = sigmoid(x) = 1 - exp(-y), as -expm1(-y): y may be tiny */
        for (size_t i = 0; i < n; i++)
            dx[i] = dy[i] * (-2.0f * num_half_expm1(-y[i]));
        break;
    }
}

const NumMatmulTable VARIANT(num_matmul_table) = {
    .tile_rows = TILE_ROWS,
    .tile_columns = TILE_COLUMNS,
    .lanes = NUM_LANES,
    .product = product,
    .act_back = act_back,
};
