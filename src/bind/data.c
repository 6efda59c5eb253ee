/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/data.c: data sets for Lua.  Examples count from 1.
 */
#include "bind/bind.h"

#include "bind/array.h"
#include "bind/watch.h"

Data *bind_data_check(lua_State *L, int index)
{
    return bind_box_check(L, index, BIND_DATA);
}

const char *const bind_splits[] = {"train", "valid", "test", NULL};

static DataSplit check_split(lua_State *L, int index)
{
    return (DataSplit)bind_choice(L, index, "split", bind_splits);
}

/* An example's number from 1, as an index from 0. */
static size_t check_example(lua_State *L, const Data *d, DataSplit split, int index)
{
    lua_Integer example = luaL_checkinteger(L, index);
    if (example < 1 || (size_t)example > data_count(d, split))
        luaL_error(L, "example %I does not exist: the split has %I", INT(example), INT(data_count(d, split)));
    return (size_t)example - 1;
}

/* ---- functions ---- */

/* --data-dir, or NULL. */
static const char *data_dir(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, BIND_SETTINGS);
    lua_getfield(L, -1, "data_dir");
    return lua_tostring(L, -1); /* the settings keep it */
}

static const Option open_rows[] = {
    {OPTION(DataOptions, train), .type = OPTION_SIZE,
     .text = "the first examples of the training split; 0: all that validation leaves"},
    {OPTION(DataOptions, valid), .type = OPTION_SIZE,
     .text = "examples for validation, from the end of the training file"},
    {OPTION(DataOptions, test), .type = OPTION_SIZE, .text = "the first examples of the test split; 0: all"},
    {OPTION(DataOptions, binarise), .type = OPTION_CHOICE, .choices = data_binarise_names, .word = "grey",
     .text = "grey pixels as they are, or bits: drawn once, or anew at each access"},
};
static const BindOptions open_options = {"data.open", {BIND_ROWS(open_rows, 0)}};

static int open_data(lua_State *L)
{
    DataOptions options;
    const char *name = luaL_checkstring(L, 1);
    bind_options(L, 2, &open_options, &options);
    options.dir = data_dir(L);
    BindBox *box = bind_box_push(L, BIND_DATA, 0);
    Error err = ERROR_NONE;
    bind_watch_data();
    box->object = data_open(name, &options, &err);
    return box->object == NULL ? bind_raise(L, &err) : 1;
}

/* ---- methods ---- */

/* A method without arguments. */
#define GETTER(name, push, value)               \
    static int name(lua_State *L)               \
    {                                           \
        push(L, value(bind_data_check(L, 1)));  \
        return 1;                               \
    }
#define PUSH_SIZE(L, size) lua_pushinteger(L, (lua_Integer)(size))
GETTER(get_name, lua_pushstring, data_name)
GETTER(get_features, PUSH_SIZE, data_features)
GETTER(get_width, PUSH_SIZE, data_width)
GETTER(get_height, PUSH_SIZE, data_height)
GETTER(get_is_image, lua_pushboolean, data_is_image)
GETTER(get_classes, lua_pushinteger, data_classes)

static int get_count(lua_State *L)
{
    const Data *d = bind_data_check(L, 1);
    lua_pushinteger(L, (lua_Integer)data_count(d, check_split(L, 2)));
    return 1;
}

static int get_label(lua_State *L)
{
    const Data *d = bind_data_check(L, 1);
    DataSplit split = check_split(L, 2);
    lua_pushinteger(L, data_label(d, split, check_example(L, d, split, 3)));
    return 1;
}

static int get_mean(lua_State *L)
{
    const Data *d = bind_data_check(L, 1);
    size_t features = data_features(d);
    float *mean = bind_scratch(L, features, sizeof *mean);
    data_mean(d, mean);
    bind_array_from_floats(L, 1, features, mean);
    return 1;
}

static int get_rows(lua_State *L)
{
    const Data *d = bind_data_check(L, 1);
    DataSplit split = check_split(L, 2);
    size_t features = data_features(d), first = 0, count;
    uint32_t *order = NULL;
    NumStream stream = num_stream((uint64_t)luaL_optinteger(L, 5, 0), "rows");
    if (lua_type(L, 3) == LUA_TTABLE) {
        count = lua_rawlen(L, 3);
        order = bind_scratch(L, count, sizeof *order);
        for (size_t i = 0; i < count; i++) {
            lua_rawgeti(L, 3, (lua_Integer)i + 1);
            order[i] = (uint32_t)check_example(L, d, split, lua_gettop(L));
            lua_pop(L, 1);
        }
    } else {
        lua_Integer wanted = luaL_optinteger(L, 4, 1);
        first = check_example(L, d, split, 3);
        luaL_argcheck(L, wanted >= 0 && (size_t)wanted <= data_count(d, split) - first, 4,
                      "the split has fewer examples");
        count = (size_t)wanted;
    }
    float *x = bind_scratch(L, count * features, sizeof *x);
    if (count > 0)
        data_rows(d, split, order, first, count, stream, 0, x);
    bind_array_from_floats(L, count, features, x);
    return 1;
}

static int close_data(lua_State *L)
{
    BindBox *box = luaL_checkudata(L, 1, BIND_DATA);
    data_free(box->object);
    box->object = NULL;
    return 0;
}

static const BindFunction functions[] = {
    {"open", open_data, "(name, options) → data",
     "a data set of the catalogue, or \"idx:IMAGES,LABELS\"", &open_options},
    {0},
};

static const BindFunction methods[] = {
    {"name", get_name, "() → string", "its name", NULL},
    {"count", get_count, "(split) → integer", "the number of examples", NULL},
    {"features", get_features, "() → integer", "numbers of an example: width * height", NULL},
    {"width", get_width, "() → integer", "of an image; all features of other data", NULL},
    {"height", get_height, "() → integer", "of an image; else 1", NULL},
    {"is_image", get_is_image, "() → boolean", "whether examples are images", NULL},
    {"classes", get_classes, "() → integer", "the number of classes, 0: no labels", NULL},
    {"label", get_label, "(split, example) → integer", "an example's class, from 0; -1: no labels", NULL},
    {"mean", get_mean, "() → array (1, features)", "the mean of the training split", NULL},
    {"rows", get_rows, "(split, first or list, count = 1, seed = 0) → array",
     "examples from `first` on, or those of a list; `seed` selects a dynamic binarisation", NULL},
    {0},
};

static const luaL_Reg meta[] = {{"__gc", close_data}, {"__close", close_data}, {NULL, NULL}};

const BindModule bind_data_module = {
    .name = "data", .text = "Data sets. A split is \"train\", \"valid\" or \"test\"; examples count from 1.",
    .functions = functions, .type = BIND_DATA, .methods = methods, .meta = meta,
};
