/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/shard.c: the part of a sweep from --shard or from the variables of SLURM and Open MPI.
 */
#include "cli/shard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS_MOST = 1000000 };

const char *cli_shard_text;

/* A whole number from `least` to SHARDS_MOST; [OUT] *end: behind it.  0 where there is none. */
static int read_number(const char *text, long least, long *number, const char **end)
{
    char *rest;
    errno = 0;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    *number = strtol(text, &rest, 10);
    *end = rest;
    return errno == 0 && *number >= least && *number <= SHARDS_MOST;
}

/* [OUT] *number: of the environment variable.  0 where it is not set or no such number. */
static int of_environment(const char *name, long least, long *number)
{
    const char *end;
    return read_number(getenv(name), least, number, &end) && *end == '\0';
}

static int parse(const char *text, LabShard *shard, Error *err)
{
    long index, count;
    const char *slash, *end;
    if (read_number(text, 1, &index, &slash) && *slash == '/' && read_number(slash + 1, 1, &count, &end) && *end == '\0' &&
        index <= count) {
        *shard = (LabShard){(size_t)index, (size_t)count};
        return 0;
    }
    error_set(err, ERR_USAGE, "--shard is not a part of a sweep");
    error_found(err, "%s", text);
    return error_expected(err, "I/N, with I from 1 to N: --shard 3/8");
}

/* Part `index` of `count` becomes, for each of `n` processes, one of count * n. */
static void divide(LabShard *shard, long index, long n)
{
    shard->index = (shard->index - 1) * (size_t)n + (size_t)index + 1;
    shard->count *= (size_t)n;
}

/* A SLURM array.  Its ids are MIN, MIN + STEP …; of a list with gaps ("--array=1,5,7") the place is not known. */
static int of_array(LabShard *shard, char *source, size_t size, Error *err)
{
    long id, least, most, step, count;
    if (!of_environment("SLURM_ARRAY_TASK_ID", 0, &id) || !of_environment("SLURM_ARRAY_TASK_MIN", 0, &least) ||
        !of_environment("SLURM_ARRAY_TASK_MAX", 0, &most) || !of_environment("SLURM_ARRAY_TASK_COUNT", 1, &count))
        return 0;
    if (!of_environment("SLURM_ARRAY_TASK_STEP", 1, &step))
        step = 1;
    if ((most - least) / step + 1 != count || (id - least) % step != 0 || id > most) {
        error_set(err, ERR_USAGE, "the part of this task in the SLURM array is not known");
        error_found(err, "%ld tasks with ids from %ld to %ld in steps of %ld", count, least, most, step);
        error_expected(err, "an array without gaps: --array=1-%ld", count);
        return error_hint(err, "--shard I/N names the part; --shard 1/1 runs the whole sweep");
    }
    divide(shard, (id - least) / step, count);
    const char *job = getenv("SLURM_ARRAY_JOB_ID");
    snprintf(source, size, "task %ld of SLURM array %.20s", id, job == NULL ? "?" : job);
    return 0;
}

/* The processes of an srun step (a batch script has SLURM_NTASKS too, but no step: it is one process), or of mpirun. */
static void of_step(LabShard *shard, char *source, size_t size)
{
    static const struct {
        const char *rank, *count, *only_with, *what;
    } kinds[] = {
        /* first: below mpirun the variables of the step belong to the process that started it */
        {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "process %ld of %ld of an Open MPI job"},
        {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_ID", "process %ld of %ld of an srun step"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        long rank, count;
        if (getenv(kinds[i].only_with) == NULL || !of_environment(kinds[i].rank, 0, &rank) ||
            !of_environment(kinds[i].count, 2, &count) || rank >= count)
            continue;
        divide(shard, rank, count);
        size_t used = strlen(source);
        used += (size_t)snprintf(source + used, size - used, "%s", used > 0 ? ", " : "");
        snprintf(source + used, size - used, kinds[i].what, rank + 1, count);
        return;
    }
}

int cli_shard_choose(LabShard *shard, char source[128], Error *err)
{
    *shard = (LabShard){1, 1};
    source[0] = '\0';
    if (cli_shard_text != NULL)
        return parse(cli_shard_text, shard, err);
    if (of_array(shard, source, 128, err) != 0)
        return -1;
    of_step(shard, source, 128);
    return 0;
}
