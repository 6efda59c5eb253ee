/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/idx.c: the IDX reader.  A file, gzip or not by its content, is a stream of bytes; the header is believed only as far
 * as bytes arrive, so that a lying one costs no memory.
 */
#include "data/idx.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { CHUNK = 1 << 16, FIRST_BLOCK = 1 << 20, PACKED = 32, MAGIC_BYTES = 4, UNSIGNED_BYTE = 0x08 };

/* ---- a file as a stream of its content ------------------------------------------------------------------------------ */

typedef struct Source {
    const char *path;
    FILE *file;
    int gzip;
    int ended;        /* the gzip data are complete */
    int ready;        /* inflate is initialised */
    uint64_t size;    /* of the file; 0 when it is not a regular one */
    uint64_t content; /* bytes handed out so far */
    z_stream z;
    uint8_t in[CHUNK];
} Source;

static void source_close(Source *s)
{
    if (s == NULL)
        return;
    if (s->ready)
        inflateEnd(&s->z);
    if (s->file != NULL)
        fclose(s->file);
    mem_free(s);
}

static int refill(Source *s, Error *err)
{
    if (s->z.avail_in > 0)
        return 0;
    s->z.next_in = s->in;
    s->z.avail_in = (uInt)fread(s->in, 1, CHUNK, s->file);
    if (ferror(s->file)) {
        error_set(err, ERR_FILE, "cannot read a data file: %s", strerror(errno));
        return error_where(err, "%s", s->path);
    }
    return 0;
}

/* PATH, else PATH.gz. */
static FILE *open_either(const char *path)
{
    char gz[4096];
    FILE *file = fopen(path, "rb");
    if (file != NULL || errno != ENOENT)
        return file;
    if (snprintf(gz, sizeof gz, "%s.gz", path) < (int)sizeof gz)
        file = fopen(gz, "rb");
    return file;
}

static Source *source_open(const char *path, Error *err)
{
    Source *s = mem_alloc(sizeof *s);
    if (s == NULL) {
        error_memory(err, "reading a data file");
        return NULL;
    }
    s->path = path;
    s->file = open_either(path);
    struct stat status;
    if (s->file == NULL || fstat(fileno(s->file), &status) != 0 || S_ISDIR(status.st_mode)) {
        int why = s->file == NULL ? errno : EISDIR;
        error_set(err, ERR_FILE, "cannot open a data file: %s", strerror(why));
        error_where(err, "%s", path);
        error_expected(err, "an IDX file at that path, or the same with .gz after it");
        source_close(s);
        return NULL;
    }
    s->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    if (refill(s, err) != 0) {
        source_close(s);
        return NULL;
    }
    s->gzip = s->z.avail_in >= 2 && s->in[0] == 0x1f && s->in[1] == 0x8b;
    if (s->gzip) {
        if (inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK) {
            error_memory(err, "decompressing a data file");
            source_close(s);
            return NULL;
        }
        s->ready = 1;
    }
    return s;
}

static int corrupt(const Source *s, Error *err, const char *why)
{
    error_set(err, ERR_FILE, "corrupt gzip data");
    error_where(err, "%s, after %llu bytes of content", s->path, (unsigned long long)s->content);
    error_found(err, "%s", why);
    return error_hint(err, "fetch the file again, or unpack it yourself to see how much is whole");
}

/* At the end of one gzip member: another may follow, anything else is damage. */
static int next_member(Source *s, Error *err)
{
    if (refill(s, err) != 0)
        return -1;
    if (s->z.avail_in == 0) {
        s->ended = 1;
        return 0;
    }
    if (s->z.next_in[0] != 0x1f)
        return corrupt(s, err, "bytes after the end of the compressed data");
    return inflateReset(&s->z) == Z_OK ? 0 : corrupt(s, err, "a second part that cannot be read");
}

static int inflate_some(Source *s, Error *err)
{
    if (refill(s, err) != 0)
        return -1;
    if (s->z.avail_in == 0)
        return corrupt(s, err, "the compressed data end too early");
    int status = inflate(&s->z, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
        return next_member(s, err);
    if (status != Z_OK && status != Z_BUF_ERROR)
        return corrupt(s, err, s->z.msg != NULL ? s->z.msg : "data that are not deflate's");
    return 0;
}

/* Reads up to `want` bytes of content into `to`; *got is less only where the content ends. */
static int source_read(Source *s, uint8_t *to, size_t want, size_t *got, Error *err)
{
    *got = 0;
    while (*got < want && !s->ended) {
        size_t left = want - *got, before = left < CHUNK ? left : CHUNK, now;
        if (s->gzip) {
            s->z.next_out = to + *got;
            s->z.avail_out = (uInt)before;
            if (inflate_some(s, err) != 0)
                return -1;
            now = before - s->z.avail_out;
        } else {
            if (refill(s, err) != 0)
                return -1;
            s->ended = s->z.avail_in == 0;
            now = before < s->z.avail_in ? before : s->z.avail_in;
            if (now > 0)
                memcpy(to + *got, s->z.next_in, now);
            s->z.next_in += now;
            s->z.avail_in -= (uInt)now;
        }
        *got += now;
        s->content += now;
    }
    return 0;
}

/* ---- the header ----------------------------------------------------------------------------------------------------- */

static int too_short(const Source *s, uint64_t expected, Error *err)
{
    error_set(err, ERR_FILE, "a data file is truncated");
    error_where(err, "%s, byte %llu", s->path, (unsigned long long)s->content);
    error_found(err, "%llu bytes of content", (unsigned long long)s->content);
    error_expected(err, "%llu bytes, by its header", (unsigned long long)expected);
    return error_hint(err, "fetch the file again");
}

static int read_magic(Source *s, int rank, int *found_rank, Error *err)
{
    uint8_t m[MAGIC_BYTES];
    size_t got;
    if (source_read(s, m, sizeof m, &got, err) != 0)
        return -1;
    if (got < sizeof m) {
        too_short(s, MAGIC_BYTES, err);
        return error_expected(err, "at least the %d bytes that open an IDX file", MAGIC_BYTES);
    }
    *found_rank = m[3];
    if (m[0] == 0 && m[1] == 0 && m[2] == UNSIGNED_BYTE && m[3] >= 1 && m[3] <= 4 && (rank == 0 || rank == m[3]))
        return 0;
    error_set(err, ERR_FILE, "this is not the IDX file that was expected: wrong magic number");
    error_where(err, "%s, byte 0", s->path);
    error_found(err, "0x%02x%02x%02x%02x", m[0], m[1], m[2], m[3]);
    if (rank == 0)
        error_expected(err, "0x00000801 to 0x00000804: unsigned bytes of rank 1 to 4");
    else
        error_expected(err, "0x0000080%d: unsigned bytes of rank %d%s", rank, rank, rank == 1 ? " (labels)" : " (images)");
    if (m[0] == 0 && m[1] == 0 && m[2] == UNSIGNED_BYTE)
        error_hint(err, "it holds an array of rank %d: are images and labels swapped?", m[3]);
    return -1;
}

/* Sizes big-endian; their product, with a limit that no real file reaches. */
static int read_sizes(Source *s, Idx *idx, Error *err)
{
    const uint64_t limit = (uint64_t)1 << 42;
    uint64_t count = 1;
    for (int i = 0; i < idx->rank; i++) {
        uint8_t b[4];
        size_t got;
        if (source_read(s, b, sizeof b, &got, err) != 0)
            return -1;
        if (got < sizeof b)
            return too_short(s, (uint64_t)MAGIC_BYTES + 4u * (unsigned)idx->rank, err);
        uint32_t size = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (size == 0 || count > limit / size) {
            error_set(err, ERR_FILE, "absurd sizes in the header of a data file");
            error_where(err, "%s, byte %d", s->path, MAGIC_BYTES + 4 * i);
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

/* ---- the bytes ------------------------------------------------------------------------------------------------------ */

static int overlong(Source *s, Error *err)
{
    uint64_t expected = s->content;
    uint8_t more[256];
    size_t got;
    if (source_read(s, more, sizeof more, &got, err) != 0)
        return -1;
    if (got == 0)
        return 0;
    error_set(err, ERR_FILE, "a data file is longer than its header says");
    error_where(err, "%s, byte %llu", s->path, (unsigned long long)expected);
    error_found(err, "%s%llu bytes of content", got == sizeof more ? "at least " : "", (unsigned long long)s->content);
    return error_expected(err, "%llu bytes, by its header", (unsigned long long)expected);
}

/* Does the file's own size vouch for its content?  Images are packed to a fifth, and hardly ever to less than a PACKEDth; deflate
 * could, to a 1032nd.  A header that lies as far as that costs no memory either: the block is written only as bytes arrive. */
static int vouches(const Source *s, uint64_t content)
{
    return s->gzip ? content / PACKED <= s->size : content == s->size;
}

/* Grows the block as bytes arrive, unless the file's own size already vouches for them. */
static int read_bytes(Source *s, Idx *idx, Error *err)
{
    uint64_t whole = s->content + idx->count;
    int vouched = vouches(s, whole);
    size_t capacity = vouched || idx->count < FIRST_BLOCK ? idx->count : FIRST_BLOCK, filled = 0;
    idx->bytes = mem_alloc(capacity);
    while (idx->bytes != NULL) {
        size_t got;
        if (source_read(s, idx->bytes + filled, capacity - filled, &got, err) != 0)
            return -1;
        filled += got;
        if (filled < capacity)
            return too_short(s, whole, err);
        if (filled == idx->count)
            return overlong(s, err);
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
    Source *s = source_open(path, err);
    if (s == NULL)
        return -1;
    int status = read_magic(s, rank, &read.rank, err);
    if (status == 0)
        status = read_sizes(s, &read, err);
    if (status == 0)
        status = read_bytes(s, &read, err);
    source_close(s);
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
