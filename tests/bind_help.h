/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/bind_help.h: scripts from strings, in a temporary folder of the test program.
 */
#ifndef TESTS_BIND_HELP_H
#define TESTS_BIND_HELP_H

#include "bind/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For tests without the library: a script must return something like an experiment. */
#define RETURN_EXPERIMENT "\nreturn setmetatable({ name = 'test', figures = {} }, { kind = 'experiment' })\n"

static char bind_folder[64], bind_path[128];

static inline int bind_setup(void **state)
{
    (void)state;
    snprintf(bind_folder, sizeof bind_folder, "/tmp/vae-lab-bind-XXXXXX");
    if (mkdtemp(bind_folder) == NULL)
        return -1;
    snprintf(bind_path, sizeof bind_path, "%s/script.lua", bind_folder);
    return 0;
}

static inline int bind_teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", bind_folder);
    return system(command) == 0 ? 0 : -1;
}

static inline void bind_write(const char *name, const char *text)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", bind_folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Loads the text as script.lua with one setting (or NULL). */
static inline BindScript *bind_load(const char *text, const char *set, Error *err)
{
    const char *const sets[] = {set};
    const BindSettings settings = {.set = sets, .nset = set != NULL, .seconds = 0.3};
    bind_write("script.lua", text);
    return bind_script_load(bind_path, &settings, err);
}

/* The text followed by an experiment loads; the assert()s in it are the test. */
static inline void bind_good(const char *text)
{
    Error err = ERROR_NONE;
    char *whole = malloc(strlen(text) + sizeof RETURN_EXPERIMENT);
    assert_non_null(whole);
    sprintf(whole, "%s%s", text, RETURN_EXPERIMENT);
    BindScript *script = bind_load(whole, NULL, &err);
    free(whole);
    if (script == NULL)
        error_print(stderr, "unexpected", &err);
    assert_non_null(script);
    bind_script_free(script);
}

/* The text does not load; [OUT] *err. */
static inline void bind_bad(const char *text, Error *err)
{
    memset(err, 0, sizeof *err);
    BindScript *script = bind_load(text, NULL, err);
    bind_script_free(script);
    assert_null(script);
    assert_string_not_equal(err->what, "");
}

/* err->where begins with "FOLDER/script.lua:3". */
static inline void assert_line(const Error *err, int line)
{
    char expected[192];
    snprintf(expected, sizeof expected, "%s:%d", bind_path, line);
    size_t length = strlen(expected);
    if (strncmp(err->where, expected, length) != 0 || (err->where[length] >= '0' && err->where[length] <= '9')) {
        error_print(stderr, "wrong place", err);
        assert_string_equal(err->where, expected);
    }
}

static inline void assert_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        assert_string_equal(text, part);
}

#endif
