/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/data.h: data sets and minibatches.
 *
 * A data set is opened by name: "digits" (built in), "mnist", "fashion-mnist", "kmnist", "freyfaces" (the catalogue, in
 * DIR), "idx:IMAGES[,LABELS]" (files by path), or a toy density in the plane ("toy:pinwheel", "toy:mixture",
 * "toy:ring", "toy:moons") or "toy:linear-gaussian" (data/toys.h defines them).  Images are stored as bytes, toy points
 * as floats. Splits: train, valid, test.  Where no test split was published, the end of the file is the test split: the
 * last 300 Frey faces, the last seventh of an idx: file.  Every split has a SHA-256.  A data set with an example in two
 * splits is refused, unless the catalogue says that the published set has such examples.
 */
#ifndef DATA_DATA_H
#define DATA_DATA_H

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "num/stream.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Data Data;

typedef enum { DATA_TRAIN, DATA_VALID, DATA_TEST, DATA_SPLITS } DataSplit;

/* How grey pixels in [0,1] become the model's x.  Part of a run's identity.
 *  grey: the grey value;  static: drawn once, the same at every access;  dynamic: drawn again at every access. */
typedef enum { DATA_GREY, DATA_STATIC, DATA_DYNAMIC } DataBinarise;

extern const char *const data_binarise_names[]; /* "grey", "static", "dynamic", NULL */

typedef struct DataOptions {
    const char *dir;       /* folder of the catalogue's files; NULL: VAE_LAB_DATA, else "data" */
    size_t train;          /* use only the first `train` training examples; 0: all but those of validation */
    size_t valid;          /* take this many from the end of the training file for validation, whatever `train` is */
    size_t test;           /* use only the first `test` test examples; 0: all.  Sizes that do not fit: ERR_SCRIPT */
    DataBinarise binarise;
} DataOptions;

/* NULL with *err (ERR_FILE): unknown name (suggestion and list), missing file (where it was searched, how to get it), a
 * bad file (what, at which byte, found, expected), splits that overlap; ERR_SCRIPT for options that do not fit. */
Data *data_open(const char *name, const DataOptions *options, Error *err);
void data_free(Data *d);

/* How a data set was opened: with its name this opens it again.  dir is NULL. */
const DataOptions *data_options(const Data *d);

/* The name and the options as JSON, {"binarise":"grey","name":"mnist","test":0,"train":0,"valid":0}; and the data set of
 * such a text (NULL with *err, ERR_STORE for another text).  Files of an idx: name that are not at their path are looked
 * for in `dir` by their names, since the text may come from another machine. */
void data_recorded_text(const Data *d, Text *text);
Data *data_open_recorded(const char *text, const char *dir, Error *err);

const char *data_name(const Data *d);
/* The name and how its pixels become x: "mnist, dynamic binarisation", "digits, grey"; points have the name alone.
 * Shown with every likelihood, because the bound of one model differs by 20 nats between the binarisations. */
const char *data_description(const Data *d);
size_t data_count(const Data *d, DataSplit split);
size_t data_features(const Data *d);
size_t data_width(const Data *d);    /* of an image; features x 1 for points */
size_t data_height(const Data *d);
int data_is_image(const Data *d);
int data_classes(const Data *d);     /* 0: no labels */
int data_label(const Data *d, DataSplit split, size_t example); /* -1: none */

/* SHA-256 over name-independent content: shapes, bytes, labels of all three splits, the binarisation and its seed. */
const char *data_digest(const Data *d);
const char *data_split_digest(const Data *d, DataSplit split);

/* [OUT] x (rows, features): the examples order[first .. first+rows), or first … when order is NULL.  `stream` and
 * `step` address dynamic binarisation (row = the example's number in its split); static binarisation uses the stream
 * "data/static". */
void data_rows(const Data *d, DataSplit split, const uint32_t *order, size_t first, size_t rows, NumStream stream,
               uint64_t step, float *x);

/* [OUT] y (rows, classes): labels as one-hot rows. */
void data_labels(const Data *d, DataSplit split, const uint32_t *order, size_t first, size_t rows, float *y);

/* [OUT] mean[features] of the training split, in [0,1] for images; of the bits when they are static. */
void data_mean(const Data *d, float *mean);

/* [OUT] pairs: examples that are equal, byte for byte, to one of an earlier split (only in a catalogue set that
 * tolerates them); repeats: examples equal to an earlier one of their own split.  After static binarisation the bits
 * are compared. */
int data_overlap(const Data *d, size_t *pairs, size_t *repeats, Error *err);

/* The catalogue, for `vae-lab data list`. */
typedef struct DataEntry {
    const char *name, *what, *files; /* files: comma-separated, empty when built in */
    int classes;
} DataEntry;
size_t data_catalogue(const DataEntry **entries);

/* zlib's version ("1.2.13"). */
const char *data_zlib_version(void);

/* 1 when at least one file of that catalogue entry exists, or the set is built in; else 0. */
int data_present(const char *name, const char *dir);

/* Checks the files of a catalogue entry: present, size, SHA-256 or MD5 of the uncompressed content; a built-in set
 * against its recorded digest.  Writes one line a file to `report`; fails (ERR_FILE) with the first bad file. */
int data_verify(const char *name, const char *dir, FILE *report, Error *err);

#endif
