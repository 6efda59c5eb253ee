/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/reproduce.c: trains recorded runs again from the database alone, and compares.  Promise: "reproduced" means that
 * the digest and every recorded value of every epoch agree to the bit.
 *
 * The graph, the plan, the data set's options, the seed and the generator are read from the database, which need not
 * be trusted: the identity that they have must be the recorded one.
 */
#include "lab/reproduce.h"

#include "base/mem.h"
#include "num/fpenv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a recorded run is trained from. */
typedef struct Opened {
    Graph *graph;
    LabPlan *plan;
    size_t data;  /* index in LabReproduce.data */
    LabSpec spec;
    size_t train; /* index in LabReproduce.train; SIZE_MAX: not trained */
} Opened;

struct LabReproduce {
    size_t count, trained, ndata;
    LabReproduction *result; /* of each run */
    Opened *opened;          /* of each run */
    Data **data;             /* each data set once */
    LabRun *train;           /* the runs that are trained */
};

const char *lab_verdict_word(LabVerdict verdict)
{
    static const char *const word[] = {
        [LAB_NOT_REPEATED] = "not repeated",     [LAB_DATA_DIFFER] = "data differ",
        [LAB_IDENTITY_DIFFERS] = "identity differs", [LAB_VALUE_DIFFERS] = "value differs",
        [LAB_END_DIFFERS] = "end differs",       [LAB_DIGEST_DIFFERS] = "digest differs",
        [LAB_REPRODUCED] = "reproduced",
    };
    return word[verdict];
}

/* ---- a database for a while -------------------------------------------------------------------------------------- */

int lab_scratch_make(LabScratch *s, Error *err)
{
    const char *below = getenv("TMPDIR");
    snprintf(s->folder, sizeof s->folder, "%.400s/vae-lab-XXXXXX", below != NULL && below[0] != '\0' ? below : "/tmp");
    if (mkdtemp(s->folder) == NULL) {
        error_set(err, ERR_RUN, "cannot make a temporary folder: %s", strerror(errno));
        error_where(err, "%s", s->folder);
        return error_hint(err, "TMPDIR names another place");
    }
    snprintf(s->database, sizeof s->database, "%s/repeated.db", s->folder);
    return 0;
}

void lab_scratch_remove(const LabScratch *s)
{
    static const char *const ending[] = {"", "-wal", "-shm", "-journal"};
    char path[600];
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        snprintf(path, sizeof path, "%s%s", s->database, ending[i]);
        unlink(path);
    }
    rmdir(s->folder);
}

void lab_scratch_stopped(Error *err)
{
    char number[32];
    if (err->kind != ERR_SIGNAL)
        return;
    snprintf(number, sizeof number, "%.30s", err->found);
    error_set(err, ERR_SIGNAL, "stopped by a signal: nothing is compared, and nothing is kept");
    error_found(err, "%s", number);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int is(const StoreRecordedRun *r, const char *status)
{
    return strcmp(r->status, status) == 0;
}

/* Whether the run was trained to its end, so that its weights are recorded too. */
static int has_ended(const StoreRecordedRun *r)
{
    return is(r, "done") || is(r, "diverged");
}

static int check_recorded(const StoreRecordedRun *r, Error *err)
{
    if (r->imported[0] != '\0') {
        error_set(err, ERR_STORE, "its weights were imported, so that there is no training to repeat");
        return error_found(err, "%.200s", r->imported);
    }
    if (!has_ended(r) && r->last_epoch == 0) {
        error_set(err, ERR_STORE, "nothing is recorded of it to compare with");
        return error_found(err, "status %s, no epoch", r->status);
    }
    if (r->data_options[0] != '\0')
        return 0;
    error_set(err, ERR_STORE, "the options of its data set are not recorded: an earlier version trained it");
    return error_hint(err, "vae-lab run %.180s with the same settings adds them, and trains nothing", r->script);
}

/* Opens the data set, or finds it among those that are open: two runs with the same options and digest share one. */
static int open_data(LabReproduce *r, size_t i, const char *dir, Error *err)
{
    const StoreRecordedRun *recorded = &r->result[i].recorded;
    for (size_t k = 0; k < i; k++)
        if (strcmp(r->result[k].recorded.data_options, recorded->data_options) == 0) {
            r->opened[i].data = r->opened[k].data;
            return 0;
        }
    Data *data = data_open_recorded(recorded->data_options, dir, err);
    if (data == NULL)
        return -1;
    r->opened[i].data = r->ndata;
    r->data[r->ndata++] = data;
    return 0;
}

/* Computes the identity of what was read, and compares it with the recorded one. */
static int identify(LabReproduce *r, size_t i, Error *err)
{
    LabReproduction *result = &r->result[i];
    const StoreRecordedRun *recorded = &result->recorded;
    char identity[DIGEST_TEXT], *plan = NULL;
    const char *digest = data_digest(r->opened[i].spec.data);
    int status = lab_identify(&r->opened[i].spec, identity, &plan, err);
    mem_free(plan);
    if (strcmp(digest, recorded->data_digest) != 0) { /* first: with other sizes the plan may not fit */
        result->verdict = LAB_DATA_DIFFER;
        snprintf(result->expected, sizeof result->expected, "%s", recorded->data_digest);
        snprintf(result->found, sizeof result->found, "%s", digest);
        return 0;
    }
    if (status != 0)
        return -1;
    if (strcmp(identity, recorded->identity) != 0) {
        result->verdict = LAB_IDENTITY_DIFFERS;
        snprintf(result->expected, sizeof result->expected, "%s", recorded->identity);
        snprintf(result->found, sizeof result->found, "%s", identity);
    }
    return 0;
}

static int open_run(LabReproduce *r, Store *s, size_t i, const char *dir, Error *err)
{
    StoreRecordedRun *recorded = &r->result[i].recorded;
    Opened *o = &r->opened[i];
    if (store_recorded_run(s, r->result[i].id, recorded, err) != 0 || check_recorded(recorded, err) != 0)
        return -1;
    num_fpenv_set(); /* SQLite was called; identify checks it */
    o->spec.seed.number = recorded->seed;
    o->graph = graph_parse(recorded->graph, err);
    o->plan = o->graph == NULL ? NULL : lab_plan_read(recorded->plan, &o->spec, err);
    if (o->plan == NULL || open_data(r, i, dir, err) != 0)
        return -1;
    o->spec.graph = o->graph;
    o->spec.data = r->data[o->data];
    return identify(r, i, err);
}

/* Adds the run to those that are trained, unless one of them has its identity. */
static int add_training(LabReproduce *r, size_t i, Error *err)
{
    const StoreRecordedRun *recorded = &r->result[i].recorded;
    LabRun *run = &r->train[r->trained];
    *run = (LabRun){.spec = r->opened[i].spec, .experiment = recorded->experiment, .question = "",
                    .script = recorded->script, .label = recorded->label};
    /* Of an unfinished run the recorded epochs are repeated; no epoch depends on how many follow. */
    if (!has_ended(recorded) && recorded->last_epoch < run->spec.epochs)
        run->spec.epochs = (int)recorded->last_epoch;
    if (lab_run_identify(run, err) != 0)
        return -1;
    size_t same = 0;
    while (strcmp(r->train[same].identity, run->identity) != 0)
        same++;
    r->opened[i].train = same;
    if (same < r->trained)
        mem_free(run->plan);
    else
        r->trained++;
    return 0;
}

LabReproduce *lab_reproduce_open(Store *s, const int64_t *runs, size_t count, const char *data_dir, Error *err)
{
    LabReproduce *r = mem_alloc(sizeof *r);
    if (r == NULL) {
        error_memory(err, "recorded runs");
        return NULL;
    }
    r->result = mem_array(count, sizeof *r->result);
    r->opened = mem_array(count, sizeof *r->opened);
    r->data = mem_array(count, sizeof(Data *));
    r->train = mem_array(count + 1, sizeof *r->train);
    int status = r->result == NULL || r->opened == NULL || r->data == NULL || r->train == NULL
                     ? error_memory(err, "recorded runs")
                     : 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        r->count++;
        r->result[i].id = runs[i];
        r->opened[i].train = SIZE_MAX;
        status = open_run(r, s, i, data_dir, err);
        if (status == 0 && r->result[i].verdict == LAB_NOT_REPEATED)
            status = add_training(r, i, err);
        if (status != 0) {
            error_in(err, "run %" PRId64, runs[i]);
            err->kind = err->kind == ERR_SCRIPT ? ERR_STORE : err->kind; /* what is recorded is at fault */
        }
    }
    if (status == 0)
        return r;
    lab_reproduce_free(r);
    return NULL;
}

void lab_reproduce_free(LabReproduce *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++) {
        store_recorded_run_free(&r->result[i].recorded);
        graph_free(r->opened[i].graph);
        lab_plan_free(r->opened[i].plan);
    }
    for (size_t i = 0; i < r->ndata; i++)
        data_free(r->data[i]);
    for (size_t i = 0; i < r->trained; i++)
        mem_free(r->train[i].plan);
    mem_free(r->result);
    mem_free(r->opened);
    mem_free(r->data);
    mem_free(r->train);
    mem_free(r);
}

const LabRun *lab_reproduce_runs(const LabReproduce *r, size_t *count)
{
    *count = r->trained;
    return r->train;
}

const LabReproduction *lab_reproduction(const LabReproduce *r, size_t i)
{
    return &r->result[i];
}

/* ---- comparing curves -------------------------------------------------------------------------------------------- */

typedef struct CurvePoint {
    char metric[128];
    int64_t step;
    StoreValue value; /* its text is in `kind` */
    char kind[8];     /* "nan", "inf", "-inf" */
} CurvePoint;

typedef struct CurvePoints {
    CurvePoint *point;
    size_t count, capacity;
    int failed;
} CurvePoints;

/* STORE_RUN_METRICS: metric, step, value; in the order of metric and step. */
static int take_point(void *context, int columns, const char *const *names, const StoreValue *v)
{
    CurvePoints *c = context;
    (void)columns, (void)names;
    if (v[1].integer < 1 || strncmp(v[0].bytes, "time/", 5) == 0)
        return 0; /* an evaluation; the clock */
    if (c->count == c->capacity) {
        size_t more = 2 * c->capacity + 1024;
        CurvePoint *point = mem_grow(c->point, c->capacity * sizeof *point, more * sizeof *point);
        if (point == NULL)
            return c->failed = 1;
        c->point = point;
        c->capacity = more;
    }
    CurvePoint *p = &c->point[c->count++];
    *p = (CurvePoint){.step = v[1].integer, .value = v[2]};
    snprintf(p->metric, sizeof p->metric, "%s", store_text_of(&v[0]));
    snprintf(p->kind, sizeof p->kind, "%s", store_text_of(&v[2]));
    return 0;
}

static int read_points(Store *s, int64_t run, CurvePoints *c, Error *err)
{
    int status = store_run_read(s, run, STORE_RUN_METRICS, take_point, c, err);
    return c->failed ? error_memory(err, "curves") : status;
}

static int by_place(const CurvePoint *a, const CurvePoint *b)
{
    int order = strcmp(a->metric, b->metric);
    return order != 0 ? order : (a->step > b->step) - (a->step < b->step);
}

/* Equal to the bit: 0 and -0 differ. */
static int same_value(const CurvePoint *a, const CurvePoint *b)
{
    return strcmp(a->kind, b->kind) == 0 &&
           (a->value.type != STORE_REAL || memcmp(&a->value.real, &b->value.real, sizeof a->value.real) == 0) &&
           a->value.type == b->value.type;
}

static void spell_value(char text[400], const CurvePoint *p)
{
    Text t = {0};
    if (p != NULL && p->value.type == STORE_REAL)
        text_add_number(&t, p->value.real);
    else
        text_add(&t, p == NULL ? "nothing" : p->kind);
    snprintf(text, 400, "%s", text_string(&t));
    text_free(&t);
}

/* The first epoch, and of it the first metric, whose recorded value differs; up to an epoch, since a run that is at work
 * records more meanwhile. */
static void compare_points(LabReproduction *result, const CurvePoints *recorded, const CurvePoints *repeated,
                           int64_t epochs)
{
    const CurvePoint *first = NULL, *other = NULL;
    for (size_t i = 0, j = 0; i < recorded->count; i++) {
        const CurvePoint *p = &recorded->point[i];
        if (p->step > epochs && !has_ended(&result->recorded))
            continue;
        while (j < repeated->count && by_place(&repeated->point[j], p) < 0)
            j++;
        const CurvePoint *q = j < repeated->count && by_place(&repeated->point[j], p) == 0 ? &repeated->point[j] : NULL;
        result->epochs = p->step > result->epochs ? p->step : result->epochs;
        if (q != NULL && same_value(p, q)) {
            result->values++;
        } else if (first == NULL || p->step < first->step) {
            first = p;
            other = q;
        }
    }
    if (first == NULL)
        return;
    result->verdict = LAB_VALUE_DIFFERS;
    result->epoch = first->step;
    snprintf(result->metric, sizeof result->metric, "%s", first->metric);
    spell_value(result->expected, first);
    spell_value(result->found, other);
}

/* ---- comparing runs ---------------------------------------------------------------------------------------------- */

/* "diverged: not finite in epoch 3, …"; "done" */
static void spell_end(char text[400], const StoreRecordedRun *r)
{
    snprintf(text, 400, "%s%s%.300s", r->status, is(r, "diverged") ? ": " : "", is(r, "diverged") ? r->message : "");
}

/* How the runs ended, and their weights. */
static void compare_ends(LabReproduction *result, const StoreRecordedRun *repeated)
{
    const StoreRecordedRun *recorded = &result->recorded;
    spell_end(result->expected, recorded);
    spell_end(result->found, repeated);
    if (strcmp(result->expected, result->found) != 0) {
        result->verdict = LAB_END_DIFFERS;
    } else if (strcmp(recorded->digest, repeated->digest) != 0) {
        result->verdict = LAB_DIGEST_DIFFERS;
        snprintf(result->expected, sizeof result->expected, "%s", recorded->digest);
        snprintf(result->found, sizeof result->found, "%s", repeated->digest);
    }
}

/* scratch, id: the repetition, of so many epochs. */
static int compare_run(LabReproduction *result, Store *s, Store *scratch, int64_t id, int64_t epochs, Error *err)
{
    CurvePoints recorded = {0}, repeated = {0};
    StoreRecordedRun again = {.seed = 0};
    int status = -1;
    if (read_points(s, result->id, &recorded, err) == 0 && read_points(scratch, id, &repeated, err) == 0)
        status = store_recorded_run(scratch, id, &again, err);
    if (status == 0 && !has_ended(&again)) {
        spell_end(result->expected, &result->recorded);
        snprintf(result->found, sizeof result->found, "%.60s: %.300s", again.status, again.message);
    } else if (status == 0) {
        result->verdict = LAB_REPRODUCED;
        compare_points(result, &recorded, &repeated, epochs);
        if (result->verdict == LAB_REPRODUCED && has_ended(&result->recorded))
            compare_ends(result, &again);
        snprintf(result->digest, sizeof result->digest, "%s", again.digest);
    }
    store_recorded_run_free(&again);
    mem_free(recorded.point);
    mem_free(repeated.point);
    return status;
}

static int compare(LabReproduce *r, Store *s, const char *database, Error *err)
{
    int status = 0;
    Store *scratch = store_open(database, STORE_READ, err);
    if (scratch == NULL)
        return -1;
    for (size_t i = 0; i < r->count && status == 0; i++) {
        StoreClaim claim;
        int64_t id;
        if (r->opened[i].train == SIZE_MAX)
            continue;
        const LabRun *train = &r->train[r->opened[i].train];
        status = store_run_find(scratch, train->identity, &id, &claim, err);
        if (status == 0)
            status = compare_run(&r->result[i], s, scratch, id, train->spec.epochs, err);
    }
    store_close(scratch);
    return status;
}

int lab_reproduce(LabReproduce *r, Store *s, const LabOptions *options, Error *err)
{
    LabScratch scratch = {0};
    LabOutcome outcome;
    if (r->trained == 0)
        return 0;
    if (lab_scratch_make(&scratch, err) != 0)
        return -1;
    LabOptions own = *options;
    own.database = scratch.database;
    own.settings = "{}";
    own.fresh = 0;
    int status = lab_sweep(r->train, r->trained, &own, &outcome, err);
    if (status == 0)
        status = compare(r, s, scratch.database, err);
    else
        lab_scratch_stopped(err);
    lab_scratch_remove(&scratch);
    return status;
}
