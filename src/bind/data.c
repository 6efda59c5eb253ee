/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/data.c: data sets for Lua.  Examples count from 1.
 */
#include "bind/bind.h"

#include "base/text.h"
#include "bind/array.h"

#include <stdlib.h>
#include <string.h>

Data *bind_data_check(lua_State *L, int index)
{
    BindData *box = luaL_checkudata(L, index, BIND_DATA);
    if (box->data == NULL)
        luaL_argerror(L, index, "a closed data set");
    return box->data;
}

/* The place of `word` in names[count]; raises with a suggestion. */
static size_t one_of(lua_State *L, const char *what, const char *word, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, names[i]) == 0)
            return i;
    Error err;
    error_set(&err, ERR_SCRIPT, "unknown %s '%s'", what, word);
    error_expected(&err, "one of %s, %s, %s", names[0], names[1], names[2]);
    const char *near = text_nearest(word, names, count);
    if (near != NULL)
        error_hint(&err, "did you mean %s?", near);
    bind_raise(L, &err);
    return 0;
}

DataSplit bind_split(lua_State *L, const char *name)
{
    static const char *const names[] = {"train", "valid", "test"}; /* in the order of DataSplit */
    return (DataSplit)one_of(L, "split", name, names, 3);
}

static DataSplit check_split(lua_State *L, int index)
{
    return bind_split(L, luaL_checkstring(L, index));
}

/* An example's number from 1, as an index from 0. */
static size_t check_example(lua_State *L, const Data *d, DataSplit split, int index)
{
    lua_Integer example = luaL_checkinteger(L, index);
    if (example < 1 || (size_t)example > data_count(d, split))
        luaL_error(L, "example %I of a split of %I", (LUAI_UACINT)example, (LUAI_UACINT)data_count(d, split));
    return (size_t)example - 1;
}

/* ---- data.… ---- */

/* The folder: --data-dir (kept in the settings), else VAE_LAB_DATA, else the script's own. */
static const char *folder(lua_State *L, int options)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "vae_lab.data_dir");
    const char *flag = lua_tostring(L, -1); /* stays alive in the registry */
    lua_pop(L, 1);
    if (flag != NULL)
        return flag;
    return getenv("VAE_LAB_DATA") != NULL ? NULL : bind_string(L, options, "dir", NULL);
}

/* data.open(name, {dir =, train =, valid =, test =, binarise =}) */
static int open_data(lua_State *L)
{
    static const char *const keys[] = {"dir", "train", "valid", "test", "binarise", NULL};
    static const char *const ways[] = {"grey", "static", "dynamic"}; /* in the order of DataBinarise */
    const char *name = luaL_checkstring(L, 1);
    bind_keys(L, 2, "data.open", keys);
    DataOptions options = {
        .dir = folder(L, 2),
        .train = (size_t)bind_integer(L, 2, "train", 0, 0),
        .valid = (size_t)bind_integer(L, 2, "valid", 0, 0),
        .test = (size_t)bind_integer(L, 2, "test", 0, 0),
        .binarise = (DataBinarise)one_of(L, "binarise", bind_string(L, 2, "binarise", "grey"), ways, 3),
    };
    BindData *box = lua_newuserdatauv(L, sizeof *box, 0);
    box->data = NULL;
    luaL_setmetatable(L, BIND_DATA);
    Error err = ERROR_NONE;
    double pause = bind_watch_pause();
    box->data = data_open(name, &options, &err);
    bind_watch_resume(L, pause);
    return box->data == NULL ? bind_raise(L, &err) : 1;
}

/* data.names() → the catalogue's names, a list. */
static int data_names(lua_State *L)
{
    const DataEntry *entries;
    size_t count = data_catalogue(&entries);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushstring(L, entries[i].name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- d:… ---- */

static int get_name(lua_State *L)
{
    lua_pushstring(L, data_name(bind_data_check(L, 1)));
    return 1;
}

static int get_count(lua_State *L)
{
    const Data *d = bind_data_check(L, 1);
    lua_pushinteger(L, (lua_Integer)data_count(d, check_split(L, 2)));
    return 1;
}

static int get_features(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)data_features(bind_data_check(L, 1)));
    return 1;
}

static int get_width(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)data_width(bind_data_check(L, 1)));
    return 1;
}

static int get_height(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)data_height(bind_data_check(L, 1)));
    return 1;
}

static int get_is_image(lua_State *L)
{
    lua_pushboolean(L, data_is_image(bind_data_check(L, 1)));
    return 1;
}

static int get_classes(lua_State *L)
{
    lua_pushinteger(L, data_classes(bind_data_check(L, 1)));
    return 1;
}

static int get_label(lua_State *L)
{
    const Data *d = bind_data_check(L, 1);
    DataSplit split = check_split(L, 2);
    lua_pushinteger(L, data_label(d, split, check_example(L, d, split, 3)));
    return 1;
}

static int get_digest(lua_State *L)
{
    const Data *d = bind_data_check(L, 1);
    lua_pushstring(L, lua_isnoneornil(L, 2) ? data_digest(d) : data_split_digest(d, check_split(L, 2)));
    return 1;
}

/* d:mean(): one row, the mean of the training split. */
static int get_mean(lua_State *L)
{
    const Data *d = bind_data_check(L, 1);
    size_t features = data_features(d);
    float *mean = bind_scratch(L, features, sizeof *mean);
    data_mean(d, mean);
    bind_array_from_floats(L, 1, features, mean);
    return 1;
}

/* d:rows(split, first, count [, seed]) or d:rows(split, {3, 1, 4} [, nil, seed]).  `seed` addresses a dynamic binarisation. */
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
        luaL_argcheck(L, wanted >= 0 && (size_t)wanted <= data_count(d, split) - first, 4, "the split has fewer examples");
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
    BindData *box = luaL_checkudata(L, 1, BIND_DATA);
    data_free(box->data);
    box->data = NULL;
    return 0;
}

int bind_data_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", open_data}, {"names", data_names}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"name", get_name},         {"count", get_count},     {"features", get_features}, {"width", get_width},
        {"height", get_height},     {"is_image", get_is_image}, {"classes", get_classes}, {"label", get_label},
        {"digest", get_digest},     {"mean", get_mean},       {"rows", get_rows},         {NULL, NULL},
    };
    static const luaL_Reg meta[] = {{"__gc", close_data}, {"__close", close_data}, {NULL, NULL}};
    bind_type(L, BIND_DATA, methods, meta);
    luaL_newlib(L, functions);
    return 1;
}
