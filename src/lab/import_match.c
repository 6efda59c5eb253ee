/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/import_match.c: fills a model's parameters from a file's arrays, or says for every array why it does not fit.
 */
#include "base/mem.h"
#include "lab/import.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

/* How an array of a file fills one of ours. */
typedef enum { FITS_NOT, FITS, FITS_TRANSPOSED, FITS_BOTH } ArrayFit;

static void add_shape(Text *t, const DataArray *a)
{
    text_add(t, "(");
    for (int i = 0; i < a->rank; i++)
        text_addf(t, "%zu%s", a->dim[i], i + 1 < a->rank ? ", " : a->rank == 1 ? "," : "");
    text_add(t, ")");
}

/* [OUT] rows and columns of an array seen as a matrix: axes of 1 in front are left out, a vector is one row; of more than
 * two axes the first is the rows (a PyTorch convolution: (out, in, height, width)). */
static void as_matrix(const DataArray *a, size_t *rows, size_t *columns)
{
    int first = 0;
    while (first < a->rank - 1 && a->dim[first] == 1)
        first++;
    *rows = a->rank - first < 2 ? 1 : a->dim[first];
    *columns = *rows == 0 ? 0 : a->count / *rows;
}

static ArrayFit fit(const DataArray *a, size_t rows, size_t columns)
{
    size_t r, c;
    as_matrix(a, &r, &c);
    if (a->count != rows * columns)
        return FITS_NOT;
    if (rows == 1 || columns == 1) /* a vector has the same elements in the same order either way */
        return r == 1 || c == 1 ? FITS : FITS_NOT;
    if (r == rows && c == columns)
        return r == c ? FITS_BOTH : FITS;
    return r == columns && c == rows ? FITS_TRANSPOSED : FITS_NOT;
}

/* ---- one array --------------------------------------------------------------------------------------------------- */

/* What the matching of all arrays shares. */
typedef struct ImportMatch {
    GraphParams *params;
    const LabImportSource *source;
    Text *differences, *notes;
    size_t count;         /* of differences */
    unsigned char *taken; /* of each array of the file */
} ImportMatch;

/* One of our arrays, and the one that fills it. */
typedef struct ImportPair {
    const char *name;
    size_t rows, columns;
    float *to; /* (rows, columns) */
    const DataArray *from;
    LabOrientation orientation;
    int mapped;
} ImportPair;

/* Begins a line about a pair: "shape       decoder.0.W (2, 32) = dec.weight (3, 32) float32". */
static void differs(ImportMatch *m, const char *how, const ImportPair *p)
{
    m->count++;
    text_addf(m->differences, "  %-11s %s (%zu, %zu)", how, p->name, p->rows, p->columns);
    if (p->from != NULL) {
        text_addf(m->differences, " = %s ", p->from->name);
        add_shape(m->differences, p->from);
        text_addf(m->differences, " %s", p->from->dtype);
    }
}

/* [OUT] *transpose.  -1 where the array does not fit, or a square matrix leaves it open. */
static int orientation_of(ImportMatch *m, const ImportPair *p, int *transpose)
{
    ArrayFit how = fit(p->from, p->rows, p->columns);
    int vector = p->rows == 1 || p->columns == 1;
    int inferred = how == FITS_TRANSPOSED && p->orientation == LAB_EITHER && !m->source->arrays->own;
    if (how == FITS_BOTH && p->orientation == LAB_EITHER && p->mapped) {
        differs(m, "ambiguous", p);
        text_add(m->differences, ": a square matrix; write transpose (PyTorch's Linear) or keep after its name\n");
        return -1;
    }
    if (inferred) {
        text_addf(m->notes, "%s is transposed: %s is ", p->name, p->from->name);
        add_shape(m->notes, p->from);
        text_add(m->notes, "\n");
    }
    *transpose = !vector && (inferred || p->orientation == LAB_TRANSPOSE);
    if (how == FITS_BOTH || how == (*transpose ? FITS_TRANSPOSED : FITS))
        return 0;
    differs(m, "shape", p);
    text_add(m->differences, *transpose ? ", transposed\n" : "\n");
    return -1;
}

static int right_type(ImportMatch *m, const ImportPair *p)
{
    DataElement e = p->from->element;
    int convertible = e == DATA_F64 || e == DATA_F16 || e == DATA_BF16;
    if (e == DATA_F32 || (convertible && m->source->convert))
        return 1;
    differs(m, "type", p);
    text_add(m->differences, convertible ? ": --convert rounds it to float32\n" : ": no floating-point numbers\n");
    return 0;
}

/* Copies the elements, transposed where the file's matrix is (columns, rows). */
static int copy(ImportMatch *m, const ImportPair *p, int transpose, Error *err)
{
    size_t n = p->rows * p->columns, bad = n;
    float *values = mem_array(n, sizeof *values);
    if (values == NULL)
        return error_memory(err, "an imported array");
    data_array_floats(p->from, values);
    for (size_t i = n; i-- > 0;)
        bad = isfinite(values[i]) ? bad : i;
    if (bad < n) {
        differs(m, "not finite", p);
        text_addf(m->differences, ": element %zu is %g\n", bad, (double)values[bad]);
    }
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->columns; j++)
            p->to[i * p->columns + j] = values[transpose ? j * p->rows + i : i * p->columns + j];
    mem_free(values);
    return 0;
}

/* Arrays of the file that nothing has taken and that would fit: a missing name may be one of them. */
static void add_candidates(ImportMatch *m, const ImportPair *p)
{
    enum { SHOWN = 4 };
    size_t found = 0;
    for (size_t i = 0; i < m->source->arrays->count && found < SHOWN; i++) {
        const DataArray *a = &m->source->arrays->array[i];
        if (m->taken[i] || fit(a, p->rows, p->columns) == FITS_NOT)
            continue;
        text_addf(m->differences, "%s%s", found++ == 0 ? "; of this size: " : ", ", a->name);
    }
    text_add(m->differences, "\n");
}

/* ---- all arrays -------------------------------------------------------------------------------------------------- */

static LabArrayName *row_of(const LabArrayNames *names, const char *ours)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->row[i].ours, ours) == 0)
            return &names->row[i];
    return NULL;
}

/* [OUT] the pair of our array i, whose `from` is NULL where the file lacks it. */
static ImportPair pair_of(ImportMatch *m, size_t i)
{
    NumShape shape = graph_params_shape(m->params, i);
    const char *name = graph_params_name(m->params, i);
    LabArrayName *row = row_of(m->source->names, name);
    if (row != NULL)
        row->used = 1;
    return (ImportPair){
        .name = name,
        .rows = shape.n[NUM_BATCH],
        .columns = shape.n[NUM_FEATURES],
        .to = (float *)graph_params_block(m->params) + graph_params_offset(m->params, i),
        .from = data_arrays_find(m->source->arrays, row != NULL ? row->theirs : name),
        .orientation = row != NULL ? row->orientation : LAB_EITHER,
        .mapped = row != NULL,
    };
}

static int match_array(ImportMatch *m, size_t i, Error *err)
{
    int transpose;
    ImportPair p = pair_of(m, i);
    if (p.from == NULL)
        return 0;
    int typed = right_type(m, &p);
    return orientation_of(m, &p, &transpose) == 0 && typed ? copy(m, &p, transpose, err) : 0;
}

static void add_missing(ImportMatch *m, size_t i)
{
    ImportPair p = pair_of(m, i);
    LabArrayName *row = row_of(m->source->names, p.name);
    if (p.from != NULL)
        return;
    differs(m, "missing", &p);
    if (row != NULL)
        text_addf(m->differences, ": the file has no %s", row->theirs);
    add_candidates(m, &p);
}

static void add_unexpected(ImportMatch *m)
{
    for (size_t i = 0; i < m->source->arrays->count; i++) {
        const DataArray *a = &m->source->arrays->array[i];
        if (m->taken[i])
            continue;
        m->count++;
        text_addf(m->differences, "  %-11s %s ", "unexpected", a->name);
        add_shape(m->differences, a);
        text_addf(m->differences, " %s\n", a->dtype);
    }
}

static void add_unused_names(ImportMatch *m)
{
    for (size_t i = 0; i < m->source->names->count; i++) {
        const LabArrayName *row = &m->source->names->row[i];
        if (row->used)
            continue;
        m->count++;
        text_addf(m->differences, "  %-11s %s = %s: %s\n", "map", row->ours, row->theirs,
                  strcmp(row->ours, "-") == 0 ? "the file has no such array" : "the model has no such array");
    }
}

/* Marks the arrays that one of ours takes, and those that the map leaves out. */
static void mark_taken(ImportMatch *m)
{
    const DataArrays *arrays = m->source->arrays;
    for (size_t i = 0; i < graph_params_arrays(m->params); i++) {
        ImportPair p = pair_of(m, i);
        if (p.from != NULL)
            m->taken[p.from - arrays->array] = 1;
    }
    for (size_t i = 0; i < m->source->names->count; i++) {
        LabArrayName *row = &m->source->names->row[i];
        const DataArray *a = strcmp(row->ours, "-") == 0 ? data_arrays_find(arrays, row->theirs) : NULL;
        if (a == NULL)
            continue;
        m->taken[a - arrays->array] = 1;
        row->used = 1;
    }
}

int lab_import_match(GraphParams *params, const LabImportSource *source, Text *differences, Text *notes, Error *err)
{
    ImportMatch m = {.params = params, .source = source, .differences = differences, .notes = notes};
    size_t n = graph_params_arrays(params);
    int status = 0;
    m.taken = mem_alloc(source->arrays->count);
    if (m.taken == NULL)
        return error_memory(err, "the list of arrays");
    mark_taken(&m);
    for (size_t i = 0; i < n && status == 0; i++)
        status = match_array(&m, i, err);
    for (size_t i = 0; i < n; i++)
        add_missing(&m, i);
    add_unexpected(&m);
    add_unused_names(&m);
    mem_free(m.taken);
    if (status != 0 || differences->failed || notes->failed)
        return status != 0 ? status : error_memory(err, "the list of differences");
    if (m.count == 0)
        return 0;
    error_set(err, ERR_FILE, "the arrays of the file do not fit the model");
    error_found(err, "%zu difference%s", m.count, m.count == 1 ? "" : "s");
    error_expected(err, "the model's %zu arrays and no others", n);
    return error_hint(err,
                      "other names: --map OURS=THEIRS or --names FILE; an array that is not needed: --map -=THEIRS");
}
