/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/train.c: the training loop of one run, and its record.  Promise: a recorded epoch stays recorded; a step makes no
 * allocation, no commit and no call into Lua.
 */
#include "lab/train.h"

#include "base/mem.h"
#include "lab/checkpoint.h"
#include "lab/training.h"
#include "num/fpenv.h"
#include "store/read.h"

#include <stdio.h>
#include <string.h>

/* At least this often the whole state goes to the database, with the epoch's metrics or in the middle of an epoch. */
#define CHECKPOINT_SECONDS 10.0

volatile sig_atomic_t lab_stop;

void lab_catch_hangup(const struct sigaction *action, struct sigaction *old)
{
    struct sigaction now;
    sigaction(SIGHUP, NULL, &now);
    if (now.sa_handler != SIG_IGN)
        sigaction(SIGHUP, action, NULL);
    if (old != NULL)
        *old = now;
}

/* A training with its record. */
typedef struct RecordedTraining {
    Training training;
    Store *store;
    int64_t id;
    LabReporter *reporter;
    unsigned char *checkpoint;          /* buffer */
    double checkpoint_time, epoch_time, beat_time; /* seconds of lab_clock */
    int64_t recorded;                   /* last epoch in the database when this process began */
} RecordedTraining;

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

static int resume(RecordedTraining *r, Error *err)
{
    Training *t = &r->training;
    uint64_t step;
    void *bytes;
    size_t size;
    if (store_run_last_epoch(r->store, r->id, &r->recorded, err) != 0 ||
        store_run_checkpoint(r->store, r->id, &step, &bytes, &size, err) != 0)
        return -1;
    /* A checkpoint of other sizes is not this run's; training from the start gives the same result. */
    if (bytes != NULL && lab_checkpoint_read(&t->state, bytes, size) == 0) {
        optimiser_set_steps(t->optimiser, t->state.optimiser_steps);
        r->reporter->last.resumed = 1;
    }
    mem_free(bytes);
    return 0;
}

static StoreCheckpoint checkpoint_now(RecordedTraining *r)
{
    Training *t = &r->training;
    t->state.optimiser_steps = optimiser_steps(t->optimiser);
    lab_checkpoint_write(&t->state, r->checkpoint);
    r->checkpoint_time = lab_clock();
    return (StoreCheckpoint){.step = (t->state.epoch - 1) * t->steps + t->state.batch,
                             .bytes = r->checkpoint,
                             .size = lab_checkpoint_size(&t->state)};
}

static int checkpoint_is_due(const RecordedTraining *r)
{
    return lab_clock() - r->checkpoint_time >= CHECKPOINT_SECONDS;
}

static int save(RecordedTraining *r, Error *err)
{
    StoreCheckpoint c = checkpoint_now(r);
    return store_run_record(r->store, r->id, NULL, 0, &c, err);
}

/* Shows other hosts that the run is at work, where no commit has shown it for a while.  A failure is none of the run,
 * unless another process has taken it: the next sign of life comes. */
static int beat(void *context, Error *err)
{
    RecordedTraining *r = context;
    Error ignored = ERROR_NONE;
    if (lab_clock() - r->beat_time < store_beat_seconds(r->store))
        return 0;
    r->beat_time = lab_clock();
    if (store_run_beat(r->store, r->id, &ignored) == 0 || !store_lost(r->store))
        return 0;
    *err = ignored;
    return -1;
}

/* ---- recording an epoch ------------------------------------------------------------------------------------------ */

static void report_epoch(RecordedTraining *r, const double *mean)
{
    const Training *t = &r->training;
    LabReport *last = &r->reporter->last;
    const struct { const char *name; double *value; } shown[] = {
        {"elbo", &last->elbo}, {"reconstruction", &last->reconstruction}, {"kl", &last->kl},
    };
    last->epoch = (int)t->state.epoch;
    for (size_t i = 0; i < t->nmetrics; i++)
        for (size_t k = 0; k < sizeof shown / sizeof shown[0]; k++)
            if (strcmp(t->spec->metrics[i], shown[k].name) == 0)
                *shown[k].value = mean[i];
}

/* Commits the epoch that ended, and moves the state to the first step of the next. */
static int record_epoch(RecordedTraining *r, Error *err)
{
    Training *t = &r->training;
    const LabSpec *spec = t->spec;
    StoreMetric metric[2 * LAB_METRICS_MAX + 2];
    char name[2 * LAB_METRICS_MAX][64];
    double mean[LAB_METRICS_MAX], test_mean[LAB_METRICS_MAX];
    size_t count = 0;
    int64_t epoch = (int64_t)t->state.epoch;
    int tested = t->test.full != NULL && (epoch % spec->test_every == 0 || epoch == spec->epochs);
    double seconds = lab_clock() - r->epoch_time; /* of the training alone */

    num_fpenv_set();
    if (tested && training_test(t, test_mean, beat, r, err) != 0)
        return -1;
    for (size_t i = 0; i < t->nmetrics; i++) {
        mean[i] = t->state.totals[i] / (double)t->n;
        for (int split = 0; split <= tested; split++, count++) {
            snprintf(name[count], sizeof name[count], "%s/%s", split == 0 ? "train" : "test", spec->metrics[i]);
            metric[count] = (StoreMetric){name[count], epoch, split == 0 ? mean[i] : test_mean[i], lab_scale(spec->metrics[i])};
        }
    }
    metric[count++] = (StoreMetric){"gradient/norm", epoch, t->state.totals[t->nmetrics] / (double)t->steps, "log"};
    if (epoch > r->recorded) /* the clock is not reproducible: an epoch repeated after a resume keeps its first time */
        metric[count++] = (StoreMetric){"time/epoch", epoch, seconds, "log"};

    if (num_fpenv_check(err) != 0)
        return error_in(err, "epoch %d", (int)epoch);
    report_epoch(r, tested ? test_mean : mean);
    memset(t->state.totals, 0, t->state.ntotals * sizeof(double));
    t->state.epoch++;
    t->state.batch = 0;
    if (!checkpoint_is_due(r))
        return store_run_record(r->store, r->id, metric, count, NULL, err);
    StoreCheckpoint c = checkpoint_now(r);
    return store_run_record(r->store, r->id, metric, count, &c, err);
}

/* ---- one epoch --------------------------------------------------------------------------------------------------- */

/* After a step, before state.batch moves on. */
static void report_step(RecordedTraining *r, double examples)
{
    const Training *t = &r->training;
    LabReport *last = &r->reporter->last;
    double done = (double)(t->state.epoch - 1) + (double)t->state.batch / (double)t->steps;
    double elapsed = lab_clock() - r->epoch_time;
    last->kind = LAB_TRAINING;
    last->fraction = done / t->spec->epochs;
    last->examples_per_second = elapsed > 0 ? examples / elapsed : 0;
    lab_report(r->reporter, 0);
}

/* Trains the rest of the current epoch and records it; *end says when training stops before that. */
static int epoch(RecordedTraining *r, LabTrainEnd *end, char *message, size_t size, Error *err)
{
    Training *t = &r->training;
    int number = (int)t->state.epoch;
    num_fpenv_set();
    double rate = lab_schedule_at(&t->spec->rate, number), examples = 0;
    training_begin_epoch(t);
    r->epoch_time = lab_clock();
    while (t->state.batch < t->steps) {
        if (lab_stop) {
            *end = LAB_STOPPED;
            return save(r, err);
        }
        num_fpenv_set(); /* SQLite and the report's write were called since the last step */
        int finite = training_step(t, rate) == 0;
        if (num_fpenv_check(err) != 0)
            return error_in(err, "epoch %d, minibatch %llu of %zu", number, (unsigned long long)t->state.batch + 1, t->steps);
        if (!finite) {
            *end = LAB_DIVERGED;
            training_describe_divergence(t, message, size);
            return 0;
        }
        examples += (double)t->train.batch;
        report_step(r, examples);
        if (beat(r, err) != 0)
            return -1;
        t->state.batch++;
        if (t->state.batch < t->steps && checkpoint_is_due(r) && save(r, err) != 0)
            return -1;
    }
    return record_epoch(r, err);
}

int lab_train(const LabSpec *spec, Store *s, int64_t id, LabReporter *reporter, GraphParams **params, LabTrainEnd *end,
              char *message, size_t message_size, Error *err)
{
    RecordedTraining r = {.training.spec = spec, .store = s, .id = id, .reporter = reporter};
    Training *t = &r.training;
    int status = training_make(t, err);
    if (status == 0 && (r.checkpoint = mem_alloc(lab_checkpoint_size(&t->state))) == NULL)
        status = error_memory(err, "the checkpoint");
    if (status == 0)
        status = resume(&r, err);
    r.checkpoint_time = r.beat_time = lab_clock();
    *end = LAB_TRAINED;
    while (status == 0 && *end == LAB_TRAINED && t->state.epoch <= (uint64_t)spec->epochs)
        status = epoch(&r, end, message, message_size, err);
    if (status == 0) {
        *params = t->params;
        t->params = NULL;
    }
    training_free(t);
    mem_free(r.checkpoint);
    return status;
}
