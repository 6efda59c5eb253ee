/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/table.c: rows on standard output.  libsmartcols aligns what people read: it knows how wide a character is on a
 * terminal and prints control characters, which could steer one, as \x1b.
 *
 * Promise: JSON and CSV carry every digit and every column, and are never cut; what people see fits their terminal.
 * libsmartcols 2.38 keeps neither half alone: its JSON turns an empty text into null, prints nan bare and column
 * names in lower case, and it has no CSV; on a narrow terminal it leaves columns out without saying so.
 */
#include "cli/table.h"

#include "base/mem.h"
#include "base/terminal.h"
#include "num/fpenv.h"

#include <errno.h>
#include <libsmartcols.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct CliTable {
    CliFormat format;
    size_t columns, cells; /* cells so far, without the names */
    char **name;
    Text out;                    /* JSON or CSV so far */
    struct libscols_table *grid; /* CLI_TEXT */
    struct libscols_line *line;
    unsigned char *kinds; /* of each column: bit 0: has numbers, bit 1: has words */
    int failed;
};

/* ---- JSON and CSV ----------------------------------------------------------------------------------------------- */

void cli_json_value(Text *t, const StoreValue *v)
{
    switch (v->type) {
    case STORE_INTEGER: text_addf(t, "%lld", (long long)v->integer); break;
    case STORE_REAL: /* JSON has no word for what is not finite: a text then */
        text_add(t, isfinite(v->real) ? "" : "\"");
        text_add_number(t, v->real);
        text_add(t, isfinite(v->real) ? "" : "\"");
        break;
    case STORE_TEXT: text_add_json(t, v->bytes); break;
    default: text_add(t, "null");
    }
}

static void add_json(CliTable *t, const StoreValue *v)
{
    size_t column = t->cells % t->columns;
    text_add(&t->out, column > 0 ? ", " : t->cells > 0 ? ",\n {" : "\n {");
    text_add_json(&t->out, t->name[column]);
    text_add(&t->out, ": ");
    cli_json_value(&t->out, v);
    text_add(&t->out, column + 1 == t->columns ? "}" : "");
}

static void add_csv_text(Text *t, const char *field)
{
    const char *quote = strpbrk(field, ",\"\r\n") == NULL ? "" : "\"";
    text_add(t, quote);
    for (const char *c = field; *c != '\0'; c++)
        text_add_bytes(t, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    text_add(t, quote);
}

void cli_csv_value(Text *t, const StoreValue *v)
{
    switch (v->type) {
    case STORE_INTEGER: text_addf(t, "%lld", (long long)v->integer); break;
    case STORE_REAL: text_add_number(t, v->real); break;
    case STORE_TEXT: add_csv_text(t, v->bytes); break;
    default: break;
    }
}

static void add_csv(CliTable *t, const StoreValue *v, size_t column)
{
    cli_csv_value(&t->out, v);
    text_add(&t->out, column + 1 == t->columns ? "\n" : ",");
}

/* ---- for people ------------------------------------------------------------------------------------------------- */

static void spell_number(char *text, size_t size, double value, int decimals)
{
    Text shortest = {0};
    num_fpenv_set(); /* the C library rounds decimal text as this thread rounds */
    if (decimals >= 0 && isfinite(value)) {
        snprintf(text, size, "%.*f", decimals > 20 ? 20 : decimals, value);
    } else if (decimals == CLI_DIGITS && isfinite(value)) {
        snprintf(text, size, "%.6g", value);
    } else {
        text_add_number(&shortest, value);
        snprintf(text, size, "%s", shortest.failed ? "?" : text_string(&shortest));
        text_free(&shortest);
    }
}

static void add_text(CliTable *t, const StoreValue *v, size_t column, int decimals)
{
    char number[400];
    const char *shown = v->type == STORE_TEXT ? v->bytes : v->type == STORE_NULL ? "-" : number;
    if (v->type == STORE_INTEGER)
        snprintf(number, sizeof number, "%lld", (long long)v->integer);
    else if (v->type == STORE_REAL)
        spell_number(number, sizeof number, v->real, decimals);
    if (column == 0)
        t->line = scols_table_new_line(t->grid, NULL);
    if (t->line == NULL || scols_line_set_data(t->line, column, shown) != 0)
        t->failed = 1;
}

/* ---- filling ---------------------------------------------------------------------------------------------------- */

static void add(CliTable *t, const StoreValue *v, int decimals)
{
    if (t == NULL || t->failed)
        return;
    size_t column = t->cells % t->columns;
    if (t->format == CLI_JSON)
        add_json(t, v);
    else if (t->format == CLI_CSV)
        add_csv(t, v, column);
    else
        add_text(t, v, column, decimals);
    t->kinds[column] |= v->type == STORE_TEXT ? 2 : v->type == STORE_NULL ? 0 : 1;
    t->cells++;
    t->failed |= t->out.failed;
}

static int make_grid(CliTable *t)
{
    if ((t->grid = scols_new_table()) == NULL || scols_table_set_column_separator(t->grid, "  ") != 0)
        return -1;
    /* it would cut columns; drop_columns leaves whole ones out */
    scols_table_set_termforce(t->grid, SCOLS_TERMFORCE_NEVER);
    for (size_t i = 0; i < t->columns; i++) {
        struct libscols_column *c = scols_table_new_column(t->grid, t->name[i], 0, 0);
        if (c == NULL || (cli_colour() && scols_cell_set_color(scols_column_get_header(c), "\033[1m") != 0))
            return -1;
    }
    scols_table_enable_colors(t->grid, cli_colour());
    return 0;
}

CliTable *cli_table_alloc(CliFormat format, const char *const *columns, size_t count)
{
    CliTable *t = mem_alloc(sizeof *t);
    if (t == NULL)
        return NULL;
    *t = (CliTable){.format = format, .columns = count};
    t->name = mem_array(count, sizeof *t->name);
    t->kinds = mem_array(count, 1);
    t->failed = t->name == NULL || t->kinds == NULL;
    for (size_t i = 0; i < count && !t->failed; i++) {
        t->failed = (t->name[i] = mem_string(columns[i])) == NULL;
        if (format == CLI_CSV && !t->failed)
            add_csv(t, &(StoreValue){.type = STORE_TEXT, .bytes = columns[i]}, i);
    }
    if (!t->failed && format == CLI_TEXT)
        t->failed = make_grid(t) != 0;
    if (format == CLI_JSON)
        text_add(&t->out, "[");
    return t;
}

void cli_table_free(CliTable *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; t->name != NULL && i < t->columns; i++)
        mem_free(t->name[i]);
    mem_free(t->name);
    mem_free(t->kinds);
    scols_unref_table(t->grid);
    text_free(&t->out);
    mem_free(t);
}

size_t cli_table_rows(const CliTable *t)
{
    return t == NULL ? 0 : t->cells / t->columns;
}

int cli_table_is_empty(const CliTable *t)
{
    return t != NULL && !t->failed && t->cells == 0;
}

void cli_table_text(CliTable *t, const char *value)
{
    add(t, &(StoreValue){.type = value == NULL ? STORE_NULL : STORE_TEXT, .bytes = value}, 0);
}

void cli_table_integer(CliTable *t, long long value)
{
    add(t, &(StoreValue){.type = STORE_INTEGER, .integer = value}, 0);
}

void cli_table_number(CliTable *t, double value, int decimals)
{
    add(t, &(StoreValue){.type = STORE_REAL, .real = value}, decimals);
}

void cli_table_number_or_null(CliTable *t, double value, int decimals)
{
    add(t, &(StoreValue){.type = isnan(value) ? STORE_NULL : STORE_REAL, .real = value}, decimals);
}

void cli_table_null(CliTable *t)
{
    add(t, &(StoreValue){.type = STORE_NULL}, 0);
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

int cli_colour(void)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && (none == NULL || none[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

void cli_heading(const char *title)
{
    printf(cli_colour() ? "\033[1m%s\033[0m\n" : "%s\n", title);
}

/* Hides the last columns until the others fit the terminal; at least one stays.  Returns how many stay.  The widths
 * are known once the table has been printed into a string. */
static size_t drop_columns(CliTable *t, size_t terminal)
{
    char *printed = NULL;
    size_t used = 0, n = 0;
    if (terminal == 0)
        return t->columns;
    errno = 0;
    if (scols_print_table_to_string(t->grid, &printed) != 0 || errno == ENOMEM)
        t->failed = 1;
    free(printed);
    for (; n < t->columns; n++) {
        used += scols_column_get_width(scols_table_get_column(t->grid, n)) + (n == 0 ? 0 : 2);
        if (used > terminal && n > 0)
            break;
    }
    for (size_t i = n; i < t->columns; i++)
        scols_column_set_flags(scols_table_get_column(t->grid, i), SCOLS_FL_HIDDEN);
    return n;
}

static void print_text(CliTable *t)
{
    for (size_t i = 0; i < t->columns; i++) /* a column of numbers alone is aligned to the right */
        if (t->kinds[i] == 1)
            scols_column_set_flags(scols_table_get_column(t->grid, i), SCOLS_FL_RIGHT);
    size_t n = drop_columns(t, (size_t)terminal_columns(STDOUT_FILENO));
    fflush(stdout);
    /* out of memory for a cell's text, libsmartcols 2.38 prints an empty cell and reports success: only errno tells */
    errno = 0;
    if (scols_print_table(t->grid) != 0 || errno == ENOMEM)
        t->failed = 1;
    fflush(stdout);
    for (size_t i = n; i < t->columns; i++)
        fprintf(stderr, "%s%s", i == n ? "too wide for this terminal, not shown: " : ", ", t->name[i]);
    if (n < t->columns)
        fprintf(stderr, " (--json and --csv print all columns)\n");
}

int cli_table_print(CliTable *t, const char *title, Error *err)
{
    if (t == NULL)
        return error_memory(err, "a table");
    if (!t->failed && t->format == CLI_TEXT) {
        if (title != NULL)
            cli_heading(title);
        print_text(t);
    } else if (!t->failed) {
        fputs(text_string(&t->out), stdout);
        fputs(t->format == CLI_JSON ? "\n]\n" : "", stdout);
    }
    int failed = t->failed;
    cli_table_free(t);
    return failed ? error_memory(err, "a table") : 0;
}
