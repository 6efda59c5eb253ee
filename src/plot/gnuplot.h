/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plot/gnuplot.h: the gnuplot process, inside this room only.
 *
 * The program is `gnuplot` on the PATH; VAE_LAB_GNUPLOT names another.  It is started without a shell and without input,
 * in a fixed time zone and locale, and what it says is caught in a buffer.
 */
#ifndef PLOT_GNUPLOT_H
#define PLOT_GNUPLOT_H

#include "base/error.h"

#include <stddef.h>

/* Runs gnuplot with these arguments (NULL-ended, without the program).  [OUT] said[size] holds the first of what it wrote on
 * both outputs, terminated; *status its exit status, or 128 + the signal that ended it.  -1 with *err (ERR_FILE): it could
 * not be started. */
int gnuplot_run(const char *const *arguments, char *said, size_t size, int *status, Error *err);

#endif
