/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_run.c: `vae-lab run FILE.lua`: loads a script, plans its runs, carries out those that are not recorded yet.
 *
 * A flag beats the environment (VAE_LAB_DB, VAE_LAB_DATA, VAE_LAB_ISA, VAE_LAB_THREADS, GSL_RNG_TYPE), which beats the script.
 */
#include "bind/script.h"
#include "cli/cli.h"
#include "cli/cli_claims.h"
#include "cli/commands.h"

#include "base/mem.h"
#include "base/text.h"
#include "graph/exec.h"
#include "num/isa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char cli_run_help[] =
    "  --set key=value   a setting of the script (data, epochs, batch, samples, rate, profile, seed, rng\n"
    "                    and its own); rng: the random number generator, philox4x32 or one of GSL's (GSL_RNG_TYPE);\n"
    "                    may be repeated; seed=1,2,3, or a,b,c for one of the script's own, sweeps over these values\n"
    "  --jobs N          runs side by side, one process each (default: one a core)\n"
    "  --threads N       threads inside a run (VAE_LAB_THREADS; default: the cores that are left)\n"
    "  --db FILE         the database (VAE_LAB_DB; default: results/results.db)\n"
    "  --data-dir DIR    where data files lie (VAE_LAB_DATA; default: data)\n"
    "  --fresh           run again what is finished; the older runs are kept, out of the views\n"
    "  --dry-run         print the plan, run nothing\n"
    "  --quiet           no progress\n"
    "  --json            results as JSON lines\n"
    "\n"
    "Results go to standard output, progress to standard error.  After an interruption the same command goes on.\n"
    "What the script claims is judged at the end: PASS or FAIL, with what was measured (vae-lab claims).\n"
    "\n"
    "  vae-lab run experiments/kl_ablation.lua --set data=mnist --set seed=1,2,3,4,5 --jobs 4\n";

enum { SETS = 64, MOST_THREADS = 1024 /* each has a stack of its own */ };

typedef struct Request {
    const char *file, *database, *data_dir;
    const char *set[SETS];
    size_t nset;
    long jobs, threads;
    int fresh, dry, quiet, json;
} Request;

/* ---- the command line ---- */

/* GSL_RNG_TYPE, as in any program of GSL's, unless --set rng=… is given: it beats the script and is recorded as a setting. */
static int take_rng(Request *r, Text *set, Error *err)
{
    const char *name = getenv("GSL_RNG_TYPE");
    if (name == NULL || name[0] == '\0')
        return 0;
    for (size_t i = 0; i < r->nset; i++)
        if (strncmp(r->set[i], "rng=", 4) == 0)
            return 0;
    if (r->nset == SETS)
        return error_set(err, ERR_USAGE, "more than %d settings", (int)SETS - 1);
    text_addf(set, "rng=%s", name);
    if (set->failed)
        return error_memory(err, "the settings");
    r->set[r->nset++] = text_string(set);
    if (!r->quiet)
        fprintf(stderr, "GSL_RNG_TYPE=%s\n", name);
    return 0;
}

static int read_request(Request *r, int argc, char **argv, Error *err)
{
    const char *db = NULL;
    const CliOption options[] = {
        {.name = "--set", .list = r->set, .list_count = &r->nset, .list_max = SETS},
        {.name = "--jobs", .number = &r->jobs, .least = 1},
        {.name = "--threads", .number = &r->threads, .least = 1, .most = MOST_THREADS},
        {.name = "--db", .text = &db},
        {.name = "--data-dir", .text = &r->data_dir},
        {.name = "--fresh", .flag = &r->fresh},
        {.name = "--dry-run", .flag = &r->dry},
        {.name = "--quiet", .flag = &r->quiet},
        {.name = "--json", .flag = &r->json},
    };
    int operands = 0;
    if (cli_parse(argc, argv, options, sizeof options / sizeof options[0], &operands, err) != 0)
        return -1;
    if (operands != 1) {
        error_set(err, ERR_USAGE, operands == 0 ? "which experiment?" : "one experiment at a time");
        error_expected(err, "vae-lab run FILE.lua");
        return error_hint(err, "for example: vae-lab run experiments/kl_ablation.lua");
    }
    r->file = argv[1];
    r->database = cli_database(db);
    return 0;
}

/* VAE_LAB_THREADS, 0 when it is not set. */
static int threads_told(long *threads, Error *err)
{
    const char *text = getenv("VAE_LAB_THREADS");
    *threads = 0;
    if (text == NULL || text[0] == '\0')
        return 0;
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < 1 || number > MOST_THREADS) {
        error_set(err, ERR_USAGE, "VAE_LAB_THREADS is no number of threads");
        error_found(err, "%s", text);
        return error_expected(err, "a whole number of at least 1 and at most %d", MOST_THREADS);
    }
    *threads = number;
    return 0;
}

/* Fills in what was left open: as many jobs as cores and runs allow, the cores that are left as threads. */
static int choose_workers(Request *r, size_t runs, Error *err)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN), told;
    if (cores < 1)
        cores = 1;
    if (threads_told(&told, err) != 0)
        return -1;
    if (r->threads == 0)
        r->threads = told;
    if (r->jobs == 0)
        r->jobs = r->threads > 0 && cores / r->threads >= 1 ? cores / r->threads : cores;
    if ((size_t)r->jobs > runs)
        r->jobs = (long)runs;
    if (r->threads == 0)
        r->threads = cores / r->jobs > 1 ? cores / r->jobs : 1;
    return 0;
}

/* A word as the shell reads it back. */
static void quote(Text *t, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./,:@%";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        text_add(t, word);
        return;
    }
    text_add(t, "'");
    for (const char *c = word; *c != '\0'; c++)
        text_add_bytes(t, *c == '\'' ? "'\\''" : c, *c == '\'' ? 4 : 1);
    text_add(t, "'");
}

/* The command that goes on from an interruption: this one, but for --fresh, which would begin again. */
static void resume_command(Text *t, int argc, char **argv)
{
    int options = 1;
    quote(t, cli_program);
    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--fresh") == 0)
            continue;
        options = options && strcmp(argv[i], "--") != 0;
        text_add(t, " ");
        quote(t, argv[i]);
    }
}

/* ---- --dry-run ---- */

/* Parameters in all; 0 when there is no memory to count them. */
static long long parameters(const LabRun *run)
{
    Error err = ERROR_NONE;
    size_t features = data_features(run->data);
    float *mean = mem_array(features, sizeof *mean);
    if (mean == NULL)
        return 0;
    data_mean(run->data, mean);
    GraphParams *p = graph_params_alloc(run->graph, GRAPH_FLOAT, run->seed, mean, features, &err);
    long long count = p == NULL ? 0 : (long long)graph_params_count(p);
    graph_params_free(p);
    mem_free(mean);
    return count;
}

static const char *state(StoreClaim claim, int64_t id, int fresh)
{
    if (fresh || id == 0)
        return "new";
    return claim == STORE_DONE ? "done" : claim == STORE_BUSY ? "running" : "goes on";
}

static int print_plan(const Request *r, const LabRun *runs, size_t count, Error *err)
{
    static const char *const columns[] = {"run", "label", "seed", "epochs", "parameters", "identity", "state", "experiment"};
    Store *store = NULL;
    if (access(r->database, F_OK) == 0 && (store = store_open(r->database, STORE_READ, err)) == NULL)
        return -1;
    CliTable *table = cli_table_alloc(columns, sizeof columns / sizeof columns[0]);
    int status = table == NULL ? error_memory(err, "the plan") : 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        int64_t id = 0;
        StoreClaim claim = STORE_NEW;
        char identity[13];
        snprintf(identity, sizeof identity, "%.12s", runs[i].identity);
        if (store != NULL && store_run_find(store, runs[i].identity, &id, &claim, err) != 0)
            status = -1;
        cli_table_integer(table, (long long)i + 1);
        cli_table_text(table, runs[i].label);
        cli_table_integer(table, (long long)runs[i].seed.number);
        cli_table_integer(table, runs[i].epochs);
        cli_table_integer(table, parameters(&runs[i]));
        cli_table_text(table, identity);
        cli_table_text(table, state(claim, id, r->fresh));
        cli_table_text(table, runs[i].experiment);
    }
    Error unseen;
    if (table != NULL && cli_table_print(table, r->json ? CLI_JSON : CLI_TEXT, status == 0 ? err : &unseen) != 0)
        status = -1;
    store_close(store);
    return status;
}

/* ---- the sweep ---- */

static int report(const LabOutcome *o, Error *err)
{
    const struct { size_t n; const char *what; } bad[] = {
        {o->failed, "failed"}, {o->diverged, "diverged"}, {o->crashed, "crashed"}, {o->interrupted, "interrupted"},
        {o->busy, "at work in another process"},
    };
    size_t total = 0;
    Text words = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (bad[i].n > 0)
            text_addf(&words, "%s%zu %s", total > 0 ? ", " : "", bad[i].n, bad[i].what);
        total += bad[i].n;
    }
    if (total > 0) {
        error_set(err, ERR_RUN, "not all runs came to their end: %s", text_string(&words));
        if (total == o->busy)
            error_hint(err, "when it has ended, the same command tells how, and does what is missing");
        else
            error_hint(err, "vae-lab runs --where \"status <> 'done'\" lists them, vae-lab show RUN tells why");
    }
    text_free(&words);
    return total > 0 ? -1 : 0;
}

/* The verdicts on the script's claims, by the runs that are done. */
static int judge(const Request *r, BindScript *script, int64_t sweep, Error *err)
{
    CliClaims count;
    if (bind_script_claim_count(script) == 0)
        return 0;
    Store *store = store_open(r->database, STORE_WRITE, err);
    if (store == NULL)
        return -1;
    int status = bind_script_claims(script, store, sweep, err);
    if (status == 0 && !r->json)
        status = cli_claims_print(store, sweep, NULL, &count, err);
    store_close(store);
    return status;
}

static int sweep(const Request *r, BindScript *script, LabRun *runs, size_t count, const char *command, Error *err)
{
    LabOutcome outcome = {0};
    LabOptions options = {
        .database = r->database,
        .jobs = (int)r->jobs,
        .threads = (int)r->threads,
        .fresh = r->fresh,
        .quiet = r->quiet,
        .json = r->json,
        .settings = bind_script_settings(script),
        .command = command,
        .hooks = bind_script_hooks(),
    };
    if (lab_sweep(runs, count, &options, &outcome, err) != 0)
        return -1;
    int all = report(&outcome, err);
    Error unjudged = ERROR_NONE;
    int judged = judge(r, script, outcome.sweep, all == 0 ? err : &unjudged);
    return all != 0 ? all : judged;
}

static int carry_out(Request *r, const char *command, Error *err)
{
    const BindSettings settings = {.set = r->set, .nset = r->nset, .data_dir = r->data_dir};
    LabRun *runs;
    size_t count, twins;
    BindScript *script = bind_script_load(r->file, &settings, err);
    int status = script == NULL ? -1 : bind_script_plan(script, &runs, &count, &twins, err);
    if (status == 0 && twins > 0 && !r->quiet)
        fprintf(stderr, "%zu run%s the same as another of this plan (same graph, training, data and seed): computed once\n",
                twins, twins == 1 ? " is" : "s are");
    if (status == 0)
        status = choose_workers(r, count, err);
    if (status == 0)
        status = r->dry ? print_plan(r, runs, count, err) : sweep(r, script, runs, count, command, err);
    bind_script_free(script);
    return status;
}

int cli_run(int argc, char **argv, Error *err)
{
    Request r = {0};
    Text command = {0}, rng = {0};
    resume_command(&command, argc, argv); /* before the arguments are put in order */
    int status = read_request(&r, argc, argv, err);
    if (status == 0)
        status = take_rng(&r, &rng, err);
    if (status == 0)
        status = num_isa_choose(NULL, err);
    if (status == 0)
        status = carry_out(&r, text_string(&command), err);
    text_free(&command);
    text_free(&rng);
    return status;
}
