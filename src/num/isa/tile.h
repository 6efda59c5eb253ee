/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/tile.h: a register tile of a product.  At most TILE_ROWS rows of TILE_VECTORS vectors of c, or fewer rows
 * of more vectors, stay in registers while p runs over a block of k.  Between blocks they are stored to memory,
 * which changes no bit.  Elements of a are broadcast one by one, b is read in whole vectors; neither is copied
 * first.  Every element of c is its own chain, so tiles of any shape give the same bits.
 */
#ifndef NUM_ISA_TILE_H
#define NUM_ISA_TILE_H

#include "num/isa/scalar.h"

/* TILE_ROWS: the accumulators of the largest tile fill the registers that the vectors of b and the elements of a
 * leave free.  COPIES: a narrow tile reads little of each row of b, so a panel of b touches many cache lines and
 * pages.  With AVX2 it is faster to copy the panel first (784 to 500 units: by 10 %); AVX-512 would lose 2 %.
 * PART_COST: storing part of a vector, slow with AVX2, takes as long as so many operations.  ENTRY: to enter and to
 * leave a tile takes as long as so many steps. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 12, COPIES = 0, PART_COST = 0, ENTRY = 10 };
#elif defined(__AVX2__)
enum { TILE_ROWS = 6, COPIES = 1, PART_COST = 100, ENTRY = 4 };
#elif NUM_HAS_FMA
enum { TILE_ROWS = 8, COPIES = 1, PART_COST = 0, ENTRY = 4 };
#else
enum { TILE_ROWS = 16, COPIES = 0, PART_COST = 0, ENTRY = 4 }; /* not registers: what is packed once for a tile */
#endif

enum {
    TILE_VECTORS = NUM_HAS_FMA ? 2 : 8,
    TILE_COLUMNS = TILE_VECTORS * NUM_LANES,
    WIDE_VECTORS = 8, /* of a tile with few rows */
    NT_VECTORS = 4,  /* at most, of a tile that transposes b (tile_nt.h) */
    BLOCK_K = 400,   /* a panel of b, BLOCK_K x TILE_COLUMNS, stays in the first two caches; 200 to 800 are equally fast */
    BLOCK_ROWS = 192 /* so many rows of a, with all of k, stay in the second-level cache for all panels */
};

/* Unrolls the next loop completely: only then does the compiler keep arrays of vectors in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t parts(size_t n, size_t largest) { return (n + largest - 1) / largest; }

/* The end of part `i` of `count` nearly equal parts of n. */
static inline size_t part_end(size_t n, size_t count, size_t i) { return n / count * (i + 1) + smaller(n % count, i + 1); }

/* The vectors of the widest tile with so many rows. */
static inline size_t width(size_t rows)
{
    return rows > TILE_ROWS / 2 || !NUM_HAS_FMA ? TILE_VECTORS : rows > TILE_ROWS / 4 ? 2 * TILE_VECTORS : WIDE_VECTORS;
}

/* Whether a last vector that is at most half full becomes a separate tile of half vectors: on machines with 256-bit
 * units an AVX-512 operation costs twice an AVX2 one.  Only tall tiles have enough chains for it. */
enum { HALF_LANES = NUM_LANES == 16 ? 8 : 0 };
static inline int halves(size_t rows, size_t columns)
{
    return rows > TILE_ROWS / 2 && columns % NUM_LANES != 0 && columns % NUM_LANES <= HALF_LANES;
}

/* ---- one register tile ------------------------------------------------------------------------------------------- */

/* One tile over k steps: to = (first ? 0 : from) + a b, and with `add` the old `to` is added. */
typedef struct TileStep {
    size_t k;
    const float *a;
    size_t a_row, a_column;
    const float *b;
    size_t b_row;
    const float *from; /* the chains after the blocks before */
    size_t from_row;
    float *to;
    size_t to_row;
    int first, add;
    size_t last; /* column of the last vector, for a transposed b */
    const uint16_t *kept; /* the k steps to make, of more (zeros.h); NULL: the first k */
} TileStep;

#if NUM_HAS_FMA

/* A tile of `rows` rows and `vectors` vectors; the last vector is partial unless `whole`; `sparse`: over the kept
 * steps.  Three rows of a share one pointer: with offsets of 0, 1 and 2 strides they fit the processor's addressing
 * modes, and few pointers have to be advanced. */
static inline __attribute__((always_inline)) void tile(const int rows, const int vectors, const int whole, const int sparse,
                                                       const TileStep *x, NumPart part)
{
    const int last = whole ? vectors : vectors - 1;
    NumVec sum[TILE_ROWS][WIDE_VECTORS];
    const float *three[(TILE_ROWS + 2) / 3], *from = x->from;
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            sum[r][v] = num_set(0.0f);
    if (!x->first)
        UNROLL for (int r = 0; r < rows; r++, from += x->from_row)
            UNROLL for (int v = 0; v < vectors; v++)
                sum[r][v] = v < last ? num_load(from + v * NUM_LANES) : num_load_part(from + v * NUM_LANES, part);
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
        if (rows < vectors) { /* keep the elements of a in registers */
            NumVec left[TILE_ROWS];
            UNROLL for (int r = 0; r < rows; r++)
                left[r] = num_set(three[r / 3][(size_t)(r % 3) * a_row]);
            UNROLL for (int v = 0; v < vectors; v++) {
                NumVec right = v < last ? num_load(b + v * NUM_LANES) : num_load_part(b + v * NUM_LANES, part);
                UNROLL for (int r = 0; r < rows; r++)
                    sum[r][v] = num_fma_vec(left[r], right, sum[r][v]);
            }
        } else { /* keep the vectors of b in registers */
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
    const size_t to_row = x->to_row; /* a local: the compiler would reload it after each store */
    float *to = x->to;
    if (x->add)
        UNROLL for (int r = 0; r < rows; r++, to += to_row)
            UNROLL for (int v = 0; v < vectors; v++)
                sum[r][v] = (v < last ? num_load(to + v * NUM_LANES) : num_load_part(to + v * NUM_LANES, part)) + sum[r][v];
    to = x->to;
    UNROLL for (int r = 0; r < rows; r++, to += to_row)
        UNROLL for (int v = 0; v < vectors; v++) {
            if (v < last)
                num_store(to + v * NUM_LANES, sum[r][v]);
            else
                num_store_part(to + v * NUM_LANES, part, sum[r][v]);
        }
}

typedef void Tile(const TileStep *x, NumPart part);

/* One function for each number of rows and vectors, so that all loops of the tile can be unrolled.  A tile with half
 * the rows is twice as wide, with a quarter four times: the number of independent chains stays the same, and a row
 * of b is read in longer pieces. */
#define DEFINE_TILE(rows, vectors, whole)                                      \
    static void tile_##rows##_##vectors##_##whole(const TileStep *x, NumPart part) \
    {                                                                          \
        tile(rows, vectors, whole, 0, x, part);                                \
    }
#define NAME_TILE(rows, vectors, whole) [rows - 1][whole ? 0 : vectors] = tile_##rows##_##vectors##_##whole,
#define DEFINE_SPARSE(rows, vectors, whole)                                      \
    static void sparse_##rows##_##vectors##_##whole(const TileStep *x, NumPart part) \
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
static Tile *const tiles[TILE_ROWS][1 + WIDE_VECTORS] = {EACH_TILE(NAME_TILE)}; /* [][0]: the last vector is whole */

EACH_TALL(DEFINE_SPARSE)
static Tile *const sparse_tiles[TILE_ROWS][1 + WIDE_VECTORS] = {EACH_TALL(NAME_SPARSE)};

#if defined(__AVX512F__)

/* A tile of at most half a vector of columns. */

static inline __attribute__((always_inline)) void half_tile(const int rows, const TileStep *x, __mmask8 part)
{
    __m256 sum[TILE_ROWS];
    const float *three[(TILE_ROWS + 2) / 3], *from = x->from, *b = x->b;
    const size_t a_row = x->a_row, a_column = x->a_column, b_row = x->b_row;
    UNROLL for (int r = 0; r < rows; r++)
        sum[r] = _mm256_setzero_ps();
    if (!x->first)
        UNROLL for (int r = 0; r < rows; r++, from += x->from_row)
            sum[r] = _mm256_maskz_loadu_ps(part, from);
    UNROLL for (int r = 0; r < rows; r += 3)
        three[r / 3] = x->a + (size_t)r * a_row;
    for (size_t p = x->k; p > 0; p--, b += b_row) {
        __m256 right = _mm256_maskz_loadu_ps(part, b);
        UNROLL for (int r = 0; r < rows; r++)
            sum[r] = _mm256_fmadd_ps(_mm256_set1_ps(three[r / 3][(size_t)(r % 3) * a_row]), right, sum[r]);
        UNROLL for (int r = 0; r < rows; r += 3)
            three[r / 3] += a_column;
    }
    const size_t to_row = x->to_row;
    float *to = x->to;
    if (x->add)
        UNROLL for (int r = 0; r < rows; r++, to += to_row)
            sum[r] = _mm256_add_ps(_mm256_maskz_loadu_ps(part, to), sum[r]);
    to = x->to;
    UNROLL for (int r = 0; r < rows; r++, to += to_row)
        _mm256_mask_storeu_ps(to, part, sum[r]);
}

typedef void HalfTile(const TileStep *x, __mmask8 part);
#define DEFINE_HALF(rows) \
    static void half_##rows(const TileStep *x, __mmask8 part) { half_tile(rows, x, part); }
#define NAME_HALF(rows) [rows - 1] = half_##rows,
#define EACH_HALF(X) X(7) X(8) X(9) X(10) X(11) X(12)

EACH_HALF(DEFINE_HALF)
static HalfTile *const half_tiles[TILE_ROWS] = {EACH_HALF(NAME_HALF)};

#endif

static void run_tile(size_t rows, size_t columns, const TileStep *x)
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

#include "num/isa/tile_emulated.h"

#endif

#endif
