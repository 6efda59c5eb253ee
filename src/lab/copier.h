/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/copier.h: copies a sweep's database to another file now and then, in a process of its own: neither the sweep nor
 * its workers wait for it.
 */
#ifndef LAB_COPIER_H
#define LAB_COPIER_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct LabCopier {
    const char *database, *file; /* file NULL: nothing is copied */
    double seconds;              /* from one copy to the next */
    double last;                 /* of lab_clock, when the last one began; 0: not yet */
    pid_t pid;                   /* 0: none is at work */
    int pipe;                    /* its error comes through it */
} LabCopier;

/* Starts a copy when it is time; the first call starts the clock.  mask: of the new process' signals. */
void lab_copier_beat(LabCopier *c, const sigset_t *mask);

/* Returns whether the process `pid`, which has ended, was one of its own that failed; [OUT] text: a warning. */
int lab_copier_take(LabCopier *c, pid_t pid, char *text, size_t size);

/* Stops a copy that is at work, and waits for its process.  The old copy stays. */
void lab_copier_stop(LabCopier *c);

#endif
