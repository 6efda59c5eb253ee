/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_script.c: the text of an experiment script, in its sandbox, with 5 ms and 8 MiB.  It ends with an
 * experiment or an error; precompiled chunks are refused; it leaves no file and changes no setting of C.  The mutator
 * exchanges, repeats and inserts whole words of Lua.
 *
 * The watch ends the process where Lua's code reaches no hook.  A script that may do so runs in a child first, and here
 * only if it came to its end there.
 *
 * libFuzzer: -max_len=400 -close_fd_mask=2
 */
#include "fuzz/fuzz.h"

#include "bind/script.h"

#include <errno.h>
#include <fenv.h>
#include <lauxlib.h>
#include <locale.h>
#include <sys/wait.h>

static const char *script_path(const uint8_t *data, size_t size)
{
    static char path[300];
    fuzz_write(path, "script.lua", data, size);
    return path;
}

static void run(const char *path, const uint8_t *data)
{
    Error err = ERROR_NONE;
    const BindSettings settings = {.seconds = 0.005};
    BindScript *script = bind_script_load(path, &settings, &err);
    if (script == NULL)
        fuzz_check_error(&err);
    else
        FUZZ_CHECK(bind_script_name(script) != NULL && data[0] != 0x1b);
    bind_script_free(script);
    FUZZ_CHECK(fegetround() == FE_TONEAREST && strcmp(setlocale(LC_NUMERIC, NULL), "C") == 0);
}

/* ---- scripts that cannot be interrupted -------------------------------------------------------------------------- */

/* Whether Lua's parser accepts it. */
static int is_lua(const uint8_t *data, size_t size)
{
    static lua_State *L;
    if (L == NULL)
        L = luaL_newstate();
    int status = luaL_loadbufferx(L, (const char *)data, size, "script", "t");
    lua_settop(L, 0);
    return status == LUA_OK;
}

/* Finalizers, and the functions of Lua's library that may loop in C for long. */
static int may_end_the_process(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"__gc", "find", "match", "gsub", "move", "insert", "remove", "sort"};
    int strange = size > 0 && (data[0] == '#' || data[0] == 0xef); /* the loader leaves out a first line or a mark */
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (memmem(data, size, words[i], strlen(words[i])) != NULL)
            return strange || is_lua(data, size);
    return 0;
}

/* The output of the child has to end with the watch's error. */
static void check_output(int file)
{
    static const char running[] = "still running after 0.005 s";
    static char text[1 << 16];
    off_t end = lseek(file, 0, SEEK_END), start = end < (off_t)sizeof text ? 0 : end - (off_t)sizeof text + 1;
    ssize_t got = pread(file, text, sizeof text - 1, start);
    FUZZ_CHECK(got > 0);
    FUZZ_CHECK(memmem(text, (size_t)got, running, strlen(running)) != NULL);
}

/* Runs the script in a child; whether it came to its end there.  A crash counts as an end: it then happens here too. */
static int ends_in_child(const char *path, const uint8_t *data)
{
    int status, output = memfd_create("output", MFD_CLOEXEC);
    pid_t child = fork();
    FUZZ_CHECK(output >= 0 && child >= 0);
    if (child == 0) {
        dup2(output, STDERR_FILENO);
        run(path, data);
        _exit(0);
    }
    pid_t ended_child;
    do
        ended_child = waitpid(child, &status, 0);
    while (ended_child < 0 && errno == EINTR); /* the fuzzer's own alarm */
    FUZZ_CHECK(ended_child == child);
    int ended = WIFEXITED(status) && WEXITSTATUS(status) == ERR_SCRIPT;
    if (ended)
        check_output(output);
    close(output);
    return !ended;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int ready;
    if (!ready++) {
        setenv("VAE_LAB_LUA", "lua", 1);
        setenv("VAE_LAB_SCRIPT_MEMORY", "8", 1);
    }
    const char *path = script_path(data, size);
    if (!may_end_the_process(data, size) || ends_in_child(path, data))
        run(path, data);
    return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
static const char *const words[] = {
    "and ", "break ", "do ", "else ", "end ", "false", "for i = 1, 9 do ", "function () ", "goto a ", "::a::", "if x then ",
    "local x <close> = ", "local x <const> = ", "nil", "not ", "or ", "repeat ", "until x ", "return ", "true", "while true do ",
    "...", "..", "==", "~=", "//", ">>", "<<", "#", "{", "}", "(", ")", "[", "]", "[[", "]]", "=", ";", ",", ":", ".", "\n",
    "--[==[", "0x7fffffffffffffff", "-1", "0/0", "1e308*10", "math.huge", "math.mininteger", "'%f*a'", "'\\u{7fffffff}'",
    "setmetatable({}, {", "__index = ", "__gc = ", "__close = ", "__tostring = ", "__pairs = ", "__name = ", "__mode = 'k'",
    "__metatable = ", "kind = 'experiment' })", "name = 'x', ", "pcall(", "error(", "xpcall(", "coroutine.wrap(",
    "coroutine.yield(", "coroutine.close(", "string.rep('x', ", "string.format('%99.99f', ", "string.pack('<!16i16', ",
    "string.dump(", "load(", "require 'vae_lab.native.", "data'", "stats'", "array'", "graph'", "run'", "model'", "plot'",
    "select('#', ", "table.concat(", "table.sort(", "table.unpack({}, 1, ", "table.move(", "utf8.char(", "next(", "rawset(_G, ",
    "getmetatable('').", "collectgarbage(", "'incremental')", "print(", "tostring(", "tonumber(", "assert(", "string.gsub(",
    "string.find(", "('x'):rep(1e9)", "_ENV", "math.randomseed(", "math.random(0)",
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    enum { WORDS = sizeof words / sizeof words[0] };
    if (seed % 3 == 0)
        return LLVMFuzzerMutate(data, size, max);
    const char *word = words[seed / 3 % WORDS];
    size_t length = strlen(word), at = size == 0 ? 0 : seed / 3 / WORDS % (size + 1);
    while (at > 0 && at < size && data[at - 1] != ' ' && data[at - 1] != '\n' && data[at - 1] != '(')
        at--;
    size_t end = at; /* replace the word at that place, or insert */
    while (seed % 3 == 1 && end < size && data[end] != ' ' && data[end] != '\n' && data[end] != ')')
        end++;
    if (size - (end - at) + length > max)
        return LLVMFuzzerMutate(data, size, max);
    memmove(data + at + length, data + end, size - end);
    memcpy(data + at, word, length);
    return size - (end - at) + length;
}
#endif
