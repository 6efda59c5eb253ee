/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/rows.h: rows of results.db as a table on standard output.
 */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "cli/table.h"
#include "store/store.h"

typedef struct CliRows {
    CliFormat format;
    CliTable *table; /* NULL until the first row */
    int failed;      /* out of memory: rows are missing */
} CliRows;

/* A StoreRow, its context a CliRows: adds a row to the table.  For people numbers are rounded by what their column
 * is (nats to two decimals) and digests are cut to 12 digits. */
int cli_rows_take(void *context, int columns, const char *const *names, const StoreValue *values);

/* Prints the table where the reader succeeded (status 0), and frees it.  Without a row nothing is printed but JSON's
 * "[]".  [OUT] *count, where it is not NULL: the rows. */
int cli_rows_print(CliRows *r, int status, const char *title, size_t *count, Error *err);

#endif
