/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/catalogue.c: the table of published data sets and the check of their files.
 *
 * To add a set: one row of `sets`, with the checksums of its files.  NULL stands for a checksum that is not known for
 * certain: without any, only the structure of a file is checked, and `data verify` says so.  Where all files have a
 * SHA-256 of their content, results that follow from it may be recorded too (`distinct`, `digest`; `data show` prints
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
     .address = {"https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"},
     .torchvision = "MNIST", .loose = 1, .height = 28, .width = 28, .distinct = 1, .files = 4,
     .digest = {"f0baf839df59118c100ad4c40b9577985891afd812521e6e818cf16a88c56a29",
                "2643c8ed8931bac00c8ca8e937644f6793139c4a660ea6374b64b18dd4d3233d"},
     .file = {{FILE_TRAIN_IMAGES, TRAIN_IMAGES, 60000, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
               "6bbc9ace898e44ae57da46a324031adb", NULL,
               "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422},
              {FILE_TRAIN_LABELS, TRAIN_LABELS, 60000, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
               "a25bea736e30d166cdddb491f175f624", NULL,
               "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881},
              {FILE_TEST_IMAGES, TEST_IMAGES, 10000, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
               "2646ac647ad5339dbf082846283269ea", NULL,
               "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877},
              {FILE_TEST_LABELS, TEST_LABELS, 10000, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
               "27ae3e4e09519cfbb04c329615203637", NULL,
               "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542}}},
    {.entry = {"fashion-mnist", "articles of clothing, 28x28, 60,000 + 10,000 (Xiao, Rasul, Vollgraf)", FOUR_FILES, 10},
     .address = {"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                 "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
     .torchvision = "FashionMNIST", .height = 28, .width = 28, .shared = 1, .files = 4,
     .file = {{FILE_TRAIN_IMAGES, TRAIN_IMAGES, 60000, NULL, NULL, "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
               "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880},
              {FILE_TRAIN_LABELS, TRAIN_LABELS, 60000, NULL, NULL, "25c81989df183df01b3e8a0aad5dffbe",
               "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515},
              {FILE_TEST_IMAGES, TEST_IMAGES, 10000, NULL, NULL, "bef4ecab320f06d8554ea6380940ec79",
               "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102},
              {FILE_TEST_LABELS, TEST_LABELS, 10000, NULL, NULL, "bb300cfdad3c16e7a12a480ee83cd310",
               "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148}}},
    {.entry = {"kmnist", "cursive Japanese characters, 28x28, 60,000 + 10,000 (Clanuwat et al.)", FOUR_FILES, 10},
     .address = {"https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"},
     .torchvision = "KMNIST", .height = 28, .width = 28, .shared = 1, .files = 4,
     .file = {{FILE_TRAIN_IMAGES, TRAIN_IMAGES, 60000, NULL, NULL, "bdb82020997e1d708af4cf47b453dcf7",
               "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", 18165135},
              {FILE_TRAIN_LABELS, TRAIN_LABELS, 60000, NULL, NULL, "e144d726b3acfaa3e44228e80efcd344",
               "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", 29497},
              {FILE_TEST_IMAGES, TEST_IMAGES, 10000, NULL, NULL, "5c965bf0a639b31b8f53240b1b52f4d7",
               "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", 3041136},
              {FILE_TEST_LABELS, TEST_LABELS, 10000, NULL, NULL, "7320c461ea6c1c855c0b718fb2a4b134",
               "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", 5120}}},
    {.entry = {"freyfaces", "frames of one face, 20x28, 1965, the last 300 as test (Roweis, Saul, Hinton)",
               "freyfaces-images-idx3-ubyte", 0},
     .by_hand = "https://cs.nyu.edu/~roweis/data/frey_rawface.mat (its 560x1965 bytes, transposed, behind an IDX header)",
     .height = 28, .width = 20, .tail = 300, .files = 1,
     .file = {{FILE_TRAIN_IMAGES, "freyfaces-images-idx3-ubyte", 1965,
               "c943677a3bcb83ed2de1207d4355c360cabfee597a538f9735ec3254886c365f", NULL, NULL, NULL, 0}}},
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
    if (set->by_hand != NULL)
        return error_hint(err, "get it from %s, or give its folder by --data-dir or VAE_LAB_DATA", set->by_hand);
    return error_hint(err, "fetch it:  vae-lab data fetch %s; or give its folder by --data-dir or VAE_LAB_DATA; "
                           "\"digits\" needs no files", set->entry.name);
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
            error_hint(err, "remove it and fetch it again (vae-lab data fetch %s), or open it by its path: "
                            "idx:IMAGES,LABELS", set->entry.name);
            idx_free(&read);
            return -1;
        }
    }
    *idx = read;
    return 0;
}

/* ---- checking a file ------------------------------------------------------------------------------------------------- */

/* [OUT] md5, sha: of the file on disk where it is a gzip file, else "". */
static int gzip_digests(char md5[MD5_TEXT], char sha[DIGEST_TEXT], const char *path, Error *err)
{
    uint8_t block[8192];
    struct md5_ctx m;
    Digest d;
    size_t got, all = 0;
    FILE *file = fopen(path, "rb");
    md5[0] = sha[0] = '\0';
    if (file == NULL) {
        error_set(err, ERR_FILE, "cannot open a data file");
        return error_where(err, "%s", path);
    }
    md5_init(&m);
    digest_start(&d);
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        if (all == 0 && (got < 2 || block[0] != 0x1f || block[1] != 0x8b))
            break;
        md5_update(&m, got, block);
        digest_bytes(&d, block, got);
        all += got;
    }
    int failed = ferror(file);
    fclose(file);
    if (failed) {
        error_set(err, ERR_FILE, "cannot read a data file");
        return error_where(err, "%s", path);
    }
    if (all > 0) {
        md5_text(md5, &m);
        digest_end(&d, sha);
    }
    return 0;
}

static int wrong_checksum(const char *path, const char *kind, const char *what, const char *found,
                          const char *expected, Error *err)
{
    error_set(err, ERR_FILE, "this is not the published file: its checksum differs");
    error_where(err, "%s", path);
    error_found(err, "%s %s of %s", kind, found, what);
    return error_expected(err, "%s", expected);
}

/* Checks what the published checksums say of a file; [OUT] *by_gz: its .gz has one. */
static int check_published(const CatalogueFile *file, const char *path, const char *md5, int *by_gz, Error *err)
{
    char gz_md5[MD5_TEXT], gz_sha[DIGEST_TEXT];
    if (file->md5 != NULL && strcmp(md5, file->md5) != 0)
        return wrong_checksum(path, "MD5", "the uncompressed content", md5, file->md5, err);
    if (gzip_digests(gz_md5, gz_sha, path, err) != 0)
        return -1;
    *by_gz = gz_md5[0] != '\0' && (file->gz_md5 != NULL || file->gz_sha256 != NULL);
    if (!*by_gz || file->sha256 != NULL) /* the content is right: any compression of it is */
        return 0;
    if (file->gz_md5 != NULL && strcmp(gz_md5, file->gz_md5) != 0)
        return wrong_checksum(path, "MD5", "the compressed file", gz_md5, file->gz_md5, err);
    if (file->gz_sha256 != NULL && strcmp(gz_sha, file->gz_sha256) != 0)
        return wrong_checksum(path, "SHA-256", "the compressed file", gz_sha, file->gz_sha256, err);
    return 0;
}

int catalogue_verify(const CatalogueSet *set, const CatalogueFile *file, const char *dir, FILE *report, Error *err)
{
    char path[CATALOGUE_PATH];
    return catalogue_path(path, set, file, dir, err) != 0 ? -1
                                                          : catalogue_verify_file(set, file, path, report, err);
}

int catalogue_verify_file(const CatalogueSet *set, const CatalogueFile *file, const char *path, FILE *report, Error *err)
{
    char sha[DIGEST_TEXT], md5[MD5_TEXT];
    uint8_t head[20];
    int by_gz;
    Idx idx;
    if (catalogue_read(&idx, set, file, path, err) != 0)
        return -1;
    size_t bytes = idx.count + header(head, &idx);
    content_sha256(sha, &idx);
    content_md5(md5, &idx);
    idx_free(&idx);
    if (check_published(file, path, md5, &by_gz, err) != 0)
        return -1;
    const char *verdict = file->md5 != NULL      ? "ok, published MD5 and recorded SHA-256"
                          : file->sha256 != NULL ? "ok, recorded SHA-256"
                          : by_gz                ? "ok, published MD5 and SHA-256 of the .gz"
                                                 : "structure only: no published checksum of the uncompressed file";
    if (report != NULL)
        fprintf(report, "%s  %zu bytes  sha256 %s  md5 %s  %s\n", path, bytes, sha, md5, verdict);
    return 0;
}
