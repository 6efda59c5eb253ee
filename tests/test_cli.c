/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_cli.c: arguments, tables and exit codes of the command line, and the reading commands on a small database.
 */
#include "store_help.h"

#include "base/startup.h"
#include "cli/cli.h"
#include "cli/rows.h"

#include "base/mem.h"


static Error err;
static char output[20000], errors[20000];

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

static void slurp(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "r");
    size_t n = f == NULL ? 0 : fread(text, 1, size - 1, f);
    text[n] = '\0';
    if (f != NULL)
        fclose(f);
}

/* Runs body in a child with its streams in files; its exit status. */
static int captured(int (*body)(void *), void *context)
{
    char out[100], bad[100];
    int status;
    snprintf(out, sizeof out, "%s/out", folder);
    snprintf(bad, sizeof bad, "%s/err", folder);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (freopen(out, "w", stdout) == NULL || freopen(bad, "w", stderr) == NULL)
            _exit(99);
        int code = body(context);
        fflush(NULL);
        _exit(code);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    slurp(out, output, sizeof output);
    slurp(bad, errors, sizeof errors);
    return WEXITSTATUS(status);
}

static int command_body(void *context)
{
    char *argv[16] = {"vae-lab"}, text[1000];
    int argc = 1;
    snprintf(text, sizeof text, "%s", (const char *)context);
    for (char *word = strtok(text, " "); word != NULL && argc < 15; word = strtok(NULL, " ")) {
        for (char *c = word; *c != '\0'; c++)
            *c = *c == '_' && word[0] == '"' ? ' ' : *c; /* "a_b" is one word with a space */
        argv[argc++] = word[0] == '"' ? word + 1 : word;
    }
    return cli_main(argc, argv);
}

/* Runs "runs --json": words are divided by spaces. */
static int vae_lab(const char *command)
{
    return captured(command_body, (void *)(uintptr_t)command);
}

static void holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("expected '%s' in:\n%s", part, text);
}

/* Two configurations with three seeds, one run that is not done, all in one sweep. */
static int setup(void **state)
{
    if (make_folder(state) != 0)
        return -1;
    setenv("VAE_LAB_DB", database, 1);
    unsetenv("COLUMNS");
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t runs[7], sweep;
    for (int i = 0; i < 7; i++) {
        char identity[20];
        StoreParam params[] = {{"beta", NULL, i / 3}, {"seed", NULL, i % 3 + 1}};
        StoreClaim claim;
        snprintf(identity, sizeof identity, "id%d", i);
        StoreRunSpec spec = a_run(identity, i < 3 ? "beta=0" : "beta=1", (uint64_t)(i % 3 + 1 + (i == 6) * 3));
        spec.plan = i < 3 ? "{\"beta\": 0, \"optimiser\": {\"rate\": 0.001}}" : "{\"beta\": 1, \"optimiser\": {\"rate\": 0.001}}";
        spec.params = params;
        spec.nparams = 2;
        must(store_run_queue(s, &spec, 0, &runs[i], &claim, &err));
        StoreMetric m[] = {{"train/elbo", 1, -200, NULL},
                           {"test/elbo", 1, -100.5 - i, NULL},
                           {"test/kl", 1, 5.25, NULL},
                           {"latent/spread", 0, 0.5 + i, NULL}};
        must(store_run_record(s, runs[i], m, 4, NULL, &err));
        must(store_run_finish(s, runs[i], i == 6 ? "diverged" : "done", i == 6 ? "nan in epoch 2" : NULL, 1.25,
                              "0123456789abcdef", NULL, 0, NULL, &err));
    }
    must(store_sweep_put(s, "test", "{}", NULL, runs, 7, &sweep, &err));
    store_close(s);
    return 0;
}

/* ---- arguments -------------------------------------------------------------------------------------------------- */

static int flag;
static const char *text, *list[2];
static long count_of_jobs;
static size_t listed;
static const CliOption some_options[] = {{.name = "--json", .flag = &flag},
                                         {.name = "--out,-o", .text = &text},
                                         {.name = "--jobs", .number = &count_of_jobs, .least = 1},
                                         {.name = "--set", .list = list, .list_count = &listed, .list_max = 2},
                                         {0}};
static const CliCommand some_command = {.name = "run", .options = some_options};

static void options_and_operands(void **state)
{
    (void)state;
    int operands;
    char *word[] = {"a.lua", "--json", "-o", "x", "--jobs=3", "b", "--set", "a=1", "--set=b=2", "--", "--json", "-"};
    must(cli_parse(&some_command, 12, word, &operands, &err));
    assert_int_equal(operands, 4);
    assert_string_equal(word[0], "a.lua");
    assert_string_equal(word[1], "b");
    assert_string_equal(word[2], "--json");
    assert_string_equal(word[3], "-");
    assert_int_equal(flag, 1);
    assert_string_equal(text, "x");
    assert_int_equal(count_of_jobs, 3);
    assert_int_equal(listed, 2);
    assert_string_equal(list[1], "b=2");
}

static void bad_options(void **state)
{
    (void)state;
    int operands;
    static const struct {
        const char *a, *b, *message;
    } bad[] = {
        {"--jsno", "", "did you mean '--json'"},
        {"--json=1", "", "takes no value"},
        {"--out", NULL, "nothing"},
        {"--out", "--json", "next option"},
        {"--jobs", "0", "at least 1"},
        {"--jobs", "3x", "at least 1"},
        {"--jobs", "99999999999999999999", "at least 1"},
        {"--jobs=", "", "at least 1"},
        {"--job", "3", "did you mean '--jobs'"}, /* no abbreviations */
        {"--hlep", "", "did you mean '--help'"},
        {"--qqqqqq", "", "--help"},
        {"-x", "", "no option '-x'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char a[32], b[32], all[2000];
        snprintf(a, sizeof a, "%s", bad[i].a);
        snprintf(b, sizeof b, "%s", bad[i].b == NULL ? "" : bad[i].b);
        char *word[] = {a, b};
        assert_int_equal(cli_parse(&some_command, bad[i].b == NULL ? 1 : 2, word, &operands, &err), -1);
        assert_int_equal(err.kind, ERR_USAGE);
        error_text(all, sizeof all, &err);
        holds(all, bad[i].message);
    }
    listed = 0;
    char *thrice[] = {"--set", "a", "--set", "b", "--set", "c"};
    assert_int_equal(cli_parse(&some_command, 6, thrice, &operands, &err), -1);
    holds(err.what, "too often");
}

static void numbers_of_runs(void **state)
{
    (void)state;
    long long run;
    must(cli_run_number("12", &run, &err));
    assert_int_equal(run, 12);
    must(cli_run_number("#7", &run, &err));
    assert_int_equal(run, 7);
    static const char *const bad[] = {"", "0", "-1", "1.5", "x", "#", "12 ", " 1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cli_run_number(bad[i], &run, &err), -1);
    assert_string_equal(cli_database(), database);
    cli_shared.db = "x";
    assert_string_equal(cli_database(), "x");
    cli_shared.db = NULL;
    unsetenv("VAE_LAB_DB");
    assert_string_equal(cli_database(), "results/results.db");
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static int table_body(void *format)
{
    static const char *const columns[] = {"Name", "n", "x"};
    Error e = ERROR_NONE;
    CliTable *t = cli_table_alloc(*(CliFormat *)format, columns, 3);
    cli_table_text(t, "a \"b\", ±\n");
    cli_table_integer(t, 12);
    cli_table_number(t, 1.0 / 3, 2);
    cli_table_text(t, "\033[31m");
    cli_table_null(t);
    cli_table_number(t, NAN, 2);
    cli_table_text(t, "");
    cli_table_integer(t, 7);
    cli_table_number_or_null(t, NAN, 2);
    cli_table_text(t, "日本\xff");
    cli_table_text(t, "word");
    cli_table_number(t, 1, 1);
    return cli_table_print(t, NULL, &e);
}

/* What people see is aligned by the width on a terminal; what could steer one is printed as \x…; JSON and CSV have
 * all of it. */
static void tables(void **state)
{
    (void)state;
    CliFormat format = CLI_TEXT;
    assert_int_equal(captured(table_body, &format), 0);
    assert_string_equal(output, "Name          n        x\n"
                                "a \"b\", ±\\x0a  12    0.33\n"
                                "\\x1b[31m      -      nan\n"
                                "              7        -\n"
                                "日本\\xff      word   1.0\n");
    format = CLI_JSON;
    captured(table_body, &format);
    assert_string_equal(output, "[\n {\"Name\": \"a \\\"b\\\", ±\\n\", \"n\": 12, \"x\": 0.3333333333333333},\n"
                                " {\"Name\": \"\\u001b[31m\", \"n\": null, \"x\": \"nan\"},\n"
                                " {\"Name\": \"\", \"n\": 7, \"x\": null},\n"
                                " {\"Name\": \"日本\xff\", \"n\": \"word\", \"x\": 1}\n]\n");
    format = CLI_CSV;
    captured(table_body, &format);
    assert_string_equal(output, "Name,n,x\n\"a \"\"b\"\", ±\n\",12,0.3333333333333333\n\033[31m,,nan\n,7,\n日本\xff,word,1\n");
}

static void tables_without_memory(void **state)
{
    (void)state;
    CliFormat format = CLI_TEXT;
    FILE *null = freopen("/dev/null", "w", stdout);
    assert_non_null(null);
    int status = -1, failures = -1;
    for (long n = 1; n < 200 && status != 0; n++) {
        mem_fail_after(n);
        status = table_body(&format);
        mem_fail_after(0);
        failures++;
    }
    assert_int_equal(status, 0);
    assert_in_range(failures, 3, 100);
}

static int tables_without_memory_body(void *context)
{
    tables_without_memory(context);
    return 0;
}

/* In a child, since standard output is thrown away there. */
static void no_memory(void **state)
{
    assert_int_equal(captured(tables_without_memory_body, state), 0);
}

/* Memory is short at the first row alone: the rows that follow do not make a table without it. */
static int first_row_without_memory_body(void *unused)
{
    static const char *const names[] = {"id"};
    const StoreValue value = {.type = STORE_INTEGER, .integer = 1};
    CliRows rows = {.format = CLI_CSV};
    (void)unused;
    mem_fail_after(1);
    cli_rows_take(&rows, 1, names, &value);
    mem_fail_after(0);
    cli_rows_take(&rows, 1, names, &value);
    int lost = cli_rows_print(&rows, 0, NULL, NULL, &err) == 0;
    mem_fail_after(3); /* the table is there, its names are not */
    CliTable *t = cli_table_alloc(CLI_TEXT, names, 1);
    mem_fail_after(0);
    cli_table_integer(t, 1);
    int empty = cli_table_is_empty(t);
    cli_table_free(t);
    return lost + 2 * empty;
}

static void no_row_is_lost(void **state)
{
    assert_int_equal(captured(first_row_without_memory_body, state), 0);
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

static void exit_codes(void **state)
{
    (void)state;
    assert_int_equal(vae_lab(""), 2);
    holds(errors, "usage: vae-lab COMMAND");
    assert_int_equal(vae_lab("--version"), 0);
    holds(output, VAE_LAB_VERSION);
    assert_int_equal(vae_lab("--help"), 0);
    for (size_t i = 0; i < cli_command_count; i++) {
        char command[60];
        holds(output, cli_commands[i]->name);
        snprintf(command, sizeof command, "%s --help", cli_commands[i]->name);
        assert_int_equal(vae_lab(command), 0);
        holds(output, "vae-lab ");
        vae_lab("--help");
    }
    assert_int_equal(vae_lab("compaer"), 2);
    holds(errors, "did you mean 'compare'?");
    assert_int_equal(vae_lab("runs --jsno"), 2);
    assert_int_equal(vae_lab("runs --db /nowhere/x.db"), 4);
    holds(errors, "vae-lab run");
    assert_string_equal(output, "");
    assert_int_equal(vae_lab("show x"), 2);
    assert_int_equal(vae_lab("show 99"), 4);
    assert_int_equal(vae_lab("show"), 2);
}

static void runs_command(void **state)
{
    (void)state;
    assert_int_equal(vae_lab("runs --sort -elbo"), 0);
    holds(output, "id  experiment  label   seed  status");
    holds(output, "-100.50"); /* two decimals */
    holds(output, "diverged");
    assert_true(strstr(output, "-100.50") < strstr(output, "-101.50"));
    assert_int_equal(vae_lab("runs --where \"beta=1_AND_seed=2 --csv"), 0);
    holds(output, "id,experiment,label,seed,status,epochs,seconds,digest,beta,latent,data,elbo");
    holds(output, "\n5,test,beta=1,2,done,1,1.25,0123456789abcdef,1,,digits dynamic,-104.5,,5.25,");
    assert_int_equal(vae_lab("runs --json --where \"id=1"), 0);
    holds(output, "\"reconstruction\": null");
    assert_int_equal(vae_lab("runs --experiment tst"), 0);
    holds(errors, "did you mean 'test'?");
    assert_string_equal(output, "");
    assert_int_equal(vae_lab("runs --sort elbw"), 2);
    holds(errors, "did you mean 'elbo'?");
    assert_int_equal(vae_lab("runs --where elbw<0"), 4);
    holds(errors, "did you mean 'elbo'?");
    assert_int_equal(vae_lab("runs --where \"1)_OR_(1"), 0);
    assert_int_equal(vae_lab("runs --json --csv"), 2);
}

static void show_command(void **state)
{
    (void)state;
    assert_int_equal(vae_lab("show 7"), 0);
    holds(output, "nan in epoch 2");
    holds(output, "test/elbo");
    holds(output, "latent/spread    6.5");
    holds(output, "isa      avx2");
    holds(output, "x = input");
    holds(output, "rate");
    assert_int_equal(vae_lab("show 7 --json"), 0);
    holds(output, "\"plan\": {\"beta\": 1, \"optimiser\": {\"rate\": 0.001}}");
    holds(output, "[\"latent/spread\", 0, 6.5]");
    holds(output, "\"params\": {\"beta\": 2, \"seed\": 1}");
}

static void compare_command(void **state)
{
    (void)state;
    assert_int_equal(vae_lab("compare"), 0);
    holds(output, "-101.50 ± 2.48"); /* seeds -100.5 … -102.5: 4.303 * 1 / sqrt(3) */
    holds(output, "-3.00 ± 0.00 ");  /* every pair differs by 3 */
    holds(output, "beta                  0  1");
    assert_null(strstr(output, "rate")); /* equal settings are not listed */
    assert_null(strstr(output, "\nseed "));
    holds(errors, "1 of 4 runs do not count: 1 diverged");
    assert_int_equal(vae_lab("compare beta=1 1 --metric latent/spread --csv"), 0);
    holds(output, "A,test,beta=1,digits dynamic,latent/spread,3,4.5,1,");
    holds(output, "B,test,beta=0,digits dynamic,latent/spread,3,1.5,1,");
    assert_int_equal(vae_lab("compare test --json"), 0);
    assert_int_equal(vae_lab("compare test/beta=0"), 0);
    assert_null(strstr(errors, "fewer"));
    assert_int_equal(vae_lab("compare beta=2"), 2);
    holds(errors, "did you mean 'beta=");
    assert_int_equal(vae_lab("compare 99"), 2);
    assert_int_equal(vae_lab("compare --metric test/elbow"), 2);
    holds(errors, "did you mean 'test/elbo'?");
}

/* Numbers about the whole run, recorded for runs 1 … 3 (the seeds of beta=0). */
static void evaluate(int64_t run, const char *name, double value)
{
    Store *s = open_or_fail(database, STORE_WRITE);
    record_one(s, run, name, 0, value);
    store_close(s);
}

static void silent(const char *command)
{
    assert_int_equal(vae_lab(command), 0);
    if (strstr(errors, "wrong") != NULL)
        fail_msg("%s: %s", command, errors);
}

/* lower <= exact <= upper: beyond 3 standard errors a warning, on the wrong side alone. */
static void crossing_bounds(void **state)
{
    (void)state;
    evaluate(2, "estimate/exact", -3.5);
    evaluate(2, "estimate/ais_forward", -3.4);
    evaluate(2, "estimate/ais_forward_bias_se", 0.05);
    silent("show 2"); /* two standard errors */
    evaluate(2, "estimate/ais_forward_bias_se", 0.02);
    assert_int_equal(vae_lab("show 2"), 0);
    holds(errors, "estimate/exact is 0.1 below estimate/ais_forward, by 5.0 standard errors (seed 2): in expectation a lower "
                  "bound is not above, an upper one not below, so the evaluation is wrong");
    evaluate(2, "estimate/ais_forward", -4.5); /* a loose bound is a bound */
    evaluate(2, "estimate/ais_reverse", -2.5);
    evaluate(2, "estimate/ais_reverse_bias_se", 0.02);
    silent("show 2");
    evaluate(2, "estimate/ais_reverse", -3.6);
    assert_int_equal(vae_lab("show 2"), 0);
    holds(errors, "estimate/ais_reverse is 0.1 below estimate/exact, by 5.0 standard errors");
    evaluate(4, "estimate/ais_gap", -0.1); /* without an exact value */
    evaluate(4, "estimate/ais_gap_se", 0.02);
    assert_int_equal(vae_lab("show 4"), 0);
    holds(errors, "estimate/ais_reverse is 0.1 below estimate/ais_forward, by 5.0 standard errors");
}

/* Within a run a bound on log p(x) cannot fall as draws grow; a fall beyond 3 standard errors is a warning, one per
 * configuration. */
static void falling_bounds(void **state)
{
    (void)state;
    static const char warning[] = "estimate/iwae_50 is 0.1 below estimate/iwae_5, by 5.0 standard errors (seed 2)";
    evaluate(2, "estimate/iwae_5", -3.6);
    evaluate(2, "estimate/iwae_50", -3.7);
    silent("compare"); /* no standard error is recorded: no warning */
    evaluate(2, "estimate/iwae_50_rise_se", 0.05);
    silent("compare"); /* two of them */
    evaluate(2, "estimate/iwae_50_rise_se", 0.02);
    assert_int_equal(vae_lab("compare"), 0);
    holds(errors, warning);
    holds(errors, "warning: A: ");
    assert_null(strstr(errors, "warning: B: "));
    assert_null(strstr(output, warning)); /* data alone on standard output */
    assert_int_equal(vae_lab("compare --csv"), 0);
    holds(output, warning);
    assert_int_equal(vae_lab("compare --json"), 0);
    holds(output, "\"warning\": \"estimate/iwae_50 is 0.1 below");
    assert_int_equal(vae_lab("show 2"), 0);
    holds(errors, warning);
    assert_int_equal(vae_lab("show 2 --json"), 0);
    holds(output, "\"warning\": \"estimate/iwae_50 is 0.1 below");
    silent("show 1");
    silent("show 1 --json");
    holds(output, "\"warning\": null");

    /* the neighbour of fewer draws is meant, not any */
    evaluate(4, "estimate/iwae_1", -3.5);
    evaluate(4, "estimate/iwae_5", -3.6);
    evaluate(4, "estimate/iwae_50", -3.6);
    evaluate(4, "estimate/iwae_50_rise_se", 0.01);
    assert_int_equal(vae_lab("compare"), 0);
    assert_null(strstr(errors, "warning: B: "));

    /* older records: the errors of both biases */
    evaluate(1, "estimate/iwae_1", -3.5);
    evaluate(1, "estimate/iwae_5", -3.6);
    evaluate(1, "estimate/iwae_1_bias_se", 0.02);
    evaluate(1, "estimate/iwae_5_bias_se", 0.02);
    silent("show 1"); /* 2.5 standard errors */
    evaluate(1, "estimate/iwae_5_bias_se", 0.005);
    assert_int_equal(vae_lab("show 1"), 0);
    holds(errors, "estimate/iwae_5 is 0.1 below estimate/iwae_1, by 4.0 standard errors (seed 1)");

    /* -test/nll is the bound of many draws, test/elbo (-102.5) of one */
    evaluate(3, "test/nll_se", 0.2);
    evaluate(3, "test/nll", 103);
    silent("show 3");
    evaluate(3, "test/nll", 103.5);
    assert_int_equal(vae_lab("show 3"), 0);
    holds(errors, "-test/nll is 1 below test/elbo, by 5.0 standard errors (seed 3)");
}

/* compare prints what the claims expect of a configuration, and the error of an estimate. */
static void expected_and_estimated(void **state)
{
    (void)state;
    char configuration[100], other[100];
    Store *s = open_or_fail(database, STORE_WRITE);
    snprintf(configuration, sizeof configuration, "%s", words(s, "SELECT configuration FROM run WHERE id = 1"));
    snprintf(other, sizeof other, "%s", words(s, "SELECT configuration FROM run WHERE id = 4"));
    const StoreVerdict claim[] = {
        {.claim = "a", .quantity = "q", .source = "Someone, table 1", .low = -201.5, .high = NAN, .value = 1, .ci_low = NAN, .ci_high = NAN,
         .seeds = 3, .verdict = "holds", .metric = "test/elbo", .configuration = configuration},
        {.claim = "b", .quantity = "q", .low = -300, .high = -101.6, .value = 1, .ci_low = NAN, .ci_high = NAN, .seeds = 3, .verdict = "refuted",
         .metric = "test/elbo", .configuration = configuration},
        {.claim = "c", .quantity = "q", .source = "elsewhere", .low = 1, .high = 9, .value = 1, .ci_low = NAN, .ci_high = NAN, .seeds = 3,
         .verdict = "holds", .metric = "latent/spread", .configuration = configuration},
        {.claim = "d", .quantity = "q", .low = NAN, .high = -110, .value = 1, .ci_low = NAN, .ci_high = NAN, .seeds = 3, .verdict = "refuted",
         .metric = "test/elbo", .configuration = other},
    };
    must(store_verdicts_put(s, 1, claim, 4, &err));
    const StoreParam options[] = {{"examples", NULL, 0}, {"samples", NULL, 500}, {"seed", NULL, 1}};
    must(store_evaluation_put(s, 1, &(StoreEvaluation){"nll", options, 3}, NULL, &err));
    for (int64_t run = 1; run <= 3; run++) {
        record_one(s, run, "test/nll", 0, 90.0);
        record_one(s, run, "test/nll_se", 0, 0.25 * (double)run);
        record_one(s, run, "test/ess", 0, 12.5 * (double)run);
    }
    store_close(s);
    assert_int_equal(vae_lab("compare"), 0); /* -101.5: above what both claims leave, but not its interval */
    holds(output, "A  test/elbo  -101.50 ± 2.48, expected -201.5 to -101.6: undecided\n   Someone, table 1\n");
    holds(output, "B  test/elbo  -104.50 ± 2.48, expected at most -110: refuted\n");
    holds(output, "A  test/nll  90.00   0.50  25.0    500");
    assert_int_equal(vae_lab("compare --metric latent/spread"), 0);
    holds(output, "A  latent/spread  1.5000 ± 2.4841, expected 1 to 9: undecided\n   elsewhere\n");
    assert_null(strstr(output, "ess"));
    assert_int_equal(vae_lab("compare --metric test/nll --csv"), 0);
    holds(output, ",standard_error,effective_sample_size,draws,expected_low,expected_high,inside,source,warning");
    holds(output, ",0.5,25,500,,,,,,0,,linear\n");
    assert_int_equal(vae_lab("compare --metric test/elbo --json"), 0);
    holds(output, "\"expected_low\": -201.5, \"expected_high\": -101.6, \"inside\": null, \"source\": \"Someone, table 1\", \"warning\": null, "
                  "\"failed_evaluations\": 0, \"verdict\": \"undecided\", \"scale\": \"linear\"");
    assert_int_equal(vae_lab("show 2"), 0);
    holds(output, "nll  standard error  effective sample size  draws\n90.00             0.5                     25  -\n");
    assert_int_equal(vae_lab("show 1"), 0);
    holds(output, "90.00            0.25                   12.5    500\n");
    holds(output, "test/nll          90            0.25\n"); /* the error is in its metric's row */
    assert_null(strstr(output, "test/nll_se"));
}

/* Two runs of one seed and configuration (of two arithmetic versions) are one sample: the later one counts. */
static void a_seed_counts_once(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    StoreRunSpec spec = a_run("another arithmetic", "beta=0", 2);
    spec.plan = "{\"beta\": 0, \"optimiser\": {\"rate\": 0.001}}";
    StoreClaim claim;
    int64_t run;
    must(store_run_queue(s, &spec, 0, &run, &claim, &err));
    record_one(s, run, "test/elbo", 1, -201.5);
    must(store_run_finish(s, run, "done", NULL, 1, "x", NULL, 0, NULL, &err));
    store_close(s);
    assert_int_equal(vae_lab("compare --metric test/elbo --json"), 0);
    holds(output, "\"label\": \"beta=0\", \"data\": \"digits dynamic\", \"metric\": \"test/elbo\", \"seeds\": 3, "
                  "\"mean\": -134.83333333333334");
    holds(errors, "A (beta=0): 1 of 4 runs do not count: a later run has the same seed");
    s = open_or_fail(database, STORE_READ);
    assert_true(number(s, "SELECT seeds FROM summary WHERE label = 'beta=0' AND metric = 'test/elbo'") == 3);
    assert_true(fabs(number(s, "SELECT mean FROM summary WHERE label = 'beta=0' AND metric = 'test/elbo'") + 134.8333) < 1e-3);
    store_close(s);
}

/* The lowest and the highest value of a curve are of its finite ones. */
static void a_curve_with_infinities(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    const double value[] = {INFINITY, 2, -INFINITY, 1, NAN};
    for (int i = 0; i < 5; i++) {
        record_one(s, 1, "train/a", i + 1, value[i]);
        record_one(s, 1, "train/b", i + 1, INFINITY);
    }
    store_close(s);
    assert_int_equal(vae_lab("show 1"), 0);
    holds(output, "train/a          5      inf      nan        1        2");
    holds(output, "train/b          5      inf      inf        -        -");
}

static void few_seeds(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "alone", "gamma", 1);
    record_one(s, run, "test/elbo", 1, -90);
    must(store_run_finish(s, run, "done", NULL, 1, "d", NULL, 0, NULL, &err));
    record_one(s, 1, "latent/spread", 0, INFINITY); /* of beta=0 this metric has two finite values */
    store_close(s);
    assert_int_equal(vae_lab("compare beta=0 gamma"), 0);
    holds(errors, "warning: fewer than 3 seeds: B (1); intervals and p-values are unreliable");
    assert_int_equal(vae_lab("compare beta=0 gamma --metric latent/spread"), 0);
    holds(errors, "warning: fewer than 3 seeds: A (2), B (1); intervals");
    assert_int_equal(vae_lab("compare beta=0 gamma --metric test/elbo --metric latent/spread --csv"), 0);
    holds(output, "two seeds: the interval is unreliable");
    holds(output, "one seed: no interval");
    assert_int_equal(vae_lab("compare beta=0"), 0);
    assert_null(strstr(errors, "fewer"));
}

static void sql_command(void **state)
{
    (void)state;
    assert_int_equal(vae_lab("sql \"SELECT_count(*)_AS_n_FROM_runs --csv"), 0);
    assert_string_equal(output, "n\n7\n");
    assert_int_equal(vae_lab("sql \"DELETE_FROM_run"), 4);
    assert_int_equal(vae_lab("sql \"SELECT_1_WHERE_0"), 0);
    assert_string_equal(output, "");
    holds(errors, "no rows");
    assert_int_equal(vae_lab("sql \"SELECT_*_FROM_rns"), 4);
    holds(errors, "did you mean 'runs'?");
    assert_int_equal(vae_lab("sql SELECT 1"), 2);
}

int main(void)
{
    if (startup(&err) != 0) /* as main.c */
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands),
        cmocka_unit_test(bad_options),
        cmocka_unit_test_setup_teardown(numbers_of_runs, setup, remove_folder),
        cmocka_unit_test_setup_teardown(tables, setup, remove_folder),
        cmocka_unit_test_setup_teardown(no_memory, setup, remove_folder),
        cmocka_unit_test_setup_teardown(no_row_is_lost, setup, remove_folder),
        cmocka_unit_test_setup_teardown(exit_codes, setup, remove_folder),
        cmocka_unit_test_setup_teardown(runs_command, setup, remove_folder),
        cmocka_unit_test_setup_teardown(show_command, setup, remove_folder),
        cmocka_unit_test_setup_teardown(compare_command, setup, remove_folder),
        cmocka_unit_test_setup_teardown(falling_bounds, setup, remove_folder),
        cmocka_unit_test_setup_teardown(crossing_bounds, setup, remove_folder),
        cmocka_unit_test_setup_teardown(expected_and_estimated, setup, remove_folder),
        cmocka_unit_test_setup_teardown(few_seeds, setup, remove_folder),
        cmocka_unit_test_setup_teardown(a_seed_counts_once, setup, remove_folder),
        cmocka_unit_test_setup_teardown(a_curve_with_infinities, setup, remove_folder),
        cmocka_unit_test_setup_teardown(sql_command, setup, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
