/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/terminal.c: the size of a terminal.
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
