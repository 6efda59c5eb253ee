/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_claims.h: verdicts on claims, as `vae-lab run` and `vae-lab claims` print them.
 */
#ifndef CLI_CLAIMS_H
#define CLI_CLAIMS_H

#include "store/store.h"

#include <stdint.h>

typedef struct CliClaims {
    size_t pass, fail, open;
} CliClaims;

/* Prints the claims of one sweep (0: those of the view `claims`, of one experiment where that is not NULL), two or three lines
 * each, and [OUT] counts them. */
int cli_claims_print(Store *s, int64_t sweep, const char *experiment, CliClaims *count, Error *err);

#endif
