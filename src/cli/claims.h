/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/claims.h: verdicts on claims, as `vae-lab run` and `vae-lab claims` print them.
 */
#ifndef CLI_CLAIMS_H
#define CLI_CLAIMS_H

#include "store/read.h"

typedef struct CliVerdicts {
    size_t pass, fail, open;
} CliVerdicts;

/* A StoreVerdictRow, its context a CliVerdicts: prints a verdict in two lines, and counts it. */
int cli_verdict_print(void *context, const char *experiment, const StoreVerdict *verdict);

#endif
