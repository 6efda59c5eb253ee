/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/inside.h: what the files of this room share.  Only they and their tests include it.
 */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include "store/store.h"

#include <sqlite3.h>
#include <time.h>

/* The time in SQL, as all tables hold it: UTC, ISO 8601. */
#define STORE_NOW "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"

enum {
    STORE_APPLICATION_ID = 0x5641454c, /* "VAEL", in the file's header */
    STORE_TIMEOUT_MS = 10000,
    STORE_LEASE_SECONDS = 120
};

/* A process, so that no other one is taken for it: process ids are reused, and each PID namespace (a container) and
 * each machine has its own. */
typedef struct StoreProcess {
    char host[256];
    char boot[64];          /* "" where the system has none */
    int64_t pid_namespace;  /* 0 where the system has none */
    int64_t process, start; /* start: clock ticks after boot; 0 where the system does not say */
} StoreProcess;

struct Store {
    sqlite3 *db;
    char *path;
    int timeout_ms;    /* how long a statement waits for a lock */
    double waited_ms;  /* by the current wait for a lock */
    struct timespec polled;
    int lease_seconds; /* how long a holder elsewhere may be silent before it counts as gone */
    StoreProcess self;
    int64_t held_run, held_lease; /* the run that this connection has started, and its lease's number then; 0: none */
    int64_t beaten;               /* the heartbeat that it has recorded last */
    int lost;                     /* another process has taken that run */
    char notice[256];
};

/* The columns of the table `claim` after the first, its sweep. */
#define STORE_CLAIM_COLUMNS \
    "position, claim, quantity, source, low, high, seeds, value, ci_low, ci_high, verdict, note, metric, configuration, " \
    "scale, level, p, seeds_needed, population_low, population_high, reason, post_hoc"

extern const int store_schema_version;
/* The SQL that brings the tables from `version` to version + 1; of store_schema_version: that makes the views. */
const char *store_schema_sql(int version);

/* Refuses a schema that is not what schema*.sql makes of this version (schema_check.c): what differs, found, expected.
 * The user's own tables, plain indices and views are allowed.  [OUT] *views_missing: a view of ours is missing (the caller
 * makes them: a view holds no data). */
int store_schema_check(Store *s, int64_t version, int *views_missing, Error *err);

/* ---- opening (open.c) ---- */

/* The file: URI of a path, its special characters escaped, with an option of SQLite ("immutable=1"); mem_free.  NULL: no
 * memory. */
char *store_uri(const char *path, const char *option);

/* Refuses (`what`) a database beside which a write-ahead log or a journal lies: part of its content is there. */
int store_refuse_beside(const char *database, const char *what, Error *err);

/* ---- errors and statements (store.c) ---- */

/* Fills *err from SQLite's last error on this connection.  doing: what was to be done ("record metrics").  Returns
 * -1. */
int store_fail(Store *s, Error *err, const char *doing);
int store_fail_code(Store *s, Error *err, int code, const char *message, const char *doing);

/* A column as a text; "" where it is NULL. */
const char *store_column(sqlite3_stmt *row, int column);

/* ---- reading (query.c) ---- */

/* Arguments of store_query; NULL gives SQL's NULL. */
StoreValue store_text_value(const char *text);
StoreValue store_integer_value(int64_t number);

/* [OUT] nearest (size 128): the text of the query's first column that is most like `word`, the word itself where it
 * is among them; "" where none is alike. */
int store_nearest(Store *s, const char *sql, const char *word, char nearest[128], Error *err);

/* "there is no run 12"; returns -1. */
int store_no_such_run(Store *s, int64_t run, Error *err);

/* A statement with its arguments bound, which the caller steps and finalises; NULL with *err.  types, one letter an
 * argument: i int64_t, u uint64_t, d double (not finite: NULL), t text or NULL, b bytes and size (const void *,
 * size_t), p const StoreParam * (its text, or its number: a whole one as an integer, one that is not finite as
 * text).  The arguments must outlive the statement. */
sqlite3_stmt *store_bind(Store *s, Error *err, const char *doing, const char *sql, const char *types, ...);

/* Binds one more value, as the letter p does; SQLite's code. */
int store_bind_param(sqlite3_stmt *statement, int at, const StoreParam *p);

/* Steps a statement that returns nothing, and resets it.  Finalises it where `last`. */
int store_step(Store *s, sqlite3_stmt *statement, int last, const char *doing, Error *err);

/* Runs one statement that returns no row. */
int store_do(Store *s, Error *err, const char *doing, const char *sql, const char *types, ...);

/* Runs a query up to its first row: 1 with *row, which the caller finalises, 0 where there is none, -1 with *err;
 * *row NULL then. */
int store_first(Store *s, Error *err, sqlite3_stmt **row, const char *doing, const char *sql, const char *types, ...);

/* The same for one integer: 1 with *value, 0 where there is no row, -1 with *err. */
int store_integer(Store *s, Error *err, int64_t *value, const char *doing, const char *sql, const char *types, ...);

/* Inside the caller's transaction (record.c): metrics, posteriors, an artifact. */
int store_write_metrics(Store *s, int64_t run, const StoreMetric *metrics, size_t count, Error *err);
int store_write_posteriors(Store *s, int64_t run, const StorePosteriors *p, Error *err);
int store_write_artifact(Store *s, int64_t run, const char *name, const char *kind, const char *meta, const void *bytes,
                         size_t size, Error *err);

/* Records where a run that was queued comes from, inside the caller's transaction (source.c). */
int store_write_origin(Store *s, const StoreRunSpec *spec, int64_t run, StoreClaim claim, Error *err);

/* BEGIN IMMEDIATE takes the write lock now, so that the timeout applies: a read lock that is raised to a write lock
 * later fails at once.  store_end commits when status is 0, else, or when the commit fails, rolls back; returns the
 * status. */
int store_begin(Store *s, Error *err, const char *doing);
int store_end(Store *s, int status, Error *err, const char *doing);

/* store_begin for a write of this run.  Where this connection has started the run, it must still hold the lease, and
 * its heartbeat is renewed (lease.c). */
int store_begin_run(Store *s, int64_t run, Error *err, const char *doing);

/* ---- which process is alive (process.c) ---- */

void store_process_self(StoreProcess *self);
int store_process_equal(const StoreProcess *a, const StoreProcess *b);
/* [OUT] *h of the process p, seen from self.  sign: the time of its last sign of life, seconds since 1970. */
void store_process_judge(StoreHolder *h, const StoreProcess *p, int64_t sign, const StoreProcess *self,
                         int lease_seconds);

/* ---- leases (lease.c) ---- */

/* What holder_gone and store_holder_read take, of `run AS r`: the holder and the time of its last sign of life.
 * Versions before 5 recorded no heartbeat, but a checkpoint at least every 10 s. */
#define STORE_HOLDER                                                                                                   \
    "coalesce(r.host, ''), coalesce(r.boot, ''), coalesce(r.pid_namespace, 0), coalesce(r.process, 0), "               \
    "coalesce(r.process_start, 0), coalesce(r.heartbeat, CAST(strftime('%s', max(r.created, coalesce(r.started, ''), " \
    "coalesce((SELECT c.written FROM checkpoint c WHERE c.run = r.id), ''))) AS INTEGER))"

/* [OUT] *p and *h from the columns STORE_HOLDER of a row; the first of them is number `first`. */
void store_holder_read(const Store *s, sqlite3_stmt *row, int first, StoreProcess *p, StoreHolder *h);

/* Defines the SQL function holder_gone(STORE_HOLDER): why the holder is known to be gone, as a text; NULL while it may
 * be alive.  Returns SQLite's code. */
int store_define_holder_gone(Store *s);

/* Temporary views for a reader's connection, which show a run whose process is gone as crashed (status.c). */
int store_show_gone(Store *s, Error *err);

/* ---- where a database may lie (place.c) ---- */

/* The kind of a network file system ("NFS", "SMB" …) that `folder` lies on, or NULL. */
const char *store_network(const char *folder);
/* The same by the magic number of statfs and, for FUSE, the type of the mount ("fuse.sshfs"). */
const char *store_network_kind(unsigned long magic, const char *type);
/* How a database at a place is opened. */
typedef enum StorePlace {
    STORE_PLACE_LOG,     /* with a write-ahead log */
    STORE_PLACE_JOURNAL, /* the file system supports no write-ahead log */
    STORE_PLACE_STILL,   /* a copy on a network file system, for reading: without locks */
} StorePlace;

/* Refuses a path that cannot be opened in this mode, with a message for each reason; makes the folder for STORE_WRITE. */
int store_place_check(const char *path, StoreMode mode, StorePlace *place, Error *err);

#endif
