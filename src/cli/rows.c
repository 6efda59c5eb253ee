/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/rows.c: rows of results.db as a table on standard output.
 */
#include "cli/rows.h"

#include <stdio.h>
#include <string.h>

static int is_one_of(const char *word, const char *const *list)
{
    while (*list != NULL && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

/* Decimals that a reader wants to see in a column of this name. */
static int decimals_of(const char *column)
{
    static const char *const nats[] = {"elbo", "reconstruction", "kl", "nll", NULL};
    return is_one_of(column, nats) ? 2 : strcmp(column, "seconds") == 0 ? 1 : CLI_DIGITS;
}

/* SQLite's texts may hold a zero byte; what follows it is not shown. */
static void add_text(CliRows *r, const char *column, const StoreValue *v)
{
    static const char *const digests[] = {"digest", "configuration", "identity", NULL};
    char start[13];
    if (r->format == CLI_TEXT && is_one_of(column, digests)) {
        snprintf(start, sizeof start, "%s", (const char *)v->bytes);
        cli_table_text(r->table, start);
    } else {
        cli_table_text(r->table, v->bytes);
    }
}

int cli_rows_take(void *context, int columns, const char *const *names, const StoreValue *values)
{
    CliRows *r = context;
    char bytes[40];
    if (r->table == NULL && (r->table = cli_table_alloc(r->format, names, (size_t)columns)) == NULL)
        return r->failed = 1;
    for (int i = 0; i < columns; i++) {
        const StoreValue *v = &values[i];
        switch (v->type) {
        case STORE_NULL: cli_table_null(r->table); break;
        case STORE_INTEGER: cli_table_integer(r->table, v->integer); break;
        case STORE_REAL: cli_table_number(r->table, v->real, decimals_of(names[i])); break;
        case STORE_TEXT: add_text(r, names[i], v); break;
        case STORE_BLOB:
            snprintf(bytes, sizeof bytes, "(%zu bytes)", v->size);
            cli_table_text(r->table, bytes);
            break;
        }
    }
    return 0;
}

int cli_rows_print(CliRows *r, int status, const char *title, size_t *count, Error *err)
{
    size_t rows = cli_table_rows(r->table);
    if (status == 0 && r->failed)
        status = error_memory(err, "a table");
    if (count != NULL)
        *count = rows;
    if (status != 0)
        cli_table_free(r->table);
    else if (r->table != NULL)
        status = cli_table_print(r->table, title, err);
    else if (r->format == CLI_JSON)
        puts("[]");
    r->table = NULL;
    return status;
}
