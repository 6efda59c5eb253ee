/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/catalogue.h: the published data sets: their files, sizes and checksums, and where they are searched.
 */
#ifndef DATA_CATALOGUE_H
#define DATA_CATALOGUE_H

#include "base/error.h"
#include "data/data.h"
#include "data/idx.h"

enum { CATALOGUE_FILES = 4, CATALOGUE_ADDRESSES = 3, CATALOGUE_PATH = 1024 };

/* The roles of a set's files; a set without a published test split has the first one or two. */
typedef enum { FILE_TRAIN_IMAGES, FILE_TRAIN_LABELS, FILE_TEST_IMAGES, FILE_TEST_LABELS } CatalogueRole;

typedef struct CatalogueFile {
    CatalogueRole role;
    const char *name;
    size_t count;          /* examples */
    const char *sha256;    /* of the uncompressed content; NULL: not known for certain */
    const char *md5;       /* the same, as published; NULL: not published */
    const char *gz_md5;    /* of the published .gz; NULL: not published */
    const char *gz_sha256; /* the same; NULL: not known for certain */
    uint64_t gz_bytes;     /* its size; 0: there is none */
} CatalogueFile;

typedef struct CatalogueSet {
    DataEntry entry;
    const char *address[CATALOGUE_ADDRESSES + 1]; /* folders that hold the files as .gz, the best one first; NULL-ended */
    const char *by_hand;   /* where the files come from that have no such address; else NULL */
    const char *torchvision; /* its folder in torchvision: the files are in DIR/MNIST/raw; NULL: not there */
    int loose;             /* the files may be in DIR itself, not only in DIR/NAME */
    size_t height, width;
    size_t tail;           /* no test split was published: so many examples at the end become one */
    int shared;            /* examples in two splits are tolerated: the published splits have, or may have, some */
    int distinct;          /* no two examples are equal; the checksums guarantee it, so that no search is needed */
    const char *digest[2]; /* of splits that are the whole training and test part (data_split_digest), which the files' checksums
                              determine; NULL: not recorded */
    size_t files;
    CatalogueFile file[CATALOGUE_FILES];
} CatalogueSet;

/* The sets that come as files, and the list of everything; NULL for a name that is no such set. */
const CatalogueSet *catalogue_find(const char *name);

/* The folder of data files: DIR, else VAE_LAB_DATA, else "data". */
const char *catalogue_folder(const char *dir);

/* [OUT] path: the file's place, .gz or not.  Fails (ERR_FILE) with where it was looked for and how to get it. */
int catalogue_path(char path[CATALOGUE_PATH], const CatalogueSet *set, const CatalogueFile *file, const char *dir,
                   Error *err);

/* Reads the file; refuses a wrong shape, and a wrong SHA-256 where it is known. */
int catalogue_read(Idx *idx, const CatalogueSet *set, const CatalogueFile *file, const char *path, Error *err);

/* Checks the file as catalogue_read does, and the published checksums too; writes one line to `report`, unless NULL. */
int catalogue_verify_file(const CatalogueSet *set, const CatalogueFile *file, const char *path, FILE *report,
                          Error *err);
/* The same for the file that catalogue_path finds. */
int catalogue_verify(const CatalogueSet *set, const CatalogueFile *file, const char *dir, FILE *report, Error *err);

#endif
