/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/terminal.h: the size of a terminal; texts that must not steer it.
 */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

#include <stdio.h>

/* [OUT] the columns and rows of the terminal on a descriptor; 80 and 24 when unknown.  -1: it is not a terminal. */
int terminal_size(int fd, int *columns, int *rows);

/* The columns of the terminal, or of the environment variable COLUMNS; 0: it is not a terminal. */
int terminal_columns(int fd);

/* Prints a text of unknown origin: control characters, except tab and newline, as "\x1b". */
void terminal_print(FILE *stream, const char *text);

#endif
