/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/import_names.c: which array of a file is which of ours.
 */
#include "base/mem.h"
#include "lab/import.h"

#include <string.h>

enum { WORDS = 4, WORD_SIZE = 256 };

static int bad_line(const char *line, const char *what, Error *err)
{
    error_set(err, ERR_USAGE, "%s", what);
    error_found(err, "%.200s", line);
    return error_expected(err,
                          "OURS = THEIRS, or OURS = THEIRS transpose, or OURS = THEIRS keep; - = THEIRS leaves it out");
}

/* Splits at blanks and at "="; -1 where there are too many words or too long ones. */
static int split(const char *line, char word[WORDS][WORD_SIZE], size_t *count)
{
    static const char blanks[] = " \t\r";
    for (*count = 0; *(line += strspn(line, blanks)) != '\0'; ++*count) {
        size_t n = *line == '=' ? 1 : strcspn(line, " \t\r=");
        if (*count == WORDS || n >= WORD_SIZE)
            return -1;
        memcpy(word[*count], line, n);
        word[*count][n] = '\0';
        line += n;
    }
    return 0;
}

static const LabArrayName *find(const LabArrayNames *names, const char *ours)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->row[i].ours, ours) == 0)
            return &names->row[i];
    return NULL;
}

int lab_array_names_add(LabArrayNames *names, const char *line, Error *err)
{
    char word[WORDS][WORD_SIZE];
    size_t count, n = names->count;
    if (split(line, word, &count) != 0 || count < 3 || strcmp(word[1], "=") != 0 || strcmp(word[0], "=") == 0 ||
        strcmp(word[2], "=") == 0)
        return bad_line(line, "this maps no array's name", err);
    int transpose = count == 4 && strcmp(word[3], "transpose") == 0;
    if (count == 4 && !transpose && strcmp(word[3], "keep") != 0)
        return bad_line(line, "unknown word after an array's name", err);
    if (strcmp(word[0], "-") != 0 && find(names, word[0]) != NULL)
        return bad_line(line, "an array is mapped twice", err);
    LabArrayName *grown = mem_grow(names->row, n * sizeof *grown, (n + 1) * sizeof *grown);
    if (grown == NULL)
        return error_memory(err, "a map of names");
    names->row = grown;
    LabArrayName *row = &grown[n];
    row->ours = mem_string(word[0]);
    row->theirs = mem_string(word[2]);
    row->orientation = transpose ? LAB_TRANSPOSE : count == 4 ? LAB_KEEP : LAB_EITHER;
    names->count++;
    return row->ours == NULL || row->theirs == NULL ? error_memory(err, "a map of names") : 0;
}

int lab_array_names_read(LabArrayNames *names, const char *text, Error *err)
{
    char line[WORDS * WORD_SIZE];
    for (int number = 1; *text != '\0'; number++) {
        size_t n = strcspn(text, "\n");
        if (n >= sizeof line) {
            error_set(err, ERR_USAGE, "a line of a map of names is too long");
            return error_where(err, "line %d", number);
        }
        memcpy(line, text, n);
        line[n] = '\0';
        text += n + (text[n] == '\n');
        size_t blank = strspn(line, " \t\r");
        if (line[blank] != '\0' && line[blank] != '#' && lab_array_names_add(names, line, err) != 0)
            return error_in(err, "line %d", number);
    }
    return 0;
}

void lab_array_names_free(LabArrayNames *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mem_free(names->row[i].ours);
        mem_free(names->row[i].theirs);
    }
    mem_free(names->row);
    *names = (LabArrayNames){0};
}
