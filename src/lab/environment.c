/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/environment.c: the machine and the program that a run was computed with.  They may not change a number; they are
 * recorded so that this can be checked.
 */
#include "lab/environment.h"

#include "base/cores.h"
#include "data/data.h"
#include "num/isa.h"
#include "num/rng.h"

#include "build.inc" /* made by the Makefile: LAB_BUILD_COMMIT, LAB_BUILD_FLAGS, LAB_BUILD_VARIANT */

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#ifdef __clang__
#define COMPILER __VERSION__ /* "Clang 14.0.6" */
#else
#define COMPILER "gcc " __VERSION__
#endif

static const char *libc_version(void)
{
#ifdef __GLIBC__
    static char text[40];
    snprintf(text, sizeof text, "glibc %.30s", gnu_get_libc_version());
    return text;
#else
    return "unknown";
#endif
}

/* The text after "model name :" of the first processor; "unknown" without one. */
static void processor(char *text, size_t size)
{
    char line[256];
    snprintf(text, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            snprintf(text, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
}

size_t lab_environment(StoreParam entries[LAB_ENVIRONMENT_MAX], int threads)
{
    static char cpu[128], system_name[160], host[128];
    static struct utsname u;
    processor(cpu, sizeof cpu);
    uname(&u);
    snprintf(system_name, sizeof system_name, "%.60s %.60s %.30s", u.sysname, u.release, u.machine);
    if (gethostname(host, sizeof host) != 0)
        snprintf(host, sizeof host, "unknown");
    host[sizeof host - 1] = '\0';
    const StoreParam all[] = {
        {"arithmetic", NULL, NUM_ARITHMETIC_VERSION},
        {"build", LAB_BUILD_VARIANT, 0},
        {"compiler", COMPILER, 0},
        {"cores", NULL, cores_online()},
        {"cores usable", NULL, cores_usable()}, /* affinity, quota of the control group */
        {"cpu", cpu, 0},
        {"flags", LAB_BUILD_FLAGS, 0},
        {"gsl", num_gsl_version(), 0},
        {"host", host, 0},
        {"isa", num_isa_name(), 0},
        {"libc", libc_version(), 0},
        {"sqlite", store_version(), 0},
        {"system", system_name, 0},
        {"threads", NULL, threads},
        {"vae-lab", VAE_LAB_VERSION, 0},
        {"vae-lab commit", LAB_BUILD_COMMIT[0] != '\0' ? LAB_BUILD_COMMIT : "unknown", 0},
        {"zlib", data_zlib_version(), 0},
    };
    _Static_assert(sizeof all / sizeof all[0] <= LAB_ENVIRONMENT_MAX, "the entries must fit the caller's array");
    memcpy(entries, all, sizeof all);
    return sizeof all / sizeof all[0];
}
