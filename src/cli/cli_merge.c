/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_merge.c: `vae-lab merge OUT.db PART.db…`: one record out of many.
 */
#include "cli/cli.h"

#include "store/merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

static const CliOption options[] = {
    CLI_OPTION_JSON("the table as JSON"),
    CLI_OPTION_CSV,
    {0},
};

static const struct {
    const char *name;
    size_t offset; /* in StoreMergeCount */
} counted[] = {
#define COUNTED(field) {#field, offsetof(StoreMergeCount, field)}
    COUNTED(added), COUNTED(completed), COUNTED(unfinished), COUNTED(same), COUNTED(at_work), COUNTED(conflicts),
    COUNTED(evaluations), COUNTED(sweeps),
#undef COUNTED
};
enum { COUNTED = sizeof counted / sizeof counted[0] };

static int64_t *count_at(StoreMergeCount *c, size_t i)
{
    return (int64_t *)(void *)((char *)c + counted[i].offset);
}

/* context: to the part's path. */
static void print_conflict(void *context, const StoreMergeConflict *c)
{
    fprintf(stderr,
            "conflict: %s, %s, seed %s: %s differs, though the identity is the same; the run was not merged\n"
            "  here      %s (run %" PRId64 "; %s)\n"
            "  there     %s (run %" PRId64 " of %s; %s)\n"
            "  identity  %s\n",
            c->experiment, c->label, c->seed, c->what, c->value_here, c->here, c->machine_here, c->value_there, c->there,
            *(const char *const *)context, c->machine_there, c->identity);
}

static int check_other_file(const char *out, const char *part, Error *err)
{
    struct stat a, b;
    if (stat(out, &a) != 0 || stat(part, &b) != 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return 0;
    error_set(err, ERR_USAGE, "a database cannot be merged into itself");
    return error_where(err, "%s", part);
}

/* One part, as a row of the table. */
static int merge_part(Store *out, const char *path, CliTable *table, StoreMergeCount *sum, Error *err)
{
    StoreMergeCount count = {0};
    if (check_other_file(store_path(out), path, err) != 0)
        return -1;
    Store *part = store_open(path, STORE_READ, err);
    int status = part == NULL ? -1 : store_merge(out, part, print_conflict, &path, &count, err);
    store_close(part);
    if (status != 0)
        return error_in(err, "part %s", path);
    cli_table_text(table, path);
    for (size_t i = 0; i < COUNTED; i++) {
        cli_table_integer(table, *count_at(&count, i));
        *count_at(sum, i) += *count_at(&count, i);
    }
    return 0;
}

/* Every part is tried; [OUT] *failed: how many could not be merged. */
static int merge_parts(Store *out, int parts, char **part, int *failed, StoreMergeCount *sum, Error *err)
{
    const char *columns[COUNTED + 1] = {"part"};
    for (size_t i = 0; i < COUNTED; i++)
        columns[i + 1] = counted[i].name;
    CliTable *table = cli_table_alloc(cli_format(), columns, COUNTED + 1);
    for (int i = 0; i < parts; i++) {
        Error own = ERROR_NONE;
        if (merge_part(out, part[i], table, sum, &own) == 0)
            continue;
        error_print(stderr, "vae-lab", &own);
        ++*failed;
    }
    return cli_table_print(table, NULL, err);
}

static int check_result(const StoreMergeCount *sum, int failed, int parts, Error *err)
{
    if (failed > 0) {
        error_set(err, ERR_STORE, "%d of %d parts could not be merged", failed, parts);
        return error_hint(err, "the others are merged; the same command may be repeated");
    }
    if (sum->conflicts == 0)
        return 0;
    error_set(err, ERR_RUN, "%" PRId64 " run%s with the same identity differ%s", sum->conflicts,
              sum->conflicts == 1 ? "" : "s", sum->conflicts == 1 ? "s" : "");
    error_expected(err, "the same numbers to the bit, on every machine");
    return error_hint(err, "vae-lab reproduce RUN --db FILE trains a run again and says which database is right: a wrong one "
                           "was edited, or its machine computes wrongly");
}

static int merge(int operands, char **operand, Error *err)
{
    StoreMergeCount sum = {0};
    int failed = 0;
    if (cli_operands(operands, operand, 2, cli_argc, "the database to make or to extend, and at least one part", err) != 0)
        return error_hint(err, "for example: vae-lab merge results.db part-*.db");
    Store *out = store_open(operand[0], STORE_WRITE, err);
    if (out == NULL)
        return -1;
    int status = merge_parts(out, operands - 1, operand + 1, &failed, &sum, err);
    store_close(out);
    if (status == 0 && sum.unfinished > 0)
        fprintf(stderr, "%" PRId64 " run%s not finished: vae-lab run FILE.lua --db %s resumes %s\n", sum.unfinished,
                sum.unfinished == 1 ? " is" : "s are", operand[0], sum.unfinished == 1 ? "it" : "them");
    if (status == 0 && sum.at_work > 0)
        fprintf(stderr, "%" PRId64 " run%s at work in a process: merge again when %s ended\n", sum.at_work,
                sum.at_work == 1 ? " is" : "s are", sum.at_work == 1 ? "it has" : "they have");
    return status == 0 ? check_result(&sum, failed, operands - 1, err) : -1;
}

const CliCommand cli_merge = {
    .name = "merge", .arguments = "OUT.db PART.db…", .summary = "one database out of many",
    .options = options, .run = merge,
    .notes = "Runs are the same where their identities are (model, data, training plan, seed).  OUT.db is made where\n"
             "it is missing; what it has stays, and what is missing is added: merging twice changes nothing.  Parts\n"
             "are not changed, and may be in use.  A run that both have must agree to the bit: one that does not is\n"
             "reported with both values and machines and not merged, and the exit code is 1.\n"
             "\n"
             "The columns: added (finished runs), completed (unfinished in OUT.db), unfinished (with their state:\n"
             "vae-lab run --db OUT.db resumes them), same, at_work (left alone), conflicts, evaluations, sweeps.\n"
             "After parts of one sweep (vae-lab run --shard) are merged, vae-lab run FILE.lua --db OUT.db runs what\n"
             "is missing and judges the claims.\n"
             "\n"
             "example: vae-lab merge results/results.db parts/part-*.db\n",
};
