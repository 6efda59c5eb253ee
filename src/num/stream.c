/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/stream.c: named streams, their draws one by one and by the array, permutations, and the generator as GSL's type.
 */
#include "num/stream.h"

#include "base/digest.h"
#include "num/kernels.h"
#include "num/parallel.h"

#include <Random123/philox.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUM_TABLE_TYPE NumStreamTable
#define NUM_TABLE_NAME num_stream_table
#include "num/isa_table.h"

static uint32_t hex_digit(char c)
{
    return (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

NumStream num_stream(uint64_t seed, const char *name)
{
    char decimal[24], text[DIGEST_TEXT];
    int length = snprintf(decimal, sizeof decimal, "%" PRIu64 ":", seed);
    Digest d;
    digest_start(&d);
    digest_bytes(&d, decimal, (size_t)length);
    digest_bytes(&d, name, strlen(name));
    digest_end(&d, text);
    NumStream s = {{0, 0}};
    for (int byte = 0; byte < 8; byte++)
        s.key[byte / 4] |= (hex_digit(text[2 * byte]) << 4 | hex_digit(text[2 * byte + 1])) << byte % 4 * 8;
    return s;
}

/* ---- one by one ----------------------------------------------------------------------------------------------------- */

void num_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t word[4])
{
    philox4x32_ctr_t c = {{counter[0], counter[1], counter[2], counter[3]}};
    philox4x32_key_t k = {{key[0], key[1]}};
    c = philox4x32(c, k);
    memcpy(word, c.v, sizeof c.v);
}

/* The block that holds the draw at (step, row, column). */
static void block_at(NumStream s, uint64_t step, uint32_t row, uint32_t column, uint32_t word[4])
{
    uint32_t counter[4] = {column / 4, row, (uint32_t)step, (uint32_t)(step >> 32)};
    num_philox(s.key, counter, word);
}

uint32_t num_stream_word(NumStream s, uint64_t step, uint32_t row, uint32_t column)
{
    uint32_t word[4];
    block_at(s, step, row, column, word);
    return word[column % 4];
}

static uint32_t below(uint32_t word, uint32_t n)
{
    return (uint32_t)((uint64_t)word * n >> 32);
}

uint32_t num_stream_below(NumStream s, uint64_t step, uint32_t row, uint32_t column, uint32_t n)
{
    return below(num_stream_word(s, step, row, column), n);
}

void num_stream_permutation(NumStream s, uint64_t step, size_t n, uint32_t *order)
{
    uint32_t word[4];
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i-- > 1;) {
        if (i + 1 == n || i % 4 == 3)
            block_at(s, step, 0, (uint32_t)i, word);
        uint32_t j = below(word[i % 4], (uint32_t)i + 1), moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
}

/* ---- by the array --------------------------------------------------------------------------------------------------- */

enum { BLOCKS = 64 }; /* in one panel: 256 draws */

typedef struct {
    NumStream stream;
    uint64_t step;
    uint32_t first_row;
    size_t rows, columns, blocks; /* blocks of 4 columns a row, the last one perhaps in part */
    float *x;
    void (*draw)(size_t n, float *x, uint32_t *const *word);
} Task;

/* Draws `count` blocks from block `first` of the array, counted through all rows: 4 values each. */
static void draw_blocks(const Task *t, size_t first, size_t count, float *x)
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
static void copy_blocks(const Task *t, size_t first, size_t count, const float *from)
{
    for (size_t i = first; i < first + count; i++, from += 4) {
        size_t r = i / t->blocks, c = i % t->blocks * 4, width = t->columns - c;
        memcpy(t->x + r * t->columns + c, from, (width < 4 ? width : 4) * sizeof *from);
    }
}

static void fill_panel(const void *task, size_t index)
{
    const Task *t = task;
    size_t first = index * BLOCKS, left = t->rows * t->blocks - first, count = left < BLOCKS ? left : BLOCKS;
    if (t->columns % 4 == 0) {
        draw_blocks(t, first, count, t->x + 4 * first);
        return;
    }
    float buffer[4 * BLOCKS];
    draw_blocks(t, first, count, buffer);
    copy_blocks(t, first, count, buffer);
}

static Task task_of(NumStream s, uint64_t step, uint32_t first_row, size_t rows, size_t columns, float *x)
{
    return (Task){.stream = s, .step = step, .first_row = first_row, .rows = rows, .columns = columns,
                  .blocks = (columns + 3) / 4, .x = x, .draw = num_stream_table()->uniform};
}

static size_t panels(const Task *t)
{
    return (t->rows * t->blocks + BLOCKS - 1) / BLOCKS;
}

void num_stream_uniform(NumStream s, uint64_t step, uint32_t first_row, size_t rows, size_t columns, float *x)
{
    Task t = task_of(s, step, first_row, rows, columns, x);
    num_parallel(panels(&t), NUM_PARALLEL_DRAW * rows * columns, fill_panel, &t);
}

void num_stream_normal(NumStream s, uint64_t step, uint32_t first_row, size_t rows, size_t columns, float *x)
{
    Task t = task_of(s, step, first_row, rows, columns, x);
    t.draw = num_stream_table()->normal;
    num_parallel(panels(&t), NUM_PARALLEL_DRAW * rows * columns, fill_panel, &t);
}

/* The columns of a last block that is there in part go through buffers. */
void num_stream_binarise(NumStream s, uint64_t step, uint32_t row, size_t columns, float *x, const uint8_t *grey)
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

/* ---- for GSL -------------------------------------------------------------------------------------------------------- */

/* No pointers inside: gsl_rng_memcpy and gsl_rng_fwrite copy it. */
typedef struct {
    NumStream stream;
    uint64_t next;     /* the draw that comes next: its column, and above 2^32 its row */
    uint32_t block[4]; /* the block it is in, unless it opens a new one */
} GslState;

static void gsl_start(void *state, unsigned long seed)
{
    *(GslState *)state = (GslState){.stream = num_stream(seed, "gsl")};
}

static unsigned long gsl_word(void *state)
{
    GslState *g = state;
    if (g->next % 4 == 0)
        block_at(g->stream, 0, (uint32_t)(g->next >> 32), (uint32_t)g->next, g->block);
    return g->block[g->next++ % 4];
}

static double gsl_unit(void *state)
{
    return (double)gsl_word(state) / 4294967296.0;
}

static const gsl_rng_type gsl_type = {"vae_lab_philox4x32_10", 0xffffffffUL, 0, sizeof(GslState), gsl_start, gsl_word, gsl_unit};

const gsl_rng_type *const num_stream_gsl = &gsl_type;

void num_stream_gsl_set(gsl_rng *r, NumStream s)
{
    *(GslState *)r->state = (GslState){.stream = s};
}
