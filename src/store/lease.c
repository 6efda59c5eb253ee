/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/lease.c: leases on runs.  Promise: of two processes that believe to hold a run, one records it.
 *
 * A lease is a number in the run's row that grows whenever a process takes the run, or loses it by `release` or
 * `--fresh`.  Each write of a run compares that number with its own, in the transaction that writes.  So a process that
 * was judged dead by mistake (a container that was paused for minutes) can do no harm when it wakes up.
 */
#include "store/inside.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- who holds a run -------------------------------------------------------------------------------------------- */

void store_holder_read(const Store *s, sqlite3_stmt *row, int first, StoreProcess *p, StoreHolder *h)
{
    memset(p, 0, sizeof *p);
    snprintf(p->host, sizeof p->host, "%s", store_column(row, first));
    snprintf(p->boot, sizeof p->boot, "%s", store_column(row, first + 1));
    p->pid_namespace = sqlite3_column_int64(row, first + 2);
    p->process = sqlite3_column_int64(row, first + 3);
    p->start = sqlite3_column_int64(row, first + 4);
    store_process_judge(h, p, sqlite3_column_int64(row, first + 5), &s->self, s->lease_seconds);
}

int store_run_holder(Store *s, int64_t run, StoreHolder *holder, Error *err)
{
    sqlite3_stmt *row;
    StoreProcess p;
    int found =
        store_first(s, err, &row, "read who holds a run", "SELECT " STORE_HOLDER " FROM run r WHERE id = ?1", "i", run);
    if (found != 1)
        return found == 0 ? store_no_such_run(s, run, err) : -1;
    store_holder_read(s, row, 0, &p, holder);
    sqlite3_finalize(row);
    return 0;
}

/* "5 s", "12 min", "3 h", "9 days". */
static void spell_duration(char text[32], int64_t seconds)
{
    static const struct { int64_t seconds, most; const char *name; } unit[] = {
        {1, 120, "s"}, {60, 120, "min"}, {3600, 48, "h"}, {86400, INT64_MAX, "days"}};
    size_t i = 0;
    while (seconds / unit[i].seconds >= unit[i].most)
        i++;
    snprintf(text, 32, "%lld %s", (long long)(seconds / unit[i].seconds), unit[i].name);
}

/* "process 7 on host box (a container)" */
static int spell_process(const StoreHolder *h, char *text, size_t size)
{
    const char *where = h->here ? h->container ? " (this container)" : " (this machine)"
                                : h->container ? " (a container)" : "";
    return snprintf(text, size, "process %lld on host %.80s%s", (long long)h->process, h->host, where);
}

void store_holder_text(const StoreHolder *h, char *text, size_t size)
{
    char age[32], left[32];
    if (h->process == 0) {
        snprintf(text, size, "no process");
        return;
    }
    spell_duration(age, h->age);
    spell_duration(left, h->left < 0 ? -h->left : h->left);
    int used = spell_process(h, text, size);
    if (used < 0 || (size_t)used >= size)
        return;
    text += used;
    size -= (size_t)used;
    if (h->here)
        snprintf(text, size, ", %slast sign of life %s ago", h->alive ? "" : "which is gone, ", age);
    else if (h->restarted)
        snprintf(text, size, ", gone since that machine was restarted, last sign of life %s ago", age);
    else
        snprintf(text, size, ", last sign of life %s ago, its lease %s %s%s", age, h->left < 0 ? "expired" : "expires in",
                 left, h->left < 0 ? " ago" : "");
}

/* Why a holder that is not alive counts as gone. */
static void spell_gone(const StoreHolder *h, char *text, size_t size)
{
    char age[32];
    spell_duration(age, h->age);
    if (h->process == 0)
        snprintf(text, size, "no process holds it");
    else if (h->here || h->restarted)
        snprintf(text, size, "its process %lld on %.80s is gone", (long long)h->process, h->host);
    else
        snprintf(text, size, "its process %lld on %.80s gave no sign of life for %s", (long long)h->process, h->host, age);
}

/* ---- runs whose process is gone --------------------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, sqlite3_value *value)
{
    const unsigned char *text = sqlite3_value_text(value);
    snprintf(to, size, "%s", text == NULL ? "" : (const char *)text);
}

static void holder_gone(sqlite3_context *context, int n, sqlite3_value **value)
{
    const Store *s = sqlite3_user_data(context);
    StoreProcess p = {.pid_namespace = sqlite3_value_int64(value[2]),
                      .process = sqlite3_value_int64(value[3]),
                      .start = sqlite3_value_int64(value[4])};
    StoreHolder h;
    char text[160];
    (void)n;
    copy_text(p.host, sizeof p.host, value[0]);
    copy_text(p.boot, sizeof p.boot, value[1]);
    store_process_judge(&h, &p, sqlite3_value_int64(value[5]), &s->self, s->lease_seconds);
    if (h.alive)
        return; /* NULL */
    spell_gone(&h, text, sizeof text);
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

int store_define_holder_gone(Store *s)
{
    return sqlite3_create_function_v2(s->db, "holder_gone", 6, SQLITE_UTF8 | SQLITE_INNOCUOUS, s, holder_gone, NULL, NULL,
                                      NULL);
}

int store_reap(Store *s, int *count, Error *err)
{
    static const char doing[] = "look for crashed runs";
    *count = 0;
    if (store_begin(s, err, doing) != 0)
        return -1;
    int status = store_do(s, err, doing,
                          "UPDATE run AS r SET status = 'crashed', finished = " STORE_NOW
                          ", message = holder_gone(" STORE_HOLDER ") WHERE status IN ('queued', 'running') AND "
                          "superseded_by IS NULL AND holder_gone(" STORE_HOLDER ") IS NOT NULL",
                          "");
    int changed = status == 0 ? sqlite3_changes(s->db) : 0;
    status = store_end(s, status, err, doing);
    if (status == 0)
        *count = changed;
    return status;
}

/* ---- writing under a lease -------------------------------------------------------------------------------------- */

int store_lost(const Store *s)
{
    return s->lost;
}

double store_beat_seconds(const Store *s)
{
    return s->lease_seconds / 12.0;
}

/* The run that this connection had started belongs to another process, or to none.  lease: its number now. */
static int report_loss(Store *s, int64_t run, int64_t lease, Error *err)
{
    StoreHolder h = {0};
    StoreProcess p;
    char by[160] = "";
    sqlite3_stmt *row;
    int found = store_first(s, err, &row, "read who holds a run",
                            "SELECT superseded_by, " STORE_HOLDER " FROM run r WHERE id = ?1", "i", run);
    if (found < 0)
        return -1;
    int64_t newer = found == 1 ? sqlite3_column_int64(row, 0) : 0;
    if (found == 1)
        store_holder_read(s, row, 1, &p, &h);
    sqlite3_finalize(row);
    s->lost = 1;
    spell_process(&h, by, sizeof by);
    if (newer != 0)
        error_set(err, ERR_RUN, "run %lld was superseded by run %lld (--fresh)", (long long)run, (long long)newer);
    else if (h.process != 0)
        error_set(err, ERR_RUN, "run %lld was taken over by %s", (long long)run, by);
    else
        error_set(err, ERR_RUN, "run %lld was %s", (long long)run,
                  found == 1 ? "released from this process (vae-lab release)" : "deleted from the database");
    error_where(err, "%s", s->path);
    error_found(err, "lease %lld", (long long)lease);
    error_expected(err, "lease %lld, which this process was given", (long long)s->held_lease);
    return error_hint(err, "this process records nothing more of the run; vae-lab show %lld prints its state",
                      (long long)(newer != 0 ? newer : run));
}

/* Renews the heartbeat where it is older than half of the time between two signs of life (5 s): the row holds the
 * graph's text, so that writing it at every commit would cost more than the metrics.  Another host may have marked the
 * run as crashed while this process was paused: as no other has taken it, this process goes on. */
static int renew(Store *s, int64_t run, Error *err, const char *doing)
{
    int64_t now = time(NULL), age = now - s->beaten;
    if (age >= 0 && (double)age < store_beat_seconds(s) / 2)
        return 0;
    s->beaten = now;
    return store_do(s, err, doing,
                    "UPDATE run SET heartbeat = ?2, status = 'running', message = NULL, finished = NULL WHERE id = ?1 AND "
                    "status IN ('running', 'crashed')",
                    "ii", run, now);
}

static int keep_lease(Store *s, int64_t run, Error *err, const char *doing)
{
    int64_t lease = 0;
    int found = store_integer(s, err, &lease, doing, "SELECT lease FROM run WHERE id = ?1", "i", run);
    if (found < 0)
        return -1;
    return found == 1 && lease == s->held_lease ? renew(s, run, err, doing) : report_loss(s, run, lease, err);
}

int store_begin_run(Store *s, int64_t run, Error *err, const char *doing)
{
    if (store_begin(s, err, doing) != 0)
        return -1;
    return run == s->held_run && keep_lease(s, run, err, doing) != 0 ? store_end(s, -1, err, doing) : 0;
}

static const char beating[] = "record a sign of life";

int store_run_beat(Store *s, int64_t run, Error *err)
{
    return store_begin_run(s, run, err, beating) != 0 ? -1 : store_end(s, 0, err, beating);
}

int store_queue_beat(Store *s, Error *err)
{
    const StoreProcess *self = &s->self;
    if (store_begin(s, err, beating) != 0)
        return -1;
    int status = store_do(s, err, beating,
                          "UPDATE run SET heartbeat = ?1 WHERE status = 'queued' AND boot = ?2 AND pid_namespace = ?3 AND "
                          "process = ?4 AND process_start = ?5",
                          "itiii", (int64_t)time(NULL), self->boot, self->pid_namespace, self->process, self->start);
    return store_end(s, status, err, beating);
}

/* ---- release ---------------------------------------------------------------------------------------------------- */

static int refuse_release(int64_t run, const char *status, const StoreHolder *h, Error *err)
{
    char holder[256];
    if (strcmp(status, "queued") != 0 && strcmp(status, "running") != 0) {
        error_set(err, ERR_RUN, "no process holds run %lld", (long long)run);
        error_found(err, "status %s", status);
        error_expected(err, "status queued or running");
        return strcmp(status, "done") == 0 || strcmp(status, "diverged") == 0
                   ? error_hint(err, "vae-lab show %lld prints it; vae-lab run FILE.lua --fresh runs it again", (long long)run)
                   : error_hint(err, "nothing to release: vae-lab run FILE.lua continues it");
    }
    store_holder_text(h, holder, sizeof holder);
    error_set(err, ERR_RUN, "run %lld is at work, and was not released", (long long)run);
    error_found(err, "%s", holder);
    return error_hint(err, "kill %lld ends that process once its work is recorded; vae-lab release --force takes the run "
                           "from it", (long long)h->process);
}

static int release(Store *s, int64_t run, int force, StoreHolder *h, const char *doing, Error *err)
{
    sqlite3_stmt *row;
    StoreProcess p;
    char status[16], why[160] = "released by vae-lab release";
    int found =
        store_first(s, err, &row, doing, "SELECT status, " STORE_HOLDER " FROM run r WHERE id = ?1", "i", run);
    if (found != 1)
        return found == 0 ? store_no_such_run(s, run, err) : -1;
    snprintf(status, sizeof status, "%s", store_column(row, 0));
    store_holder_read(s, row, 1, &p, h);
    sqlite3_finalize(row);
    int held = strcmp(status, "queued") == 0 || strcmp(status, "running") == 0;
    if (!held || (h->here && h->alive && !force))
        return refuse_release(run, status, h, err);
    if (!h->alive)
        spell_gone(h, why, sizeof why);
    return store_do(s, err, doing,
                    "UPDATE run SET status = ?2, message = ?3, finished = " STORE_NOW ", lease = lease + 1, process = NULL, "
                    "process_start = NULL, pid_namespace = NULL WHERE id = ?1",
                    "itt", run, h->alive ? "interrupted" : "crashed", why);
}

int store_run_release(Store *s, int64_t run, int force, StoreHolder *holder, Error *err)
{
    static const char doing[] = "release a run";
    if (store_begin(s, err, doing) != 0)
        return -1;
    return store_end(s, release(s, run, force, holder, doing, err), err, doing);
}
