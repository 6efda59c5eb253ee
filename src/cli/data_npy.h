/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/data_npy.h: `vae-lab data show … --npy FILE`: rows of a split, with the pixels that a run saw, for NumPy.
 */
#ifndef CLI_DATA_NPY_H
#define CLI_DATA_NPY_H

#include "data/data.h"

/* What the options say; NULL or 0 where one was not given. */
typedef struct CliNpy {
    const char *file;   /* "-": standard output */
    const char *run;    /* the number of a recorded run: its data set, binarisation, seed and generator */
    const char *split;  /* "train", "valid" or "test" (the default) */
    const char *rows;   /* "1:100", "7"; NULL: all */
    const char *use;    /* "training", "testing" or "evaluation": whose draws binarise the pixels */
    const char *seed;   /* of those draws */
    long epoch;         /* of training */
    int force;          /* replace an existing file */
} CliNpy;

/* Writes the rows of the data set `name`, opened by `how`; with o->run, name is NULL and `how` gives the folder alone. */
int cli_data_npy(const char *name, const DataOptions *how, const CliNpy *o, Error *err);

#endif
