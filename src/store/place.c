/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/place.c: whether a database may lie at a path: its folder, its rights, and the kind of its file system.
 */
#define _DEFAULT_SOURCE 1 /* statfs, getmntent and realpath with NULL are not in strict POSIX */

#include "store/inside.h"

#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* ---- network file systems: SQLite relies on locks, which many of them do not keep ------------------------------- */

static const struct {
    unsigned long magic;
    const char *name;
} network[] = {
    {0x6969, "NFS"},       {0x517b, "SMB"},        {0xff534d42, "SMB (cifs)"}, {0xfe534d42, "SMB"},
    {0x5346414f, "AFS"},   {0x6b414653, "AFS"},    {0x73757245, "Coda"},       {0x564c, "NCP"},
    {0x00c36400, "Ceph"},  {0x0bd00bd0, "Lustre"}, {0x19830326, "BeeGFS"},     {0x47504653, "GPFS"},
    {0x7461636f, "OCFS2"},
};
enum { FUSE = 0x65735546, PLAN9 = 0x01021997 };

/* FUSE also carries local file systems (ntfs-3g, folders of containers); these types are networks. */
static const char *const network_fuse[] = {"fuse.sshfs",   "fuse.glusterfs", "fuse.davfs",  "fuse.davfs2",    "fuse.rclone",
                                           "fuse.s3fs",    "fuse.gcsfuse",   "fuse.ceph",   "fuse.curlftpfs", "fuse.smbnetfs",
                                           "fuse.juicefs", "fuse.nfs",       "fuse.beegfs", "fuse.mount-s3",  "fuse.goofys"};

const char *store_network_kind(unsigned long magic, const char *type)
{
    for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
        if (network[i].magic == magic)
            return network[i].name;
    if (magic == FUSE && type != NULL)
        for (size_t i = 0; i < sizeof network_fuse / sizeof network_fuse[0]; i++)
            if (strcmp(network_fuse[i], type) == 0)
                return network_fuse[i] + strlen("fuse.");
    return NULL;
}

/* [OUT] type: of the mount of an absolute path: the longest mount point that is a prefix of it, the later one of two
 * equal ones. */
static void mount_type(const char *path, char *type, size_t size)
{
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    size_t best = 0;
    struct mntent *m;
    type[0] = '\0';
    if (mounts == NULL)
        return;
    while ((m = getmntent(mounts)) != NULL) {
        size_t n = strlen(m->mnt_dir);
        int root = n == 1;
        if (n >= best && strncmp(path, m->mnt_dir, n) == 0 && (root || path[n] == '/' || path[n] == '\0')) {
            best = n;
            snprintf(type, size, "%s", m->mnt_type);
        }
    }
    endmntent(mounts);
}

const char *store_network(const char *folder)
{
    struct statfs fs;
    char type[64] = "", *absolute = NULL;
    if (statfs(folder, &fs) != 0)
        return NULL;
    unsigned long magic = (unsigned long)fs.f_type & 0xffffffffu;
    if (magic == FUSE && (absolute = realpath(folder, NULL)) != NULL)
        mount_type(absolute, type, sizeof type);
    free(absolute);
    return store_network_kind(magic, type);
}

/* Whether the header of the file says that it keeps a rollback journal.  That is what `run --copy` writes, once and
 * whole; a database that is in use on a local disk keeps a write-ahead log (SQLite's file format, 1.3.3). */
static int is_copy(const char *path)
{
    unsigned char header[20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int copy = fd >= 0 && read(fd, header, sizeof header) == (ssize_t)sizeof header &&
               memcmp(header, "SQLite format 3", 16) == 0 && header[18] == 1;
    if (fd >= 0)
        close(fd);
    return copy;
}

/* VAE_LAB_DB_NETWORK=1: use a network file system all the same; 0: treat any file system as one (tests).  A
 * write-ahead log needs memory that all processes share: there is none over a network, nor on the 9p folders that
 * virtual machines share with their hosts (whose locks do work). */
static int refuse_network(const char *path, const char *folder, StoreMode mode, StorePlace *place, Error *err)
{
    struct statfs fs;
    const char *wish = getenv("VAE_LAB_DB_NETWORK");
    const char *kind = store_network(folder);
    if (kind == NULL && wish != NULL && strcmp(wish, "0") == 0)
        kind = "VAE_LAB_DB_NETWORK=0";
    int log = kind == NULL && (statfs(folder, &fs) != 0 || ((unsigned long)fs.f_type & 0xffffffffu) != PLAN9);
    *place = log ? STORE_PLACE_LOG : STORE_PLACE_JOURNAL;
    if (kind == NULL || (wish != NULL && strcmp(wish, "1") == 0))
        return 0;
    if (mode == STORE_READ && is_copy(path)) {
        *place = STORE_PLACE_STILL;
        return 0;
    }
    error_set(err, ERR_STORE, "the database is on a network file system, where locks are unreliable");
    error_where(err, "%s", path);
    error_found(err, "%s", kind);
    error_expected(err, "a local disk");
    return error_hint(
        err,
        "use --db FILE on a local disk; vae-lab run --copy FILE keeps a copy of it here; VAE_LAB_DB_NETWORK=1 allows it, "
        "for one machine at a time");
}

/* ---- folders and rights ----------------------------------------------------------------------------------------- */

/* The folder of a path: "results/results.db" gives "results". */
static int folder_of(char folder[PATH_BYTES], const char *path, Error *err)
{
    if (path[0] == '\0' || strlen(path) >= PATH_BYTES - 8) {
        error_set(err, ERR_STORE,
                  path[0] == '\0' ? "the database has no name" : "the path of the database is too long");
        return error_hint(err, "give its path with --db FILE or VAE_LAB_DB");
    }
    strcpy(folder, path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        strcpy(folder, ".");
    else if (slash == folder)
        folder[1] = '\0';
    else
        *slash = '\0';
    return 0;
}

/* reason: an errno. */
static int refuse(const char *path, const char *what, int reason, const char *hint, Error *err)
{
    error_set(err, ERR_STORE, "%s", what);
    error_where(err, "%s", path);
    error_found(err, "%s", strerror(reason));
    return error_hint(err, "%s", hint);
}

static int make_folder(const char *folder, Error *err)
{
    char failed[PATH_BYTES];
    int reason = folder_make(folder, failed);
    if (reason == 0)
        return 0;
    return refuse(failed, "cannot make the database's folder", reason,
                  "choose another place with --db FILE or VAE_LAB_DB", err);
}

static int refuse_rights(const char *path, const char *what, int reason, Error *err)
{
    return refuse(path, what, reason, "change its rights, or choose another place with --db FILE or VAE_LAB_DB", err);
}

static int check_file(const char *path, StoreMode mode, int *exists, Error *err)
{
    struct stat st;
    *exists = stat(path, &st) == 0;
    if (!*exists && (errno != ENOENT || mode == STORE_READ))
        return refuse(path, errno == ENOENT ? "there is no database yet" : "the database cannot be opened", errno,
                      "vae-lab run experiments/NAME.lua makes it; --db FILE or VAE_LAB_DB names another", err);
    if (*exists && !S_ISREG(st.st_mode)) {
        error_set(err, ERR_STORE, "the database is not a file");
        error_where(err, "%s", path);
        error_found(err, S_ISDIR(st.st_mode) ? "a folder" : "a device or a pipe");
        return error_expected(err, "a file, or a path where none is yet");
    }
    if (*exists && access(path, R_OK) != 0)
        return refuse(path, "the database cannot be read", errno, "", err);
    if (*exists && mode == STORE_WRITE && access(path, W_OK) != 0)
        return refuse_rights(path, "the database cannot be written", errno, err);
    return 0;
}

int store_place_check(const char *path, StoreMode mode, StorePlace *place, Error *err)
{
    char folder[PATH_BYTES];
    int exists;
    *place = STORE_PLACE_LOG;
    if (folder_of(folder, path, err) != 0 || (mode == STORE_WRITE && make_folder(folder, err) != 0) ||
        check_file(path, mode, &exists, err) != 0)
        return -1;
    /* SQLite keeps its journal in the same folder. */
    if (mode == STORE_WRITE && access(folder, W_OK | X_OK) != 0)
        return refuse_rights(folder, "the database's folder cannot be written", errno, err);
    return refuse_network(path, folder, mode, place, err);
}
