/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/seeds.c: --seeds, and the setting that it gives the script.
 */
#include "cli/seeds.h"

#include "base/text.h"
#include "cli/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 3, STANDARD = 24, MOST = 10000 };

const char *cli_seeds_text;

static int bad_value(Error *err)
{
    error_set(err, ERR_USAGE, "bad value of --seeds");
    error_found(err, "%s", cli_seeds_text);
    return error_expected(err, "a number of seeds from 1 to %d, auto, or auto:N with at least %d", MOST, FIRST);
}

/* A whole number from `least` to MOST; 0: it is none. */
static size_t number(const char *text, long least)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    return end == text || *end != '\0' || errno != 0 || n < least || n > MOST ? 0 : (size_t)n;
}

/* FIRST seeds, twice as many each time, `most` at last. */
static void plan_looks(CliSeeds *s, size_t most)
{
    for (size_t n = FIRST; n < most; n *= 2)
        s->seeds[s->looks++] = n;
    s->seeds[s->looks++] = most;
    s->level = 1 - 0.05 / (double)s->looks;
}

int cli_seeds_choose(CliSeeds *s, Error *err)
{
    *s = (CliSeeds){.level = 0.95};
    if (cli_seeds_text == NULL)
        return 0;
    for (size_t i = 0; i < cli_settings.count; i++)
        if (strncmp(cli_settings.set[i], "seed=", 5) == 0) {
            error_set(err, ERR_USAGE, "--seeds and --set seed exclude each other");
            return error_found(err, "--seeds %s, --set %s", cli_seeds_text, cli_settings.set[i]);
        }
    int automatic = strncmp(cli_seeds_text, "auto", 4) == 0;
    if (!automatic) {
        s->seeds[0] = number(cli_seeds_text, 1);
        s->looks = 1;
        return s->seeds[0] == 0 ? bad_value(err) : 0;
    }
    const char *rest = cli_seeds_text + 4;
    size_t most = rest[0] == '\0' ? STANDARD : rest[0] == ':' ? number(rest + 1, FIRST) : 0;
    if (most == 0)
        return bad_value(err);
    plan_looks(s, most);
    return 0;
}

int cli_seeds_set(size_t n, Error *err)
{
    static Text setting;
    static size_t place; /* in cli_settings, from 1; 0: none yet */
    text_free(&setting);
    setting = (Text){0};
    for (size_t seed = 1; seed <= n; seed++)
        text_addf(&setting, "%s%zu", seed == 1 ? "seed=" : ",", seed);
    if (setting.failed)
        return error_memory(err, "a list of seeds");
    if (place == 0 && cli_settings.count == CLI_SETTINGS_MOST)
        return error_set(err, ERR_USAGE, "more than %d settings", (int)CLI_SETTINGS_MOST - 1);
    place = place == 0 ? ++cli_settings.count : place;
    cli_settings.set[place - 1] = text_string(&setting);
    return 0;
}
