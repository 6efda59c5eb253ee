/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/import.h: weights that another program trained, as a finished run of a script.
 */
#ifndef LAB_IMPORT_H
#define LAB_IMPORT_H

#include "base/text.h"
#include "data/arrays.h"
#include "graph/exec.h"
#include "lab/lab.h"
#include "lab/provenance.h"

/* ---- names of arrays (import_names.c) ---------------------------------------------------------------------------- */

/* Whether a matrix of a file is ours, (in, out), or its transpose; LAB_EITHER: as its shape fits. */
typedef enum { LAB_EITHER, LAB_KEEP, LAB_TRANSPOSE } LabOrientation;

/* Our name of an array, and that of a file; ours "-": the file's array is left out. */
typedef struct LabArrayName {
    char *ours, *theirs;
    LabOrientation orientation;
    int used;
} LabArrayName;

typedef struct LabArrayNames {
    LabArrayName *row;
    size_t count;
} LabArrayNames;

/* Adds a line "OURS = THEIRS [transpose|keep]".  ERR_USAGE: another form, or a name of ours given twice. */
int lab_array_names_add(LabArrayNames *names, const char *line, Error *err);

/* Adds the lines of a text; empty ones and those that begin with # are left out.  Errors name the line. */
int lab_array_names_read(LabArrayNames *names, const char *text, Error *err);
void lab_array_names_free(LabArrayNames *names);

/* ---- from arrays to parameters (import_match.c) ------------------------------------------------------------------ */

typedef struct LabImportSource {
    const DataArrays *arrays;
    LabArrayNames *names; /* an array without a row has our name */
    int convert;          /* also arrays of float64, float16 and bfloat16, rounded to float32 */
} LabImportSource;

/* [OUT] params: the arrays' values; differences: one line for each array that is missing, unexpected, or of another
 * shape or type, or has values that are not finite; notes: one line for each array that was transposed because only
 * that fits.  Without differences 0; else -1 with *err (ERR_FILE). */
int lab_import_match(GraphParams *params, const LabImportSource *source, Text *differences, Text *notes, Error *err);

/* ---- the run (import.c) ------------------------------------------------------------------------------------------ */

/* [OUT] run->identity, ->plan, of imported parameters: SHA-256 of "vae-lab import", the arithmetic version, the graph's
 * text, the parameters' digest, the data's digest, seed and generator.  It is no trained run's: those begin with other
 * words.  plan: JSON with the digest. */
int lab_import_identify(LabRun *run, const GraphParams *params, Error *err);

/* What is recorded of an import. */
typedef struct LabImported {
    const LabRun *run; /* identified */
    GraphParams *params;
    const char *file; /* its name and its SHA-256 */
    const LabProvenance *provenance;
    int threads;
} LabImported;

/* Records the run as done, with its weights and, at step 0, the test metrics that training records after its last
 * epoch.  Where it is recorded already ([OUT] *claim STORE_DONE), only weights that were dropped are recorded again.
 * ERR_RUN: a process holds the run. */
int lab_import_record(Store *s, const LabImported *imported, int64_t *id, StoreClaim *claim, Error *err);

#endif
