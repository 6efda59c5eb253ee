/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/plain.c: copies the record to a database without the newer features of SQLite, and reads it as tables.
 */
#include "store/plain.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/inside.h"

#include <ctype.h>
#include <string.h>

static const char copying[] = "copy the record";

/* ---- the schema, in the SQL of SQLite 3.8 ------------------------------------------------------------------------ */

/* A table's definition without what follows its last parenthesis ("STRICT, WITHOUT ROWID"), and without the type ANY:
 * in a table that is not STRICT it would turn texts of digits into numbers. */
static void plain_table(Text *to, const char *sql)
{
    const char *end = strrchr(sql, ')');
    for (const char *c = sql; *c != '\0' && c <= end; c++) {
        int word =
            c > sql && !isalnum((unsigned char)c[-1]) && strncmp(c, "ANY", 3) == 0 && !isalnum((unsigned char)c[3]);
        if (!word)
            text_add_bytes(to, c, 1);
        c += word ? 2 : 0;
    }
}

/* Whether SQLite 3.8 has all that the definition of a view uses. */
static int old_sql(const char *sql)
{
    static const char *const newer[] = {" OVER ", "->", "iif(", "NULLS ", "FILTER "};
    for (size_t i = 0; i < sizeof newer / sizeof newer[0]; i++)
        if (strstr(sql, newer[i]) != NULL)
            return 0;
    return 1;
}

/* ---- copying ----------------------------------------------------------------------------------------------------- */

/* The record, and the copy that is written. */
typedef struct PlainCopy {
    Store *from;
    Store to;
} PlainCopy;

static int run_sql(PlainCopy *p, const char *sql, Error *err)
{
    return sqlite3_exec(p->to.db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(&p->to, err, copying);
}

static int copy_row(sqlite3_stmt *insert, sqlite3_stmt *row, int columns)
{
    int code = SQLITE_OK;
    for (int i = 0; i < columns && code == SQLITE_OK; i++)
        code = sqlite3_bind_value(insert, i + 1, sqlite3_column_value(row, i));
    if (code == SQLITE_OK)
        code = sqlite3_step(insert) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
    return code == SQLITE_OK ? sqlite3_reset(insert) : code;
}

/* Copies the rows of a table or view of the record to the table of that name. */
static int copy_rows(PlainCopy *p, sqlite3_stmt *rows, const char *name, Error *err)
{
    Text sql = {0};
    int columns = sqlite3_column_count(rows), code = SQLITE_DONE, status = 0;
    text_addf(&sql, "INSERT INTO \"%s\" VALUES (", name);
    for (int i = 0; i < columns; i++)
        text_add(&sql, i == 0 ? "?" : ", ?");
    text_add(&sql, ")");
    sqlite3_stmt *insert =
        sql.failed ? (error_memory(err, "a copy"), NULL) : store_bind(&p->to, err, copying, text_string(&sql), "");
    text_free(&sql);
    if (insert == NULL)
        return -1;
    while (status == 0 && (code = sqlite3_step(rows)) == SQLITE_ROW)
        if (copy_row(insert, rows, columns) != SQLITE_OK)
            status = store_fail(&p->to, err, copying);
    if (status == 0 && code != SQLITE_DONE)
        status = store_fail(p->from, err, copying);
    sqlite3_finalize(insert);
    return status;
}

/* CREATE TABLE for the rows of a view: its columns, without types. */
static void table_of_view(Text *to, const char *name, sqlite3_stmt *rows)
{
    text_addf(to, "CREATE TABLE \"%s\" (", name);
    for (int i = 0; i < sqlite3_column_count(rows); i++)
        text_addf(to, "%s\"%s\"", i == 0 ? "" : ", ", sqlite3_column_name(rows, i));
    text_add(to, ")");
}

/* A table, or a view that becomes one. */
static int copy_table(PlainCopy *p, const char *name, const char *sql, int view, Error *err)
{
    Text select = {0}, create = {0};
    text_addf(&select, "SELECT * FROM \"%s\"", name);
    sqlite3_stmt *rows = select.failed ? (error_memory(err, "a copy"), NULL)
                                       : store_bind(p->from, err, copying, text_string(&select), "");
    if (rows != NULL && view)
        table_of_view(&create, name, rows);
    else
        plain_table(&create, sql);
    int status = rows == NULL    ? -1
                 : create.failed ? error_memory(err, "a copy")
                                 : run_sql(p, text_string(&create), err);
    if (status == 0)
        status = copy_rows(p, rows, name, err);
    sqlite3_finalize(rows);
    text_free(&select);
    text_free(&create);
    return status;
}

static int copy_object(PlainCopy *p, const char *type, const char *name, const char *sql, Error *err)
{
    if (strcmp(type, "table") == 0)
        return copy_table(p, name, sql, 0, err);
    if (strcmp(type, "view") == 0 && !old_sql(sql))
        return copy_table(p, name, sql, 1, err);
    return run_sql(p, sql, err);
}

/* Tables first, then the indices and views on them. */
static int copy_all(PlainCopy *p, Error *err)
{
    sqlite3_stmt *object = store_bind(
        p->from, err, copying,
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "AND type IN ('table', 'index', 'view') ORDER BY type <> 'table', rowid",
        "");
    int status = object == NULL ? -1 : 0, code = SQLITE_DONE;
    while (status == 0 && (code = sqlite3_step(object)) == SQLITE_ROW)
        status = copy_object(p, store_column(object, 0), store_column(object, 1), store_column(object, 2), err);
    if (status == 0 && code != SQLITE_DONE)
        status = store_fail(p->from, err, copying);
    sqlite3_finalize(object);
    return status;
}

/* One snapshot of the record, one transaction of the copy. */
static int copy_record(PlainCopy *p, Error *err)
{
    if (sqlite3_exec(p->from->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return store_fail(p->from, err, copying);
    int status = run_sql(p, "PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL; BEGIN", err);
    if (status == 0)
        status = copy_all(p, err);
    sqlite3_exec(p->from->db, "ROLLBACK", NULL, NULL, NULL); /* it has only read */
    return status == 0 ? run_sql(p, "COMMIT", err) : -1;
}

int store_plain_copy(Store *s, const char *path, Error *err)
{
    PlainCopy p = {.from = s};
    if ((p.to.path = mem_string(path)) == NULL)
        return error_memory(err, "a copy");
    int code = sqlite3_open_v2(path, &p.to.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    int status = p.to.db == NULL     ? error_memory(err, "a copy")
                 : code != SQLITE_OK ? store_fail(&p.to, err, copying)
                                     : 0;
    if (status == 0)
        status = copy_record(&p, err);
    if (sqlite3_close(p.to.db) != SQLITE_OK && status == 0)
        status = store_fail(&p.to, err, copying);
    mem_free(p.to.path);
    return status;
}

/* ---- tables for people ------------------------------------------------------------------------------------------- */

/* Values that are not finite are spelt: a view has NULL for them. */
#define VALUES(condition)                                                                                              \
    "SELECT r.id AS run, e.name AS experiment, k.label AS label, r.seed AS seed, n.name AS metric, m.step AS step, "   \
    "coalesce(m.value, m.kind) AS value FROM member k JOIN run r ON r.id = k.run JOIN experiment e ON e.id = "         \
    "k.experiment JOIN metric m ON m.run = r.id JOIN metric_name n ON n.id = m.metric WHERE r.superseded_by IS NULL "  \
    "AND " condition " ORDER BY r.id, e.name, n.name, m.step"

static const struct {
    const char *name, *sql;
} tables[STORE_TABLES] = {
    [STORE_TABLE_RUNS] = {"runs", "SELECT * FROM runs ORDER BY id, experiment"},
    [STORE_TABLE_CURVES] = {"curves", VALUES("m.step >= 1")},
    [STORE_TABLE_LAST_VALUES] =
        {"last_values", VALUES("m.step = (SELECT max(step) FROM metric WHERE run = m.run AND metric = m.metric)")},
    [STORE_TABLE_SETTINGS] =
        {"settings", "SELECT s.run AS run, e.name AS experiment, k.label AS label, s.name AS name, "
                     "s.value AS value FROM setting s JOIN experiment e ON e.id = s.experiment JOIN member k ON "
                     "k.run = s.run AND k.experiment = s.experiment JOIN run r ON r.id = s.run WHERE "
                     "r.superseded_by IS NULL ORDER BY s.run, e.name, s.name"},
    [STORE_TABLE_SUMMARY] = {"summary", "SELECT * FROM summary ORDER BY experiment, label, metric, configuration"},
    [STORE_TABLE_CLAIMS] = {"claims", "SELECT * FROM claims ORDER BY experiment, sweep, position"},
};

const char *store_table_name(StoreTable table)
{
    return tables[table].name;
}

int store_table_read(Store *s, StoreTable table, StoreRow header, StoreRow row, void *context, Error *err)
{
    enum { COLUMNS = 64 };
    const char *name[COLUMNS];
    sqlite3_stmt *statement = store_bind(s, err, "read a table", tables[table].sql, "");
    if (statement == NULL)
        return -1;
    int columns = sqlite3_column_count(statement) < COLUMNS ? sqlite3_column_count(statement) : COLUMNS;
    for (int i = 0; i < columns; i++)
        name[i] = sqlite3_column_name(statement, i);
    header(context, columns, name, NULL);
    sqlite3_finalize(statement);
    return store_query(s, tables[table].sql, NULL, 0, row, context, err);
}
