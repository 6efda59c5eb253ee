/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/verify.c: `vae-lab data verify`: the checksums of a set's files, or the digest of a built-in set.
 */
#include "data/catalogue.h"
#include "data/digits.h"
#include "data/toys.h"

#include <string.h>

static int verify_built_in(const char *name, FILE *report, Error *err)
{
    DataOptions all = {0};
    Data *d = data_open(name, &all, err);
    if (d == NULL)
        return -1;
    const char *golden = strcmp(name, "digits") == 0 ? DIGITS_DIGEST : toy_find(name)->digest;
    int same = strcmp(data_digest(d), golden) == 0;
    if (same) {
        fprintf(report, "%s  built in  digest %s  ok\n", name, data_digest(d));
    } else {
        error_set(err, ERR_FILE, "the built-in data set \"%s\" is drawn differently on this machine", name);
        error_found(err, "digest %s", data_digest(d));
        error_expected(err, "%s", golden);
        error_hint(err,
                   "was it built without -ffp-contract=off, or with -ffast-math?  Results will not be those of others");
    }
    data_free(d);
    return same ? 0 : -1;
}

int data_verify(const char *name, const char *dir, FILE *report, Error *err)
{
    const CatalogueSet *set = catalogue_find(name);
    if (set == NULL && (strcmp(name, "digits") == 0 || toy_find(name) != NULL))
        return verify_built_in(name, report, err);
    if (set == NULL) {
        error_set(err, ERR_FILE, "no data set \"%s\" in the catalogue", name);
        return error_hint(err, "`vae-lab data list` names them all");
    }
    /* every file is reported; the error is that of the first bad one */
    int status = 0;
    for (size_t i = 0; i < set->files; i++) {
        Error now = ERROR_NONE;
        if (catalogue_verify(set, &set->file[i], dir, report, &now) == 0)
            continue;
        fprintf(report, "%s  BAD: %s\n", set->file[i].name, now.what);
        if (status == 0)
            *err = now;
        status = -1;
    }
    return status;
}
