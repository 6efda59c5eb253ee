/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/schema.c: the texts that bring a database from each version to the next.  To change the schema: add a file
 * schema_N.sql, which brings version N - 1 to N, and N in inside.h; what is released stays as it is.  They are taken in the order of
 * their names: before there are ten, call the next schema_a.sql, or sort them otherwise in the Makefile.
 */
#include "store/inside.h"

/* A schema is longer than the 4095 characters that C asks every compiler to take; all compilers here take it. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* migration[v]: from version v to v + 1: schema.sql, schema_2.sql … */
static const char *const migration[] = {
#include "schema.inc"
};

_Static_assert(sizeof migration / sizeof migration[0] == STORE_SCHEMA_VERSION, "one migration a version");

const char *store_migration(int version)
{
    return migration[version];
}
