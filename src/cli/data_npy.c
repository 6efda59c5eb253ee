/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/data_npy.c: rows of a split as a NumPy array.  Promise: with a run's number these are the pixels that it saw, to
 * the bit; a data set that is no longer the run's is refused.
 */
#include "cli/data_npy.h"

#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "data/npz.h"
#include "lab/plan.h"
#include "store/read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whose draws binarise the pixels: the streams of lab/training.c and of infer/batches.c. */
typedef enum { TRAINING, TESTING, EVALUATION, USES } Use;
static const char *const uses[] = {"training", "testing", "evaluation"};
static const char *const splits[] = {"train", "valid", "test"};

/* Where the pixels come from. */
typedef struct Source {
    Data *data;
    NumSeed seed;     /* of the run */
    NumSeed binarise; /* of the binarisation of its training pixels */
    long epochs;      /* of the run; 0: not known */
} Source;

/* ---- the options ------------------------------------------------------------------------------------------------- */

/* [OUT] *chosen: the place of the word in a list, `standard` where none is given. */
static int choose(const char *option, const char *word, const char *const *list, size_t count, int standard,
                  int *chosen, Error *err)
{
    *chosen = standard;
    for (size_t i = 0; word != NULL && i < count; i++)
        if (strcmp(word, list[i]) == 0) {
            *chosen = (int)i;
            return 0;
        }
    if (word == NULL)
        return 0;
    error_set(err, ERR_USAGE, "%s: there is no '%s'", option, word);
    return error_unknown(err, word, list, count);
}

/* A row's number at *at, from 1; moves *at behind it. */
static int read_row(const char **at, size_t *row)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(*at, &end, 10);
    if (**at < '0' || **at > '9' || errno != 0 || number < 1 || number > SIZE_MAX)
        return -1;
    *row = (size_t)number;
    *at = end;
    return 0;
}

/* [OUT] *first (from 0) and *rows: of "1:100", "5:", "7", or NULL: all of `count`. */
static int read_rows(const char *text, size_t count, const char *split, size_t *first, size_t *rows, Error *err)
{
    size_t from = 1, to = count;
    const char *at = text;
    int bad = 0;
    if (text != NULL) {
        bad = read_row(&at, &from) != 0;
        if (!bad && *at == '\0')
            to = from;
        else if (!bad && *at++ == ':' && *at != '\0')
            bad = read_row(&at, &to) != 0;
        bad |= *at != '\0' && at[-1] != ':';
    }
    if (bad || from > to || to > count) {
        error_set(err, ERR_USAGE, "--rows: the %s split has no such rows", split);
        error_found(err, "%s", text == NULL ? "no rows at all" : text);
        return error_expected(err, "1:%zu or a part of it, such as 1:100", count);
    }
    *first = from - 1;
    *rows = to - from + 1;
    return 0;
}

static int read_seed(const char *text, NumSeed *seed, Error *err)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        error_set(err, ERR_USAGE, "--seed: the value is missing or wrong");
        error_found(err, "%s", text);
        return error_expected(err, "a whole number, not negative");
    }
    seed->number = number;
    return 0;
}

/* ---- the source -------------------------------------------------------------------------------------------------- */

static int open_data(Source *s, const StoreRecordedRun *r, const char *dir, Error *err)
{
    if (r->data_options[0] == '\0') {
        error_set(err, ERR_STORE, "the options of its data set are not recorded: an earlier version trained it");
        return error_hint(err, "name the data set instead: vae-lab data show NAME --npy FILE");
    }
    s->data = data_open_recorded(r->data_options, dir, err);
    if (s->data == NULL || strcmp(data_digest(s->data), r->data_digest) == 0)
        return s->data == NULL ? -1 : 0;
    error_set(err, ERR_FILE, "the data set is not the one that the run was trained with");
    error_found(err, "SHA-256 %s", data_digest(s->data));
    return error_expected(err, "%s", r->data_digest);
}

static int open_run(Source *s, long long run, const char *dir, Error *err)
{
    StoreRecordedRun r;
    LabSpec spec = {.graph = NULL};
    LabPlan *plan = NULL;
    Store *store = cli_open(err);
    if (store == NULL)
        return -1;
    int status = store_recorded_run(store, run, &r, err);
    if (status == 0 && (plan = lab_plan_read(r.plan, &spec, err)) == NULL)
        status = -1;
    if (status == 0)
        status = open_data(s, &r, dir, err);
    spec.seed.number = r.seed;
    s->seed = spec.seed;
    s->binarise = lab_seed(&spec, LAB_BINARISE);
    s->epochs = spec.epochs;
    lab_plan_free(plan);
    store_recorded_run_free(&r);
    store_close(store);
    return status == 0 ? 0 : error_in(err, "run %lld", run);
}

/* ---- the array --------------------------------------------------------------------------------------------------- */

/* The stream and the step of the draws, of a dynamic binarisation. */
static NumStream stream_of(const Source *s, int use)
{
    static const char *const name[] = {"binarise", "test/binarise", "evaluate/binarise"};
    return num_stream_of(use == TRAINING ? s->binarise : s->seed, name[use]);
}

static int add_rows(Text *out, const Source *s, DataSplit split, size_t first, size_t rows, NumStream stream, long step,
                    Error *err)
{
    enum { AT_ONCE = 256 };
    size_t features = data_features(s->data);
    DataArray header = {.element = DATA_F32, .rank = 2, .dim = {rows, features}};
    float *x = mem_array(AT_ONCE, features * sizeof *x);
    if (x == NULL)
        return error_memory(err, "the rows");
    npy_header(out, &header);
    for (size_t done = 0, n; done < rows; done += n) {
        n = rows - done < AT_ONCE ? rows - done : AT_ONCE;
        data_rows(s->data, split, NULL, first + done, n, stream, (uint64_t)step, x);
        text_add_bytes(out, x, n * features * sizeof *x);
    }
    mem_free(x);
    return out->failed ? error_memory(err, "the rows") : 0;
}

static int write_out(const Text *out, const CliNpy *o, Error *err)
{
    if (strcmp(o->file, "-") != 0)
        return file_write(o->file, text_string(out), out->length, o->force, err);
    if (isatty(STDOUT_FILENO)) {
        error_set(err, ERR_USAGE, "an array is not written to a terminal");
        return error_hint(err, "give a file, --npy rows.npy, or a pipe");
    }
    fwrite(text_string(out), 1, out->length, stdout); /* cli_main reports a failure */
    return 0;
}

/* Seeds, uses and epochs matter to dynamic binarisation alone: elsewhere they are a misunderstanding. */
static int check_draws(const Source *s, const CliNpy *o, int use, Error *err)
{
    DataBinarise how = data_options(s->data)->binarise;
    const char *given = o->seed != NULL ? "--seed" : o->use != NULL ? "--for" : o->epoch > 0 ? "--epoch" : NULL;
    if (how != DATA_DYNAMIC && given != NULL) {
        fprintf(stderr, "note: %s changes nothing: %s pixels are the same in every run and epoch\n", given,
                data_binarise_names[how]);
        return 0;
    }
    if (o->epoch > 0 && use != TRAINING) {
        error_set(err, ERR_USAGE, "--epoch: pixels are binarised again in each epoch of training only");
        error_found(err, "--epoch %ld with --for %s", o->epoch, uses[use]);
        return error_hint(err, "--split train --for training --epoch %ld", o->epoch);
    }
    if (s->epochs == 0 || o->epoch <= s->epochs)
        return 0;
    error_set(err, ERR_USAGE, "--epoch: the run has no such epoch");
    error_found(err, "%ld", o->epoch);
    return error_expected(err, "1 to %ld", s->epochs);
}

/* --seed replaces the run's; that of evaluations is their option `seed`, from which their own follows with the run's
 * (lua/vae_lab/evaluations.lua). */
static int set_seeds(Source *s, const CliNpy *o, int use, Error *err)
{
    NumSeed given = num_seed(1);
    if (o->seed != NULL && read_seed(o->seed, &given, err) != 0)
        return -1;
    if (use == EVALUATION) {
        char name[40];
        snprintf(name, sizeof name, "run %" PRIu64, s->seed.number);
        s->seed.number = num_derived_seed(given.number, name);
    } else if (o->seed != NULL) {
        s->seed.number = s->binarise.number = given.number;
    }
    return 0;
}

static int write_rows(Source *s, const CliNpy *o, Error *err)
{
    int split, use;
    size_t first = 0, rows = 0;
    if (choose("--split", o->split, splits, DATA_SPLITS, DATA_TEST, &split, err) != 0 ||
        choose("--for", o->use, uses, USES, split == DATA_TRAIN ? TRAINING : TESTING, &use, err) != 0 ||
        check_draws(s, o, use, err) != 0 ||
        read_rows(o->rows, data_count(s->data, (DataSplit)split), splits[split], &first, &rows, err) != 0)
        return -1;
    if (set_seeds(s, o, use, err) != 0)
        return -1;
    long step = use != TRAINING ? 0 : o->epoch > 0 ? o->epoch : 1;
    Text out = {0};
    int status = add_rows(&out, s, (DataSplit)split, first, rows, stream_of(s, use), step, err);
    if (status == 0)
        status = write_out(&out, o, err);
    text_free(&out);
    return status;
}

int cli_data_npy(const char *name, const DataOptions *how, const CliNpy *o, Error *err)
{
    Source s = {.seed = num_seed(1), .binarise = num_seed(1)};
    long long run;
    int status = o->run == NULL                          ? ((s.data = data_open(name, how, err)) == NULL ? -1 : 0)
                 : cli_run_number(o->run, &run, err) != 0 ? -1
                                                          : open_run(&s, run, how->dir, err);
    if (status == 0)
        status = write_rows(&s, o, err);
    data_free(s.data);
    return status;
}
