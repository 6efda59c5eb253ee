/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_nearest.c: the nearest name, compared with the definition of the edit distance.  Words of 64 letters
 * and more have none.  The input is a word and names, one a line.
 *
 * libFuzzer: -max_len=200
 */
#include "fuzz/fuzz.h"

#include "base/text.h"

enum { NAMES_MAX = 12, LENGTH_MAX = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The definition, with a whole table: edits are insert, delete, replace, and exchange of two neighbours. */
static size_t distance(const char *a, const char *b)
{
    static size_t d[LENGTH_MAX + 1][LENGTH_MAX + 1];
    size_t la = strlen(a), lb = strlen(b);
    if (la >= LENGTH_MAX || lb >= LENGTH_MAX)
        return LENGTH_MAX;
    for (size_t i = 0; i <= la; i++)
        for (size_t j = 0; j <= lb; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[la][lb];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    char *text = fuzz_string(data, size), *rest = NULL;
    const char *word = strtok_r(text, "\n", &rest);
    while (word != NULL && count < NAMES_MAX && (names[count] = strtok_r(NULL, "\n", &rest)) != NULL)
        count++;
    if (word != NULL) {
        const char *nearest = text_nearest(word, names, count);
        size_t limit = strlen(word) / 3 > 1 ? strlen(word) / 3 : 1, best = LENGTH_MAX;
        for (size_t i = 0; i < count; i++)
            best = least(best, distance(word, names[i]));
        FUZZ_CHECK((nearest != NULL) == (best < LENGTH_MAX && best <= limit));
        FUZZ_CHECK(nearest == NULL || distance(word, nearest) == best);
        Error err = ERROR_NONE;
        error_set(&err, ERR_USAGE, "unknown");
        FUZZ_CHECK(error_unknown(&err, word, names, count) == -1);
        fuzz_check_error(&err);
    }
    free(text);
    return 0;
}
