/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/export_record.c: the whole record for other programs: a plain database, or CSV files.
 */
#include "cli/cli.h"
#include "cli/export.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/mem.h"
#include "store/plain.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

static int take_names(void *context, int columns, const char *const *names, const StoreValue *values)
{
    Text *out = context;
    (void)values;
    for (int i = 0; i < columns; i++) {
        text_add(out, i > 0 ? "," : "");
        cli_csv_value(out, &(StoreValue){.type = STORE_TEXT, .bytes = names[i]});
    }
    text_add(out, "\r\n");
    return 0;
}

static int take_row(void *context, int columns, const char *const *names, const StoreValue *values)
{
    Text *out = context;
    (void)names;
    for (int i = 0; i < columns; i++) {
        text_add(out, i > 0 ? "," : "");
        cli_csv_value(out, &values[i]);
    }
    text_add(out, "\r\n");
    return out->failed;
}

static int write_table(Store *s, StoreTable table, const char *folder, int force, Error *err)
{
    char path[4200];
    Text file = {0};
    size_t n = strlen(folder);
    snprintf(path, sizeof path, "%s%s%s.csv", folder, n > 0 && folder[n - 1] == '/' ? "" : "/",
             store_table_name(table));
    int status = store_table_read(s, table, take_names, take_row, &file, err);
    if (status == 0)
        status =
            file.failed ? error_memory(err, "a table") : file_write(path, text_string(&file), file.length, force, err);
    if (status == 0)
        printf("%s\n", path);
    text_free(&file);
    return status;
}

static int write_tables(Store *s, const char *folder, int force, Error *err)
{
    char failed[4096];
    int code = strlen(folder) >= sizeof failed ? -1 : folder_make(folder, failed), status = 0;
    if (code != 0) {
        error_set(err, ERR_FILE, "the folder cannot be made");
        error_where(err, "%.200s", folder);
        return error_found(err, "%s", code < 0 ? "a name that is too long" : strerror(code));
    }
    for (int table = 0; table < STORE_TABLES && status == 0; table++)
        status = write_table(s, (StoreTable)table, folder, force, err);
    return status;
}

/* ---- the database ------------------------------------------------------------------------------------------------ */

static int write_database(Store *s, const char *path, int force, Error *err)
{
    char *temporary;
    if (file_temporary(path, force, &temporary, err) != 0)
        return -1;
    int status = store_plain_copy(s, temporary, err);
    if (status != 0)
        unlink(temporary);
    else
        status = file_place(temporary, path, force, err);
    mem_free(temporary);
    if (status == 0)
        printf("%s\n", path);
    return status;
}

/* ---- either ------------------------------------------------------------------------------------------------------ */

static int ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

int cli_export_record(const char *out, int force, Error *err)
{
    struct stat st;
    int folder = ends_in(out, "/") || (stat(out, &st) == 0 && S_ISDIR(st.st_mode));
    if (!folder && !ends_in(out, ".db") && !ends_in(out, ".sqlite") && !ends_in(out, ".sqlite3")) {
        error_set(err, ERR_USAGE, "--record writes a database or a folder of CSV files");
        error_found(err, "%s", out);
        return error_expected(err, "a name that ends in .db, .sqlite, .sqlite3 or /");
    }
    Store *s = cli_open(err);
    int status = s == NULL ? -1 : folder ? write_tables(s, out, force, err) : write_database(s, out, force, err);
    store_close(s);
    return status;
}
