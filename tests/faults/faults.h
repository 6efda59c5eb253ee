/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/faults.h: what the campaigns share: options, random choices, counts, processes with a time limit, and the
 * recorded results of a database as text.
 */
#ifndef FAULTS_FAULTS_H
#define FAULTS_FAULTS_H

#include "base/text.h"

#include "inject.h"

#include <stdint.h>
#include <sys/types.h>

/* ---- a campaign -------------------------------------------------------------------------------------------------- */

extern int faults_sample;           /* --sample: a small random part */
extern char faults_scratch[128];    /* a folder of this campaign; removed at its end */
extern char faults_here[512];       /* tests/faults */
extern const char *faults_program;  /* the vae-lab to test: $VAE_LAB */

/* Reads --sample, --seed N and --only WORDS, makes the scratch folder (in memory where the system has /dev/shm, unless on_disk).
 * Ends the program on a wrong option. */
void faults_start(int argc, char **argv, int on_disk);
/* Removes the scratch folder; the exit status: 1 when anything was lost. */
int faults_end(void);

/* A random number below n, from the seed. */
uint64_t faults_below(uint64_t n);

/* Whether --only, if given, occurs in this name. */
int faults_wanted(const char *name);

/* A kind of fault: its trials are counted, and faults_finish prints "ok KIND: N tried, N survived, 0 lost", or
 * "not ok KIND: …" after the lines of what was lost. */
void faults_begin(const char *kind, ...) __attribute__((format(printf, 1, 2)));
void faults_try(void);
/* The current trial lost something: prints what, at most once a trial. */
void faults_lose(const char *what, ...) __attribute__((format(printf, 1, 2)));
void faults_finish(void);
/* For a control, whose trials must lose something: turns the count around.  Returns how many trials were lost. */
long faults_expect_loss(void);
/* No more lines of what is lost until the next faults_begin (a control). */
void faults_silence(void);
void faults_skip(const char *kind, const char *why);
/* Prints a message and ends the program: the campaign itself cannot go on. */
void faults_stop(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- processes --------------------------------------------------------------------------------------------------- */

typedef struct FaultsEnd {
    int timed_out;
    int status;  /* exit status, or -1 */
    int signal;  /* that ended it, or 0 */
} FaultsEnd;

/* Starts a program in `folder`, in a session of its own, with standard output and standard error in the files `out` and
 * `err` (NULL: /dev/null).  environment: "NAME=value", ended by NULL, added to the own.  Returns its process id. */
pid_t faults_spawn(const char *folder, const char *const *environment, const char *const *argv, const char *out,
                   const char *err);
/* Waits at most `seconds`, then kills the whole session. */
FaultsEnd faults_wait(pid_t pid, double seconds);
/* Whether processes of that session are left after at most `seconds`; they are killed. */
int faults_left_running(pid_t session, double seconds);
/* The processes that `parent` forked; at most `max`. */
int faults_children(pid_t parent, pid_t *child, int max);

double faults_clock(void);
void faults_sleep(double seconds);

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* The bytes of a file (free), with a terminator behind them; NULL when there is none. */
char *faults_read(const char *path, size_t *size);
void faults_write(const char *path, const void *bytes, size_t size);
void faults_copy(const char *from, const char *to);
/* Runs a shell command that must succeed. */
void faults_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- results.db -------------------------------------------------------------------------------------------------- */

/* Makes the file if it is missing, and runs statements that must succeed. */
void faults_sql(const char *path, const char *text);
/* Makes a database of schema version 3 with one run of another experiment. */
void faults_make_old(const char *path);
/* Copies a database with its log, and removes an old index. */
void faults_copy_database(const char *from, const char *to);
/* integrity_check and foreign_key_check; 0 when the file is whole, else -1 with the complaint. */
int faults_check_database(const char *path, char *complaint, size_t size);
/* Adds everything that a run's spec determines, one line for each row, in a fixed order: status and digest of runs, all
 * metrics but time/…, artifacts, posteriors, evaluations.  Runs appear by identity.  0, or -1 with a complaint. */
int faults_results(const char *path, Text *t, char *complaint, size_t size);
/* The first line of `a` that `b` has not, in `line`; 0 when b has all.  prefix: only lines that begin with it. */
int faults_missing_line(const char *a, const char *b, const char *prefix, char *line, size_t size);

/* ---- the preloaded library --------------------------------------------------------------------------------------- */

/* Makes a tape, and [OUT] the two variables that make a process use it. */
Tape *faults_tape(const char *folder, const char *environment[2]);

#endif
