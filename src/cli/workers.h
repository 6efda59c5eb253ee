/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/workers.h: --jobs and --threads: how many runs at the same time, and threads of each.
 */
#ifndef CLI_WORKERS_H
#define CLI_WORKERS_H

#include "base/error.h"

#include <stddef.h>

typedef struct CliWorkers {
    long jobs, threads; /* 0: not given */
} CliWorkers;
extern CliWorkers cli_workers;

enum { CLI_THREADS_MOST = 1024 /* each has its own stack */ };

#define CLI_OPTION_JOBS                                                                 \
    {.name = "--jobs", .value = "N", .number = &cli_workers.jobs, .least = 1,           \
     .help = "runs at the same time, one process each (default: one per core that\n"       \
             "this process may use: affinity, quota of its control group)"}
#define CLI_OPTION_THREADS                                                              \
    {.name = "--threads", .value = "N", .number = &cli_workers.threads, .least = 1,     \
     .most = CLI_THREADS_MOST,                                                          \
     .help = "threads of each run (VAE_LAB_THREADS; default: the remaining cores)"}

/* Sets what was not given: as many jobs as cores and runs allow (at least one run), the remaining cores as threads.  -1
 * with *err when VAE_LAB_THREADS is no number. */
int cli_workers_choose(size_t runs, Error *err);

#endif
