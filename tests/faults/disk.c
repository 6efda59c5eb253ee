/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/disk.c: the VFS of disk.h.
 */
#include "disk.h"

#include "faults.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int disk_lies;
long disk_calls;

static sqlite3_vfs *unix_vfs, disk_vfs;
static void (*cut_now)(void);
static int wal_possible;

/* ---- shadows ----------------------------------------------------------------------------------------------------- */

typedef struct DiskWrite {
    int64_t at, size;     /* at -1: a truncation to `size` */
    unsigned char *bytes;
} DiskWrite;

typedef struct DiskShadow {
    char *name;           /* the whole path */
    unsigned char *safe;  /* the bytes that a power cut leaves */
    int64_t size;
    int exists;           /* its name is safe in the folder */
    int removed;          /* removed, but the folder is not synced */
    DiskWrite *write;     /* since the last sync, in their order */
    size_t count, room;
    struct DiskShadow *next;
} DiskShadow;

static DiskShadow *shadows;

static void *grown(void *block, size_t bytes)
{
    void *p = realloc(block, bytes == 0 ? 1 : bytes);
    if (p == NULL)
        faults_stop("out of memory");
    return p;
}

static DiskShadow *shadow_of(const char *name)
{
    for (DiskShadow *s = shadows; s != NULL; s = s->next)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

static void add_write(DiskShadow *s, int64_t at, int64_t size, const void *bytes)
{
    if (s->count == s->room)
        s->write = grown(s->write, (s->room = 2 * s->room + 8) * sizeof *s->write);
    DiskWrite *w = &s->write[s->count++];
    *w = (DiskWrite){at, size, NULL};
    if (at >= 0) {
        w->bytes = grown(NULL, (size_t)size);
        memcpy(w->bytes, bytes, (size_t)size);
    }
}

static void forget_writes(DiskShadow *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->write[i].bytes);
    s->count = 0;
}

/* Applies a write to bytes in memory. */
static void apply(unsigned char **bytes, int64_t *size, const DiskWrite *w)
{
    int64_t end = w->at < 0 ? w->size : w->at + w->size;
    if (w->at < 0 || end > *size) {
        *bytes = grown(*bytes, (size_t)end);
        if (end > *size)
            memset(*bytes + *size, 0, (size_t)(end - *size));
        *size = end;
    }
    if (w->at >= 0)
        memcpy(*bytes + w->at, w->bytes, (size_t)w->size);
}

static void make_safe(DiskShadow *s)
{
    for (size_t i = 0; i < s->count; i++)
        apply(&s->safe, &s->size, &s->write[i]);
    forget_writes(s);
    s->exists = 1;
    s->removed = 0;
}

static void forget(DiskShadow *s)
{
    forget_writes(s);
    s->size = 0;
    s->exists = s->removed = 0;
}

/* The folder is synced. */
static void forget_removed(void)
{
    for (DiskShadow *s = shadows; s != NULL; s = s->next)
        if (s->removed)
            forget(s);
}

/* Opened: a file that is not known yet is safe as it is; one that was removed without a sync of the folder starts as
 * its old bytes, cut to nothing. */
static DiskShadow *open_shadow(const char *name, sqlite3_file *real)
{
    DiskShadow *s = shadow_of(name);
    if (s == NULL) {
        sqlite3_int64 size = 0;
        s = grown(NULL, sizeof *s);
        *s = (DiskShadow){.name = grown(NULL, strlen(name) + 1), .next = shadows};
        strcpy(s->name, name);
        shadows = s;
        if (real->pMethods->xFileSize(real, &size) == SQLITE_OK && size > 0) {
            s->exists = 1;
            s->size = size;
            s->safe = grown(NULL, (size_t)size);
            if (real->pMethods->xRead(real, s->safe, (int)size, 0) != SQLITE_OK)
                faults_stop("cannot read %s", name);
        }
    } else if (s->removed) {
        s->removed = 0;
        add_write(s, -1, 0, NULL);
    }
    return s;
}

/* ---- images ------------------------------------------------------------------------------------------------------ */

/* The file after a power cut: for each sector, the writes before a random one reached the disk. */
static void write_torn(const DiskShadow *s, const char *path, int64_t sector)
{
    unsigned char *bytes = grown(NULL, (size_t)s->size);
    int64_t size = s->size;
    size_t sizes = (size_t)faults_below(s->count + 1); /* the file's size has its own time */
    if (s->size > 0)
        memcpy(bytes, s->safe, (size_t)s->size);
    int garbage = faults_below(2) ? 0xa5 : 0;
    for (size_t i = 0; i < s->count; i++) {
        const DiskWrite *w = &s->write[i];
        int64_t end = w->at < 0 ? w->size : w->at + w->size;
        if (i >= sizes || (w->at >= 0 && end <= size))
            continue;
        bytes = grown(bytes, (size_t)end);
        if (end > size)
            memset(bytes + size, garbage, (size_t)(end - size));
        size = end;
    }
    for (int64_t first = 0; first < size; first += sector) {
        size_t time = (size_t)faults_below(s->count + 1);
        for (size_t i = 0; i < time; i++) {
            const DiskWrite *w = &s->write[i];
            if (w->at < 0)
                continue;
            int64_t from = w->at > first ? w->at : first, to = w->at + w->size;
            if (to > first + sector)
                to = first + sector;
            if (to > size)
                to = size;
            if (from < to)
                memcpy(bytes + from, w->bytes + (from - w->at), (size_t)(to - from));
        }
    }
    faults_write(path, bytes, (size_t)size);
    free(bytes);
}

static void write_whole(const DiskShadow *s, const char *path, int with_writes)
{
    int64_t size = s->size;
    unsigned char *bytes = grown(NULL, (size_t)size);
    if (size > 0)
        memcpy(bytes, s->safe, (size_t)size);
    for (size_t i = 0; with_writes && i < s->count; i++)
        apply(&bytes, &size, &s->write[i]);
    faults_write(path, bytes, (size_t)size);
    free(bytes);
}

void disk_image(const char *folder, DiskKind kind)
{
    for (const DiskShadow *s = shadows; s != NULL; s = s->next) {
        char path[512];
        const char *base = strrchr(s->name, '/') == NULL ? s->name : strrchr(s->name, '/') + 1;
        int random = kind == DISK_SECTORS_512 || kind == DISK_SECTORS_4096;
        int there = s->removed ? (kind == DISK_NOTHING || (random && faults_below(2)))
                    : s->exists ? 1 : s->count > 0 && (kind == DISK_EVERYTHING || (random && faults_below(2)));
        if (!there)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, base);
        if (random)
            write_torn(s, path, kind == DISK_SECTORS_512 ? 512 : 4096);
        else
            write_whole(s, path, kind == DISK_EVERYTHING);
    }
}

/* ---- the methods of a file --------------------------------------------------------------------------------------- */

typedef struct DiskFile {
    sqlite3_file base;
    int syncs_folder;     /* the next sync is one of the folder too, as the unix VFS does for a journal that it opened */
    DiskShadow *shadow;   /* NULL: a temporary file */
    sqlite3_file *real;   /* behind this struct */
} DiskFile;

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((DiskFile *)f)->real;
}

static void may_be_cut(void)
{
    disk_calls++;
    cut_now();
}

static int file_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int file_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}

static int file_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    DiskFile *d = (DiskFile *)f;
    if (d->shadow != NULL) {
        add_write(d->shadow, at, n, from);
        may_be_cut();
    }
    return d->real->pMethods->xWrite(d->real, from, n, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    DiskFile *d = (DiskFile *)f;
    if (d->shadow != NULL) {
        add_write(d->shadow, -1, size, NULL);
        may_be_cut();
    }
    return d->real->pMethods->xTruncate(d->real, size);
}

static int file_sync(sqlite3_file *f, int flags)
{
    DiskFile *d = (DiskFile *)f;
    if (d->shadow != NULL) {
        may_be_cut();
        if (!disk_lies)
            make_safe(d->shadow);
        if (!disk_lies && d->syncs_folder)
            forget_removed();
        d->syncs_folder = 0;
    }
    return d->real->pMethods->xSync(d->real, flags);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int file_check_lock(sqlite3_file *f, int *reserved)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), reserved);
}

static int file_control(sqlite3_file *f, int op, void *argument)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, argument);
}

static int file_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_device(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **map)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, map);
}

static int shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shm_unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods without_shm = {
    1, file_close, file_read, file_write, file_truncate, file_sync, file_size, file_lock, file_unlock, file_check_lock,
    file_control, file_sector, file_device, NULL, NULL, NULL, NULL, NULL, NULL,
};
static const sqlite3_io_methods with_shm = {
    2, file_close, file_read, file_write, file_truncate, file_sync, file_size, file_lock, file_unlock, file_check_lock,
    file_control, file_sector, file_device, shm_map, shm_lock, shm_barrier, shm_unmap, NULL, NULL,
};

/* ---- the VFS ----------------------------------------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    DiskFile *d = (DiskFile *)f;
    (void)vfs;
    memset(d, 0, sizeof *d);
    d->real = (sqlite3_file *)(d + 1);
    memset(d->real, 0, (size_t)unix_vfs->szOsFile);
    int code = unix_vfs->xOpen(unix_vfs, name, d->real, flags, out_flags);
    if (code != SQLITE_OK)
        return code;
    if (name != NULL)
        d->shadow = open_shadow(name, d->real);
    d->syncs_folder = (flags & SQLITE_OPEN_CREATE) != 0 &&
                      (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
    d->base.pMethods = wal_possible ? &with_shm : &without_shm;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    DiskShadow *s = shadow_of(name);
    (void)vfs;
    if (s != NULL && s->exists) {
        s->removed = 1;
        may_be_cut();
    }
    int code = unix_vfs->xDelete(unix_vfs, name, sync_folder);
    if (s != NULL && code == SQLITE_OK && !s->exists)
        forget(s);
    if (code == SQLITE_OK && sync_folder && !disk_lies)
        forget_removed();
    return code;
}

void disk_start(int shared_memory, void (*cut)(void))
{
    unix_vfs = sqlite3_vfs_find("unix");
    disk_vfs = *unix_vfs;
    disk_vfs.pNext = NULL;
    disk_vfs.zName = "disk";
    disk_vfs.szOsFile = (int)sizeof(DiskFile) + unix_vfs->szOsFile;
    disk_vfs.xOpen = vfs_open;
    disk_vfs.xDelete = vfs_delete;
    wal_possible = shared_memory;
    cut_now = cut;
    shadows = NULL;
    sqlite3_vfs_register(&disk_vfs, 1);
}

void disk_stop(void)
{
    sqlite3_vfs_register(unix_vfs, 1);
}
