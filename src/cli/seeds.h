/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/seeds.h: --seeds: how many seeds a sweep has, or that they are added until its claims are decided.
 */
#ifndef CLI_SEEDS_H
#define CLI_SEEDS_H

#include "base/error.h"

#include <stddef.h>

extern const char *cli_seeds_text;
#define CLI_OPTION_SEEDS                                                                                  \
    {.name = "--seeds", .value = "N|auto[:N]", .text = &cli_seeds_text,                                   \
     .help = "seeds 1 to N instead of the script's; auto: 3, 6, 12 … seeds until every claim is decided,\n" \
             "at most N (default: 24)"}

enum { CLI_LOOKS_MOST = 16 };

/* The looks at the claims: after each the claims are judged, and the next one has more seeds.  Many looks give chance many
 * occasions: each has the level 1 - 0.05 / looks, so that the probability of a false verdict at any look stays 5 %
 * (Bonferroni). */
typedef struct CliSeeds {
    size_t looks;                 /* 0: the script's own seeds */
    size_t seeds[CLI_LOOKS_MOST]; /* of each look */
    double level;                 /* 0.95 with one look */
} CliSeeds;

/* [OUT] *s: of --seeds.  -1 with *err (ERR_USAGE). */
int cli_seeds_choose(CliSeeds *s, Error *err);

/* Gives the script seeds 1 to n: a setting seed=1,2,…, in place of the one that an earlier call gave. */
int cli_seeds_set(size_t n, Error *err);

#endif
