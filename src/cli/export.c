/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/export.c: the parts of a run as files of other programs: weights, curves, recorded posteriors.
 *
 * Arrays have the names, shapes and bytes of the record: a weight matrix is (in, out), a bias (1, out).
 */
#include "cli/export.h"

#include "base/digest.h"
#include "base/mem.h"
#include "cli/table.h"
#include "data/npz.h"
#include "data/safetensors.h"
#include "infer/infer.h"
#include "store/read.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* All machines that this program is built for store the low byte first, as both formats do. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "exported arrays are little-endian");

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

/* A borrowed block as an array of one or two axes (columns 0: one). */
static int add_array(DataArrays *arrays, const char *name, DataElement element, size_t rows, size_t columns,
                     const void *block, Error *err)
{
    static const char *const dtype[] = {[DATA_F32] = "F32", [DATA_F64] = "F64", [DATA_I64] = "I64"};
    DataArray *array = data_arrays_add(arrays, name, err);
    if (array == NULL)
        return -1;
    snprintf(array->dtype, sizeof array->dtype, "%s", dtype[element]);
    array->element = element;
    array->rank = columns == 0 ? 1 : 2;
    array->dim[0] = rows;
    array->dim[1] = columns;
    array->bytes = block;
    return data_array_measure(array, data_element_size(element), &array->size);
}

/* A column of numbers that grows. */
typedef struct NumberColumn {
    Text bytes;
    size_t count;
} NumberColumn;

static void column_add(NumberColumn *c, const void *value, size_t size)
{
    text_add_bytes(&c->bytes, value, size);
    c->count++;
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static const char *const metadata_names[] = {"digest", "identity", "experiment",  "label",
                                             "seed",   "data",     "data_digest", "imported"};
enum { METADATA = sizeof metadata_names / sizeof metadata_names[0] };

/* What a file says about the run that its weights are from. */
typedef struct ExportedRun {
    char text[METADATA][256];
} ExportedRun;

/* STORE_RUN_DETAILS */
static int take_details(void *context, int columns, const char *const *names, const StoreValue *v)
{
    ExportedRun *run = context;
    for (int i = 0; i < columns; i++)
        for (size_t k = 0; k < METADATA; k++)
            if (strcmp(names[i], metadata_names[k]) == 0) {
                if (v[i].type == STORE_INTEGER)
                    snprintf(run->text[k], sizeof run->text[k], "%" PRId64, v[i].integer);
                else if (v[i].type == STORE_TEXT)
                    snprintf(run->text[k], sizeof run->text[k], "%s", (const char *)v[i].bytes);
            }
    return 0;
}

/* The weights must be those that the run recorded. */
static int check_digest(const GraphParams *params, const char *recorded, int64_t run, Error *err)
{
    char digest[DIGEST_TEXT];
    graph_params_digest(params, digest);
    if (recorded[0] == '\0' || strcmp(digest, recorded) == 0)
        return 0;
    error_set(err, ERR_STORE, "the weights of run %" PRId64 " are not those that it recorded", run);
    error_found(err, "digest %s", digest);
    error_expected(err, "digest %s", recorded);
    return error_hint(err, "was the database edited?");
}

static int write_weights(Text *out, GraphParams *params, const ExportedRun *run, CliExportFormat format, Error *err)
{
    DataArrays arrays = {0};
    SafetensorsText metadata[METADATA + 2] = {{"format", "vae-lab"}, {"vae_lab_version", VAE_LAB_VERSION}};
    size_t n = 2;
    int status = 0;
    for (size_t k = 0; k < METADATA; k++)
        if (run->text[k][0] != '\0')
            metadata[n++] = (SafetensorsText){metadata_names[k], run->text[k]};
    for (size_t i = 0; i < graph_params_arrays(params) && status == 0; i++) {
        NumShape shape = graph_params_shape(params, i);
        status = add_array(&arrays, graph_params_name(params, i), DATA_F32, shape.n[NUM_BATCH], shape.n[NUM_FEATURES],
                           (const float *)graph_params_block(params) + graph_params_offset(params, i), err);
    }
    if (status == 0)
        status = format == CLI_NPZ ? npz_write(out, &arrays, err) : safetensors_write(out, &arrays, metadata, n, err);
    data_arrays_free(&arrays);
    return status;
}

static int export_weights(Text *out, Store *s, int64_t id, CliExportFormat format, Error *err)
{
    ExportedRun run = {0};
    if (store_run_read(s, id, STORE_RUN_DETAILS, take_details, &run, err) != 0)
        return -1;
    InferModel *model = infer_model_open(s, id, err);
    if (model == NULL)
        return -1;
    GraphParams *params = infer_model_params(model);
    int status = check_digest(params, run.text[0], id, err);
    if (status == 0)
        status = write_weights(out, params, &run, format, err);
    infer_model_free(model);
    return status;
}

/* ---- curves ------------------------------------------------------------------------------------------------------ */

/* STORE_RUN_METRICS: metric, step, value; what is not finite is a text. */
static int take_metric_csv(void *context, int columns, const char *const *names, const StoreValue *v)
{
    Text *out = context;
    (void)names;
    for (int i = 0; i < columns; i++) {
        text_add(out, i > 0 ? "," : "");
        cli_csv_value(out, &v[i]);
    }
    text_add(out, "\r\n");
    return out->failed;
}

/* The curves that are read; for each metric its steps and its values. */
typedef struct CurveArrays {
    struct {
        char name[128];
        NumberColumn step, value;
    } * curve;
    size_t count, capacity;
    int failed;
} CurveArrays;

static double number_of(const StoreValue *v)
{
    if (v->type != STORE_TEXT)
        return v->real;
    return strcmp(v->bytes, "inf") == 0 ? HUGE_VAL : strcmp(v->bytes, "-inf") == 0 ? -HUGE_VAL : NAN;
}

static int take_metric(void *context, int columns, const char *const *names, const StoreValue *v)
{
    CurveArrays *c = context;
    double value = number_of(&v[2]);
    (void)columns, (void)names;
    if (c->count == 0 || strcmp(c->curve[c->count - 1].name, store_text_of(&v[0])) != 0) {
        void *list = mem_room(c->curve, c->count, &c->capacity, sizeof *c->curve);
        if (list == NULL)
            return c->failed = 1;
        c->curve = list;
        snprintf(c->curve[c->count++].name, sizeof c->curve->name, "%s", store_text_of(&v[0]));
    }
    column_add(&c->curve[c->count - 1].step, &v[1].integer, sizeof v[1].integer);
    column_add(&c->curve[c->count - 1].value, &value, sizeof value);
    return 0;
}

static int curve_arrays(Text *out, CurveArrays *c, Error *err)
{
    DataArrays arrays = {0};
    int status = c->failed ? error_memory(err, "curves") : 0;
    for (size_t i = 0; i < c->count && status == 0; i++) {
        char name[144];
        const NumberColumn *step = &c->curve[i].step, *value = &c->curve[i].value;
        snprintf(name, sizeof name, "%s.step", c->curve[i].name);
        if (step->bytes.failed || value->bytes.failed)
            status = error_memory(err, "curves");
        else if (add_array(&arrays, c->curve[i].name, DATA_F64, value->count, 0, value->bytes.data, err) != 0 ||
                 add_array(&arrays, name, DATA_I64, step->count, 0, step->bytes.data, err) != 0)
            status = -1;
    }
    if (status == 0)
        status = npz_write(out, &arrays, err);
    data_arrays_free(&arrays);
    return status;
}

static int export_curves(Text *out, Store *s, int64_t run, CliExportFormat format, Error *err)
{
    CurveArrays curves = {0};
    if (format == CLI_CSV_FILE) {
        text_add(out, "metric,step,value\r\n");
        return store_run_read(s, run, STORE_RUN_METRICS, take_metric_csv, out, err);
    }
    int status = store_run_read(s, run, STORE_RUN_METRICS, take_metric, &curves, err);
    if (status == 0)
        status = curve_arrays(out, &curves, err);
    for (size_t i = 0; i < curves.count; i++) {
        text_free(&curves.curve[i].step.bytes);
        text_free(&curves.curve[i].value.bytes);
    }
    mem_free(curves.curve);
    return status;
}

/* ---- posteriors -------------------------------------------------------------------------------------------------- */

typedef struct PosteriorColumns {
    NumberColumn example, label, mu, sigma;
    size_t latent; /* dimensions of z */
    int odd;       /* rows of different sizes */
} PosteriorColumns;

/* STORE_RUN_POSTERIORS: example, label, mu, sigma. */
static int take_posterior(void *context, int columns, const char *const *names, const StoreValue *v)
{
    PosteriorColumns *p = context;
    int64_t label = v[1].type == STORE_INTEGER ? v[1].integer : -1;
    (void)columns, (void)names;
    if (p->example.count == 0)
        p->latent = v[2].size / sizeof(float);
    if (v[2].size != p->latent * sizeof(float) || v[3].size != v[2].size)
        return p->odd = 1;
    column_add(&p->example, &v[0].integer, sizeof v[0].integer);
    column_add(&p->label, &label, sizeof label);
    column_add(&p->mu, v[2].bytes, v[2].size);
    column_add(&p->sigma, v[3].bytes, v[3].size);
    return 0;
}

/* mu or sigma of example i */
static void add_vector(Text *out, const NumberColumn *c, size_t i, size_t width)
{
    for (size_t j = 0; j < width; j++) {
        float value;
        memcpy(&value, c->bytes.data + (i * width + j) * sizeof value, sizeof value);
        text_add(out, ",");
        text_add_number(out, (double)value);
    }
}

static void posterior_csv(Text *out, const PosteriorColumns *p)
{
    text_add(out, "example,label");
    for (size_t j = 0; j < 2 * p->latent; j++)
        text_addf(out, ",%s%zu", j < p->latent ? "mu" : "sigma", j % p->latent + 1);
    text_add(out, "\r\n");
    for (size_t i = 0; i < p->example.count; i++) {
        int64_t number[2];
        memcpy(&number[0], p->example.bytes.data + i * sizeof number[0], sizeof number[0]);
        memcpy(&number[1], p->label.bytes.data + i * sizeof number[1], sizeof number[1]);
        text_addf(out, "%" PRId64 ",", number[0]);
        if (number[1] >= 0)
            text_addf(out, "%" PRId64, number[1]);
        add_vector(out, &p->mu, i, p->latent);
        add_vector(out, &p->sigma, i, p->latent);
        text_add(out, "\r\n");
    }
}

static int posterior_arrays(Text *out, const PosteriorColumns *p, Error *err)
{
    DataArrays arrays = {0};
    size_t n = p->example.count;
    int status = add_array(&arrays, "example", DATA_I64, n, 0, p->example.bytes.data, err);
    if (status == 0)
        status = add_array(&arrays, "label", DATA_I64, n, 0, p->label.bytes.data, err);
    if (status == 0)
        status = add_array(&arrays, "mu", DATA_F32, n, p->latent, p->mu.bytes.data, err);
    if (status == 0)
        status = add_array(&arrays, "sigma", DATA_F32, n, p->latent, p->sigma.bytes.data, err);
    if (status == 0)
        status = npz_write(out, &arrays, err);
    data_arrays_free(&arrays);
    return status;
}

static int export_posteriors(Text *out, Store *s, int64_t run, CliExportFormat format, Error *err)
{
    PosteriorColumns p = {0};
    int status = store_run_read(s, run, STORE_RUN_POSTERIORS, take_posterior, &p, err);
    if (status == 0 && p.odd)
        status = error_set(err, ERR_STORE, "run %" PRId64 " has recorded posteriors of different sizes", run);
    if (status == 0 && (p.example.bytes.failed || p.label.bytes.failed || p.mu.bytes.failed || p.sigma.bytes.failed))
        status = error_memory(err, "posteriors");
    if (status == 0 && p.example.count == 0) {
        status = error_set(err, ERR_STORE, "run %" PRId64 " has no recorded posteriors", run);
        error_hint(err, "lab.eval.posteriors() records them: add it to the script's evaluate, and run it again");
    }
    if (status == 0 && format == CLI_NPZ)
        status = posterior_arrays(out, &p, err);
    else if (status == 0)
        posterior_csv(out, &p);
    NumberColumn *const columns[] = {&p.example, &p.label, &p.mu, &p.sigma};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        text_free(&columns[i]->bytes);
    return status;
}

/* ---- any part ---------------------------------------------------------------------------------------------------- */

int cli_export_run(Text *out, Store *s, int64_t run, CliExportPart part, CliExportFormat format, Error *err)
{
    int status = part == CLI_WEIGHTS  ? export_weights(out, s, run, format, err)
                 : part == CLI_CURVES ? export_curves(out, s, run, format, err)
                                      : export_posteriors(out, s, run, format, err);
    return status == 0 && out->failed ? error_memory(err, "an exported file") : status;
}
