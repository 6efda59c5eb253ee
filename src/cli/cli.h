/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli.h: the commands, and how each reads its arguments.
 *
 * A command is a file cli_NAME.c with one function and one row in the table of cli.c.  Data goes to standard output,
 * everything else to standard error.  A command returns 0, or -1 with *err; the exit code follows from err->kind.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/error.h"

#include <stddef.h>

typedef struct CliCommand {
    const char *name;
    const char *arguments;                         /* "FILE.lua [--set key=value]…" */
    const char *summary;                           /* one line */
    const char *help;                              /* the options and an example, for `vae-lab NAME --help` */
    int (*run)(int argc, char **argv, Error *err); /* argv[0] is the command's name */
} CliCommand;

extern const CliCommand cli_commands[];
extern const size_t cli_command_count;

/* What the program was called by ("./vae-lab"): a command that is printed for a shell begins with it. */
extern const char *cli_program;

/* Runs the command line; returns the process' exit code. */
int cli_main(int argc, char **argv);

/* One option of a command.  Exactly one of flag, text, number, list is set. */
typedef struct CliOption {
    const char *name;  /* "--db"; a short form may follow after a comma: "--out,-o" */
    int *flag;         /* set to 1 */
    const char **text; /* takes a value: --db FILE or --db=FILE */
    long *number;      /* takes a whole number of at least `least`, and at most `most` where that is not 0 */
    long least, most;
    const char **list; /* may be repeated: list[0 … *list_count) */
    size_t *list_count;
    size_t list_max;
} CliOption;

/* Reads options anywhere among argv[1 … argc), puts the operands first in argv[1 … *operands], and their number into *operands.
 * "--" ends the options.  An unknown option, a missing or bad value: -1, ERR_USAGE, with the nearest option as the hint. */
int cli_parse(int argc, char **argv, const CliOption *options, size_t count, int *operands, Error *err);

/* --db, else VAE_LAB_DB, else results/results.db. */
const char *cli_database(const char *flag);

/* A run's number from its text: "12" or "#12".  -1 with ERR_USAGE. */
int cli_run_number(const char *text, long long *run, Error *err);

/* ---- tables (cli_table.c): rows of text to standard output, aligned for people, or JSON, or CSV ---- */
typedef enum { CLI_TEXT, CLI_JSON, CLI_CSV } CliFormat;
typedef struct CliTable CliTable;
CliTable *cli_table_alloc(const char *const *columns, size_t count);
/* One cell of the current row, left to right; a row ends by itself.  cli_table_null: "-", empty in CSV, null in JSON.  Texts are
 * copied; all of these take NULL for t (no memory: cli_table_print says so). */
void cli_table_text(CliTable *t, const char *value);
void cli_table_number(CliTable *t, double value, int decimals); /* CLI_SHORTEST, CLI_DIGITS; JSON and CSV always full */
enum { CLI_SHORTEST = -1, CLI_DIGITS = -2 /* six significant digits */ };
void cli_table_integer(CliTable *t, long long value);
void cli_table_null(CliTable *t);
/* Prints and frees it.  A table wider than the terminal drops its last columns to fit, and says so on standard error; piped
 * output is never cut. */
int cli_table_print(CliTable *t, CliFormat format, Error *err);

void cli_table_free(CliTable *t);

/* Rows so far. */
size_t cli_table_rows(const CliTable *t);

/* The format that two flags ask for; both: -1, ERR_USAGE. */
int cli_format(int json, int csv, CliFormat *format, Error *err);

/* Columns of the terminal on standard output (COLUMNS beats the terminal's own word); 0: not a terminal. */
int cli_width(void);

/* Whether standard output may be coloured: a terminal, no NO_COLOR, not a dumb one. */
int cli_colour(void);

#endif
