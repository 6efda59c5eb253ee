/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/idx.c: the IDX reader.  zlib reads the bytes, gzip or not.  Memory grows with the bytes that arrive, so a header
 * with wrong sizes costs no memory.
 */
#include "data/idx.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 1 << 16, AT_ONCE = 1 << 30, FIRST_BLOCK = 1 << 20, PACKED = 32, MAGIC_BYTES = 4, UNSIGNED_BYTE = 0x08 };

/* ---- a file as a stream of its content --------------------------------------------------------------------------- */

typedef struct IdxFile {
    const char *path;
    gzFile file;      /* zlib reads plain files too */
    uint64_t size;    /* of the file on disk; 0 when it is not a regular one */
    uint64_t content; /* bytes read so far */
} IdxFile;

/* PATH, else PATH.gz. */
static int open_either(const char *path)
{
    char gz[4096];
    int file = open(path, O_RDONLY);
    if (file < 0 && errno == ENOENT && snprintf(gz, sizeof gz, "%s.gz", path) < (int)sizeof gz)
        file = open(gz, O_RDONLY);
    return file;
}

static int file_open(IdxFile *f, const char *path, Error *err)
{
    struct stat status;
    int file = open_either(path), why = file < 0 ? errno : 0;
    *f = (IdxFile){.path = path};
    if (file >= 0 && fstat(file, &status) == 0 && S_ISDIR(status.st_mode))
        why = EISDIR;
    if (why != 0) {
        if (file >= 0)
            close(file);
        error_set(err, ERR_FILE, "cannot open a data file: %s", strerror(why));
        error_where(err, "%s", path);
        return error_expected(err, "an IDX file at that path, or the same with .gz after it");
    }
    f->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    f->file = gzdopen(file, "rb");
    if (f->file == NULL) {
        close(file);
        return error_memory(err, "reading a data file");
    }
    gzbuffer(f->file, CHUNK);
    return 0;
}

/* What zlib reports, without the path of the file that precedes it. */
static int unreadable(const IdxFile *f, Error *err)
{
    int number;
    const char *text = gzerror(f->file, &number), *colon = strrchr(text, ':');
    if (number == Z_ERRNO) {
        error_set(err, ERR_FILE, "cannot read a data file: %s", strerror(errno));
        return error_where(err, "%s", f->path);
    }
    if (number == Z_MEM_ERROR)
        return error_memory(err, "decompressing a data file");
    error_set(err, ERR_FILE, "corrupt gzip data");
    error_where(err, "%s, after %llu bytes of content", f->path, (unsigned long long)f->content);
    error_found(err, "%s", colon != NULL ? colon + 2 : text);
    return error_hint(err, "fetch the file again, or unpack it yourself to see how much is whole");
}

/* Reads up to `want` bytes of content into `to`; *got is less only where the content ends. */
static int file_read(IdxFile *f, uint8_t *to, size_t want, size_t *got, Error *err)
{
    for (*got = 0; *got < want;) {
        size_t left = want - *got;
        int now = gzread(f->file, to + *got, left < AT_ONCE ? (unsigned)left : AT_ONCE), number;
        *got += now > 0 ? (size_t)now : 0;
        f->content += now > 0 ? (uint64_t)now : 0;
        gzerror(f->file, &number); /* of data that end too early gzread gives what there is, and this error */
        if (number != Z_OK)
            return unreadable(f, err);
        if (now == 0)
            break;
    }
    return 0;
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

static int too_short(const IdxFile *f, uint64_t expected, Error *err)
{
    error_set(err, ERR_FILE, "a data file is truncated");
    error_where(err, "%s, byte %llu", f->path, (unsigned long long)f->content);
    error_found(err, "%llu bytes of content", (unsigned long long)f->content);
    error_expected(err, "%llu bytes, by its header", (unsigned long long)expected);
    return error_hint(err, "fetch the file again");
}

static int read_magic(IdxFile *f, int rank, int *found_rank, Error *err)
{
    uint8_t m[MAGIC_BYTES];
    size_t got;
    if (file_read(f, m, sizeof m, &got, err) != 0)
        return -1;
    if (got < sizeof m) {
        too_short(f, MAGIC_BYTES, err);
        return error_expected(err, "at least the %d bytes of an IDX file's magic number", MAGIC_BYTES);
    }
    *found_rank = m[3];
    if (m[0] == 0 && m[1] == 0 && m[2] == UNSIGNED_BYTE && m[3] >= 1 && m[3] <= 4 && (rank == 0 || rank == m[3]))
        return 0;
    error_set(err, ERR_FILE, "wrong magic number: not the expected IDX file");
    error_where(err, "%s, byte 0", f->path);
    error_found(err, "0x%02x%02x%02x%02x", m[0], m[1], m[2], m[3]);
    if (rank == 0)
        error_expected(err, "0x00000801 to 0x00000804: unsigned bytes of rank 1 to 4");
    else
        error_expected(err, "0x0000080%d: unsigned bytes of rank %d%s", rank, rank,
                       rank == 1 ? " (labels)" : " (images)");
    if (m[0] == 0 && m[1] == 0 && m[2] == UNSIGNED_BYTE)
        error_hint(err, "the file has an array of rank %d: are images and labels swapped?", m[3]);
    return -1;
}

/* The sizes (big-endian) and their product, with a limit above any real file. */
static int read_sizes(IdxFile *f, Idx *idx, Error *err)
{
    const uint64_t limit = (uint64_t)1 << 42;
    uint64_t count = 1;
    for (int i = 0; i < idx->rank; i++) {
        uint8_t b[4];
        size_t got;
        if (file_read(f, b, sizeof b, &got, err) != 0)
            return -1;
        if (got < sizeof b)
            return too_short(f, (uint64_t)MAGIC_BYTES + 4u * (unsigned)idx->rank, err);
        uint32_t size = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (size == 0 || count > limit / size) {
            error_set(err, ERR_FILE, "impossible sizes in the header of a data file");
            error_where(err, "%s, byte %d", f->path, MAGIC_BYTES + 4 * i);
            error_found(err, "size %u along axis %d", (unsigned)size, i + 1);
            return error_expected(err, "at least 1, and no more than 2^42 bytes in all");
        }
        idx->dim[i] = size;
        count *= size;
    }
    if (count > SIZE_MAX / 2)
        return error_memory(err, "a data file");
    idx->count = (size_t)count;
    return 0;
}

/* ---- the bytes --------------------------------------------------------------------------------------------------- */

static int overlong(IdxFile *f, Error *err)
{
    uint64_t expected = f->content;
    uint8_t more[256];
    size_t got;
    if (file_read(f, more, sizeof more, &got, err) != 0)
        return -1;
    if (got == 0)
        return 0;
    error_set(err, ERR_FILE, "a data file is longer than its header says");
    error_where(err, "%s, byte %llu", f->path, (unsigned long long)expected);
    error_found(err, "%s%llu bytes of content", got == sizeof more ? "at least " : "", (unsigned long long)f->content);
    return error_expected(err, "%llu bytes, by its header", (unsigned long long)expected);
}

/* Whether the size of the file makes the size in its header plausible.  gzip packs images to a fifth, hardly ever to
 * less than a PACKEDth (deflate could reach a 1032nd).  Memory for a wrong header is reserved, but only touched as
 * bytes arrive. */
static int plausible(const IdxFile *f, uint64_t content)
{
    return !gzdirect(f->file) ? content / PACKED <= f->size : content == f->size;
}

/* Grows the block as bytes arrive, unless the size of the file makes the header plausible. */
static int read_bytes(IdxFile *f, Idx *idx, Error *err)
{
    uint64_t whole = f->content + idx->count;
    int one_block = plausible(f, whole);
    size_t capacity = one_block || idx->count < FIRST_BLOCK ? idx->count : FIRST_BLOCK, filled = 0;
    idx->bytes = mem_alloc(capacity);
    while (idx->bytes != NULL) {
        size_t got;
        if (file_read(f, idx->bytes + filled, capacity - filled, &got, err) != 0)
            return -1;
        filled += got;
        if (filled < capacity)
            return too_short(f, whole, err);
        if (filled == idx->count)
            return overlong(f, err);
        size_t larger = idx->count / 4 < capacity ? idx->count : capacity * 4;
        uint8_t *grown = mem_grow(idx->bytes, capacity, larger);
        if (grown == NULL)
            break;
        idx->bytes = grown;
        capacity = larger;
    }
    return error_memory(err, "a data file");
}

int idx_read(Idx *idx, const char *path, int rank, Error *err)
{
    Idx read = {0};
    IdxFile f;
    if (file_open(&f, path, err) != 0)
        return -1;
    int status = read_magic(&f, rank, &read.rank, err);
    if (status == 0)
        status = read_sizes(&f, &read, err);
    if (status == 0)
        status = read_bytes(&f, &read, err);
    gzclose_r(f.file);
    if (status != 0) {
        mem_free(read.bytes);
        return -1;
    }
    *idx = read;
    return 0;
}

void idx_free(Idx *idx)
{
    if (idx == NULL)
        return;
    mem_free(idx->bytes);
    memset(idx, 0, sizeof *idx);
}
