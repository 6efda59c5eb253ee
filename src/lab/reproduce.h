/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/reproduce.h: trains recorded runs again from the database alone, and compares.
 */
#ifndef LAB_REPRODUCE_H
#define LAB_REPRODUCE_H

#include "lab/lab.h"
#include "store/read.h"

/* What the repetition of a run shows, the first that holds. */
typedef enum {
    LAB_NOT_REPEATED,      /* it failed, or was not trained to its end */
    LAB_DATA_DIFFER,       /* the data set has another digest: not trained */
    LAB_IDENTITY_DIFFERS,  /* graph, plan, data, seed and arithmetic have another identity: not trained */
    LAB_VALUE_DIFFERS,     /* a recorded value of a curve */
    LAB_END_DIFFERS,       /* one diverged, at that place, and the other not */
    LAB_DIGEST_DIFFERS,    /* the weights alone */
    LAB_REPRODUCED         /* everything that is recorded agrees to the bit */
} LabVerdict;

/* The word of a verdict: "digest differs". */
const char *lab_verdict_word(LabVerdict verdict);

/* A recorded run and its repetition. */
typedef struct LabReproduction {
    int64_t id;
    StoreRecordedRun recorded;
    LabVerdict verdict;
    int64_t epochs;       /* that were compared */
    size_t values;        /* values of curves that were compared and agree */
    char metric[128];     /* LAB_VALUE_DIFFERS: the first epoch and metric that differ */
    int64_t epoch;
    char expected[400], found[400]; /* what differs: as recorded, as repeated */
    char digest[DIGEST_TEXT];       /* of the repeated weights; "" without */
} LabReproduction;

typedef struct LabReproduce LabReproduce;

/* Opens recorded runs: parses their graphs and plans, opens their data sets (data_dir: --data-dir, or NULL), computes
 * their identities.  NULL with *err: there is no such run; nothing is recorded of it to compare; its weights were
 * imported; its record is damaged or lacks the options of its data set; a data file is missing. */
LabReproduce *lab_reproduce_open(Store *s, const int64_t *runs, size_t count, const char *data_dir, Error *err);
void lab_reproduce_free(LabReproduce *r);

/* The runs that will be trained, for a display: those whose data and identity agree, each identity once. */
const LabRun *lab_reproduce_runs(const LabReproduce *r, size_t *count);

/* Trains them in a temporary database and compares with the recorded ones; options->database is not used.  Nothing is
 * written to `s`.  -1 with *err as lab_sweep. */
int lab_reproduce(LabReproduce *r, Store *s, const LabOptions *options, Error *err);

/* The i-th of the runs that were opened. */
const LabReproduction *lab_reproduction(const LabReproduce *r, size_t i);

/* ---- a database for a while -------------------------------------------------------------------------------------- */

/* A folder below TMPDIR (/tmp) with the path of a database in it, which the caller makes. */
typedef struct LabScratch {
    char folder[512], database[544];
} LabScratch;
int lab_scratch_make(LabScratch *scratch, Error *err);
/* Removes the database and the folder. */
void lab_scratch_remove(const LabScratch *scratch);
/* Words the error of a sweep in it that a signal has stopped: nothing of it is kept. */
void lab_scratch_stopped(Error *err);

#endif
