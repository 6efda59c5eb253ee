/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_export.c: `vae-lab export RUN -o FILE`: a run's weights, curves or recorded posteriors as a file that other
 * programs read.
 */
#include "cli/cli.h"
#include "cli/export.h"

#include "base/file.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *out, *what;
static int force, record;

static const CliOption options[] = {
    {.name = "--out,-o",
     .value = "FILE",
     .text = &out,
     .help = "the file: .safetensors (weights), .npz (any), .csv (curves, posteriors); - is\n"
             "standard output"},
    {.name = "--what",
     .value = "PART",
     .text = &what,
     .help = "weights, curves or posteriors (default: weights, in a .csv file curves)"},
    {.name = "--record",
     .flag = &record,
     .help = "the whole record: -o FILE.db, a database without the newer features of SQLite;\n"
             "-o FOLDER/, CSV files of runs, curves, settings, last values, means and claims"},
    {.name = "--force", .flag = &force, .help = "replace an existing file"},
    CLI_OPTION_DB,
    {0},
};

static const char *const parts[CLI_EXPORT_PARTS] = {"weights", "curves", "posteriors"};
static const char *const extensions[CLI_EXPORT_FORMATS] = {".safetensors", ".npz", ".csv"};

/* ---- part and format --------------------------------------------------------------------------------------------- */

/* The place of the word in a list, or -1. */
static int find(const char *word, const char *const *list, int count)
{
    int i = count - 1;
    while (i >= 0 && strcmp(word, list[i]) != 0)
        i--;
    return i;
}

static int unknown_format(const char *extension, Error *err)
{
    error_set(err, ERR_USAGE, "export does not write this kind of file");
    error_where(err, "%s", out);
    if (extension == NULL) {
        error_found(err, "a name without an ending");
        return error_expected(err, "a name that ends in .safetensors, .npz or .csv");
    }
    return error_unknown(err, extension, extensions, CLI_EXPORT_FORMATS);
}

/* [OUT] the part (--what, else the format's default) and the format (of the file's name, else the part's default). */
static int choose(CliExportPart *part, CliExportFormat *format, Error *err)
{
    const char *slash = strrchr(out, '/'), *dot = strrchr(slash == NULL ? out : slash, '.');
    int named = what == NULL ? -1 : find(what, parts, CLI_EXPORT_PARTS);
    if (what != NULL && named < 0) {
        error_set(err, ERR_USAGE, "a run has no such part to export");
        return error_unknown(err, what, parts, CLI_EXPORT_PARTS);
    }
    if (strcmp(out, "-") == 0) {
        *part = named < 0 ? CLI_CURVES : (CliExportPart)named;
        *format = *part == CLI_WEIGHTS ? CLI_SAFETENSORS : CLI_CSV_FILE;
        return 0;
    }
    int ending = dot == NULL ? -1 : find(dot, extensions, CLI_EXPORT_FORMATS);
    if (ending < 0)
        return unknown_format(dot, err);
    *format = (CliExportFormat)ending;
    *part = named >= 0 ? (CliExportPart)named : *format == CLI_CSV_FILE ? CLI_CURVES : CLI_WEIGHTS;
    if (*format == CLI_NPZ || (*part == CLI_WEIGHTS) == (*format == CLI_SAFETENSORS))
        return 0;
    error_set(err, ERR_USAGE, "a %s file does not hold %s", extensions[*format], parts[*part]);
    error_where(err, "%s", out);
    return error_hint(err, "%s go to %s", parts[*part], *part == CLI_WEIGHTS ? ".safetensors or .npz" : ".npz or .csv");
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int write_out(const Text *file, CliExportFormat format, Error *err)
{
    if (strcmp(out, "-") != 0)
        return file_write(out, text_string(file), file->length, force, err);
    if (format != CLI_CSV_FILE && isatty(STDOUT_FILENO)) {
        error_set(err, ERR_USAGE, "weights are not written to a terminal");
        return error_hint(err, "give a file: -o weights.safetensors, or a pipe");
    }
    fwrite(text_string(file), 1, file->length, stdout); /* cli_main reports a failure */
    return 0;
}

static int no_file(const char *example, Error *err)
{
    error_set(err, ERR_USAGE, "export needs the file to write");
    return error_hint(err, "for example: %s", example);
}

static int export(int operands, char **operand, Error *err)
{
    long long run;
    CliExportPart part = CLI_WEIGHTS;
    CliExportFormat format = CLI_SAFETENSORS;
    if (record && out != NULL)
        return cli_operands(operands, operand, 0, 0, "no run: --record exports all", err) != 0 || what != NULL
                   ? error_set(err, ERR_USAGE, "--record exports everything: it takes no run and no --what")
                   : cli_export_record(out, force, err);
    if (record)
        return no_file("vae-lab export --record -o record.db", err);
    if (cli_operands(operands, operand, 1, 1, "one run's number", err) != 0)
        return error_hint(err, "vae-lab runs lists the runs with their numbers");
    if (cli_run_number(operand[0], &run, err) != 0)
        return -1;
    if (out == NULL)
        return no_file("vae-lab export 12 -o vae.safetensors", err);
    if (choose(&part, &format, err) != 0)
        return -1;
    Text file = {0};
    Store *s = cli_open(err);
    int status = s == NULL ? -1 : cli_export_run(&file, s, run, part, format, err);
    store_close(s);
    if (status == 0)
        status = write_out(&file, format, err);
    text_free(&file);
    return status;
}

const CliCommand cli_export = {
    .name = "export",
    .arguments = "RUN -o FILE",
    .summary = "write a run's weights, curves or posteriors for other programs",
    .options = options,
    .run = export,
    .notes = "Arrays have the names of the script's parameters; a weight matrix is (in, out), the transpose of\n"
             "a PyTorch Linear's (docs/weights.md).  CSV: RFC 4180, every digit; nan, inf and -inf are spelt;\n"
             "step 0 is a number about the whole run.\n"
             "\n"
             "examples: vae-lab export 12 -o vae.safetensors\n"
             "          vae-lab export 12 -o curves.csv\n"
             "          vae-lab export 12 -o z.npz --what posteriors\n"
             "          vae-lab export --record -o record.db\n",
};
