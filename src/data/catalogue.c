/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/catalogue.c: the table of published data sets and the check of their files.
 *
 * To add a set: one row of `sets`, with the checksums of its uncompressed files.  NULL stands for a checksum that is
 * not known for certain: only the structure of the file is checked then, and `data verify` says so.  Where all files
 * have a SHA-256, results that follow from their content may be recorded too (`distinct`, `digest`; `data show` prints
 * them), so that they are not computed at each start (50 ms for MNIST).
 */
#include "data/catalogue.h"

#include "base/mem.h"
#include "data/digits.h"
#include "data/toys.h"

#include <nettle/base16.h>
#include <nettle/md5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the table --------------------------------------------------------------------------------------------------- */

#define TRAIN_IMAGES "train-images-idx3-ubyte"
#define TRAIN_LABELS "train-labels-idx1-ubyte"
#define TEST_IMAGES  "t10k-images-idx3-ubyte"
#define TEST_LABELS  "t10k-labels-idx1-ubyte"
#define FOUR_FILES   TRAIN_IMAGES "," TRAIN_LABELS "," TEST_IMAGES "," TEST_LABELS

static const CatalogueSet sets[] = {
    {.entry = {"mnist", "handwritten digits, 28x28, 60,000 + 10,000 (LeCun, Cortes, Burges)", FOUR_FILES, 10},
     .address = "https://ossci-datasets.s3.amazonaws.com/mnist/",
     .torchvision = "MNIST", .loose = 1, .height = 28, .width = 28, .distinct = 1, .files = 4,
     .digest = {"f0baf839df59118c100ad4c40b9577985891afd812521e6e818cf16a88c56a29",
                "2643c8ed8931bac00c8ca8e937644f6793139c4a660ea6374b64b18dd4d3233d"},
     .file = {{FILE_TRAIN_IMAGES, TRAIN_IMAGES, 60000, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
               "6bbc9ace898e44ae57da46a324031adb", NULL},
              {FILE_TRAIN_LABELS, TRAIN_LABELS, 60000, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
               "a25bea736e30d166cdddb491f175f624", NULL},
              {FILE_TEST_IMAGES, TEST_IMAGES, 10000, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
               "2646ac647ad5339dbf082846283269ea", NULL},
              {FILE_TEST_LABELS, TEST_LABELS, 10000, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
               "27ae3e4e09519cfbb04c329615203637", NULL}}},
    {.entry = {"fashion-mnist", "articles of clothing, 28x28, 60,000 + 10,000 (Xiao, Rasul, Vollgraf)", FOUR_FILES, 10},
     .address = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
     .torchvision = "FashionMNIST", .height = 28, .width = 28, .shared = 1, .files = 4,
     .file = {{FILE_TRAIN_IMAGES, TRAIN_IMAGES, 60000, NULL, NULL, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
              {FILE_TRAIN_LABELS, TRAIN_LABELS, 60000, NULL, NULL, "25c81989df183df01b3e8a0aad5dffbe"},
              {FILE_TEST_IMAGES, TEST_IMAGES, 10000, NULL, NULL, "bef4ecab320f06d8554ea6380940ec79"},
              {FILE_TEST_LABELS, TEST_LABELS, 10000, NULL, NULL, "bb300cfdad3c16e7a12a480ee83cd310"}}},
    {.entry = {"kmnist", "cursive Japanese characters, 28x28, 60,000 + 10,000 (Clanuwat et al.)", FOUR_FILES, 10},
     .address = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
     .torchvision = "KMNIST", .height = 28, .width = 28, .shared = 1, .files = 4,
     .file = {{FILE_TRAIN_IMAGES, TRAIN_IMAGES, 60000, NULL, NULL, "bdb82020997e1d708af4cf47b453dcf7"},
              {FILE_TRAIN_LABELS, TRAIN_LABELS, 60000, NULL, NULL, "e144d726b3acfaa3e44228e80efcd344"},
              {FILE_TEST_IMAGES, TEST_IMAGES, 10000, NULL, NULL, "5c965bf0a639b31b8f53240b1b52f4d7"},
              {FILE_TEST_LABELS, TEST_LABELS, 10000, NULL, NULL, "7320c461ea6c1c855c0b718fb2a4b134"}}},
    {.entry = {"freyfaces", "frames of one face, 20x28, 1965, the last 300 as test (Roweis, Saul, Hinton)",
               "freyfaces-images-idx3-ubyte", 0},
     .address = "https://cs.nyu.edu/~roweis/data/frey_rawface.mat (its 560x1965 bytes, transposed, behind an IDX header)",
     .height = 28, .width = 20, .tail = 300, .files = 1,
     .file = {{FILE_TRAIN_IMAGES, "freyfaces-images-idx3-ubyte", 1965,
               "c943677a3bcb83ed2de1207d4355c360cabfee597a538f9735ec3254886c365f", NULL, NULL}}},
};

enum { SETS = sizeof sets / sizeof sets[0], MAX_ENTRIES = SETS + 16 };

size_t data_catalogue(const DataEntry **entries)
{
    static DataEntry list[MAX_ENTRIES];
    size_t n = 0;
    list[n++] = (DataEntry){"digits", "strokes that look handwritten, 28x28, 60,000 + 10,000, drawn from a fixed seed", "",
                            DIGITS_CLASSES};
    for (size_t i = 0; i < SETS; i++)
        list[n++] = sets[i].entry;
    for (size_t i = 0; toys[i].name != NULL && n < MAX_ENTRIES; i++)
        list[n++] = (DataEntry){toys[i].name, toys[i].what, "", toys[i].classes};
    *entries = list;
    return n;
}

const CatalogueSet *catalogue_find(const char *name)
{
    for (size_t i = 0; i < SETS; i++)
        if (strcmp(sets[i].entry.name, name) == 0)
            return &sets[i];
    return NULL;
}

/* ---- where the files are ----------------------------------------------------------------------------------------- */

const char *catalogue_folder(const char *dir)
{
    const char *environment = getenv("VAE_LAB_DATA");
    if (dir != NULL && dir[0] != '\0')
        return dir;
    return environment != NULL && environment[0] != '\0' ? environment : "data";
}

/* Whether DIR/FOLDER/NAME.gz or the file without .gz is here; a folder of that name is none. */
static int exists(char path[CATALOGUE_PATH], const char *dir, const char *folder, const char *name)
{
    static const char *const suffix[] = {"", ".gz"};
    struct stat is;
    for (int i = 0; i < 2; i++) {
        int length =
            snprintf(path, CATALOGUE_PATH, "%s/%s%s%s%s", dir, folder, folder[0] != '\0' ? "/" : "", name, suffix[i]);
        if (length < CATALOGUE_PATH && stat(path, &is) == 0 && !S_ISDIR(is.st_mode))
            return 1;
    }
    return 0;
}

/* [OUT] other: the name as other programs spell it, "train-images.idx3-ubyte"; "" when it has no such spelling. */
static void spell_with_dot(char other[64], const char *name)
{
    snprintf(other, 64, "%s", name);
    char *hyphen = strstr(other, "-idx");
    if (hyphen != NULL)
        *hyphen = '.';
    else
        other[0] = '\0';
}

/* In our own folder, in DIR itself, then where PyTorch's torchvision and downloads by hand put the files. */
static int find_file(char path[CATALOGUE_PATH], const CatalogueSet *set, const CatalogueFile *file, const char *dir)
{
    char raw[64], dotted[64];
    snprintf(raw, sizeof raw, "%s/raw", set->torchvision != NULL ? set->torchvision : "");
    spell_with_dot(dotted, file->name);
    const char *const folder[] = {set->entry.name, set->loose ? "" : NULL, set->torchvision != NULL ? raw : NULL,
                                  set->torchvision};
    for (size_t i = 0; i < sizeof folder / sizeof folder[0]; i++)
        if (folder[i] != NULL && (exists(path, dir, folder[i], file->name) ||
                                  (dotted[0] != '\0' && exists(path, dir, folder[i], dotted))))
            return 1;
    return 0;
}

int data_present(const char *name, const char *dir)
{
    char path[CATALOGUE_PATH];
    const CatalogueSet *set = catalogue_find(name);
    for (size_t i = 0; set != NULL && i < set->files; i++)
        if (find_file(path, set, &set->file[i], catalogue_folder(dir)))
            return 1;
    return strcmp(name, "digits") == 0 || toy_find(name) != NULL;
}

int catalogue_path(char path[CATALOGUE_PATH], const CatalogueSet *set, const CatalogueFile *file, const char *dir,
                   Error *err)
{
    dir = catalogue_folder(dir);
    if (find_file(path, set, file, dir))
        return 0;
    error_set(err, ERR_FILE, "a file of the data set \"%s\" is missing: %s", set->entry.name, file->name);
    error_where(err, "%s", dir);
    const char *raw = set->torchvision;
    error_expected(err, "%s/%s[.gz]%s%s%s%s%s", set->entry.name, file->name, raw != NULL ? ", or in " : "",
                   raw != NULL ? raw : "", raw != NULL ? "/raw" : "", set->loose ? ", or in the folder itself" : "",
                   raw != NULL ? "; .idx for -idx is as good" : "");
    return error_hint(err,
                      "get it from %s, or give its folder by --data-dir or VAE_LAB_DATA; \"digits\" needs no files",
                      set->address);
}

/* ---- whether they are the published files ------------------------------------------------------------------------ */

static size_t header(uint8_t bytes[20], const Idx *idx)
{
    size_t n = 0;
    const uint8_t magic[4] = {0, 0, 8, (uint8_t)idx->rank};
    for (; n < 4; n++)
        bytes[n] = magic[n];
    for (int i = 0; i < idx->rank; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            bytes[n++] = (uint8_t)(idx->dim[i] >> shift);
    return n;
}

enum { MD5_TEXT = BASE16_ENCODE_LENGTH(MD5_DIGEST_SIZE) + 1 };

static void md5_text(char text[MD5_TEXT], struct md5_ctx *md5)
{
    uint8_t out[MD5_DIGEST_SIZE];
    md5_digest(md5, sizeof out, out);
    base16_encode_update(text, sizeof out, out);
    text[MD5_TEXT - 1] = '\0';
}

static void content_sha256(char text[DIGEST_TEXT], const Idx *idx)
{
    uint8_t head[20];
    Digest d;
    digest_start(&d);
    digest_bytes(&d, head, header(head, idx));
    digest_bytes(&d, idx->bytes, idx->count);
    digest_end(&d, text);
}

static void content_md5(char text[MD5_TEXT], const Idx *idx)
{
    uint8_t head[20];
    struct md5_ctx md5;
    md5_init(&md5);
    md5_update(&md5, header(head, idx), head);
    md5_update(&md5, idx->count, idx->bytes);
    md5_text(text, &md5);
}

static int right_shape(const Idx *idx, const CatalogueSet *set, const CatalogueFile *file)
{
    return idx->dim[0] == file->count && (idx->rank == 1 || (idx->dim[1] == set->height && idx->dim[2] == set->width));
}

static int is_labels(const CatalogueFile *file)
{
    return file->role == FILE_TRAIN_LABELS || file->role == FILE_TEST_LABELS;
}

int catalogue_read(Idx *idx, const CatalogueSet *set, const CatalogueFile *file, const char *path, Error *err)
{
    char sha[DIGEST_TEXT];
    Idx read = {0};
    if (idx_read(&read, path, is_labels(file) ? 1 : 3, err) != 0)
        return -1;
    if (!right_shape(&read, set, file)) {
        error_set(err, ERR_FILE, "this is not the published file of \"%s\"", set->entry.name);
        error_where(err, "%s", path);
        if (read.rank == 1) {
            error_found(err, "%zu labels", read.dim[0]);
            error_expected(err, "%zu labels", file->count);
        } else {
            error_found(err, "%zu images of %zux%zu", read.dim[0], read.dim[1], read.dim[2]);
            error_expected(err, "%zu images of %zux%zu", file->count, set->height, set->width);
        }
        error_hint(err, "open a file of your own by its path: idx:IMAGES,LABELS");
        idx_free(&read);
        return -1;
    }
    if (file->sha256 != NULL) {
        content_sha256(sha, &read);
        if (strcmp(sha, file->sha256) != 0) {
            error_set(err, ERR_FILE, "this is not the published file of \"%s\": its checksum differs", set->entry.name);
            error_where(err, "%s", path);
            error_found(err, "SHA-256 %s of the uncompressed content", sha);
            error_expected(err, "%s", file->sha256);
            error_hint(err, "fetch it again from %s, or open it by its path: idx:IMAGES,LABELS", set->address);
            idx_free(&read);
            return -1;
        }
    }
    *idx = read;
    return 0;
}

/* ---- checking a file ------------------------------------------------------------------------------------------------- */

/* [OUT] text: MD5 of the file on disk where it is a gzip file, else "". */
static int gzip_md5(char text[MD5_TEXT], const char *path, Error *err)
{
    uint8_t block[8192];
    struct md5_ctx md5;
    size_t got, all = 0;
    FILE *file = fopen(path, "rb");
    text[0] = '\0';
    if (file == NULL) {
        error_set(err, ERR_FILE, "cannot open a data file");
        return error_where(err, "%s", path);
    }
    md5_init(&md5);
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        if (all == 0 && (got < 2 || block[0] != 0x1f || block[1] != 0x8b))
            break;
        md5_update(&md5, got, block);
        all += got;
    }
    fclose(file);
    if (all > 0)
        md5_text(text, &md5);
    return 0;
}

static int wrong_md5(const char *path, const char *what, const char *found, const char *expected, Error *err)
{
    error_set(err, ERR_FILE, "this is not the published file: its checksum differs");
    error_where(err, "%s", path);
    error_found(err, "MD5 %s of %s", found, what);
    return error_expected(err, "%s", expected);
}

int catalogue_verify(const CatalogueSet *set, const CatalogueFile *file, const char *dir, FILE *report, Error *err)
{
    char path[CATALOGUE_PATH], sha[DIGEST_TEXT], md5[MD5_TEXT], gz[MD5_TEXT];
    Idx idx;
    if (catalogue_path(path, set, file, dir, err) != 0 || catalogue_read(&idx, set, file, path, err) != 0)
        return -1;
    uint8_t head[20];
    size_t bytes = idx.count + header(head, &idx);
    content_sha256(sha, &idx);
    content_md5(md5, &idx);
    idx_free(&idx);
    if (file->md5 != NULL && strcmp(md5, file->md5) != 0)
        return wrong_md5(path, "the uncompressed content", md5, file->md5, err);
    if (gzip_md5(gz, path, err) != 0)
        return -1;
    if (file->gz_md5 != NULL && gz[0] != '\0' && strcmp(gz, file->gz_md5) != 0)
        return wrong_md5(path, "the compressed file", gz, file->gz_md5, err);
    int by_gz = file->gz_md5 != NULL && gz[0] != '\0';
    const char *verdict = file->md5 != NULL      ? "ok, published MD5 and recorded SHA-256"
                          : file->sha256 != NULL ? "ok, recorded SHA-256"
                          : by_gz                ? "ok, published MD5 of the .gz"
                                                 : "structure only: no published checksum of the uncompressed file";
    fprintf(report, "%s  %zu bytes  sha256 %s  md5 %s  %s\n", path, bytes, sha, md5, verdict);
    return 0;
}
