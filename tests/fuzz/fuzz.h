/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz.h: what the fuzz targets share.  A target is one file, fuzz_NAME.c, with libFuzzer's entry point.  It
 * gives the bytes to one parser and checks what must hold for every input.  `make fuzz` runs it on mutated inputs;
 * tests/test_fuzz.c runs it on the kept ones.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#define _GNU_SOURCE /* memfd_create; a target includes this file first */

#include "base/error.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The entry point: 0, or -1 for an input that is not to be kept. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target may define its own mutator, which may call libFuzzer's.  Both return the new size. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
#endif

/* Ends the process where something does not hold: a finding. */
#define FUZZ_CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

/* A parser that fails says why, in one terminated line. */
static inline void fuzz_check_error(const Error *err)
{
    FUZZ_CHECK(err->kind != ERR_NONE && err->what[0] != '\0');
    FUZZ_CHECK(memchr(err->what, '\0', sizeof err->what) != NULL && memchr(err->found, '\0', sizeof err->found) != NULL);
}

static inline void fuzz_must(int status, const Error *err)
{
    if (status != 0)
        error_print(stderr, "fuzz", err);
    FUZZ_CHECK(status == 0);
}

/* A terminated copy of the bytes, to be freed with free(); a parser that reads beyond its end is seen. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    FUZZ_CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* A file in memory that holds the bytes, open for reading at its start. */
static inline int fuzz_file(const uint8_t *data, size_t size)
{
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    FUZZ_CHECK(file >= 0 && write(file, data, size) == (ssize_t)size && lseek(file, 0, SEEK_SET) == 0);
    return file;
}

/* ---- files in a scratch folder ----------------------------------------------------------------------------------- */

static char fuzz_folder[256];

static inline void fuzz_remove_folder(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", fuzz_folder);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", fuzz_folder);
}

/* Makes fuzz_folder, which is removed when the process ends. */
static inline void fuzz_make_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(fuzz_folder, sizeof fuzz_folder, "%s/vae-lab-fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
    FUZZ_CHECK(mkdtemp(fuzz_folder) != NULL);
    atexit(fuzz_remove_folder);
}

/* Writes FOLDER/NAME, making the folder first; [OUT] path: at least 300 bytes. */
static inline void fuzz_write(char *path, const char *name, const void *bytes, size_t size)
{
    if (fuzz_folder[0] == '\0')
        fuzz_make_folder();
    snprintf(path, 300, "%s/%s", fuzz_folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FUZZ_CHECK(file >= 0 && write(file, bytes, size) == (ssize_t)size);
    close(file);
}

#endif
