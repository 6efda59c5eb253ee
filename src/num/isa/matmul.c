/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/matmul.c: the matrix product on one thread.
 *
 * A product is computed panel by panel, a panel tile by tile (tile.h).  A transposed b, and for narrow tiles any b,
 * is first copied, a panel at a time, to a buffer that stays in the first two caches (transpose.h).  For few rows
 * the copy costs more than it gains: then the tile transposes b in registers (tile_nt.h).  Steps that multiply by 0
 * are skipped (zeros.h).  Chains of one or two steps use no tile (short.h).
 */
#include "num/isa/matmul.h"

#include "num/isa/scalar.h"
#include "num/isa/short.h"
#include "num/isa/tile.h"
#include "num/isa/transpose.h"
#include "num/isa/tile_nt.h"
#include "num/isa/zeros.h"
#include "num/kernels.h"

extern const NumElementwiseTable VARIANT(num_elementwise_table);

/* ---- the product ------------------------------------------------------------------------------------------------- */

/* Part of a product: all rows of some columns, `rows` rows from i, `columns` columns from j. */
typedef struct ProductPanel {
    const NumProduct *x;
    size_t i, rows, j, columns;
    const KeptSteps *kept; /* NULL: no step is skipped */
} ProductPanel;

/* The floats of a buffer for a panel of b, which stays in the first two caches, and of a buffer for a panel of c. */
enum { RIGHT = BLOCK_K * TILE_COLUMNS, CHAINS = BLOCK_ROWS * TILE_COLUMNS };

/* The columns of a panel: those of one tile for long chains, many for short chains, so that c is written in long rows. */
static size_t panel_columns(size_t k, size_t tile)
{
    size_t block = k == 0 ? 1 : parts(k, parts(k, BLOCK_K));
    size_t columns = smaller(RIGHT / block, CHAINS / TILE_ROWS) / tile * tile;
    return columns > tile ? columns : tile;
}

static size_t in_vectors(size_t columns) { return parts(columns, NUM_LANES) * NUM_LANES; }

/* One block of k of a panel; `step` describes its first tile. */
static void tiles_of_panel(const ProductPanel *at, size_t block, TileStep step)
{
    if (is_short(step.k)) {
        run_short(at->rows, at->columns, &step);
        return;
    }
    const TileStep first = step;
    size_t tall = parts(at->rows, TILE_ROWS), vectors = parts(at->columns, NUM_LANES);
    for (size_t t = 0, r = 0; t < tall; t++) {
        size_t next = part_end(at->rows, tall, t), wide = parts(vectors, width(next - r));
        if (at->kept != NULL) {
            size_t start = block == 0 ? 0 : at->kept->end[block - 1][t];
            step.kept = at->kept->kept[t] + start;
            step.k = at->kept->end[block][t] - start;
        } else if (halves(next - r, at->columns)) /* a separate tile for the last vector */
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

/* The chains of a panel, written to c or added to it. */
static void chains(const ProductPanel *at, float *c, size_t c_row, int add)
{
    const NumProduct *x = at->x;
    float right[RIGHT], partial[CHAINS];
    size_t blocks = x->k == 0 ? 1 : parts(x->k, BLOCK_K), width = in_vectors(at->columns);
    int copies = x->b_transposed || (COPIES && at->rows >= 4 * TILE_ROWS);
    for (size_t block = 0, p = 0; block < blocks; block++) {
        size_t end = part_end(x->k, blocks, block);
        int last = block == blocks - 1, buffered = add && !last;
        const float *b = x->b_transposed ? x->b + at->j * x->b_row + p : x->b + p * x->b_row + at->j;
        if (x->b_transposed)
            transpose(at->columns, end - p, right, width, b, x->b_row);
        else if (copies)
            copy(end - p, at->columns, right, width, b, x->b_row);
        tiles_of_panel(at, block, (TileStep){.k = end - p, .a = x->a + at->i * x->a_row + p * x->a_column, .a_row = x->a_row,
                                  .a_column = x->a_column, .b = copies ? right : b, .b_row = copies ? width : x->b_row,
                                  .from = add ? partial : c, .from_row = add ? width : c_row, .to = buffered ? partial : c,
                                  .to_row = buffered ? width : c_row, .first = block == 0, .add = add && last});
        p = end;
    }
}

/* The same for a transposed b and few rows, written to c.  Too few columns for a vector are computed together with
 * columns before them, which are written again. */
static void nt_chains(const ProductPanel *at, float *c, size_t c_row)
{
#if NUM_HAS_FMA
    const NumProduct *x = at->x;
    size_t before = at->columns < NT_LANES ? NT_LANES - at->columns : 0, columns = before + at->columns;
    size_t tall = parts(at->rows, TILE_ROWS), vectors = parts(columns, NT_LANES);
    TileStep step = {.k = x->k, .a_row = x->a_row, .a_column = x->a_column, .b = x->b + (at->j - before) * x->b_row,
                 .b_row = x->b_row, .to_row = c_row, .last = columns - NT_LANES};
    for (size_t t = 0, r = 0; t < tall; t++) {
        size_t next = part_end(at->rows, tall, t);
        step.a = x->a + (at->i + r) * x->a_row;
        step.to = c + r * c_row - before;
        nt_tiles[next - r - 1][vectors - 1](&step);
        r = next;
    }
#else
    (void)at, (void)c, (void)c_row;
#endif
}

/* Applies the bias and the activation to the chains of a panel. */
static void finish(const ProductPanel *at, float *y, size_t row)
{
    const NumProduct *x = at->x;
    for (size_t r = 0; r < at->rows; r++, y += row) {
        if (x->bias != NULL && x->c_transposed)
            for (size_t s = 0; s < at->columns; s++)
                y[s] = y[s] + x->bias[at->i + r];
        else if (x->bias != NULL)
            for (size_t s = 0; s < at->columns; s++)
                y[s] = y[s] + x->bias[at->j + s];
        if (x->act != NUM_IDENTITY)
            VARIANT(num_elementwise_table).unary[x->act](at->columns, y, y);
    }
}

/* A panel that is computed in a buffer first, because it is added to c or c is stored transposed. */
static void panel_in_buffer(const ProductPanel *at, int nt)
{
    const NumProduct *x = at->x;
    const size_t width = in_vectors(at->columns);
    float room[NT_LANES + CHAINS], z[CHAINS], *y = room + NT_LANES, *from = y;
    float *c = x->c + (x->c_transposed ? at->j * x->c_row + at->i : at->i * x->c_row + at->j);
    if (nt)
        nt_chains(at, y, width);
    else
        chains(at, y, width, 0);
    if (x->bias != NULL || x->act != NUM_IDENTITY)
        finish(at, y, width);
    if (x->c_transposed && !x->accumulate) {
        transpose(at->rows, at->columns, c, x->c_row, y, width);
        return;
    }
    size_t height = at->rows, length = at->columns, from_row = width;
    if (x->c_transposed) {
        transpose(at->rows, at->columns, z, at->rows, y, width);
        height = at->columns, length = from_row = at->rows, from = z;
        if (length == x->c_row) /* the rows of c are contiguous */
            length *= height, height = 1;
    }
    for (size_t r = 0; r < height; r++)
        for (size_t s = 0; s < length; s++)
            c[r * x->c_row + s] = x->accumulate ? c[r * x->c_row + s] + from[r * from_row + s] : from[r * from_row + s];
}

/* Whether the tile transposes b (tile_nt.h): for few rows.  rows, columns: of the part of c that one thread computes. */
static int uses_tile_nt(const NumProduct *x, size_t rows, size_t columns)
{
    return NUM_HAS_FMA && x->b_transposed && rows <= 2 * TILE_ROWS && columns >= NT_LANES && x->k >= 4;
}

/* An estimate of the time, in fused operations at the machine's peak.  A step of a tile takes at least as long as 64
 * operations (4 cycles of latency, 16 operations each).  To enter and to leave a tile takes as long as ENTRY steps,
 * 4 for short chains.  To transpose an element takes as long as 2 operations in the tile, 8 in a copy, and more
 * where a square of SQUARE rows is not full.  Half a vector counts as a whole one: on 512-bit units it is, elsewhere
 * the choice is rarely different. */
static double cost(const NumProduct *x)
{
    size_t tall = parts(x->m, TILE_ROWS), rows = parts(x->m, tall), columns, count, step;
    double all = 0;
    if (uses_tile_nt(x, x->m, x->n)) {
        columns = parts(x->n, NT_LANES) * NT_LANES;
        count = tall * parts(columns, nt_width(rows) * NT_LANES);
        step = tall * columns * (rows + 2);
    } else {
        columns = in_vectors(x->n);
        count = tall * parts(columns, width(rows) * NUM_LANES);
        step = x->m * columns;
        if (x->n % NUM_LANES != 0)
            all += PART_COST * (double)x->m;
        if (x->b_transposed)
            all += 8.0 * (double)(x->n + x->n % SQUARE) * (double)x->k;
    }
    all += (double)(step > 64 * count ? step : 64 * count) * (double)x->k + (double)(step * (is_short(x->k) ? 4 : ENTRY));
    return x->c_transposed ? all + 8.0 * (double)x->m * (double)x->n : all;
}

static void product(const NumProduct *x, size_t i0, size_t i1, size_t j0, size_t j1)
{
    size_t rows = i1 - i0, columns = j1 - j0, tile_rows = parts(rows, parts(rows, TILE_ROWS));
    int nt = uses_tile_nt(x, rows, columns);
    int finishes = x->bias != NULL || x->act != NUM_IDENTITY;
    int buffered = x->c_transposed || (x->accumulate && (finishes || nt));
    size_t tile = nt ? nt_width(tile_rows) * NT_LANES : x->b_transposed ? TILE_COLUMNS : width(tile_rows) * NUM_LANES;
    size_t most = nt ? tile : panel_columns(x->k, tile), panels = parts(columns, most);
    size_t most_rows = CHAINS / (most < TILE_COLUMNS ? TILE_COLUMNS : most);
    size_t unit = nt ? NT_LANES : tile, units = parts(columns, unit);
    size_t blocks = parts(rows, most_rows < BLOCK_ROWS && (buffered || x->accumulate) ? most_rows : BLOCK_ROWS);
    int skips = !x->b_transposed && (x->a_column == 1 || x->a_row == 1) && x->k >= ZEROS_LEAST_K && x->k <= ZEROS_K
                && columns >= 2 * TILE_COLUMNS, allowed = 0;
    KeptSteps kept;
    for (size_t block = 0, i = i0; block < blocks; block++) {
        size_t next = i0 + part_end(rows, blocks, block), high = next - i;
        skips = skips && high / parts(high, TILE_ROWS) > TILE_ROWS / 2 && find_kept_steps(x, i, high, &kept)
                && (allowed || num_zeros_allowed(x->k, columns, x->b + j0, x->b_row));
        allowed = skips;
        for (size_t part = 0, j = j0; part < panels; part++) {
            size_t end = smaller(j0 + part_end(units, panels, part) * unit, j1);
            ProductPanel at = {x, i, high, j, end - j, skips ? &kept : NULL};
            float *c = x->c + i * x->c_row + j;
            if (buffered)
                panel_in_buffer(&at, nt);
            else if (nt)
                nt_chains(&at, c, x->c_row);
            else
                chains(&at, c, x->c_row, x->accumulate);
            j = end;
        }
        if (finishes && !buffered)
            finish(&(ProductPanel){x, i, high, j0, columns, NULL}, x->c + i * x->c_row + j0, x->c_row);
        i = next;
    }
}

const NumMatmulTable VARIANT(num_matmul_table) = {.cost = cost, .product = product};
