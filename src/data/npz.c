/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/npz.c: reads and writes .npz and .npy.  libzip reads and writes the archive.
 *
 * Promise: nothing is executed (a .npy file of Python objects is a pickle), and memory stays in proportion to the file.
 */
#include "data/npz.h"

#include "base/mem.h"

#include <zip.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- the header of a .npy file: a Python dictionary -------------------------------------------------------------- */

/* The header's text while it is read. */
typedef struct NpyText {
    const char *at, *end;
} NpyText;

static void skip_blanks(NpyText *t)
{
    while (t->at < t->end && strchr(" \t\n\r", *t->at) != NULL && *t->at != '\0')
        t->at++;
}

/* Whether the next word is `word`, which is then read. */
static int accept(NpyText *t, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0)
        return 0;
    t->at += n;
    return 1;
}

/* [OUT] text[size]: a string in single or double quotes, without escapes. */
static int read_string(NpyText *t, char *text, size_t size)
{
    skip_blanks(t);
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"'))
        return -1;
    const char *from = t->at + 1, *to = memchr(from, *t->at, (size_t)(t->end - from));
    if (to == NULL || (size_t)(to - from) >= size || memchr(from, '\\', (size_t)(to - from)) != NULL)
        return -1;
    memcpy(text, from, (size_t)(to - from));
    text[to - from] = '\0';
    t->at = to + 1;
    return 0;
}

/* A whole number; Python 2 wrote 3L for 3. */
static int read_number(NpyText *t, size_t *number)
{
    skip_blanks(t);
    if (t->at == t->end || !isdigit((unsigned char)*t->at))
        return -1;
    for (*number = 0; t->at < t->end && isdigit((unsigned char)*t->at); t->at++)
        if (__builtin_mul_overflow(*number, 10, number) || __builtin_add_overflow(*number, *t->at - '0', number))
            return -1;
    if (t->at < t->end && *t->at == 'L')
        t->at++;
    return 0;
}

/* (), (3,), (3, 4) */
static int read_shape(NpyText *t, DataArray *array)
{
    if (!accept(t, "("))
        return -1;
    for (array->rank = 0; !accept(t, ")"); array->rank++) {
        if (array->rank == DATA_AXES || read_number(t, &array->dim[array->rank]) != 0)
            return -1;
        if (!accept(t, ",")) {
            array->rank++;
            return accept(t, ")") ? 0 : -1;
        }
    }
    return 0;
}

static int read_order(NpyText *t, DataArray *array)
{
    array->column_major = accept(t, "True");
    return array->column_major || accept(t, "False") ? 0 : -1;
}

/* The keys of the dictionary, each of which must occur once. */
enum { NPY_DESCR = 1, NPY_ORDER = 2, NPY_SHAPE = 4 };

static int key_of(const char *name)
{
    return strcmp(name, "descr") == 0           ? NPY_DESCR
           : strcmp(name, "fortran_order") == 0 ? NPY_ORDER
           : strcmp(name, "shape") == 0         ? NPY_SHAPE
                                                : 0;
}

static int read_dictionary(NpyText *t, DataArray *array)
{
    char key[24];
    int seen = 0, status = accept(t, "{") ? 0 : -1;
    while (status == 0 && !accept(t, "}")) {
        if (read_string(t, key, sizeof key) != 0 || !accept(t, ":"))
            return -1;
        int which = key_of(key);
        if (which == 0 || (seen & which) != 0)
            return -1;
        seen |= which;
        status = which == NPY_DESCR   ? read_string(t, array->dtype, sizeof array->dtype)
                 : which == NPY_ORDER ? read_order(t, array)
                                      : read_shape(t, array);
        if (status == 0 && !accept(t, ",") && t->at < t->end && *t->at != '}')
            return -1;
    }
    skip_blanks(t);
    return status == 0 && seen == (NPY_DESCR | NPY_ORDER | NPY_SHAPE) && t->at == t->end ? 0 : -1;
}

/* '<f4': byte order, kind, bytes.  [OUT] *width of an element; 0 where it is not known. */
static int take_descr(DataArray *array, size_t *width, Error *err)
{
    static const struct {
        const char *name;
        DataElement element;
    } known[] = {{"f4", DATA_F32}, {"f8", DATA_F64}, {"f2", DATA_F16}, {"i8", DATA_I64}};
    const char *descr = array->dtype, *kind = strchr("<>|=", descr[0]) != NULL && descr[0] != '\0' ? descr + 1 : descr;
    if (strchr(kind, 'O') != NULL) {
        error_set(err, ERR_FILE, "a .npy file holds Python objects, which would have to be executed to be read");
        error_found(err, "dtype '%s'", descr);
        return error_hint(err, "save numbers: numpy.savez(file, name=array.astype('<f4'))");
    }
    array->big_endian = descr[0] == '>';
    array->element = DATA_OTHER;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(kind, known[i].name) == 0)
            array->element = known[i].element;
    *width = data_element_size(array->element);
    return 0;
}

/* ---- a .npy file ------------------------------------------------------------------------------------------------- */

static int bad_npy(const char *what, Error *err)
{
    return error_set(err, ERR_FILE, "not a valid .npy file: %s", what);
}

/* [OUT] *header: where its text begins; *length of it. */
static int read_preamble(const unsigned char *bytes, size_t size, size_t *header, size_t *length, Error *err)
{
    static const unsigned char magic[] = "\x93NUMPY";
    enum { VERSION = 6, SHORT_HEADER = 10, LONG_HEADER = 12 };
    if (size < SHORT_HEADER || memcmp(bytes, magic, VERSION) != 0)
        return bad_npy("it does not begin with \\x93NUMPY", err);
    if (bytes[VERSION] < 1 || bytes[VERSION] > 3 || bytes[VERSION + 1] != 0) {
        bad_npy("unknown version", err);
        error_found(err, "version %d.%d", bytes[VERSION], bytes[VERSION + 1]);
        return error_expected(err, "1.0, 2.0 or 3.0");
    }
    *header = bytes[VERSION] == 1 ? SHORT_HEADER : LONG_HEADER;
    *length = size < *header ? 0 : (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (*header == LONG_HEADER && size >= LONG_HEADER)
        *length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (size < *header || *length > size - *header)
        return bad_npy("it ends within its header", err);
    return 0;
}

int npy_read(DataArray *array, const void *bytes, size_t size, Error *err)
{
    size_t header = 0, length = 0, width = 0, expected = 0;
    const unsigned char *file = bytes;
    DataArray read = {.name = array->name};
    if (read_preamble(file, size, &header, &length, err) != 0)
        return -1;
    NpyText text = {(const char *)file + header, (const char *)file + header + length};
    if (read_dictionary(&text, &read) != 0) {
        bad_npy("its header is not understood", err);
        error_found(err, "%.*s", (int)(length < 200 ? length : 200), (const char *)file + header);
        return error_expected(err, "{ 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } with at most %d axes",
                              DATA_AXES);
    }
    if (take_descr(&read, &width, err) != 0)
        return -1;
    read.bytes = file + header + length;
    read.size = size - header - length;
    if (data_array_measure(&read, width == 0 ? 1 : width, &expected) != 0 || (width > 0 && expected != read.size)) {
        bad_npy("its size does not fit its shape and dtype", err);
        error_found(err, "%zu bytes of elements", read.size);
        return error_hint(err, "is the file truncated?");
    }
    *array = read;
    return 0;
}

/* ---- reading an archive ------------------------------------------------------------------------------------------ */

static int bad_zip(zip_error_t *why, Error *err)
{
    error_set(err, ERR_FILE, "not a valid .npz file: its zip archive is damaged");
    return error_found(err, "%s", zip_error_strerror(why));
}

static int bad_entry(const char *name, const char *what, Error *err)
{
    error_set(err, ERR_FILE, "not a valid .npz file: %s", what);
    return error_where(err, "file '%.100s' in the archive", name);
}

/* [OUT] *name and *size of entry i.  The sizes that the archive states bound the memory that is taken for it. */
static int check_entry(zip_t *zip, zip_uint64_t i, size_t archive, const char **name, size_t *size, size_t *total,
                       Error *err)
{
    enum {
        PACKED = 100,
        FREE = 16 << 20
    }; /* weights pack to a tenth at most; zeros up to FREE bytes may pack better */
    zip_stat_t st;
    if (zip_stat_index(zip, i, 0, &st) != 0)
        return bad_zip(zip_get_error(zip), err);
    if ((st.valid & (ZIP_STAT_NAME | ZIP_STAT_SIZE)) != (ZIP_STAT_NAME | ZIP_STAT_SIZE))
        return bad_entry("?", "a file without a name or a size", err);
    size_t length = strlen(st.name);
    if (length <= 4 || strcmp(st.name + length - 4, ".npy") != 0) {
        bad_entry(st.name, "it holds a file that is no array", err);
        return error_expected(err, "names that end in .npy");
    }
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && st.encryption_method != ZIP_EM_NONE)
        return bad_entry(st.name, "a file in it is encrypted", err);
    if (st.size > NPZ_CONTENT - *total || st.size > (zip_uint64_t)archive * PACKED + FREE) {
        bad_entry(st.name, "it unpacks to too much", err);
        error_found(err, "%llu bytes, from an archive of %zu", (unsigned long long)st.size, archive);
        return error_expected(err, "at most %d MiB in all, and at most %d times the archive", NPZ_CONTENT >> 20,
                              PACKED);
    }
    *name = st.name;
    *size = (size_t)st.size;
    *total += *size;
    return 0;
}

/* Unpacks entry i to to[size]; the read past its end makes libzip compare the checksum. */
static int unpack(zip_t *zip, zip_uint64_t i, const char *name, unsigned char *to, size_t size, Error *err)
{
    unsigned char more;
    size_t got = 0;
    zip_file_t *file = zip_fopen_index(zip, i, 0);
    if (file == NULL) {
        bad_entry(name, "a file cannot be unpacked", err);
        return error_found(err, "%s", zip_strerror(zip));
    }
    zip_int64_t now = 1;
    while (got < size && (now = zip_fread(file, to + got, size - got)) > 0)
        got += (size_t)now;
    if (now >= 0)
        now = zip_fread(file, &more, 1);
    int status = 0;
    if (now != 0 || got != size) {
        status = bad_entry(name, "a file in it is damaged", err);
        error_found(err, "%s",
                    now < 0   ? zip_file_strerror(file)
                    : now > 0 ? "more bytes than stated"
                              : "fewer bytes than stated");
    }
    zip_fclose(file);
    return status;
}

static int read_entry(DataArrays *arrays, zip_t *zip, zip_uint64_t i, const char *name, unsigned char *to, size_t size,
                      Error *err)
{
    DataArray *array = data_arrays_add(arrays, name, err);
    if (array == NULL || unpack(zip, i, name, to, size, err) != 0)
        return -1;
    array->name[strlen(name) - 4] = '\0';
    return npy_read(array, to, size, err) != 0 ? error_in(err, "array '%.100s'", array->name) : 0;
}

static int read_entries(DataArrays *arrays, zip_t *zip, size_t archive, Error *err)
{
    enum { ALIGN = 8 };
    zip_int64_t count = zip_get_num_entries(zip, 0);
    const char *name;
    size_t size, total = 0, used = 0;
    if (count < 1) /* libzip takes an empty file for an archive without files */
        return error_set(err, ERR_FILE, "not a valid .npz file: there is nothing in it");
    for (zip_int64_t i = 0; i < count; i++)
        if (check_entry(zip, (zip_uint64_t)i, archive, &name, &size, &total, err) != 0)
            return -1;
    unsigned char *to = arrays->content = mem_alloc(total + (size_t)count * ALIGN);
    if (to == NULL)
        return error_memory(err, "an archive's content");
    total = 0;
    for (zip_int64_t i = 0; i < count; i++) {
        if (check_entry(zip, (zip_uint64_t)i, archive, &name, &size, &total, err) != 0 ||
            read_entry(arrays, zip, (zip_uint64_t)i, name, to + used, size, err) != 0)
            return -1;
        used += (size + ALIGN - 1) / ALIGN * ALIGN;
    }
    return data_arrays_sort(arrays, err);
}

int npz_read(DataArrays *arrays, const void *bytes, size_t size, Error *err)
{
    DataArrays read = {0};
    zip_error_t why;
    zip_error_init(&why);
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &why);
    zip_t *zip = source == NULL ? NULL : zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &why);
    int status;
    if (zip == NULL) {
        zip_source_free(source);
        status = bad_zip(&why, err);
    } else {
        status = read_entries(&read, zip, size, err);
        zip_discard(zip);
    }
    zip_error_fini(&why);
    if (status != 0) {
        data_arrays_free(&read);
        return -1;
    }
    *arrays = read;
    return 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

void npy_header(Text *out, const DataArray *array)
{
    enum { PREAMBLE = 10, ALIGN = 64 };
    Text header = {0};
    const char *descr = array->element == DATA_F32 ? "<f4" : array->element == DATA_F64 ? "<f8" : "<i8";
    text_addf(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < array->rank; i++)
        text_addf(&header, "%zu%s", array->dim[i], i + 1 < array->rank ? ", " : array->rank == 1 ? "," : "");
    text_add(&header, "), }");
    while ((PREAMBLE + header.length + 1) % ALIGN != 0 && !header.failed)
        text_add(&header, " ");
    text_add(&header, "\n");
    text_add_bytes(out, "\x93NUMPY\x01", 8);
    text_add_bytes(out, (const unsigned char[]){(unsigned char)header.length, (unsigned char)(header.length >> 8)}, 2);
    text_add(out, text_string(&header));
    out->failed |= header.failed;
    text_free(&header);
}

static int add_entry(zip_t *zip, const DataArray *array, Text *file, Error *err)
{
    enum { FIRST_DAY = 0x21 }; /* 1 January 1980 */
    Text name = {0};
    npy_header(file, array);
    text_add_bytes(file, array->bytes, array->size);
    text_addf(&name, "%s.npy", array->name);
    int status = file->failed || name.failed ? error_memory(err, "an array's file") : 0;
    if (status == 0) {
        zip_source_t *source = zip_source_buffer(zip, file->data, file->length, 0);
        zip_int64_t i = source == NULL ? -1 : zip_file_add(zip, text_string(&name), source, ZIP_FL_ENC_UTF_8);
        if (i < 0)
            zip_source_free(source);
        if (i < 0 || zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_STORE, 0) != 0 ||
            zip_file_set_dostime(zip, (zip_uint64_t)i, 0, FIRST_DAY, 0) != 0) {
            status = error_set(err, ERR_FILE, "cannot make a zip archive");
            error_found(err, "%s", zip_strerror(zip));
        }
    }
    text_free(&name);
    return status;
}

/* The archive that libzip has made in memory. */
static int copy_archive(Text *out, zip_source_t *archive, Error *err)
{
    zip_stat_t st;
    zip_stat_init(&st);
    if (zip_source_stat(archive, &st) != 0 || zip_source_open(archive) != 0)
        return error_set(err, ERR_FILE, "cannot make a zip archive");
    unsigned char block[65536];
    zip_int64_t got;
    while ((got = zip_source_read(archive, block, sizeof block)) > 0)
        text_add_bytes(out, block, (size_t)got);
    zip_source_close(archive);
    return got < 0       ? error_set(err, ERR_FILE, "cannot make a zip archive")
           : out->failed ? error_memory(err, "a zip archive")
                         : 0;
}

int npz_write(Text *out, const DataArrays *arrays, Error *err)
{
    zip_error_t why;
    zip_error_init(&why);
    Text *file = mem_array(arrays->count, sizeof *file); /* libzip reads them when the archive is closed */
    zip_source_t *archive = zip_source_buffer_create(NULL, 0, 0, &why);
    zip_t *zip = archive == NULL ? NULL : zip_open_from_source(archive, ZIP_CREATE | ZIP_TRUNCATE, &why);
    int status = file == NULL || zip == NULL ? error_memory(err, "a zip archive") : 0;
    if (zip != NULL)
        zip_source_keep(archive); /* closing the archive gives up its own reference */
    for (size_t i = 0; status == 0 && i < arrays->count; i++)
        status = add_entry(zip, &arrays->array[i], &file[i], err);
    if (status == 0 && zip_close(zip) != 0) {
        status = error_set(err, ERR_FILE, "cannot make a zip archive");
        error_found(err, "%s", zip_strerror(zip));
        zip_discard(zip);
    } else if (status == 0) {
        status = copy_archive(out, archive, err);
    } else if (zip != NULL) {
        zip_discard(zip);
    }
    zip_source_free(archive);
    for (size_t i = 0; file != NULL && i < arrays->count; i++)
        text_free(&file[i]);
    mem_free(file);
    zip_error_fini(&why);
    return status;
}
