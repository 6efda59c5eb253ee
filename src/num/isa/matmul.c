/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/matmul.c: the matrix product on one thread.
 *
 * A register tile, at most TILE_ROWS rows of TILE_VECTORS vectors of c, or fewer rows of more, stays in registers while p
 * runs over a block of k; between blocks it waits in memory, which costs no bit.  a is read one element at a time and
 * broadcast, b in whole vectors, both where they lie; a transposed b, and for narrow tiles any b, is copied first, a panel at a
 * time, into a buffer that stays in the first two caches.  Where few rows would pay for the copy, a transposed b is turned in
 * the registers of the tile instead.
 * Every element of c is its own chain, so tiles of any shape give the same bits.
 */
#include "num/isa/matmul.h"

#include "num/isa/scalar.h"
#include "num/isa/variant.h"
#include "num/isa/zeros.h"

/* The accumulators of the largest tile fill the registers, but for the vectors of b and the broadcast elements of a.
 * A narrow tile takes little from each row of b, so that a panel of b touches many lines and pages: it pays to copy the
 * panel first (AVX2, 784 to 500 units: 10 % faster), where AVX-512 loses 2 % by it.
 * PART_COST: AVX2 stores part of a vector slowly, in the time of so many operations. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 12, COPIES = 0, PART_COST = 0 };
#elif defined(__AVX2__)
enum { TILE_ROWS = 6, COPIES = 1, PART_COST = 100 };
#elif NUM_HAS_FMA
enum { TILE_ROWS = 8, COPIES = 1, PART_COST = 0 };
#else
enum { TILE_ROWS = 4, COPIES = 0, PART_COST = 0 };
#endif

enum {
    TILE_VECTORS = NUM_HAS_FMA ? 2 : 4,
    TILE_COLUMNS = TILE_VECTORS * NUM_LANES,
    WIDE_VECTORS = NUM_HAS_FMA ? 8 : 4, /* of a tile of few rows */
    TURNED_VECTORS = 4,                 /* at most, of a tile that turns b */
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

/* Vectors of the widest tile of so many rows. */
static size_t width(size_t rows)
{
    return rows > TILE_ROWS / 2 || !NUM_HAS_FMA ? TILE_VECTORS : rows > TILE_ROWS / 4 ? 2 * TILE_VECTORS : WIDE_VECTORS;
}

/* Whether a last vector that is at most half full is a tile of its own, of half vectors: AVX-512's cost twice AVX2's where the
 * machine is 256 bits wide.  Only tall tiles have chains enough for it. */
enum { HALF_LANES = NUM_LANES == 16 ? 8 : 0 };
static int halves(size_t rows, size_t columns)
{
    return rows > TILE_ROWS / 2 && columns % NUM_LANES != 0 && columns % NUM_LANES <= HALF_LANES;
}

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
    size_t last; /* column of the last vector of a transposed b */
    const uint16_t *kept; /* the steps that count, k of them; NULL: the first k */
} Step;

#if NUM_HAS_FMA

/* A tile of `rows` rows and `vectors` vectors, of which the last is partial unless `whole`; `sparse`: over the kept steps.
 * Rows of a go in threes: one pointer, the row stride, twice the row stride fit an address, and few pointers step. */
static inline __attribute__((always_inline)) void tile(const int rows, const int vectors, const int whole, const int sparse,
                                                       const Step *x, NumPart part)
{
    const int last = whole ? vectors : vectors - 1;
    NumVec sum[TILE_ROWS][WIDE_VECTORS];
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
    const uint16_t *kept = x->kept;
    for (size_t p = x->k; p > 0; p--) {
        size_t at = 0;
        if (sparse) {
            at = *kept * a_column;
            b = x->b + *kept++ * b_row;
        }
        if (rows < vectors) { /* few elements of a wait for the vectors of b */
            NumVec left[TILE_ROWS];
            UNROLL for (int r = 0; r < rows; r++)
                left[r] = num_set(three[r / 3][(size_t)(r % 3) * a_row]);
            UNROLL for (int v = 0; v < vectors; v++) {
                NumVec right = v < last ? num_load(b + v * NUM_LANES) : num_load_part(b + v * NUM_LANES, part);
                UNROLL for (int r = 0; r < rows; r++)
                    sum[r][v] = num_fma_vec(left[r], right, sum[r][v]);
            }
        } else { /* few vectors of b wait for the elements of a */
            NumVec right[WIDE_VECTORS];
            UNROLL for (int v = 0; v < vectors; v++)
                right[v] = v < last ? num_load(b + v * NUM_LANES) : num_load_part(b + v * NUM_LANES, part);
            UNROLL for (int r = 0; r < rows; r++) {
                NumVec left = num_set((three[r / 3] + at)[(size_t)(r % 3) * a_row]);
                UNROLL for (int v = 0; v < vectors; v++)
                    sum[r][v] = num_fma_vec(left, right[v], sum[r][v]);
            }
        }
        if (!sparse) {
            UNROLL for (int r = 0; r < rows; r += 3)
                three[r / 3] += a_column;
            b += b_row;
        }
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

/* One function for each number of rows and vectors, so that all of the tile's loops are unrolled when it is compiled.
 * A tile of half the rows is twice as wide, one of a quarter four times: as many chains run side by side, and a row of b
 * is read in longer pieces. */
#define DEFINE_TILE(rows, vectors, whole)                                      \
    static void tile_##rows##_##vectors##_##whole(const Step *x, NumPart part) \
    {                                                                          \
        tile(rows, vectors, whole, 0, x, part);                                \
    }
#define NAME_TILE(rows, vectors, whole) [rows - 1][whole ? 0 : vectors] = tile_##rows##_##vectors##_##whole,
#define DEFINE_SPARSE(rows, vectors, whole)                                      \
    static void sparse_##rows##_##vectors##_##whole(const Step *x, NumPart part) \
    {                                                                            \
        tile(rows, vectors, whole, 1, x, part);                                  \
    }
#define NAME_SPARSE(rows, vectors, whole) [rows - 1][whole ? 0 : vectors] = sparse_##rows##_##vectors##_##whole,

#define TALL(X, r) X(r, 1, 0) X(r, 2, 0) X(r, 2, 1)
#define EVEN(X, r) X(r, 1, 0) X(r, 2, 0) X(r, 3, 0) X(r, 4, 0) X(r, 4, 1)
#define WIDE(X, r) X(r, 1, 0) X(r, 2, 0) X(r, 3, 0) X(r, 4, 0) X(r, 5, 0) X(r, 6, 0) X(r, 7, 0) X(r, 8, 0) X(r, 8, 1)
#if defined(__AVX512F__)
#define EACH_TILE(X) WIDE(X, 1) WIDE(X, 2) WIDE(X, 3) EVEN(X, 4) EVEN(X, 5) EVEN(X, 6) \
    EACH_TALL(X)
#define EACH_TALL(X) TALL(X, 7) TALL(X, 8) TALL(X, 9) TALL(X, 10) TALL(X, 11) TALL(X, 12)
#elif defined(__AVX2__)
#define EACH_TILE(X) WIDE(X, 1) EVEN(X, 2) EVEN(X, 3) EACH_TALL(X)
#define EACH_TALL(X) TALL(X, 4) TALL(X, 5) TALL(X, 6)
#else
#define EACH_TILE(X) WIDE(X, 1) WIDE(X, 2) EVEN(X, 3) EVEN(X, 4) EACH_TALL(X)
#define EACH_TALL(X) TALL(X, 5) TALL(X, 6) TALL(X, 7) TALL(X, 8)
#endif

EACH_TILE(DEFINE_TILE)
static Tile *const tiles[TILE_ROWS][1 + WIDE_VECTORS] = {EACH_TILE(NAME_TILE)}; /* [][0] are the whole ones */

EACH_TALL(DEFINE_SPARSE)
static Tile *const sparse_tiles[TILE_ROWS][1 + WIDE_VECTORS] = {EACH_TALL(NAME_SPARSE)};

#if defined(__AVX512F__)

/* A tile of at most half a vector of columns. */

static inline __attribute__((always_inline)) void half_tile(const int rows, const Step *x, __mmask8 part)
{
    __m256 sum[TILE_ROWS];
    const float *three[(TILE_ROWS + 2) / 3], *from = x->from, *b = x->b;
    const size_t a_row = x->a_row, a_column = x->a_column, b_row = x->b_row;
    UNROLL for (int r = 0; r < rows; r++, from += x->from_row)
        sum[r] = x->first ? _mm256_setzero_ps() : _mm256_maskz_loadu_ps(part, from);
    UNROLL for (int r = 0; r < rows; r += 3)
        three[r / 3] = x->a + (size_t)r * a_row;
    for (size_t p = x->k; p > 0; p--, b += b_row) {
        __m256 right = _mm256_maskz_loadu_ps(part, b);
        UNROLL for (int r = 0; r < rows; r++)
            sum[r] = _mm256_fmadd_ps(_mm256_set1_ps(three[r / 3][(size_t)(r % 3) * a_row]), right, sum[r]);
        UNROLL for (int r = 0; r < rows; r += 3)
            three[r / 3] += a_column;
    }
    float *to = x->to;
    UNROLL for (int r = 0; r < rows; r++, to += x->to_row) {
        if (x->add)
            sum[r] = _mm256_add_ps(_mm256_maskz_loadu_ps(part, to), sum[r]);
        _mm256_mask_storeu_ps(to, part, sum[r]);
    }
}

typedef void HalfTile(const Step *x, __mmask8 part);
#define DEFINE_HALF(rows) \
    static void half_##rows(const Step *x, __mmask8 part) { half_tile(rows, x, part); }
#define NAME_HALF(rows) [rows - 1] = half_##rows,
#define EACH_HALF(X) X(7) X(8) X(9) X(10) X(11) X(12)

EACH_HALF(DEFINE_HALF)
static HalfTile *const half_tiles[TILE_ROWS] = {EACH_HALF(NAME_HALF)};

#endif

static void run_tile(size_t rows, size_t columns, const Step *x)
{
    size_t vectors = parts(columns, NUM_LANES);
#if defined(__AVX512F__)
    if (x->kept == NULL && columns <= HALF_LANES && halves(rows, columns)) {
        half_tiles[rows - 1](x, (__mmask8)num_part(columns));
        return;
    }
#endif
    int whole = columns == width(rows) * NUM_LANES;
    Tile *const *of_rows = x->kept == NULL ? tiles[rows - 1] : sparse_tiles[rows - 1];
    of_rows[whole ? 0 : vectors](x, num_part(columns - (vectors - 1) * NUM_LANES));
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
    for (size_t i = 0; i < x->k; i++) {
        size_t p = x->kept == NULL ? i : x->kept[i];
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

/* ---- a tile of a transposed b --------------------------------------------------------------------------------------- */

#if NUM_HAS_FMA

/* Where few rows share the cost, b is transposed in registers, vectors of at most 256 bits: of 512 bits half as many are shuffled
 * in a cycle, and to insert a quarter costs more (measured: two thirds of the speed). */
#if defined(__AVX2__)
typedef __m256 Turned;
enum { TURNED_LANES = 8 };
static inline Turned turned_set(float x) { return _mm256_set1_ps(x); }
static inline void turned_store(float *y, Turned x) { _mm256_storeu_ps(y, x); }
static inline Turned turned_fma(Turned a, Turned b, Turned c) { return _mm256_fmadd_ps(a, b, c); }
static inline Turned turned_load(const float *x, size_t row) /* four of row 0, four of row 4 */
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)), _mm_loadu_ps(x + 4 * row), 1);
}
static inline void turn(Turned *y, Turned a, Turned b, Turned c, Turned d) /* 4 x 4, in each half */
{
    Turned ab = _mm256_unpacklo_ps(a, b), AB = _mm256_unpackhi_ps(a, b);
    Turned cd = _mm256_unpacklo_ps(c, d), CD = _mm256_unpackhi_ps(c, d);
    y[0] = _mm256_shuffle_ps(ab, cd, 0x44);
    y[1] = _mm256_shuffle_ps(ab, cd, 0xee);
    y[2] = _mm256_shuffle_ps(AB, CD, 0x44);
    y[3] = _mm256_shuffle_ps(AB, CD, 0xee);
}
#else
typedef float32x4_t Turned;
enum { TURNED_LANES = 4 };
static inline Turned turned_set(float x) { return vdupq_n_f32(x); }
static inline void turned_store(float *y, Turned x) { vst1q_f32(y, x); }
static inline Turned turned_fma(Turned a, Turned b, Turned c) { return vfmaq_f32(c, a, b); }
static inline Turned turned_load(const float *x, size_t row) { return (void)row, vld1q_f32(x); }
static inline Turned low(Turned a, Turned b) { return vcombine_f32(vget_low_f32(a), vget_low_f32(b)); }
static inline Turned high(Turned a, Turned b) { return vcombine_f32(vget_high_f32(a), vget_high_f32(b)); }
static inline void turn(Turned *y, Turned a, Turned b, Turned c, Turned d)
{
    Turned ab = vzip1q_f32(a, b), AB = vzip2q_f32(a, b), cd = vzip1q_f32(c, d), CD = vzip2q_f32(c, d);
    y[0] = low(ab, cd);
    y[1] = high(ab, cd);
    y[2] = low(AB, CD);
    y[3] = high(AB, CD);
}
#endif

/* Steps `first` to 3 of the four from b on; a goes forward by as many. */
static inline __attribute__((always_inline)) void turned_steps(const int rows, const int vectors, const int first,
                                                               Turned sum[TILE_ROWS][TURNED_VECTORS],
                                                               const float *three[], const Step *x, const float *b,
                                                               const float *last)
{
    const size_t a_row = x->a_row, b_row = x->b_row;
    Turned right[TURNED_VECTORS][4];
    UNROLL for (int v = 0; v < vectors; v++, b += TURNED_LANES * b_row) {
        const float *at = v < vectors - 1 ? b : last;
        turn(right[v], turned_load(at, b_row), turned_load(at + b_row, b_row), turned_load(at + 2 * b_row, b_row),
             turned_load(at + 3 * b_row, b_row));
    }
    UNROLL for (int s = first; s < 4; s++) {
        UNROLL for (int r = 0; r < rows; r++) {
            Turned left = turned_set(three[r / 3][(size_t)(r % 3) * a_row]);
            UNROLL for (int v = 0; v < vectors; v++)
                sum[r][v] = turned_fma(left, right[v][s], sum[r][v]);
        }
        UNROLL for (int r = 0; r < rows; r += 3)
            three[r / 3] += x->a_column;
    }
}

/* As tile(), but b is transposed, and k, at least 4, is one block.  The last vector may overlap the one before it, and the
 * last steps, fewer than four, are read together with those before them: nothing past an end is touched. */
static inline __attribute__((always_inline)) void turned_tile(const int rows, const int vectors, const Step *step)
{
    const Step x = *step; /* else each store might change it */
    Turned sum[TILE_ROWS][TURNED_VECTORS];
    const float *three[(TILE_ROWS + 2) / 3], *b = x.b, *last = x.b + x.last * x.b_row;
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            sum[r][v] = turned_set(0.0f);
    UNROLL for (int r = 0; r < rows; r += 3)
        three[r / 3] = x.a + (size_t)r * x.a_row;
    for (size_t p = x.k / 4; p > 0; p--, b += 4, last += 4)
        turned_steps(rows, vectors, 0, sum, three, &x, b, last);
    switch (x.k % 4) {
    case 1: turned_steps(rows, vectors, 3, sum, three, &x, b - 3, last - 3); break;
    case 2: turned_steps(rows, vectors, 2, sum, three, &x, b - 2, last - 2); break;
    case 3: turned_steps(rows, vectors, 1, sum, three, &x, b - 1, last - 1); break;
    }
    float *to = x.to;
    UNROLL for (int r = 0; r < rows; r++, to += x.to_row)
        UNROLL for (int v = 0; v < vectors; v++)
            turned_store(to + (v < vectors - 1 ? (size_t)(v * TURNED_LANES) : x.last), sum[r][v]);
}

typedef void TurnedTile(const Step *x);

#define DEFINE_TURNED(rows, vectors) \
    static void turned_##rows##_##vectors(const Step *x) { turned_tile(rows, vectors, x); }
#define NAME_TURNED(rows, vectors) [rows - 1][vectors - 1] = turned_##rows##_##vectors,

#define TURNED_2(X, r) X(r, 1) X(r, 2)
#define TURNED_4(X, r) X(r, 1) X(r, 2) X(r, 3) X(r, 4)
/* Rows that still go with four vectors (their chains hide each other's latency, and the registers hold them), and the vectors
 * of more rows. */
#if defined(__AVX512F__)
#define EACH_TURNED(X) TURNED_4(X, 1) TURNED_4(X, 2) TURNED_4(X, 3) TURNED_4(X, 4) TURNED_2(X, 5) TURNED_2(X, 6) \
    TURNED_2(X, 7) TURNED_2(X, 8) TURNED_2(X, 9) TURNED_2(X, 10) TURNED_2(X, 11) TURNED_2(X, 12)
enum { TURNED_FEW = 4, TURNED_LEAST = 2 };
#elif defined(__AVX2__)
#define EACH_TURNED(X) TURNED_4(X, 1) TURNED_4(X, 2) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
enum { TURNED_FEW = 2, TURNED_LEAST = 1 };
#else
#define EACH_TURNED(X) TURNED_4(X, 1) TURNED_4(X, 2) TURNED_4(X, 3) TURNED_4(X, 4) TURNED_2(X, 5) TURNED_2(X, 6) \
    TURNED_2(X, 7) TURNED_2(X, 8)
enum { TURNED_FEW = 4, TURNED_LEAST = 2 };
#endif

EACH_TURNED(DEFINE_TURNED)
static TurnedTile *const turned_tiles[TILE_ROWS][TURNED_VECTORS] = {EACH_TURNED(NAME_TURNED)};

/* Vectors of the widest such tile of so many rows. */
static size_t turned_width(size_t rows) { return rows <= TURNED_FEW ? TURNED_VECTORS : TURNED_LEAST; }

#else

enum { TURNED_LANES = NUM_LANES }; /* no such tile: see turns() */
static size_t turned_width(size_t rows) { return (void)rows, 1; }

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

/* The same of two rows, any number of columns. */
static void transpose_pair(size_t columns, float *y, size_t y_row, const float *x, size_t x_row)
{
    size_t j = 0;
#if defined(__AVX2__)
    for (; j + 4 <= columns; j += 4, y += 4 * y_row) {
        __m128 a = _mm_loadu_ps(x + j), b = _mm_loadu_ps(x + x_row + j), low = _mm_unpacklo_ps(a, b), high = _mm_unpackhi_ps(a, b);
        _mm_storel_pi((__m64 *)(void *)y, low);
        _mm_storeh_pi((__m64 *)(void *)(y + y_row), low);
        _mm_storel_pi((__m64 *)(void *)(y + 2 * y_row), high);
        _mm_storeh_pi((__m64 *)(void *)(y + 3 * y_row), high);
    }
#endif
    for (; j < columns; j++, y += y_row) {
        y[0] = x[j];
        y[1] = x[x_row + j];
    }
}

/* y (columns, rows) = the transpose of x (rows, columns).  A row of y is written at once: rows are few, one panel.  Squares
 * first, then two rows at a time, for some layers have two outputs, and the last row. */
static void transpose(size_t rows, size_t columns, float *y, size_t y_row, const float *x, size_t x_row)
{
    size_t whole = rows - rows % SQUARE, j = 0;
    for (; j + SQUARE <= columns; j += SQUARE)
        for (size_t i = 0; i < whole; i += SQUARE)
            transpose_square(y + j * y_row + i, y_row, x + i * x_row + j, x_row);
    for (; j < columns; j++)
        for (size_t i = 0; i < whole; i++)
            y[j * y_row + i] = x[i * x_row + j];
    for (; whole + 2 <= rows; whole += 2)
        transpose_pair(columns, y + whole, y_row, x + whole * x_row, x_row);
    for (j = 0; j < columns && whole < rows; j++)
        y[j * y_row + whole] = x[whole * x_row + j];
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

/* ---- the product ---------------------------------------------------------------------------------------------------- */

/* For each tile of some rows of a, the steps that are not left out (zeros.h), block of k after block. */
typedef struct Zeros {
    uint16_t kept[BLOCK_ROWS / TILE_ROWS + 1][ZEROS_K];
    size_t end[ZEROS_K / BLOCK_K + 1][BLOCK_ROWS / TILE_ROWS + 1]; /* of a block's list of a tile */
} Zeros;

/* Part of a product: rows from i, columns from j.  It is made panel by panel, all rows of some columns. */
typedef struct Panel {
    const NumProduct *x;
    size_t i, rows, j, columns;
    const Zeros *zeros; /* or NULL: every step is made */
} Panel;

/* The floats of a panel of b, which stays in the first two caches, and of a panel of c that is kept aside. */
enum { RIGHT = BLOCK_K * TILE_COLUMNS, CHAINS = BLOCK_ROWS * TILE_COLUMNS };

/* Columns of a panel: of long chains those of one tile, of short ones many, so that c is made in long rows. */
static size_t panel_columns(size_t k, size_t tile)
{
    size_t block = k == 0 ? 1 : parts(k, parts(k, BLOCK_K));
    size_t columns = smaller(RIGHT / block, CHAINS / TILE_ROWS) / tile * tile;
    return columns > tile ? columns : tile;
}

static size_t in_vectors(size_t columns) { return parts(columns, NUM_LANES) * NUM_LANES; }

/* One block of k of a panel: `step` has its first tile. */
static void tiles_of_panel(const Panel *at, size_t block, Step step)
{
    const Step first = step;
    size_t tall = parts(at->rows, TILE_ROWS), vectors = parts(at->columns, NUM_LANES);
    for (size_t t = 0, r = 0; t < tall; t++) {
        size_t next = part_end(at->rows, tall, t), wide = parts(vectors, width(next - r));
        if (at->zeros != NULL) {
            size_t start = block == 0 ? 0 : at->zeros->end[block - 1][t];
            step.kept = at->zeros->kept[t] + start;
            step.k = at->zeros->end[block][t] - start;
        } else if (halves(next - r, at->columns)) /* the last vector alone */
            wide = 1 + parts(vectors - 1, TILE_VECTORS);
        step.a = first.a + r * step.a_row;
        for (size_t u = 0, s = 0; u < wide; u++) {
            size_t end = smaller(part_end(vectors, wide, u) * NUM_LANES, at->columns);
            step.b = first.b + s;
            step.from = first.from + r * step.from_row + s;
            step.to = first.to + r * step.to_row + s;
            run_tile(next - r, end - s, &step);
            s = end;
        }
        r = next;
    }
}

/* The chains of a panel: written to c, or added to it. */
static void chains(const Panel *at, float *c, size_t c_row, int add)
{
    const NumProduct *x = at->x;
    float right[RIGHT], waiting[CHAINS];
    size_t blocks = x->k == 0 ? 1 : parts(x->k, BLOCK_K), width = in_vectors(at->columns);
    int copies = x->b_transposed || (COPIES && at->rows >= 4 * TILE_ROWS);
    for (size_t block = 0, p = 0; block < blocks; block++) {
        size_t end = part_end(x->k, blocks, block);
        int last = block == blocks - 1, aside = add && !last;
        const float *b = x->b_transposed ? x->b + at->j * x->b_row + p : x->b + p * x->b_row + at->j;
        if (x->b_transposed)
            transpose(at->columns, end - p, right, width, b, x->b_row);
        else if (copies)
            copy(end - p, at->columns, right, width, b, x->b_row);
        tiles_of_panel(at, block, (Step){.k = end - p, .a = x->a + at->i * x->a_row + p * x->a_column, .a_row = x->a_row,
                                  .a_column = x->a_column, .b = copies ? right : b, .b_row = copies ? width : x->b_row,
                                  .from = add ? waiting : c, .from_row = add ? width : c_row, .to = aside ? waiting : c,
                                  .to_row = aside ? width : c_row, .first = block == 0, .add = add && last});
        p = end;
    }
}

/* The same of a transposed b, for few rows: written to c.  Columns too few for a vector are made together with as many
 * before them, which are written once more. */
static void turned_chains(const Panel *at, float *c, size_t c_row)
{
#if NUM_HAS_FMA
    const NumProduct *x = at->x;
    size_t before = at->columns < TURNED_LANES ? TURNED_LANES - at->columns : 0, columns = before + at->columns;
    size_t tall = parts(at->rows, TILE_ROWS), vectors = parts(columns, TURNED_LANES);
    Step step = {.k = x->k, .a_row = x->a_row, .a_column = x->a_column, .b = x->b + (at->j - before) * x->b_row,
                 .b_row = x->b_row, .to_row = c_row, .last = columns - TURNED_LANES};
    for (size_t t = 0, r = 0; t < tall; t++) {
        size_t next = part_end(at->rows, tall, t);
        step.a = x->a + (at->i + r) * x->a_row;
        step.to = c + r * c_row - before;
        turned_tiles[next - r - 1][vectors - 1](&step);
        r = next;
    }
#else
    (void)at, (void)c, (void)c_row;
#endif
}

/* The bias and the activation on a panel's chains. */
static void settle(const Panel *at, float *y, size_t row)
{
    const NumProduct *x = at->x;
    for (size_t r = 0; r < at->rows; r++, y += row) {
        if (x->bias != NULL && x->c_transposed)
            for (size_t s = 0; s < at->columns; s++)
                y[s] = y[s] + x->bias[at->i + r];
        else if (x->bias != NULL)
            for (size_t s = 0; s < at->columns; s++)
                y[s] = y[s] + x->bias[at->j + s];
        activate(x->act, at->columns, y);
    }
}

/* A panel, finished before it goes to c, which holds what is added to it, or lies the other way. */
static void panel_aside(const Panel *at, int turned)
{
    const NumProduct *x = at->x;
    const size_t width = in_vectors(at->columns);
    float room[TURNED_LANES + CHAINS], z[CHAINS], *y = room + TURNED_LANES, *from = y;
    float *c = x->c + (x->c_transposed ? at->j * x->c_row + at->i : at->i * x->c_row + at->j);
    if (turned)
        turned_chains(at, y, width);
    else
        chains(at, y, width, 0);
    if (x->bias != NULL || x->act != NUM_ACT_NONE)
        settle(at, y, width);
    if (x->c_transposed && !x->accumulate) {
        transpose(at->rows, at->columns, c, x->c_row, y, width);
        return;
    }
    size_t height = at->rows, length = at->columns, from_row = width;
    if (x->c_transposed) {
        transpose(at->rows, at->columns, z, at->rows, y, width);
        height = at->columns, length = from_row = at->rows, from = z;
        if (length == x->c_row) /* whole rows of c, one after the other */
            length *= height, height = 1;
    }
    for (size_t r = 0; r < height; r++)
        for (size_t s = 0; s < length; s++)
            c[r * x->c_row + s] = x->accumulate ? c[r * x->c_row + s] + from[r * from_row + s] : from[r * from_row + s];
}

/* Whether b, transposed, is better turned in the tile than copied: for few rows.  Rows and columns of c are those of a part. */
static int turns(const NumProduct *x, size_t rows, size_t columns)
{
    return NUM_HAS_FMA && x->b_transposed && rows <= 2 * TILE_ROWS && columns >= TURNED_LANES && x->k >= 4;
}

/* An estimate of the time, in fused operations at the machine's peak.  A tile must have 64 of them in flight (4 cycles, 16 a
 * cycle); half a vector costs more than half; to turn an element in the tile takes as long as 2 operations, to copy it 8, and
 * more where no square of SQUARE rows is full. */
static double cost(const NumProduct *x)
{
    size_t tall = parts(x->m, TILE_ROWS), rows = parts(x->m, tall), columns, count, step;
    double all = 0;
    if (turns(x, x->m, x->n)) {
        columns = parts(x->n, TURNED_LANES) * TURNED_LANES;
        count = tall * parts(columns, turned_width(rows) * TURNED_LANES);
        step = tall * columns * (rows + 2);
    } else {
        columns = in_vectors(x->n) - (halves(rows, x->n) ? 5 : 0);
        count = tall * parts(columns, width(rows) * NUM_LANES);
        step = x->m * columns;
        if (x->n % NUM_LANES != 0)
            all += PART_COST * (double)x->m;
        if (x->b_transposed)
            all += 8.0 * (double)(x->n + x->n % SQUARE) * (double)x->k;
    }
    all += (double)(step > 64 * count ? step : 64 * count) * (double)x->k;
    return x->c_transposed ? all + 8.0 * (double)x->m * (double)x->n : all;
}

/* Whether so few of n steps are left out that the lists do not pay. */
static int few_left_out(size_t kept, size_t n) { return 10 * kept > 9 * n; }

/* Adds block [p, end) of k to the lists, where a's columns lie side by side.  0: the lists are forbidden, or do not pay. */
static int find_by_rows(const NumProduct *x, size_t i, size_t rows, size_t p, size_t end, uint16_t (*kept)[ZEROS_K],
                        size_t *kept_end)
{
    size_t tall = parts(rows, TILE_ROWS);
    for (size_t t = 0, r = 0; t < tall; t++) {
        size_t next = part_end(rows, tall, t);
        size_t count = num_zeros_by_rows(next - r, end - p, x->a + (i + r) * x->a_row + p, x->a_row, kept[t] + kept_end[t]);
        if (count == SIZE_MAX || (t == 0 && p == 0 && few_left_out(count, end)))
            return 0;
        kept_end[t] += count;
        r = next;
    }
    return 1;
}

/* The same where a's rows do. */
static int find_by_columns(const NumProduct *x, size_t i, size_t rows, size_t p, size_t end, uint16_t (*kept)[ZEROS_K],
                           size_t *kept_end)
{
    size_t tall = parts(rows, TILE_ROWS), total = 0;
    uint8_t flag[BLOCK_ROWS + 16] = {0};
    for (size_t q = p; q < end; q++) {
        uint8_t all = 0;
        num_zeros_flags(rows, x->a + i + q * x->a_column, flag);
        for (size_t t = 0, r = 0; t < tall; t++) {
            size_t next = part_end(rows, tall, t);
            uint8_t any = num_zeros_any(next - r, flag + r);
            kept[t][kept_end[t]] = (uint16_t)(q - p);
            kept_end[t] += any != 0;
            total += any != 0;
            all |= any;
            r = next;
        }
        if (all & 2 || (q == ZEROS_LEAST_K / 2 && few_left_out(total, (q + 1) * tall)))
            return 0;
    }
    return 1;
}

/* [OUT] z: of rows [i, i + rows).  0: as above. */
static int find_zeros(const NumProduct *x, size_t i, size_t rows, Zeros *z)
{
    size_t blocks = parts(x->k, BLOCK_K);
    for (size_t block = 0, p = 0; block < blocks; block++) {
        size_t end = part_end(x->k, blocks, block);
        if (block == 0)
            memset(z->end[0], 0, sizeof z->end[0]);
        else
            memcpy(z->end[block], z->end[block - 1], sizeof z->end[0]);
        if (!(x->a_column == 1 ? find_by_rows : find_by_columns)(x, i, rows, p, end, z->kept, z->end[block]))
            return 0;
        p = end;
    }
    return 1;
}

static void product(const NumProduct *x, size_t i0, size_t i1, size_t j0, size_t j1)
{
    size_t rows = i1 - i0, columns = j1 - j0, tile_rows = parts(rows, parts(rows, TILE_ROWS));
    int turned = turns(x, rows, columns);
    int finishes = x->bias != NULL || x->act != NUM_ACT_NONE;
    int aside = x->c_transposed || (x->accumulate && (finishes || turned));
    size_t tile = turned ? turned_width(tile_rows) * TURNED_LANES : x->b_transposed ? TILE_COLUMNS : width(tile_rows) * NUM_LANES;
    size_t most = turned ? tile : panel_columns(x->k, tile), panels = parts(columns, most);
    size_t most_rows = CHAINS / (most < TILE_COLUMNS ? TILE_COLUMNS : most);
    size_t unit = turned ? TURNED_LANES : tile, units = parts(columns, unit);
    size_t blocks = parts(rows, most_rows < BLOCK_ROWS && (aside || x->accumulate) ? most_rows : BLOCK_ROWS);
    int skips = !x->b_transposed && (x->a_column == 1 || x->a_row == 1) && x->k >= ZEROS_LEAST_K && x->k <= ZEROS_K
                && columns >= 2 * TILE_COLUMNS, allowed = 0;
    Zeros zeros;
    for (size_t block = 0, i = i0; block < blocks; block++) {
        size_t next = i0 + part_end(rows, blocks, block), high = next - i;
        skips = skips && high / parts(high, TILE_ROWS) > TILE_ROWS / 2 && find_zeros(x, i, high, &zeros)
                && (allowed || num_zeros_allowed(x->k, columns, x->b + j0, x->b_row));
        allowed = skips;
        for (size_t part = 0, j = j0; part < panels; part++) {
            size_t end = smaller(j0 + part_end(units, panels, part) * unit, j1);
            Panel at = {x, i, high, j, end - j, skips ? &zeros : NULL};
            float *c = x->c + i * x->c_row + j;
            if (aside)
                panel_aside(&at, turned);
            else if (turned)
                turned_chains(&at, c, x->c_row);
            else
                chains(&at, c, x->c_row, x->accumulate);
            j = end;
        }
        if (finishes && !aside)
            settle(&(Panel){x, i, high, j0, columns, NULL}, x->c + i * x->c_row + j0, x->c_row);
        i = next;
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
    .cost = cost,
    .product = product,
    .act_back = act_back,
};
