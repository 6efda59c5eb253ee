/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_fuzz.c: every fuzz target on its kept inputs, tests/fuzz/corpus/NAME/: seeds that reach much of the parser,
 * and each input that was once a finding.  It needs no fuzzer, so that every build and sanitizer runs it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct FuzzTarget {
    const char *name;
    int (*run)(const uint8_t *data, size_t size);
} FuzzTarget;

/* FUZZ_TARGETS, of the Makefile: X(NAME) for each fuzz_NAME.c. */
#define X(name) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS
#undef X
static const FuzzTarget targets[] = {
#define X(name) {#name, fuzz_##name},
    FUZZ_TARGETS
#undef X
};
enum { TARGETS = sizeof targets / sizeof targets[0] };

static char current[512];

/* Says which input it was. */
static void die(int number)
{
    const char *line = "\nthe input: ";
    if (write(STDERR_FILENO, line, strlen(line)) < 0 || write(STDERR_FILENO, current, strlen(current)) < 0)
        _exit(2);
    signal(number, SIG_DFL);
    raise(number);
}

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size == 0 ? 1 : *size); /* exactly: a sanitizer then sees what is read beyond it */
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void replay(void **state)
{
    const FuzzTarget *target = *state;
    char folder[256];
    struct dirent **entry;
    int inputs = 0;
    snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", target->name);
    int count = scandir(folder, &entry, NULL, alphasort);
    if (count < 0)
        fail_msg("%s is missing", folder);
    target->run((const uint8_t *)"", 0);
    for (int i = 0; i < count; i++) {
        if (entry[i]->d_name[0] != '.') {
            size_t size;
            snprintf(current, sizeof current, "%s/%s", folder, entry[i]->d_name);
            uint8_t *bytes = read_file(current, &size);
            target->run(bytes, size);
            free(bytes);
            inputs++;
        }
        free(entry[i]);
    }
    free(entry);
    printf("%s: %d inputs\n", target->name, inputs);
    assert_true(inputs > 0);
}

int main(void)
{
    static struct CMUnitTest tests[TARGETS];
    for (size_t i = 0; i < TARGETS; i++)
        tests[i] = (struct CMUnitTest){targets[i].name, replay, NULL, NULL, (void *)(uintptr_t)&targets[i]};
    signal(SIGABRT, die);
    return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
