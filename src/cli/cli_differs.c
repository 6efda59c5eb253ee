/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_differs.c: the settings in which configurations differ: those that an experiment gives, and the leaves of the plan.
 */
#include "cli/cli_compare.h"
#include "cli/cli_query.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

const char *cli_letter(size_t i)
{
    static char text[2][8];
    static int turn;
    char *t = text[turn ^= 1];
    if (i < 26)
        snprintf(t, 8, "%c", (char)('A' + i));
    else
        snprintf(t, 8, "%c%c", (char)('A' + (i / 26 - 1) % 26), (char)('A' + i % 26));
    return t;
}

/* Settings and the plan's leaves of ?1 (a JSON list of [run, experiment] in the configurations' order), of those names whose values
 * are not all alike. */
static const char differs_sql[] =
    "WITH chosen AS (SELECT key AS i, json_extract(value, '$[0]') AS run, "
    "(SELECT id FROM experiment WHERE name = json_extract(value, '$[1]')) AS experiment FROM json_each(?1)), "
    "s AS (SELECT i, p.name AS name, CAST(p.value AS TEXT) AS value FROM chosen JOIN setting p ON p.run = chosen.run "
    "AND p.experiment = chosen.experiment WHERE p.name NOT IN ('seed', 'data') "
    "UNION ALL SELECT i, 'plan' || substr(j.fullkey, 2), CAST(j.atom AS TEXT) FROM chosen JOIN run r ON r.id = chosen.run, "
    "json_tree(CASE WHEN json_valid(r.plan) THEN r.plan ELSE '{}' END) j WHERE j.atom IS NOT NULL "
    "UNION ALL SELECT i, 'data', r.data FROM chosen JOIN run r ON r.id = chosen.run "
    "UNION ALL SELECT i, 'data digest', substr(r.data_digest, 1, 12) FROM chosen JOIN run r ON r.id = chosen.run "
    "UNION ALL SELECT i, 'graph', 'from run ' || (SELECT min(o.id) FROM run o WHERE o.graph = r.graph AND o.id IN (SELECT run "
    "FROM chosen)) "
    "FROM chosen JOIN run r ON r.id = chosen.run) "
    "SELECT s.name, i, s.value FROM s JOIN (SELECT name FROM s GROUP BY name HAVING count(DISTINCT value) > 1 OR "
    "count(*) < (SELECT count(*) FROM chosen)) USING (name) ORDER BY s.name, i";

typedef struct Differs {
    CliTable *table;
    size_t columns, next; /* the next cell of the row, 0 before any */
    char name[128];
} Differs;

static void fill_row(Differs *d, size_t upto)
{
    for (; d->next > 0 && d->next < upto; d->next++)
        cli_table_null(d->table);
}

static int add_setting(void *context, int columns, const char *const *names, const StoreValue *v)
{
    Differs *d = context;
    size_t at = (size_t)v[1].integer + 1;
    (void)columns, (void)names;
    if (d->next == 0 || strcmp(d->name, v[0].bytes) != 0) {
        fill_row(d, d->columns);
        snprintf(d->name, sizeof d->name, "%s", (const char *)v[0].bytes);
        cli_table_text(d->table, v[0].bytes);
        d->next = 1;
    }
    fill_row(d, at);
    if (at < d->next)
        return 0; /* two leaves of one name */
    if (v[2].type == STORE_TEXT)
        cli_table_text(d->table, v[2].bytes);
    else
        cli_table_null(d->table);
    d->next = at + 1;
    return 0;
}

int cli_differs_print(Store *s, const CliConfigs *list, Error *err)
{
    Text runs = {0};
    const char **columns = mem_array(list->count + 1, sizeof *columns);
    char(*name)[8] = mem_array(list->count + 1, sizeof *name);
    int status = columns == NULL || name == NULL ? error_memory(err, "settings") : 0;
    for (size_t i = 0; i < list->count && status == 0; i++) {
        snprintf(name[i], sizeof name[i], "%s", cli_letter(i));
        columns[i + 1] = name[i];
        text_addf(&runs, "%s[%lld, ", i == 0 ? "[" : ", ", (long long)list->config[i].run);
        text_add_json(&runs, list->config[i].experiment);
        text_add(&runs, "]");
    }
    text_add(&runs, "]");
    if (status == 0) {
        columns[0] = "settings that differ";
        Differs d = {.table = cli_table_alloc(columns, list->count + 1), .columns = list->count + 1};
        StoreValue arg = cli_text_value(text_string(&runs));
        status = store_query(s, differs_sql, &arg, 1, add_setting, &d, err);
        fill_row(&d, d.columns);
        if (status == 0 && cli_table_rows(d.table) > 0) {
            putchar('\n');
            status = cli_table_print(d.table, CLI_TEXT, err);
        } else {
            cli_table_free(d.table);
        }
    }
    text_free(&runs);
    mem_free(columns);
    mem_free(name);
    return status;
}
