/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/process.c: which process holds a run, and whether it is alive.
 *
 * A process id alone is ambiguous: ids are reused, and every machine and every container has its own.  So boot, PID
 * namespace and start time are recorded with it.  The name of the host is none of this: it can change while a process
 * runs, and two containers may share one.
 */
#include "store/inside.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* [OUT] line: the first line of a file, without its newline. */
static int read_line(const char *path, char *line, int size)
{
    FILE *f = fopen(path, "r");
    line[0] = '\0';
    if (f == NULL)
        return -1;
    int ok = fgets(line, size, f) != NULL;
    fclose(f);
    line[strcspn(line, "\n")] = '\0';
    return ok ? 0 : -1;
}

/* Whether /proc shows this PID namespace.  `unshare --pid` without a new /proc leaves that of the namespace outside,
 * where the same numbers are other processes. */
static int proc_is_ours(void)
{
    char number[32] = "";
    return readlink("/proc/self", number, sizeof number - 1) > 0 && strtoll(number, NULL, 10) == getpid();
}

/* [OUT] the state letter (field 3) and start time (field 22) of a process, from /proc/PID/stat.  Field 2, the
 * program's name, may hold spaces and parentheses, so fields are counted from the last ')'. */
static int read_stat(int64_t process, char *state, int64_t *start)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)process);
    if (!proc_is_ours() || read_line(path, line, sizeof line) != 0)
        return -1;
    char *field = strrchr(line, ')');
    if (field == NULL || field[1] != ' ')
        return -1;
    *state = field[2];
    field += 2;
    for (int i = 3; i < 22; i++) {
        field = strchr(field, ' ');
        if (field == NULL)
            return -1;
        field++;
    }
    *start = strtoll(field, NULL, 10);
    return 0;
}

/* The number of this process' PID namespace. */
static int64_t pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (int64_t)st.st_ino : 0;
}

void store_process_self(StoreProcess *self)
{
    char state;
    memset(self, 0, sizeof *self);
    if (gethostname(self->host, sizeof self->host - 1) != 0)
        snprintf(self->host, sizeof self->host, "unknown");
    read_line("/proc/sys/kernel/random/boot_id", self->boot, sizeof self->boot);
    self->pid_namespace = pid_namespace();
    self->process = getpid();
    if (read_stat(self->process, &state, &self->start) != 0)
        self->start = 0;
}

/* Without boot ids the host's name tells machines apart. */
static int same_boot(const StoreProcess *a, const StoreProcess *b)
{
    return strcmp(a->boot, b->boot) == 0 && (a->boot[0] != '\0' || strcmp(a->host, b->host) == 0);
}

int store_process_equal(const StoreProcess *a, const StoreProcess *b)
{
    return same_boot(a, b) && a->pid_namespace == b->pid_namespace && a->process == b->process && a->start == b->start;
}

/* Whether p's process id means the same process here.  Versions before 5 recorded no namespace: there the host's name
 * stands for it.  The number of a namespace is used again only when all its processes are gone. */
static int is_here(const StoreProcess *p, const StoreProcess *self)
{
    return same_boot(p, self) && (p->pid_namespace == self->pid_namespace ||
                                  (p->pid_namespace == 0 && strcmp(p->host, self->host) == 0));
}

/* When this machine was started, in seconds since 1970; 0 where the system does not say. */
static int64_t boot_time(void)
{
#ifdef CLOCK_BOOTTIME
    struct timespec up;
    if (clock_gettime(CLOCK_BOOTTIME, &up) == 0)
        return (int64_t)time(NULL) - up.tv_sec;
#endif
    return 0;
}

/* Another boot of a host of this name.  A sign of life after this machine was started shows that it is another machine
 * of the same name, whose processes may be alive. */
static int is_before_restart(const StoreProcess *p, int64_t sign, const StoreProcess *self)
{
    return strcmp(p->host, self->host) == 0 && !same_boot(p, self) && sign < boot_time();
}

/* Whether a process of this PID namespace runs. */
static int runs_here(const StoreProcess *p, const StoreProcess *self)
{
    if (kill((pid_t)p->process, 0) != 0 && errno == ESRCH)
        return 0;
    char state = '?';
    int64_t now = 0;
    if (p->start == 0)
        return 1; /* it had no /proc: kill() decides */
    if (read_stat(p->process, &state, &now) != 0)
        return self->start == 0; /* without /proc kill() decides; with it, the process has just ended */
    return now == p->start && state != 'Z' && state != 'X';
}

void store_process_judge(StoreHolder *h, const StoreProcess *p, int64_t sign, const StoreProcess *self,
                         int lease_seconds)
{
    static const int64_t first_namespace = 0xEFFFFFFC; /* Linux: PROC_PID_INIT_INO */
    int64_t age = (int64_t)time(NULL) - (sign < 0 || sign > INT32_MAX * (int64_t)1000 ? 0 : sign); /* a hostile file's */
    memset(h, 0, sizeof *h);
    snprintf(h->host, sizeof h->host, "%s", p->host);
    h->process = p->host[0] == '\0' || p->process < 0 || p->process > INT32_MAX ? 0 : p->process;
    h->age = age < 0 ? -age : age; /* a clock that was far ahead must not keep a run for ever */
    h->left = lease_seconds - h->age;
    if (h->process == 0)
        return;
    h->container = p->pid_namespace != 0 && p->pid_namespace != first_namespace;
    h->here = is_here(p, self);
    h->restarted = !h->here && is_before_restart(p, sign, self);
    h->alive = h->here ? runs_here(p, self) : !h->restarted && h->left >= 0;
}
