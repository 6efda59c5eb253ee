/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_query.c: a query of results.db as a table on standard output.
 */
#include "cli/cli_query.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

StoreValue cli_text_value(const char *text)
{
    return (StoreValue){.type = STORE_TEXT, .bytes = text, .size = strlen(text)};
}

StoreValue cli_integer_value(int64_t number)
{
    return (StoreValue){.type = STORE_INTEGER, .integer = number, .real = (double)number};
}

void cli_heading(const char *title)
{
    printf(cli_colour() ? "\033[1m%s\033[0m\n" : "%s\n", title);
}

/* ---- cells ----------------------------------------------------------------------------------------------------------- */

/* Decimals that a reader wants to see in a column of this name. */
static int decimals_of(const char *column)
{
    static const char *const nats[] = {"elbo", "reconstruction", "kl", "nll"};
    for (size_t i = 0; i < sizeof nats / sizeof nats[0]; i++)
        if (strcmp(column, nats[i]) == 0)
            return 2;
    return strcmp(column, "seconds") == 0 ? 1 : CLI_DIGITS;
}

/* SQLite's texts may hold a zero byte; what follows it is not shown. */
static void add_text(CliTable *t, const char *column, const StoreValue *v, CliFormat format)
{
    char start[16];
    int digest = strcmp(column, "digest") == 0 || strcmp(column, "configuration") == 0 || strcmp(column, "identity") == 0;
    if (format != CLI_TEXT || !digest || v->size <= 12) {
        cli_table_text(t, v->bytes);
        return;
    }
    snprintf(start, sizeof start, "%.12s", (const char *)v->bytes);
    cli_table_text(t, start);
}

static void add_cell(CliTable *t, const char *column, const StoreValue *v, CliFormat format)
{
    char bytes[40];
    switch (v->type) {
    case STORE_NULL: cli_table_null(t); break;
    case STORE_INTEGER: cli_table_integer(t, v->integer); break;
    case STORE_REAL: cli_table_number(t, v->real, decimals_of(column)); break;
    case STORE_TEXT: add_text(t, column, v, format); break;
    case STORE_BLOB:
        snprintf(bytes, sizeof bytes, "(%zu bytes)", v->size);
        cli_table_text(t, bytes);
        break;
    }
}

typedef struct BatchIterator {
    CliTable *table;
    CliFormat format;
    size_t rows;
} BatchIterator;

static int take_row(void *context, int columns, const char *const *names, const StoreValue *values)
{
    BatchIterator *w = context;
    if (w->rows++ == 0)
        w->table = cli_table_alloc(names, (size_t)columns);
    for (int i = 0; i < columns; i++)
        add_cell(w->table, names[i], &values[i], w->format);
    return w->table == NULL;
}

int cli_query(Store *s, CliQuery *q, Error *err)
{
    BatchIterator w = {.format = q->format};
    int status = store_query(s, q->sql, q->args, q->nargs, take_row, &w, err);
    q->rows = w.rows;
    if (status != 0) {
        cli_table_free(w.table);
        cli_query_suggest(s, err);
        return -1;
    }
    if (w.rows == 0) {
        if (q->format == CLI_JSON)
            puts("[]");
        return 0;
    }
    if (q->title != NULL && q->format == CLI_TEXT)
        cli_heading(q->title);
    return cli_table_print(w.table, q->format, err);
}

/* ---- a misspelt column ----------------------------------------------------------------------------------------------- */

typedef struct Nearest {
    const char *word;
    char best[64];
} Nearest;

static int closer(void *context, int columns, const char *const *names, const StoreValue *values)
{
    Nearest *n = context;
    (void)columns, (void)names;
    const char *both[2] = {values[0].bytes, n->best};
    const char *nearest = text_nearest(n->word, both, n->best[0] == '\0' ? 1 : 2);
    if (nearest != NULL && nearest != n->best)
        snprintf(n->best, sizeof n->best, "%s", nearest);
    return 0;
}

void cli_query_suggest(Store *s, Error *err)
{
    static const struct {
        const char *complaint, *sql;
    } kinds[] = {
        {"no such column: ",
         "SELECT DISTINCT c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type IN ('view', 'table') "
         "ORDER BY t.name <> 'runs', c.name"},
        {"no such table: ", "SELECT name FROM sqlite_schema WHERE type IN ('view', 'table')"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *at = strstr(err->what, kinds[i].complaint);
        char word[64];
        Nearest n = {.word = word};
        Error ignored = ERROR_NONE;
        if (at == NULL)
            continue;
        snprintf(word, sizeof word, "%s", at + strlen(kinds[i].complaint));
        if (store_query(s, kinds[i].sql, NULL, 0, closer, &n, &ignored) == 0 && n.best[0] != '\0')
            error_hint(err, "did you mean '%s'?", n.best);
        else
            error_hint(err, "vae-lab sql \"SELECT name, sql FROM sqlite_schema\" shows all tables and views");
    }
}
