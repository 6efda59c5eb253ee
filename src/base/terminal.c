/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/terminal.c: the size of a terminal; texts that must not steer it.
 */
#include "base/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int terminal_size(int fd, int *columns, int *rows)
{
    struct winsize size;
    int known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *columns = known ? size.ws_col : 80;
    *rows = known ? size.ws_row : 24;
    return isatty(fd) ? 0 : -1;
}

int terminal_columns(int fd)
{
    const char *set = getenv("COLUMNS");
    int columns = 0, rows;
    if (terminal_size(fd, &columns, &rows) != 0)
        return 0;
    return set != NULL && atoi(set) > 0 ? atoi(set) : columns;
}

void terminal_print(FILE *stream, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        int wide = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0; /* U+0080 to U+009F in UTF-8 */
        c += wide;
        if (wide || (*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f)
            fprintf(stream, "\\x%02x", *c);
        else
            putc(*c, stream);
    }
}
