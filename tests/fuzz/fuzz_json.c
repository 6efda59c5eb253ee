/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_json.c: any text as a JSON string is read back by SQLite's JSON reader as the same text.
 *
 * libFuzzer: -max_len=512
 */
#include "fuzz/fuzz.h"

#include "base/text.h"

#include <sqlite3.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sqlite3_stmt *read;
    if (read == NULL) {
        sqlite3 *db;
        FUZZ_CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
        FUZZ_CHECK(sqlite3_prepare_v2(db, "SELECT json_valid(?1), json_extract(?1, '$.a')", -1, &read, NULL) == SQLITE_OK);
    }
    char *string = fuzz_string(data, size);
    Text json = {0};
    text_add(&json, "{\"a\":");
    text_add_json(&json, string);
    text_add(&json, "}");
    FUZZ_CHECK(!json.failed);
    for (const char *c = text_string(&json); *c != '\0'; c++)
        FUZZ_CHECK((unsigned char)*c >= 0x20);
    sqlite3_bind_text(read, 1, text_string(&json), (int)json.length, SQLITE_STATIC);
    FUZZ_CHECK(sqlite3_step(read) == SQLITE_ROW && sqlite3_column_int(read, 0) == 1);
    FUZZ_CHECK(strcmp((const char *)sqlite3_column_text(read, 1), string) == 0);
    sqlite3_reset(read);
    text_free(&json);
    free(string);
    return 0;
}
