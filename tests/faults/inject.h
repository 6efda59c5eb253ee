/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/inject.h: what a campaign and the preloaded library (inject.c) share: which call of which process fails,
 * and which calls were counted.
 */
#ifndef FAULTS_INJECT_H
#define FAULTS_INJECT_H

#include <stdint.h>

/* The kinds of calls that are counted.  Allocations count everywhere; calls on files count for files below
 * Tape.folder. */
#define INJECT_CALLS(X) \
    X(ALLOCATE) X(OPEN) X(READ) X(WRITE) X(SYNC) X(TRUNCATE) X(RENAME) X(UNLINK) X(MMAP) X(MKDIR) X(PIPE) X(FORK)
#define INJECT_ENUM(name) INJECT_##name,
typedef enum { INJECT_CALLS(INJECT_ENUM) INJECT_KINDS } InjectCall;

enum {
    INJECT_PROCESSES = 2,   /* 0: the program that was started, 1: a process that it forked */
    INJECT_SHORT = -1,      /* Tape.error: transfer half of the bytes instead of failing */
    INJECT_EVENTS = 1 << 18 /* recorded for each process at most */
};

/* One counted call: its kind, and a hash of the innermost return addresses.  Two calls with one hash come from the same
 * place in the code. */
typedef struct InjectEvent {
    uint32_t kind;
    uint32_t stack;
} InjectEvent;

/* A file that the campaign and the tested processes map; its path is in the variable FAULTS_TAPE. */
typedef struct Tape {
    /* set by the campaign */
    uint32_t kinds;          /* bits 1 << InjectCall: the calls that are counted */
    int32_t process;         /* whose call fails: 0 or 1 */
    int64_t at;              /* the number of the failing call among the counted ones, from 1; 0: none fails */
    int32_t onwards;         /* all later ones fail too */
    int32_t error;           /* errno of the failing call, or INJECT_SHORT */
    int32_t record;          /* whether to fill `event` */
    char folder[256];
    /* filled by the tested processes */
    int64_t hits;                     /* calls that failed */
    int64_t count[INJECT_PROCESSES];  /* of counted calls; of the forked processes: of the last one */
    InjectEvent event[INJECT_PROCESSES][INJECT_EVENTS];
} Tape;

#endif
