/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/sources.c: the texts that a script is made from: the script's own and those of the user's modules, as they were
 * when they were loaded; and one digest of the library.
 */
#include "bind/loaded.h"

#include "base/digest.h"
#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the script's texts ------------------------------------------------------------------------------------------ */

/* Registry: a list of { role, path, text }. */
#define SOURCES "vae_lab.sources"

int bind_keep_source(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    luaL_checkstring(L, 3);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, SOURCES);
    lua_createtable(L, 3, 0);
    for (int i = 1; i <= 3; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    return 0;
}

/* Runs in protected mode: fills script->sources from the list, which keeps the strings. */
static int list_sources(lua_State *L)
{
    BindScript *script = lua_touserdata(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, SOURCES);
    size_t count = lua_rawlen(L, -1);
    StoreSource *list = bind_keep(L, count, sizeof *list);
    for (size_t i = 0; i < count; i++, lua_pop(L, 4)) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        for (int field = 1; field <= 3; field++)
            lua_rawgeti(L, 3, field);
        list[i] = (StoreSource){.role = lua_tostring(L, 4), .path = lua_tostring(L, 5)};
        list[i].bytes = lua_tolstring(L, 6, &list[i].size);
    }
    script->provenance.sources = list;
    script->provenance.nsources = count;
    return 0;
}

/* ---- the library ------------------------------------------------------------------------------------------------- */

enum { PATH_SIZE = 2048 };

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int unreadable(const char *path, Error *err)
{
    error_set(err, ERR_SCRIPT, "a file of the Lua library cannot be read");
    return error_where(err, "%s", path);
}

/* Adds a file's name in the library, its length and its bytes. */
static int add_file(Digest *d, const char *name, const char *path, off_t size, Error *err)
{
    char length[32];
    void *bytes = mem_alloc((size_t)size);
    FILE *file = bytes == NULL ? NULL : fopen(path, "rb");
    int whole = file != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size;
    if (whole) {
        snprintf(length, sizeof length, "%lld", (long long)size);
        digest_string(d, name);
        digest_string(d, length);
        digest_bytes(d, bytes, (size_t)size);
    }
    if (file != NULL)
        fclose(file);
    mem_free(bytes);
    return whole ? 0 : unreadable(path, err);
}

/* Adds the Lua files below a folder, in the order of their names. */
static int add_folder(Digest *d, const char *root, const char *folder, Error *err)
{
    char path[PATH_SIZE], name[PATH_SIZE / 2];
    struct dirent **entry = NULL;
    struct stat info;
    int status = 0;
    snprintf(path, sizeof path, "%s/%s", root, folder);
    int count = scandir(path, &entry, visible, by_name);
    if (count < 0)
        return unreadable(path, err);
    for (int i = 0; i < count; i++) {
        const char *dot = strrchr(entry[i]->d_name, '.');
        snprintf(name, sizeof name, "%s/%.255s", folder, entry[i]->d_name);
        snprintf(path, sizeof path, "%s/%s", root, name);
        if (status == 0 && stat(path, &info) != 0)
            status = unreadable(path, err);
        else if (status == 0 && S_ISDIR(info.st_mode))
            status = add_folder(d, root, name, err);
        else if (status == 0 && dot != NULL && strcmp(dot, ".lua") == 0)
            status = add_file(d, name, path, info.st_size, err);
        free(entry[i]);
    }
    free(entry);
    return status;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

int bind_script_provenance(BindScript *script, const LabProvenance **provenance, Error *err)
{
    char library[PATH_SIZE / 2];
    Digest d;
    digest_start(&d);
    if (bind_library(library, sizeof library, err) != 0 || add_folder(&d, library, "vae_lab", err) != 0)
        return -1;
    digest_end(&d, script->library);
    lua_pushcfunction(script->L, list_sources);
    lua_pushlightuserdata(script->L, script);
    if (bind_call(script->L, 1, 0, err) != 0)
        return -1;
    script->provenance.library = script->library;
    script->provenance.lua = LUA_RELEASE;
    *provenance = &script->provenance;
    return 0;
}
