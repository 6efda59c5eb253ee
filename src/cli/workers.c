/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/workers.c: how many runs at the same time, and threads of each: from the flags, the environment and the machine.
 */
#include "cli/workers.h"

#include "base/cores.h"

#include <errno.h>
#include <stdlib.h>

CliWorkers cli_workers;

/* [OUT] VAE_LAB_THREADS, 0 when it is not set. */
static int threads_of_environment(long *number, Error *err)
{
    const char *text = getenv("VAE_LAB_THREADS");
    *number = 0;
    if (text == NULL || text[0] == '\0')
        return 0;
    char *end;
    errno = 0;
    *number = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || *number < 1 || *number > CLI_THREADS_MOST) {
        error_set(err, ERR_USAGE, "VAE_LAB_THREADS is not a number of threads");
        error_found(err, "%s", text);
        return error_expected(err, "a whole number of at least 1 and at most %d", CLI_THREADS_MOST);
    }
    return 0;
}

int cli_workers_choose(size_t runs, Error *err)
{
    CliWorkers *w = &cli_workers;
    long cores = cores_usable();
    if (w->threads == 0 && threads_of_environment(&w->threads, err) != 0)
        return -1;
    if (w->jobs == 0)
        w->jobs = w->threads > 0 && cores / w->threads >= 1 ? cores / w->threads : cores;
    if ((size_t)w->jobs > runs)
        w->jobs = (long)runs;
    if (w->threads == 0)
        w->threads = cores / w->jobs > 1 ? cores / w->jobs : 1;
    return 0;
}
