/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/recorded.c: a data set's name and options as JSON, and the data set that such a text opens again.  It says how
 * to open the set; the digest says whether it is the same one.
 */
#include "data/data.h"

#include "base/option.h"
#include "data/catalogue.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const data_binarise_names[] = {[DATA_GREY] = "grey", [DATA_STATIC] = "static", [DATA_DYNAMIC] = "dynamic",
                                           NULL};

static const struct {
    const char *key;
    size_t offset; /* of a size_t in DataOptions */
} sizes[] = {
    {"test", offsetof(DataOptions, test)},
    {"train", offsetof(DataOptions, train)},
    {"valid", offsetof(DataOptions, valid)},
};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static size_t *size_at(DataOptions *o, size_t i)
{
    return (size_t *)(void *)((char *)o + sizes[i].offset);
}

void data_recorded_text(const Data *d, Text *text)
{
    DataOptions o = *data_options(d);
    text_add(text, "{\"binarise\":");
    text_add_json(text, data_binarise_names[o.binarise]);
    text_add(text, ",\"name\":");
    text_add_json(text, data_name(d));
    for (size_t i = 0; i < SIZES; i++)
        text_addf(text, ",\"%s\":%zu", sizes[i].key, *size_at(&o, i));
    text_add(text, "}");
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int damaged(const char *key, const char *expected, Error *err)
{
    error_set(err, ERR_STORE, "the recorded options of a data set are damaged");
    error_where(err, "\"%s\"", key);
    return error_expected(err, "%s", expected);
}

static int read_options(const json_t *json, DataOptions *o, Error *err)
{
    static const Option binarise = {.choices = data_binarise_names};
    const char *how = json_string_value(json_object_get(json, "binarise"));
    int choice = how == NULL ? -1 : option_choice(&binarise, how);
    if (choice < 0)
        return damaged("binarise", "\"grey\", \"static\" or \"dynamic\"", err);
    o->binarise = (DataBinarise)choice;
    for (size_t i = 0; i < SIZES; i++) {
        const json_t *size = json_object_get(json, sizes[i].key);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return damaged(sizes[i].key, "a whole number, not negative", err);
        *size_at(o, i) = (size_t)json_integer_value(size);
    }
    return 0;
}

/* A pipe or a device of a stranger's database might never end. */
static int is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

/* Adds the path itself where the file is there, else its name in `dir` where it is there.  Returns whether the file is
 * no regular one. */
static int add_place(Text *t, const char *path, const char *dir)
{
    Text other = {0};
    const char *slash = strrchr(path, '/');
    text_addf(&other, "%s/%s", catalogue_folder(dir), slash == NULL ? path : slash + 1);
    int elsewhere = access(path, F_OK) != 0 && access(text_string(&other), F_OK) == 0;
    const char *place = elsewhere ? text_string(&other) : path;
    int special = is_special(place);
    text_add(t, place);
    t->failed |= other.failed;
    text_free(&other);
    return special;
}

/* "idx:IMAGES[,LABELS]" with the places of the files; any other name as it is.  Returns whether one is no regular file. */
static int add_name(Text *t, const char *name, const char *dir)
{
    if (strncmp(name, "idx:", 4) != 0) {
        text_add(t, name);
        return 0;
    }
    Text images = {0};
    const char *comma = strchr(name, ',');
    text_add_bytes(&images, name + 4, comma == NULL ? strlen(name + 4) : (size_t)(comma - name - 4));
    text_add(t, "idx:");
    int special = add_place(t, text_string(&images), dir);
    if (comma != NULL) {
        text_add(t, ",");
        special |= add_place(t, comma + 1, dir);
    }
    t->failed |= images.failed;
    text_free(&images);
    return special;
}

static Data *open_json(const json_t *json, const char *dir, Error *err)
{
    DataOptions options = {.dir = dir};
    const char *name = json_string_value(json_object_get(json, "name"));
    if (name == NULL) {
        damaged("name", "a text", err);
        return NULL;
    }
    if (read_options(json, &options, err) != 0)
        return NULL;
    Text place = {0};
    int special = add_name(&place, name, dir);
    if (special)
        damaged("name", "regular files", err);
    if (place.failed)
        error_memory(err, "a data set");
    Data *d = special || place.failed ? NULL : data_open(text_string(&place), &options, err);
    text_free(&place);
    return d;
}

Data *data_open_recorded(const char *text, const char *dir, Error *err)
{
    json_error_t bad;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &bad);
    if (json == NULL) {
        error_set(err, ERR_STORE, "the recorded options of a data set are not JSON: %.150s", bad.text);
        error_found(err, "%.200s", text);
        return NULL;
    }
    Data *d = open_json(json, dir, err);
    json_decref(json);
    return d;
}
