/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/fetch.h: `vae-lab data fetch` and `data import`: the files of a published set, from the first address that gives
 * the right ones, or from another folder.
 *
 * A file arrives as DIR/NAME/FILE.gz.part, is checked against the published checksums, and is then renamed to
 * DIR/NAME/FILE.gz: under its name there is never a wrong or an unfinished file.  A file that is here and right is not
 * fetched.
 */
#ifndef DATA_FETCH_H
#define DATA_FETCH_H

#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

typedef struct DataFetch {
    const char *dir;  /* of data files, as in DataOptions */
    const char *from; /* address of a folder that holds NAME/FILE.gz or FILE.gz; NULL: VAE_LAB_DATA_URL, else those of
                         the catalogue */
    long stall;       /* seconds without a byte after which an address is given up; 0: 30 */
    /* called at least once a second while bytes come: how many of a file are here, of all (0: unknown); non-zero stops */
    int (*progress)(void *context, const char *file, uint64_t here, uint64_t all);
    void (*note)(void *context, const char *text); /* why an address was given up */
    void (*done)(void *context, const char *path, int fetched); /* a file is here and right; 0: it was before */
    void *context;
} DataFetch;

/* Fetches what is missing of a set of the catalogue.  -1 with *err: ERR_SIGNAL when progress stopped it, ERR_USAGE for a
 * bad address, else ERR_FILE.  What arrived of an unfinished file stays for the next call. */
int data_fetch(const char *name, const DataFetch *how, Error *err);

/* Copies the files of a set (NULL: of every set of which the folder has one) from a folder into the data folder, where
 * they are not yet: under their published names, checked before and written atomically.  Uses dir and done of `how`. */
int data_import(const char *folder, const char *name, const DataFetch *how, Error *err);

/* Writes what a user without a network must copy here: addresses, names, sizes and the folder. */
void data_fetch_by_hand(const char *name, const DataFetch *how, FILE *out);

#endif
