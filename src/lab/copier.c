/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/copier.c: a process for each copy of the database while a sweep runs.
 */
#include "lab/copier.h"

#include "base/error.h"
#include "lab/report.h"
#include "lab/train.h"
#include "store/copy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* The new process.  A signal ends it after the pages that it is copying; so does the end of the sweep's process. */
static int copy(const LabCopier *c, int fd, pid_t parent)
{
    Error err = ERROR_NONE;
    char text[1000];
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    if (getppid() != parent)
        return 1;
    signal(SIGXFSZ, SIG_IGN); /* a file that grows too large then fails the write */
    if (store_copy(c->database, c->file, &lab_stop, &err) == 0 || err.kind == ERR_SIGNAL)
        return 0;
    error_text(text, sizeof text, &err);
    return write(fd, text, strlen(text)) < 0;
}

static void start(LabCopier *c, const sigset_t *mask)
{
    int fd[2];
    c->last = lab_clock();
    if (pipe(fd) != 0)
        return; /* the next copy, or the last one, fails or succeeds for itself */
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        close(fd[0]);
        sigprocmask(SIG_SETMASK, mask, NULL);
        _exit(copy(c, fd[1], parent));
    }
    close(fd[1]);
    if (pid < 0) {
        close(fd[0]);
        return;
    }
    c->pid = pid;
    c->pipe = fd[0];
}

void lab_copier_beat(LabCopier *c, const sigset_t *mask)
{
    if (c->file == NULL)
        return;
    if (c->last <= 0)
        c->last = lab_clock();
    if (c->pid == 0 && !lab_stop && lab_clock() - c->last >= c->seconds)
        start(c, mask);
}

int lab_copier_take(LabCopier *c, pid_t pid, char *text, size_t size)
{
    char error[1000];
    if (c->pid == 0 || pid != c->pid)
        return 0;
    ssize_t length = read(c->pipe, error, sizeof error - 1); /* its process has ended: this does not wait */
    close(c->pipe);
    c->pid = 0;
    if (length <= 0)
        return 0;
    error[length] = '\0';
    snprintf(text, size, "the copy was not renewed, and is tried again in %.0f s: %s", c->seconds, error);
    return 1;
}

void lab_copier_stop(LabCopier *c)
{
    if (c->pid == 0)
        return;
    kill(c->pid, SIGTERM);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(c->pipe);
    c->pid = 0;
}
