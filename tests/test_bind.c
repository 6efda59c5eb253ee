/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_bind.c: scripts: what they reach, what stops them, and the fields of errors.
 */
#include "bind_help.h"

#include "num/stream.h"

/* ---- the sandbox ---- */

static void scripts_reach_no_system(void **state)
{
    static const char *const ways[] = {
        "os.execute('true')", "io.open('x')",  "debug.getregistry()", "package.loadlib('x', "
        "'y')", "dofile('x')", "loadfile('x')",
        "require 'os'",       "require 'io'",  "require 'debug'",     "require "
        "'package'",         "_G.os.exit()", "_ENV.io.read()",
    };
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        Error err;
        bind_bad(ways[i], &err);
        assert_int_equal(err.kind, ERR_SCRIPT);
        assert_line(&err, 1);
    }
}

static void binary_chunks_are_refused(void **state)
{
    (void)state;
    bind_good("local f = load(string.dump(function () return 1 end), 'x', 'b')\n"
              "assert(f == nil)\n"
              "assert(load('return 1 + 1')() == 2)\n"
              "assert(load('return a', 'x', 't', { a = 7 })() == 7)");
}

static void lua_libraries_are_available(void **state)
{
    (void)state;
    bind_good("assert(string.format('%d', 3) == '3' and table.concat({ 1, 2 }, ' ') == '1 2')\n"
              "assert(math.floor(2.5) == 2 and utf8.char(960) == 'π' and coroutine.wrap(function () return 4 "
              "end)() == 4)\n"
              "assert(select('#', 1, 2) == 2 and tonumber '12' == 12 and rawlen { 1 } == 1)");
}

static void a_scripts_globals_are_private(void **state)
{
    (void)state;
    bind_write("helper.lua", "return { seen = function () return pcall(function () return mine end) end }");
    bind_good("mine = 3\n"
              "function twice(x) return 2 * x end\n"
              "assert(twice(mine) == 6 and _G.mine == 3)\n"
              "assert(not require('helper').seen(), 'a module sees the script\\'s globals')");
}

static void unknown_global_is_named(void **state)
{
    Error err;
    (void)state;
    bind_bad("local x = 1\nlocal y = prin(x)", &err);
    assert_string_equal(err.what, "unknown name 'prin': no such global or local variable");
    assert_string_equal(err.hint, "did you mean print?");
    assert_line(&err, 2);
    bind_bad("hidden = 500\nreturn hiden", &err);
    assert_string_equal(err.hint, "did you mean hidden?");
}

static void pairs_is_sorted(void **state)
{
    (void)state;
    bind_good("local seen = {}\n"
              "for k in pairs { zeta = 1, [2] = 1, alpha = 1, [1] = 1, mid = 1, [1.5] = 1, [true] = 1 } do seen[#seen "
              "+ 1] = tostring(k) end\n"
              "assert(table.concat(seen, ' ') == '1 1.5 2 alpha mid zeta true', table.concat(seen, ' '))\n"
              "local t = { a = 1, b = 2, c = 3 }\n"
              "for k in pairs(t) do t.b = nil; t[k] = nil end\n"
              "assert(next(t) == nil)\n"
              "local p = setmetatable({}, { __pairs = function () return function (_, k) return not k and 'only' or "
              "nil end end })\n"
              "for k in pairs(p) do assert(k == 'only') end\n"
              "assert(not pcall(pairs, 3))");
}

/* math.random is the stream "script": the words of num_stream at (step, 0, 0) and (step, 0, 1). */
static void random_is_a_named_stream(void **state)
{
    char text[512];
    NumStream s = num_stream(42, "script");
    uint64_t low = num_stream_word(s, 0, 0, 0), high = num_stream_word(s, 0, 0, 1);
    (void)state;
    snprintf(text, sizeof text,
             "local first = math.random()\n"
             "math.randomseed(42)\n"
             "assert(math.random() == %a)\n"
             "for i = 1, 200 do local d = math.random(3, 5); assert(d >= 3 and d <= 5 and math.type(d) == "
             "'integer') end\n"
             "assert(math.random(7) <= 7 and not pcall(math.random, 5, 3))\n"
             "math.randomseed(0)\n"
             "assert(math.random() == first)",
             (double)((high << 32 | low) >> 11) * 0x1p-53);
    bind_good(text);
}

/* ---- endless loops ---- */

static void assert_stopped(const char *text, int line)
{
    Error err;
    bind_bad(text, &err);
    assert_int_equal(err.kind, ERR_SCRIPT);
    assert_string_equal(err.what, "the script is still running after 0.3 s");
    if (line > 0)
        assert_line(&err, line);
}

static void endless_loop_is_stopped(void **state)
{
    (void)state;
    assert_stopped("local x = 0\nwhile true do x = x + 1 end", 2);
}

static void pcall_does_not_catch_the_time_limit(void **state)
{
    (void)state;
    assert_stopped("while true do pcall(function () while true do end end) end", 1);
    assert_stopped("local c = coroutine.wrap(function () while true do end end)\nc()", 0);
}

/* ---- errors ---- */

static void syntax_error_has_a_line(void **state)
{
    Error err;
    (void)state;
    bind_bad("local a = 1\n\nlocal b = = 2\n", &err);
    assert_int_equal(err.kind, ERR_SCRIPT);
    assert_string_equal(err.what, "unexpected symbol near '='");
    assert_line(&err, 3);
}

static void runtime_error_has_a_traceback(void **state)
{
    Error err;
    char expected[512];
    (void)state;
    bind_bad("local function inner(t)\n"
             "  return t.x + 1\n"
             "end\n"
             "local y = inner({})\n"
             "return y\n", &err);
    assert_string_equal(err.what, "attempt to perform arithmetic on a nil value (field 'x')");
    snprintf(expected, sizeof expected, "%s:2, called from %s:4", bind_path, bind_path);
    assert_string_equal(err.where, expected);
}

static void long_paths_are_not_shortened(void **state)
{
    Error err = ERROR_NONE;
    char deep[512], file[600];
    const BindSettings settings = {.seconds = 1};
    (void)state;
    snprintf(deep, sizeof deep, "mkdir -p %s/a-rather-long-name-of-a-folder/and-another-one-inside-it", bind_folder);
    assert_int_equal(system(deep), 0);
    bind_write("a-rather-long-name-of-a-folder/and-another-one-inside-it/s.lua", "local a\nlocal b = a.c\n");
    snprintf(file, sizeof file, "%s/a-rather-long-name-of-a-folder/and-another-one-inside-it/s.lua", bind_folder);
    assert_null(bind_script_load(file, &settings, &err));
    assert_int_equal(strncmp(err.where, file, strlen(file)), 0);
    assert_string_equal(err.where + strlen(file), ":2");
}

static void raised_tables_and_lines_are_fields(void **state)
{
    Error err;
    (void)state;
    bind_bad("error { what = 'w', found = 'f', expected = 'e', hint = 'h' }", &err);
    assert_string_equal(err.what, "w");
    assert_string_equal(err.found, "f");
    assert_string_equal(err.expected, "e");
    assert_string_equal(err.hint, "h");
    assert_line(&err, 1);
    bind_bad("\nerror('what it was\\n  found     this\\n  hint      do that')", &err);
    assert_string_equal(err.what, "what it was");
    assert_string_equal(err.found, "this");
    assert_string_equal(err.hint, "do that");
    assert_line(&err, 2);
    bind_bad("error(nil)", &err);
    bind_bad("error(setmetatable({}, { __tostring = function () return 'spoken' end }))", &err);
    assert_string_equal(err.what, "spoken");
}

/* A native's error keeps its fields through pcall and error(e, 0), and the line where it was raised. */
static void native_errors_survive_pcall(void **state)
{
    Error err;
    (void)state;
    bind_good("local data = require 'vae_lab.native.data'\n"
              "local ok, e = pcall(data.open, 'digitz', { train = 10, test = 10 })\n"
              "assert(not ok and e.what:find 'digitz' and e.hint:find 'digits' and tostring(e):find '\\n  hint')");
    bind_bad("local data = require 'vae_lab.native.data'\n"
             "local ok, e = pcall(function ()\n"
             "  return data.open('digitz', {}), 1\n"
             "end)\n"
             "error(e, 0)", &err);
    assert_int_equal(err.kind, ERR_FILE);
    assert_line(&err, 3);
}

static void a_misspelt_option_gets_a_suggestion(void **state)
{
    Error err;
    (void)state;
    bind_bad("require('vae_lab.native.data').open('digits', { binarize = 'static' })", &err);
    assert_string_equal(err.what, "data.open has no option 'binarize'");
    assert_string_equal(err.hint, "did you mean binarise?");
    bind_bad("require('vae_lab.native.data').open('digits', { train = 1.5 })", &err);
    assert_string_equal(err.found, "1.5");
    assert_string_equal(err.expected, "a whole number, at least 0");
    assert_holds(err.what, "bad value of train in data.open");
    assert_line(&err, 1);
}

/* ---- the library ---- */

static void library_errors_name_the_scripts_line(void **state)
{
    Error err;
    (void)state;
    bind_bad("local lab = require 'vae_lab'\n"
             "return lab.experiment {\n"
             "  nmae = 'x',\n"
             "}\n", &err);
    assert_line(&err, 2); /* a tail call: its frame is gone */
    assert_string_equal(err.hint, "did you mean \"name\"?");
    bind_bad("local lab = require 'vae_lab'\n"
             "local function f()\n"
             "  local a = lab.adam { rat = 1 }\n"
             "  return a\n"
             "end\n"
             "local a = f()\n", &err);
    assert_line(&err, 3);
    bind_bad("local lab = require 'vae_lab'\n"
             "local function f()\n"
             "  return lab.adam { rat = 1 }\n" /* a tail call below a frame that is still there */
             "end\n"
             "local a = f()\n", &err);
    assert_line(&err, 3);
}

/* The same for an error of a native, in a library function that a tail call called; the library is a stub. */
static void tail_calls_keep_the_scripts_line(void **state)
{
    char command[128], library[80];
    Error err;
    (void)state;
    snprintf(library, sizeof library, "%s/library", bind_folder);
    snprintf(command, sizeof command, "mkdir -p %s/vae_lab", library);
    assert_int_equal(system(command), 0);
    bind_write("library/vae_lab/init.lua", "local graph = require 'vae_lab.native.graph'\n"
                                           "return { make = function (n)\n"
                                           "  local g = graph.new(n, 1)\n"
                                           "  return g\n"
                                           "end }\n");
    setenv("VAE_LAB_LUA", library, 1);
    bind_bad("local lab = require 'vae_lab'\n"
             "local function f(n)\n"
             "  return lab.make(n)\n"
             "end\n"
             "local good = f(3)\n"
             "local bad = f(0)\n", &err);
    assert_line(&err, 3);
    assert_holds(err.where, "(in vae_lab/init.lua:3)");
    unsetenv("VAE_LAB_LUA");
}

static void modules_in_the_scripts_folder(void **state)
{
    Error err;
    char expected[256];
    (void)state;
    bind_write("mine.lua", "return { value = 5 }");
    bind_good("assert(require('mine').value == 5)");
    bind_write("broken.lua", "local x = 1\nlocal y = )\n");
    bind_bad("require 'broken'", &err);
    snprintf(expected, sizeof expected, "%s/broken.lua:2", bind_folder);
    assert_holds(err.where, expected);
    assert_string_equal(err.what, "unexpected symbol near ')'");
    bind_bad("require 'nowhere'", &err);
    assert_string_equal(err.what, "module 'nowhere' not found");
    assert_holds(err.found, "nowhere.lua: No such file");
    assert_line(&err, 1);
    bind_write("loop.lua", "local other = require 'pool'");
    bind_write("pool.lua", "local other = require 'loop'");
    bind_bad("local ok = pcall(require, 'loop')\nrequire 'loop'", &err);
    assert_string_equal(err.what, "module 'loop' requires itself");
    snprintf(expected, sizeof expected, "%s/pool.lua:1", bind_folder);
    assert_holds(err.where, expected);
}

static void scripts_cannot_break_the_prelude(void **state)
{
    (void)state;
    bind_good("table.sort, table.concat, string.gsub, string.match = nil, nil, nil, nil\n"
              "local keys = ''\n"
              "for k in pairs { b = 1, a = 2 } do keys = keys .. k end\n"
              "assert(keys == 'ab' and require 'vae_lab.native.array')\n"
              "print('a', nil, 1)\n"
              "assert(not getmetatable(_G))");
}

static void not_an_experiment(void **state)
{
    static const char *const texts[] = {"", "return 3", "return {}", "return setmetatable({}, { kind = 'tensor' "
    "})", "return print"};
    Error err;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bind_bad(texts[i], &err);
        assert_string_equal(err.what, "the script returns no experiment");
        assert_holds(err.where, "script.lua");
    }
    assert_string_equal(err.found, "a function");
}

static void no_such_file(void **state)
{
    Error err = ERROR_NONE;
    const BindSettings settings = {0};
    (void)state;
    assert_null(bind_script_load("/nowhere/x.lua", &settings, &err));
    assert_int_equal(err.kind, ERR_SCRIPT);
    assert_string_equal(err.found, "No such file or directory");
    assert_null(bind_script_load("/tmp", &settings, &err));
    assert_string_equal(err.found, "a folder");
}

static void bad_settings_are_usage_errors(void **state)
{
    static const char *const bad[][2] = {{"nothing", "b=1"}, {"=1", "b=1"}, {"a=1", "a=2"}};
    (void)state;
    bind_write("script.lua", RETURN_EXPERIMENT);
    for (size_t i = 0; i < 3; i++) {
        Error err = ERROR_NONE;
        const BindSettings settings = {.set = bad[i], .nset = 2};
        assert_null(bind_script_load(bind_path, &settings, &err));
        assert_int_equal(err.kind, ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_reach_no_system),
        cmocka_unit_test(binary_chunks_are_refused),
        cmocka_unit_test(lua_libraries_are_available),
        cmocka_unit_test(a_scripts_globals_are_private),
        cmocka_unit_test(unknown_global_is_named),
        cmocka_unit_test(pairs_is_sorted),
        cmocka_unit_test(random_is_a_named_stream),
        cmocka_unit_test(endless_loop_is_stopped),
        cmocka_unit_test(pcall_does_not_catch_the_time_limit),
        cmocka_unit_test(syntax_error_has_a_line),
        cmocka_unit_test(runtime_error_has_a_traceback),
        cmocka_unit_test(long_paths_are_not_shortened),
        cmocka_unit_test(raised_tables_and_lines_are_fields),
        cmocka_unit_test(native_errors_survive_pcall),
        cmocka_unit_test(a_misspelt_option_gets_a_suggestion),
        cmocka_unit_test(library_errors_name_the_scripts_line),
        cmocka_unit_test(tail_calls_keep_the_scripts_line),
        cmocka_unit_test(modules_in_the_scripts_folder),
        cmocka_unit_test(scripts_cannot_break_the_prelude),
        cmocka_unit_test(not_an_experiment),
        cmocka_unit_test(no_such_file),
        cmocka_unit_test(bad_settings_are_usage_errors),
    };
    return cmocka_run_group_tests(tests, bind_setup, bind_teardown);
}
