/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/commands.h: the commands of vae-lab as subjects of injected faults, and what must hold after each.
 */
#ifndef FAULTS_COMMANDS_H
#define FAULTS_COMMANDS_H

#include "faults.h"

/* What a command does, and so what must hold after a fault:
 * READS   it prints what it prints without the fault, or fails with a message; the database stays as it was;
 * DRAWS   the same, and every file that it wrote is whole: the expected one, or none, or the older one;
 * WRITES  the same for the one file that the command writes, written.npz;
 * RUNS    the database is whole and keeps every recorded row; with exit status 0 its results are the expected ones, and
 *         else the command without the fault brings them about;
 * DROPS   the same, but only metrics are kept;
 * FREES   as RUNS, but a second time it may find nothing to do;
 * COPIES  it brings the one file of the data set, whole or not at all, or in part where a download was cut; the command
 *         without the fault brings it. */
typedef enum {
    COMMAND_READS, COMMAND_DRAWS, COMMAND_WRITES, COMMAND_RUNS, COMMAND_DROPS, COMMAND_FREES, COMMAND_COPIES,
    COMMAND_KINDS
} CommandKind;

/* The database before the command: DONE closed; KILLED with a log that a killed process left; HALF with an unfinished
 * run; HELD with a run whose holder elsewhere is silent; OLD of schema version 3; NONE missing. */
typedef enum { START_DONE, START_KILLED, START_HALF, START_HELD, START_OLD, START_NONE } CommandStart;

typedef struct Command {
    const char *name;
    CommandKind kind;
    CommandStart start;
    const char *argv[12]; /* after the program's name; ended by NULL; "SERVER…": at the local server's address */
    int varies;           /* its output contains times or free space: it is not compared */
    int status;           /* its exit status without a fault */
} Command;

extern const Command commands[];
extern const size_t command_count;

/* Chooses the commands (--only; a sample takes a third of them, at random), makes the databases of all starts, and runs
 * each chosen command once without a fault.  Commands that need a server, or a published data set, are left out where
 * python3 or VAE_LAB_TEST_DATA is missing. */
void commands_prepare(void);
int command_is_chosen(size_t i);
int command_is_possible(size_t i);

/* Resets the folder of the trials and carries the command out; `tape` is counting, and may make a call fail. */
FaultsEnd command_carry_out(const Command *c, Tape *tape);
/* Carries it out as above and judges: reports what was lost with `fault`, a description. */
void command_trial(const Command *c, Tape *tape, const char *fault);

/* The same without a fault, but with /dev/full as standard output. */
FaultsEnd command_with_full_output(const Command *c);

/* Which of a process' recorded calls are to fail: all of at most `every_up_to` calls; else for each place of the code the
 * first and the last call from there, and about 200 others.  Of more than `most` a random part.  Limits *count to what
 * was recorded.  Returns one flag a call (free). */
int *commands_choose(const InjectEvent *event, int64_t *count, int64_t every_up_to, long most);

/* The folder of the trials, for the tape. */
const char *commands_folder(void);
/* The two variables of faults_tape; set before the first trial. */
extern const char *command_tape_variables[2];

#endif
