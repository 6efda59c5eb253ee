/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_where.c: `vae-lab runs --where CONDITION --sort COLUMN`.  Whatever they are, nothing is written, no other
 * file is attached, and the connection still refuses to write.  The input: the column, a newline, the condition.
 *
 * libFuzzer: -max_len=200 -detect_leaks=0
 */
#include "fuzz/database.h"

#include "store/read.h"

static int stop(void *count)
{
    return ++*(int *)count > 40; /* a condition may take as long as it likes: here at most 40,000 steps */
}

static int take_row(void *rows, int columns, const char *const *names, const StoreValue *values)
{
    for (int i = 0; i < columns; i++)
        FUZZ_CHECK(names[i] != NULL && (values[i].type < STORE_TEXT || values[i].bytes != NULL));
    return ++*(int *)rows > 100;
}

/* No other file is attached, writing is refused, and the runs are there.  One statement: each query of the store makes
 * SQLite prepare it again. */
static void check_connection(Store *s)
{
    static const char sql[] = "SELECT (SELECT count(*) FROM pragma_database_list WHERE seq > 1), query_only, "
                              "(SELECT count(*) FROM main.run) FROM pragma_query_only";
    static sqlite3_stmt *statement;
    if (statement == NULL)
        FUZZ_CHECK(sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) == SQLITE_OK);
    FUZZ_CHECK(sqlite3_step(statement) == SQLITE_ROW);
    FUZZ_CHECK(sqlite3_column_int(statement, 0) == 0 && sqlite3_column_int(statement, 1) == 1);
    FUZZ_CHECK(sqlite3_column_int(statement, 2) == FUZZ_RUNS);
    sqlite3_reset(statement);
    FUZZ_CHECK(sqlite3_total_changes(s->db) == 0 && sqlite3_get_autocommit(s->db) != 0);
}

static Store *open_once(void)
{
    static Store *s;
    char path[300];
    Error err = ERROR_NONE;
    if (s != NULL)
        return s;
    fuzz_make_database(path);
    s = store_open(path, STORE_READ, &err);
    fuzz_must(s == NULL, &err);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 1 << 20);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Store *s = open_once();
    char *text = fuzz_string(data, size), *where = strchr(text, '\n');
    int steps = 0, rows = 0;
    Error err = ERROR_NONE;
    if (where != NULL)
        *where++ = '\0';
    StoreRunFilter filter = {.experiment = size % 4 == 0 ? "fuzz" : NULL, .where = where,
                             .sort = text[0] == '\0' ? NULL : text, .all_columns = size % 3 == 0};
    sqlite3_progress_handler(s->db, 1000, stop, &steps);
    if (store_runs_read(s, &filter, take_row, &rows, &err) != 0)
        fuzz_check_error(&err);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    check_connection(s);
    free(text);
    return 0;
}
