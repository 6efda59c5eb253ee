/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_query.h: a query of results.db as a table on standard output.
 */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

#include "cli/cli.h"
#include "store/store.h"

typedef struct CliQuery {
    const char *title; /* printed before the table, for people only; NULL: none */
    const char *sql;
    const StoreValue *args; /* bound to ?1, ?2 … */
    size_t nargs;
    CliFormat format;
    size_t rows; /* [OUT] */
} CliQuery;

/* Runs and prints it; without rows nothing but JSON's "[]" is printed.  Numbers that people read are rounded by what their column
 * is: nats to two decimals; digests are cut to 12 digits. */
int cli_query(Store *s, CliQuery *q, Error *err);

/* Adds to an error that SQLite does not know a column the nearest of the view `runs` and its kin. */
void cli_query_suggest(Store *s, Error *err);

/* A value for store_query's arguments. */
StoreValue cli_text_value(const char *text);
StoreValue cli_integer_value(int64_t number);

/* A heading, bold on a terminal. */
void cli_heading(const char *title);

#endif
