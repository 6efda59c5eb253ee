/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/call.c: errors cross between C and Lua here, whole, with the line of the user's script.
 *
 * A native raises a userdata that holds an Error; a string or a table that Lua code raised becomes one.  The message handler
 * runs where the error was raised, so that the stack still says how the script came there.
 */
#include "bind/bind.h"

#include <stdio.h>
#include <string.h>

#define ERROR_TYPE "vae_lab.error"

enum { PATH = 1024, FRAMES = 4 };

/* Where the code of a state lies. */
typedef struct Places {
    char script[PATH];
    int line; /* the script's line that ran last */
} Places;

static const char places_key = 0;

static Places *places(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &places_key);
    Places *p = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return p;
}

void bind_place(lua_State *L, const char *script)
{
    Places *p = bind_scratch(L, 1, sizeof *p);
    snprintf(p->script, sizeof p->script, "%s", script);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &places_key);
}

void bind_forget_line(lua_State *L)
{
    Places *p = places(L);
    if (p != NULL)
        p->line = 0;
}

/* ---- where the code is ---- */

/* The library's chunks are named "=vae_lab/nn.lua" by the searcher (sandbox.c), the user's own "@path". */
static int is_library(const char *source)
{
    return source[0] != '@';
}

static int is_script(const Places *p, const char *source)
{
    return source[0] == '@' && strcmp(source + 1, p->script) == 0;
}

void bind_note_line(lua_State *L, lua_Debug *ar)
{
    Places *p = places(L);
    if (p != NULL && lua_getinfo(L, "Sl", ar) && is_script(p, ar->source))
        p->line = ar->currentline;
}

/* The levels of the user's code, innermost first, as "file:line".  A library function that was called by a tail call hides
 * the line that called it; then the script's line that ran last stands for it, and with `guess` also where no user code is
 * left at all. */
static size_t user_lines(lua_State *L, const Places *p, int guess, char line[][PATH + 16], size_t max)
{
    lua_Debug ar;
    size_t count = 0;
    int hidden = 0, any = 0;
    for (int level = 0; count < max && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Slt", &ar);
        if (ar.currentline < 0)
            continue;
        any = 1;
        if (is_library(ar.source)) {
            hidden = hidden || ar.istailcall;
            continue;
        }
        if (count == 0 && hidden && p->line > 0 && is_script(p, ar.source))
            ar.currentline = p->line;
        snprintf(line[count++], PATH + 16, "%s:%d", ar.source + 1, ar.currentline);
    }
    if (count == 0 && guess && any && p->line > 0)
        snprintf(line[count++], PATH + 16, "%s:%d", p->script, p->line);
    return count;
}

/* What the library has of debug.getinfo: getinfo(level) → {source =, currentline =}, or nil past the last; with the line of a
 * hidden caller. */
int bind_getinfo(lua_State *L)
{
    lua_Debug ar;
    int wanted = (int)luaL_checkinteger(L, 1), hidden = 0, users = 0;
    const Places *p = places(L);
    for (int level = 1; level <= wanted; level++) {
        if (!lua_getstack(L, level, &ar))
            return 0;
        lua_getinfo(L, "Slt", &ar);
        hidden = hidden || (is_library(ar.source) && ar.istailcall);
        users += !is_library(ar.source) && ar.currentline > 0;
    }
    luaL_argcheck(L, wanted >= 1, 1, "a level is at least 1");
    if (users == 1 && hidden && p != NULL && p->line > 0 && is_script(p, ar.source))
        ar.currentline = p->line;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, ar.source);
    lua_setfield(L, -2, "source");
    lua_pushinteger(L, ar.currentline);
    lua_setfield(L, -2, "currentline");
    return 1;
}

/* The user's frames in words: "kl.lua:14 (in vae_lab/nn.lua:33), called from kl.lua:20".  `position`, where the error's own
 * words say that it was raised, comes first when it is user code (the frames may be gone, after a pcall), and in brackets
 * when it is the library's. */
static void spell_where(lua_State *L, const char *position, char *text, size_t size)
{
    char line[FRAMES][PATH + 16];
    const Places *p = places(L);
    int library = strncmp(position, "vae_lab/", 8) == 0;
    size_t count = p == NULL ? 0 : user_lines(L, p, position[0] == '\0' || library, line, FRAMES), used = 0;
    const char *last = library ? "" : position;
    used = (size_t)snprintf(text, size, "%s", last);
    for (size_t i = 0; i < count && used < size; i++) {
        if (strcmp(line[i], last) == 0)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", called from ", line[i]);
        if (i == 0 && library && used < size)
            used += (size_t)snprintf(text + used, size - used, " (in %s)", position);
        last = line[i];
    }
    if (used == 0)
        snprintf(text, size, "%s", position);
}

void bind_where(lua_State *L, char *text, size_t size)
{
    char line[1][PATH + 16];
    const Places *p = places(L);
    text[0] = '\0';
    if (p != NULL && user_lines(L, p, 1, line, 1) == 1)
        snprintf(text, size, "%s", line[0]);
}

/* ---- raising ---- */

/* Puts the script's lines before what the error knows of its place; what begins with the same line is not said twice. */
static void add_place(lua_State *L, Error *err)
{
    char line[sizeof err->where], where[sizeof err->where];
    bind_where(L, line, sizeof line);
    spell_where(L, "", where, sizeof where);
    size_t length = strlen(line);
    if (length == 0)
        return;
    if (strcmp(err->where, line) == 0)
        snprintf(err->where, sizeof err->where, "%s", where);
    else if (strncmp(err->where, line, length) != 0 || (err->where[length] >= '0' && err->where[length] <= '9'))
        error_in(err, "%s", where);
}

int bind_raise(lua_State *L, const Error *err)
{
    Error *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = *err;
    luaL_setmetatable(L, ERROR_TYPE);
    add_place(L, box); /* here, since a pcall on the way up takes the frames away */
    return lua_error(L);
}

static int error_tostring(lua_State *L)
{
    char text[sizeof(Error) + 64];
    error_text(text, sizeof text, luaL_checkudata(L, 1, ERROR_TYPE));
    lua_pushstring(L, text);
    return 1;
}

/* e.what, e.where, e.found, e.expected, e.hint, for Lua code that caught one. */
static int error_index(lua_State *L)
{
    const Error *err = luaL_checkudata(L, 1, ERROR_TYPE);
    const char *key = luaL_checkstring(L, 2);
    const struct { const char *name, *value; } field[] = {
        {"what", err->what}, {"where", err->where}, {"found", err->found}, {"expected", err->expected}, {"hint", err->hint},
    };
    for (size_t i = 0; i < sizeof field / sizeof field[0]; i++)
        if (strcmp(key, field[i].name) == 0) {
            lua_pushstring(L, field[i].value);
            return 1;
        }
    return 0;
}

void bind_error_open(lua_State *L)
{
    static const luaL_Reg meta[] = {{"__tostring", error_tostring}, {"__index", error_index}, {NULL, NULL}};
    bind_type(L, ERROR_TYPE, NULL, meta);
}

/* ---- reading what was raised ---- */

/* Copies at most `length` bytes of one line, tabs as spaces, after what is there. */
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

/* "  hint     put it so": a line of error_text().  Returns whether it was one. */
static int take_field(Error *err, const char *line, size_t length)
{
    const struct { const char *label; char *field; size_t size; } known[] = {
        {"  where ", err->where, sizeof err->where},
        {"  found ", err->found, sizeof err->found},
        {"  expected ", err->expected, sizeof err->expected},
        {"  hint ", err->hint, sizeof err->hint},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t label = strlen(known[i].label);
        if (length <= label || strncmp(line, known[i].label, label) != 0)
            continue;
        while (label < length && line[label] == ' ')
            label++;
        append(known[i].field, known[i].size, line + label, length - label);
        return 1;
    }
    return 0;
}

/* The length of "chunk:12: " at the start of a message, 0 when there is none.  A chunk's name is known from the stack, or
 * ends in .lua. */
static size_t position_length(lua_State *L, const char *message)
{
    for (const char *colon = strchr(message, ':'); colon != NULL && *colon != '\n'; colon = strchr(colon + 1, ':')) {
        size_t digits = strspn(colon + 1, "0123456789"), name = (size_t)(colon - message);
        if (digits == 0 || colon[1 + digits] != ':')
            continue;
        int known = (name >= 4 && strncmp(colon - 4, ".lua", 4) == 0);
        lua_Debug ar;
        for (int level = 0; !known && lua_getstack(L, level, &ar); level++) {
            lua_getinfo(L, "S", &ar);
            known = strlen(ar.short_src) == name && strncmp(ar.short_src, message, name) == 0;
        }
        if (known)
            return name + 1 + digits + 1 + (colon[2 + digits] == ' ');
    }
    return 0;
}

/* [OUT] position: "chunk:12" out of the first `length` bytes of a message.  Lua shortens a long path to "...its end", the
 * library shows the file's name alone; the script's path is known in full. */
static void spell_position(lua_State *L, const char *message, size_t length, char *position, size_t size)
{
    while (length > 0 && (message[length - 1] == ' ' || message[length - 1] == ':'))
        length--;
    size_t name = length;
    while (name > 0 && message[name - 1] != ':')
        name--;
    const Places *p = places(L);
    if (p != NULL && name > 1) {
        const char *shown = strncmp(message, "...", 3) == 0 ? message + 3 : message;
        size_t length_shown = (size_t)(message + name - 1 - shown), whole = strlen(p->script);
        if (length_shown <= whole && strncmp(p->script + whole - length_shown, shown, length_shown) == 0) {
            snprintf(position, size, "%.*s%.*s", (int)(size - 16), p->script, (int)(length - name + 1), message + name - 1);
            return;
        }
    }
    snprintf(position, size, "%.*s", (int)length, message);
}

/* Fills *err from a string; [OUT] position: "chunk:12" or "". */
static void from_string(lua_State *L, Error *err, const char *message, char *position, size_t size)
{
    size_t skip = position_length(L, message);
    spell_position(L, message, skip, position, size);
    error_set(err, ERR_SCRIPT, "%s", "");
    for (const char *line = message + skip; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, "\tno f", 5) == 0) /* the places where require looked */
            error_hint(err, "modules are looked for beside the script and in the library vae_lab");
        else if (!take_field(err, line, length))
            append(err->what, sizeof err->what, line, length);
        line += length + (line[length] == '\n');
    }
    size_t end = strlen(err->what); /* "module 'x' not found:", without the list that followed */
    while (end > 0 && (err->what[end - 1] == ' ' || err->what[end - 1] == ':'))
        err->what[--end] = '\0';
}

static void from_table(lua_State *L, Error *err, int index)
{
    error_set(err, ERR_SCRIPT, "%s", "an error without words");
    const struct { const char *key; char *field; size_t size; } known[] = {
        {"what", err->what, sizeof err->what},             {"where", err->where, sizeof err->where},
        {"found", err->found, sizeof err->found},          {"expected", err->expected, sizeof err->expected},
        {"hint", err->hint, sizeof err->hint},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        lua_pushstring(L, known[i].key);
        lua_rawget(L, index);
        if (lua_type(L, -1) == LUA_TSTRING)
            snprintf(known[i].field, known[i].size, "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
    }
}

/* The message handler: whatever was raised becomes one error value. */
static int handler(lua_State *L)
{
    Error err = ERROR_NONE;
    char position[sizeof err.where] = "", where[sizeof err.where];
    if (luaL_testudata(L, 1, ERROR_TYPE) != NULL)
        return 1;
    if (lua_type(L, 1) == LUA_TTABLE && luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL)
        from_table(L, &err, 1);
    else
        from_string(L, &err, luaL_tolstring(L, 1, NULL), position, sizeof position);
    spell_where(L, position, where, sizeof where);
    if (err.where[0] == '\0')
        snprintf(err.where, sizeof err.where, "%s", where);
    Error *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = err;
    luaL_setmetatable(L, ERROR_TYPE);
    return 1;
}

int bind_call(lua_State *L, int nargs, int nresults, Error *err)
{
    int base = lua_gettop(L) - nargs;
    lua_pushcfunction(L, handler);
    lua_insert(L, base);
    int status = lua_pcall(L, nargs, nresults, base);
    if (status == LUA_OK) {
        lua_remove(L, base);
        return 0;
    }
    const Error *raised = status == LUA_ERRMEM ? NULL : luaL_testudata(L, -1, ERROR_TYPE);
    if (raised != NULL)
        *err = *raised;
    else if (status == LUA_ERRMEM)
        error_memory(err, "the script");
    else
        error_set(err, ERR_SCRIPT, "an error in the handling of an error: %s",
                  lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "no words");
    lua_settop(L, base - 1);
    return -1;
}
