/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/allocations.c: each allocation of each command fails, once, and from then on.
 *
 * A first pass counts the allocations of the command's process and of its last worker, with a hash of where each comes
 * from.  The whole campaign then fails every one of the commands that make few, and of the others every place of the
 * code that allocates: its first and its last allocation, and one between.
 */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY_UP_TO = 2500 }; /* a process with at most so many allocations has every one fail */

static void fail_at(const Command *c, Tape *tape, int process, int64_t at, int onwards)
{
    char fault[160];
    tape->process = process;
    tape->at = at;
    tape->onwards = onwards;
    snprintf(fault, sizeof fault, "allocation %lld of the %s fails%s", (long long)at,
             process == 0 ? "program" : "worker", onwards ? ", and all later ones" : "");
    command_trial(c, tape, fault);
    tape->at = 0;
}

static void campaign(const Command *c, Tape *tape)
{
    /* how many allocations of a process fail: all chosen ones where they are few, else a random part of them */
    static const long whole[COMMAND_KINDS] = {250, 60, 250, 150, 150, 100, 150};
    static const long sample[COMMAND_KINDS] = {5, 1, 4, 2, 2, 2, 2};
    long most = faults_sample ? sample[c->kind] : whole[c->kind];
    tape->record = 1;
    command_carry_out(c, tape);
    tape->record = 0;
    int64_t count[INJECT_PROCESSES];
    memcpy(count, tape->count, sizeof count);
    faults_begin("allocations: vae-lab %s (%lld of the program, %lld of a worker)", c->name, (long long)count[0],
                 (long long)count[1]);
    for (int p = 0; p < INJECT_PROCESSES; p++) {
        int *mark = commands_choose(tape->event[p], &count[p], EVERY_UP_TO, most);
        for (int64_t i = 0; i < count[p]; i++)
            if (mark[i])
                fail_at(c, tape, p, i + 1, faults_below(5) == 0);
        free(mark);
    }
    faults_finish();
}

int main(int argc, char **argv)
{
    faults_start(argc, argv, 0);
    Tape *tape = faults_tape("", command_tape_variables);
    tape->kinds = 1u << INJECT_ALLOCATE;
    tape->error = ENOMEM;
    commands_prepare();
    for (size_t i = 0; i < command_count; i++)
        if (command_is_chosen(i))
            campaign(&commands[i], tape);
    return faults_end();
}
