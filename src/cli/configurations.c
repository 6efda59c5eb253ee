/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/configurations.c: the configurations that `vae-lab compare` compares, with their values.
 */
#include "cli/configurations.h"
#include "cli/cli.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ----------------------------------------------------------------------------------------------------- */

double cli_value_or_kind(const StoreValue *value, const StoreValue *kind)
{
    if (value->type != STORE_NULL)
        return value->real;
    return kind->type == STORE_TEXT ? strtod(kind->bytes, NULL) : (double)NAN;
}

int cli_values_take(void *context, int columns, const char *const *names, const StoreValue *v)
{
    CliConfiguration *c = context;
    (void)names;
    CliValue *list = mem_room(c->value, c->values, &c->capacity, sizeof *list);
    if (list == NULL)
        return c->failed = 1;
    c->value = list;
    CliValue *at = &c->value[c->values++];
    snprintf(at->metric, sizeof at->metric, "%s", store_text_of(&v[0]));
    snprintf(at->seed, sizeof at->seed, "%s", store_text_of(&v[1]));
    at->value = cli_value_or_kind(&v[2], &v[3]);
    at->scale = columns > 4 ? stats_scale(store_text_of(&v[4])) : STATS_LINEAR;
    return 0;
}

const CliValue *cli_finite_value(const CliConfiguration *c, const char *metric, const char *seed)
{
    for (size_t i = 0; i < c->values; i++)
        if (strcmp(c->value[i].metric, metric) == 0 && strcmp(c->value[i].seed, seed) == 0 &&
            isfinite(c->value[i].value))
            return &c->value[i];
    return NULL;
}

int cli_values_finish(const CliConfiguration *c, int status, Error *err)
{
    return status == 0 && c->failed ? error_memory(err, "metrics") : status;
}

/* ---- configurations --------------------------------------------------------------------------------------------- */

/* Adds a configuration that is not yet in the list. */
static int take_configuration(void *context, const StoreConfiguration *is)
{
    CliConfigurations *c = context;
    c->matched++;
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].is.run == is->run && strcmp(c->list[i].is.experiment, is->experiment) == 0)
            return 0;
    CliConfiguration *list = mem_room(c->list, c->count, &c->capacity, sizeof *list);
    if (list == NULL)
        return c->failed = 1;
    c->list = list;
    size_t i = c->count++, last = i < 26 ? 0 : 1;
    c->list[i] = (CliConfiguration){.is = *is, .letter = {(char)('A' + (i / 26 + 25) % 26)}};
    c->list[i].letter[last] = (char)('A' + i % 26);
    return 0;
}

static int nothing_of_that_name(Store *s, const char *name, Error *err)
{
    char nearest[STORE_NAME];
    if (store_nearest_name(s, name, 1, nearest, err) != 0)
        return -1;
    error_set(err, ERR_USAGE, "there is no run, label or experiment '%s'", name);
    error_where(err, "%s", store_path(s));
    return nearest[0] != '\0' ? error_hint(err, "did you mean '%s'?", nearest)
                              : error_hint(err, "vae-lab runs lists the runs with their labels and experiments");
}

static int read_name(CliConfigurations *c, Store *s, const char *name, Error *err)
{
    c->matched = 0;
    if (store_configurations(s, name, take_configuration, c, err) != 0)
        return -1;
    if (c->failed)
        return error_memory(err, "configurations");
    return c->matched > 0 || name == NULL ? 0 : nothing_of_that_name(s, name, err);
}

static int read_values(CliConfiguration *c, Store *s, Error *err)
{
    if (store_nll_draws(s, c->is.run, &c->draws, err) != 0)
        return -1;
    return cli_values_finish(c, store_configuration_values(s, &c->is, cli_values_take, c, err), err);
}

int cli_configurations_read(CliConfigurations *c, Store *s, char *const *names, int count, Error *err)
{
    int status = count == 0 ? read_name(c, s, NULL, err) : 0;
    for (int i = 0; i < count && status == 0; i++)
        status = read_name(c, s, names[i], err);
    for (size_t i = 0; i < c->count && status == 0; i++)
        status = read_values(&c->list[i], s, err);
    return status;
}

void cli_configurations_free(CliConfigurations *c)
{
    for (size_t i = 0; i < c->count; i++)
        mem_free(c->list[i].value);
    mem_free(c->list);
    memset(c, 0, sizeof *c);
}
