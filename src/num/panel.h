/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/panel.h: elementwise kernels over operands that broadcast.  Internal to num/.
 *
 * The full shape is cut into panels of about 1000 elements: whole rows of one sample, or a part of one row.  A
 * kernel gets a dense array for each operand of a panel: the operand's own memory where that is dense, else a copy
 * in cache.  So kernels need no code for broadcasting, and temporaries stay in cache.
 */
#ifndef NUM_PANEL_H
#define NUM_PANEL_H

#include "num/density.h"
#include "num/kernels.h"

/* The limits of a kernel: inputs (dy and four operands), outputs; the elements of a panel, a multiple of 16 lanes. */
enum { NUM_PANEL_IN = 5, NUM_PANEL_OUT = 4, NUM_PANEL_SIZE = 1024 };

/* [OUT] out (shape) = kernel(in[0], …, in[count - 1]). */
void num_panel_map(NumPanelKernel *kernel, NumShape shape, float *out, size_t count, const NumIn_f32 *in);

/* [OUT] y (samples, batch, 1) = the sums over features of kernel(…).  scratch: 1 value for each element of shape. */
void num_panel_row_sums(NumPanelKernel *kernel, NumShape shape, float *y, size_t count, const NumIn_f32 *in,
                        float *scratch);

/* d[k] (d_shape[k]) += output k of the kernel, k < gradients, summed in num_sum's order where operand k was broadcast.
 * d[k] may be NULL: not wanted.  Bit k of `overwrite`: d[k] holds garbage and is written, not added to.
 * scratch: 1 value for each element of shape and each gradient of a broadcast operand. */
void num_panel_gradients(NumPanelKernel *kernel, NumShape shape, size_t gradients, float *const *d,
                         const NumShape *d_shape, unsigned overwrite, size_t count, const NumIn_f32 *in, float *scratch);

/* y (shape) += scale * x. */
void num_panel_axpy(NumShape shape, float *y, NumIn_f32 x, float scale);

#endif
