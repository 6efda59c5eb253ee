/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/stream.c: named streams: their draws in sequence, by the array, and as permutations.
 */
#include "num/stream.h"

#include "num/elementwise.h"
#include "num/kernels.h"
#include "num/parallel.h"

#include <string.h>

#define NUM_TABLE_TYPE NumStreamTable
#define NUM_TABLE_NAME num_stream_table
#include "num/isa_table.h"

NumStream num_stream_of(NumSeed seed, const char *name)
{
    NumStream s = {.rng = seed.rng != NULL ? seed.rng : num_rng_philox};
    num_rng_key(s.key, seed.number, name);
    return s;
}

NumStream num_stream(uint64_t seed, const char *name)
{
    return num_stream_of((NumSeed){seed, num_rng_philox}, name);
}

static int is_philox(NumStream s)
{
    return s.rng == num_rng_philox;
}

/* ---- in sequence ------------------------------------------------------------------------------------------------- */

/* A sequential generator at the beginning of a part of (step, row). */
static void seed_part(gsl_rng *r, NumStream s, uint64_t step, uint32_t row, uint32_t part)
{
    uint32_t counter[4] = {part, row, (uint32_t)step, (uint32_t)(step >> 32)}, word[4];
    num_philox(s.key, counter, word);
    gsl_rng_set(r, word[0] >> 1 | 1);
    for (uint32_t skip = num_rng_is_narrow(s.rng) ? word[1] >> 16 : 0; skip > 0; skip--)
        gsl_rng_get(r);
}

void num_stream_start(gsl_rng *r, NumStream s, uint64_t step, uint32_t row)
{
    if (is_philox(s))
        num_philox_start(r, s.key, step, row);
    else
        seed_part(r, s, step, row, 0);
}

gsl_rng *num_stream_rng(NumRng *r, NumStream s, uint64_t step, uint32_t row)
{
    r->gsl = (gsl_rng){s.rng, r->state};
    num_stream_start(&r->gsl, s, step, row);
    return &r->gsl;
}

uint32_t num_stream_word(NumStream s, uint64_t step, uint32_t row, uint32_t column)
{
    NumRng r;
    gsl_rng *g = num_stream_rng(&r, s, step, row);
    if (is_philox(s))
        num_philox_column(g, column);
    else
        for (uint32_t i = 0; i < column; i++)
            num_rng_word(g);
    return num_rng_word(g);
}

uint64_t num_derived_seed(uint64_t seed, const char *name)
{
    NumStream s = num_stream(seed, name);
    return ((uint64_t)num_stream_word(s, 0, 0, 0) << 32 | num_stream_word(s, 0, 0, 1)) >> 2;
}

void num_stream_permutation(NumStream s, uint64_t step, size_t n, uint32_t *order)
{
    NumRng r;
    gsl_rng *g = num_stream_rng(&r, s, step, 0);
    uint32_t block[4];
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i-- > 1;) {
        /* a block at a time: word by word through GSL took four times as long */
        if (is_philox(s) && (i + 1 == n || i % 4 == 3))
            num_philox(s.key, (uint32_t[4]){(uint32_t)i / 4, 0, (uint32_t)step, (uint32_t)(step >> 32)}, block);
        uint32_t word = is_philox(s) ? block[i % 4] : num_rng_word(g);
        uint32_t j = (uint32_t)((uint64_t)word * (i + 1) >> 32), moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
}

/* ---- by the array ------------------------------------------------------------------------------------------------ */

enum { BLOCKS = 64 }; /* in one panel: 256 draws */

typedef struct StreamFill {
    NumStream stream;
    uint64_t step;
    uint32_t first_row;
    size_t rows, columns, blocks; /* blocks of 4 columns a row, the last one perhaps in part */
    float *x;
    void (*draw)(size_t n, float *x, uint32_t *const *word);
} StreamFill;

/* Draws `count` blocks from block `first` of the array, counted through all rows: 4 values each. */
static void draw_blocks(const StreamFill *t, size_t first, size_t count, float *x)
{
    uint32_t column_block[BLOCKS] = {0}, row[BLOCKS] = {0}, words[4][BLOCKS];
    uint32_t *const word[4] = {words[0], words[1], words[2], words[3]};
    size_t r = first / t->blocks, c = first % t->blocks;
    for (size_t i = 0; i < count; i++) {
        column_block[i] = (uint32_t)c;
        row[i] = t->first_row + (uint32_t)r;
        if (++c == t->blocks) {
            c = 0;
            r++;
        }
    }
    num_stream_table()->words(count, word, t->stream.key, column_block, row, t->step);
    t->draw(count, x, word);
}

/* Blocks whose last one in a row is wider than the row go through a buffer. */
static void copy_blocks(const StreamFill *t, size_t first, size_t count, const float *from)
{
    for (size_t i = first; i < first + count; i++, from += 4) {
        size_t r = i / t->blocks, c = i % t->blocks * 4, width = t->columns - c;
        memcpy(t->x + r * t->columns + c, from, (width < 4 ? width : 4) * sizeof *from);
    }
}

static void fill_panel(const void *task, size_t index)
{
    const StreamFill *t = task;
    size_t first = index * BLOCKS, left = t->rows * t->blocks - first, count = left < BLOCKS ? left : BLOCKS;
    if (t->columns % 4 == 0) {
        draw_blocks(t, first, count, t->x + 4 * first);
        return;
    }
    float buffer[4 * BLOCKS];
    draw_blocks(t, first, count, buffer);
    copy_blocks(t, first, count, buffer);
}

/* One part of an array from a sequential generator. */
static void fill_part(const void *task, size_t index)
{
    const StreamFill *t = task;
    NumRng r;
    r.gsl = (gsl_rng){t->stream.rng, r.state};
    seed_part(&r.gsl, t->stream, t->step, t->first_row, (uint32_t)index);
    size_t i = index * NUM_STREAM_PART, all = t->rows * t->columns,
           end = i + NUM_STREAM_PART < all ? i + NUM_STREAM_PART : all;
    while (i < end) {
        uint32_t words[4][BLOCKS];
        uint32_t *const word[4] = {words[0], words[1], words[2], words[3]};
        float buffer[4 * BLOCKS];
        size_t count = end - i < 4 * BLOCKS ? end - i : 4 * BLOCKS;
        for (size_t k = 0; k < (count + 3) / 4 * 4; k++)
            words[k % 4][k / 4] = num_rng_word(&r.gsl);
        t->draw((count + 3) / 4, buffer, word);
        memcpy(t->x + i, buffer, count * sizeof *buffer);
        i += count;
    }
}

static void fill(StreamFill t)
{
    t.blocks = (t.columns + 3) / 4;
    size_t count = t.rows * t.columns;
    if (is_philox(t.stream))
        num_parallel((t.rows * t.blocks + BLOCKS - 1) / BLOCKS, NUM_PARALLEL_DRAW * count, fill_panel, &t);
    else
        num_parallel((count + NUM_STREAM_PART - 1) / NUM_STREAM_PART, NUM_PARALLEL_DRAW * count, fill_part, &t);
}

void num_stream_uniform(NumStream s, uint64_t step, uint32_t first_row, size_t rows, size_t columns, float *x)
{
    fill((StreamFill){s, step, first_row, rows, columns, 0, x, num_stream_table()->uniform});
}

void num_stream_normal(NumStream s, uint64_t step, uint32_t first_row, size_t rows, size_t columns, float *x)
{
    fill((StreamFill){s, step, first_row, rows, columns, 0, x, num_stream_table()->normal});
}

/* ---- binarisation ------------------------------------------------------------------------------------------------ */

/* Philox needs no draw for four pixels that are all 0 or 255.  A last block that the row fills in part goes through
 * buffers. */
static void binarise_philox(NumStream s, uint64_t step, uint32_t row, size_t columns, float *x, const uint8_t *grey)
{
    size_t blocks = columns / 4, rest = columns % 4;
    num_stream_table()->binarise(blocks, x, grey, s.key, 0, row, step);
    if (rest > 0) {
        uint8_t last[4] = {0};
        float bit[4];
        memcpy(last, grey + 4 * blocks, rest);
        num_stream_table()->binarise(1, bit, last, s.key, (uint32_t)blocks, row, step);
        memcpy(x + 4 * blocks, bit, rest * sizeof *x);
    }
}

void num_stream_binarise(NumStream s, uint64_t step, uint32_t row, size_t columns, float *x, const uint8_t *grey)
{
    if (is_philox(s)) {
        binarise_philox(s, step, row, columns, x, grey);
        return;
    }
    for (size_t part = 0; part * NUM_STREAM_PART < columns; part++) {
        StreamFill t = {s, step, row, 1, columns, 0, x, num_stream_table()->uniform};
        fill_part(&t, part);
    }
    float level[4 * BLOCKS];
    for (size_t i = 0; i < columns; i += 4 * BLOCKS) {
        size_t count = columns - i < 4 * BLOCKS ? columns - i : 4 * BLOCKS;
        num_grey_f32(count, level, grey + i);
        for (size_t k = 0; k < count; k++)
            x[i + k] = x[i + k] < level[k] ? 1.0f : 0.0f;
    }
}
