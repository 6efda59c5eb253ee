/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/error.c: fills and prints error values.  It allocates nothing, because memory may be what is missing.
 */
#include "base/error.h"

#include "base/terminal.h"

#include <stdarg.h>
#include <string.h>

#define FILL(field)                                       \
    do {                                                  \
        va_list list;                                     \
        va_start(list, format);                           \
        vsnprintf(field, sizeof field, format, list);     \
        va_end(list);                                     \
    } while (0)

int error_set(Error *err, ErrorKind kind, const char *format, ...)
{
    memset(err, 0, sizeof *err);
    err->kind = kind;
    FILL(err->what);
    return -1;
}

int error_where(Error *err, const char *format, ...)
{
    FILL(err->where);
    return -1;
}

int error_found(Error *err, const char *format, ...)
{
    FILL(err->found);
    return -1;
}

int error_expected(Error *err, const char *format, ...)
{
    FILL(err->expected);
    return -1;
}

int error_hint(Error *err, const char *format, ...)
{
    FILL(err->hint);
    return -1;
}

int error_in(Error *err, const char *format, ...)
{
    char inner[sizeof err->where];
    memcpy(inner, err->where, sizeof inner);
    FILL(err->where);
    if (inner[0] != '\0') {
        size_t used = strlen(err->where);
        snprintf(err->where + used, sizeof err->where - used, ", %s", inner);
    }
    return -1;
}

int error_memory(Error *err, const char *thing)
{
    error_set(err, ERR_MEMORY, "out of memory for %s", thing);
    return error_hint(err, "free some memory, or use a smaller batch or network");
}

void error_text(char *text, size_t size, const Error *err)
{
    static const struct {
        const char *label;
        size_t offset;
    } field[] = {
        {"where", offsetof(Error, where)},
        {"found", offsetof(Error, found)},
        {"expected", offsetof(Error, expected)},
        {"hint", offsetof(Error, hint)},
    };
    size_t used = (size_t)snprintf(text, size, "%s", err->what);
    for (size_t i = 0; i < sizeof field / sizeof field[0] && used < size; i++) {
        const char *value = (const char *)err + field[i].offset;
        if (value[0] != '\0')
            used += (size_t)snprintf(text + used, size - used, "\n  %-9s %s", field[i].label, value);
    }
}

void error_print(FILE *stream, const char *name, const Error *err)
{
    char text[sizeof(Error) + 64];
    error_text(text, sizeof text, err);
    fprintf(stream, "%s: ", name);
    terminal_print(stream, text);
    putc('\n', stream);
}

int error_exit_code(const Error *err)
{
    return err->kind < 10 ? (int)err->kind : ERR_RUN;
}
