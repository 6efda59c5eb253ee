/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plot/gnuplot.c: starts gnuplot, waits for it and keeps its output.
 *
 * posix_spawn, not system(): file names and labels never reach a shell.
 */
#include "plot/gnuplot.h"

#include "base/mem.h"
#include "plot/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ARGUMENTS = 8 };

static const char *program(void)
{
    const char *named = getenv("VAE_LAB_GNUPLOT");
    return named != NULL && named[0] != '\0' ? named : "gnuplot";
}

static int missing(Error *err, int code)
{
    error_set(err, ERR_FILE, "gnuplot could not be started, so no figure was drawn");
    error_found(err, "%s: %s", program(), strerror(code));
    error_expected(err, "gnuplot 5.4 or newer on the PATH");
    return error_hint(err, "install it (Debian: apt-get install gnuplot-nox; macOS: brew install gnuplot), or set "
                           "VAE_LAB_GNUPLOT to the program; the numbers are in the database; then draw again with "
                           "`vae-lab figures`");
}

/* The time zone changes the length of cairo's date and the locale how numbers are read, so both are fixed for the
 * child. */
static char **environment(void)
{
    static const char *const fixed[] = {"TZ=UTC", "LC_ALL=C.UTF-8", "SOURCE_DATE_EPOCH=0", NULL};
    static const char *const dropped[] = {"TZ=",         "LC_ALL=",           "SOURCE_DATE_EPOCH=", "GNUTERM=",
                                          "GNUPLOT_LIB=", "GNUPLOT_FONTPATH=", NULL};
    size_t count = 0, n = 0;
    while (environ[count] != NULL)
        count++;
    char **list = mem_array(count + 4, sizeof *list);
    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        int keep = 1;
        for (size_t j = 0; dropped[j] != NULL; j++)
            keep = keep && strncmp(environ[i], dropped[j], strlen(dropped[j])) != 0;
        if (keep)
            list[n++] = environ[i];
    }
    for (size_t j = 0; fixed[j] != NULL; j++) {
        union { const char *read; char *as_exec_wants_it; } entry = {fixed[j]};
        list[n++] = entry.as_exec_wants_it;
    }
    return list;
}

/* Reads to the end, so that the child never blocks on a full pipe; keeps the beginning. */
static void read_all(int fd, char *output, size_t size)
{
    char buffer[1024];
    size_t kept = 0;
    for (;;) {
        ssize_t got = read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size_t room = size - 1 - kept, take = (size_t)got < room ? (size_t)got : room;
        memcpy(output + kept, buffer, take);
        kept += take;
    }
    output[kept] = '\0';
}

static int spawn(pid_t *pid, const char *const *arguments, int pipe_end, Error *err)
{
    union { const char *read; char *as_exec_wants_it; } word;
    char *argv[ARGUMENTS + 2];
    size_t n = 0;
    word.read = program();
    argv[n++] = word.as_exec_wants_it;
    for (; *arguments != NULL && n <= ARGUMENTS; arguments++) {
        word.read = *arguments;
        argv[n++] = word.as_exec_wants_it;
    }
    argv[n] = NULL;
    char **env = environment();
    if (env == NULL)
        return error_memory(err, "gnuplot's environment");
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code == 0) {
        code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (code == 0)
            code = posix_spawn_file_actions_adddup2(&actions, pipe_end, STDOUT_FILENO);
        if (code == 0)
            code = posix_spawn_file_actions_adddup2(&actions, pipe_end, STDERR_FILENO);
        if (code == 0)
            code = posix_spawnp(pid, argv[0], &actions, NULL, argv, env);
        posix_spawn_file_actions_destroy(&actions);
    }
    mem_free(env);
    return code == 0 ? 0 : missing(err, code);
}

int gnuplot_run(const char *const *arguments, char *output, size_t size, int *status, Error *err)
{
    int ends[2];
    output[0] = '\0';
    if (pipe(ends) != 0) {
        error_set(err, ERR_FILE, "no pipe to gnuplot could be made");
        return error_found(err, "%s", strerror(errno));
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC); /* another child started meanwhile must not hold the pipe open */
    pid_t pid;
    if (spawn(&pid, arguments, ends[1], err) != 0) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    close(ends[1]);
    read_all(ends[0], output, size);
    close(ends[0]);
    int state = 0;
    while (waitpid(pid, &state, 0) < 0) {
        if (errno == EINTR)
            continue;
        error_set(err, ERR_FILE, "waiting for gnuplot failed");
        return error_found(err, "%s", strerror(errno));
    }
    *status = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    if (*status == 127 && output[0] == '\0') /* an older C library reports a missing program this way */
        return missing(err, ENOENT);
    return 0;
}

int plot_version(char *text, size_t size)
{
    static const char *const arguments[] = {"--version", NULL};
    static const char prefix[] = "gnuplot ";
    char output[256];
    int status;
    Error err = ERROR_NONE;
    if (size == 0 || gnuplot_run(arguments, output, sizeof output, &status, &err) != 0 || status != 0)
        return -1;
    if (strncmp(output, prefix, sizeof prefix - 1) != 0)
        return -1;
    const char *version = output + sizeof prefix - 1;
    size_t length = strcspn(version, "\r\n");
    if (length >= size)
        length = size - 1;
    memcpy(text, version, length);
    text[length] = '\0';
    return 0;
}
