/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/query.c: any SELECT, row by row.  Promise: a query changes nothing, whoever wrote it.
 */
#include "store/inside.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* ---- which statements are allowed ------------------------------------------------------------------------------- */

/* Pragmas that only read; the second half takes a table's name. */
static const char *const harmless[] = {"application_id", "user_version", "journal_mode",   "foreign_keys",    "synchronous",
                                       "page_count",     "page_size",    "freelist_count", "compile_options", "table_list",
                                       "table_info",     "table_xinfo",  "index_list"};

static int is_harmless(const char *pragma, const char *argument)
{
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (strcmp(pragma, harmless[i]) == 0)
            return argument == NULL || strncmp(pragma, "table_", 6) == 0 || strncmp(pragma, "index_", 6) == 0;
    return 0;
}

/* Forbids what sqlite3_stmt_readonly lets pass although it changes the connection.  Statements that write are left
 * to that function: here json_each would be refused, since a table-valued function declares its columns by a CREATE
 * TABLE. */
static int reading_only(void *harmless_pragma, int action, const char *a, const char *b, const char *unused,
                        const char *trigger)
{
    (void)unused, (void)trigger;
    switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT: return SQLITE_DENY;
    case SQLITE_PRAGMA:
        *(int *)harmless_pragma = is_harmless(a, b);
        return *(int *)harmless_pragma ? SQLITE_OK : SQLITE_DENY;
    default: return SQLITE_OK;
    }
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

StoreValue store_text_value(const char *text)
{
    if (text == NULL)
        return (StoreValue){.type = STORE_NULL};
    return (StoreValue){.type = STORE_TEXT, .bytes = text, .size = strlen(text)};
}

StoreValue store_integer_value(int64_t number)
{
    return (StoreValue){.type = STORE_INTEGER, .integer = number, .real = (double)number};
}

const char *store_text_of(const StoreValue *v)
{
    return v->type == STORE_TEXT ? v->bytes : "";
}

/* 0, or -1 when there is no memory for a text or a blob. */
static int take_value(StoreValue *value, sqlite3_stmt *statement, int i)
{
    static const unsigned char nothing[1];
    memset(value, 0, sizeof *value);
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_INTEGER:
        value->type = STORE_INTEGER;
        value->integer = sqlite3_column_int64(statement, i);
        value->real = (double)value->integer;
        break;
    case SQLITE_FLOAT:
        value->type = STORE_REAL;
        value->real = sqlite3_column_double(statement, i);
        break;
    case SQLITE_TEXT:
        value->type = STORE_TEXT;
        value->bytes = sqlite3_column_text(statement, i);
        value->size = (size_t)sqlite3_column_bytes(statement, i);
        break;
    case SQLITE_BLOB:
        value->type = STORE_BLOB;
        value->bytes = sqlite3_column_blob(statement, i);
        value->size = (size_t)sqlite3_column_bytes(statement, i);
        if (value->bytes == NULL)
            value->bytes = nothing;
        break;
    default: value->type = STORE_NULL;
    }
    return value->type == STORE_TEXT && value->bytes == NULL ? -1 : 0;
}

static int bind_values(sqlite3_stmt *statement, const StoreValue *args, size_t nargs)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < nargs && code == SQLITE_OK; i++) {
        int at = (int)i + 1;
        switch (args[i].type) {
        case STORE_NULL: code = sqlite3_bind_null(statement, at); break;
        case STORE_INTEGER: code = sqlite3_bind_int64(statement, at, args[i].integer); break;
        case STORE_REAL: code = sqlite3_bind_double(statement, at, args[i].real); break;
        case STORE_TEXT:
            code = sqlite3_bind_text64(statement, at, args[i].bytes, args[i].size, SQLITE_STATIC, SQLITE_UTF8);
            break;
        case STORE_BLOB: code = sqlite3_bind_blob64(statement, at, args[i].bytes, args[i].size, SQLITE_STATIC); break;
        }
    }
    return code;
}

/* Hands the rows out.  -1: SQLite's error is on the connection. */
static int step_rows(sqlite3_stmt *statement, StoreRow row, void *context, const char **names, StoreValue *values)
{
    int columns = sqlite3_column_count(statement), code;
    for (int i = 0; i < columns; i++)
        if ((names[i] = sqlite3_column_name(statement, i)) == NULL)
            return -1;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++)
            if (take_value(&values[i], statement, i) != 0)
                return -1;
        if (row(context, columns, names, values) != 0)
            return 0;
    }
    return code == SQLITE_DONE ? 0 : -1;
}

/* One statement, allowed to read only.  The rest of the text may hold comments, but no second statement. */
static int prepare_reading(Store *s, sqlite3_stmt **statement, const char *sql, int *more)
{
    const char *rest = "";
    sqlite3_stmt *second = NULL;
    int pragma = 0;
    sqlite3_set_authorizer(s->db, reading_only, &pragma);
    int code = sqlite3_prepare_v2(s->db, sql, -1, statement, &rest);
    if (code == SQLITE_OK && *statement != NULL && !pragma && !sqlite3_stmt_readonly(*statement))
        code = SQLITE_AUTH; /* "PRAGMA journal_mode" only looks like writing */
    if (code == SQLITE_ERROR && strncmp(sqlite3_errmsg(s->db), "cannot modify ", 14) == 0)
        code = SQLITE_AUTH; /* a write to a view: for readers the table run is one too (status.c) */
    if (code == SQLITE_OK && *rest != '\0')
        *more = sqlite3_prepare_v2(s->db, rest, -1, &second, NULL) != SQLITE_OK || second != NULL;
    sqlite3_finalize(second);
    sqlite3_set_authorizer(s->db, NULL, NULL);
    return code;
}

/* A query that SQLite cannot prepare; of a misspelt column or table the nearest name is the hint, columns of `runs`
 * first. */
static int wrong_query(Store *s, const char *sql, Error *err)
{
    static const struct {
        const char *complaint, *names[2];
    } kinds[] = {
        {"no such column: ",
         {"SELECT name FROM pragma_table_info('runs')",
          "SELECT DISTINCT c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type IN ('view', "
          "'table')"}},
        {"no such table: ", {"SELECT name FROM sqlite_schema WHERE type = 'view'", "SELECT name FROM sqlite_schema WHERE type = 'table'"}},
    };
    error_set(err, ERR_STORE, "the query is wrong: %s", sqlite3_errmsg(s->db));
    error_where(err, "%.200s", sql);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *at = strstr(err->what, kinds[i].complaint);
        char nearest[128] = "";
        Error ignored = ERROR_NONE;
        for (size_t k = 0; at != NULL && k < 2 && nearest[0] == '\0'; k++)
            if (store_nearest(s, kinds[i].names[k], at + strlen(kinds[i].complaint), nearest, &ignored) != 0)
                return -1;
        if (nearest[0] != '\0')
            error_hint(err, "did you mean '%s'?", nearest);
        else if (at != NULL)
            error_hint(err, "vae-lab sql \"SELECT name, sql FROM sqlite_schema\" prints all tables and views");
    }
    return -1;
}

/* A query writes temporary files alone: where there is no room for them, the database is not to blame. */
static void cannot_read(Store *s, Error *err)
{
    int code = sqlite3_extended_errcode(s->db);
    store_fail(s, err, "read");
    if (code == SQLITE_FULL || code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_GETTEMPPATH || code == SQLITE_CANTOPEN)
        error_hint(err, "a query that sorts or groups much needs temporary files: make room for them, or name another "
                        "folder with SQLITE_TMPDIR=DIR; the database was not changed");
}

int store_query(Store *s, const char *sql, const StoreValue *args, size_t nargs, StoreRow row, void *context,
                Error *err)
{
    sqlite3_stmt *statement = NULL;
    int more = 0, code = prepare_reading(s, &statement, sql, &more);
    if (code != SQLITE_OK) {
        sqlite3_finalize(statement);
        if ((code & 0xff) != SQLITE_ERROR)
            return store_fail_code(s, err, code, sqlite3_errstr(code), "prepare the query");
        return wrong_query(s, sql, err);
    }
    if (statement == NULL || more) {
        error_set(err, ERR_STORE, more ? "one query at a time" : "the query is empty");
        sqlite3_finalize(statement);
        return error_expected(err, "one SELECT");
    }
    int status = -1, columns = sqlite3_column_count(statement);
    const char **names = mem_array((size_t)columns, sizeof *names);
    StoreValue *values = mem_array((size_t)columns, sizeof *values);
    if (names == NULL || values == NULL)
        error_memory(err, "a query's columns");
    else if (bind_values(statement, args, nargs) != SQLITE_OK)
        store_fail(s, err, "bind the query's values");
    else if (step_rows(statement, row, context, names, values) != 0)
        cannot_read(s, err);
    else
        status = 0;
    mem_free(names);
    mem_free(values);
    sqlite3_finalize(statement);
    return status;
}

/* ---- the nearest name ------------------------------------------------------------------------------------------- */

typedef struct NearestText {
    const char *word;
    char *best; /* 128 bytes; "" until one is alike */
} NearestText;

static int take_nearer(void *context, int columns, const char *const *names, const StoreValue *v)
{
    NearestText *n = context;
    (void)columns, (void)names;
    const char *both[2] = {store_text_of(&v[0]), n->best};
    const char *nearest = text_nearest(n->word, both, n->best[0] == '\0' ? 1 : 2);
    if (nearest != NULL && nearest != n->best)
        snprintf(n->best, 128, "%s", nearest);
    return strcmp(n->best, n->word) == 0;
}

int store_nearest(Store *s, const char *sql, const char *word, char nearest[128], Error *err)
{
    NearestText n = {word, nearest};
    nearest[0] = '\0';
    return store_query(s, sql, NULL, 0, take_nearer, &n, err);
}
