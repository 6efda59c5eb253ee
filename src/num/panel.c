/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/panel.c: cuts arrays into panels, makes operands dense, and runs kernels over them.
 */
#include "num/panel.h"

#include "num/parallel.h"
#include "num/sum.h"

#include <string.h>

#define NUM_TABLE_TYPE NumElementwiseTable
#define NUM_TABLE_NAME num_elementwise_table
#include "num/isa_table.h"

#define NUM_TABLE_TYPE NumSumTable
#define NUM_TABLE_NAME num_sum_table
#include "num/isa_table.h"

/* How a shape is cut: into panels of `rows` whole rows, or each row into `parts` panels. */
typedef struct {
    NumShape shape;
    size_t rows, parts, blocks; /* rows of a panel, panels of a row, panels of a sample */
} PanelGrid;

typedef struct {
    size_t sample, row, rows, column, columns; /* `rows` rows from `row`, `columns` columns from `column` */
    size_t size, offset;                       /* elements; the index of the first one in a dense array */
} Panel;

static PanelGrid grid_of(NumShape shape)
{
    size_t batch = shape.n[NUM_BATCH], features = shape.n[NUM_FEATURES];
    PanelGrid grid = {shape, 1, 1, 0};
    if (features > NUM_PANEL_SIZE)
        grid.parts = (features + NUM_PANEL_SIZE - 1) / NUM_PANEL_SIZE;
    else if (features > 0)
        grid.rows = NUM_PANEL_SIZE / features;
    if (grid.rows > batch)
        grid.rows = batch > 0 ? batch : 1;
    grid.blocks = (batch + grid.rows - 1) / grid.rows * grid.parts;
    return grid;
}

static size_t grid_panels(const PanelGrid *grid)
{
    return num_shape_size(grid->shape) == 0 ? 0 : grid->shape.n[NUM_SAMPLES] * grid->blocks;
}

static Panel grid_panel(const PanelGrid *grid, size_t index)
{
    size_t batch = grid->shape.n[NUM_BATCH], features = grid->shape.n[NUM_FEATURES];
    size_t block = index % grid->blocks;
    Panel p = {.sample = index / grid->blocks, .row = block / grid->parts * grid->rows,
               .column = block % grid->parts * NUM_PANEL_SIZE};
    p.rows = batch - p.row < grid->rows ? batch - p.row : grid->rows;
    p.columns = features - p.column < NUM_PANEL_SIZE ? features - p.column : NUM_PANEL_SIZE;
    p.size = p.rows * p.columns;
    p.offset = (p.sample * batch + p.row) * features + p.column;
    return p;
}

/* An operand's part of a panel as a dense array: in place, or copied to buffer (NUM_PANEL_SIZE). */
static const float *dense_operand(const Panel *p, NumIn_f32 in, float *buffer)
{
    size_t by_row = num_shape_stride(in.shape, NUM_BATCH), by_column = num_shape_stride(in.shape, NUM_FEATURES);
    const float *x = in.x + p->sample * num_shape_stride(in.shape, NUM_SAMPLES) + p->row * by_row
        + p->column * by_column;
    if ((p->columns == 1 || by_column == 1) && (p->rows == 1 || by_row == p->columns))
        return x;
    for (size_t r = 0; r < p->rows; r++, x += by_row) {
        float *to = buffer + r * p->columns;
        if (by_column == 1)
            memcpy(to, x, p->columns * sizeof *to);
        else
            num_elementwise_table()->fill(p->columns, to, x[0]);
    }
    return buffer;
}

/* The data that the jobs of one loop over panels share. */
typedef struct {
    PanelGrid grid;
    NumPanelKernel *kernel;
    size_t count;               /* operands */
    const NumIn_f32 *in;
    float *out;                 /* map: full shape; row sums: (samples, batch, 1) */
    float *scratch;             /* row sums: the terms of rows longer than a panel */
    float scale;                /* axpy */
    size_t gradients;
    float *const *added;        /* [k]: the gradient to which a panel's values are added, or NULL */
    float *const *written;      /* [k]: where they are written, the gradient itself or a term to sum later, or NULL */
} PanelJob;

static void load(const PanelJob *t, const Panel *p, const float **dense, float (*buffer)[NUM_PANEL_SIZE])
{
    for (size_t k = 0; k < t->count; k++)
        dense[k] = dense_operand(p, t->in[k], buffer[k]);
}

static void map_panel(const void *task, size_t index)
{
    const PanelJob *t = task;
    Panel p = grid_panel(&t->grid, index);
    float buffer[NUM_PANEL_IN][NUM_PANEL_SIZE];
    const float *dense[NUM_PANEL_IN];
    load(t, &p, dense, buffer);
    float *out = t->out + p.offset;
    t->kernel(p.size, &out, dense);
}

void num_panel_map(NumPanelKernel *kernel, NumShape shape, float *out, size_t count, const NumIn_f32 *in)
{
    PanelJob t = {.grid = grid_of(shape), .kernel = kernel, .count = count, .in = in, .out = out};
    num_parallel(grid_panels(&t.grid), num_shape_size(shape), map_panel, &t);
}

static void row_sums_panel(const void *task, size_t index)
{
    const PanelJob *t = task;
    Panel p = grid_panel(&t->grid, index);
    float buffer[NUM_PANEL_IN][NUM_PANEL_SIZE], terms[NUM_PANEL_SIZE];
    const float *dense[NUM_PANEL_IN];
    load(t, &p, dense, buffer);
    if (t->grid.parts > 1) { /* the row is summed later, when all its panels are done */
        float *out = t->scratch + p.offset;
        t->kernel(p.size, &out, dense);
        return;
    }
    float *out = terms;
    t->kernel(p.size, &out, dense);
    num_sum_table()->rows(p.rows, p.columns, t->out + p.sample * t->grid.shape.n[NUM_BATCH] + p.row, terms, p.columns);
}

void num_panel_row_sums(NumPanelKernel *kernel, NumShape shape, float *y, size_t count, const NumIn_f32 *in,
                        float *scratch)
{
    PanelJob t = {.grid = grid_of(shape), .kernel = kernel, .count = count, .in = in, .out = y, .scratch = scratch};
    size_t rows = num_shape_rows(shape);
    num_parallel(grid_panels(&t.grid), num_shape_size(shape), row_sums_panel, &t);
    if (t.grid.parts > 1 || num_shape_size(shape) == 0)
        num_sum_table()->rows(rows, shape.n[NUM_FEATURES], y, scratch, shape.n[NUM_FEATURES]);
}

static void gradients_panel(const void *task, size_t index)
{
    const PanelJob *t = task;
    Panel p = grid_panel(&t->grid, index);
    float buffer[NUM_PANEL_IN][NUM_PANEL_SIZE], gradient[NUM_PANEL_OUT][NUM_PANEL_SIZE];
    const float *dense[NUM_PANEL_IN];
    float *out[NUM_PANEL_OUT];
    load(t, &p, dense, buffer);
    for (size_t k = 0; k < t->gradients; k++)
        out[k] = t->written[k] != NULL ? t->written[k] + p.offset : gradient[k];
    t->kernel(p.size, out, dense);
    for (size_t k = 0; k < t->gradients; k++)
        if (t->added[k] != NULL)
            num_elementwise_table()->axpy(p.size, t->added[k] + p.offset, 1.0f, gradient[k]);
}

static int same_shape(NumShape a, NumShape b)
{
    return a.n[0] == b.n[0] && a.n[1] == b.n[1] && a.n[2] == b.n[2];
}

void num_panel_gradients(NumPanelKernel *kernel, NumShape shape, size_t gradients, float *const *d,
                         const NumShape *d_shape, unsigned overwrite, size_t count, const NumIn_f32 *in, float *scratch)
{
    float *added[NUM_PANEL_OUT] = {NULL}, *written[NUM_PANEL_OUT] = {NULL};
    size_t size = num_shape_size(shape), wanted = 0, used = 0;
    for (size_t k = 0; k < gradients; k++) {
        if (d[k] == NULL)
            continue;
        wanted++;
        if (!same_shape(d_shape[k], shape))
            written[k] = scratch + used++ * size;
        else if (overwrite >> k & 1)
            written[k] = d[k];
        else
            added[k] = d[k];
    }
    if (wanted == 0)
        return;
    PanelJob t = {.grid = grid_of(shape), .kernel = kernel, .count = count, .in = in, .gradients = gradients,
              .added = added, .written = written};
    num_parallel(grid_panels(&t.grid), size, gradients_panel, &t);
    for (size_t k = 0; k < gradients; k++)
        if (written[k] != NULL && written[k] != d[k]) {
            if (overwrite >> k & 1)
                memset(d[k], 0, num_shape_size(d_shape[k]) * sizeof *d[k]);
            num_sum_f32(d[k], d_shape[k], written[k], shape, 1.0f);
        }
}

static void axpy_panel(const void *task, size_t index)
{
    const PanelJob *t = task;
    Panel p = grid_panel(&t->grid, index);
    float buffer[1][NUM_PANEL_SIZE];
    const float *dense[1];
    load(t, &p, dense, buffer);
    num_elementwise_table()->axpy(p.size, t->out + p.offset, t->scale, dense[0]);
}

void num_panel_axpy(NumShape shape, float *y, NumIn_f32 x, float scale)
{
    PanelJob t = {.grid = grid_of(shape), .count = 1, .in = &x, .out = y, .scale = scale};
    num_parallel(grid_panels(&t.grid), num_shape_size(shape), axpy_panel, &t);
}
