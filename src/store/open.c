/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/open.c: opening a database: which application and version it belongs to, its journal, and its migration.
 *
 * Promise: a file that is not ours is not changed by a byte, and any number of simultaneous first starts make one
 * database.
 */
#include "store/inside.h"

#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A file up to this size is checked as a whole whenever it is opened for writing (40 ms); a larger one page by page
 * as it is read, and by `vae-lab doctor`. */
static const off_t CHECKED_WHOLE = 16 << 20;
/* An older file up to this size is read through a migrated temporary copy (256 MB: 0.2 s); a larger one must be migrated
 * first. */
static const off_t COPIED_WHOLE = (off_t)4 << 30;

/* ---- connecting ------------------------------------------------------------------------------------------------- */

/* A whole number of the environment from least to most; `otherwise` where it is none. */
static int of_environment(const char *name, long least, long most, int otherwise)
{
    const char *text = getenv(name);
    char *end;
    long value = text == NULL ? 0 : strtol(text, &end, 10);
    return text != NULL && end != text && *end == '\0' && value >= least && value <= most ? (int)value : otherwise;
}

/* Waits for a lock, for timeout_ms at most.  SQLite's own waiting polls more and more rarely, up to every 100 ms, so that
 * among 16 busy writers the one that has waited longest got the lock least often, and gave up.  Here all poll about once
 * a millisecond; a different fraction each time keeps them from polling together.
 *
 * A poll counts 250 ms at most: a process that was stopped for minutes (SIGSTOP) has not waited for them, and the one
 * that holds the lock may have been stopped with it. */
static int wait_for_lock(void *store, int tries)
{
    Store *s = store;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (tries == 0)
        s->waited_ms = 0;
    else
        s->waited_ms += fmin(250, (double)(now.tv_sec - s->polled.tv_sec) * 1e3 +
                                      (double)(now.tv_nsec - s->polled.tv_nsec) * 1e-6);
    s->polled = now;
    if (s->waited_ms >= s->timeout_ms)
        return 0;
    nanosleep(&(struct timespec){.tv_nsec = 500000 + now.tv_nsec % 1000000}, NULL);
    return 1;
}

/* A build of SQLite may lack the mathematical functions; the view `summary` needs sqrt. */
static void square_root(sqlite3_context *context, int n, sqlite3_value **value)
{
    double x = sqlite3_value_double(value[0]);
    (void)n;
    if (sqlite3_value_type(value[0]) == SQLITE_NULL || x < 0)
        sqlite3_result_null(context);
    else
        sqlite3_result_double(context, sqrt(x));
}

static Store *store_alloc(const char *path, Error *err)
{
    Store *s = mem_alloc(sizeof *s);
    /* "./" before names like ":memory:" and "file:…", which SQLite would not take for a file's name. */
    size_t bytes = strlen(path) + 3;
    if (s != NULL && (s->path = mem_alloc(bytes)) == NULL) {
        mem_free(s);
        s = NULL;
    }
    if (s == NULL) {
        error_memory(err, "the database");
        return NULL;
    }
    snprintf(s->path, bytes, "%s%s", path[0] == ':' || strncmp(path, "file:", 5) == 0 ? "./" : "", path);
    s->timeout_ms = of_environment("VAE_LAB_DB_TIMEOUT", 0, 3600000, STORE_TIMEOUT_MS);
    s->lease_seconds = of_environment("VAE_LAB_LEASE", 1, 86400, STORE_LEASE_SECONDS);
    store_process_self(&s->self);
    return s;
}

/* The file may come from anybody: nothing in its schema may run code or reach beyond the file, and no page is taken
 * for sound.  (Extensions cannot be loaded unless that is switched on.) */
static void distrust(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_exec(db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1 << 10); /* matching takes time quadratic in it */
}

static int connect_as(Store *s, const char *name, int flags, Error *err)
{
    int code = sqlite3_open_v2(name, &s->db, flags, NULL);
    if (s->db == NULL)
        return error_memory(err, "the database");
    if (code != SQLITE_OK)
        return store_fail(s, err, "open it");
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_handler(s->db, wait_for_lock, s);
    distrust(s->db);
    sqlite3_create_function_v2(s->db, "sqrt", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                               square_root, NULL, NULL, NULL);
    store_define_holder_gone(s);
    return 0;
}

char *store_uri(const char *path, const char *option)
{
    while (path[0] == '/' && path[1] == '/')
        path++; /* "//" would begin the name of a host */
    char *name = mem_alloc(strlen(path) * 3 + strlen(option) + sizeof "file:?");
    if (name == NULL)
        return NULL;
    char *to = name + sprintf(name, "file:");
    for (const char *c = path; *c != '\0'; c++)
        to += strchr("%?#", *c) != NULL ? sprintf(to, "%%%02X", (unsigned char)*c) : sprintf(to, "%c", *c);
    sprintf(to, "?%s", option);
    return name;
}

/* Refuses a file beside the database that holds a part of it. */
static int refuse_one_beside(const char *database, const char *suffix, const char *what, Error *err)
{
    struct stat st;
    Text path = {0};
    text_addf(&path, "%s%s", database, suffix);
    int status = path.failed ? error_memory(err, "the database") : 0;
    if (status == 0 && stat(text_string(&path), &st) == 0 && st.st_size > 0) {
        error_set(err, ERR_STORE, "%s", what);
        error_where(err, "%s", database);
        status = error_found(err, "the database was not closed: part of it is in %s", text_string(&path));
    }
    text_free(&path);
    return status;
}

int store_refuse_beside(const char *database, const char *what, Error *err)
{
    return refuse_one_beside(database, "-wal", what, err) != 0 ? -1 : refuse_one_beside(database, "-journal", what, err);
}

/* In a folder that cannot be written, a database in WAL mode has no place for its index.  When there is neither a WAL
 * file nor a journal, all of it is in the file itself, which can be read as immutable. */
static int connect_archive(Store *s, Error *err)
{
    char *name = store_uri(s->path, "immutable=1");
    int status = name == NULL ? error_memory(err, "the database") : 0;
    if (status == 0)
        status = store_refuse_beside(s->path, "the database cannot be read from a folder that cannot be written", err);
    if (status != 0 && err->kind == ERR_STORE)
        error_hint(err, "copy both files to a folder that can be written, and open the copy with --db FILE");
    if (status == 0) {
        sqlite3_close(s->db);
        s->db = NULL;
        status = connect_as(s, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    }
    mem_free(name);
    return status;
}

/* ---- application and version ------------------------------------------------------------------------------------ */

typedef struct Owner {
    int64_t application, version, objects;
    int views_missing;
} Owner;

/* The caller reads them in one snapshot: another process may be making the tables at the same time. */
static int read_owner(Store *s, Owner *owner, Error *err)
{
    static const char doing[] = "read its header";
    if (store_integer(s, err, &owner->objects, doing, "SELECT count(*) FROM sqlite_schema", "") != 1)
        return -1;
    if (store_integer(s, err, &owner->application, doing, "PRAGMA application_id", "") != 1)
        return -1;
    return store_integer(s, err, &owner->version, doing, "PRAGMA user_version", "") == 1 ? 0 : -1;
}

static int check_owner(Store *s, const Owner *owner, StoreMode mode, Error *err)
{
    int empty = owner->application == 0 && owner->objects == 0 && owner->version == 0;
    if (empty && mode == STORE_READ) {
        error_set(err, ERR_STORE, "the database is empty");
        error_where(err, "%s", s->path);
        return error_hint(err, "vae-lab run experiments/NAME.lua records the first run");
    }
    if (owner->application != STORE_APPLICATION_ID && !empty) {
        error_set(err, ERR_STORE, "this database belongs to another application");
        error_where(err, "%s", s->path);
        error_found(err, "application id %lld, %lld tables and indices", (long long)owner->application,
                    (long long)owner->objects);
        error_expected(err, "application id %d, or a new file", STORE_APPLICATION_ID);
        return error_hint(err, "give another file with --db FILE or VAE_LAB_DB");
    }
    if (owner->version < 0) {
        error_set(err, ERR_STORE, "the header of this database is damaged");
        error_where(err, "%s", s->path);
        error_found(err, "schema version %lld", (long long)owner->version);
        return error_expected(err, "version 0 to %d", store_schema_version);
    }
    if (owner->version > store_schema_version) {
        error_set(err, ERR_STORE, "this database was written by a newer vae-lab");
        error_where(err, "%s", s->path);
        error_found(err, "schema version %lld", (long long)owner->version);
        error_expected(err, "at most version %d", store_schema_version);
        return error_hint(err, "use that vae-lab, or another file with --db FILE; this file was not changed");
    }
    return 0;
}

/* The caller's snapshot: the owner, then the schema. */
static int inspect(Store *s, Owner *owner, StoreMode mode, Error *err)
{
    if (read_owner(s, owner, err) != 0 || check_owner(s, owner, mode, err) != 0)
        return -1;
    owner->views_missing = 0;
    return owner->objects == 0 ? 0 : store_schema_check(s, owner->version, &owner->views_missing, err);
}

/* [OUT] *code: SQLite's, where it failed. */
static int inspect_at_once(Store *s, Owner *owner, StoreMode mode, int *code, Error *err)
{
    if (sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return store_fail(s, err, "read its header");
    int status = inspect(s, owner, mode, err);
    *code = sqlite3_errcode(s->db) & 0xff; /* of the failure, before ROLLBACK's own */
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* Whether tables or views of the newest version are to be made. */
static int is_older(const Owner *owner)
{
    return owner->version < store_schema_version || owner->views_missing;
}

/* ---- migration -------------------------------------------------------------------------------------------------- */

static int migrate_locked(Store *s, Error *err)
{
    Owner owner;
    char header[96];
    /* Another process may have migrated it while this one waited for the lock. */
    if (inspect(s, &owner, STORE_WRITE, err) != 0)
        return -1;
    for (int64_t v = owner.version; v <= store_schema_version; v++) /* the views last */
        if (sqlite3_exec(s->db, store_schema_sql((int)v), NULL, NULL, NULL) != SQLITE_OK)
            return store_fail(s, err, "bring its schema up to date");
    snprintf(header, sizeof header, "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID,
             store_schema_version);
    if (sqlite3_exec(s->db, header, NULL, NULL, NULL) != SQLITE_OK)
        return store_fail(s, err, "bring its schema up to date");
    return store_schema_check(s, store_schema_version, &owner.views_missing, err);
}

static int migrate(Store *s, Error *err)
{
    if (sqlite3_exec(s->db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK)
        return store_fail(s, err, "bring its schema up to date");
    return store_end(s, migrate_locked(s, err), err, "bring its schema up to date");
}

/* ---- the journal ------------------------------------------------------------------------------------------------ */

/* Runs a PRAGMA journal_mode; [OUT] mode: the mode that results. */
static int journal_mode(Store *s, const char *sql, char mode[16])
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
    mode[0] = '\0';
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
        snprintf(mode, 16, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* WAL: readers never wait for the writer, and a commit is one write.  SQLite does not wait for a lock when it
 * changes the mode, so this waits (for simultaneous first starts). */
static int set_journal(Store *s, int wal, int created, Error *err)
{
    char mode[16];
    int code = SQLITE_OK;
    if (journal_mode(s, "PRAGMA journal_mode", mode) == SQLITE_OK && strcmp(mode, wal ? "wal" : "delete") == 0)
        return 0;
    for (int waited = 0; wal && waited <= s->timeout_ms; waited += 10) {
        code = journal_mode(s, "PRAGMA journal_mode = WAL", mode);
        if ((code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    if (wal && code == SQLITE_OK && strcmp(mode, "wal") == 0)
        return 0;
    if ((code & 0xff) == SQLITE_FULL || (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB ||
        (code & 0xff) == SQLITE_BUSY)
        return store_fail_code(s, err, code, sqlite3_errstr(code), "set up its journal");
    code = journal_mode(s, "PRAGMA journal_mode = DELETE", mode);
    if (code != SQLITE_OK)
        return store_fail_code(s, err, code, sqlite3_errstr(code), "set up its journal");
    if (created)
        snprintf(s->notice, sizeof s->notice,
                 "%s keeps a rollback journal, because its file system does not support a write-ahead log: "
                 "reading may have to wait for writing",
                 s->path);
    return 0;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int too_large_to_copy(Store *s, int64_t version, Error *err)
{
    error_set(err, ERR_STORE, "this database has an older schema");
    error_where(err, "%s", s->path);
    error_found(err, "schema version %lld, in a file above %lld MB", (long long)version,
                (long long)(COPIED_WHOLE >> 20));
    return error_hint(err, "the next vae-lab run migrates it");
}

/* Readers leave an older file as it is: the connection becomes one to a private copy, which is migrated.  The empty name
 * gives a copy that SQLite keeps in memory while it is small, and in a temporary file that it has removed already. */
static int read_migrated(Store *s, int64_t version, Error *err)
{
    struct stat st;
    sqlite3 *file = s->db;
    if (stat(s->path, &st) == 0 && st.st_size > COPIED_WHOLE)
        return too_large_to_copy(s, version, err);
    s->db = NULL;
    int status = connect_as(s, "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    sqlite3_backup *copy = status == 0 ? sqlite3_backup_init(s->db, "main", file, "main") : NULL;
    if (copy != NULL)
        sqlite3_backup_step(copy, -1);
    if (status == 0 && (copy == NULL || sqlite3_backup_finish(copy) != SQLITE_OK))
        status = store_fail(s, err, "read it");
    sqlite3_close(file);
    return status == 0 ? migrate(s, err) : -1;
}

static int open_reading(Store *s, int still, Error *err)
{
    Owner owner;
    int code = SQLITE_OK;
    /* Read-write where the file's rights allow it: only then can SQLite recover the log that a killed process left.
     * query_only forbids everything else. */
    if ((still ? connect_archive(s, err) : connect_as(s, s->path, SQLITE_OPEN_READWRITE, err)) != 0)
        return -1;
    if (inspect_at_once(s, &owner, STORE_READ, &code, err) != 0) {
        if (still || (code != SQLITE_CANTOPEN && code != SQLITE_READONLY && code != SQLITE_IOERR))
            return -1;
        if (connect_archive(s, err) != 0 || inspect_at_once(s, &owner, STORE_READ, &code, err) != 0)
            return -1;
    }
    if (is_older(&owner) && read_migrated(s, owner.version, err) != 0)
        return -1;
    if (store_show_gone(s, err) != 0)
        return -1;
    sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
    return sqlite3_exec(s->db, "PRAGMA query_only = ON", NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(s, err, "open it");
}

static int open_writing(Store *s, int wal, Error *err)
{
    struct stat st;
    Owner owner;
    int code, there = stat(s->path, &st) == 0, created = !there || st.st_size == 0;
    if (connect_as(s, s->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err) != 0)
        return -1;
    /* EXTRA: where there is no write-ahead log, a commit removes the journal; only EXTRA syncs the folder after that.
     * With FULL a power cut could bring the journal back, which undoes the commit. */
    if (sqlite3_exec(s->db, "PRAGMA foreign_keys = ON; PRAGMA synchronous = EXTRA; "
                     "PRAGMA journal_size_limit = 67108864", NULL, NULL,
                     NULL) != SQLITE_OK)
        return store_fail(s, err, "open it");
    if (inspect_at_once(s, &owner, STORE_WRITE, &code, err) != 0)
        return -1;
    if (!created && st.st_size <= CHECKED_WHOLE && store_check(s, err) != 0)
        return -1;
    if (set_journal(s, wal, created, err) != 0)
        return -1;
    return is_older(&owner) ? migrate(s, err) : 0;
}

Store *store_open(const char *path, StoreMode mode, Error *err)
{
    StorePlace place;
    if (store_place_check(path, mode, &place, err) != 0)
        return NULL;
    Store *s = store_alloc(path, err);
    if (s == NULL)
        return NULL;
    int status = mode == STORE_READ ? open_reading(s, place == STORE_PLACE_STILL, err)
                                    : open_writing(s, place == STORE_PLACE_LOG, err);
    if (status != 0) {
        store_close(s);
        return NULL;
    }
    return s;
}

void store_close(Store *s)
{
    if (s == NULL)
        return;
    sqlite3_close(s->db);
    mem_free(s->path);
    mem_free(s);
}

const char *store_path(const Store *s)
{
    return s->path;
}

const char *store_notice(const Store *s)
{
    return s->notice[0] == '\0' ? NULL : s->notice;
}
