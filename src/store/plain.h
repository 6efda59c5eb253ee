/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/plain.h: the whole record for other programs: a database that SQLite from 3.8.3 on reads, and rows for
 * spreadsheets.
 */
#ifndef STORE_PLAIN_H
#define STORE_PLAIN_H

#include "store/store.h"

/* Writes a copy of the record to a new file: the same tables and rows without STRICT, WITHOUT ROWID and the type ANY
 * (SQLite 3.37), the same views; a view with window functions (SQLite 3.25) becomes a table of its rows.  vae-lab does
 * not open it: it is no results.db. */
int store_plain_copy(Store *s, const char *path, Error *err);

/* The record as tables for people. */
typedef enum {
    STORE_TABLE_RUNS,   /* the view `runs` */
    STORE_TABLE_CURVES, /* run, experiment, label, seed, metric, step, value: 'nan', 'inf', '-inf' where not finite */
    STORE_TABLE_LAST_VALUES, /* the same with the last value of each metric */
    STORE_TABLE_SETTINGS,    /* run, experiment, label, name, value */
    STORE_TABLE_SUMMARY,     /* the view `summary` */
    STORE_TABLE_CLAIMS,      /* the view `claims` */
    STORE_TABLES
} StoreTable;

const char *store_table_name(StoreTable table); /* "runs" */

/* Calls `header` once with the names of the columns (values: NULL), then `row` for each row. */
int store_table_read(Store *s, StoreTable table, StoreRow header, StoreRow row, void *context, Error *err);

#endif
