/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_figures.c: `vae-lab figures FILE.lua`: draws a script's figures from the database alone, and records what
 * was drawn.
 */
#include "bind/script.h"
#include "cli/cli.h"

#include "base/digest.h"
#include "base/text.h"
#include "num/isa.h"
#include "store/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SETS = 64, FORMATS = 4 };

static const char *set[SETS], *out, *formats_wanted = "pdf,png";
static size_t nset;
static long number; /* of the sweep; 0: the latest */

static const CliOption options[] = {
    {.name = "--set", .value = "key=value", .list = set, .list_count = &nset, .list_max = SETS,
     .help = "draw the latest sweep that was run with this setting; may be repeated"},
    {.name = "--sweep", .value = "N", .number = &number, .least = 1,
     .help = "draw that sweep (default: the latest of the experiment)"},
    {.name = "--out,-o", .value = "DIR", .text = &out,
     .help = "the folder of the files (default: results/figures/NAME)"},
    {.name = "--format", .value = "LIST", .text = &formats_wanted,
     .help = "some of pdf, png, svg, tex, with commas between (default: pdf,png)"},
    CLI_OPTION_DB,
    {0},
};

/* ---- formats ---------------------------------------------------------------------------------------------------- */

static const char *const known_formats[FORMATS] = {"pdf", "png", "svg", "tex"};

static int unknown_format(const char *word, size_t length, Error *err)
{
    char found[64];
    snprintf(found, sizeof found, "%.*s", (int)(length < sizeof found ? length : sizeof found - 1), word);
    error_set(err, ERR_USAGE, "unknown figure format '%s'", found);
    error_expected(err, "some of pdf, png, svg, tex, with commas between");
    const char *near = text_nearest(found, known_formats, FORMATS);
    return near == NULL ? -1 : error_hint(err, "did you mean %s?", near);
}

/* [OUT] list: the formats named in "pdf,png", each once, NULL-ended. */
static int read_formats(const char *list[FORMATS + 1], Error *err)
{
    size_t count = 0;
    for (const char *word = formats_wanted; *word != '\0';) {
        size_t length = strcspn(word, ","), k = 0, seen = 0;
        while (k < FORMATS && (strlen(known_formats[k]) != length || strncmp(known_formats[k], word, length) != 0))
            k++;
        if (k == FORMATS)
            return unknown_format(word, length, err);
        while (seen < count && list[seen] != known_formats[k])
            seen++;
        if (seen == count)
            list[count++] = known_formats[k];
        word += length + (word[length] == ',');
    }
    list[count] = NULL;
    return count > 0 ? 0 : unknown_format("", 0, err);
}

/* ---- which sweep ------------------------------------------------------------------------------------------------ */

/* No sweep fits: the hint is the command that makes one. */
static int no_sweep(const char *file, const char *name, Error *err)
{
    Text command = {0};
    text_addf(&command, "vae-lab run %s", file);
    for (size_t i = 0; i < nset; i++)
        text_addf(&command, " --set %s", set[i]);
    if (number > 0)
        error_set(err, ERR_STORE, "experiment %s has no sweep %ld", name, number);
    else
        error_set(err, ERR_STORE,
                  nset > 0 ? "no sweep of experiment %s was run with these settings" : "experiment %s was not run yet",
                  name);
    error_where(err, "%s", cli_database());
    error_hint(err, "run it first:  %s", text_string(&command));
    text_free(&command);
    return -1;
}

static int find_sweep(StoreSweep *sweep, Store *store, const char *file, const char *name, Error *err)
{
    if (store_sweep_find(store, name, number, set, nset, sweep, err) != 0)
        return -1;
    if (sweep->id == 0)
        return no_sweep(file, name, err);
    if (sweep->done == 0) {
        error_set(err, ERR_STORE, "no run of sweep %lld of experiment %s is finished", (long long)sweep->id, name);
        error_where(err, "%s", cli_database());
        error_found(err, "%lld runs, none done", (long long)sweep->runs);
        return error_hint(err, "finish it:  vae-lab run %s", file);
    }
    if (sweep->done < sweep->runs)
        fprintf(stderr, "note: %lld of the %lld runs of sweep %lld are not finished; the figures show the others\n",
                (long long)(sweep->runs - sweep->done), (long long)sweep->runs, (long long)sweep->id);
    return 0;
}

/* ---- what was drawn --------------------------------------------------------------------------------------------- */

typedef struct DrawnFigures {
    const char *experiment;
    int64_t sweep;
    Store *store; /* for writing; NULL: nothing is recorded */
    size_t files, failures;
    Error last; /* the latest failure */
} DrawnFigures;

/* SHA-256 of a file; -1 with *err. */
static int digest_file(const char *path, char *text, Error *err)
{
    unsigned char block[65536];
    size_t got;
    Digest d;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        error_set(err, ERR_FILE, "a figure that was drawn cannot be opened");
        error_where(err, "%s", path);
        return error_found(err, "%s", strerror(errno));
    }
    digest_start(&d);
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        digest_bytes(&d, block, got);
    int bad = ferror(file);
    fclose(file);
    digest_end(&d, text);
    if (!bad)
        return 0;
    error_set(err, ERR_FILE, "a figure cannot be read back");
    return error_where(err, "%s", path);
}

static int take_drawn(void *context, const char *name, const char *format, const char *path, Error *err)
{
    DrawnFigures *d = context;
    char digest[DIGEST_TEXT];
    if (digest_file(path, digest, err) != 0)
        return -1;
    printf("%s\n", path);
    fflush(stdout);
    d->files++;
    return d->store == NULL ? 0 : store_figure_put(d->store, d->experiment, d->sweep, name, format, path, digest, err);
}

/* An error that all files share, such as a missing gnuplot, is explained once. */
static void take_failure(void *context, const Error *err)
{
    DrawnFigures *d = context;
    if (d->failures > 0 && strcmp(err->what, d->last.what) == 0 && strcmp(err->found, d->last.found) == 0)
        fprintf(stderr, "vae-lab: the same error: %s\n", err->where);
    else
        error_print(stderr, "vae-lab", err);
    d->failures++;
    d->last = *err;
}

static void take_note(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "note: %s\n", text);
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static int draw(BindScript *script, Store *store, const StoreSweep *sweep, const char *const *formats, Error *err)
{
    char folder[512];
    Error unwritable = ERROR_NONE;
    DrawnFigures drawn = {.experiment = bind_script_name(script), .sweep = sweep->id};
    snprintf(folder, sizeof folder, "%s%s", out != NULL ? out : "results/figures/",
             out != NULL ? "" : drawn.experiment);
    drawn.store = store_open(cli_database(), STORE_WRITE, &unwritable);
    if (drawn.store == NULL)
        fprintf(stderr, "note: the figures are not recorded in the database: %s\n", unwritable.what);
    const BindFigures figures = {
        .sweep = sweep->id,
        .folder = folder,
        .formats = formats,
        .drawn = take_drawn,
        .note = take_note,
        .failed = take_failure,
        .context = &drawn,
    };
    int status = bind_script_figures(script, store, &figures, err);
    if (status == 0 && drawn.failures > 0) {
        status = error_set(err, ERR_FILE, drawn.files > 0 ? "%zu files or figures could not be drawn"
                                                          : "no figure could be drawn: %zu errors", drawn.failures);
        error_hint(err, "the messages above give the reasons%s", drawn.files > 0 ? "; the other files were drawn" : "");
    } else if (status == 0 && drawn.files == 0) {
        status = error_set(err, ERR_FILE, "no figure could be drawn from sweep %lld", (long long)sweep->id);
        error_hint(err, "the notes above give the reasons");
    }
    store_close(drawn.store);
    return status;
}

/* Where there is no database, the experiment was not run. */
static Store *open_database(const char *file, const char *name, Error *err)
{
    if (access(cli_database(), F_OK) == 0)
        return cli_open(err);
    no_sweep(file, name, err);
    error_found(err, "no database");
    return NULL;
}

static int draw_script(BindScript *script, const char *file, const char *const *formats, Error *err)
{
    StoreSweep sweep;
    const char *name = bind_script_name(script);
    if (bind_script_figure_count(script) == 0) {
        error_set(err, ERR_SCRIPT, "the experiment has no figures");
        error_where(err, "%s", file);
        return error_hint(err, "add figures = { lab.fig.curves() } to its table");
    }
    Store *store = open_database(file, name, err);
    int status = store == NULL || find_sweep(&sweep, store, file, name, err) != 0
                     ? -1
                     : draw(script, store, &sweep, formats, err);
    store_close(store);
    return status;
}

static int figures(int operands, char **operand, Error *err)
{
    const char *formats[FORMATS + 1];
    if (cli_operands(operands, operand, 1, 1, "one experiment: vae-lab figures FILE.lua", err) != 0)
        return error_hint(err, "for example: vae-lab figures experiments/kl_ablation.lua");
    if (read_formats(formats, err) != 0 || num_isa_choose(NULL, err) != 0)
        return -1;
    const BindSettings settings = {.set = set, .nset = nset};
    BindScript *script = bind_script_load(operand[0], &settings, err);
    int status = script == NULL ? -1 : draw_script(script, operand[0], formats, err);
    bind_script_free(script);
    return status;
}

const CliCommand cli_figures = {
    .name = "figures", .arguments = "FILE.lua [--format pdf,png,svg,tex]",
    .summary = "draw an experiment's figures from the database",
    .options = options, .run = figures,
    .notes = "The path of each file is printed; its gnuplot script and its data are in the same folder.\n"
             "\n"
             "example: vae-lab figures experiments/kl_ablation.lua --format pdf,tex --out paper/figures\n",
};
