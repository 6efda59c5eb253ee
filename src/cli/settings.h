/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/settings.h: --set: settings of a script.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "base/error.h"

#include <stddef.h>

enum { CLI_SETTINGS_MOST = 64 };

typedef struct CliSettings {
    const char *set[CLI_SETTINGS_MOST]; /* "key=value" */
    size_t count;
} CliSettings;
extern CliSettings cli_settings;

#define CLI_OPTION_SET \
    {.name = "--set", .value = "key=value", .list = cli_settings.set, .list_count = &cli_settings.count, \
     .list_max = CLI_SETTINGS_MOST, \
     .help = "a setting of the script (data, epochs, batch, samples, rate, profile, seed, rng and its\n" \
             "own); may be repeated; seed=1,2,3 or KEY=a,b,c for one of its own sweeps over the values;\n" \
             "rng: the random number generator, philox4x32 or one of GSL's (GSL_RNG_TYPE)"}

/* Takes GSL_RNG_TYPE, as any program of GSL's does, unless --set rng=… is given: it beats the script and is recorded as
 * a setting.  Says so unless `quiet`. */
int cli_settings_rng(int quiet, Error *err);

#endif
