/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/matmul.c: the matrix product on one thread.
 *
 * A product is made panel by panel, a panel tile by tile (tile.h).  A transposed b, and for narrow tiles any b, is copied first, a
 * panel at a time, into a buffer that stays in the first two caches (transpose.h).  Where few rows would pay for the copy, a
 * transposed b is turned in the registers of the tile instead (turned.h); steps that multiply by 0 are left out (zeros.h).
 * Chains of one or two steps need no tile (short.h).
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

/* ---- the product ---------------------------------------------------------------------------------------------------- */

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
    if (is_short(step.k)) {
        run_short(at->rows, at->columns, &step);
        return;
    }
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
        if (x->act != NUM_IDENTITY)
            VARIANT(num_elementwise_table).unary[x->act](at->columns, y, y);
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
    if (x->bias != NULL || x->act != NUM_IDENTITY)
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
 * cycle); to enter and to leave it takes as long as ENTRY steps, 4 for short chains; to turn an element in the tile takes as
 * long as 2 operations, to copy it 8, and more where no square of SQUARE rows is full.  (Half a vector counts as a whole one: it
 * is one where the machine is 512 bits wide, and elsewhere the choice is rarely another.) */
static double cost(const NumProduct *x)
{
    size_t tall = parts(x->m, TILE_ROWS), rows = parts(x->m, tall), columns, count, step;
    double all = 0;
    if (turns(x, x->m, x->n)) {
        columns = parts(x->n, TURNED_LANES) * TURNED_LANES;
        count = tall * parts(columns, turned_width(rows) * TURNED_LANES);
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
    int turned = turns(x, rows, columns);
    int finishes = x->bias != NULL || x->act != NUM_IDENTITY;
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

const NumMatmulTable VARIANT(num_matmul_table) = {.cost = cost, .product = product};
