/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/import.c: `vae-lab data import`: copies the verified files of published sets from a folder into the data folder.
 */
#include "data/fetch.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/mem.h"
#include "data/catalogue.h"

#include <string.h>

enum { MOST = 1 << 30 };

/* [OUT] target: DIR/NAME/FILE, compressed as the file at `path`; makes the folder. */
static int find_target(char target[CATALOGUE_PATH], const CatalogueSet *set, const CatalogueFile *file,
                       const char *path, const char *dir, Error *err)
{
    char failed[4096];
    size_t length = strlen(path);
    const char *ending = length > 3 && strcmp(path + length - 3, ".gz") == 0 ? ".gz" : "";
    int used = snprintf(target, CATALOGUE_PATH, "%s/%s", dir, set->entry.name);
    int code = used < CATALOGUE_PATH ? folder_make(target, failed) : 0;
    if (code != 0) {
        error_set(err, ERR_FILE, "the folder of the data cannot be made");
        error_where(err, "%.250s", failed);
        return error_found(err, "%s", strerror(code));
    }
    if (used + 1 + strlen(file->name) + strlen(ending) >= CATALOGUE_PATH) {
        error_set(err, ERR_FILE, "the path of the data folder is too long");
        return error_where(err, "%.200s", dir);
    }
    snprintf(target + used, CATALOGUE_PATH - (size_t)used, "/%s%s", file->name, ending);
    return 0;
}

static int import_file(const CatalogueSet *set, const CatalogueFile *file, const char *folder, const DataFetch *how,
                       Error *err)
{
    char path[CATALOGUE_PATH], target[CATALOGUE_PATH];
    const char *dir = catalogue_folder(how->dir);
    Error ignored = ERROR_NONE;
    void *bytes;
    size_t size;
    if (catalogue_path(path, set, file, dir, &ignored) == 0 &&
        catalogue_verify_file(set, file, path, NULL, &ignored) == 0) {
        how->done(how->context, path, 0);
        return 0;
    }
    if (catalogue_path(path, set, file, folder, err) != 0 || catalogue_verify_file(set, file, path, NULL, err) != 0 ||
        find_target(target, set, file, path, dir, err) != 0 || file_read(path, MOST, &bytes, &size, err) != 0)
        return -1;
    int status = file_write(target, bytes, size, 1, err);
    mem_free(bytes);
    if (status == 0)
        how->done(how->context, target, 1);
    return status;
}

static int import_set(const CatalogueSet *set, const char *folder, const DataFetch *how, Error *err)
{
    for (size_t i = 0; i < set->files; i++)
        if (import_file(set, &set->file[i], folder, how, err) != 0)
            return -1;
    return 0;
}

int data_import(const char *folder, const char *name, const DataFetch *how, Error *err)
{
    const DataEntry *entries;
    size_t count = data_catalogue(&entries), found = 0;
    for (size_t i = 0; i < count; i++) {
        const CatalogueSet *set = catalogue_find(entries[i].name);
        if (set == NULL || (name != NULL ? strcmp(name, entries[i].name) != 0 : !data_present(entries[i].name, folder)))
            continue;
        found++;
        if (import_set(set, folder, how, err) != 0)
            return -1;
    }
    if (found > 0)
        return 0;
    error_set(err, ERR_FILE, name != NULL ? "no data set \"%s\" to import" : "no file of a published data set is here",
              name);
    error_where(err, "%s", folder);
    return error_hint(err, "`vae-lab data list` names the sets; other IDX files are used by their path: idx:IMAGES,LABELS");
}
