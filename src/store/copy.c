/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/copy.c: copies a database to one file, and makes a database from such a copy.
 */
#include "store/copy.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/mem.h"
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char copying[] = "copy the database";

/* ---- copying ----------------------------------------------------------------------------------------------------- */

enum { PAGES = 256 /* in one step, between two looks at *stop */ };

/* All pages of one snapshot.  Other connections commit meanwhile: the backup does not begin again, since the snapshot
 * stays. */
static int copy_pages(Store *from, Store *to, const volatile sig_atomic_t *stop, Error *err)
{
    int64_t objects;
    if (sqlite3_exec(from->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
        store_integer(from, err, &objects, copying, "SELECT count(*) FROM sqlite_schema", "") != 1)
        return store_fail(from, err, copying);
    sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
    int code = backup == NULL ? sqlite3_errcode(to->db) : SQLITE_OK;
    while (code == SQLITE_OK && (stop == NULL || *stop == 0))
        code = sqlite3_backup_step(backup, PAGES);
    sqlite3_backup_finish(backup);
    sqlite3_exec(from->db, "ROLLBACK", NULL, NULL, NULL); /* it has only read */
    if (code == SQLITE_OK)
        return error_set(err, ERR_SIGNAL, "the copy was stopped by a signal");
    return code == SQLITE_DONE ? 0 : store_fail_code(to, err, code, sqlite3_errstr(code), copying);
}

/* The file is new and nobody else's: no locks, no journal; it is synced before it gets its name. */
static int open_target(Store *to, const char *path, Error *err)
{
    char *name = store_uri(path, "nolock=1");
    if (name == NULL)
        return error_memory(err, "a copy");
    int code = sqlite3_open_v2(name, &to->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL);
    mem_free(name);
    if (to->db == NULL)
        return error_memory(err, "a copy");
    sqlite3_extended_result_codes(to->db, 1);
    if (code != SQLITE_OK || sqlite3_exec(to->db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL,
                                          NULL) != SQLITE_OK)
        return store_fail(to, err, copying);
    return 0;
}

/* The pages say that the database keeps a write-ahead log.  Bytes 18 and 19 of the header, 1: it keeps a rollback
 * journal (SQLite's file format, 1.3.3).  A reader then needs no file beside the copy. */
static int leave_log_mode(const char *path, Error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), code = fd < 0 || pwrite(fd, "\1\1", 2, 18) != 2 ? errno : 0;
    if (fd >= 0 && close(fd) != 0 && code == 0)
        code = errno;
    if (code == 0)
        return 0;
    error_set(err, ERR_FILE, "cannot %s", copying);
    return error_found(err, "%s", strerror(code));
}

/* Without a write-ahead log writers wait while the pages are read: they are first copied to a temporary file of
 * SQLite's, on a local disk.  The connection of `from` then is one to that file. */
static int stage(Store *from, const volatile sig_atomic_t *stop, Error *err)
{
    sqlite3_stmt *mode;
    if (store_first(from, err, &mode, copying, "PRAGMA journal_mode", "") != 1)
        return -1;
    int logged = strcmp(store_column(mode, 0), "wal") == 0;
    sqlite3_finalize(mode);
    if (logged)
        return 0;
    Store local = {.path = from->path};
    if (sqlite3_open_v2("", &local.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK) {
        sqlite3_close(local.db);
        return error_memory(err, "a copy");
    }
    int status = copy_pages(from, &local, stop, err);
    sqlite3_close(from->db);
    from->db = local.db;
    return status;
}

static int write_copy(const char *database, const char *temporary, const char *file, const volatile sig_atomic_t *stop,
                      Error *err)
{
    Store to = {.path = mem_string(file)}; /* for its errors */
    Store *from = to.path == NULL ? NULL : store_open(database, STORE_READ, err);
    int status = to.path == NULL ? error_memory(err, "a copy") : from == NULL ? -1 : open_target(&to, temporary, err);
    if (status == 0 && (status = stage(from, stop, err)) == 0)
        status = copy_pages(from, &to, stop, err);
    store_close(from);
    if (to.db != NULL && sqlite3_close(to.db) != SQLITE_OK && status == 0)
        status = store_fail(&to, err, copying);
    mem_free(to.path);
    return status;
}

int store_copy(const char *database, const char *file, const volatile sig_atomic_t *stop, Error *err)
{
    char *temporary;
    if (file_temporary(file, 1, &temporary, err) != 0)
        return -1;
    int status = write_copy(database, temporary, file, stop, err);
    if (status == 0)
        status = leave_log_mode(temporary, err);
    if (status != 0)
        unlink(temporary);
    else
        status = file_place(temporary, file, 1, err);
    mem_free(temporary);
    return status;
}

/* ---- a copy and a database that both exist ----------------------------------------------------------------------- */

/* The copy has something that the database lacks. */
static int refuse_loss(const Store *s, const Store *copy, const char *identity, Error *err)
{
    error_set(err, ERR_STORE, "the copy holds more than the database, and would be replaced");
    error_where(err, "%s", copy->path);
    error_found(err, "run %.12s…, which is missing, or not as far, in %s", identity, s->path);
    return error_hint(err, "vae-lab merge '%s' '%s' brings it into the database; or name another file with --copy",
                      s->path, copy->path);
}

/* How far a run is: its epochs, and 2^62 when it has ended. */
#define REACHED                                                                                                       \
    "SELECT r.identity, CASE WHEN r.status IN ('done', 'diverged') THEN 1 << 62 ELSE coalesce((SELECT c.step FROM "   \
    "checkpoint c WHERE c.run = r.id), 0) END FROM run r WHERE r.superseded_by IS NULL"

static int compare_runs(Store *s, Store *copy, Error *err)
{
    static const char doing[] = "compare it with its copy";
    sqlite3_stmt *run = store_bind(copy, err, doing, REACHED, ""), *same;
    int status = run == NULL ? -1 : 0, code = SQLITE_DONE;
    while (status == 0 && (code = sqlite3_step(run)) == SQLITE_ROW) {
        const char *identity = store_column(run, 0);
        int found = store_first(s, err, &same, doing, REACHED " AND r.identity = ?1", "t", identity);
        if (found >= 0 && (found == 0 || sqlite3_column_int64(same, 1) < sqlite3_column_int64(run, 1)))
            status = refuse_loss(s, copy, identity, err);
        status = found < 0 ? -1 : status;
        sqlite3_finalize(same);
    }
    if (status == 0 && code != SQLITE_DONE)
        status = store_fail(copy, err, doing);
    sqlite3_finalize(run);
    return status;
}

static int compare_files(const char *database, const char *file, Error *err)
{
    Store *copy = store_open(file, STORE_READ, err), *s = copy == NULL ? NULL : store_open(database, STORE_READ, err);
    int status = s == NULL ? -1 : compare_runs(s, copy, err);
    store_close(s);
    store_close(copy);
    return status;
}

/* ---- a database from a copy -------------------------------------------------------------------------------------- */

/* Byte for byte: nobody changes a copy in place. */
static int copy_bytes(int from, int to)
{
    static char block[1 << 16];
    for (;;) {
        ssize_t got = read(from, block, sizeof block), put = 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 ? 0 : errno;
        for (ssize_t done = 0; done < got; done += put > 0 ? put : 0)
            if ((put = write(to, block + done, (size_t)(got - done))) < 0 && errno != EINTR)
                return errno;
    }
}

static int copy_file(const char *file, const char *temporary, Error *err)
{
    int from = open(file, O_RDONLY | O_CLOEXEC), code = from < 0 ? errno : 0;
    int to = code != 0 ? -1 : open(temporary, O_WRONLY | O_CLOEXEC);
    if (code == 0)
        code = to < 0 ? errno : copy_bytes(from, to);
    if (from >= 0)
        close(from);
    if (to >= 0 && close(to) != 0 && code == 0)
        code = errno;
    if (code == 0)
        return 0;
    error_set(err, ERR_FILE, "cannot make the database from its copy");
    error_where(err, "%s", file);
    return error_found(err, "%s", strerror(code));
}

/* Checks that the bytes are a results.db of ours, migrates an older one. */
static int adopt(const char *temporary, Error *err)
{
    static const char doing[] = "release the runs of a copy";
    static const char release[] =
        "UPDATE run SET status = 'crashed', message = 'the database was made from a copy, which was written while this run "
        "was ' || status, finished = " STORE_NOW ", lease = lease + 1, process = NULL, process_start = NULL, "
        "pid_namespace = NULL WHERE status IN ('queued', 'running')";
    Store *s = store_open(temporary, STORE_WRITE, err);
    int status = s == NULL ? -1 : store_begin(s, err, doing);
    if (status == 0)
        status = store_end(s, store_do(s, err, doing, release, ""), err, doing);
    store_close(s);
    return status;
}

static void unlink_beside(const char *path, const char *suffix)
{
    char name[4200];
    if ((size_t)snprintf(name, sizeof name, "%s%s", path, suffix) < sizeof name)
        unlink(name);
}

static int restore(const char *database, const char *file, int replace, Error *err)
{
    char *temporary;
    StorePlace place;
    /* SQLite would apply the log of a database that is gone to the new one */
    if (store_refuse_beside(database, "the database is missing, but not its log", err) != 0)
        return error_hint(err, "remove that file: the database is then made from the copy");
    if (store_refuse_beside(file, "the copy cannot be used", err) != 0 ||
        store_place_check(database, STORE_WRITE, &place, err) != 0 ||
        file_temporary(database, replace, &temporary, err) != 0)
        return -1;
    int status = copy_file(file, temporary, err);
    if (status == 0 && (status = adopt(temporary, err)) != 0)
        error_where(err, "%s", file);
    if (status == 0) {
        status = file_place(temporary, database, replace, err);
    } else {
        unlink_beside(temporary, "-wal");
        unlink_beside(temporary, "-shm");
        unlink(temporary);
    }
    mem_free(temporary);
    return status;
}

/* ---- before a sweep ---------------------------------------------------------------------------------------------- */

static int make_folder(const char *file, Error *err)
{
    char folder[4096], failed[4096];
    const char *slash = strrchr(file, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - file);
    if (length == 0 || length >= sizeof folder)
        return 0; /* what is wrong with a path that is too long is said when it is opened */
    snprintf(folder, sizeof folder, "%.*s", (int)length, file);
    int reason = folder_make(folder, failed);
    if (reason == 0)
        return 0;
    error_set(err, ERR_FILE, "cannot make the folder of the copy");
    error_where(err, "%s", failed);
    return error_found(err, "%s", strerror(reason));
}

/* Hours of work would be lost with their disk if that were found only later. */
static int check_writable(const char *file, Error *err)
{
    char *temporary;
    if (make_folder(file, err) != 0 || file_temporary(file, 1, &temporary, err) != 0)
        return -1;
    unlink(temporary);
    mem_free(temporary);
    return 0;
}

int store_copy_prepare(const char *database, const char *file, StoreCopyState *state, Error *err)
{
    struct stat of_database = {0}, of_copy;
    int there = stat(database, &of_database) == 0;
    *state = STORE_COPY_NONE;
    if (check_writable(file, err) != 0)
        return -1;
    if (stat(file, &of_copy) != 0)
        return 0;
    if (there && of_database.st_dev == of_copy.st_dev && of_database.st_ino == of_copy.st_ino) {
        error_set(err, ERR_USAGE, "the database and its copy are the same file");
        return error_where(err, "%s", file);
    }
    int empty = !there || of_database.st_size == 0;
    if ((empty ? restore(database, file, there, err) : compare_files(database, file, err)) != 0)
        return -1;
    *state = empty ? STORE_COPY_RESTORED : STORE_COPY_KEPT;
    return 0;
}
