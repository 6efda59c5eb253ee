/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_import.c: `vae-lab import FILE FILE.lua`: weights of another program for a script's model: checked, recorded
 * as a finished run, evaluated like one.
 */
#include "bind/script.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/rows.h"
#include "cli/workers.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "data/npz.h"
#include "data/safetensors.h"
#include "lab/import.h"
#include "num/isa.h"
#include "store/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SETS = 64, MAPS = 1024, FILE_MAX = 1 << 30, NAMES_MAX = 1 << 20 };

static const char *set[SETS], *map[MAPS], *names_file, *name;
static size_t nset, nmap;
static int convert, dry_run, quiet;

static const CliOption options[] = {
    {.name = "--set",
     .value = "key=value",
     .list = set,
     .list_count = &nset,
     .list_max = SETS,
     .help = "a setting of the script, as for vae-lab run; may be repeated.  One run must remain"},
    {.name = "--map",
     .value = "OURS=THEIRS",
     .list = map,
     .list_count = &nmap,
     .list_max = MAPS,
     .help = "the file's name of one of our arrays, with \" transpose\" or \" keep\" after it where a\n"
             "square matrix leaves it open; -=THEIRS: an array that is not needed; may be repeated"},
    {.name = "--names", .value = "FILE", .text = &names_file, .help = "such lines from a file, OURS = THEIRS"},
    {.name = "--convert", .flag = &convert, .help = "round float64, widen float16 and bfloat16 to float32"},
    {.name = "--name", .value = "LABEL", .text = &name, .help = "the run's label (default: the file's name)"},
    {.name = "--dry-run", .flag = &dry_run, .help = "check the file, record nothing"},
    CLI_OPTION_THREADS,
    {.name = "--quiet", .flag = &quiet, .help = "no progress"},
    CLI_OPTION_DB,
    CLI_OPTION_DATA_DIR,
    {0},
};

/* ---- the file ---------------------------------------------------------------------------------------------------- */

/* Formats that are recognised and not read: what they are, and the way from there. */
static int check_format(const unsigned char *bytes, size_t size, Error *err)
{
    static const struct {
        const char *magic, *what, *hint;
    } known[] = {
        {"\x93NUMPY", "a single NumPy array", "numpy.savez(file, NAME=array, …)"},
        {"\x89HDF", "an HDF5 file", "read it with h5py, and save it with safetensors.numpy.save_file"},
        {"\x80", "a Python pickle", "safetensors.torch.save_file(model.state_dict(), file)"},
    };
    if (size > 8 &&
        memcmp(bytes + 4, "\0\0\0\0{", 5) == 0) /* safetensors; the length of its header may begin like them */
        return 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t n = strlen(known[i].magic);
        if (size < n || memcmp(bytes, known[i].magic, n) != 0)
            continue;
        error_set(err, ERR_FILE, "import does not read this format");
        error_found(err, "%s", known[i].what);
        error_expected(err, "a .safetensors or an .npz file");
        return error_hint(err, "save it there as one:  %s", known[i].hint);
    }
    return 0;
}

/* A zip archive is npz; everything else must be safetensors. */
static int parse(DataArrays *arrays, const void *bytes, size_t size, Error *err)
{
    if (size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0) {
        if (npz_read(arrays, bytes, size, err) == 0)
            return 0;
        if (err->hint[0] == '\0')
            error_hint(err, "a PyTorch file (.pt, .pth)?  safetensors.torch.save_file(model.state_dict(), file) saves "
                            "one for import");
        return -1;
    }
    return check_format(bytes, size, err) != 0 ? -1 : safetensors_read(arrays, bytes, size, err);
}

/* The file's own name, without its folder. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* "vae.safetensors, SHA-256 …" */
static void describe_origin(char *text, size_t room, const char *path, const void *bytes, size_t size)
{
    char hash[DIGEST_TEXT];
    Digest d;
    digest_start(&d);
    digest_bytes(&d, bytes, size);
    digest_end(&d, hash);
    snprintf(text, room, "%.160s, SHA-256 %s", base_name(path), hash);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static int read_names(LabArrayNames *names, Error *err)
{
    void *bytes;
    size_t size;
    for (size_t i = 0; i < nmap; i++)
        if (lab_array_names_add(names, map[i], err) != 0)
            return error_where(err, "--map");
    if (names_file == NULL)
        return 0;
    if (file_read(names_file, NAMES_MAX, &bytes, &size, err) != 0)
        return -1;
    Text text = {0};
    text_add_bytes(&text, bytes, size);
    int status =
        text.failed ? error_memory(err, "a map of names") : lab_array_names_read(names, text_string(&text), err);
    text_free(&text);
    mem_free(bytes);
    return status == 0 ? 0 : error_in(err, "%s", names_file);
}

/* ---- the run of the script --------------------------------------------------------------------------------------- */

static const StoreParam *find_param(const LabRun *run, const char *key)
{
    for (size_t i = 0; i < run->nparams; i++)
        if (strcmp(run->params[i].name, key) == 0)
            return &run->params[i];
    return NULL;
}

static int same_param(const StoreParam *a, const StoreParam *b)
{
    if (a == NULL || b == NULL || (a->text == NULL) != (b->text == NULL))
        return a == b;
    return a->text == NULL ? a->number == b->number : strcmp(a->text, b->text) == 0;
}

/* Adds the settings in which a run differs from the first one, each once. */
static void add_varying(Text *t, const LabRun *first, const LabRun *run)
{
    if (run->spec.seed.number != first->spec.seed.number && strstr(text_string(t), "seed ") == NULL)
        text_add(t, "seed ");
    for (size_t i = 0; i < run->nparams; i++) {
        char word[128];
        snprintf(word, sizeof word, "%.120s ", run->params[i].name);
        if (!same_param(find_param(first, run->params[i].name), &run->params[i]) &&
            strstr(text_string(t), word) == NULL)
            text_add(t, word);
    }
}

/* Whether the run is the script's own, and not one that an evaluation needs. */
static int is_own(const LabRun *run, const char *experiment)
{
    return run->phase == 1 && strcmp(run->experiment, experiment) == 0;
}

/* The one run of the script; NULL with *err. */
static LabRun *only_run(LabRun *runs, size_t count, const char *experiment, const char *script, Error *err)
{
    LabRun *only = NULL;
    size_t found = 0;
    Text varying = {0};
    for (size_t i = 0; i < count; i++) {
        if (!is_own(&runs[i], experiment))
            continue;
        only = found++ == 0 ? &runs[i] : only;
        add_varying(&varying, only, &runs[i]);
    }
    if (found != 1) {
        error_set(err, ERR_USAGE, "weights are imported for one run, and the script has %zu", found);
        error_where(err, "%s", script);
        error_found(err, "runs that differ in: %s", text_string(&varying));
        error_hint(err, "choose one of them with --set key=value for each of these settings");
    }
    text_free(&varying);
    return found == 1 ? only : NULL;
}

/* Settings of training, which did not take place here. */
static int is_training(const char *key)
{
    static const char *const training[] = {"batch", "epochs", "optimiser", "posterior", "rate"};
    for (size_t i = 0; i < sizeof training / sizeof training[0]; i++)
        if (strcmp(training[i], key) == 0)
            return 1;
    return 0;
}

/* [OUT] params: the run's settings without those of training; label: "vae.safetensors (imported)". */
static void mark_imported(LabRun *run, StoreParam *params, char *label, size_t room, const char *path)
{
    size_t n = 0;
    for (size_t i = 0; i < run->nparams; i++)
        if (!is_training(run->params[i].name))
            params[n++] = run->params[i];
    snprintf(label, room, "%.100s (imported)", name != NULL ? name : base_name(path));
    run->params = params;
    run->nparams = n;
    run->label = label;
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

/* The parameters of the run's graph, with their initial values; NULL with *err. */
static GraphParams *make_params(const LabRun *run, Error *err)
{
    size_t features = data_features(run->spec.data);
    float *mean = mem_array(features, sizeof *mean);
    if (mean == NULL) {
        error_memory(err, "the mean image");
        return NULL;
    }
    data_mean(run->spec.data, mean);
    GraphParams *params = graph_params_alloc(run->spec.graph, GRAPH_FLOAT, lab_seed(&run->spec, LAB_INIT), mean,
                                             features, err);
    mem_free(mean);
    return params;
}

static int fill_params(GraphParams *params, const DataArrays *arrays, const char *path, const char *script, Error *err)
{
    LabArrayNames names = {0};
    Text differences = {0}, notes = {0};
    int status = read_names(&names, err);
    if (status == 0) {
        const LabImportSource source = {arrays, &names, convert};
        status = lab_import_match(params, &source, &differences, &notes, err);
        if (status != 0)
            error_where(err, "%s, for the model of %s", path, script);
    }
    if (differences.length > 0)
        fprintf(stderr, "arrays (ours = the file's):\n%s", text_string(&differences));
    else if (!quiet)
        fputs(text_string(&notes), stderr);
    text_free(&differences);
    text_free(&notes);
    lab_array_names_free(&names);
    return status;
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static int print_results(int64_t sweep, Error *err)
{
    CliRows rows = {.format = CLI_TEXT};
    Store *s = cli_open(err);
    int status = s == NULL
                     ? -1
                     : cli_rows_print(&rows, store_sweep_results(s, sweep, cli_rows_take, &rows, err), NULL, NULL, err);
    store_close(s);
    return status;
}

/* Evaluates the recorded run as a sweep of one does, with the runs that its evaluations need. */
static int evaluate(BindScript *script, LabRun *runs, size_t count, const LabProvenance *provenance, int64_t id,
                    Error *err)
{
    LabOutcome outcome = {0};
    CliProgress *progress = cli_progress_alloc(runs, count, quiet, err);
    if (progress == NULL)
        return -1;
    const LabOptions lab = {
        .database = cli_database(),
        .jobs = 1,
        .provenance = provenance,
        .threads = (int)cli_workers.threads,
        .settings = bind_script_settings(script),
        .hooks = bind_script_hooks(),
        .event = cli_progress_event,
        .event_context = progress,
    };
    int status = lab_sweep(runs, count, &lab, &outcome, err);
    cli_progress_free(progress);
    if (status != 0)
        return err->kind == ERR_SIGNAL ? error_hint(err, "the same command continues") : -1;
    if (print_results(outcome.sweep, err) != 0)
        return -1;
    if (!quiet)
        fprintf(stderr, "imported as run %" PRId64 "; its figures: vae-lab figures %s --sweep %" PRId64 "\n", id,
                runs[0].script, outcome.sweep);
    if (outcome.failed + outcome.crashed + outcome.diverged + outcome.interrupted + outcome.busy + outcome.unevaluated ==
        0)
        return 0;
    error_set(err, ERR_RUN, "not all evaluations are done");
    return error_hint(err, "vae-lab show %" PRId64 " prints why; the same command tries them again", id);
}

static int record(const LabImported *imported, int64_t *id, Error *err)
{
    StoreClaim claim;
    Store *s = store_open(cli_database(), STORE_WRITE, err);
    int status = s == NULL ? -1 : lab_import_record(s, imported, id, &claim, err);
    if (status == 0 && claim == STORE_DONE && !quiet)
        fprintf(stderr, "these weights are recorded already, as run %" PRId64 "\n", *id);
    store_close(s);
    return status;
}

static int record_and_evaluate(BindScript *script, LabRun *runs, size_t count, LabImported *imported, Error *err)
{
    int64_t id;
    if (cli_workers_choose(1, err) != 0 || bind_script_provenance(script, &imported->provenance, err) != 0)
        return -1;
    imported->threads = (int)cli_workers.threads;
    return record(imported, &id, err) != 0 ? -1 : evaluate(script, runs, count, imported->provenance, id, err);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int import_run(BindScript *script, const char *path, const DataArrays *arrays, const char *origin, Error *err)
{
    LabRun *runs;
    size_t count, duplicates;
    char label[160];
    if (bind_script_runs(script, &runs, &count, &duplicates, err) != 0)
        return -1;
    LabRun *run = only_run(runs, count, bind_script_name(script), runs[0].script, err);
    if (run == NULL)
        return -1;
    StoreParam *settings = mem_array(run->nparams, sizeof *settings);
    GraphParams *params = make_params(run, err);
    int status = params == NULL ? -1 : settings == NULL ? error_memory(err, "settings") : 0;
    if (status == 0)
        status = fill_params(params, arrays, path, run->script, err);
    if (status == 0) {
        mark_imported(run, settings, label, sizeof label, path);
        status = lab_import_identify(run, params, err);
    }
    if (status == 0 && dry_run)
        printf("%zu arrays, %zu values fit %s; identity %s\n", graph_params_arrays(params), graph_params_count(params),
               run->script, run->identity);
    else if (status == 0)
        status =
            record_and_evaluate(script, runs, count, &(LabImported){.run = run, .params = params, .file = origin}, err);
    graph_params_free(params);
    mem_free(settings);
    return status;
}

static int is_script(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".lua") == 0;
}

static int swapped(char **operand, Error *err)
{
    error_set(err, ERR_USAGE, "the file of weights comes first");
    return error_hint(err, "vae-lab import %s %s", operand[1], operand[0]);
}

static int import(int operands, char **operand, Error *err)
{
    void *bytes = NULL;
    size_t size;
    char origin[256];
    DataArrays arrays = {0};
    if (operands == 2 && is_script(operand[0]) && !is_script(operand[1]))
        return swapped(operand, err);
    if (cli_operands(operands, operand, 2, 2, "a file of weights and a script: vae-lab import vae.safetensors FILE.lua",
                     err) != 0 ||
        num_isa_choose(NULL, err) != 0 || file_read(operand[0], FILE_MAX, &bytes, &size, err) != 0)
        return -1;
    const BindSettings settings = {.set = set, .nset = nset, .data_dir = cli_shared.data_dir};
    BindScript *script = NULL;
    int status = parse(&arrays, bytes, size, err);
    if (status != 0) {
        error_in(err, "%s", operand[0]);
    } else {
        describe_origin(origin, sizeof origin, operand[0], bytes, size);
        script = bind_script_load(operand[1], &settings, err);
        status = script == NULL ? -1 : import_run(script, operand[0], &arrays, origin, err);
    }
    data_arrays_free(&arrays);
    mem_free(bytes);
    bind_script_free(script);
    return status;
}

const CliCommand cli_import = {
    .name = "import",
    .arguments = "WEIGHTS FILE.lua [--map OURS=THEIRS]…",
    .summary = "record weights of another program as a run of a script, and evaluate it",
    .options = options,
    .run = import,
    .notes = "WEIGHTS is a .safetensors or an .npz file.  Every array must fit the script's model in name, type\n"
             "and shape; what does not is listed.  A matrix that fits only transposed is transposed.  The run has\n"
             "no curves; its test metrics and evaluations are those of a trained run (docs/weights.md).\n"
             "\n"
             "example: vae-lab import vae.safetensors vae.lua --set seed=1 --names names.txt\n",
};
