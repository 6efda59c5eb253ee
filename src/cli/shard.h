/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/shard.h: --shard: which part of a sweep this process runs.
 */
#ifndef CLI_SHARD_H
#define CLI_SHARD_H

#include "lab/shard.h"

extern const char *cli_shard_text;
#define CLI_OPTION_SHARD                                                                \
    {.name = "--shard", .value = "I/N", .text = &cli_shard_text,                        \
     .help = "only part I of N, of nearly equal work (default: the part of this task in a SLURM array,\n" \
             "an srun step or an Open MPI job; 1/1: the whole sweep)"}

/* [OUT] *shard: of --shard, else of the environment of SLURM or Open MPI, else 1/1; source: the words for the user
 * ("task 3 of SLURM array 17"), "" where nothing divides the sweep.  -1 with *err (ERR_USAGE). */
int cli_shard_choose(LabShard *shard, char source[128], Error *err);

#endif
