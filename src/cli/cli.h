/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli.h: what a command is, and how it reads its arguments.
 *
 * A command is a file cli_NAME.c that defines `const CliCommand cli_NAME`, and its name in the list of cli.c.  Data
 * goes to standard output, everything else to standard error.  The exit code follows from the kind of the error.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/error.h"
#include "cli/table.h"
#include "store/store.h"

#include <stddef.h>

/* One option of a command.  Exactly one of flag, text, number, list is set. */
typedef struct CliOption {
    const char *name;  /* "--db"; a short form may follow after a comma: "--out,-o" */
    const char *value; /* what it takes, for the help: "FILE"; NULL: a flag */
    const char *help;  /* lines, without the last newline */
    int *flag;         /* set to 1 */
    const char **text; /* takes a value: --db FILE or --db=FILE */
    long *number;      /* takes a whole number of at least `least`, and at most `most` where that is not 0 */
    long least, most;
    const char **list; /* may be repeated: list[0 … *list_count) */
    size_t *list_count;
    size_t list_max;
} CliOption;

typedef struct CliCommand {
    const char *name;
    const char *arguments;    /* for its usage line: "FILE.lua [--set key=value]…" */
    const char *summary;      /* one line */
    const CliOption *options; /* the last one has no name */
    const char *notes;        /* what its help says after the options */
    int (*run)(int operands, char **operand, Error *err); /* 0, or -1 with *err; the options are read */
} CliCommand;

extern const CliCommand *const cli_commands[];
extern const size_t cli_command_count;

/* Runs the command line; returns the process' exit code. */
int cli_main(int argc, char **argv);

/* The command line as it was given; cli_argv[0]: what the program was called by ("./vae-lab"). */
extern int cli_argc;
extern char *const *cli_argv;

/* Versions of libraries that only main knows ("Lua 5.4.4"); set by it before cli_main. */
extern const char *cli_lua_version;

/* ---- arguments (arguments.c) ---- */

/* Reads options anywhere among word[0 … count), sorts the operands to the front in their order, [OUT] *operands: how
 * many.  "--" ends the options.  An unknown option, a missing or bad value: -1, ERR_USAGE, with the nearest option
 * as the hint. */
int cli_parse(const CliCommand *command, int count, char **word, int *operands, Error *err);

/* The options of several commands: a command lists those that it takes. */
typedef struct CliShared {
    const char *db, *data_dir;
    int json, csv;
} CliShared;
extern CliShared cli_shared;
#define CLI_OPTION_DB                                          \
    {.name = "--db", .value = "FILE", .text = &cli_shared.db, \
     .help = "the database (VAE_LAB_DB; default: results/results.db)"}
#define CLI_OPTION_DATA_DIR \
    {.name = "--data-dir", .value = "DIR", .text = &cli_shared.data_dir, \
     .help = "the folder of the data files (VAE_LAB_DATA; default: data)"}
#define CLI_OPTION_JSON(text) {.name = "--json", .flag = &cli_shared.json, .help = text}
#define CLI_OPTION_CSV {.name = "--csv", .flag = &cli_shared.csv, .help = "the same as CSV"}

/* The path of the database: --db, else VAE_LAB_DB, else results/results.db. */
const char *cli_database(void);

/* Opens it for reading. */
Store *cli_open(Error *err);

/* What --json and --csv ask for. */
CliFormat cli_format(void);

/* Refuses other numbers of operands than least … most; `what` names them: "one run's number". */
int cli_operands(int operands, char **operand, int least, int most, const char *what, Error *err);

/* A run's number from its text: "12" or "#12".  -1 with ERR_USAGE. */
int cli_run_number(const char *text, long long *run, Error *err);

#endif
