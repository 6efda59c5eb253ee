/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_data.c: `vae-lab data`: which data sets exist, whether their files are the published ones, and how they look.
 */
#include "cli/cli.h"
#include "cli/data_npy.h"
#include "cli/fetch.h"

#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "data/data.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static long train, valid, test, examples, stall;
static const char *binarise, *from;
static CliNpy npy;

static const CliOption options[] = {
    CLI_OPTION_DATA_DIR,
    {.name = "--train", .value = "N", .number = &train, .least = 1,
     .help = "the size of the training split (show), as in an experiment"},
    {.name = "--valid", .value = "N", .number = &valid, .help = "of the validation split"},
    {.name = "--test", .value = "N", .number = &test, .least = 1, .help = "of the test split"},
    {.name = "--binarise", .value = "HOW", .text = &binarise, .help = "grey (the default), static or dynamic (show)"},
    {.name = "--examples", .value = "N", .number = &examples, .least = 1,
     .help = "how many to draw (show); default: as many as fit a line"},
    {.name = "--npy", .value = "FILE", .text = &npy.file,
     .help = "show: write rows of a split as a NumPy array, float32 (rows, features); -: to standard output"},
    {.name = "--run", .value = "RUN", .text = &npy.run,
     .help = "--npy: the data set, the binarisation and the seed of a recorded run, in place of NAME"},
    {.name = "--split", .value = "SPLIT", .text = &npy.split, .help = "--npy: train, valid or test (the default)"},
    {.name = "--rows", .value = "FIRST:LAST", .text = &npy.rows,
     .help = "--npy: which rows, counted from 1: 1:100, 7, 201: (default: all)"},
    {.name = "--for", .value = "USE", .text = &npy.use,
     .help = "--npy, dynamic: the pixels of training, of testing (the test metrics of each epoch)\n"
             "or of evaluation (lab.eval.…); default: training for the train split, else testing"},
    {.name = "--seed", .value = "N", .text = &npy.seed,
     .help = "--npy, dynamic: the seed of the run (default: that of --run, else 1); for evaluation: its option\n"
             "seed (default: 1)"},
    {.name = "--epoch", .value = "N", .number = &npy.epoch, .least = 1,
     .help = "--npy, dynamic: the epoch of training (default: 1)"},
    {.name = "--force", .flag = &npy.force, .help = "--npy: replace the file where it exists"},
    CLI_OPTION_DB,
    {.name = "--from", .value = "ADDRESS", .text = &from,
     .help = "fetch from this address, of a folder that holds FILE.gz or NAME/FILE.gz (VAE_LAB_DATA_URL)"},
    {.name = "--stall", .value = "SECONDS", .number = &stall, .least = 1,
     .help = "fetch: give up an address that sends nothing for so long (default: 30)"},
    CLI_OPTION_JSON("the list as JSON"),
    CLI_OPTION_CSV,
    {0},
};

static const char *const split_names[DATA_SPLITS] = {"train", "valid", "test"};

/* ---- list ------------------------------------------------------------------------------------------------------- */

static int list(Error *err)
{
    static const char *const columns[] = {"name", "classes", "files", "here", "what"};
    const DataEntry *entry;
    size_t count = data_catalogue(&entry);
    CliTable *t = cli_table_alloc(cli_format(), columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < count; i++) {
        int files = entry[i].files[0] != '\0';
        for (const char *c = entry[i].files; *c != '\0'; c++)
            files += *c == ',';
        cli_table_text(t, entry[i].name);
        if (entry[i].classes > 0)
            cli_table_integer(t, entry[i].classes);
        else
            cli_table_null(t);
        if (files > 0)
            cli_table_integer(t, files);
        else
            cli_table_text(t, "built in");
        cli_table_text(t, data_present(entry[i].name, cli_shared.data_dir) ? "yes" : "no");
        cli_table_text(t, entry[i].what);
    }
    return cli_table_print(t, NULL, err);
}

/* ---- verify ----------------------------------------------------------------------------------------------------- */

/* Every set; one of which no file is here is no failure. */
static int verify_all(const char *dir, Error *err)
{
    const DataEntry *entry;
    size_t count = data_catalogue(&entry), bad = 0;
    for (size_t i = 0; i < count; i++) {
        Error now = ERROR_NONE;
        if (!data_present(entry[i].name, dir)) {
            printf("%s  not here\n", entry[i].name);
            continue;
        }
        if (data_verify(entry[i].name, dir, stdout, &now) == 0)
            continue;
        if (bad++ == 0)
            *err = now;
    }
    return bad == 0 ? 0 : -1;
}

/* ---- show ------------------------------------------------------------------------------------------------------- */

static double pixel(const float *x, size_t width, size_t height, size_t column, size_t row)
{
    return row < height ? (double)x[row * width + column] : 0.0;
}

/* Two rows of pixels in one line of text: half blocks on a terminal, elsewhere a ramp of plain characters. */
static void draw_cell(Text *t, double upper, double lower, int blocks)
{
    static const char ramp[] = " .:-=+*#%@";
    if (blocks) {
        static const char *const glyph[4] = {" ", "\xe2\x96\x80", "\xe2\x96\x84", "\xe2\x96\x88"};
        text_add(t, glyph[(upper >= 0.4) + 2 * (lower >= 0.4)]);
    } else {
        double ink = (upper + lower) / 2.0;
        size_t level = (size_t)(ink * 9.0 + 0.5);
        text_add_bytes(t, &ramp[level < 10 ? level : 9], 1);
    }
}

/* Removes trailing blanks and ends the line. */
static void end_line(Text *t)
{
    while (t->length > 0 && t->data[t->length - 1] == ' ')
        t->length--;
    text_add(t, "\n");
}

/* x (count, height, width): in one row, labels above. */
static void draw_images(Text *t, const Data *d, DataSplit split, const float *x, size_t count)
{
    size_t width = data_width(d), height = data_height(d);
    int blocks = isatty(STDOUT_FILENO);
    for (size_t i = 0; i < count && data_classes(d) > 0; i++)
        text_addf(t, "%-*d", (int)width + 1, data_label(d, split, i));
    if (data_classes(d) > 0)
        end_line(t);
    for (size_t row = 0; row < height; row += 2) {
        for (size_t i = 0; i < count; i++) {
            const float *image = x + i * width * height;
            for (size_t column = 0; column < width; column++)
                draw_cell(t, pixel(image, width, height, column, row), pixel(image, width, height, column, row + 1),
                          blocks);
            text_add(t, " ");
        }
        end_line(t);
    }
}

/* The first points, and for the plane their density as a picture of counts. */
static void draw_points(Text *t, const Data *d, const float *x, size_t count)
{
    enum { WIDE = 60, HIGH = 24 };
    static const char ramp[] = " .:-=+*#%@";
    size_t features = data_features(d), cell[HIGH][WIDE] = {{0}}, most = 1;
    for (size_t i = 0; i < 5 && i < count; i++)
        for (size_t j = 0; j < features; j++)
            text_addf(t, "%9.4f%s", (double)x[i * features + j], j + 1 < features ? " " : "\n");
    if (features != 2)
        return;
    for (size_t i = 0; i < count; i++) { /* the square from -3 to 3 */
        double column = ((double)x[2 * i] + 3.0) / 6.0 * WIDE, row = (3.0 - (double)x[2 * i + 1]) / 6.0 * HIGH;
        if (column < 0.0 || column >= WIDE || row < 0.0 || row >= HIGH)
            continue;
        size_t now = ++cell[(size_t)row][(size_t)column];
        most = now > most ? now : most;
    }
    for (size_t r = 0; r < HIGH; r++) {
        for (size_t c = 0; c < WIDE; c++)
            text_add_bytes(t, &ramp[cell[r][c] == 0 ? 0 : 1 + (cell[r][c] * 9 - 1) / (most + 1)], 1);
        end_line(t);
    }
}

static int draw_examples(const Data *d, Error *err)
{
    enum { PIPED_COLUMNS = 100, MOST_COLUMNS = 400 };
    int columns = terminal_columns(STDOUT_FILENO);
    columns = columns == 0 ? PIPED_COLUMNS : columns < MOST_COLUMNS ? columns : MOST_COLUMNS;
    size_t fit = (size_t)(columns + 1) / (data_width(d) + 1), count = data_count(d, DATA_TRAIN);
    size_t wanted = examples > 0 ? (size_t)examples : !data_is_image(d) ? 4000 : fit > 0 ? fit : 1;
    Text t = {0};
    wanted = wanted < count ? wanted : count;
    float *x = mem_array(wanted, data_features(d) * sizeof *x);
    if (x == NULL)
        return error_memory(err, "the examples");
    data_rows(d, DATA_TRAIN, NULL, 0, wanted, num_stream(0, "data/show"), 0, x);
    if (data_is_image(d)) {
        size_t line = fit > 0 ? fit : 1;
        for (size_t first = 0; first < wanted; first += line)
            draw_images(&t, d, DATA_TRAIN, x + first * data_features(d), wanted - first < line ? wanted - first : line);
    } else {
        draw_points(&t, d, x, wanted);
    }
    printf("\n%s", text_string(&t));
    mem_free(x);
    int failed = t.failed;
    text_free(&t);
    return failed ? error_memory(err, "the examples") : 0;
}

static int print_classes(const Data *d, DataSplit split, Error *err)
{
    int classes = data_classes(d);
    size_t *count = mem_array((size_t)classes + 1, sizeof *count);
    if (count == NULL)
        return error_memory(err, "the classes");
    for (size_t i = 0; i < data_count(d, split); i++) {
        int label = data_label(d, split, i);
        count[label >= 0 && label < classes ? label : classes]++;
    }
    printf("         ");
    for (int c = 0; c < classes; c++)
        printf(" %d:%zu", c, count[c]);
    printf("\n");
    mem_free(count);
    return 0;
}

static int show(const char *name, const DataOptions *how, Error *err)
{
    Data *d = data_open(name, how, err);
    if (d == NULL)
        return -1;
    size_t pairs, repeats;
    int status = data_overlap(d, &pairs, &repeats, err);
    if (data_is_image(d))
        printf("%s: images, height %zu, width %zu\n", data_description(d), data_height(d), data_width(d));
    else
        printf("%s: points of %zu numbers\n", data_name(d), data_features(d));
    for (int s = 0; status == 0 && s < DATA_SPLITS; s++) {
        if (data_count(d, (DataSplit)s) == 0)
            continue;
        printf("  %-6s %7zu  sha256 %s\n", split_names[s], data_count(d, (DataSplit)s),
               data_split_digest(d, (DataSplit)s));
        if (data_classes(d) > 0)
            status = print_classes(d, (DataSplit)s, err);
    }
    if (status == 0) {
        printf("  digest          sha256 %s\n", data_digest(d));
        printf("  examples in two splits: %zu; repeated within their split: %zu\n", pairs, repeats);
        status = draw_examples(d, err);
    }
    data_free(d);
    return status;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static int choose_binarise(DataBinarise *how, Error *err)
{
    static const char *const names[] = {"grey", "static", "dynamic"};
    for (int i = 0; binarise != NULL && i < 3; i++) {
        if (strcmp(binarise, names[i]) == 0) {
            *how = (DataBinarise)i;
            return 0;
        }
    }
    if (binarise == NULL)
        return 0;
    error_set(err, ERR_USAGE, "--binarise: there is no way '%s'", binarise);
    return error_expected(err, "grey, static or dynamic");
}

/* `data show NAME`, and with --npy also `data show --run RUN`. */
static int show_or_write(const char *name, const DataOptions *how, Error *err)
{
    const char *option = npy.run != NULL     ? "--run"
                         : npy.split != NULL ? "--split"
                         : npy.rows != NULL  ? "--rows"
                         : npy.use != NULL   ? "--for"
                         : npy.seed != NULL  ? "--seed"
                         : npy.epoch > 0     ? "--epoch"
                         : npy.force         ? "--force"
                                             : NULL;
    if (npy.file == NULL && option != NULL) {
        error_set(err, ERR_USAGE, "%s is about the rows that --npy writes", option);
        return error_hint(err, "add --npy FILE");
    }
    if (npy.run != NULL && (name != NULL || binarise != NULL || train > 0 || valid > 0 || test > 0)) {
        error_set(err, ERR_USAGE, "--run: the recorded run says which data set it is, and how it was binarised");
        error_found(err, "%s as well", name != NULL ? name : "--binarise, --train, --valid or --test");
        return error_hint(err, "vae-lab data show --run %s --npy FILE", npy.run);
    }
    return npy.file != NULL ? cli_data_npy(name, how, &npy, err) : show(name, how, err);
}

static int data(int operands, char **operand, Error *err)
{
    static const char expected[] = "list, fetch NAME, import FOLDER [NAME], verify [NAME] or show NAME";
    const char *dir = cli_shared.data_dir, *what = operands > 0 ? operand[0] : "list",
               *name = operands > 1 ? operand[1] : NULL;
    DataOptions how = {.dir = dir, .train = (size_t)train, .valid = (size_t)valid, .test = (size_t)test};
    if (choose_binarise(&how.binarise, err) != 0 ||
        cli_operands(operands, operand, 0, 3, expected, err) != 0)
        return -1;
    if (strcmp(what, "fetch") == 0 && name != NULL && operands == 2)
        return cli_fetch(name, dir, from, stall, err);
    if (strcmp(what, "import") == 0 && name != NULL)
        return cli_import_data(name, operands > 2 ? operand[2] : NULL, dir, err);
    if (dir != NULL && access(dir, F_OK) != 0) {
        error_set(err, ERR_FILE, "there is no such folder for data");
        return error_where(err, "--data-dir %s", dir);
    }
    if (strcmp(what, "list") == 0 && name == NULL)
        return list(err);
    if (strcmp(what, "verify") == 0 && operands < 3)
        return name == NULL ? verify_all(dir, err) : data_verify(name, dir, stdout, err);
    if (strcmp(what, "show") == 0 && (name != NULL || npy.run != NULL) && operands < 3)
        return show_or_write(name, &how, err);
    error_set(err, ERR_USAGE, "data: wrong arguments");
    error_found(err, "%s%s%s", what, name != NULL ? " " : "", name != NULL ? name : "");
    return error_expected(err, "%s", expected);
}

const CliCommand cli_data = {
    .name = "data", .arguments = "list | fetch NAME | import FOLDER [NAME] | verify [NAME] | show NAME",
    .summary = "the data sets",
    .options = options, .run = data,
    .notes = "  vae-lab data list                 which data sets exist, and which of them are here\n"
             "  vae-lab data fetch NAME           download what is missing of mnist, fashion-mnist or kmnist, and verify it\n"
             "  vae-lab data import FOLDER [NAME] copy the verified files of a set from another folder; no name: of all\n"
             "  vae-lab data verify [NAME]        compare the files with the published checksums; no name: all\n"
             "  vae-lab data show NAME            counts, classes, digests, and a few examples\n"
             "  vae-lab data show NAME --npy FILE the pixels as an array; with --run RUN those that a run saw\n"
             "\n"
             "A data set of your own opens by its path: idx:IMAGES[,LABELS].\n"
             "\n"
             "A download that was cut or stopped goes on with the same command. Files go to data/NAME, or to DIR/NAME\n"
             "with --data-dir DIR.\n"
             "\n"
             "example: vae-lab data fetch mnist\n"
             "example: vae-lab data show mnist --data-dir ~/data\n"
             "example: vae-lab data show mnist --binarise static --rows 1:100 --npy first.npy\n"
             "example: vae-lab data show --run 12 --split train --epoch 3 --npy epoch3.npy\n",
};
