/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/process.c: which process holds a run, and whether it is alive.
 *
 * A process id alone is ambiguous: ids are reused, after a reboot and on every other host.  So host, boot and the
 * start time of the process are recorded with it.
 */
#include "store/inside.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* [OUT] line: the first line of a file, without its newline. */
static int read_line(const char *path, char *line, int size)
{
    FILE *f = fopen(path, "r");
    line[0] = '\0';
    if (f == NULL)
        return -1;
    int ok = fgets(line, size, f) != NULL;
    fclose(f);
    line[strcspn(line, "\n")] = '\0';
    return ok ? 0 : -1;
}

/* [OUT] the state letter (field 3) and start time (field 22) of a process, from /proc/PID/stat.  Field 2, the
 * program's name, may hold spaces and parentheses, so fields are counted from the last ')'. */
static int read_stat(int64_t process, char *state, int64_t *start)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)process);
    if (read_line(path, line, sizeof line) != 0)
        return -1;
    char *field = strrchr(line, ')');
    if (field == NULL || field[1] != ' ')
        return -1;
    *state = field[2];
    field += 2;
    for (int i = 3; i < 22; i++) {
        field = strchr(field, ' ');
        if (field == NULL)
            return -1;
        field++;
    }
    *start = strtoll(field, NULL, 10);
    return 0;
}

void store_process_self(StoreProcess *self)
{
    char state;
    memset(self, 0, sizeof *self);
    if (gethostname(self->host, sizeof self->host - 1) != 0)
        snprintf(self->host, sizeof self->host, "unknown");
    read_line("/proc/sys/kernel/random/boot_id", self->boot, sizeof self->boot);
    self->process = getpid();
    if (read_stat(self->process, &state, &self->start) != 0)
        self->start = 0;
}

int store_process_living(const StoreProcess *self, const char *host, const char *boot, int64_t process, int64_t start)
{
    if (host[0] == '\0' || process <= 0)
        return 0; /* no process has taken the run */
    if (strcmp(host, self->host) != 0)
        return 1; /* unknown here: it counts as alive */
    if (strcmp(boot, self->boot) != 0)
        return 0;
    if (kill((pid_t)process, 0) != 0 && errno == ESRCH)
        return 0;
    char state = '?';
    int64_t now = 0;
    if (read_stat(process, &state, &now) != 0)
        return self->start == 0; /* without /proc kill() decides; with it, the process has just ended */
    return now == start && state != 'Z' && state != 'X';
}

/* ---- crashed runs in the database ------------------------------------------------------------------------------- */

static const char doing[] = "look for crashed runs";

/* Marks one run as crashed. */
static int mark_crashed(Store *s, sqlite3_stmt *row, int *count, Error *err)
{
    if (store_do(s, err, doing,
                 "UPDATE run SET status = 'crashed', finished = " STORE_NOW ", "
                 "message = 'its process ' || process || ' on ' || host || ' is gone' WHERE id = ?1",
                 "i", sqlite3_column_int64(row, 0)) != 0)
        return -1;
    *count += sqlite3_changes(s->db);
    return 0;
}

static int reap(Store *s, int *count, Error *err)
{
    StoreProcess self;
    store_process_self(&self);
    sqlite3_stmt *row = store_bind(s, err, doing,
                                   "SELECT id, coalesce(host, ''), coalesce(boot, ''), process, process_start FROM run "
                                   "WHERE status IN ('queued', 'running') AND superseded_by IS NULL ORDER BY id",
                                   "");
    if (row == NULL)
        return -1;
    int code, status = 0;
    while (status == 0 && (code = sqlite3_step(row)) == SQLITE_ROW)
        if (!store_process_living(&self, (const char *)sqlite3_column_text(row, 1),
                                  (const char *)sqlite3_column_text(row, 2), sqlite3_column_int64(row, 3),
                                  sqlite3_column_int64(row, 4)))
            status = mark_crashed(s, row, count, err);
    if (status == 0 && code != SQLITE_DONE)
        status = store_fail(s, err, doing);
    sqlite3_finalize(row);
    return status;
}

int store_reap(Store *s, int *count, Error *err)
{
    *count = 0;
    if (store_begin(s, err, doing) != 0)
        return -1;
    int status = store_end(s, reap(s, count, err), err, doing);
    if (status != 0)
        *count = 0;
    return status;
}
