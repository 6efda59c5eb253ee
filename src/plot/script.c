/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plot/script.c: the gnuplot script of a figure: its head (terminals, names of the data files) and the figure's body.
 *
 * One script draws every format, so that a change by hand changes all of them:
 *     gnuplot NAME.gp                        NAME.pdf
 *     gnuplot -e "format='png'" NAME.gp      NAME.png; also 'svg', and 'tex' (NAME-tex.tex with NAME-tex.pdf)
 * vae-lab also sets `output`, to a partial file.
 *
 * All terminals use the same units, measured with gnuplot 5.4 and cairo 1.16: text is 9 pt, a line width of 1 is half
 * a point. pango counts 96 dots per inch: hence 0.75 for pdf; png has 300 dots per inch, svg 96.
 */
#include "plot/script.h"

#include <stdio.h>

enum { PNG_DPI = 300, SVG_DPI = 96 };

static int pixels(double cm, int dpi)
{
    return (int)(cm / 2.54 * dpi + 0.5);
}

/* With a point in every locale: gnuplot would read a comma as the end of the size. */
static void add_cm(Text *t, double cm)
{
    long thousandths = (long)(cm * 1000 + 0.5);
    text_addf(t, "%ld.%03ldcm", thousandths / 1000, thousandths % 1000);
}

static void add_size_cm(Text *t, const PlotFigure *f)
{
    text_add(t, " size ");
    add_cm(t, f->width_cm);
    text_add(t, ",");
    add_cm(t, f->height_cm);
}

static void add_terminals(Text *t, const PlotFigure *f)
{
    text_add(t, "if (format eq 'pdf') set terminal pdfcairo");
    add_size_cm(t, f);
    text_add(t, " font 'Helvetica,9' fontscale 0.75 linewidth 1 pointscale 0.5\n");
    text_addf(t, "if (format eq 'png') set terminal pngcairo size %d,%d font 'Helvetica,9' fontscale 3.125 "
                 "linewidth 2.0833 pointscale 2.0833\n",
              pixels(f->width_cm, PNG_DPI), pixels(f->height_cm, PNG_DPI));
    text_addf(t, "if (format eq 'svg') set terminal svg size %d,%d font 'Helvetica,9' fontscale 1.3333 "
                 "linewidth 0.6667 dashlength 0.6 background '#ffffff'\n",
              pixels(f->width_cm, SVG_DPI), pixels(f->height_cm, SVG_DPI));
    text_add(t, "if (format eq 'tex') set terminal cairolatex pdf input colortext");
    add_size_cm(t, f);
    text_add(t, " font ',9' fontscale 0.75 linewidth 1 pointscale 0.5\n");
}

void script_write(Text *t, const PlotFigure *f)
{
    const char *name = f->name;
    text_addf(t, "# %s: drawn by vae-lab. Change it by hand, then:\n", name);
    text_addf(t, "#   gnuplot %s.gp                     draws %s.pdf\n", name, name);
    text_addf(t, "#   gnuplot -e \"format='png'\" %s.gp   draws %s.png; "
                 "also 'svg', and 'tex' (%s-tex.tex, for \\input)\n",
              name, name, name);
    text_add(t, "if (!exists('format')) format = 'pdf'\n"
                "tex = format eq 'tex'\n");
    text_addf(t, "if (!exists('output')) output = '%s'.(tex ? '-tex' : '').'.'.format\n", name);
    add_terminals(t, f);
    text_add(t, "set encoding utf8\n"
                "set minussign\n"
                "set output output\n");
    for (size_t i = 0; i < f->nblocks; i++) {
        char file[SCRIPT_NAME_MAX];
        script_block_file(file, f, i);
        text_addf(t, "data_%s = '%s'\n", f->blocks[i].name, file);
    }
    text_add(t, "\n");
    text_add(t, f->body);
    text_add(t, "\nunset output\n");
}

void script_block_file(char file[SCRIPT_NAME_MAX], const PlotFigure *f, size_t block)
{
    const PlotBlock *b = &f->blocks[block];
    snprintf(file, SCRIPT_NAME_MAX, "%s.%s.%s", f->name, b->name, b->binary ? "bin" : "dat");
}
