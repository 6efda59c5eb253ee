/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plot/gnuplot.h: the gnuplot process, for this room only.
 *
 * The program is `gnuplot` on the PATH; VAE_LAB_GNUPLOT names another.  It is started without a shell and without
 * input, in a fixed time zone and locale, and its output is kept in a buffer.
 */
#ifndef PLOT_GNUPLOT_H
#define PLOT_GNUPLOT_H

#include "base/error.h"

#include <stddef.h>

/* Runs gnuplot with these arguments (NULL-ended, without the program).  [OUT] output[size]: the beginning of its
 * standard output and error, terminated; *status its exit status, or 128 + the signal that ended it.  -1 with *err
 * (ERR_FILE): it could not be started. */
int gnuplot_run(const char *const *arguments, char *output, size_t size, int *status, Error *err);

#endif
