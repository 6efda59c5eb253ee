/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/schema.c: the SQL that makes a database and brings an older one up to date.
 *
 * To change the tables: add schema_N.sql, which brings version N - 1 to N; released files stay as they are.  To
 * change a view: edit schema_views.sql and add a schema_N.sql all the same.  Files are taken in the order of their
 * names, the views last: after schema_9.sql comes schema_a.sql.
 */
#include "store/inside.h"

/* A schema is longer than the 4095 characters that C asks every compiler to take; all compilers here take it. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* sql[v]: from version v to v + 1; the last one: the views. */
static const char *const sql[] = {
#include "schema.inc"
};

const int store_schema_version = (int)(sizeof sql / sizeof sql[0]) - 1;

const char *store_schema_sql(int version)
{
    return sql[version];
}
