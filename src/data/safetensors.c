/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/safetensors.c: reads and writes safetensors.  Jansson reads the header.
 *
 * Promise: every number of a header is checked before it is used; a file that breaks a rule of the format is refused.
 */
#include "data/safetensors.h"

#include "base/mem.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

/* A header is at most HEADER_MAX bytes: about 40,000 arrays.  Memory for its JSON is then at most some 200 MB. */
enum { LENGTH_BYTES = 8, HEADER_MAX = 4 << 20, ALIGN = 8 };

static const struct {
    const char *name;
    DataElement element;
    size_t size;
} dtypes[] = {
    {"F32", DATA_F32, 4},       {"F64", DATA_F64, 8},       {"F16", DATA_F16, 2},   {"BF16", DATA_BF16, 2},
    {"I64", DATA_I64, 8},       {"BOOL", DATA_OTHER, 1},    {"U8", DATA_OTHER, 1},  {"I8", DATA_OTHER, 1},
    {"F8_E5M2", DATA_OTHER, 1}, {"F8_E4M3", DATA_OTHER, 1}, {"I16", DATA_OTHER, 2}, {"U16", DATA_OTHER, 2},
    {"I32", DATA_OTHER, 4},     {"U32", DATA_OTHER, 4},     {"U64", DATA_OTHER, 8},
};

/* ---- one array --------------------------------------------------------------------------------------------------- */

static int bad_array(const char *name, const char *what, Error *err)
{
    error_set(err, ERR_FILE, "not a valid safetensors file: %s", what);
    return error_where(err, "array '%.100s'", name);
}

static int take_dtype(DataArray *array, const json_t *value, size_t *width, Error *err)
{
    const char *name = json_string_value(value);
    if (name == NULL)
        return bad_array(array->name, "an array has no dtype", err);
    snprintf(array->dtype, sizeof array->dtype, "%s", name);
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(dtypes[i].name, name) == 0) {
            array->element = dtypes[i].element;
            *width = dtypes[i].size;
            return 0;
        }
    bad_array(array->name, "unknown dtype", err);
    error_found(err, "%.60s", name);
    return error_expected(err, "F32, F64, F16, BF16, or an integer type");
}

/* A whole number, not negative; -1 otherwise. */
static int take_size(const json_t *value, size_t *size)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return -1;
    *size = (size_t)json_integer_value(value);
    return 0;
}

static int take_shape(DataArray *array, const json_t *value, Error *err)
{
    size_t rank = json_array_size(value);
    if (!json_is_array(value))
        return bad_array(array->name, "an array has no shape", err);
    if (rank > DATA_AXES) {
        bad_array(array->name, "an array has too many axes", err);
        error_found(err, "%zu axes", rank);
        return error_expected(err, "at most %d", DATA_AXES);
    }
    array->rank = (int)rank;
    for (size_t i = 0; i < rank; i++)
        if (take_size(json_array_get(value, i), &array->dim[i]) != 0)
            return bad_array(array->name, "a shape holds something else than whole numbers from 0 on", err);
    return 0;
}

/* The offsets must lie in the data and fit the shape. */
static int take_offsets(DataArray *array, const json_t *value, size_t width, const unsigned char *data, size_t size,
                        Error *err)
{
    size_t from, to, bytes;
    if (json_array_size(value) != 2 || take_size(json_array_get(value, 0), &from) != 0 ||
        take_size(json_array_get(value, 1), &to) != 0)
        return bad_array(array->name, "data_offsets are not two whole numbers from 0 on", err);
    if (from > to || to > size) {
        bad_array(array->name, "data_offsets lie outside of the data", err);
        error_found(err, "[%zu, %zu]", from, to);
        error_expected(err, "begin <= end <= %zu, the bytes of data", size);
        return error_hint(err, "is the file truncated?");
    }
    if (data_array_measure(array, width, &bytes) != 0 || bytes != to - from) {
        bad_array(array->name, "data_offsets do not fit shape and dtype", err);
        error_found(err, "%zu bytes", to - from);
        return error_expected(err, "shape and dtype of as many bytes");
    }
    array->bytes = data + from;
    array->size = bytes;
    return 0;
}

static int take_array(DataArrays *arrays, const char *name, const json_t *entry, const unsigned char *data, size_t size,
                      Error *err)
{
    size_t width = 0;
    if (!json_is_object(entry))
        return bad_array(name, "an array's entry is no object", err);
    DataArray *array = data_arrays_add(arrays, name, err);
    if (array == NULL || take_dtype(array, json_object_get(entry, "dtype"), &width, err) != 0 ||
        take_shape(array, json_object_get(entry, "shape"), err) != 0)
        return -1;
    return take_offsets(array, json_object_get(entry, "data_offsets"), width, data, size, err);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const DataArray *x = *(const DataArray *const *)a, *y = *(const DataArray *const *)b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes ? -1 : 1) : (x->size > y->size) - (x->size < y->size);
}

/* The arrays must cover the data from begin to end, each byte once. */
static int check_cover(const DataArrays *arrays, const unsigned char *data, size_t size, Error *err)
{
    const DataArray **order = mem_array(arrays->count, sizeof *order);
    const unsigned char *end = data;
    int status = order == NULL ? error_memory(err, "a list of arrays") : 0;
    for (size_t i = 0; status == 0 && i < arrays->count; i++)
        order[i] = &arrays->array[i];
    if (status == 0 && arrays->count > 1)
        qsort(order, arrays->count, sizeof *order, by_place);
    for (size_t i = 0; status == 0 && i < arrays->count; i++) {
        if (order[i]->bytes != end)
            status =
                bad_array(order[i]->name,
                          order[i]->bytes < end ? "two arrays share bytes" : "there is a gap before an array", err);
        end = order[i]->bytes + order[i]->size;
    }
    if (status == 0 && end != data + size) {
        status = error_set(err, ERR_FILE, "not a valid safetensors file: bytes after the last array");
        error_found(err, "%zu bytes", (size_t)(data + size - end));
    }
    mem_free(order);
    return status;
}

static int take_arrays(DataArrays *arrays, json_t *header, const unsigned char *data, size_t size, Error *err)
{
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            arrays->own = json_is_string(json_object_get(entry, "vae_lab_version"));
        else if (take_array(arrays, name, entry, data, size, err) != 0)
            return -1;
    }
    return data_arrays_sort(arrays, err) != 0 ? -1 : check_cover(arrays, data, size, err);
}

static json_t *parse_header(const unsigned char *bytes, size_t length, Error *err)
{
    json_error_t why;
    json_t *header = json_loadb((const char *)bytes + LENGTH_BYTES, length, JSON_REJECT_DUPLICATES, &why);
    if (header != NULL && json_is_object(header) && bytes[LENGTH_BYTES] == '{')
        return header;
    error_set(err, ERR_FILE, "not a valid safetensors file: its header is not JSON");
    error_where(err, "byte %d of the header", header != NULL ? 0 : why.position);
    error_found(err, "%.200s", header != NULL ? "no object at its first byte" : why.text);
    json_decref(header);
    return NULL;
}

/* [OUT] *length of the header. */
static int read_length(const unsigned char *bytes, size_t size, size_t *length, Error *err)
{
    uint64_t stated = 0;
    if (size < LENGTH_BYTES) {
        error_set(err, ERR_FILE, "not a valid safetensors file: too short");
        error_found(err, "%zu bytes", size);
        return error_expected(err, "at least the %d bytes of the header's length", LENGTH_BYTES);
    }
    for (int k = 0; k < LENGTH_BYTES; k++)
        stated |= (uint64_t)bytes[k] << (8 * k);
    if (stated <= size - LENGTH_BYTES && stated <= HEADER_MAX) {
        *length = (size_t)stated;
        return 0;
    }
    error_set(err, ERR_FILE, "not a valid safetensors file: the header's length is wrong");
    error_found(err, "%llu bytes in a file of %zu", (unsigned long long)stated, size);
    error_expected(err, "at most %zu bytes",
                   size - LENGTH_BYTES < HEADER_MAX ? size - LENGTH_BYTES : (size_t)HEADER_MAX);
    return error_hint(err, "is the file truncated, or of another format?");
}

int safetensors_read(DataArrays *arrays, const void *bytes, size_t size, Error *err)
{
    DataArrays read = {0};
    size_t length = 0;
    if (read_length(bytes, size, &length, err) != 0)
        return -1;
    json_t *header = parse_header(bytes, length, err);
    if (header == NULL)
        return -1;
    const unsigned char *data = (const unsigned char *)bytes + LENGTH_BYTES + length;
    int status = take_arrays(&read, header, data, size - LENGTH_BYTES - length, err);
    json_decref(header);
    if (status != 0) {
        data_arrays_free(&read);
        return -1;
    }
    *arrays = read;
    return 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void add_entry(Text *header, const DataArray *array, size_t *offset)
{
    text_add_json(header, array->name);
    text_add(header, ":{\"dtype\":");
    text_add_json(header, array->dtype);
    text_add(header, ",\"shape\":[");
    for (int i = 0; i < array->rank; i++)
        text_addf(header, "%s%zu", i > 0 ? "," : "", array->dim[i]);
    text_addf(header, "],\"data_offsets\":[%zu,%zu]}", *offset, *offset + array->size);
    *offset += array->size;
}

int safetensors_write(Text *out, const DataArrays *arrays, const SafetensorsText *metadata, size_t nmetadata,
                      Error *err)
{
    Text header = {0};
    unsigned char length[LENGTH_BYTES];
    size_t offset = 0;
    text_add(&header, "{\"__metadata__\":{");
    for (size_t i = 0; i < nmetadata; i++) {
        text_add(&header, i > 0 ? "," : "");
        text_add_json(&header, metadata[i].name);
        text_add(&header, ":");
        text_add_json(&header, metadata[i].text);
    }
    text_add(&header, "}");
    for (size_t i = 0; i < arrays->count; i++) {
        text_add(&header, ",");
        add_entry(&header, &arrays->array[i], &offset);
    }
    text_add(&header, "}");
    while (header.length % ALIGN != 0 && !header.failed) /* the data begin at a multiple of 8 bytes */
        text_add(&header, " ");
    for (int k = 0; k < LENGTH_BYTES; k++)
        length[k] = (unsigned char)((uint64_t)header.length >> (8 * k));
    text_add_bytes(out, length, sizeof length);
    text_add_bytes(out, text_string(&header), header.length);
    for (size_t i = 0; i < arrays->count; i++)
        text_add_bytes(out, arrays->array[i].bytes, arrays->array[i].size);
    int failed = header.failed || out->failed;
    text_free(&header);
    return failed ? error_memory(err, "a safetensors file") : 0;
}
