/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/inject.c: a library for LD_PRELOAD that makes one chosen call of vae-lab fail: the Nth allocation, or the
 * Nth call on a file below a folder.  The libraries that vae-lab uses (SQLite, Lua, GSL, zlib) call through it too.
 *
 * Only the process named vae-lab and the processes that it forks are affected, not gnuplot or the sqlite3 shell.  Needs
 * glibc.  A stream of fopen is made with fopencookie, so that its reads and writes pass through read and write here.
 */
#define _GNU_SOURCE
#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* glibc's own allocation functions, which exist before any symbol can be looked up. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static Tape *tape;
static int process;                      /* 0 or 1, as Tape.process */
static _Thread_local int inside;         /* in a hook: what it calls itself is not counted */
static unsigned char watched[4096];      /* whether a file descriptor belongs to a watched file */

/* The next definition of a function, which is libc's. */
#define REAL(name) \
    static __typeof__(name) *real; \
    if (real == NULL) \
        *(void **)&real = dlsym(RTLD_NEXT, #name)

/* ---- counting ---------------------------------------------------------------------------------------------------- */

/* FNV-1a over the innermost return addresses.  Addresses are the same in a forked process. */
static uint32_t stack_hash(void)
{
    void *address[20];
    int depth = backtrace(address, 20);
    uint32_t hash = 2166136261u;
    for (int i = 2; i < depth; i++)
        for (size_t k = 0; k < sizeof(void *); k++)
            hash = (hash ^ (uint32_t)((uintptr_t)address[i] >> (8 * k) & 0xff)) * 16777619u;
    return hash;
}

/* FAULTS_TRACE: the places of the first failing call, on standard error; addr2line -fpe FILE OFFSET… names them. */
static void print_stack(void)
{
    void *address[40];
    backtrace_symbols_fd(address, backtrace(address, 40), 2);
}

/* Counts a call; whether it must fail. */
static int fails(InjectCall kind)
{
    if (tape == NULL || inside || (tape->kinds >> kind & 1) == 0)
        return 0;
    inside = 1;
    int64_t number = __atomic_add_fetch(&tape->count[process], 1, __ATOMIC_RELAXED);
    if (tape->record && number <= INJECT_EVENTS)
        tape->event[process][number - 1] = (InjectEvent){kind, stack_hash()};
    /* of a disk that stays full or broken, files can still be removed */
    int later = tape->onwards && kind != INJECT_UNLINK && number > tape->at;
    int bad = tape->at > 0 && tape->process == process && (number == tape->at || later);
    if (bad && __atomic_add_fetch(&tape->hits, 1, __ATOMIC_RELAXED) == 1 && getenv("FAULTS_TRACE") != NULL)
        print_stack();
    inside = 0;
    return bad;
}

/* The same for a call that has no short form: sets errno. */
static int fails_with_error(InjectCall kind)
{
    if (!fails(kind) || tape->error == INJECT_SHORT)
        return 0;
    errno = tape->error;
    return 1;
}

static void enter_child(void)
{
    process = 1;
    if (tape != NULL)
        tape->count[1] = 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULTS_TAPE");
    if (path == NULL || strcmp(program_invocation_short_name, "vae-lab") != 0)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(Tape), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return;
    void *first[2];
    backtrace(first, 2); /* loads the unwinder now: later its own allocations would be counted */
    pthread_atfork(NULL, NULL, enter_child);
    tape = map;
}

/* ---- allocations ------------------------------------------------------------------------------------------------- */

void *malloc(size_t bytes)
{
    return fails_with_error(INJECT_ALLOCATE) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return fails_with_error(INJECT_ALLOCATE) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    /* C allows a block that shrinks to move, but no program expects that to fail */
    return bytes > 0 && fails_with_error(INJECT_ALLOCATE) ? NULL : __libc_realloc(block, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
    return fails_with_error(INJECT_ALLOCATE) ? NULL : __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    if (fails_with_error(INJECT_ALLOCATE))
        return ENOMEM;
    *block = __libc_memalign(alignment, bytes);
    return *block == NULL ? ENOMEM : 0;
}

/* ---- which files ------------------------------------------------------------------------------------------------- */

/* A relative path counts: the campaign starts the program in the folder. */
static int is_watched_path(const char *path)
{
    return tape != NULL && (path[0] != '/' || strncmp(path, tape->folder, strlen(tape->folder)) == 0);
}

static int is_watched(int fd)
{
    return fd >= 0 && (size_t)fd < sizeof watched && watched[fd];
}

static int watch(int fd, const char *path)
{
    if (fd >= 0 && (size_t)fd < sizeof watched)
        watched[fd] = (unsigned char)is_watched_path(path);
    return fd;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

int open64(const char *path, int flags, ...)
{
    REAL(open64);
    mode_t mode = 0;
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_list list;
        va_start(list, flags);
        mode = va_arg(list, mode_t);
        va_end(list);
    }
    return is_watched_path(path) && fails_with_error(INJECT_OPEN) ? -1 : watch(real(path, flags, mode), path);
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_list list;
        va_start(list, flags);
        mode = va_arg(list, mode_t);
        va_end(list);
    }
    return open64(path, flags, mode);
}

int close(int fd)
{
    REAL(close);
    if (is_watched(fd))
        watched[fd] = 0;
    return real(fd);
}

int pipe(int fd[2])
{
    REAL(pipe);
    return fails_with_error(INJECT_PIPE) ? -1 : real(fd);
}

pid_t fork(void)
{
    REAL(fork);
    return fails_with_error(INJECT_FORK) ? -1 : real();
}

/* ---- reading and writing ----------------------------------------------------------------------------------------- */

/* The bytes to transfer: -1 when the call fails, half of them when it is short. */
static ssize_t allowed(int fd, InjectCall kind, size_t bytes)
{
    if (!is_watched(fd) || !fails(kind))
        return (ssize_t)bytes;
    if (tape->error == INJECT_SHORT)
        return (ssize_t)(bytes > 1 ? bytes / 2 : bytes);
    errno = tape->error;
    return -1;
}

ssize_t read(int fd, void *to, size_t bytes)
{
    REAL(read);
    ssize_t n = allowed(fd, INJECT_READ, bytes);
    return n < 0 ? -1 : real(fd, to, (size_t)n);
}

ssize_t pread64(int fd, void *to, size_t bytes, off64_t at)
{
    REAL(pread64);
    ssize_t n = allowed(fd, INJECT_READ, bytes);
    return n < 0 ? -1 : real(fd, to, (size_t)n, at);
}

ssize_t pread(int fd, void *to, size_t bytes, off_t at)
{
    return pread64(fd, to, bytes, at);
}

ssize_t write(int fd, const void *from, size_t bytes)
{
    REAL(write);
    ssize_t n = allowed(fd, INJECT_WRITE, bytes);
    return n < 0 ? -1 : real(fd, from, (size_t)n);
}

ssize_t pwrite64(int fd, const void *from, size_t bytes, off64_t at)
{
    REAL(pwrite64);
    ssize_t n = allowed(fd, INJECT_WRITE, bytes);
    return n < 0 ? -1 : real(fd, from, (size_t)n, at);
}

ssize_t pwrite(int fd, const void *from, size_t bytes, off_t at)
{
    return pwrite64(fd, from, bytes, at);
}

int fsync(int fd)
{
    REAL(fsync);
    return is_watched(fd) && fails_with_error(INJECT_SYNC) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return is_watched(fd) && fails_with_error(INJECT_SYNC) ? -1 : real(fd);
}

int ftruncate64(int fd, off64_t size)
{
    REAL(ftruncate64);
    return is_watched(fd) && fails_with_error(INJECT_TRUNCATE) ? -1 : real(fd, size);
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset)
{
    REAL(mmap64);
    return is_watched(fd) && fails_with_error(INJECT_MMAP) ? MAP_FAILED : real(at, bytes, protection, flags, fd, offset);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

int rename(const char *from, const char *to)
{
    REAL(rename);
    return is_watched_path(to) && fails_with_error(INJECT_RENAME) ? -1 : real(from, to);
}

int unlink(const char *path)
{
    REAL(unlink);
    return is_watched_path(path) && fails_with_error(INJECT_UNLINK) ? -1 : real(path);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    return is_watched_path(path) && fails_with_error(INJECT_MKDIR) ? -1 : real(path, mode);
}

/* ---- streams ----------------------------------------------------------------------------------------------------- */

enum { STREAMS = 64 };

static struct {
    FILE *stream;
    int fd;
} streams[STREAMS];

static ssize_t stream_read(void *cookie, char *to, size_t bytes)
{
    return read((int)(intptr_t)cookie, to, bytes);
}

/* A stream's write function returns 0 on failure.  A short write is continued, as glibc's own streams do. */
static ssize_t stream_write(void *cookie, const char *from, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t n = write((int)(intptr_t)cookie, from + done, bytes - done);
        if (n <= 0)
            return 0;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static int stream_seek(void *cookie, off64_t *at, int whence)
{
    *at = lseek64((int)(intptr_t)cookie, *at, whence);
    return *at < 0 ? -1 : 0;
}

static int stream_close(void *cookie)
{
    return close((int)(intptr_t)cookie);
}

FILE *fopen64(const char *path, const char *mode)
{
    REAL(fopen64);
    if (!is_watched_path(path))
        return real(path, mode);
    int flags = mode[0] == 'r' ? O_RDONLY : O_WRONLY | O_CREAT | (mode[0] == 'a' ? O_APPEND : O_TRUNC);
    if (strchr(mode, '+') != NULL)
        flags = (flags & ~O_WRONLY) | O_RDWR;
    int fd = open64(path, flags, 0666);
    if (fd < 0)
        return NULL;
    cookie_io_functions_t functions = {stream_read, stream_write, stream_seek, stream_close};
    FILE *stream = fopencookie((void *)(intptr_t)fd, mode, functions);
    if (stream == NULL) {
        int code = errno;
        close(fd);
        errno = code;
        return NULL;
    }
    for (size_t i = 0; i < STREAMS; i++)
        if (streams[i].stream == NULL || streams[i].stream == stream) {
            streams[i].stream = stream;
            streams[i].fd = fd;
            break;
        }
    return stream;
}

FILE *fopen(const char *path, const char *mode)
{
    return fopen64(path, mode);
}

int fileno(FILE *stream)
{
    REAL(fileno);
    for (size_t i = 0; i < STREAMS; i++)
        if (streams[i].stream == stream)
            return streams[i].fd;
    return real(stream);
}

int fclose(FILE *stream)
{
    REAL(fclose);
    for (size_t i = 0; i < STREAMS; i++)
        if (streams[i].stream == stream)
            streams[i].stream = NULL;
    return real(stream);
}
