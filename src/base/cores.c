/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/cores.c: counts the processors of the machine, of this process's affinity, and of its control groups' quotas.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/cores.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

int cores_online(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > INT_MAX ? INT_MAX : (int)n;
}

/* ---- affinity ---------------------------------------------------------------------------------------------------- */

/* 0: unknown. */
static int cores_of_affinity(void)
{
    int count = 0;
#if defined(__linux__)
    for (int processors = CPU_SETSIZE; count == 0 && processors <= 1 << 20; processors *= 2) {
        cpu_set_t *set = CPU_ALLOC(processors);
        size_t size = CPU_ALLOC_SIZE(processors);
        if (set == NULL)
            return 0;
        if (sched_getaffinity(0, size, set) == 0) /* fails while the set is smaller than the kernel's */
            count = CPU_COUNT_S(size, set);
        CPU_FREE(set);
    }
#endif
    return count;
}

/* ---- control groups ---------------------------------------------------------------------------------------------- */

/* The first line of a file, as words; returns how many numbers were read, 0 without the file.  "max" is -1. */
static int read_numbers(const char *folder, const char *name, long long number[2])
{
    char path[PATH_SIZE + 64], line[128] = "";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    char *word = fgets(line, sizeof line, file) == NULL ? line : strtok(line, " \n");
    int count = 0;
    for (; word != NULL && *word != '\0' && count < 2; word = strtok(NULL, " \n"))
        number[count++] = strcmp(word, "max") == 0 ? -1 : strtoll(word, NULL, 10);
    fclose(file);
    return count;
}

/* A quota as whole processors, at least 1: with more threads than that the kernel stops them for a part of each
 * period.  0: none. */
static int whole(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    return quota / period < 1 ? 1 : quota / period > INT_MAX ? INT_MAX : (int)(quota / period);
}

/* The quota of one group; 0: none. */
static int quota_of(const char *folder)
{
    long long max[2] = {-1, 100000}, quota[2], period[2];
    if (read_numbers(folder, "cpu.max", max) > 0)
        return whole(max[0], max[1]);
    if (read_numbers(folder, "cpu.cfs_quota_us", quota) == 1 && read_numbers(folder, "cpu.cfs_period_us", period) == 1)
        return whole(quota[0], period[0]);
    return 0;
}

static int smaller(int a, int b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* From the group up to the mount point.  A group of another namespace, or one that is mounted elsewhere, has no such
 * folder: the folders above it still count. */
static int smallest_quota(const char *mount, const char *group)
{
    char folder[PATH_SIZE];
    size_t top = strlen(mount);
    int length = snprintf(folder, sizeof folder, "%s%s", mount, strstr(group, "..") != NULL ? "" : group), least = 0;
    if (length < 0 || (size_t)length >= sizeof folder)
        return 0;
    for (;;) {
        least = smaller(least, quota_of(folder));
        char *slash = strrchr(folder, '/');
        if (strlen(folder) <= top || slash == NULL || (size_t)(slash - folder) < top)
            return least;
        *slash = '\0';
    }
}

/* Whether "cpu,cpuacct" lists cpu. */
static int lists_cpu(const char *controllers)
{
    for (const char *c = controllers; *c != '\0'; c += strcspn(c, ",") + (c[strcspn(c, ",")] == ','))
        if (strcspn(c, ",") == 3 && strncmp(c, "cpu", 3) == 0)
            return 1;
    return 0;
}

/* A line of /proc/self/cgroup, "0::/group" or "4:cpu,cpuacct:/group"; 0: no quota. */
static int quota_of_line(const char *root, char *line)
{
    char mount[PATH_SIZE];
    char *controllers = strchr(line, ':'), *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL)
        return 0;
    *group++ = '\0';
    controllers++;
    group[strcspn(group, "\n")] = '\0';
    const char *const places[] = {"", "/unified", "/cpu", "/cpu,cpuacct", "/cpuacct,cpu"};
    int version_2 = controllers[0] == '\0', least = 0;
    if (!version_2 && !lists_cpu(controllers))
        return 0;
    for (int i = version_2 ? 0 : 2; i < (version_2 ? 2 : 5); i++) {
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s", root, places[i]);
        least = smaller(least, smallest_quota(mount, group));
    }
    return least;
}

int cores_quota(const char *root)
{
    char path[PATH_SIZE], line[PATH_SIZE];
    int least = 0;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        least = smaller(least, quota_of_line(root, line));
    if (file != NULL)
        fclose(file);
    return least;
}

int cores_usable(void)
{
    return smaller(smaller(cores_online(), cores_of_affinity()), cores_quota(""));
}
