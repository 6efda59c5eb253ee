/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/terminal.h: how large a terminal is.
 */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

/* [OUT] columns and rows of the terminal on a descriptor; 80 and 24 where they are unknown.  Returns -1 where there is no terminal. */
int terminal_size(int fd, int *columns, int *rows);

/* Its columns; the environment's COLUMNS overrides them.  0: there is no terminal. */
int terminal_columns(int fd);

#endif
