/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/store.c: statements, transactions, and SQLite's errors in this project's words.
 */
#include "store/inside.h"

#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- errors ----------------------------------------------------------------------------------------------------- */

static int damaged(Store *s, Error *err, const char *message)
{
    error_set(err, ERR_STORE, "the database is damaged");
    error_where(err, "%s", s->path);
    error_found(err, "%s", message);
    return error_hint(err, "restore a copy, or recover what is readable: sqlite3 '%s' .recover | sqlite3 recovered.db",
                      s->path);
}

/* SQLite's result codes in our words.  The first row is used for codes that are not listed. */
static const struct {
    int code;
    const char *what, *hint;
} failures[] = {
    {SQLITE_ERROR, "the database refused", ""},
    {SQLITE_BUSY, "the database is locked",
     "another program is writing to it (an open sqlite3 shell?); close it, and repeat the command"},
    {SQLITE_LOCKED, "the database is locked",
     "another program is writing to it (an open sqlite3 shell?); close it, and repeat the command"},
    {SQLITE_FULL, "the disk is full",
     "everything committed before is safe; make room, and repeat the command: it resumes from there"},
    {SQLITE_IOERR, "the file system failed",
     "is the disk full, or over its quota?  everything committed before is safe; make room, and repeat the command"},
    {SQLITE_READONLY, "the database cannot be written",
     "make the file and its folder writable, or work on a copy (--db FILE)"},
    {SQLITE_PERM, "the database cannot be written",
     "make the file and its folder writable, or work on a copy (--db FILE)"},
    {SQLITE_TOOBIG, "a value is too large", ""},
};

static int cannot(Store *s, Error *err, int code, const char *message, const char *doing)
{
    int kind = code & 0xff, errnum = s->db == NULL ? 0 : sqlite3_system_errno(s->db);
    size_t i = sizeof failures / sizeof failures[0] - 1;
    while (i > 0 && failures[i].code != kind)
        i--;
    error_set(err, ERR_STORE, "%s: cannot %s", failures[i].what, doing);
    error_where(err, "%s", s->path);
    error_hint(err, "%s", failures[i].hint);
    if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED)
        return error_found(err, "%s, after waiting %.1f s", message, s->timeout_ms / 1000.0);
    if ((kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) && errnum != 0)
        return error_found(err, "%s (SQLite code %d: %s)", message, code, strerror(errnum));
    if (kind == SQLITE_TOOBIG)
        error_expected(err, "at most %d bytes in one value", sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, -1));
    return i > 0 && kind != SQLITE_IOERR ? error_found(err, "%s", message)
                                         : error_found(err, "%s (SQLite code %d)", message, code);
}

int store_fail_code(Store *s, Error *err, int code, const char *message, const char *doing)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM: return error_memory(err, "the database");
    case SQLITE_CORRUPT: return damaged(s, err, message);
    case SQLITE_NOTADB:
        error_set(err, ERR_STORE, "this file is not a SQLite database");
        error_where(err, "%s", s->path);
        return error_hint(err, "give another file with --db FILE or VAE_LAB_DB");
    case SQLITE_AUTH:
        error_set(err, ERR_STORE, "only queries are allowed here");
        error_where(err, "%s", s->path);
        error_found(err, "a statement that may change the database");
        error_expected(err, "a SELECT");
        return error_hint(err, "change a copy, with the sqlite3 shell");
    default: return cannot(s, err, code, message, doing);
    }
}

int store_fail(Store *s, Error *err, const char *doing)
{
    return store_fail_code(s, err, sqlite3_extended_errcode(s->db), sqlite3_errmsg(s->db), doing);
}

/* ---- statements ------------------------------------------------------------------------------------------------- */

static int bind_number(sqlite3_stmt *statement, int i, double value)
{
    if (isnan(value))
        return sqlite3_bind_text(statement, i, "nan", -1, SQLITE_STATIC);
    if (isinf(value))
        return sqlite3_bind_text(statement, i, value > 0 ? "inf" : "-inf", -1, SQLITE_STATIC);
    if (fabs(value) < 9007199254740992.0 && value == (double)(int64_t)value)
        return sqlite3_bind_int64(statement, i, (int64_t)value);
    return sqlite3_bind_double(statement, i, value);
}

static int bind_unsigned(sqlite3_stmt *statement, int i, uint64_t value)
{
    if (value <= INT64_MAX)
        return sqlite3_bind_int64(statement, i, (int64_t)value);
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    return sqlite3_bind_text(statement, i, digits, -1, SQLITE_TRANSIENT);
}

int store_bind_param(sqlite3_stmt *statement, int at, const StoreParam *p)
{
    return p->text != NULL ? sqlite3_bind_text(statement, at, p->text, -1, SQLITE_STATIC)
                           : bind_number(statement, at, p->number);
}

static int bind_list(sqlite3_stmt *statement, const char *types, va_list list)
{
    for (int i = 1; types[i - 1] != '\0'; i++) {
        int code = SQLITE_MISUSE;
        switch (types[i - 1]) {
        case 'i': code = sqlite3_bind_int64(statement, i, va_arg(list, int64_t)); break;
        case 'u': code = bind_unsigned(statement, i, va_arg(list, uint64_t)); break;
        case 'p': code = store_bind_param(statement, i, va_arg(list, const StoreParam *)); break;
        case 't': code = sqlite3_bind_text(statement, i, va_arg(list, const char *), -1, SQLITE_STATIC); break;
        case 'd': {
            double value = va_arg(list, double);
            code = isfinite(value) ? sqlite3_bind_double(statement, i, value) : sqlite3_bind_null(statement, i);
            break;
        }
        case 'b': {
            const void *bytes = va_arg(list, const void *);
            size_t size = va_arg(list, size_t);
            code = sqlite3_bind_blob64(statement, i, bytes == NULL ? "" : bytes, size, SQLITE_STATIC);
            break;
        }
        }
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

static sqlite3_stmt *bind_va(Store *s, Error *err, const char *doing, const char *sql, const char *types, va_list list)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        store_fail(s, err, doing);
        return NULL;
    }
    int code = bind_list(statement, types, list);
    if (code != SQLITE_OK) {
        store_fail_code(s, err, code, sqlite3_errstr(code), doing);
        sqlite3_finalize(statement);
        return NULL;
    }
    return statement;
}

sqlite3_stmt *store_bind(Store *s, Error *err, const char *doing, const char *sql, const char *types, ...)
{
    va_list list;
    va_start(list, types);
    sqlite3_stmt *statement = bind_va(s, err, doing, sql, types, list);
    va_end(list);
    return statement;
}

int store_step(Store *s, sqlite3_stmt *statement, int last, const char *doing, Error *err)
{
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        ;
    int status = code == SQLITE_DONE ? 0 : store_fail(s, err, doing);
    if (last)
        sqlite3_finalize(statement);
    else
        sqlite3_reset(statement);
    return status;
}

const char *store_column(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text == NULL ? "" : text;
}

int store_do(Store *s, Error *err, const char *doing, const char *sql, const char *types, ...)
{
    va_list list;
    va_start(list, types);
    sqlite3_stmt *statement = bind_va(s, err, doing, sql, types, list);
    va_end(list);
    return statement == NULL ? -1 : store_step(s, statement, 1, doing, err);
}

static int first_va(Store *s, Error *err, sqlite3_stmt **row, const char *doing, const char *sql, const char *types,
                    va_list list)
{
    *row = bind_va(s, err, doing, sql, types, list);
    if (*row == NULL)
        return -1;
    int code = sqlite3_step(*row);
    if (code == SQLITE_ROW)
        return 1;
    int status = code == SQLITE_DONE ? 0 : store_fail(s, err, doing);
    sqlite3_finalize(*row);
    *row = NULL;
    return status;
}

int store_first(Store *s, Error *err, sqlite3_stmt **row, const char *doing, const char *sql, const char *types, ...)
{
    va_list list;
    va_start(list, types);
    int found = first_va(s, err, row, doing, sql, types, list);
    va_end(list);
    return found;
}

int store_integer(Store *s, Error *err, int64_t *value, const char *doing, const char *sql, const char *types, ...)
{
    sqlite3_stmt *row;
    va_list list;
    va_start(list, types);
    int found = first_va(s, err, &row, doing, sql, types, list);
    va_end(list);
    if (found == 1)
        *value = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return found;
}

/* ---- transactions ----------------------------------------------------------------------------------------------- */

int store_begin(Store *s, Error *err, const char *doing)
{
    return sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(s, err, doing);
}

int store_end(Store *s, int status, Error *err, const char *doing)
{
    if (status == 0 && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    if (status == 0)
        status = store_fail(s, err, doing);
    /* On a full disk SQLite may have rolled back already; this second one then fails, which is harmless. */
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* ---- the whole file --------------------------------------------------------------------------------------------- */

int store_check(Store *s, Error *err)
{
    static const char doing[] = "check the database";
    sqlite3_stmt *row;
    if (store_first(s, err, &row, doing, "PRAGMA quick_check(1)", "") != 1)
        return -1;
    const char *result = (const char *)sqlite3_column_text(row, 0);
    int status = strcmp(result, "ok") == 0 ? 0 : damaged(s, err, result);
    sqlite3_finalize(row);
    if (status != 0)
        return -1;
    int found = store_first(s, err, &row, doing, "PRAGMA foreign_key_check", "");
    sqlite3_finalize(row);
    return found == 1 ? damaged(s, err, "rows that refer to missing rows") : found;
}

const char *store_version(void)
{
    return sqlite3_libversion();
}
