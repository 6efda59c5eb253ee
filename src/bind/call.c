/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/call.c: errors cross between C and Lua, with all their fields and the line of the user's script.
 *
 * A native raises a userdata that holds an Error; a string or a table that Lua code raised becomes one.  The message
 * handler runs where the error was raised, while the stack still shows the script's lines.
 */
#include "bind/bind.h"

#include "bind/memory.h"
#include "bind/watch.h"
#include "num/fpenv.h"

#include <stdio.h>
#include <string.h>

#define ERROR_TYPE "vae_lab.error"

static const char error_key = 0; /* registry: its metatable */

/* The fields of an Error by name, and as error_text() prints them. */
typedef struct ErrorField {
    const char *name, *label;
    size_t offset, size;
} ErrorField;

#define FIELD(member, printed) {#member, printed, offsetof(Error, member), sizeof(((Error *)0)->member)}
static const ErrorField fields[] = {
    FIELD(what, NULL), FIELD(where, "  where "), FIELD(found, "  found "),
    FIELD(expected, "  expected "), FIELD(hint, "  hint "),
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static char *field_of(Error *err, const ErrorField *field)
{
    return (char *)err + field->offset;
}

/* ---- raising ---- */

/* Puts the script's lines before `where`, unless it begins with the same line. */
static void add_place(lua_State *L, Error *err)
{
    char line[sizeof err->where], where[sizeof err->where];
    bind_where(L, line, sizeof line);
    bind_where_from(L, "", where, sizeof where);
    size_t length = strlen(line);
    if (length == 0)
        return;
    if (strcmp(err->where, line) == 0)
        snprintf(err->where, sizeof err->where, "%s", where);
    else if (strncmp(err->where, line, length) != 0 || (err->where[length] >= '0' && err->where[length] <= '9'))
        error_in(err, "%s", where);
}

static Error *push_error(lua_State *L, const Error *err)
{
    Error *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = *err;
    luaL_setmetatable(L, ERROR_TYPE);
    return box;
}

int bind_raise(lua_State *L, const Error *err)
{
    add_place(L, push_error(L, err)); /* now: a pcall on the way up removes the frames */
    return lua_error(L);
}

static int error_tostring(lua_State *L)
{
    char text[sizeof(Error) + 64];
    error_text(text, sizeof text, luaL_checkudata(L, 1, ERROR_TYPE));
    lua_pushstring(L, text);
    return 1;
}

/* e.what, e.where, e.found, e.expected, e.hint, for Lua code that has caught an error. */
static int error_index(lua_State *L)
{
    Error *err = luaL_checkudata(L, 1, ERROR_TYPE);
    const char *key = luaL_checkstring(L, 2);
    for (size_t i = 0; i < FIELDS; i++)
        if (strcmp(key, fields[i].name) == 0) {
            lua_pushstring(L, field_of(err, &fields[i]));
            return 1;
        }
    return 0;
}

void bind_error_open(lua_State *L)
{
    static const luaL_Reg meta[] = {{"__tostring", error_tostring}, {"__index", error_index}, {NULL, NULL}};
    bind_type(L, ERROR_TYPE, NULL, meta);
    luaL_getmetatable(L, ERROR_TYPE);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
}

/* ---- reading what was raised ---- */

/* Appends at most `length` bytes of one line, tabs as spaces. */
static void append(char *field, size_t size, const char *text, size_t length)
{
    size_t used = strlen(field);
    if (used > 0 && used + 1 < size)
        field[used++] = ' ';
    for (size_t i = 0; i < length && used + 1 < size; i++)
        if (text[i] != '\t' || i > 0)
            field[used++] = text[i] == '\t' ? ' ' : text[i];
    field[used] = '\0';
}

/* Takes a line of error_text(), "  hint     …", into its field.  Returns 1, or 0 when it is no such line. */
static int take_field(Error *err, const char *line, size_t length)
{
    for (size_t i = 1; i < FIELDS; i++) {
        size_t label = strlen(fields[i].label);
        if (length <= label || strncmp(line, fields[i].label, label) != 0)
            continue;
        while (label < length && line[label] == ' ')
            label++;
        append(field_of(err, &fields[i]), fields[i].size, line + label, length - label);
        return 1;
    }
    return 0;
}

/* Fills *err from a string; [OUT] position: "chunk:12" or "". */
static void from_string(lua_State *L, Error *err, const char *message, char *position, size_t size)
{
    error_set(err, ERR_SCRIPT, "%s", "");
    for (const char *line = message + bind_where_split(L, message, position, size); *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (!take_field(err, line, length))
            append(err->what, sizeof err->what, line, length);
        line += length + (line[length] == '\n');
    }
    if (err->what[0] == '\0')
        error_set(err, ERR_SCRIPT, "an error without a message");
}

static void from_table(lua_State *L, Error *err, int index)
{
    error_set(err, ERR_SCRIPT, "%s", "an error without a message");
    for (size_t i = 0; i < FIELDS; i++) {
        lua_pushstring(L, fields[i].name);
        lua_rawget(L, index);
        if (lua_type(L, -1) == LUA_TSTRING)
            snprintf(field_of(err, &fields[i]), fields[i].size, "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
    }
}

int bind_raise_table(lua_State *L)
{
    Error err;
    luaL_checktype(L, 1, LUA_TTABLE);
    from_table(L, &err, 1);
    return bind_raise(L, &err);
}

/* ---- calling ---- */

/* The message handler: makes an error value of whatever was raised. */
static int handler(lua_State *L)
{
    Error err = ERROR_NONE;
    char position[sizeof err.where] = "", where[sizeof err.where];
    bind_watch_native(0); /* if a native has raised this, its time ends here */
    if (luaL_testudata(L, 1, ERROR_TYPE) != NULL)
        return 1;
    if (lua_type(L, 1) == LUA_TSTRING && strcmp(lua_tostring(L, 1), "not enough memory") == 0)
        bind_memory_error(L, &err); /* a text of Lua's: from its buffers for strings */
    else if (lua_type(L, 1) == LUA_TTABLE && luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL)
        from_table(L, &err, 1);
    else
        from_string(L, &err, luaL_tolstring(L, 1, NULL), position, sizeof position);
    bind_where_from(L, position, where, sizeof where);
    if (err.where[0] == '\0')
        snprintf(err.where, sizeof err.where, "%s", where);
    push_error(L, &err);
    return 1;
}

/* The error value at the top, or NULL.  Like all that follows a failed call, it allocates nothing: outside a protected
 * call, an allocation that fails would end the process. */
static const Error *get_error(lua_State *L)
{
    if (lua_type(L, -1) != LUA_TUSERDATA || !lua_getmetatable(L, -1))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
    int same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? lua_touserdata(L, -1) : NULL;
}

/* Lua calls no handler for want of memory: only the last line that was noted is known. */
static void memory_error(lua_State *L, Error *err)
{
    bind_memory_error(L, err);
    bind_where_stopped(NULL, bind_place(L), err->where, sizeof err->where);
}

int bind_call(lua_State *L, int nargs, int nresults, Error *err)
{
    int base = lua_gettop(L) - nargs;
    lua_pushcfunction(L, handler);
    lua_insert(L, base);
    num_fpenv_set();
    int status = lua_pcall(L, nargs, nresults, base);
    int changed = num_fpenv_check(err); /* an error of the script replaces this one */
    if (status == LUA_OK && changed == 0) {
        lua_remove(L, base);
        return 0;
    }
    if (status == LUA_OK) {
        lua_settop(L, base - 1);
        return -1;
    }
    const Error *raised = status == LUA_ERRMEM ? NULL : get_error(L);
    if (raised != NULL)
        *err = *raised;
    else if (status == LUA_ERRMEM)
        memory_error(L, err);
    else
        error_set(err, ERR_SCRIPT, "an error while an error was handled: %s",
                  lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "no message");
    lua_settop(L, base - 1);
    return -1;
}
