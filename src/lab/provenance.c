/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/provenance.c: where the runs of a sweep come from.  git is asked once for a sweep; when it is missing, slow or
 * does not know the folder, the run is recorded without it.
 *
 * A repository may be hostile: its configuration names programs that git would start.  Monitor, hooks, pager, external
 * diff, text conversion and fetching are turned off for each call; where the repository itself names a filter, which
 * cannot be turned off, the files are not compared.
 */
#include "lab/provenance.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define GIT_SECONDS 3.0 /* for all calls together */

enum { DIFFERENCE_MOST = 1 << 20 /* bytes that are kept */, ARGUMENTS = 32, VARIABLES = 1024 };

/* ---- one call of git --------------------------------------------------------------------------------------------- */

/* The environment without git's own variables (in a hook, GIT_DIR is set), with these. */
static void git_environment(char *env[VARIABLES])
{
    static char *const own[] = {"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=none",
                                "GIT_NO_LAZY_FETCH=1", "LC_ALL=C"};
    size_t n = 0;
    for (char **e = environ; *e != NULL && n < VARIABLES - 8; e++)
        if (strncmp(*e, "GIT_", 4) != 0 && strncmp(*e, "LC_ALL=", 7) != 0)
            env[n++] = *e;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        env[n++] = own[i];
    env[n] = NULL;
}

/* Starts git in its own process group, with its output into `out`, and without any other open file. */
static int start_git(pid_t *pid, char *const *argument, int out)
{
    char *env[VARIABLES];
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, defaults;
    git_environment(env);
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    int code = posix_spawnp(pid, argument[0], &files, &attr, argument, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return code == 0 ? 0 : -1;
}

/* Adds what arrives until the end, at most `most` bytes.  0 at the end; -1 when it is too much or too late. */
static int read_output(int in, Text *text, size_t most, double deadline)
{
    char block[8192];
    for (;;) {
        double left = deadline - lab_clock();
        struct pollfd p = {.fd = in, .events = POLLIN};
        int ready = left <= 0 ? 0 : poll(&p, 1, (int)(left * 1000) + 1);
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t got = ready <= 0 ? -1 : read(in, block, sizeof block);
        if (got < 0)
            return -1;
        if (got == 0)
            return 0;
        size_t room = most - text->length;
        text_add_bytes(text, block, (size_t)got < room ? (size_t)got : room);
        if ((size_t)got > room)
            return -1;
    }
}

/* Calls git in `folder` with the words of args[], NULL-ended, after those that protect from the repository.  [OUT] text: its
 * output, at most `most` bytes.  git's exit status, or -1: not started, stopped by a signal, too late, too long. */
static int call_git(const char *folder, const char *const *args, Text *text, size_t most, double deadline)
{
    const char *argument[ARGUMENTS] = {
        "git", "-C", folder, "--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c",
        "core.hooksPath=/dev/null", "-c", "core.quotePath=true"};
    size_t n = 11;
    int fd[2], status;
    pid_t pid;
    while (*args != NULL && n < ARGUMENTS - 1)
        argument[n++] = *args++;
    if (pipe(fd) != 0)
        return -1;
    fcntl(fd[0], F_SETFD, FD_CLOEXEC);
    fcntl(fd[1], F_SETFD, FD_CLOEXEC);
    int started = start_git(&pid, (char *const *)(void *)argument, fd[1]) == 0;
    close(fd[1]);
    int whole = started && read_output(fd[0], text, most, deadline) == 0;
    close(fd[0]);
    if (!started)
        return -1;
    if (!whole)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return whole && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- what git says ----------------------------------------------------------------------------------------------- */

#define GIT(...) (const char *const[]) { __VA_ARGS__, NULL }

/* Whether the repository's own configuration names a filter, a program that git starts to compare files. */
static int names_a_filter(const char *folder, double deadline)
{
    Text scopes = {0};
    int status = call_git(folder, GIT("config", "--show-scope", "--includes", "--name-only", "--get-regexp",
                                      "^filter\\..*\\.(clean|process)$"),
                          &scopes, DIFFERENCE_MOST, deadline);
    const char *text = text_string(&scopes);
    int own = strncmp(text, "local", 5) == 0 || strstr(text, "\nlocal") != NULL || strstr(text, "worktree\t") != NULL;
    int unknown = status != 0 && status != 1; /* 1: none matches */
    text_free(&scopes);
    return own || unknown;
}

/* The commit, and whether files that git knows were changed: of "# branch.oid COMMIT" and a line for each change. */
static int read_status(LabGit *git, const char *folder, double deadline)
{
    static const char head[] = "# branch.oid ";
    Text text = {0};
    int status = call_git(folder, GIT("status", "--porcelain=v2", "--branch", "--untracked-files=no",
                                      "--ignore-submodules=all", "--no-renames", "--", "."),
                          &text, DIFFERENCE_MOST, deadline);
    const char *line = strstr(text_string(&text), head);
    if (status == 0 && line != NULL) {
        size_t length = strspn(line + sizeof head - 1, "0123456789abcdef");
        snprintf(git->commit, sizeof git->commit, "%.*s", (int)(length < 65 ? length : 64), line + sizeof head - 1);
        for (; line != NULL && git->changes[0] == '\0'; line = strchr(line, '\n'), line += line != NULL)
            if (line[0] == '1' || line[0] == '2' || line[0] == 'u')
                snprintf(git->changes, sizeof git->changes, "yes");
    }
    text_free(&text);
    return git->commit[0] != '\0' ? 0 : -1;
}

static void read_difference(LabGit *git, const char *folder, double deadline)
{
    Text *d = &git->difference;
    int status = call_git(folder, GIT("diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
                                      "--ignore-submodules=all", "--relative", "--", "."),
                          d, DIFFERENCE_MOST, deadline);
    if (status != 0 && d->length >= DIFFERENCE_MOST)
        text_addf(d, "\n[cut here: the difference is longer than %d bytes]\n", (int)DIFFERENCE_MOST);
    else if (status != 0)
        text_add(d, "\n[cut here: git was not ready in time]\n");
}

void lab_git_read(LabGit *git, const char *script)
{
    double deadline = lab_clock() + GIT_SECONDS;
    const char *slash = strrchr(script, '/'), *name = slash == NULL ? script : slash + 1;
    Text folder = {0}, unused = {0};
    *git = (LabGit){.commit = ""};
    text_add_bytes(&folder, slash == NULL ? "." : script, slash == NULL ? 1 : (size_t)(slash - script) + 1);
    const char *at = text_string(&folder);
    if (names_a_filter(at, deadline)) {
        if (call_git(at, GIT("rev-parse", "--verify", "HEAD"), &unused, sizeof git->commit, deadline) == 0) {
            snprintf(git->commit, sizeof git->commit, "%.*s", (int)strcspn(text_string(&unused), "\n"),
                     text_string(&unused));
            snprintf(git->changes, sizeof git->changes, "unknown: the repository names a program as a filter");
        }
    } else if (read_status(git, at, deadline) == 0) {
        if (strcmp(git->changes, "yes") == 0)
            read_difference(git, at, deadline);
        else if (call_git(at, GIT("ls-files", "--error-unmatch", "--", name), &unused, DIFFERENCE_MOST, deadline) == 1)
            snprintf(git->changes, sizeof git->changes, "yes: the script is not in the commit");
        else
            snprintf(git->changes, sizeof git->changes, "no");
    }
    text_free(&unused);
    text_free(&folder);
}

void lab_git_free(LabGit *git)
{
    text_free(&git->difference);
}

/* ---- what a sweep records ---------------------------------------------------------------------------------------- */

static void add_entry(LabOrigin *o, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        o->environment[o->nenvironment++] = (StoreParam){.name = name, .text = text};
}

int lab_origin_read(LabOrigin *o, const LabProvenance *given, int threads, Error *err)
{
    *o = (LabOrigin){.nenvironment = 0};
    o->nenvironment = lab_environment(o->environment, threads);
    if (given == NULL)
        return 0;
    add_entry(o, "library", given->library);
    add_entry(o, "lua", given->lua);
    o->sources = mem_array(given->nsources + 1, sizeof *o->sources);
    if (o->sources == NULL)
        return error_memory(err, "a script's texts");
    if (given->nsources == 0)
        return 0;
    memcpy(o->sources, given->sources, given->nsources * sizeof *o->sources);
    o->nsources = given->nsources;
    lab_git_read(&o->git, given->sources[0].path);
    if (o->git.difference.failed)
        return error_memory(err, "the difference to a git commit");
    add_entry(o, "git changes", o->git.changes);
    add_entry(o, "git commit", o->git.commit);
    if (o->git.difference.length > 0)
        o->sources[o->nsources++] = (StoreSource){"difference", o->git.commit, text_string(&o->git.difference),
                                                  o->git.difference.length};
    return 0;
}

void lab_origin_free(LabOrigin *o)
{
    mem_free(o->sources);
    lab_git_free(&o->git);
}
