/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/where.c: which lines of the user's code are running, for errors and for the nodes of a graph.
 *
 * The library's chunks are named "=vae_lab/nn.lua" (prelude.lua), the user's "@path".  A tail call, as
 * `return lab.experiment {…}`, leaves no frame of its caller, so that the line hook also notes the script's last line.
 */
#include "bind/bind.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 1024, LINE_SIZE = PATH_SIZE + 16, FRAMES = 4 };

typedef struct ScriptPlace {
    char script[PATH_SIZE];
    int line; /* of the script, the last that ran; 0: none */
} ScriptPlace;

static const char place_key = 0;

static ScriptPlace *get_place(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &place_key);
    ScriptPlace *p = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return p;
}

void bind_set_script(lua_State *L, const char *script)
{
    ScriptPlace *p = bind_scratch(L, 1, sizeof *p);
    snprintf(p->script, sizeof p->script, "%s", script);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &place_key);
}

static int is_library(const char *source)
{
    return source[0] != '@';
}

static int is_script(const ScriptPlace *p, const char *source)
{
    return source[0] == '@' && strcmp(source + 1, p->script) == 0;
}

void bind_note_line(lua_State *L, lua_Debug *ar)
{
    ScriptPlace *p = get_place(L);
    if (p != NULL && lua_getinfo(L, "Sl", ar) && is_script(p, ar->source))
        p->line = ar->currentline;
}

void bind_forget_line(lua_State *L)
{
    ScriptPlace *p = get_place(L);
    if (p != NULL)
        p->line = 0;
}

/* [OUT] line: the frames of the user's code, innermost first, as "file:line"; returns how many.  The noted line
 * replaces the frame that a tail call has hidden, and with `guess` also serves when no frame of the user's code is
 * left. */
static size_t user_lines(lua_State *L, const ScriptPlace *p, int guess, char line[][LINE_SIZE], size_t max)
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
        snprintf(line[count++], LINE_SIZE, "%s:%d", ar.source + 1, ar.currentline);
    }
    if (count == 0 && guess && any && p->line > 0)
        snprintf(line[count++], LINE_SIZE, "%s:%d", p->script, p->line);
    return count;
}

void bind_where(lua_State *L, char *text, size_t size)
{
    char line[1][LINE_SIZE];
    const ScriptPlace *p = get_place(L);
    text[0] = '\0';
    if (p != NULL && user_lines(L, p, 1, line, 1) == 1)
        snprintf(text, size, "%s", line[0]);
}

void *bind_place(lua_State *L)
{
    return L == NULL ? NULL : get_place(L);
}

void bind_where_stopped(lua_State *L, const void *place, char *text, size_t size)
{
    char line[1][LINE_SIZE];
    const ScriptPlace *p = place;
    text[0] = '\0';
    if (p != NULL && L != NULL && user_lines(L, p, 1, line, 1) == 1)
        snprintf(text, size, "%s", line[0]);
    else if (p != NULL && p->line > 0)
        snprintf(text, size, "%s:%d", p->script, p->line);
}

/* `position` comes first when it is the user's code (after a pcall its frame may be gone), and in brackets when it
 * is the library's. */
void bind_where_from(lua_State *L, const char *position, char *text, size_t size)
{
    char line[FRAMES][LINE_SIZE];
    const ScriptPlace *p = get_place(L);
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

/* The length of "chunk:12: " at the start of a message, 0 when there is none.  A chunk's name is on the stack, or
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

/* Lua shortens a long path to "...its end"; the script's path is known in full. */
size_t bind_where_split(lua_State *L, const char *message, char *position, size_t size)
{
    size_t skip = position_length(L, message), length = skip;
    while (length > 0 && (message[length - 1] == ' ' || message[length - 1] == ':'))
        length--;
    size_t name = length;
    while (name > 0 && message[name - 1] != ':')
        name--;
    const ScriptPlace *p = get_place(L);
    if (p != NULL && name > 1) {
        const char *shown = strncmp(message, "...", 3) == 0 ? message + 3 : message;
        size_t length_shown = (size_t)(message + name - 1 - shown), whole = strlen(p->script);
        if (length_shown <= whole && strncmp(p->script + whole - length_shown, shown, length_shown) == 0) {
            snprintf(position, size, "%.*s%.*s", (int)(size - 16), p->script, (int)(length - name + 1),
                     message + name - 1);
            return skip;
        }
    }
    snprintf(position, size, "%.*s", (int)length, message);
    return skip;
}
