/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/idx.c: the IDX reader.  zlib decompresses gzip files.  Memory grows with the bytes that arrive, so a header
 * with wrong sizes costs no memory.
 */
#include "data/idx.h"

#include "base/mem.h"
#include "data/data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { CHUNK = 1 << 9, FIRST_BLOCK = 1 << 9 }; /* small inputs then take the path of large files */
#else
enum { CHUNK = 1 << 16, FIRST_BLOCK = 1 << 20 };
#endif
enum { AT_ONCE = 1 << 30, PACKED = 32, MAGIC_BYTES = 4, UNSIGNED_BYTE = 0x08 };

/* ---- a file as a stream of its content --------------------------------------------------------------------------- */

/* zlib's inflate, not its gzread: of a file that is cut after its content and before its checksum, gzread reports no
 * error where the content ends at the end of a buffer. */
typedef struct IdxFile {
    const char *path;
    int file;
    int packed;       /* it is a gzip file */
    int ended;        /* the last gzip member ended, with the right checksum */
    z_stream z;       /* next_in, avail_in: bytes of the file that are not used yet, also of a plain file */
    uint8_t *chunk;   /* CHUNK bytes of the file */
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

static int not_opened(const char *path, int why, Error *err)
{
    error_set(err, ERR_FILE, "cannot open a data file: %s", strerror(why));
    error_where(err, "%s", path);
    return error_expected(err, "an IDX file at that path, or the same with .gz after it");
}

/* Reads until `to` is full or the file ends; [OUT] *got: the bytes read. */
static int read_file(const IdxFile *f, uint8_t *to, size_t want, size_t *got, Error *err)
{
    for (*got = 0; *got < want;) {
        size_t left = want - *got;
        ssize_t now = read(f->file, to + *got, left < AT_ONCE ? left : AT_ONCE);
        if (now == 0)
            break;
        if (now < 0 && errno != EINTR) {
            error_set(err, ERR_FILE, "cannot read a data file: %s", strerror(errno));
            return error_where(err, "%s", f->path);
        }
        *got += now > 0 ? (size_t)now : 0;
    }
    return 0;
}

/* Fills the chunk behind the bytes that are not used yet. */
static int fill(IdxFile *f, Error *err)
{
    size_t got;
    memmove(f->chunk, f->z.next_in, f->z.avail_in);
    f->z.next_in = f->chunk;
    if (read_file(f, f->chunk + f->z.avail_in, CHUNK - f->z.avail_in, &got, err) != 0)
        return -1;
    f->z.avail_in += (uInt)got;
    return 0;
}

static int starts_gzip(const IdxFile *f)
{
    return f->z.avail_in >= 2 && f->z.next_in[0] == 0x1f && f->z.next_in[1] == 0x8b;
}

static void file_close(IdxFile *f)
{
    if (f->packed)
        inflateEnd(&f->z);
    mem_free(f->chunk);
    close(f->file);
}

/* Takes the descriptor over: closes it on failure too. */
static int file_open(IdxFile *f, int file, const char *path, Error *err)
{
    enum { GZIP_WINDOW = 16 + 15 };
    struct stat status;
    *f = (IdxFile){.path = path, .file = file};
    if (fstat(file, &status) == 0 && S_ISDIR(status.st_mode)) {
        close(file);
        return not_opened(path, EISDIR, err);
    }
    f->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    f->chunk = mem_alloc(CHUNK);
    if (f->chunk == NULL) {
        close(file);
        return error_memory(err, "reading a data file");
    }
    f->z.next_in = f->chunk;
    int failed = fill(f, err);
    if (failed == 0 && starts_gzip(f)) {
        f->packed = inflateInit2(&f->z, GZIP_WINDOW) == Z_OK;
        failed = f->packed ? 0 : error_memory(err, "decompressing a data file");
    }
    if (failed != 0)
        file_close(f);
    return failed;
}

static int corrupt(const IdxFile *f, int code, Error *err)
{
    if (code == Z_MEM_ERROR)
        return error_memory(err, "decompressing a data file");
    error_set(err, ERR_FILE, "corrupt gzip data");
    error_where(err, "%s, after %llu bytes of content", f->path, (unsigned long long)f->content);
    error_found(err, "%s", code == Z_BUF_ERROR ? "unexpected end of file" : f->z.msg != NULL ? f->z.msg : zError(code));
    return error_hint(err, "fetch the file again, or unpack it yourself to see how much is whole");
}

/* One call of inflate, and the step from one gzip member to the next.  What follows the last one is ignored, as gzip
 * does. */
static int inflate_some(IdxFile *f, Error *err)
{
    if (f->z.avail_in == 0 && fill(f, err) != 0)
        return -1;
    unsigned before = f->z.avail_out;
    int code = inflate(&f->z, Z_NO_FLUSH);
    f->content += before - f->z.avail_out;
    if (code != Z_OK && code != Z_STREAM_END)
        return corrupt(f, code, err);
    if (code == Z_STREAM_END) {
        if (f->z.avail_in < 2 && fill(f, err) != 0)
            return -1;
        f->ended = !starts_gzip(f) || inflateReset(&f->z) != Z_OK;
    }
    return 0;
}

/* Reads up to `want` bytes of content into `to`; *got is less only where the content ends. */
static int file_read(IdxFile *f, uint8_t *to, size_t want, size_t *got, Error *err)
{
    *got = 0;
    if (!f->packed) {
        size_t first = f->z.avail_in < want ? f->z.avail_in : want;
        memcpy(to, f->z.next_in, first);
        f->z.next_in += first;
        f->z.avail_in -= (uInt)first;
        if (read_file(f, to + first, want - first, got, err) != 0)
            return -1;
        *got += first;
        f->content += *got;
        return 0;
    }
    while (*got < want && !f->ended) {
        size_t left = want - *got;
        uInt now = left < AT_ONCE ? (uInt)left : AT_ONCE;
        f->z.next_out = to + *got;
        f->z.avail_out = now;
        if (inflate_some(f, err) != 0)
            return -1;
        *got += now - f->z.avail_out;
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
    return f->packed ? content / PACKED <= f->size : content == f->size;
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

int idx_read_open(Idx *idx, int file, const char *path, int rank, Error *err)
{
    Idx read = {0};
    IdxFile f;
    if (file_open(&f, file, path, err) != 0)
        return -1;
    int status = read_magic(&f, rank, &read.rank, err);
    if (status == 0)
        status = read_sizes(&f, &read, err);
    if (status == 0)
        status = read_bytes(&f, &read, err);
    file_close(&f);
    if (status != 0) {
        mem_free(read.bytes);
        return -1;
    }
    *idx = read;
    return 0;
}

int idx_read(Idx *idx, const char *path, int rank, Error *err)
{
    int file = open_either(path);
    return file < 0 ? not_opened(path, errno, err) : idx_read_open(idx, file, path, rank, err);
}

void idx_free(Idx *idx)
{
    if (idx == NULL)
        return;
    mem_free(idx->bytes);
    memset(idx, 0, sizeof *idx);
}

const char *data_zlib_version(void)
{
    return zlibVersion();
}
