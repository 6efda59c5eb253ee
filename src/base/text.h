/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/text.h: a growing string, numbers and JSON strings as text, and the nearest name to a misspelt one.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* A growing string.  `Text t = {0};` is empty.  After a failed allocation `failed` is set and nothing more is added:
 * build the whole text, then check `failed` once. */
typedef struct Text {
    char *data; /* terminated; NULL while empty */
    size_t length;
    size_t capacity;
    int failed;
} Text;

void text_add(Text *t, const char *string);
void text_add_bytes(Text *t, const void *bytes, size_t length);
void text_addf(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds `string` as a JSON string with its quotes. */
void text_add_json(Text *t, const char *string);

/* Adds `string` as one word of a shell's command line, in single quotes where it needs them; _quoted: always. */
void text_add_shell(Text *t, const char *string);
void text_add_quoted(Text *t, const char *string);

/* Adds the shortest decimal that strtod reads back to the same double; "inf", "-inf" or "nan" for other values. */
void text_add_number(Text *t, double value);

/* The double nearest to a decimal text, as strtod reads it, however this thread rounds. */
double text_read_number(const char *text, char **end);

/* The text, "" when empty; valid until the next change. */
const char *text_string(const Text *t);

void text_free(Text *t);

/* The entry of names[count] nearest to `word` by edit distance, or NULL when none is within a third of its length
 * (at least 1), or the word is longer than 63 letters. */
const char *text_nearest(const char *word, const char *const *names, size_t count);

/* Fills the hint `did you mean "NAME"?` when one of the names is near.  Returns -1. */
int error_suggest(Error *err, const char *word, const char *const *names, size_t count);

/* The same, and fills `found` with the word and `expected` with the names: "sgd, adam or adamw".  Returns -1. */
int error_unknown(Error *err, const char *word, const char *const *names, size_t count);

/* [OUT] text[size]: seconds as "0:12", "12:05" or "1:02:03". */
void text_duration(char *text, size_t size, double seconds);

#endif
