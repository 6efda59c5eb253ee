/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plot/plot.h: draws one figure through gnuplot.  Only this room starts gnuplot.
 *
 * A figure is a gnuplot body (everything but terminal and output) and named data blocks.  Both are written into the
 * figure's folder (NAME.gp, NAME.BLOCK.dat / .bin), so that `gnuplot NAME.gp` draws it again.  gnuplot renders to a
 * partial file; its last bytes are checked, its dates are made constant, and it is renamed.  On failure the older
 * figure stays as it was.
 *
 * In the body, `format` is "pdf", "png", "svg" or "tex", `tex` is 1 for the last, `data_NAME` a block's file.  A tex
 * figure is two files, NAME.tex for \input from any folder and its graphic NAME-tex.pdf.
 */
#ifndef PLOT_PLOT_H
#define PLOT_PLOT_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>

typedef struct PlotBlock {
    const char *name;  /* the body reads it as the variable `data_NAME` (a quoted file name) */
    const void *bytes;
    size_t size;
    int binary;        /* float32, little-endian: for  binary array=(w,h) format='%float32'  */
} PlotBlock;

typedef struct PlotFigure {
    const char *folder, *name; /* results/figures/kl_ablation, ellipses */
    double width_cm, height_cm;
    const char *body;          /* gnuplot commands */
    const PlotBlock *blocks;
    size_t nblocks;
} PlotFigure;

/* Writes script and data, renders FOLDER/NAME.FORMAT for one of pdf, png, svg, tex; makes the folder.  -1 with *err
 * (ERR_FILE): gnuplot is missing, the folder cannot be written, the disk is full, or gnuplot's message with its
 * line. */
int plot_render(const PlotFigure *figure, const char *format, Error *err);

/* `string` as a gnuplot string expression for exactly this text in every format: in single quotes, with special
 * characters escaped for the enhanced text mode and for LaTeX.  gnuplot takes it wherever it takes a string. */
void plot_quote(Text *t, const char *string);

/* gnuplot's version ("5.4 patchlevel 4"), or -1: it is not installed. */
int plot_version(char *text, size_t size);

#endif
