/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/file.c: reads and writes whole files.
 */
#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int unreadable(const char *path, const char *reason, Error *err)
{
    error_set(err, ERR_FILE, "cannot read a file");
    error_where(err, "%s", path);
    return error_found(err, "%s", reason);
}

static int too_large(const char *path, size_t most, Error *err)
{
    error_set(err, ERR_FILE, "a file is too large");
    error_where(err, "%s", path);
    return error_expected(err, "at most %zu MiB", most >> 20);
}

/* Reads to the end; the block grows with the bytes that arrive, since a pipe has no size. */
static int read_all(int fd, const char *path, size_t first, size_t most, void **bytes, size_t *size, Error *err)
{
    size_t capacity = first + 1, filled = 0; /* the last byte finds the end */
    char *block = mem_alloc(capacity);
    int status = block == NULL ? error_memory(err, "a file") : 0;
    while (status == 0) {
        ssize_t got = read(fd, block + filled, capacity - filled);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            status = unreadable(path, strerror(errno), err);
        filled += got > 0 ? (size_t)got : 0;
        if (filled > most) {
            status = too_large(path, most, err);
        } else if (status == 0 && filled == capacity) {
            char *grown = mem_grow(block, capacity, capacity * 2);
            status = grown == NULL ? error_memory(err, "a file") : 0;
            block = grown == NULL ? block : grown;
            capacity *= 2;
        }
    }
    if (status != 0) {
        mem_free(block);
        return -1;
    }
    *bytes = block;
    *size = filled;
    return 0;
}

int file_read(const char *path, size_t most, void **bytes, size_t *size, Error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC), status;
    if (fd < 0)
        return unreadable(path, strerror(errno), err);
    if (fstat(fd, &st) != 0)
        status = unreadable(path, strerror(errno), err);
    else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        status = unreadable(path, S_ISDIR(st.st_mode) ? "it is a folder" : "it is neither a file nor a pipe", err);
    else if (st.st_size > 0 && (size_t)st.st_size > most)
        status = too_large(path, most, err);
    else
        status = read_all(fd, path, st.st_size > 0 ? (size_t)st.st_size : 65536, most, bytes, size, err);
    close(fd);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int unwritable(const char *path, int code, Error *err)
{
    error_set(err, ERR_FILE,
              code == ENOSPC || code == EDQUOT ? "the disk is full: cannot write a file" : "cannot write a file");
    error_where(err, "%s", path);
    error_found(err, "%s", strerror(code));
    if (code == ENOSPC || code == EDQUOT || code == EFBIG)
        return error_hint(err, "make room, or write to another disk; nothing was changed");
    return code == ENOENT ? error_hint(err, "the folder must exist") : -1;
}

static int exists(const char *path, Error *err)
{
    error_set(err, ERR_FILE, "the file exists already");
    error_where(err, "%s", path);
    return error_hint(err, "--force replaces it");
}

/* Gives the temporary file its name.  link fails where the name exists, which rename would not. */
static int publish(const char *temporary, const char *path, int replace)
{
    if (!replace && link(temporary, path) == 0)
        return unlink(temporary);
    if (!replace && errno == EEXIST)
        return -1;
    if (!replace && access(path, F_OK) == 0) { /* a file system without hard links */
        errno = EEXIST;
        return -1;
    }
    return rename(temporary, path);
}

/* So that the name survives a power cut; a folder that cannot be synced is no failure. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4096];
    snprintf(folder, sizeof folder, "%.*s",
             slash == NULL   ? 1
             : slash == path ? 1
                             : (int)(slash - path),
             slash == NULL ? "." : path);
    int fd = open(folder, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* The rights that open(2) would give a new file, or those of the file that is replaced; mkstemp gives 0600. */
static void set_rights(int fd, const char *path)
{
    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, stat(path, &st) == 0 ? st.st_mode & 0777 : 0666 & ~mask);
}

int file_temporary(const char *path, int replace, char **temporary, Error *err)
{
    struct stat st;
    size_t room = strlen(path) + sizeof ".XXXXXX";
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return unwritable(path, S_ISDIR(st.st_mode) ? EISDIR : EEXIST, err);
    if (!replace && access(path, F_OK) == 0)
        return exists(path, err);
    char *name = mem_alloc(room);
    if (name == NULL)
        return error_memory(err, "a file's name");
    snprintf(name, room, "%s.XXXXXX", path);
    int fd = mkstemp(name), code = errno;
    if (fd < 0) {
        mem_free(name);
        return unwritable(path, code, err);
    }
    set_rights(fd, path);
    close(fd);
    *temporary = name;
    return 0;
}

int file_place(const char *temporary, const char *path, int replace, Error *err)
{
    int fd = open(temporary, O_RDWR | O_CLOEXEC), code = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0 && close(fd) != 0 && code == 0)
        code = errno;
    if (code == 0 && publish(temporary, path, replace) != 0)
        code = errno;
    if (code == 0) {
        sync_folder(path);
        return 0;
    }
    unlink(temporary);
    return code == EEXIST && !replace ? exists(path, err) : unwritable(path, code, err);
}

static int write_all(const char *path, const char *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), code = fd < 0 ? errno : 0;
    while (code == 0 && size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno != EINTR)
            code = errno;
        bytes += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
    if (fd >= 0 && close(fd) != 0 && code == 0)
        code = errno;
    return code;
}

int file_write(const char *path, const void *bytes, size_t size, int replace, Error *err)
{
    char *temporary;
    if (file_temporary(path, replace, &temporary, err) != 0)
        return -1;
    int code = write_all(temporary, bytes, size), status;
    if (code == 0) {
        status = file_place(temporary, path, replace, err);
    } else {
        unlink(temporary);
        status = unwritable(path, code, err);
    }
    mem_free(temporary);
    return status;
}
