/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/cores.h: how many processors this machine has, and how many of them this process may use.
 */
#ifndef BASE_CORES_H
#define BASE_CORES_H

/* Processors of the machine that are online, at least 1. */
int cores_online(void);

/* Processors that this process may use, at least 1: those of its affinity (taskset, cpusets), and no more than the
 * quotas of its control groups allow (containers, systemd's CPUQuota). */
int cores_usable(void);

/* The whole processors that the quota of this process's control groups allows, at least 1; 0: no quota.  Reads
 * `root`/proc/self/cgroup and below `root`/sys/fs/cgroup, "" for the machine's own; tests give another root.  Version 2
 * (cpu.max) and version 1 (cpu.cfs_quota_us, cpu.cfs_period_us); the smallest quota on the way from the process's group
 * up to the top counts. */
int cores_quota(const char *root);

#endif
