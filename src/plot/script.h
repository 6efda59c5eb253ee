/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plot/script.h: a figure's gnuplot script, for this room only.
 */
#ifndef PLOT_SCRIPT_H
#define PLOT_SCRIPT_H

#include "base/text.h"
#include "plot/plot.h"

enum { SCRIPT_PART_MAX = 80, SCRIPT_NAME_MAX = 2 * SCRIPT_PART_MAX + 8 };

/* The whole of NAME.gp. */
void script_write(Text *t, const PlotFigure *figure);

/* [OUT] the name of a block's data file in the figure's folder: NAME.BLOCK.dat or .bin. */
void script_block_file(char file[SCRIPT_NAME_MAX], const PlotFigure *figure, size_t block);

#endif
