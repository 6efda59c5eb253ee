/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/status.c: what readers see of a run whose process is gone.
 *
 * Such a run keeps the status `running` in the file until the next `vae-lab run` or `vae-lab release`: a dead process
 * writes nothing, and neither does a reader.  So every reader's connection has a temporary view `run`, which hides the
 * table of that name and shows the run as crashed, and the views of schema_views.sql once more, over that one.
 */
#include "store/inside.h"

#include "base/text.h"

#include <string.h>

static const char doing[] = "prepare its views";

#define HELD "r.status IN ('queued', 'running')"
#define GONE "holder_gone(" STORE_HOLDER ")"

/* The expression that shows a column of the table run.  CASE: only runs that a process holds are looked into. */
static void add_column(Text *sql, const char *name)
{
    if (strcmp(name, "status") == 0)
        text_add(sql, "CASE WHEN " HELD " AND " GONE " IS NOT NULL THEN 'crashed' ELSE r.status END AS status");
    else if (strcmp(name, "message") == 0)
        text_add(sql, "CASE WHEN " HELD " THEN coalesce(" GONE ", r.message) ELSE r.message END AS message");
    else
        text_addf(sql, "r.\"%s\"", name);
}

/* CREATE TEMP VIEW run, with all columns of the table in their order. */
static int add_run(Store *s, Text *sql, Error *err)
{
    sqlite3_stmt *column = store_bind(s, err, doing, "SELECT name FROM pragma_table_info('run', 'main')", "");
    int code, n = 0;
    if (column == NULL)
        return -1;
    text_add(sql, "CREATE TEMP VIEW run AS SELECT ");
    while ((code = sqlite3_step(column)) == SQLITE_ROW) {
        text_add(sql, n++ > 0 ? ", " : "");
        add_column(sql, store_column(column, 0));
    }
    text_add(sql, " FROM main.run r;\n");
    int status = code == SQLITE_DONE ? 0 : store_fail(s, err, doing);
    sqlite3_finalize(column);
    return status;
}

/* The statements of schema_views.sql, with CREATE TEMP VIEW for CREATE VIEW, and without DROP VIEW. */
static void add_views(Text *sql)
{
    for (const char *line = store_schema_sql(store_schema_version), *end; *line != '\0'; line = end) {
        static const char create[] = "CREATE VIEW";
        end = strchr(line, '\n');
        end = end == NULL ? line + strlen(line) : end + 1;
        if (strncmp(line, "DROP VIEW", 9) == 0)
            continue;
        if (strncmp(line, create, sizeof create - 1) == 0) {
            text_add(sql, "CREATE TEMP VIEW");
            line += sizeof create - 1;
        }
        text_add_bytes(sql, line, (size_t)(end - line));
    }
}

int store_show_gone(Store *s, Error *err)
{
    Text sql = {0};
    int status = add_run(s, &sql, err);
    add_views(&sql);
    if (status == 0 && sql.failed)
        status = error_memory(err, "the database's views");
    if (status == 0 && sqlite3_exec(s->db, text_string(&sql), NULL, NULL, NULL) != SQLITE_OK)
        status = store_fail(s, err, doing);
    text_free(&sql);
    return status;
}
