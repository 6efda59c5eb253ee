/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_data_idx.c: the IDX reader reads good files, plain and gzip, and refuses bad ones with a fitting error;
 * the same of the data sets that use it.
 */
#include "base/mem.h"
#include "data/data.h"
#include "data/idx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

/* ---- files ------------------------------------------------------------------------------------------------------- */

static char folder[256];

static int make_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_data_idx.XXXXXX", tmp != NULL ? tmp : "/tmp");
    return mkdtemp(folder) == NULL;
}

static const char *const names[] = {"a", "a.gz", "b", "b.gz", "mnist/train-images-idx3-ubyte", "mnist/train-labels-idx1-ubyte",
                                    "mnist/t10k-images-idx3-ubyte", "mnist/t10k-labels-idx1-ubyte", "mnist", ""};

static int remove_folder(void **state)
{
    (void)state;
    char path[512];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (unlink(path) != 0)
            rmdir(path);
    }
    return 0;
}

static const char *at(const char *name)
{
    static char path[2][512];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void put(const char *name, const uint8_t *bytes, size_t count)
{
    FILE *f = fopen(at(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    assert_int_equal(fclose(f), 0);
}

static void put_gzip(const char *name, const uint8_t *bytes, size_t count, const char *mode)
{
    gzFile f = gzopen(at(name), mode);
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)count), count);
    assert_int_equal(gzclose(f), Z_OK);
}

/* An IDX file in memory: the header of `rank` sizes, then bytes 0, 1, 2 … mod 251. */
static size_t idx(uint8_t *bytes, int rank, const uint32_t *dim, size_t body)
{
    size_t n = 0;
    const uint8_t magic[4] = {0, 0, 8, (uint8_t)rank};
    for (; n < 4; n++)
        bytes[n] = magic[n];
    for (int i = 0; i < rank; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            bytes[n++] = (uint8_t)(dim[i] >> shift);
    for (size_t i = 0; i < body; i++)
        bytes[n++] = (uint8_t)(i % 251);
    return n;
}

static const uint32_t dim3[] = {6, 5, 7}, dim1[] = {6};
enum { BODY = 6 * 5 * 7 };

/* Reads and expects failure; each text must occur in that field of the error ("": any). */
static void fails(const char *name, int rank, const char *what, const char *where, const char *found, const char *expected)
{
    uint8_t canary = 9;
    Idx read = {.rank = 42, .bytes = &canary, .count = 1};
    Error err = ERROR_NONE;
    if (idx_read(&read, at(name), rank, &err) != -1)
        fail_msg("%s was read", name);
    assert_int_equal(err.kind, ERR_FILE);
    if (strstr(err.what, what) == NULL || strstr(err.where, where) == NULL || strstr(err.found, found) == NULL ||
        strstr(err.expected, expected) == NULL) {
        error_print(stderr, "the error was", &err);
        fail_msg("not as expected: \"%s\", \"%s\", \"%s\", \"%s\"", what, where, found, expected);
    }
    assert_int_equal(read.rank, 42); /* unchanged */
    assert_ptr_equal(read.bytes, &canary);
}

static void is_good(const char *name, int rank)
{
    Idx read = {0};
    Error err = ERROR_NONE;
    if (idx_read(&read, at(name), rank, &err) != 0) {
        error_print(stderr, name, &err);
        fail();
    }
    assert_int_equal(read.rank, 3);
    assert_int_equal(read.count, BODY);
    for (int i = 0; i < 3; i++)
        assert_int_equal(read.dim[i], dim3[i]);
    for (size_t i = 0; i < BODY; i++)
        assert_int_equal(read.bytes[i], i % 251);
    idx_free(&read);
    assert_null(read.bytes);
}

/* ---- the reader -------------------------------------------------------------------------------------------------- */

static void good_files(void **state)
{
    (void)state;
    uint8_t b[512];
    size_t n = idx(b, 3, dim3, BODY);
    put("a", b, n);
    is_good("a", 3);
    is_good("a", 0);
    unlink(at("a"));
    put_gzip("a.gz", b, n, "wb");
    is_good("a.gz", 3);
    is_good("a", 3); /* PATH, else PATH.gz */
    put_gzip("b", b, n, "wb"); /* gzip by content, whatever the name */
    is_good("b", 3);
    put_gzip("b", b, 100, "wb"); /* two members, one content */
    put_gzip("b", b + 100, n - 100, "ab");
    is_good("b", 3);
    put_gzip("b", b, n, "wb0"); /* stored, not deflated */
    is_good("b", 3);
}

static void every_rank(void **state)
{
    (void)state;
    const uint32_t dim[] = {2, 3, 4, 5};
    size_t count = 1;
    for (int rank = 1; rank <= 4; rank++) {
        uint8_t b[512];
        Idx read = {0};
        Error err = ERROR_NONE;
        count *= dim[rank - 1];
        put("a", b, idx(b, rank, dim, count));
        assert_int_equal(idx_read(&read, at("a"), rank, &err), 0);
        assert_int_equal(read.count, count);
        assert_int_equal(read.dim[rank - 1], dim[rank - 1]);
        idx_free(&read);
    }
}

static void missing(void **state)
{
    (void)state;
    fails("nothing-here", 3, "No such file", "nothing-here", "", ".gz");
    fails("", 3, "directory", folder, "", "");
}

static void wrong_magic(void **state)
{
    (void)state;
    uint8_t b[512];
    size_t n = idx(b, 3, dim3, BODY);
    put("a", b, n);
    fails("a", 1, "magic", "byte 0", "0x00000803", "0x00000801");
    b[2] = 0x0d; /* floats */
    put("a", b, n);
    fails("a", 3, "magic", "byte 0", "0x00000d03", "0x00000803");
    fails("a", 0, "magic", "byte 0", "0x00000d03", "0x00000801 to 0x00000804");
    b[2] = 8;
    b[3] = 5;
    put("a", b, n);
    fails("a", 0, "magic", "byte 0", "0x00000805", "");
    put("a", (const uint8_t *)"<html>not found", 15);
    fails("a", 3, "magic", "byte 0", "0x3c68746d", "");
}

static void truncated(void **state)
{
    (void)state;
    uint8_t b[512];
    size_t n = idx(b, 3, dim3, BODY);
    put("a", b, n - 1);
    fails("a", 3, "truncated", "byte 225", "225 bytes", "226 bytes");
    put_gzip("a", b, n - 1, "wb");
    fails("a", 3, "truncated", "byte 225", "225 bytes", "226 bytes");
    put("a", b, 16); /* a header alone */
    fails("a", 3, "truncated", "byte 16", "16 bytes", "226 bytes");
    put("a", b, 9); /* within the sizes */
    fails("a", 3, "truncated", "byte 9", "9 bytes", "16 bytes");
    put("a", b, 2);
    fails("a", 3, "truncated", "byte 2", "2 bytes", "at least the 4 bytes");
    put("a", b, 0);
    fails("a", 3, "truncated", "byte 0", "0 bytes", "at least the 4 bytes");
}

static void overlong(void **state)
{
    (void)state;
    uint8_t b[1024];
    size_t n = idx(b, 3, dim3, BODY + 3);
    put("a", b, n);
    fails("a", 3, "longer", "byte 226", "229 bytes", "226 bytes");
    put_gzip("a", b, n, "wb");
    fails("a", 3, "longer", "byte 226", "229 bytes", "226 bytes");
}

static void corrupt_gzip(void **state)
{
    (void)state;
    uint8_t b[512], z[1024];
    put_gzip("a.gz", b, idx(b, 3, dim3, BODY), "wb9");
    FILE *f = fopen(at("a.gz"), "rb");
    size_t n = fread(z, 1, sizeof z, f);
    fclose(f);
    put("a", z, n - 4); /* cut within the trailer */
    fails("a", 3, "corrupt gzip", "bytes of content", "unexpected end of file", "");
    put("a", z, n / 2);
    fails("a", 3, "corrupt gzip", "bytes of content", "unexpected end of file", "");
    z[n - 8] ^= 1; /* the checksum */
    put("a", z, n);
    fails("a", 3, "corrupt gzip", "", "incorrect data check", "");
    z[n - 8] ^= 1;
    memset(z + 10, 0xff, 8); /* the first deflate block */
    put("a", z, n);
    fails("a", 3, "corrupt gzip", "after 0 bytes", "invalid", "");
    put_gzip("a", b, idx(b, 3, dim3, BODY), "wb9");
    f = fopen(at("a"), "ab");
    fputs("rest", f);
    fclose(f);
    is_good("a", 3); /* gzip ignores what follows the last member, and the content is whole by its checksum and its header */
}

/* A file cut within the checksum, after all of its content, is corrupt for every size of the content: zlib's gzread
 * does not report it where the content ends exactly at the end of a buffer. */
static void cut_checksum(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 1000, 131071, 131072, 131064, 131065, 200000, 1 << 20, (1 << 20) + 1};
    uint8_t *b = malloc((1 << 20) + 64), *z = malloc(1 << 21);
    assert_true(b != NULL && z != NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        put_gzip("a", b, idx(b, 1, &sizes[i], sizes[i]), "wb1");
        Idx read = {0};
        Error err = ERROR_NONE;
        assert_int_equal(idx_read(&read, at("a"), 1, &err), 0);
        assert_memory_equal(read.bytes, b + 8, sizes[i]);
        idx_free(&read);
        FILE *f = fopen(at("a"), "rb");
        size_t n = fread(z, 1, 1 << 21, f);
        fclose(f);
        for (size_t cut = 1; cut <= 8; cut++) {
            put("a", z, n - cut);
            fails("a", 1, "corrupt gzip", "bytes of content", "unexpected end of file", "");
        }
    }
    free(b);
    free(z);
}

/* Memory grows with the bytes that arrive, not with the sizes in the header. */
static void absurd_sizes(void **state)
{
    (void)state;
    uint8_t b[64];
    const uint32_t huge[] = {0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}, none[] = {6, 0, 7};
    put("a", b, idx(b, 4, huge, 0));
    fails("a", 4, "impossible sizes", "byte 8", "4294967295 along axis 2", "");
    put("a", b, idx(b, 3, none, 0));
    fails("a", 3, "impossible sizes", "byte 8", "0 along axis 2", "");
    const uint32_t large[] = {60000, 1000, 1000}; /* 60 GB promised, 20 bytes there */
    put("a", b, idx(b, 3, large, 20));
    fails("a", 3, "truncated", "byte 36", "36 bytes", "60000000016 bytes");
    put_gzip("a", b, idx(b, 3, large, 20), "wb");
    fails("a", 3, "truncated", "byte 36", "36 bytes", "60000000016 bytes");
}

static void out_of_memory(void **state)
{
    (void)state;
    uint8_t *b = malloc((3u << 20) + 64);
    const uint32_t dim[] = {3, 1024, 1024}; /* larger than the first block, so that it grows */
    put_gzip("a", b, idx(b, 3, dim, 3u << 20), "wb1");
    free(b);
    for (long nth = 1; ; nth++) {
        Idx read = {0};
        Error err = ERROR_NONE;
        mem_fail_after(nth);
        int status = idx_read(&read, at("a"), 3, &err);
        mem_fail_after(0);
        idx_free(&read);
        if (status == 0) {
            assert_true(nth >= 3); /* the first block, its growth */
            break;
        }
        assert_int_equal(err.kind, ERR_MEMORY);
        assert_true(nth < 20);
    }
}

/* ---- sets of files ----------------------------------------------------------------------------------------------- */

static void opening_fails(const char *name, const DataOptions *o, ErrorKind kind, const char *what, const char *found,
                          const char *expected)
{
    Error err = ERROR_NONE;
    assert_null(data_open(name, o, &err));
    if (err.kind != kind || strstr(err.what, what) == NULL || strstr(err.found, found) == NULL ||
        strstr(err.expected, expected) == NULL) {
        error_print(stderr, "the error was", &err);
        fail_msg("not as expected: kind %d, \"%s\", \"%s\", \"%s\"", (int)kind, what, found, expected);
    }
}

static const char *by_path(const char *images, const char *labels)
{
    static char name[1100];
    snprintf(name, sizeof name, labels == NULL ? "idx:%s/%s" : "idx:%s/%s,%s/%s", folder, images, folder, labels);
    return name;
}

/* 21 different images of 2 x 3, the last 3 of them the test split */
static size_t images21(uint8_t *b)
{
    const uint32_t dim[] = {21, 2, 3};
    return idx(b, 3, dim, 126);
}

static void a_file_by_its_path(void **state)
{
    (void)state;
    uint8_t b[512];
    const uint32_t labels[] = {21};
    DataOptions o = {.valid = 4};
    Error err = ERROR_NONE;
    put("a", b, images21(b));
    put_gzip("b.gz", b, idx(b, 1, labels, 21), "wb");
    unlink(at("b"));
    Data *d = data_open(by_path("a", "b"), &o, &err);
    if (d == NULL)
        error_print(stderr, "test", &err);
    assert_non_null(d);
    assert_int_equal(data_count(d, DATA_TRAIN), 14);
    assert_int_equal(data_count(d, DATA_VALID), 4);
    assert_int_equal(data_count(d, DATA_TEST), 3);
    assert_int_equal(data_height(d), 2);
    assert_int_equal(data_width(d), 3);
    assert_int_equal(data_classes(d), 21);
    assert_int_equal(data_label(d, DATA_VALID, 0), 14);
    assert_int_equal(data_label(d, DATA_TEST, 2), 20);
    float x[6];
    data_rows(d, DATA_TEST, NULL, 1, 1, num_stream(1, "test"), 0, x);
    for (int j = 0; j < 6; j++)
        assert_true(x[j] == (float)(19 * 6 + j) / 255.0f);
    data_free(d);
    d = data_open(by_path("a", NULL), &o, &err);
    assert_non_null(d);
    assert_int_equal(data_classes(d), 0);
    assert_int_equal(data_label(d, DATA_TRAIN, 0), -1);
    data_free(d);
}

/* Bright pixels, more rows and columns than one block of sums: the mean is that of a plain sum. */
static void the_mean_image(void **state)
{
    (void)state;
    enum { ROWS = 700, PIXELS = 1500, TRAIN = ROWS - ROWS / 7 };
    const uint32_t dim[] = {ROWS, 1, PIXELS};
    uint8_t *b = malloc(ROWS * PIXELS + 64);
    size_t n = idx(b, 3, dim, ROWS * PIXELS);
    uint8_t *pixel = b + n - ROWS * PIXELS;
    memset(pixel, 255, ROWS * PIXELS);
    for (size_t i = 0; i < ROWS; i++) {
        pixel[i * PIXELS + 3] = (uint8_t)(i % 250); /* no image twice */
        pixel[i * PIXELS + 1400] = (uint8_t)(i / 250);
    }
    put("a", b, n);
    Error err = ERROR_NONE;
    Data *d = data_open(by_path("a", NULL), &(DataOptions){0}, &err);
    assert_non_null(d);
    float mean[PIXELS];
    data_mean(d, mean);
    for (size_t j = 0; j < PIXELS; j++) {
        double sum = 0.0;
        for (size_t i = 0; i < TRAIN; i++)
            sum += (double)pixel[i * PIXELS + j];
        assert_true(mean[j] == (float)(sum * (1.0 / 255.0 / TRAIN)));
    }
    data_free(d);
    free(b);
}

static void bad_pairs_of_files(void **state)
{
    (void)state;
    uint8_t b[512];
    DataOptions o = {0};
    put("a", b, images21(b));
    put("b", b, idx(b, 1, dim1, 6));
    opening_fails(by_path("a", "b"), &o, ERR_FILE, "images and labels differ", "21 images, 6 labels", "");
    opening_fails(by_path("b", "b"), &o, ERR_FILE, "labels, not images", "rank 1", "rank 2");
    opening_fails(by_path("a", "a"), &o, ERR_FILE, "magic", "0x00000803", "0x00000801");
    const uint32_t one[] = {1, 2, 3};
    put("a", b, idx(b, 3, one, 6));
    opening_fails(by_path("a", NULL), &o, ERR_FILE, "one example", "", "");
}

static void overlap_is_refused(void **state)
{
    (void)state;
    uint8_t b[512];
    DataOptions o = {.valid = 4}, without = {.train = 9, .valid = 4};
    Error err = ERROR_NONE;
    size_t n = images21(b);
    memcpy(b + 16 + 19 * 6, b + 16 + 11 * 6, 6); /* test example 1 = training example 11 */
    put("a", b, n);
    opening_fails(by_path("a", NULL), &o, ERR_FILE, "overlap", "test example 1 equals training example 11", "");
    Data *d = data_open(by_path("a", NULL), &without, &err); /* not among those in use */
    assert_non_null(d);
    data_free(d);
    images21(b);
    memcpy(b + 16 + 15 * 6, b + 16, 6); /* validation example 1 = training example 0 */
    memcpy(b + 16 + 20 * 6, b + 16 + 15 * 6, 6); /* test example 2 too */
    put("a", b, n);
    opening_fails(by_path("a", NULL), &o, ERR_FILE, "overlap", "validation example 1 equals training example 0", "");
    opening_fails(by_path("a", NULL), &o, ERR_FILE, "overlap", "2 such pairs", "");
    images21(b);
    memcpy(b + 16 + 6, b + 16, 6); /* a repeat within one split is no overlap */
    put("a", b, n);
    d = data_open(by_path("a", NULL), &o, &err);
    size_t pairs, repeats;
    assert_non_null(d);
    assert_int_equal(data_overlap(d, &pairs, &repeats, &err), 0);
    assert_int_equal(pairs, 0);
    assert_int_equal(repeats, 1);
    data_free(d);
}

static void the_catalogue_is_not_fooled(void **state)
{
    (void)state;
    uint8_t b[512];
    DataOptions o = {.dir = folder};
    FILE *report = tmpfile();
    Error err = ERROR_NONE;
    opening_fails("mnist", &o, ERR_FILE, "is missing: train-images-idx3-ubyte", "", "mnist/train-images-idx3-ubyte[.gz]");
    assert_int_equal(data_present("mnist", folder), 0);
    assert_int_equal(mkdir(at("mnist"), 0700), 0);
    put("mnist/train-images-idx3-ubyte", b, images21(b));
    opening_fails("mnist", &o, ERR_FILE, "is missing: train-labels-idx1-ubyte", "", "");
    assert_int_equal(data_present("mnist", folder), 1);
    put("mnist/train-labels-idx1-ubyte", b, idx(b, 1, dim1, 6));
    put("mnist/t10k-images-idx3-ubyte", b, images21(b));
    put("mnist/t10k-labels-idx1-ubyte", b, idx(b, 1, dim1, 6));
    opening_fails("mnist", &o, ERR_FILE, "not the published file", "21 images of 2x3", "60000 images of 28x28");
    const uint32_t labels[] = {10000};
    uint8_t *whole = malloc(10100); /* the right shape, the wrong content */
    put("mnist/t10k-labels-idx1-ubyte", whole, idx(whole, 1, labels, 10000));
    free(whole);
    assert_int_equal(data_verify("mnist", folder, report, &err), -1);
    assert_non_null(strstr(err.what, "published"));
    rewind(report);
    char text[4096];
    text[fread(text, 1, sizeof text - 1, report)] = '\0';
    fclose(report);
    assert_non_null(strstr(text, "t10k-labels-idx1-ubyte  BAD: this is not the published file of \"mnist\": its checksum"));
    err = (Error)ERROR_NONE;
    assert_int_equal(data_verify("nothing", folder, stderr, &err), -1);
    assert_int_equal(err.kind, ERR_FILE);
    opening_fails("mnits-fashion", &o, ERR_FILE, "unknown data set", "", "digits, mnist");
    opening_fails("digit", &o, ERR_FILE, "unknown data set", "", "digits");
}

/* ---- real files -------------------------------------------------------------------------------------------------- */

static void real_mnist(void **state)
{
    (void)state;
    const char *dir = getenv("VAE_LAB_TEST_DATA");
    if (dir == NULL || !data_present("mnist", dir))
        skip();
    DataOptions o = {.dir = dir, .valid = 5000};
    Error err = ERROR_NONE;
    FILE *report = tmpfile();
    if (data_verify("mnist", dir, report, &err) != 0) {
        error_print(stderr, "verify", &err);
        fail();
    }
    fclose(report);
    Data *d = data_open("mnist", &o, &err);
    assert_non_null(d);
    assert_int_equal(data_count(d, DATA_TRAIN), 55000);
    assert_int_equal(data_count(d, DATA_VALID), 5000);
    assert_int_equal(data_count(d, DATA_TEST), 10000);
    assert_int_equal(data_label(d, DATA_TRAIN, 0), 5);
    assert_int_equal(data_label(d, DATA_TEST, 0), 7);
    assert_int_equal(data_label(d, DATA_VALID, 4999), 8);
    size_t ones = 0, pairs, repeats;
    for (size_t i = 0; i < 10000; i++)
        ones += data_label(d, DATA_TEST, i) == 1;
    assert_int_equal(ones, 1135);
    assert_int_equal(data_overlap(d, &pairs, &repeats, &err), 0);
    assert_int_equal(pairs, 0);
    assert_int_equal(repeats, 0);
    float mean[784];
    double all = 0.0;
    data_mean(d, mean);
    for (int j = 0; j < 784; j++)
        all += (double)mean[j] / 784.0;
    assert_true(all > 0.1301 && all < 0.1312); /* 0.1307 over all 60,000: known; 5,000 fewer move it by less than 0.0005 */
    data_free(d);
}

/* The digest of a split that is a whole file, from the file itself. */
static void digest_files(char *text, const char *dir, const char *images, const char *labels)
{
    char path[2][1100], shape[64];
    Idx x = {0}, y = {0};
    Error err = ERROR_NONE;
    Digest h;
    snprintf(path[0], sizeof path[0], "%s/%s", dir, images);
    snprintf(path[1], sizeof path[1], "%s/%s", dir, labels);
    assert_int_equal(idx_read(&x, path[0], 3, &err), 0);
    assert_int_equal(idx_read(&y, path[1], 1, &err), 0);
    snprintf(shape, sizeof shape, "bytes %zu 28 28 10", x.dim[0]);
    digest_start(&h);
    digest_string(&h, shape);
    digest_bytes(&h, x.bytes, x.count);
    digest_bytes(&h, y.bytes, y.count);
    digest_end(&h, text);
    idx_free(&x);
    idx_free(&y);
}

/* Recorded digests are those of the files; where they do not apply they are not used. */
static void recorded_digests(void **state)
{
    (void)state;
    const char *dir = getenv("VAE_LAB_TEST_DATA");
    if (dir == NULL || !data_present("mnist", dir))
        skip();
    Error err = ERROR_NONE;
    char folder_of[1024], train[DIGEST_TEXT], test[DIGEST_TEXT];
    snprintf(folder_of, sizeof folder_of, "%s/mnist", dir);
    const char *in = data_present("mnist", folder_of) ? folder_of : dir; /* the files may lie in either */
    digest_files(train, in, "train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    digest_files(test, in, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    Data *fresh = data_open("mnist", &(DataOptions){.dir = dir, .binarise = DATA_DYNAMIC}, &err);
    Data *bits = data_open("mnist", &(DataOptions){.dir = dir, .binarise = DATA_STATIC}, &err);
    Data *fewer = data_open("mnist", &(DataOptions){.dir = dir, .valid = 1}, &err);
    assert_true(fresh != NULL && bits != NULL && fewer != NULL);
    assert_string_equal(data_split_digest(fresh, DATA_TRAIN), train);
    assert_string_equal(data_split_digest(fresh, DATA_TEST), test);
    assert_string_not_equal(data_split_digest(bits, DATA_TRAIN), train);
    assert_string_not_equal(data_split_digest(fewer, DATA_TRAIN), train);
    assert_string_equal(data_split_digest(fewer, DATA_TEST), test);
    data_free(fresh);
    data_free(bits);
    data_free(fewer);
}

static void real_frey_faces(void **state)
{
    (void)state;
    const char *dir = getenv("VAE_LAB_TEST_DATA");
    if (dir == NULL || !data_present("freyfaces", dir))
        skip();
    DataOptions o = {.dir = dir};
    Error err = ERROR_NONE;
    Data *d = data_open("freyfaces", &o, &err);
    assert_non_null(d);
    assert_int_equal(data_count(d, DATA_TRAIN), 1665);
    assert_int_equal(data_count(d, DATA_TEST), 300);
    assert_int_equal(data_features(d), 560);
    assert_int_equal(data_height(d), 28);
    assert_int_equal(data_classes(d), 0);
    data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),         cmocka_unit_test(every_rank),
        cmocka_unit_test(missing),            cmocka_unit_test(wrong_magic),
        cmocka_unit_test(truncated),          cmocka_unit_test(overlong),
        cmocka_unit_test(corrupt_gzip),       cmocka_unit_test(cut_checksum),
        cmocka_unit_test(absurd_sizes),
        cmocka_unit_test(out_of_memory),      cmocka_unit_test(a_file_by_its_path),
        cmocka_unit_test(the_mean_image),     cmocka_unit_test(bad_pairs_of_files),
        cmocka_unit_test(overlap_is_refused),
        cmocka_unit_test(the_catalogue_is_not_fooled),
        cmocka_unit_test(real_mnist),         cmocka_unit_test(recorded_digests),
        cmocka_unit_test(real_frey_faces),
    };
    return cmocka_run_group_tests_name("data_idx", tests, make_folder, remove_folder);
}
