/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_table.c: rows on standard output, aligned for people, or as JSON or CSV for programs.
 *
 * Promise: JSON and CSV carry every digit and every column, and are never cut; what people see fits their terminal.
 */
#include "cli/cli.h"

#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef enum { NOTHING, WORD, NUMBER } Kind;

/* Both spellings lie in the table's one text, each with its terminator. */
typedef struct Cell {
    size_t shown, full;
    Kind kind;
} Cell;

struct CliTable {
    size_t columns, cells, capacity;
    Cell *cell; /* the first row is the columns' names */
    Text text;
    int failed;
};

/* ---- filling --------------------------------------------------------------------------------------------------------- */

static size_t keep(CliTable *t, const char *string)
{
    size_t at = t->text.length;
    text_add_bytes(&t->text, string, strlen(string) + 1);
    return at;
}

static void add(CliTable *t, Kind kind, const char *shown, const char *full)
{
    if (t == NULL || t->failed)
        return;
    if (t->cells == t->capacity) {
        size_t capacity = t->capacity * 2 + 64;
        Cell *cell = mem_grow(t->cell, t->capacity * sizeof *cell, capacity * sizeof *cell);
        if (cell == NULL) {
            t->failed = 1;
            return;
        }
        t->cell = cell;
        t->capacity = capacity;
    }
    Cell c = {.kind = kind, .shown = keep(t, shown)};
    c.full = full == shown ? c.shown : keep(t, full);
    t->cell[t->cells++] = c;
    t->failed = t->text.failed;
}

CliTable *cli_table_alloc(const char *const *columns, size_t count)
{
    CliTable *t = mem_alloc(sizeof *t);
    if (t == NULL)
        return NULL;
    t->columns = count;
    for (size_t i = 0; i < count; i++)
        add(t, WORD, columns[i], columns[i]);
    return t;
}

void cli_table_free(CliTable *t)
{
    if (t == NULL)
        return;
    mem_free(t->cell);
    text_free(&t->text);
    mem_free(t);
}

size_t cli_table_rows(const CliTable *t)
{
    return t == NULL || t->cells < t->columns ? 0 : t->cells / t->columns - 1;
}

/* Text that goes to a terminal carries no control characters. */
void cli_table_text(CliTable *t, const char *value)
{
    char *clean = mem_string(value);
    if (clean == NULL && t != NULL)
        t->failed = 1;
    if (clean == NULL)
        return;
    for (char *c = clean; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    add(t, WORD, clean, value);
    mem_free(clean);
}

void cli_table_number(CliTable *t, double value, int decimals)
{
    char shown[400];
    Text full = {0};
    text_add_number(&full, value);
    if (decimals >= 0 && isfinite(value))
        snprintf(shown, sizeof shown, "%.*f", decimals > 20 ? 20 : decimals, value);
    else if (decimals == CLI_DIGITS && isfinite(value))
        snprintf(shown, sizeof shown, "%.6g", value);
    else
        snprintf(shown, sizeof shown, "%s", text_string(&full));
    if (full.failed && t != NULL)
        t->failed = 1;
    add(t, NUMBER, shown, text_string(&full));
    text_free(&full);
}

void cli_table_integer(CliTable *t, long long value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", value);
    add(t, NUMBER, digits, digits);
}

void cli_table_null(CliTable *t)
{
    add(t, NOTHING, "-", "");
}

/* ---- JSON and CSV ---------------------------------------------------------------------------------------------------- */

static const char *full(const CliTable *t, const Cell *c)
{
    return t->text.data + c->full;
}

/* JSON has no word for what is not finite: a text then. */
static int json_number(const char *digits)
{
    return strspn(digits, "+-0123456789.eE") == strlen(digits);
}

static int print_json(const CliTable *t)
{
    size_t rows = cli_table_rows(t);
    Text out = {0};
    putchar('[');
    for (size_t r = 1; r <= rows; r++) {
        text_free(&out);
        for (size_t i = 0; i < t->columns; i++) {
            const Cell *c = &t->cell[r * t->columns + i];
            text_add(&out, i == 0 ? "{" : ", ");
            text_add_json(&out, full(t, &t->cell[i]));
            text_add(&out, ": ");
            if (c->kind == NOTHING)
                text_add(&out, "null");
            else if (c->kind == NUMBER && json_number(full(t, c)))
                text_add(&out, full(t, c));
            else
                text_add_json(&out, full(t, c));
        }
        if (out.failed)
            return -1;
        printf("%s\n %s}", r == 1 ? "" : ",", text_string(&out));
    }
    puts("\n]");
    text_free(&out);
    return 0;
}

static void print_csv_field(const char *field)
{
    if (strpbrk(field, ",\"\r\n") == NULL) {
        fputs(field, stdout);
        return;
    }
    putchar('"');
    for (const char *c = field; *c != '\0'; c++) {
        if (*c == '"')
            putchar('"');
        putchar(*c);
    }
    putchar('"');
}

static void print_csv(const CliTable *t)
{
    for (size_t i = 0; i < t->cells; i++) {
        print_csv_field(full(t, &t->cell[i]));
        putchar((i + 1) % t->columns == 0 ? '\n' : ',');
    }
}

/* ---- for people ------------------------------------------------------------------------------------------------------ */

int cli_width(void)
{
    const char *wish = getenv("COLUMNS");
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return 0;
    if (wish != NULL && atoi(wish) > 0)
        return atoi(wish);
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int cli_colour(void)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && (none == NULL || none[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

/* Code points; enough for the letters that occur here. */
static size_t display_width(const char *string)
{
    size_t n = 0;
    for (; *string != '\0'; string++)
        n += ((unsigned char)*string & 0xc0) != 0x80;
    return n;
}

/* A column of numbers stands to the right. */
static int column_shape(const CliTable *t, size_t column, size_t *width)
{
    int numbers = 0, words = 0;
    *width = 0;
    for (size_t i = column; i < t->cells; i += t->columns) {
        size_t w = display_width(t->text.data + t->cell[i].shown);
        *width = w > *width ? w : *width;
        if (i >= t->columns) {
            numbers += t->cell[i].kind == NUMBER;
            words += t->cell[i].kind == WORD;
        }
    }
    return numbers > 0 && words == 0;
}

/* How many of the first columns fit; at least one. */
static size_t columns_that_fit(const size_t *width, size_t columns, size_t terminal)
{
    size_t used = 0, n = 0;
    for (; n < columns; n++) {
        used += width[n] + (n == 0 ? 0 : 2);
        if (terminal > 0 && used > terminal)
            break;
    }
    return n == 0 ? 1 : n;
}

static void print_row(const CliTable *t, const Cell *row, size_t n, const size_t *width, const int *right)
{
    for (size_t i = 0; i < n; i++) {
        const char *string = t->text.data + row[i].shown;
        int pad = (int)(width[i] - display_width(string));
        if (i > 0)
            fputs("  ", stdout);
        if (right[i])
            printf("%*s%s", pad, "", string);
        else
            printf("%s%*s", string, i + 1 == n ? 0 : pad, "");
    }
}

static void say_what_is_missing(const CliTable *t, size_t shown)
{
    fprintf(stderr, "not shown, for want of room:");
    for (size_t i = shown; i < t->columns; i++)
        fprintf(stderr, "%s %s", i == shown ? "" : ",", t->text.data + t->cell[i].shown);
    fprintf(stderr, " (--json and --csv carry all columns)\n");
}

static int print_text(const CliTable *t)
{
    size_t *width = mem_array(t->columns, sizeof *width);
    int *right = mem_array(t->columns, sizeof *right);
    if (width == NULL || right == NULL) {
        mem_free(width);
        mem_free(right);
        return -1;
    }
    for (size_t i = 0; i < t->columns; i++)
        right[i] = column_shape(t, i, &width[i]);
    size_t n = columns_that_fit(width, t->columns, (size_t)cli_width()), rows = cli_table_rows(t);
    const char *bold = cli_colour() ? "\033[1m" : "", *plain = cli_colour() ? "\033[0m" : "";
    for (size_t r = 0; r <= rows; r++) {
        fputs(r == 0 ? bold : "", stdout);
        print_row(t, t->cell + r * t->columns, n, width, right);
        puts(r == 0 ? plain : "");
    }
    if (n < t->columns) {
        fflush(stdout);
        say_what_is_missing(t, n);
    }
    mem_free(width);
    mem_free(right);
    return 0;
}

int cli_table_print(CliTable *t, CliFormat format, Error *err)
{
    if (t == NULL)
        return error_memory(err, "a table");
    int failed = t->failed;
    if (!failed && format == CLI_JSON)
        failed = print_json(t) != 0;
    else if (!failed && format == CLI_CSV)
        print_csv(t);
    else if (!failed)
        failed = print_text(t) != 0;
    cli_table_free(t);
    return failed ? error_memory(err, "a table") : 0;
}

int cli_format(int json, int csv, CliFormat *format, Error *err)
{
    *format = json ? CLI_JSON : csv ? CLI_CSV : CLI_TEXT;
    if (json && csv)
        return error_set(err, ERR_USAGE, "--json and --csv exclude each other");
    return 0;
}
