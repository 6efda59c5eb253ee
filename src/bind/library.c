/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/library.c: the folder of the Lua library, and the experiments that come with it.
 */
#include "bind/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1024 };

static int has_library(const char *folder)
{
    char file[PATH_SIZE + 32];
    struct stat info;
    snprintf(file, sizeof file, "%s/vae_lab/init.lua", folder);
    return stat(file, &info) == 0;
}

/* The folder of the running program, "" when it is unknown. */
static void program_folder(char *folder, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
}

int bind_library(char *path, size_t size, Error *err)
{
    /* in the tree, installed, and of a program in build/VARIANT/ */
    static const char *const places[] = {"/lua", "/../share/vae-lab", "/../../lua", "/../../../lua"};
    const char *named = getenv("VAE_LAB_LUA");
    char program[PATH_SIZE];
    if (named != NULL && named[0] != '\0') {
        snprintf(path, size, "%s", named);
        if (has_library(path))
            return 0;
        error_set(err, ERR_SCRIPT, "the Lua library was not found");
        error_where(err, "VAE_LAB_LUA=%s", named);
        return error_expected(err, "a folder that holds vae_lab/init.lua");
    }
    program_folder(program, sizeof program);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, size, "%s%s", program, places[i]);
        if (has_library(path))
            return 0;
    }
    snprintf(path, size, "%s", VAE_LAB_PREFIX "/share/vae-lab");
    if (has_library(path))
        return 0;
    error_set(err, ERR_SCRIPT, "the Lua library vae_lab was not found");
    error_expected(err, "%s/lua, or " VAE_LAB_PREFIX "/share/vae-lab", program);
    return error_hint(err, "set VAE_LAB_LUA to the folder that holds vae_lab/init.lua");
}

/* [OUT] found: an experiment of that name in ./experiments, in the library's folder (installed) or in its parent (in
 * the tree); returns whether there is one. */
static int find_experiment(const char *path, char *found, size_t size)
{
    char library[PATH_SIZE + 32];
    Error ignored = ERROR_NONE;
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(name, '.'), *end = dot != NULL && strcmp(dot, ".lua") == 0 ? "" : ".lua";
    snprintf(found, size, "experiments/%s%s", name, end);
    int known = bind_library(library, sizeof library, &ignored) == 0;
    if (access(found, R_OK) != 0 && known)
        snprintf(found, size, "%s/experiments/%s%s", library, name, end);
    if (access(found, R_OK) != 0 && known && (slash = strrchr(library, '/')) != NULL)
        snprintf(found, size, "%.*s/experiments/%s%s", (int)(slash - library), library, name, end);
    return access(found, R_OK) == 0;
}

int bind_check_script(const char *path, Error *err)
{
    char nearest[2 * PATH_SIZE];
    struct stat info;
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, R_OK) == 0)
        return 0;
    int number = errno;
    error_set(err, ERR_SCRIPT, "cannot read the script");
    error_where(err, "%s", path);
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        error_found(err, S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
    else
        error_found(err, "%s", strerror(number));
    error_expected(err, "an experiment, such as experiments/kl_ablation.lua");
    return find_experiment(path, nearest, sizeof nearest) ? error_hint(err, "did you mean %s?", nearest) : -1;
}
