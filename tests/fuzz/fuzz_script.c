/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_script.c: the text of an experiment script, in its sandbox, with 50 ms and 64 MiB.  It ends with an
 * experiment or an error; precompiled chunks are refused; it leaves no file and changes no setting of C.  The mutator
 * exchanges, repeats and inserts whole words of Lua.
 *
 * libFuzzer: -max_len=400 -close_fd_mask=2
 */
#include "fuzz/fuzz.h"

#include "bind/script.h"

#include <fenv.h>
#include <locale.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Error err = ERROR_NONE;
    const BindSettings settings = {.seconds = 0.05};
    char path[300];
    setenv("VAE_LAB_LUA", "lua", 1);
    fuzz_write(path, "script.lua", data, size);
    BindScript *script = bind_script_load(path, &settings, &err);
    if (script == NULL)
        fuzz_check_error(&err);
    else
        FUZZ_CHECK(bind_script_name(script) != NULL && data[0] != 0x1b);
    bind_script_free(script);
    FUZZ_CHECK(fegetround() == FE_TONEAREST && strcmp(setlocale(LC_NUMERIC, NULL), "C") == 0);
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
