/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/read_run.c: what is recorded of single runs, and of the runs of an experiment or a sweep.
 */
#include "store/inside.h"
#include "store/read.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static StoreValue text_value(const char *text)
{
    return (StoreValue){.type = STORE_TEXT, .bytes = text, .size = strlen(text)};
}

static StoreValue integer_value(int64_t number)
{
    return (StoreValue){.type = STORE_INTEGER, .integer = number, .real = (double)number};
}

/* ---- one run --------------------------------------------------------------------------------------------------------- */

static int take_text(void *context, int columns, const char *const *names, const StoreValue *v)
{
    char **text = context;
    (void)columns, (void)names;
    *text = mem_string(v[0].type == STORE_TEXT ? v[0].bytes : "");
    return *text == NULL;
}

int store_run_graph(Store *s, int64_t run, char **graph, Error *err)
{
    char status[STORE_STATUS];
    StoreValue id = integer_value(run);
    *graph = NULL;
    if (store_run_status(s, run, status, NULL, 0, err) != 0 ||
        store_query(s, "SELECT graph FROM run WHERE id = ?1", &id, 1, take_text, graph, err) != 0)
        return -1;
    return *graph == NULL ? error_memory(err, "a graph's text") : 0;
}

typedef struct RunStatus {
    char *status, *message;
    size_t size; /* of message */
    int found;
} RunStatus;

static int take_status(void *context, int columns, const char *const *names, const StoreValue *v)
{
    RunStatus *r = context;
    (void)columns, (void)names;
    snprintf(r->status, STORE_STATUS, "%s", (const char *)v[0].bytes);
    if (r->size > 0)
        snprintf(r->message, r->size, "%s", v[1].type == STORE_TEXT ? (const char *)v[1].bytes : "");
    r->found = 1;
    return 0;
}

int store_run_status(Store *s, int64_t run, char status[STORE_STATUS], char *message, size_t size, Error *err)
{
    RunStatus r = {.status = status, .message = message, .size = size};
    StoreValue id = integer_value(run);
    if (store_query(s, "SELECT status, message FROM run WHERE id = ?1", &id, 1, take_status, &r, err) != 0)
        return -1;
    return r.found ? 0 : store_no_such_run(s, run, err);
}

int store_run_last_epoch(Store *s, int64_t run, int64_t *epoch, Error *err)
{
    /* every epoch records its time, whatever the model's metrics are */
    int found = store_integer(s, err, epoch, "read a run's last epoch",
                              "SELECT coalesce(max(step), 0) FROM metric WHERE run = ?1 AND metric = "
                              "(SELECT id FROM metric_name WHERE name = 'time/epoch')",
                              "i", run);
    return found == 1 ? 0 : -1;
}

/* ---- runs in an experiment ------------------------------------------------------------------------------------------- */

int store_run_settings(Store *s, int64_t run, const char *experiment, StoreRow row, void *context, Error *err)
{
    const StoreValue args[] = {integer_value(run), text_value(experiment)};
    return store_query(s,
                       "SELECT s.name AS name, s.value AS value FROM setting s JOIN experiment e ON e.id = s.experiment "
                       "WHERE s.run = ?1 AND e.name = ?2 ORDER BY s.name",
                       args, 2, row, context, err);
}

int store_run_last_values(Store *s, int64_t run, const char *experiment, StoreRow row, void *context, Error *err)
{
    const StoreValue args[] = {integer_value(run), text_value(experiment)};
    return store_query(s, "SELECT metric AS name, value FROM last_values WHERE run = ?1 AND experiment = ?2", args, 2, row, context,
                       err);
}

int store_sweep_runs(Store *s, int64_t sweep, const char *experiment, StoreRow row, void *context, Error *err)
{
    const StoreValue args[] = {integer_value(sweep), text_value(experiment)};
    return store_query(s,
                       "SELECT r.* FROM runs r JOIN sweep_run s ON s.run = r.id "
                       "WHERE s.sweep = ?1 AND r.experiment = ?2 AND r.status = 'done' ORDER BY s.position",
                       args, 2, row, context, err);
}

int store_sweep_results(Store *s, int64_t sweep, StoreRow row, void *context, Error *err)
{
    /* A run that the sweep only needs (a classifier) belongs to another experiment: that one's label is printed. */
    const StoreValue id = integer_value(sweep);
    return store_query(s,
                       "SELECT r.id, r.label, r.seed, r.status, r.elbo, r.reconstruction, r.kl, r.nll FROM sweep w "
                       "JOIN sweep_run s ON s.sweep = w.id JOIN run o ON o.id = s.run JOIN experiment e ON e.id = coalesce("
                       "(SELECT experiment FROM member WHERE run = o.id AND experiment = w.experiment), o.experiment) "
                       "JOIN runs r ON r.id = o.id AND r.experiment = e.name WHERE w.id = ?1 ORDER BY r.id",
                       &id, 1, row, context, err);
}
