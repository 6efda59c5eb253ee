/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_verify.c: `vae-lab verify RECEIPT`: trains what a receipt says, from the script or from a database, and says
 * yes or no.
 *
 * What can be compared before the training is compared first.  After it, the receipt of the repeated run must have the
 * same lines: so nothing false in a receipt passes.
 */
#include "bind/script.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/receipt.h"
#include "cli/workers.h"

#include "base/file.h"
#include "base/mem.h"
#include "lab/reproduce.h"
#include "num/isa.h"
#include "store/read.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *script_path;
static int quiet;

static const CliOption options[] = {
    {.name = "--script", .value = "FILE", .text = &script_path,
     .help = "the script (default: the one of that name beside the receipt, or here)"},
    {.name = "--db", .value = "FILE", .text = &cli_shared.db,
     .help = "no script: graph and plan of the run are taken from this database"},
    CLI_OPTION_DATA_DIR,
    CLI_OPTION_THREADS,
    {.name = "--quiet", .flag = &quiet, .help = "no progress"},
    {0},
};

/* ---- yes or no --------------------------------------------------------------------------------------------------- */

/* Prints "no", and ends with exit status 1 without a further message. */
static int no(const char *what, const char *receipt, const char *found, Error *err)
{
    printf("no: %s\n  receipt   %s\n  found     %s\n", what, receipt, found);
    return error_set(err, ERR_RUN, "%s", "");
}

/* from: what it was trained from. */
static int yes(const CliReceipt *r, const char *from)
{
    printf("yes: %s%s%s, seed %s, trained here again %s, has the weights and the test ELBO of the receipt\n"
           "  weights   %s\n  test elbo %s\n",
           cli_receipt_get(r, "experiment"), cli_receipt_get(r, "label")[0] != '\0' ? ", " : "", cli_receipt_get(r, "label"),
           cli_receipt_get(r, "seed"), from, cli_receipt_get(r, "weights sha256"), cli_receipt_get(r, "test elbo"));
    return 0;
}

/* What the first line that differs means. */
static const char *meaning(const char *key)
{
    static const char *const known[][2] = {
        {"script sha256", "the script changed"},
        {"module", "a module of the script changed"},
        {"data sha256", "the data differ"},
        {"arithmetic", "this program computes another arithmetic version"},
        {"graph sha256", "the graph of the model differs"},
        {"plan sha256", "the training plan differs"},
        {"identity", "the identity differs"},
        {"weights sha256", "the weights differ"},
        {"test elbo", "the test ELBO differs"},
    };
    static char other[64];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i][0], key) == 0)
            return known[i][1];
    snprintf(other, sizeof other, "'%s' differs", key);
    return other;
}

/* Compares the receipt with that of a run of a database: 1 when all lines agree; else says no, and returns -1. */
static int compare(const CliReceipt *claimed, Store *s, int64_t run, Error *err)
{
    CliReceipt found;
    int status = cli_receipt_of(&found, s, run, err);
    size_t i = status == 0 ? cli_receipt_difference(claimed, &found) : SIZE_MAX;
    if (i != SIZE_MAX) {
        const char *key = claimed->line[i].key;
        const char *other = i < found.count && strcmp(found.line[i].key, key) == 0 ? found.line[i].value
                                                                                   : cli_receipt_get(&found, key);
        status = no(meaning(key), claimed->line[i].value, other[0] != '\0' ? other : "nothing", err);
    }
    cli_receipt_free(&found);
    return status;
}

static int check_arithmetic(const CliReceipt *r, Error *err)
{
    char here[16];
    snprintf(here, sizeof here, "%d", NUM_ARITHMETIC_VERSION);
    const char *there = cli_receipt_get(r, "arithmetic");
    return strcmp(here, there) == 0 ? 0 : no(meaning("arithmetic"), there, here, err);
}

/* ---- from a database --------------------------------------------------------------------------------------------- */

static int reproduce(LabReproduce *r, Store *s, Error *err)
{
    size_t count;
    const LabRun *runs = lab_reproduce_runs(r, &count);
    CliProgress *progress = count == 0 ? NULL : cli_progress_alloc(runs, count, quiet, err);
    if (count > 0 && (progress == NULL || cli_workers_choose(count, err) != 0)) {
        cli_progress_free(progress);
        return -1;
    }
    const LabOptions lab = {.jobs = 1, .threads = (int)cli_workers.threads, .event = cli_progress_event,
                            .event_context = progress};
    int status = lab_reproduce(r, s, &lab, err);
    cli_progress_free(progress);
    return status;
}

static int verify_recorded(const CliReceipt *claimed, Store *s, Error *err)
{
    int64_t run;
    StoreClaim claim;
    if (store_run_find(s, cli_receipt_get(claimed, "identity"), &run, &claim, err) != 0)
        return -1;
    if (run == 0) {
        error_set(err, ERR_STORE, "the database has no run of the receipt's identity");
        error_where(err, "%s", store_path(s));
        error_found(err, "%s", cli_receipt_get(claimed, "identity"));
        return error_hint(err, "--script FILE trains it from the script");
    }
    if (compare(claimed, s, run, err) != 0)
        return -1;
    LabReproduce *r = lab_reproduce_open(s, &run, 1, cli_shared.data_dir, err);
    int status = r == NULL ? -1 : reproduce(r, s, err);
    if (status == 0) {
        const LabReproduction *one = lab_reproduction(r, 0);
        char what[200];
        snprintf(what, sizeof what, "%s%s%s", lab_verdict_word(one->verdict), one->metric[0] != '\0' ? ": " : "", one->metric);
        status = one->verdict == LAB_REPRODUCED ? yes(claimed, "from the database") : no(what, one->expected, one->found, err);
    }
    lab_reproduce_free(r);
    return status;
}

/* ---- from the script --------------------------------------------------------------------------------------------- */

typedef struct Settings {
    char *text[64]; /* "key=value" */
    size_t count;
} Settings;

static void free_settings(Settings *s)
{
    for (size_t i = 0; i < s->count; i++)
        mem_free(s->text[i]);
}

/* {"beta":"1","profile":"full"} */
static int read_settings(Settings *s, const char *text, Error *err)
{
    const char *key;
    json_t *value, *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    int status = 0;
    json_object_foreach(json, key, value) {
        Text pair = {0};
        text_addf(&pair, "%s=%s", key, json_is_string(value) ? json_string_value(value) : "");
        if (!json_is_string(value) || s->count == sizeof s->text / sizeof s->text[0])
            status = -1;
        else if ((s->text[s->count] = mem_string(text_string(&pair))) != NULL)
            s->count++;
        text_free(&pair);
    }
    if (status != 0 || !json_is_object(json)) {
        error_set(err, ERR_FILE, "the settings of the receipt are not a JSON object of texts");
        status = error_found(err, "%.200s", text);
    }
    json_decref(json);
    return status;
}

/* [OUT] path: --script, else the script's name beside the receipt, here, or in experiments/. */
static int find_script(const CliReceipt *r, const char *receipt_path, char *path, size_t size, Error *err)
{
    const char *name = cli_receipt_get(r, "script"), *slash = strrchr(receipt_path, '/');
    if (script_path != NULL) {
        snprintf(path, size, "%s", script_path);
        return 0;
    }
    if (name[0] != '\0' && strchr(name, '/') == NULL) {
        const int folder = slash == NULL ? 0 : (int)(slash - receipt_path) + 1;
        snprintf(path, size, "%.*s%s", folder, receipt_path, name);
        if (access(path, R_OK) != 0)
            snprintf(path, size, "%s", name);
        if (access(path, R_OK) != 0)
            snprintf(path, size, "experiments/%s", name);
        if (access(path, R_OK) == 0)
            return 0;
    }
    error_set(err, ERR_USAGE, "the script of the receipt is not here");
    error_found(err, "%.200s", name);
    return error_hint(err, "--script FILE names it; --db FILE verifies with a database that has the run");
}

static int check_script(const CliReceipt *claimed, const LabProvenance *p, Error *err)
{
    char digest[DIGEST_TEXT];
    const char *there = cli_receipt_get(claimed, "script sha256");
    Digest d;
    digest_start(&d);
    digest_bytes(&d, p->sources[0].bytes, p->sources[0].size);
    digest_end(&d, digest);
    return strcmp(there, CLI_NOT_RECORDED) == 0 || strcmp(there, digest) == 0
               ? 0
               : no(meaning("script sha256"), there, digest, err);
}

static void text_digest(char digest[DIGEST_TEXT], const char *text)
{
    Digest d;
    digest_start(&d);
    digest_bytes(&d, text, strlen(text));
    digest_end(&d, digest);
}

/* The script has no run of that identity: says no with the first part in which the run of that label and seed differs. */
static int explain(const CliReceipt *claimed, const LabRun *runs, size_t count, Error *err)
{
    char graph[DIGEST_TEXT], plan[DIGEST_TEXT], seed[32];
    const LabRun *run = NULL;
    for (size_t i = 0; i < count && run == NULL; i++) {
        snprintf(seed, sizeof seed, "%" PRIu64, runs[i].spec.seed.number);
        if (strcmp(runs[i].label, cli_receipt_get(claimed, "label")) == 0 &&
            strcmp(seed, cli_receipt_get(claimed, "seed")) == 0)
            run = &runs[i];
    }
    if (run == NULL)
        return no("the script has no run of that label and seed", cli_receipt_get(claimed, "label"), "none", err);
    Text text = {0};
    graph_text(run->spec.graph, &text);
    text_digest(graph, text_string(&text));
    text_digest(plan, run->plan);
    text_free(&text);
    const struct { const char *key, *found; } part[] = {
        {"data sha256", data_digest(run->spec.data)}, {"graph sha256", graph}, {"plan sha256", plan},
        {"identity", run->identity},
    };
    size_t i = 0;
    while (i < 3 && strcmp(cli_receipt_get(claimed, part[i].key), part[i].found) == 0)
        i++;
    return no(meaning(part[i].key), cli_receipt_get(claimed, part[i].key), part[i].found, err);
}

/* Trains one run in a database for a while, and compares its receipt. */
static int train(const CliReceipt *claimed, const LabRun *of, const LabProvenance *provenance, const char *settings,
                 Error *err)
{
    LabScratch scratch = {0};
    LabOutcome outcome;
    LabRun run = *of;
    run.nevaluations = 0;
    if (cli_workers_choose(1, err) != 0 || lab_scratch_make(&scratch, err) != 0)
        return -1;
    CliProgress *progress = cli_progress_alloc(&run, 1, quiet, err);
    const LabOptions lab = {.database = scratch.database, .jobs = 1, .threads = (int)cli_workers.threads,
                            .settings = settings, .provenance = provenance, .event = cli_progress_event,
                            .event_context = progress};
    int status = progress == NULL ? -1 : lab_sweep(&run, 1, &lab, &outcome, err);
    cli_progress_free(progress);
    if (status != 0)
        lab_scratch_stopped(err);
    Store *s = status == 0 ? store_open(scratch.database, STORE_READ, err) : NULL;
    status = s == NULL ? -1 : compare(claimed, s, 1, err);
    store_close(s);
    lab_scratch_remove(&scratch);
    return status == 0 ? yes(claimed, "from the script") : -1;
}

static int verify_script(const CliReceipt *claimed, BindScript *script, Error *err)
{
    const LabProvenance *provenance;
    LabRun *runs;
    size_t count, duplicates, i = 0;
    if (bind_script_provenance(script, &provenance, err) != 0 || check_script(claimed, provenance, err) != 0 ||
        bind_script_runs(script, &runs, &count, &duplicates, err) != 0)
        return -1;
    while (i < count && strcmp(runs[i].identity, cli_receipt_get(claimed, "identity")) != 0)
        i++;
    if (i == count)
        return explain(claimed, runs, count, err);
    /* again: the models may have required further modules */
    if (bind_script_provenance(script, &provenance, err) != 0)
        return -1;
    return train(claimed, &runs[i], provenance, bind_script_settings(script), err);
}

static int load_and_verify(const CliReceipt *claimed, const char *receipt_path, Error *err)
{
    char path[1024];
    Settings settings = {.count = 0};
    if (find_script(claimed, receipt_path, path, sizeof path, err) != 0)
        return -1;
    int status = read_settings(&settings, cli_receipt_get(claimed, "settings"), err);
    if (status == 0) {
        const BindSettings given = {.set = (const char *const *)settings.text, .nset = settings.count,
                                    .data_dir = cli_shared.data_dir};
        BindScript *script = bind_script_load(path, &given, err);
        status = script == NULL ? -1 : verify_script(claimed, script, err);
        bind_script_free(script);
    }
    free_settings(&settings);
    return status;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int verify(int operands, char **operand, Error *err)
{
    void *bytes;
    size_t size;
    CliReceipt claimed = {.count = 0};
    if (cli_operands(operands, operand, 1, 1, "one receipt's file", err) != 0)
        return error_hint(err, "vae-lab receipt RUN -o FILE writes one");
    if (script_path != NULL && cli_shared.db != NULL)
        return error_set(err, ERR_USAGE, "--script and --db exclude each other");
    if (num_isa_choose(NULL, err) != 0 || file_read(operand[0], CLI_RECEIPT_BYTES, &bytes, &size, err) != 0)
        return -1;
    Text text = {0};
    text_add_bytes(&text, bytes, size);
    mem_free(bytes);
    int status = text.failed ? error_memory(err, "a receipt") : cli_receipt_read(&claimed, text_string(&text), operand[0], err);
    text_free(&text);
    if (status == 0)
        status = check_arithmetic(&claimed, err);
    if (status == 0 && cli_shared.db != NULL) {
        Store *s = cli_open(err);
        status = s == NULL ? -1 : verify_recorded(&claimed, s, err);
        store_close(s);
    } else if (status == 0) {
        status = load_and_verify(&claimed, operand[0], err);
    }
    cli_receipt_free(&claimed);
    return status;
}

const CliCommand cli_verify = {
    .name = "verify", .arguments = "RECEIPT [--script FILE | --db FILE]",
    .summary = "train what a receipt says, and say whether it is true", .options = options, .run = verify,
    .notes = "Exit status 0: yes, the script, the data and the settings of the receipt give the weights and the\n"
             "test ELBO that it prints, to the bit; 1: no, with the first thing that differs.  With --db the recorded graph and plan are\n"
             "trained, and the script itself is not run.  Nothing is kept.\n"
             "\n"
             "example: vae-lab verify kl_ablation.receipt --data-dir ~/data\n",
};
