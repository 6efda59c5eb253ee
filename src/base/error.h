/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/error.h: an error as one value: what went wrong, where, what was found, what was expected, a hint.
 *
 * Convention of the whole project: a function that can fail takes `Error *err` as its last argument and returns 0 or -1
 * (or a pointer or NULL).  On failure it fills *err, frees what it allocated, and leaves its arguments unchanged.
 * `err` is never NULL. The function that detects the failure fills the error; its callers only add context, with
 * error_in().
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>
#include <stdio.h>

/* The kinds that callers distinguish; the values below 10 are vae-lab's exit codes. */
typedef enum {
    ERR_NONE   = 0,
    ERR_RUN    = 1,  /* a run failed or diverged */
    ERR_USAGE  = 2,  /* the command line */
    ERR_SCRIPT = 3,  /* the experiment script */
    ERR_STORE  = 4,  /* the database */
    ERR_FILE   = 5,  /* data or figures */
    ERR_MEMORY = 10, /* an allocation failed */
    ERR_SIGNAL = 11  /* stopped by a signal */
} ErrorKind;

typedef struct Error {
    ErrorKind kind;
    char what[320];     /* what went wrong, one line */
    char where[256];    /* file, line, table, layer … */
    char found[256];    /* what was found */
    char expected[256]; /* what was expected */
    char hint[320];     /* what to do about it */
} Error;

/* No error: `Error err = ERROR_NONE;` */
#define ERROR_NONE {.kind = ERR_NONE}

/* Fills the kind and `what`, and empties the other fields.  Returns -1, so that a failing function ends with `return
 * error_set(…)`. */
int error_set(Error *err, ErrorKind kind, const char *what, ...) __attribute__((format(printf, 3, 4)));

/* Each fills one field and returns -1. */
int error_where(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int error_found(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int error_expected(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int error_hint(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts context before `where`: "in decoder, layer 2".  Returns -1. */
int error_in(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "out of memory for THING".  Returns -1. */
int error_memory(Error *err, const char *thing);

/* Prints the error, one line for each field that is filled; the first line starts with `name`, the program. */
void error_print(FILE *stream, const char *name, const Error *err);

/* [OUT] text[size]: the same lines without `name` and without a trailing newline; always terminated. */
void error_text(char *text, size_t size, const Error *err);

/* The process' exit code for this kind of error. */
int error_exit_code(const Error *err);

#endif
