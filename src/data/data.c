/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/data.c: opens a data set: reads or draws it, takes the splits, refuses overlaps, binarises, digests; then gives
 * rows.
 *
 * A set has one or two parts (the published training and test files); a split is a range of examples of a part.  The
 * number of an example is its place in the part, whatever the sizes of the splits, so that its static bits and its
 * drawing never change.
 */
#include "data/data.h"

#include "base/mem.h"
#include "base/text.h"
#include "data/catalogue.h"
#include "data/digits.h"
#include "data/idx.h"
#include "data/overlap.h"
#include "data/toys.h"
#include "num/elementwise.h"
#include "num/parallel.h"

#include <string.h>

enum { PARTS = 2, FROM_ONE_FILE = 7 /* an idx: file has no test split: its last seventh becomes one, as in MNIST */ };

typedef struct Split {
    unsigned part;
    size_t origin;        /* number of its first example in the part */
    size_t count;
    uint8_t *bytes;       /* (count, features), or NULL for points */
    float *points;        /* the same for points */
    const uint8_t *label; /* NULL: none */
    char digest[DIGEST_TEXT];
} Split;

struct Data {
    char *name;
    size_t features, width, height;
    int is_image, classes;
    const CatalogueSet *set;  /* its entry in the catalogue, or NULL */
    DataBinarise binarise;
    DataOptions options;      /* as it was opened */
    char *description;
    size_t part_count[PARTS]; /* examples in each part; where part 1 is empty, the test split is the tail of part 0 */
    size_t tail;
    Idx image[PARTS], label[PARTS]; /* read from files, or drawn */
    float *points;
    Split split[DATA_SPLITS];
    char digest[DIGEST_TEXT];
};

static const char *const split_names[DATA_SPLITS] = {"training", "validation", "test"};

/* ---- the splits -------------------------------------------------------------------------------------------------- */

static int too_many(Error *err, const char *what, size_t wanted, const char *most_of, size_t most)
{
    error_set(err, ERR_SCRIPT, "%s", what);
    error_found(err, "%zu", wanted);
    return error_expected(err, "%s %zu", most_of, most);
}

/* Training from the front, validation from the end of the training part, test from the front of its own. */
static int take_splits(Data *d, const DataOptions *o, Error *err)
{
    size_t pool = d->part_count[0] - d->tail;
    size_t tests = d->part_count[1] > 0 ? d->part_count[1] : d->tail;
    if (o->valid >= pool)
        return too_many(err, "valid takes all training examples", o->valid, "less than the training examples:", pool);
    if (o->train > pool - o->valid)
        return too_many(err, "train is larger than the data set", o->train,
                        o->valid > 0 ? "at most, without the validation examples," : "at most", pool - o->valid);
    if (o->test > tests)
        return too_many(err, "test is larger than the data set", o->test, "at most", tests);
    Split *s = d->split;
    s[DATA_TRAIN] = (Split){.count = o->train > 0 ? o->train : pool - o->valid};
    s[DATA_VALID] = (Split){.origin = pool - o->valid, .count = o->valid};
    s[DATA_TEST] = (Split){.count = o->test > 0 ? o->test : tests};
    if (d->part_count[1] > 0)
        s[DATA_TEST].part = 1;
    else
        s[DATA_TEST].origin = pool;
    return 0;
}

/* Sets the pointers of the splits into the blocks of the parts. */
static void attach(Data *d)
{
    for (int i = 0; i < DATA_SPLITS; i++) {
        Split *s = &d->split[i];
        s->bytes = d->image[s->part].bytes + s->origin * d->features;
        if (d->label[s->part].bytes != NULL)
            s->label = d->label[s->part].bytes + s->origin;
    }
}

/* ---- sources: digits, toys, files -------------------------------------------------------------------------------- */

static size_t examples(const Data *d)
{
    return d->split[DATA_TRAIN].count + d->split[DATA_VALID].count + d->split[DATA_TEST].count;
}

/* Only the examples of the splits are drawn: one block, split after split. */
static int open_digits(Data *d, const DataOptions *o, Error *err)
{
    d->features = DIGITS_PIXELS;
    d->width = d->height = DIGITS_SIDE;
    d->is_image = 1;
    d->classes = DIGITS_CLASSES;
    d->part_count[0] = DIGITS_TRAIN;
    d->part_count[1] = DIGITS_TEST;
    if (take_splits(d, o, err) != 0)
        return -1;
    uint32_t *order = mem_array(DIGITS_TRAIN, sizeof *order);
    uint8_t *next = d->image[0].bytes = mem_array(examples(d), DIGITS_PIXELS);
    for (int p = 0; p < PARTS; p++)
        d->label[p].bytes = mem_alloc(d->part_count[p]);
    if (order == NULL || next == NULL || d->label[0].bytes == NULL || d->label[1].bytes == NULL) {
        mem_free(order);
        return error_memory(err, "the digits");
    }
    for (int p = 0; p < PARTS; p++)
        digits_labels((DigitsPart)p, d->label[p].bytes, order);
    mem_free(order);
    for (int i = 0; i < DATA_SPLITS; i++) {
        Split *s = &d->split[i];
        s->label = d->label[s->part].bytes + s->origin;
        s->bytes = next;
        digits_draw((DigitsPart)s->part, s->origin, s->count, s->label, s->bytes);
        next += s->count * DIGITS_PIXELS;
    }
    return 0;
}

static int open_toy(Data *d, const Toy *toy, const DataOptions *o, Error *err)
{
    d->features = d->width = (size_t)toy->features;
    d->height = 1;
    d->classes = toy->classes;
    d->part_count[0] = TOY_TRAIN;
    d->part_count[1] = TOY_TEST;
    if (take_splits(d, o, err) != 0)
        return -1;
    float *next = d->points = mem_array(examples(d), d->features * sizeof *next);
    uint8_t *label = d->label[0].bytes = mem_alloc(examples(d));
    if (next == NULL || label == NULL)
        return error_memory(err, "the points");
    for (int i = 0; i < DATA_SPLITS; i++) {
        Split *s = &d->split[i];
        s->points = next;
        toy_draw(toy, s->part, s->origin, s->count, next, label);
        if (toy->classes > 0)
            s->label = label;
        next += s->count * d->features;
        label += s->count;
    }
    return 0;
}

/* The shape of the images.  Rank 2: rows of features; rank 4: the colours of a pixel follow each other. */
static void take_shape(Data *d, const Idx *image)
{
    d->is_image = 1;
    d->height = image->rank == 2 ? 1 : image->dim[1];
    d->width = (image->rank == 2 ? image->dim[1] : image->dim[2]) * (image->rank == 4 ? image->dim[3] : 1);
    d->features = d->height * d->width;
}

static int same_count(const Idx *image, const char *images, const Idx *label, const char *labels, Error *err)
{
    if (image->dim[0] == label->dim[0])
        return 0;
    error_set(err, ERR_FILE, "the numbers of images and labels differ");
    error_where(err, "%s, %s", images, labels);
    error_found(err, "%zu images, %zu labels", image->dim[0], label->dim[0]);
    return error_expected(err, "a label for each image");
}

/* Labels must be below `classes`; classes = 0 becomes the number of classes that the labels have. */
static int check_labels(Data *d, Error *err)
{
    int most = 0;
    for (int p = 0; p < PARTS; p++) {
        for (size_t i = 0; i < d->label[p].count; i++) {
            int label = d->label[p].bytes[i];
            most = label > most ? label : most;
            if (d->classes > 0 && label >= d->classes) {
                error_set(err, ERR_FILE, "a label is out of range");
                error_where(err, "the %s labels, byte %zu (example %zu, from 0)",
                            split_names[p == 0 ? DATA_TRAIN : DATA_TEST], i + 8, i);
                error_found(err, "%d", label);
                return error_expected(err, "0 to %d", d->classes - 1);
            }
        }
    }
    if (d->classes == 0 && d->label[0].count > 0)
        d->classes = most + 1;
    return 0;
}

static int open_set(Data *d, const CatalogueSet *set, const DataOptions *o, Error *err)
{
    char path[CATALOGUE_FILES][CATALOGUE_PATH];
    for (size_t i = 0; i < set->files; i++) /* all must exist before any is read */
        if (catalogue_path(path[i], set, &set->file[i], o->dir, err) != 0)
            return -1;
    for (size_t i = 0; i < set->files; i++) {
        int role = (int)set->file[i].role, part = role >= FILE_TEST_IMAGES;
        int labels = role == FILE_TRAIN_LABELS || role == FILE_TEST_LABELS;
        if (catalogue_read(labels ? &d->label[part] : &d->image[part], set, &set->file[i], path[i], err) != 0)
            return -1;
    }
    d->classes = set->entry.classes;
    d->tail = set->tail;
    d->set = set;
    for (int p = 0; p < PARTS; p++)
        d->part_count[p] = d->image[p].dim[0];
    take_shape(d, &d->image[0]);
    if (check_labels(d, err) != 0 || take_splits(d, o, err) != 0)
        return -1;
    attach(d);
    return 0;
}

/* idx:IMAGES[,LABELS] */
static int open_paths(Data *d, const char *paths, const DataOptions *o, Error *err)
{
    const char *comma = strchr(paths, ',');
    char *images = mem_string(paths);
    if (images == NULL)
        return error_memory(err, "a path");
    const char *labels = comma == NULL ? NULL : comma + 1;
    if (comma != NULL)
        images[comma - paths] = '\0';
    int status = idx_read(&d->image[0], images, 0, err);
    if (status == 0 && d->image[0].rank == 1) {
        error_set(err, ERR_FILE, "these are labels, not images");
        error_where(err, "%s", images);
        error_found(err, "an IDX file of rank 1");
        status = error_expected(err, "rank 2 (examples, features), 3 (examples, height, width) or 4 (…, colours)");
    }
    if (status == 0 && labels != NULL)
        status = idx_read(&d->label[0], labels, 1, err);
    if (status == 0 && labels != NULL)
        status = same_count(&d->image[0], images, &d->label[0], labels, err);
    if (status == 0 && d->image[0].dim[0] < 2) {
        error_set(err, ERR_FILE, "one example cannot be split into training and test");
        status = error_where(err, "%s", images);
    }
    mem_free(images);
    if (status != 0)
        return -1;
    d->part_count[0] = d->image[0].dim[0];
    d->tail = d->part_count[0] / FROM_ONE_FILE > 0 ? d->part_count[0] / FROM_ONE_FILE : 1;
    take_shape(d, &d->image[0]);
    if (check_labels(d, err) != 0 || take_splits(d, o, err) != 0)
        return -1;
    attach(d);
    return 0;
}

static int unknown(const char *name, Error *err)
{
    enum { MOST = 32 };
    const DataEntry *entry;
    const char *names[MOST], *nearest;
    size_t count = data_catalogue(&entry);
    Text all = {0};
    for (size_t i = 0; i < count && i < MOST; i++) {
        names[i] = entry[i].name;
        text_addf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    text_add(&all, ", or idx:IMAGES[,LABELS]");
    nearest = text_nearest(name, names, count < MOST ? count : MOST);
    error_set(err, ERR_FILE, "unknown data set \"%s\"", name);
    error_expected(err, "%s", text_string(&all));
    if (nearest != NULL)
        error_hint(err, "did you mean \"%s\"?", nearest);
    text_free(&all);
    return -1;
}

static int open_source(Data *d, const char *name, const DataOptions *o, Error *err)
{
    const CatalogueSet *set = catalogue_find(name);
    const Toy *toy = toy_find(name);
    if (strcmp(name, "digits") == 0)
        return open_digits(d, o, err);
    if (toy != NULL)
        return open_toy(d, toy, o, err);
    if (set != NULL)
        return open_set(d, set, o, err);
    if (strncmp(name, "idx:", 4) == 0)
        return open_paths(d, name + 4, o, err);
    return unknown(name, err);
}

/* ---- overlap, binarisation, digest ------------------------------------------------------------------------------- */

static size_t row_bytes(const Data *d)
{
    return d->features * (d->is_image ? 1 : sizeof(float));
}

static const void *rows_of(const Data *d, const Split *s)
{
    return d->is_image ? (const void *)s->bytes : (const void *)s->points;
}

static int refuse_overlap(const Data *d, Error *err)
{
    Overlap found;
    if (d->set != NULL && (d->set->shared || d->set->distinct))
        return 0;
    OverlapGroup group[OVERLAP_GROUPS];
    for (int i = 0; i < DATA_SPLITS; i++)
        group[i] = (OverlapGroup){rows_of(d, &d->split[i]), d->split[i].count};
    if (overlap_find(&found, group, row_bytes(d), err) != 0)
        return -1;
    if (found.pairs == 0)
        return 0;
    error_set(err, ERR_FILE, "the splits of \"%s\" overlap: test results would not be about unseen data", d->name);
    error_found(err, "%s example %zu equals %s example %zu (numbers from 0); %zu such pair%s in all",
                split_names[found.group[1]], found.example[1], split_names[found.group[0]], found.example[0],
                found.pairs, found.pairs == 1 ? "" : "s");
    error_expected(err, "each example in one split only");
    return error_hint(err, "remove the repeated examples from the file, or use smaller splits");
}

/* Static bits replace the bytes, so there is no second copy.  Address of a draw: (part, number in the part, pixel). */
static int binarise_static(Data *d, Error *err)
{
    NumStream stream = num_stream(0, "data/static");
    float *x = mem_array(d->features, sizeof *x);
    if (x == NULL)
        return error_memory(err, "binarisation");
    for (int i = 0; i < DATA_SPLITS; i++) {
        const Split *s = &d->split[i];
        for (size_t r = 0; r < s->count; r++) {
            uint8_t *row = s->bytes + r * d->features;
            num_stream_binarise(stream, s->part, (uint32_t)(s->origin + r), d->features, x, row);
            for (size_t j = 0; j < d->features; j++)
                row[j] = x[j] > 0.0f ? 255 : 0;
        }
    }
    mem_free(x);
    return 0;
}

static void digest_split(const Data *d, Split *s)
{
    char shape[128];
    Digest h;
    digest_start(&h);
    snprintf(shape, sizeof shape, "%s %zu %zu %zu %d", d->is_image ? "bytes" : "floats", s->count, d->height, d->width,
             d->classes);
    digest_string(&h, shape);
    if (d->is_image)
        digest_bytes(&h, s->bytes, s->count * d->features);
    else
        digest_floats(&h, s->points, s->count * d->features);
    if (s->label != NULL)
        digest_bytes(&h, s->label, s->count);
    digest_end(&h, s->digest);
}

/* The recorded digest of a split that is a whole part of verified files, or NULL. */
static const char *known_digest(const Data *d, const Split *s)
{
    int whole = s->count == d->part_count[s->part] && d->binarise != DATA_STATIC;
    return d->set != NULL && whole ? d->set->digest[s->part] : NULL;
}

static void digest_all(Data *d)
{
    /* part of every run's identity, so never renamed: "fresh" was the first name of dynamic binarisation */
    static const char *const how[] = {"grey", "static, seed 0", "fresh"};
    Digest h;
    digest_start(&h);
    for (int i = 0; i < DATA_SPLITS; i++) {
        Split *s = &d->split[i];
        const char *known = known_digest(d, s);
        if (known != NULL)
            memcpy(s->digest, known, DIGEST_TEXT);
        else
            digest_split(d, s);
        digest_string(&h, s->digest);
    }
    digest_string(&h, how[d->binarise]);
    digest_end(&h, d->digest);
}

static int describe(Data *d, Error *err)
{
    static const char *const how[] = {"grey", "static binarisation", "dynamic binarisation"};
    Text t = {0};
    text_add(&t, d->name);
    if (d->is_image)
        text_addf(&t, ", %s", how[d->binarise]);
    d->description = t.data; /* the data set owns the block of the text */
    return t.failed ? error_memory(err, "a data set's description") : 0;
}

/* ---- open and free ----------------------------------------------------------------------------------------------- */

Data *data_open(const char *name, const DataOptions *options, Error *err)
{
    Data *d = mem_alloc(sizeof *d);
    if (d == NULL || (d->name = mem_string(name)) == NULL) {
        mem_free(d);
        error_memory(err, "a data set");
        return NULL;
    }
    d->binarise = options->binarise;
    d->options = *options;
    d->options.dir = NULL; /* the caller's; where the files are is no part of what they are */
    int status = open_source(d, name, options, err);
    if (status == 0 && !d->is_image && d->binarise != DATA_GREY) {
        error_set(err, ERR_SCRIPT, "points have no pixels to binarise");
        error_where(err, "the data set \"%s\"", name);
        status = error_expected(err, "binarise = \"grey\"");
    }
    if (status == 0)
        status = refuse_overlap(d, err);
    if (status == 0 && d->binarise == DATA_STATIC)
        status = binarise_static(d, err);
    if (status == 0)
        status = describe(d, err);
    if (status != 0) {
        data_free(d);
        return NULL;
    }
    digest_all(d);
    return d;
}

void data_free(Data *d)
{
    if (d == NULL)
        return;
    for (int p = 0; p < PARTS; p++) {
        idx_free(&d->image[p]);
        idx_free(&d->label[p]);
    }
    mem_free(d->points);
    mem_free(d->name);
    mem_free(d->description);
    mem_free(d);
}

/* ---- what it is -------------------------------------------------------------------------------------------------- */

const char *data_name(const Data *d) { return d->name; }
const DataOptions *data_options(const Data *d) { return &d->options; }
const char *data_description(const Data *d) { return d->description; }
size_t data_count(const Data *d, DataSplit split) { return d->split[split].count; }
size_t data_features(const Data *d) { return d->features; }
size_t data_width(const Data *d) { return d->width; }
size_t data_height(const Data *d) { return d->height; }
int data_is_image(const Data *d) { return d->is_image; }
int data_classes(const Data *d) { return d->classes; }
const char *data_digest(const Data *d) { return d->digest; }
const char *data_split_digest(const Data *d, DataSplit split) { return d->split[split].digest; }

int data_label(const Data *d, DataSplit split, size_t example)
{
    const Split *s = &d->split[split];
    return s->label == NULL || example >= s->count ? -1 : s->label[example];
}

int data_overlap(const Data *d, size_t *pairs, size_t *repeats, Error *err)
{
    Overlap found;
    OverlapGroup group[OVERLAP_GROUPS];
    for (int i = 0; i < DATA_SPLITS; i++)
        group[i] = (OverlapGroup){rows_of(d, &d->split[i]), d->split[i].count};
    if (overlap_find(&found, group, row_bytes(d), err) != 0)
        return -1;
    *pairs = found.pairs;
    *repeats = found.repeats;
    return 0;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

typedef struct DataRows {
    const Data *data;
    const Split *split;
    const uint32_t *order;
    size_t first, rows;
    NumStream stream;
    uint64_t step;
    float *x;
} DataRows;

/* The number of row r's example. */
static size_t example(const DataRows *t, size_t r)
{
    return t->order != NULL ? t->order[t->first + r] : t->first + r;
}

enum { LINE = 64, AHEAD = 2 };

static void row(const void *task, size_t r)
{
    const DataRows *t = task;
    const Data *d = t->data;
    size_t i = example(t, r);
    float *x = t->x + r * d->features;
    if (!d->is_image) {
        memcpy(x, t->split->points + i * d->features, d->features * sizeof *x);
        return;
    }
    const uint8_t *bytes = t->split->bytes + i * d->features;
    if (r + AHEAD < t->rows) /* rows in random order are not in the cache: waiting took 40 % of this function */
        for (size_t j = 0; j < d->features; j += LINE)
            __builtin_prefetch(t->split->bytes + example(t, r + AHEAD) * d->features + j);
    if (d->binarise == DATA_DYNAMIC)
        num_stream_binarise(t->stream, t->step, (uint32_t)i, d->features, x, bytes);
    else
        num_grey_f32(d->features, x, bytes);
}

void data_rows(const Data *d, DataSplit split, const uint32_t *order, size_t first, size_t rows, NumStream stream,
               uint64_t step, float *x)
{
    size_t weight = d->binarise == DATA_DYNAMIC ? NUM_PARALLEL_DRAW : 1;
    num_parallel(rows, weight * rows * d->features, row,
                 &(DataRows){d, &d->split[split], order, first, rows, stream, step, x});
}

void data_labels(const Data *d, DataSplit split, const uint32_t *order, size_t first, size_t rows, float *y)
{
    memset(y, 0, rows * (size_t)d->classes * sizeof *y);
    for (size_t r = 0; r < rows; r++, y += d->classes) {
        int label = data_label(d, split, order != NULL ? order[first + r] : first + r);
        if (label >= 0)
            y[label] = 1.0f;
    }
}

enum { MEAN_COLUMNS = 1024, MEAN_ROWS = 256 /* so many bytes fit into a sum of 16 bits */ };

/* [OUT] sum (width): of columns of bytes, exact. */
static void sum_bytes(const uint8_t *bytes, size_t rows, size_t stride, size_t width, double *sum)
{
    for (size_t done = 0; done < rows; done += MEAN_ROWS) {
        uint16_t part[MEAN_COLUMNS] = {0};
        size_t end = rows - done < MEAN_ROWS ? rows : done + MEAN_ROWS;
        for (size_t i = done; i < end; i++) {
            const uint8_t *row = bytes + i * stride;
#pragma omp simd
            for (size_t j = 0; j < width; j++)
                part[j] = (uint16_t)(part[j] + row[j]);
        }
        for (size_t j = 0; j < width; j++)
            sum[j] += (double)part[j];
    }
}

/* Row after row: column blocks of one cache line took four times as long.  Sums of bytes are exact; points are added
 * in double, in ascending order. */
void data_mean(const Data *d, float *mean)
{
    const Split *s = &d->split[DATA_TRAIN];
    const double scale = 1.0 / (d->is_image ? 255.0 : 1.0) / (double)s->count;
    for (size_t from = 0; from < d->features; from += MEAN_COLUMNS) {
        double sum[MEAN_COLUMNS] = {0.0};
        size_t width = d->features - from < MEAN_COLUMNS ? d->features - from : MEAN_COLUMNS;
        if (d->is_image)
            sum_bytes(s->bytes + from, s->count, d->features, width, sum);
        else
            for (size_t i = 0, at = from; i < s->count; i++, at += d->features)
                for (size_t j = 0; j < width; j++)
                    sum[j] += (double)s->points[at + j];
        for (size_t j = 0; j < width; j++)
            mean[from + j] = (float)(sum[j] * scale);
    }
}
