/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_data_arrays.c: safetensors and NumPy files: round trips, element types, and hostile files, each with its
 * message.
 */
#include "base/mem.h"
#include "data/npz.h"
#include "data/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zip.h>

#include <cmocka.h>

/* ---- files in memory --------------------------------------------------------------------------------------------- */

/* A safetensors file of this header, which is ended by NUL, and `bytes` zeros of data. */
static void tensors(Text *file, const char *header, size_t bytes)
{
    static const char zeros[256];
    uint64_t length = strlen(header);
    text_free(file);
    for (int k = 0; k < 8; k++)
        text_add_bytes(file, &(char){(char)(length >> (8 * k))}, 1);
    text_add(file, header);
    text_add_bytes(file, zeros, bytes);
}

static void npy(Text *file, const char *header, const void *bytes, size_t size)
{
    text_free(file);
    text_add_bytes(file, "\x93NUMPY\x01", 8);
    text_add_bytes(file, (const char[]){(char)strlen(header), 0}, 2);
    text_add(file, header);
    text_add_bytes(file, bytes, size);
}

/* An archive of one file. */
static void archive(Text *out, const char *name, const Text *content, int compression)
{
    zip_source_t *memory = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *zip = zip_open_from_source(memory, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    char block[4096];
    zip_int64_t got;
    zip_source_keep(memory);
    zip_int64_t i = zip_file_add(zip, name, zip_source_buffer(zip, content->data, content->length, 0), 0);
    assert_true(i >= 0);
    zip_set_file_compression(zip, (zip_uint64_t)i, compression, 9);
    assert_int_equal(zip_close(zip), 0);
    text_free(out);
    assert_int_equal(zip_source_open(memory), 0);
    while ((got = zip_source_read(memory, block, sizeof block)) > 0)
        text_add_bytes(out, block, (size_t)got);
    zip_source_close(memory);
    zip_source_free(memory);
}

static void expect(int status, const Error *err, const char *said)
{
    char text[1400];
    error_text(text, sizeof text, err);
    if (status == 0 || strstr(text, said) == NULL)
        print_error("expected '%s', got status %d: %s\n", said, status, text);
    assert_int_equal(status, -1);
    assert_int_equal(err->kind, ERR_FILE);
    assert_non_null(strstr(text, said));
}

/* ---- round trips ------------------------------------------------------------------------------------------------- */

static const float weights[] = {1.5f, -2, 0x1p-149f, 3.25e38f, -0.0f, 7};
static const int64_t steps[] = {1, -2, INT64_MAX};
static const double values[] = {0.1};

static void fill(DataArrays *a)
{
    Error err = ERROR_NONE;
    const struct {
        const char *name, *dtype;
        DataElement element;
        int rank;
        size_t dim[2];
        const void *bytes;
        size_t size;
    } rows[] = {
        {"encoder.0.W", "F32", DATA_F32, 2, {2, 3}, weights, sizeof weights},
        {"one", "F64", DATA_F64, 0, {0}, values, sizeof values},
        {"step \"\\\n", "I64", DATA_I64, 1, {3}, steps, sizeof steps},
        {"zero", "F32", DATA_F32, 2, {0, 7}, weights, 0},
    };
    for (size_t i = 0; i < 4; i++) {
        DataArray *array = data_arrays_add(a, rows[i].name, &err);
        assert_non_null(array);
        snprintf(array->dtype, sizeof array->dtype, "%s", rows[i].dtype);
        array->element = rows[i].element;
        array->rank = rows[i].rank;
        memcpy(array->dim, rows[i].dim, sizeof rows[i].dim);
        array->bytes = rows[i].bytes;
        array->size = rows[i].size;
    }
}

static void check_same(const DataArrays *a, const DataArrays *b)
{
    float out[6];
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const DataArray *x = &a->array[i], *y = data_arrays_find(b, x->name);
        assert_non_null(y);
        assert_int_equal(x->element, y->element);
        assert_int_equal(x->rank, y->rank);
        assert_int_equal(x->size, y->size);
        if (x->size > 0)
            assert_memory_equal(x->bytes, y->bytes, x->size);
    }
    data_array_floats(data_arrays_find(b, "encoder.0.W"), out);
    assert_memory_equal(out, weights, sizeof weights);
    assert_null(data_arrays_find(b, "encoder"));
}

static void test_round_trips(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    DataArrays a = {0}, b = {0};
    Text file = {0}, again = {0};
    fill(&a);
    const SafetensorsText version = {"vae_lab_version", "1 \"x\""};
    assert_int_equal(safetensors_write(&file, &a, &version, 1, &err), 0);
    assert_int_equal((unsigned char)file.data[0] % 8, 0); /* the data are aligned */
    assert_int_equal(safetensors_read(&b, file.data, file.length, &err), 0);
    assert_true(b.own);
    check_same(&a, &b);
    data_arrays_free(&b);
    text_free(&file);
    assert_int_equal(npz_write(&file, &a, &err), 0);
    assert_int_equal(npz_write(&again, &a, &err), 0);
    assert_int_equal(file.length, again.length);
    assert_memory_equal(file.data, again.data, file.length);
    assert_int_equal(npz_read(&b, file.data, file.length, &err), 0);
    check_same(&a, &b);
    data_arrays_free(&b);
    data_arrays_free(&a);
    text_free(&file);
    text_free(&again);
}

/* ---- element types ----------------------------------------------------------------------------------------------- */

static void test_elements(void **state)
{
    (void)state;
    static const struct { uint16_t bits; double value; } halves[] = {
        {0x3c00, 1}, {0xc000, -2}, {0x7bff, 65504}, {0x0400, 0x1p-14}, {0x0001, 0x1p-24}, {0x03ff, 0x3ffp-24},
        {0x8001, -0x1p-24},
        {0x0000, 0}, {0x7c00, INFINITY}, {0xfc00, -INFINITY},
    };
    float out[6];
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        unsigned char little[] = {(unsigned char)halves[i].bits, (unsigned char)(halves[i].bits >> 8)};
        unsigned char big[] = {little[1], little[0]};
        DataArray a = {.element = DATA_F16, .count = 1, .rank = 1, .dim = {1}, .bytes = little};
        data_array_floats(&a, out);
        assert_true((double)out[0] == halves[i].value);
        a.bytes = big;
        a.big_endian = 1;
        data_array_floats(&a, out);
        assert_true((double)out[0] == halves[i].value);
    }
    const unsigned char bf16[] = {0x80, 0x3f, 0x20, 0xc1};
    data_array_floats(&(DataArray){.element = DATA_BF16, .count = 2, .rank = 1, .dim = {2}, .bytes = bf16}, out);
    assert_true(out[0] == 1 && out[1] == -10);

    Text file = {0};
    Error err = ERROR_NONE;
    DataArray a = {0};
    const float columns[] = {1, 4, 2, 5, 3, 6};
    npy(&file, "{\"shape\": (2, 3L,), 'fortran_order': True, 'descr': '<f4'}   \n", columns, sizeof columns);
    assert_int_equal(npy_read(&a, file.data, file.length, &err), 0);
    data_array_floats(&a, out);
    for (int i = 0; i < 6; i++)
        assert_true(out[i] == (float)i + 1);
    const unsigned char doubles[] = {0x3f, 0xf8, 0, 0, 0, 0, 0, 0};
    npy(&file, "{'descr': '>f8', 'fortran_order': False, 'shape': (), }", doubles, 8);
    assert_int_equal(npy_read(&a, file.data, file.length, &err), 0);
    data_array_floats(&a, out);
    assert_true(out[0] == 1.5f);
    text_free(&file);
}

/* ---- hostile files ----------------------------------------------------------------------------------------------- */

static void test_hostile_safetensors(void **state)
{
    (void)state;
    static const struct { const char *header; size_t bytes; const char *said; } rows[] = {
        {"", 0, "not JSON"},
        {" {}", 0, "no object at its first byte"},
        {"[]", 0, "no object"},
        {"{\"a\":1}", 0, "no object"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "duplicate"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "outside of the data"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "after the last array"},
        {"{}", 1, "after the last array"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 8, "outside of the data"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 8, "not two whole numbers"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 8, "not two whole numbers"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,9223372036854775808]}}", 8, "too big"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,2],\"data_offsets\":[0,4]}}", 4, "do not fit shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0, "do not fit shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "whole numbers"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "too many axes"},
        {"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype"},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "no dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}", 6, "share bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12, "gap"},
        {"{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "not JSON"},
    };
    Text file = {0};
    DataArrays a = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Error err = ERROR_NONE;
        tensors(&file, rows[i].header, rows[i].bytes);
        expect(safetensors_read(&a, file.data, file.length, &err), &err, rows[i].said);
        assert_null(a.array);
    }
    Error err = ERROR_NONE;
    expect(safetensors_read(&a, "\1\0\0", 3, &err), &err, "too short");
    expect(safetensors_read(&a, "\377\377\377\377\377\377\377\377{}", 10, &err), &err, "header's length is wrong");
    text_free(&file);
    Text deep = {0};
    text_add(&deep, "{\"a\":");
    for (int i = 0; i < 100000; i++)
        text_add(&deep, "[");
    tensors(&file, deep.data, 0);
    expect(safetensors_read(&a, file.data, file.length, &err), &err, "depth");
    text_free(&deep);
    text_free(&file);
}

static void test_hostile_npy(void **state)
{
    (void)state;
    static const struct { const char *header; size_t bytes; const char *said; } rows[] = {
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 4, "Python objects"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, "not understood"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4, "does not fit"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 5, "does not fit"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 8), }", 8, "does not fit"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 8, "not understood"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "not understood"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4, "not understood"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, }", 4, "not understood"},
        {"{'descr': '<f4', 'fortran_order': maybe, 'shape': (1,), }", 4, "not understood"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 4, "not understood"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", 4, "not understood"},
        {"{'descr': '<f4', 'fortran_order': False}", 4, "not understood"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } __import__('os')", 4, "not understood"},
        {"{'descr': '<f4", 0, "not understood"},
        {"", 0, "not understood"},
    };
    static const char zeros[8];
    Text file = {0};
    DataArray a = {0};
    Error err = ERROR_NONE;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        npy(&file, rows[i].header, zeros, rows[i].bytes);
        expect(npy_read(&a, file.data, file.length, &err), &err, rows[i].said);
    }
    expect(npy_read(&a, "\x93NUMPY\x04\0\0\0\0\0\0", 13, &err), &err, "unknown version");
    expect(npy_read(&a, "\x93NUMPY\x02\0\0\0\0", 11, &err), &err, "within its header");
    expect(npy_read(&a, "\x93NUMPY\x01\0\xff\xff", 10, &err), &err, "within its header");
    expect(npy_read(&a, "PK", 2, &err), &err, "does not begin");
    text_free(&file);
}

static void test_hostile_npz(void **state)
{
    (void)state;
    Text one = {0}, file = {0};
    DataArrays a = {0};
    Error err = ERROR_NONE;
    npy(&one, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", weights, sizeof weights);
    archive(&file, "w.npy", &one, ZIP_CM_DEFLATE);
    assert_int_equal(npz_read(&a, file.data, file.length, &err), 0);
    assert_non_null(data_arrays_find(&a, "w"));
    data_arrays_free(&a);
    for (size_t n = 0; n < file.length; n++) /* cut anywhere */
        assert_int_equal(npz_read(&a, file.data, n, &err), -1);
    archive(&file, "w.npy", &one, ZIP_CM_STORE);
    char *at = file.data;
    while (memcmp(at, weights, sizeof weights) != 0)
        at++;
    at[3] ^= 1;
    expect(npz_read(&a, file.data, file.length, &err), &err, "damaged");
    archive(&file, "readme.txt", &one, ZIP_CM_STORE);
    expect(npz_read(&a, file.data, file.length, &err), &err, "no array");
    archive(&file, ".npy", &one, ZIP_CM_STORE);
    expect(npz_read(&a, file.data, file.length, &err), &err, "no array");
    text_free(&one);
    char *zeros = mem_alloc(64 << 20); /* 64 MiB of zeros pack to 64 KiB */
    assert_non_null(zeros);
    text_add_bytes(&one, zeros, 64 << 20);
    archive(&file, "bomb.npy", &one, ZIP_CM_DEFLATE);
    expect(npz_read(&a, file.data, file.length, &err), &err, "unpacks to too much");
    mem_free(zeros);
    text_free(&one);
    text_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_hostile_safetensors),
        cmocka_unit_test(test_hostile_npy),    cmocka_unit_test(test_hostile_npz),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
