/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/table.h: rows on standard output, aligned for people (libsmartcols), or as JSON or CSV for programs.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/error.h"
#include "base/text.h"
#include "store/store.h"

#include <stddef.h>

typedef enum { CLI_TEXT, CLI_JSON, CLI_CSV } CliFormat;
typedef struct CliTable CliTable;

/* Columns may be right-aligned: those of numbers.  NULL: no memory. */
CliTable *cli_table_alloc(CliFormat format, const char *const *columns, size_t count);
void cli_table_free(CliTable *t);

/* One cell of the current row, left to right; a row ends by itself.  Texts are copied.  All of these take NULL for
 * t, and remember a failed allocation: cli_table_print reports it. */
void cli_table_text(CliTable *t, const char *value); /* NULL: as cli_table_null */
void cli_table_integer(CliTable *t, long long value);
enum { CLI_SHORTEST = -1, CLI_DIGITS = -2 /* six significant digits */ };
/* For people with so many decimals; JSON and CSV have every digit. */
void cli_table_number(CliTable *t, double value, int decimals);
void cli_table_number_or_null(CliTable *t, double value, int decimals); /* NaN: as cli_table_null */
void cli_table_null(CliTable *t);                                       /* "-", empty in CSV, null in JSON */

/* Rows so far. */
size_t cli_table_rows(const CliTable *t);
/* Whether a table has no rows.  One that lacks rows for want of memory is not empty: cli_table_print reports it. */
int cli_table_is_empty(const CliTable *t);

/* Prints and frees it; for people `title` is printed above it, unless it is NULL.  A table that is wider than the
 * terminal is printed without its last columns, which standard error names; piped output has all columns. */
int cli_table_print(CliTable *t, const char *title, Error *err);

/* A heading, bold on a terminal. */
void cli_heading(const char *title);

/* Whether standard output may be coloured: a terminal, no NO_COLOR, not a dumb one. */
int cli_colour(void);

/* Adds a value as a field of CSV (RFC 4180), every digit. */
void cli_csv_value(Text *t, const StoreValue *v);

/* Adds a value as JSON.  SQLite's own JSON functions print 15 digits of a number; this prints all. */
void cli_json_value(Text *t, const StoreValue *v);

#endif
