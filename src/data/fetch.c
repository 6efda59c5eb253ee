/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/fetch.c: the files of a published set over the network: addresses in turn, checks, the atomic rename.
 */
#include "data/fetch.h"

#include "base/folder.h"
#include "data/catalogue.h"
#include "data/digits.h"
#include "data/download.h"
#include "data/toys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ADDRESS = 512, URL = ADDRESS + 128, PART = CATALOGUE_PATH + 8 };

typedef struct Fetch {
    const DataFetch *how;
    const CatalogueSet *set;
    const CatalogueFile *file; /* the current one */
    char address[CATALOGUE_ADDRESSES][ADDRESS];
    size_t addresses;
    char target[CATALOGUE_PATH], part[PART];
} Fetch;

static void __attribute__((format(printf, 2, 3))) note(const Fetch *f, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (f->how->note != NULL)
        f->how->note(f->how->context, text);
}

/* ---- where from and where to ------------------------------------------------------------------------------------ */

static int add_address(Fetch *f, const char *folder, const char *name, Error *err)
{
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    char *address = f->address[f->addresses];
    if (snprintf(address, ADDRESS, "%s%s%s%s", folder, slash, name, name[0] != '\0' ? "/" : "") >= ADDRESS) {
        error_set(err, ERR_USAGE, "the address of the data is too long");
        return error_expected(err, "at most %d characters", (int)ADDRESS - 40);
    }
    f->addresses++;
    return 0;
}

static int find_addresses(Fetch *f, Error *err)
{
    const char *environment = getenv("VAE_LAB_DATA_URL"), *from = f->how->from;
    if (from == NULL && environment != NULL && environment[0] != '\0')
        from = environment;
    for (size_t i = 0; from == NULL && f->set->address[i] != NULL; i++)
        if (add_address(f, f->set->address[i], "", err) != 0)
            return -1;
    if (from == NULL && f->addresses > 0)
        return 0;
    if (from == NULL) {
        error_set(err, ERR_FILE, "\"%s\" is not published in a form that can be fetched", f->set->entry.name);
        return error_hint(err, "convert it by hand: %s", f->set->by_hand);
    }
    if (strncasecmp(from, "http://", 7) != 0 && strncasecmp(from, "https://", 8) != 0) {
        error_set(err, ERR_USAGE, "this is not an address to fetch data from");
        error_found(err, "%s", from);
        error_expected(err, "http://… or https://…");
        return error_hint(err, "files of a folder are used by --data-dir FOLDER, or copied by data import FOLDER");
    }
    return add_address(f, from, f->set->entry.name, err) != 0 ? -1 : add_address(f, from, "", err);
}

static int find_target(Fetch *f, Error *err)
{
    const char *dir = catalogue_folder(f->how->dir), *name = f->set->entry.name;
    int length = snprintf(f->target, sizeof f->target, "%s/%s/%s.gz", dir, name, f->file->name);
    if (length < 0 || (size_t)length >= sizeof f->target) {
        error_set(err, ERR_FILE, "the path of the data folder is too long");
        return error_where(err, "%.200s", dir);
    }
    snprintf(f->part, sizeof f->part, "%s.part", f->target);
    return 0;
}

static int make_folder(const Fetch *f, Error *err)
{
    char folder[CATALOGUE_PATH], failed[4096];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(f->target, '/') - f->target), f->target);
    int code = folder_make(folder, failed);
    if (code == 0)
        return 0;
    error_set(err, ERR_FILE, "the folder of the data cannot be made");
    error_where(err, "%.250s", failed);
    error_found(err, "%s", strerror(code));
    return error_hint(err, "choose a folder that you may write with --data-dir DIR");
}

/* ---- one file --------------------------------------------------------------------------------------------------- */

/* Whether the file is here and right.  A wrong one in the place of the new one will be replaced; one elsewhere would
 * still be used first, and is an error. */
static int is_here(const Fetch *f, int *here, Error *err)
{
    char path[CATALOGUE_PATH];
    Error ignored = ERROR_NONE;
    *here = 0;
    if (catalogue_path(path, f->set, f->file, f->how->dir, &ignored) != 0)
        return 0;
    if (catalogue_verify_file(f->set, f->file, path, NULL, err) == 0) {
        *here = 1;
        if (f->how->done != NULL)
            f->how->done(f->how->context, path, 0);
        return 0;
    }
    if (strcmp(path, f->target) != 0)
        return error_hint(err, "move this file away and fetch again");
    note(f, "%s is fetched again: %s", path, err->what);
    return 0;
}

/* [OUT] *gzip: whether the part file begins as a gzip file; else text: its first line, printable. */
static void look_at(const char *path, int *gzip, char *text, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t got = file == NULL ? 0 : fread(text, 1, size - 1, file);
    if (file != NULL)
        fclose(file);
    text[got] = '\0';
    *gzip = got >= 2 && (unsigned char)text[0] == 0x1f && (unsigned char)text[1] == 0x8b;
    for (size_t i = 0; i < got; i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f)
            text[i] = ' ';
}

/* Whether the part file is the published one. */
static int check_part(const Fetch *f, const char *url, Error *err)
{
    char text[80];
    int gzip;
    look_at(f->part, &gzip, text, sizeof text);
    if (gzip && catalogue_verify_file(f->set, f->file, f->part, NULL, err) == 0)
        return 0;
    if (!gzip) {
        error_set(err, ERR_FILE, strchr(text, '<') != NULL ? "an address gave a web page instead of the file"
                                                           : "an address gave something else than the file");
        error_found(err, text[0] != '\0' ? "\"%s\"" : "nothing", text);
        error_expected(err, "a gzip file");
    }
    error_where(err, "%s", url);
    err->hint[0] = '\0';
    return -1;
}

static int accept_part(const Fetch *f, Error *err)
{
    if (rename(f->part, f->target) == 0) {
        if (f->how->done != NULL)
            f->how->done(f->how->context, f->target, 1);
        return 0;
    }
    error_set(err, ERR_FILE, "a fetched file cannot be renamed");
    error_where(err, "%s", f->part);
    return error_found(err, "%s", strerror(errno));
}

static int pass_progress(void *context, uint64_t here, uint64_t all)
{
    const Fetch *f = context;
    const DataFetch *how = f->how;
    return how->progress != NULL && how->progress(how->context, f->file->name, here, all != 0 ? all : f->file->gz_bytes);
}

static uint64_t part_size(const Fetch *f)
{
    struct stat state;
    return stat(f->part, &state) == 0 ? (uint64_t)state.st_size : 0;
}

/* Bytes of an earlier call, perhaps from another address, may be wrong: then once more from the first byte. */
static DownloadResult fetch_from(Fetch *f, const char *url, Error *err)
{
    enum { SPARE = 1 << 20, UNKNOWN = 1 << 30 };
    const Download d = {
        .url = url, .part = f->part, .stall = f->how->stall, .progress = pass_progress, .context = f,
        .most = f->file->gz_bytes > 0 ? 2 * f->file->gz_bytes + SPARE : UNKNOWN, /* others may compress less */
    };
    for (int attempt = 0;; attempt++) {
        uint64_t kept = part_size(f);
        if (kept == 0 || kept != f->file->gz_bytes) {
            DownloadResult result = download(&d, &kept, err);
            if (result != DOWNLOAD_DONE)
                return result;
        }
        if (check_part(f, url, err) == 0)
            return accept_part(f, err) == 0 ? DOWNLOAD_DONE : DOWNLOAD_LOCAL;
        unlink(f->part);
        if (kept == 0 || attempt > 0)
            return DOWNLOAD_FAILED;
    }
}

/* The next file is asked for at this address first. */
static void prefer(Fetch *f, size_t address)
{
    char first[ADDRESS];
    memcpy(first, f->address[address], ADDRESS);
    memmove(f->address[1], f->address[0], address * ADDRESS);
    memcpy(f->address[0], first, ADDRESS);
}

static int fetch_file(Fetch *f, Error *err)
{
    int here;
    char url[URL];
    if (find_target(f, err) != 0 || is_here(f, &here, err) != 0)
        return -1;
    if (here)
        return 0;
    if ((f->addresses == 0 && find_addresses(f, err) != 0) || make_folder(f, err) != 0)
        return -1;
    for (size_t i = 0; i < f->addresses; i++) {
        snprintf(url, sizeof url, "%s%s.gz", f->address[i], f->file->name);
        DownloadResult result = fetch_from(f, url, err);
        if (result == DOWNLOAD_DONE) {
            prefer(f, i);
            return 0;
        }
        if (result != DOWNLOAD_FAILED)
            return -1;
        /* of a transfer, what was found says all; of a file that is not the right one, both fields do */
        int whole = err->expected[0] != '\0' || err->found[0] == '\0';
        note(f, "%s: %s%s%s%s", url, whole ? err->what : "", whole && err->found[0] != '\0' ? ": " : "", err->found,
             i + 1 < f->addresses ? "; trying the next address" : "");
    }
    snprintf(err->what, sizeof err->what, "%s.gz of the data set \"%s\" could not be fetched", f->file->name,
             f->set->entry.name);
    return error_hint(err, "see the notes above: what each address gave, and what to fetch by hand");
}

/* ---- a set ------------------------------------------------------------------------------------------------------ */

static int find_set(Fetch *f, const char *name, Error *err)
{
    const DataEntry *entries;
    const char *names[32];
    size_t count = data_catalogue(&entries), known = 0;
    f->set = catalogue_find(name);
    if (f->set != NULL)
        return 0;
    for (size_t i = 0; i < count && known < sizeof names / sizeof names[0]; i++)
        if (entries[i].files[0] != '\0')
            names[known++] = entries[i].name;
    error_set(err, ERR_FILE, "no data set \"%s\" to fetch", name);
    return error_unknown(err, name, names, known);
}

int data_fetch(const char *name, const DataFetch *how, Error *err)
{
    Fetch f = {.how = how};
    if (strcmp(name, "digits") == 0 || toy_find(name) != NULL) {
        note(&f, "%s is built in: there is nothing to fetch", name);
        return 0;
    }
    if (find_set(&f, name, err) != 0)
        return -1;
    for (size_t i = 0; i < f.set->files; i++) {
        f.file = &f.set->file[i];
        if (fetch_file(&f, err) != 0)
            return -1;
    }
    return 0;
}

void data_fetch_by_hand(const char *name, const DataFetch *how, FILE *out)
{
    const CatalogueSet *set = catalogue_find(name);
    if (set == NULL || set->address[0] == NULL)
        return;
    fprintf(out, "To fetch %s by hand, put these files into %s/%s:\n", name, catalogue_folder(how->dir), name);
    for (size_t i = 0; i < set->files; i++)
        fprintf(out, "    %s%s.gz  (%llu bytes)\n", set->address[0], set->file[i].name,
                (unsigned long long)set->file[i].gz_bytes);
    for (size_t i = 1; set->address[i] != NULL; i++)
        fprintf(out, "    the same files are at %s\n", set->address[i]);
}
