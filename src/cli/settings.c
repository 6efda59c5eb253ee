/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/settings.c: --set, and the setting that the environment may give.
 */
#include "cli/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CliSettings cli_settings;

int cli_settings_rng(int quiet, Error *err)
{
    static char setting[64];
    const char *name = getenv("GSL_RNG_TYPE");
    if (name == NULL || name[0] == '\0')
        return 0;
    for (size_t i = 0; i < cli_settings.count; i++)
        if (strncmp(cli_settings.set[i], "rng=", 4) == 0)
            return 0;
    if (cli_settings.count == CLI_SETTINGS_MOST)
        return error_set(err, ERR_USAGE, "more than %d settings", (int)CLI_SETTINGS_MOST - 1);
    snprintf(setting, sizeof setting, "rng=%s", name);
    cli_settings.set[cli_settings.count++] = setting;
    if (!quiet)
        fprintf(stderr, "GSL_RNG_TYPE=%s\n", name);
    return 0;
}
