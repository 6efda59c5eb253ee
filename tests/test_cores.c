/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_cores.c: the processors that base/cores.h counts: affinity, and quotas of control groups below a root that the test makes.
 */
#define _GNU_SOURCE /* sched_setaffinity */
#include "base/cores.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

/* Writes a file of the root, and makes its folders. */
static void put(const char *name, const char *content)
{
    char path[512];
    int length = snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *c = path + strlen(root) + 1; c < path + length; c++)
        if (*c == '/') {
            *c = '\0';
            mkdir(path, 0755);
            *c = '/';
        }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/vae-lab-cores-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

/* ---- quotas ------------------------------------------------------------------------------------------------------ */

static void no_control_groups_no_quota(void **state)
{
    (void)state;
    assert_int_equal(cores_quota(root), 0);
}

static void version_2(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/user.slice/job.scope\n");
    assert_int_equal(cores_quota(root), 0);
    put("sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000\n");
    assert_int_equal(cores_quota(root), 0);
    put("sys/fs/cgroup/user.slice/job.scope/cpu.max", "300000 100000\n");
    assert_int_equal(cores_quota(root), 3);
    put("sys/fs/cgroup/user.slice/cpu.max", "250000 100000\n"); /* of a group above: 2.5 processors */
    assert_int_equal(cores_quota(root), 2);
    put("sys/fs/cgroup/cpu.max", "800000 100000\n");
    assert_int_equal(cores_quota(root), 2);
    put("sys/fs/cgroup/user.slice/cpu.max", "50000 100000\n"); /* half a processor */
    assert_int_equal(cores_quota(root), 1);
}

/* In a container the path may be one of the host: only the top has files. */
static void a_path_that_is_not_here(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/docker/0123456789\n");
    put("sys/fs/cgroup/cpu.max", "400000 100000\n");
    assert_int_equal(cores_quota(root), 4);
    put("proc/self/cgroup", "0::/../../elsewhere\n");
    assert_int_equal(cores_quota(root), 4);
    put("proc/self/cgroup", "0::/\n");
    assert_int_equal(cores_quota(root), 4);
}

static void version_1(void **state)
{
    (void)state;
    put("proc/self/cgroup", "5:memory:/job\n4:cpu,cpuacct:/batch/job\n0::/\n");
    put("sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cores_quota(root), 0);
    put("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_quota_us", "200000\n");
    put("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_period_us", "50000\n");
    assert_int_equal(cores_quota(root), 4);
    put("proc/self/cgroup", "9:cpuset:/batch/job\n");
    assert_int_equal(cores_quota(root), 0);
}

static void files_that_make_no_sense(void **state)
{
    (void)state;
    static const char *const text[] = {"", "\n", "words\n", "0 0\n", "-5 100000\n", "100000 0\n", "99999999999999999999 1\n"};
    put("proc/self/cgroup", "\n:\n0\n0:\n0::\n0::/\n");
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        put("sys/fs/cgroup/cpu.max", text[i]);
        assert_true(cores_quota(root) >= 0);
    }
}

/* ---- this process ------------------------------------------------------------------------------------------------ */

static void affinity_counts(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_true(cores_usable() >= 1 && cores_usable() <= cores_online());
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(cores_usable(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        TEST(no_control_groups_no_quota), TEST(version_2), TEST(a_path_that_is_not_here), TEST(version_1),
        TEST(files_that_make_no_sense), cmocka_unit_test(affinity_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
