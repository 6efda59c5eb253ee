/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/io.c: each call on a file of each command fails once: opening, reading, writing, syncing, shortening,
 * renaming, unlinking, mapping, and making pipes and processes.
 *
 * A first pass records the calls.  Each then fails with each error that its kind may have, and reads and writes also
 * transfer half of their bytes.  Standard output on a full device is tried with every command.
 */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int code;
    const char *name;
} errors[] = {
    {ENOSPC, "ENOSPC"}, {EIO, "EIO"}, {EINTR, "EINTR"}, {EMFILE, "EMFILE"}, {INJECT_SHORT, "half of the bytes"},
};

enum { EVERY_UP_TO = 150 }; /* a process with at most so many calls has every one fail */

#define CALL_NAME(name) #name,
static const char *const call_names[] = {INJECT_CALLS(CALL_NAME)};

static int is_possible(InjectCall kind, int error)
{
    int moves_bytes = kind == INJECT_READ || kind == INJECT_WRITE;
    if (error == INJECT_SHORT)
        return moves_bytes;
    if (error == EMFILE)
        return kind == INJECT_OPEN || kind == INJECT_PIPE || kind == INJECT_FORK || kind == INJECT_MMAP;
    return error != ENOSPC || kind != INJECT_READ;
}

static void fail_at(const Command *c, Tape *tape, int process, int64_t at, size_t e, int onwards)
{
    char fault[160];
    tape->process = process;
    tape->at = at;
    tape->error = errors[e].code;
    tape->onwards = onwards;
    snprintf(fault, sizeof fault, "call %lld of the %s (%s) fails%s: %s", (long long)at,
             process == 0 ? "program" : "worker", call_names[tape->event[process][at - 1].kind],
             onwards ? ", and all later ones" : "", errors[e].name);
    command_trial(c, tape, fault);
    tape->at = 0;
}

/* One process' calls.  most: calls at most; one_in: the part of the errors that is tried. */
static void fail_each(const Command *c, Tape *tape, int process, int64_t count, long most, int one_in)
{
    int *mark = commands_choose(tape->event[process], &count, EVERY_UP_TO, most);
    for (int64_t i = 0; i < count; i++)
        for (size_t e = 0; e < sizeof errors / sizeof errors[0] && mark[i]; e++) {
            if (!is_possible(tape->event[process][i].kind, errors[e].code) || faults_below((uint64_t)one_in) > 0)
                continue;
            int disk = errors[e].code == ENOSPC || errors[e].code == EIO; /* it may stay full, or broken */
            fail_at(c, tape, process, i + 1, e, 0);
            if (disk && faults_below((uint64_t)one_in) == 0)
                fail_at(c, tape, process, i + 1, e, 1);
        }
    free(mark);
}

static void campaign(const Command *c, Tape *tape)
{
    tape->record = 1;
    command_carry_out(c, tape);
    tape->record = 0;
    int64_t count[INJECT_PROCESSES];
    memcpy(count, tape->count, sizeof count);
    /* how many calls of a process fail */
    static const long whole[COMMAND_KINDS] = {150, 20, 150, 35, 35, 35, 30};
    static const long sample[COMMAND_KINDS] = {3, 1, 3, 3, 2, 2, 2};
    long most = faults_sample ? sample[c->kind] : whole[c->kind];
    if (count[0] == 0) /* it opens no file below the folder */
        return;
    faults_begin("I/O: vae-lab %s (%lld calls of the program, %lld of a worker)", c->name, (long long)count[0],
                 (long long)count[1]);
    for (int p = 0; p < INJECT_PROCESSES; p++)
        fail_each(c, tape, p, count[p], most, faults_sample ? 3 : 1);
    faults_finish();
}

/* Standard output is a device without room: no command ends as if it had printed. */
static void full_output(void)
{
    faults_begin("I/O: standard output without room");
    for (size_t i = 0; i < command_count; i++) {
        int prints = commands[i].kind != COMMAND_WRITES;
        if (!prints || !command_is_possible(i) || (faults_sample && !command_is_chosen(i)))
            continue;
        faults_try();
        FaultsEnd end = command_with_full_output(&commands[i]);
        char path[200];
        snprintf(path, sizeof path, "%s/err", faults_scratch);
        char *err = faults_read(path, NULL);
        if (end.status == 0 || end.signal != 0 || strstr(err, "vae-lab: ") == NULL)
            faults_lose("vae-lab %s: exit status %d, signal %d: %.200s", commands[i].name, end.status, end.signal, err);
        free(err);
    }
    faults_finish();
}

int main(int argc, char **argv)
{
    faults_start(argc, argv, 0);
    Tape *tape = faults_tape(commands_folder(), command_tape_variables);
    for (int kind = 0; kind < INJECT_KINDS; kind++)
        tape->kinds |= kind == INJECT_ALLOCATE ? 0 : 1u << kind;
    commands_prepare();
    snprintf(tape->folder, sizeof tape->folder, "%s", commands_folder());
    for (size_t i = 0; i < command_count; i++)
        if (command_is_chosen(i))
            campaign(&commands[i], tape);
    if (faults_wanted("standard output"))
        full_output();
    return faults_end();
}
