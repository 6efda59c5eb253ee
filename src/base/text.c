/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/text.c: the growing string and the nearest name.
 */
#include "base/text.h"

#include "base/mem.h"

#include <fenv.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(Text *t, size_t more)
{
    if (t->failed)
        return -1;
    size_t need = t->length + more + 1;
    if (need <= t->capacity)
        return 0;
    size_t capacity = t->capacity * 2 > need ? t->capacity * 2 : need + 64;
    char *data = mem_grow(t->data, t->length, capacity);
    if (data == NULL) {
        t->failed = 1;
        return -1;
    }
    t->data = data;
    t->capacity = capacity;
    return 0;
}

void text_add_bytes(Text *t, const void *bytes, size_t length)
{
    if (reserve(t, length) != 0)
        return;
    if (length > 0)
        memcpy(t->data + t->length, bytes, length);
    t->length += length;
    t->data[t->length] = '\0';
}

void text_add(Text *t, const char *string)
{
    text_add_bytes(t, string, strlen(string));
}

void text_addf(Text *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (length < 0 || reserve(t, (size_t)length) != 0)
        return;
    va_start(list, format);
    vsnprintf(t->data + t->length, (size_t)length + 1, format, list);
    va_end(list);
    t->length += (size_t)length;
}

void text_add_quoted(Text *t, const char *string)
{
    text_add(t, "'");
    for (const char *c = string; *c != '\0'; c++)
        text_add_bytes(t, *c == '\'' ? "'\\''" : c, *c == '\'' ? 4 : 1);
    text_add(t, "'");
}

void text_add_shell(Text *t, const char *string)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./,:@%";
    if (string[0] != '\0' && string[strspn(string, plain)] == '\0')
        text_add(t, string);
    else
        text_add_quoted(t, string);
}

void text_add_json(Text *t, const char *string)
{
    text_add(t, "\"");
    for (const unsigned char *c = (const unsigned char *)string; *c != '\0'; c++) {
        switch (*c) {
        case '"': text_add(t, "\\\""); break;
        case '\\': text_add(t, "\\\\"); break;
        case '\n': text_add(t, "\\n"); break;
        case '\r': text_add(t, "\\r"); break;
        case '\t': text_add(t, "\\t"); break;
        default:
            if (*c < 0x20)
                text_addf(t, "\\u%04x", *c);
            else
                text_add_bytes(t, c, 1);
        }
    }
    text_add(t, "\"");
}

/* Whether a decimal text is read as exactly this double; by its bytes, because `==` takes denormals for 0 on a
 * processor that was set so. */
static int reads_as(const char *digits, double value)
{
    double read = strtod(digits, NULL);
    return memcmp(&read, &value, sizeof read) == 0;
}

double text_read_number(const char *text, char **end)
{
    int rounding = fegetround();
    if (rounding != FE_TONEAREST)
        fesetround(FE_TONEAREST);
    double value = strtod(text, end);
    if (rounding != FE_TONEAREST)
        fesetround(rounding);
    return value;
}

/* The C library rounds decimal text as this thread rounds, and a foreign library may have changed that. */
void text_add_number(Text *t, double value)
{
    int rounding = fegetround();
    if (rounding != FE_TONEAREST)
        fesetround(FE_TONEAREST);
    if (isnan(value)) {
        text_add(t, "nan");
    } else if (isinf(value)) {
        text_add(t, value < 0 ? "-inf" : "inf");
    } else {
        char digits[40];
        for (int precision = 1; precision <= 17; precision++) {
            snprintf(digits, sizeof digits, "%.*g", precision, value);
            if (reads_as(digits, value))
                break;
        }
        text_add(t, digits);
    }
    if (rounding != FE_TONEAREST)
        fesetround(rounding);
}

const char *text_string(const Text *t)
{
    return t->data == NULL ? "" : t->data;
}

void text_free(Text *t)
{
    mem_free(t->data);
    memset(t, 0, sizeof *t);
}

enum { WORD_MAX = 64 }; /* words of this length and more have no near name */

/* The least number of edits (insert, delete, replace, exchange two neighbours) that turn a into b; WORD_MAX when one is
 * that long or longer. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    size_t row[3][WORD_MAX]; /* the last three rows of the table, by i % 3 */
    if (la >= WORD_MAX || lb >= WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            now[j] = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < now[j])
                now[j] = before[j] + 1;
            if (now[j - 1] + 1 < now[j])
                now[j] = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && earlier[j - 2] + 1 < now[j])
                now[j] = earlier[j - 2] + 1;
        }
    }
    return row[la % 3][lb];
}

const char *text_nearest(const char *word, const char *const *names, size_t count)
{
    size_t length = strlen(word), limit = length / 3 > 1 ? length / 3 : 1, least = limit + 1;
    const char *nearest = NULL;
    if (length >= WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count && least > 0; i++) {
        size_t other = strlen(names[i]);
        if ((other > length ? other - length : length - other) >= least)
            continue; /* no distance is smaller than the difference of the lengths */
        size_t distance = edit_distance(word, names[i]);
        if (distance < least) {
            nearest = names[i];
            least = distance;
        }
    }
    return nearest;
}

int error_suggest(Error *err, const char *word, const char *const *names, size_t count)
{
    const char *near = text_nearest(word, names, count);
    return near == NULL ? -1 : error_hint(err, "did you mean \"%s\"?", near);
}

int error_unknown(Error *err, const char *word, const char *const *names, size_t count)
{
    Text list = {0};
    for (size_t i = 0; i < count; i++)
        text_addf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
    error_found(err, "%.120s", word);
    error_expected(err, "%s", text_string(&list));
    text_free(&list);
    return error_suggest(err, word, names, count);
}

void text_duration(char *text, size_t size, double seconds)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}
